package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"golang.org/x/term"

	"fp4tui/exec"
	"fp4tui/inspect"
)

// watched is standard output that remembers the first write that failed: printing goes on
// without checks, and the exit code tells that output is lost.
type watched struct {
	io.Writer
	err error
}

func (w *watched) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	if w.err == nil {
		w.err = err
	}
	return n, err
}

// watch replaces standard output by a watched one. A terminal stays as it is: who edits
// lines or draws needs the file.
func (s *streams) watch() *watched {
	w := &watched{Writer: s.out}
	if f, ok := s.out.(*os.File); !ok || !term.IsTerminal(int(f.Fd())) {
		s.out = w
	}
	return w
}

// code is the exit code of a run whose output went here: a result that nobody got is no
// success. A reader that went away, as head does, knows it and is not told.
func (w *watched) code(code int, stderr io.Writer) int {
	if w.err == nil || code == exec.ExitUsage || code == exec.ExitInterrupted {
		return code
	}
	if !errors.Is(w.err, syscall.EPIPE) {
		fmt.Fprintf(stderr, "fp4tui: output is lost: %s\n", inspect.Printable(w.err.Error()))
	}
	return exec.ExitEnvironment
}
