package exec

import (
	"context"
	"errors"
)

// The outcomes that decide an exit code. A malformed file, a missing tensor and the
// like wrap the sentinels of package inspect.
var (
	ErrCheckFailed = errors.New("check failed")            // exit 1; comes with a Check
	ErrUsage       = errors.New("usage")                   // exit 2: nothing ran
	ErrQuit        = errors.New("quit")                    // the session ends
	ErrNotReady    = errors.New("backend cannot run")      // exit 3
	ErrShape       = errors.New("shapes do not fit")       // exit 3
	ErrForbidden   = errors.New("path outside the inputs") // exit 3
)

// Handle is a name of the session as completion and the Start screen show it.
type Handle struct {
	Name string `json:"name"`
	Kind string `json:"kind"` // "checkpoint", "layer", "tensor", "quantized", "product", "diff", "number"
	Text string `json:"text"` // "nvfp4 1536×384"
}

// Candidate is one completion: Text replaces the word that starts at From.
type Candidate struct {
	From int
	Text string
	Doc  string
}

// Engine is what the front ends (terminal, line REPL, replay) see of a session.
type Engine interface {
	// Run parses, executes and records one command line.
	Run(ctx context.Context, line string, progress func(done, total int64)) Cell
	// Peek executes a command that changes nothing (info, stat, hist, codes, map, top,
	// where, bytes, ls, lint, help) without recording it. It may run beside Run.
	Peek(ctx context.Context, line string) (Result, error)
	Complete(line string, cursor int) []Candidate
	Handles() []Handle
	Log() []Cell
	Unsaved() int
}
