package exec

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// schemaVersion is the v of every JSON line; docs/result.schema.json describes it.
const schemaVersion = 1

// Line is one command as --json writes it: one object a line.
type Line struct {
	V       int      `json:"v"`
	Cmd     string   `json:"cmd"`
	Kind    string   `json:"kind,omitempty"` // absent when there is no result
	OK      bool     `json:"ok"`
	Elapsed *float64 `json:"elapsed_ms,omitempty"`
	Result  Result   `json:"result,omitempty"`
	Error   *Failure `json:"error,omitempty"`
}

// Failure is why a command failed.
type Failure struct {
	Code    string `json:"code"` // a name of the outcome table: "malformed", "usage", "check"
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// JSON is the cell as one line without its line end. Stable leaves out the time.
func (c Cell) JSON(stable bool) ([]byte, error) {
	l := Line{V: schemaVersion, Cmd: inspect.Printable(c.Command), OK: c.Err == nil, Result: c.Result}
	if c.Result != nil {
		l.Kind = c.Result.Kind()
	}
	if ms := float64(c.Elapsed.Microseconds()) / 1000; !stable {
		l.Elapsed = &ms
	}
	if c.Err != nil {
		l.Error = &Failure{Code: outcomeOf(c.Err).name, Message: inspect.Printable(c.Err.Error()), Hint: HintOf(c.Err)}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(l); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// HintOf is the cure that an error knows; empty when none.
func HintOf(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return inspect.Printable(h.Hint())
	}
	return ""
}

// Exit codes of the command line.
const (
	ExitOK          = 0
	ExitCheck       = 1   // a check failed
	ExitUsage       = 2   // usage, parse or name error: nothing ran
	ExitEnvironment = 3   // file, memory, backend
	ExitNothing     = 4   // nothing was checked
	ExitInterrupted = 130 // Ctrl-C
)

// outcome is one row of the table of ways to fail.
type outcome struct {
	err  error
	name string // code in JSON
	exit int
}

// outcomes are tried in order; the first that an error is decides.
var outcomes = []outcome{
	{ErrCheckFailed, "check", ExitCheck},
	{context.Canceled, "cancelled", ExitInterrupted},
	{context.DeadlineExceeded, "timeout", ExitEnvironment},
	{ErrUsage, "usage", ExitUsage},
	{layer.ErrNoLayer, "missing", ExitEnvironment},
	{layer.ErrAmbiguous, "missing", ExitEnvironment},
	{ErrNested, "usage", ExitUsage},
	{ErrNotReady, "not-ready", ExitEnvironment},
	{ErrShape, "shape", ExitEnvironment},
	{ErrForbidden, "forbidden", ExitEnvironment},
	{inspect.ErrMalformed, "malformed", ExitEnvironment},
	{inspect.ErrMissing, "missing", ExitEnvironment},
	{inspect.ErrUnreadable, "unreadable", ExitEnvironment},
	{inspect.ErrUnsupported, "unsupported", ExitEnvironment},
	{inspect.ErrMismatch, "mismatch", ExitEnvironment},
	{fp4.ErrShape, "shape", ExitEnvironment},
	{fp4.ErrRecipe, "unsupported", ExitEnvironment},
	{fp4.ErrGlobal, "unsupported", ExitEnvironment},
}

func outcomeOf(err error) outcome {
	for _, o := range outcomes {
		if errors.Is(err, o.err) {
			return o
		}
	}
	return outcome{err, "environment", ExitEnvironment}
}

// ExitCode is the exit code that an error stands for; ExitOK for nil.
func ExitCode(err error) int {
	if err == nil {
		return ExitOK
	}
	return outcomeOf(err).exit
}
