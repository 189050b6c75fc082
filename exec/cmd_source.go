package exec

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"fp4tui/exec/language"
	"fp4tui/exec/notebook"
	"fp4tui/inspect"
)

// SourceCmd runs the commands of a file in this session.
type SourceCmd struct {
	Path language.Path `arg:"PATH" doc:"a notebook (.fp4.md) or a plain list of commands (.fp4)"`
}

var sourceSpec = language.Spec{
	Verb: "source", Group: "session", Unseen: true,
	Summary:  "run the commands of a notebook or a .fp4 file in this session",
	Detail:   "All of it is parsed and name-checked first; it stops at the first command that fails. Stored outputs are not compared: that is fp4tui replay.",
	Examples: []string{"source setup.fp4"},
	New:      func() any { return new(SourceCmd) },
}

// maxSource bounds the size of a file of commands.
const maxSource = notebook.MaxFile

// ErrNested stops a file that sources itself.
var ErrNested = errors.New("source inside a sourced file")

func (cmd *SourceCmd) run(c *call) (Result, error) {
	if c.sourced {
		return nil, fmt.Errorf("%w: %s", ErrNested, cmd.Path)
	}
	path, err := c.s.readPath(string(cmd.Path))
	if err != nil {
		return nil, err
	}
	sources, inputs, err := commandsOf(named{path: string(cmd.Path), opened: path})
	if err != nil {
		return nil, err
	}
	program, errs := c.s.Check(sources)
	if len(errs) > 0 {
		return nil, errs[0]
	}
	c.s.change(func(st *state) {
		st.inputs = append(slices.Clip(st.inputs), notebook.Access{Dir: filepath.Dir(path), Inputs: inputs})
	})
	r := Sourced{Path: inspect.Printable(filepath.ToSlash(string(cmd.Path))), Cells: []Cell{}}
	for _, line := range program.Lines {
		cell := c.s.execute(c.ctx, line, c.progress, true)
		r.Cells = append(r.Cells, cell)
		r.Ran++
		if cell.Err != nil {
			r.Failed++
			return r, fmt.Errorf("%s: %w", cell.Command, cell.Err)
		}
	}
	return r, nil
}

// ReadText reads a notebook or a file of commands, bounded by notebook.MaxFile. The error is an *inspect.Fault.
func ReadText(path string) ([]byte, error) {
	info, err := os.Stat(path)
	fault := &inspect.Fault{Class: inspect.ErrUnreadable, File: path, Offset: -1, What: "cannot read commands"}
	switch {
	case errors.Is(err, os.ErrNotExist):
		fault.Class, fault.Why = inspect.ErrMissing, "no such file"
		return nil, fault
	case err != nil:
		fault.Why = err.Error()
		return nil, fault
	case !info.Mode().IsRegular():
		fault.Why = "not a regular file"
		return nil, fault
	case info.Size() > maxSource:
		fault.Why = fmt.Sprintf("%d bytes; at most %d", info.Size(), maxSource)
		return nil, fault
	}
	f, err := os.Open(path)
	if err != nil {
		fault.Why = err.Error()
		return nil, fault
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxSource))
	if err != nil {
		fault.Why = err.Error()
		return nil, fault
	}
	return text, nil
}
