package exec

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"fp4tui/exec/notebook"
	"fp4tui/inspect"
	"fp4tui/inspect/checkpoint"
)

// Journal keeps what a session records while it happens: package journal has one. Its
// failures are its own; they never fail a command.
type Journal interface {
	// Add takes a recorded command, its canonical output and the files that it read.
	Add(command, output string, reads []notebook.Input)
	Undo()  // the last command was taken back
	Saved() // everything so far is in a notebook
}

// keep tells the journal what a command left behind.
func (s *Session) keep(e entry, c *call) {
	switch {
	case s.opt.Journal == nil:
	case c.undone:
		s.opt.Journal.Undo()
	case c.saved:
		s.opt.Journal.Saved()
	case e.recorded:
		s.opt.Journal.Add(e.cell.Command, strings.Join(s.opt.text(e.cell.Result), "\n"), s.inputsOf(e.cell))
	}
}

// inputsOf names the files that a recorded command read, by the path that was typed and
// with their place. They are not hashed.
func (s *Session) inputsOf(cell Cell) []notebook.Input {
	var out []notebook.Input
	for _, part := range withSourced([]Cell{cell}) {
		typed := s.reads(part.Command)
		if typed == "" || strings.HasPrefix(typed, tourScheme) {
			continue
		}
		path, err := s.readPath(typed)
		if err != nil {
			continue
		}
		if _, err := os.Stat(path); err == nil {
			if path, err = filepath.Abs(path); err != nil {
				continue
			}
		}
		out = append(out, notebook.Input{Name: typed, Path: filepath.ToSlash(path)})
	}
	return out
}

// Adopt lets load find files by the names that a notebook in dir gives them.
func (s *Session) Adopt(dir string, inputs []notebook.Input) {
	s.change(func(st *state) {
		st.inputs = append(slices.Clip(st.inputs), notebook.Access{Dir: dir, Inputs: inputs})
	})
}

// InputsFor names the files that commands read as the front matter of a notebook at path
// does: relative to it and hashed.
func (s *Session) InputsFor(ctx context.Context, path string, commands []string) ([]notebook.Input, error) {
	b := notebook.New("")
	c := &call{ctx: ctx, s: s}
	cells := make([]Cell, len(commands))
	for i, line := range commands {
		cells[i] = Cell{Command: line}
	}
	if err := c.addInputs(b, cells, path); err != nil {
		return nil, err
	}
	return b.Inputs(), nil
}

// SaveNotebook replaces a notebook by an edited one. Was is the text that was edited: when
// the file has another one by now, somebody else changed it and it stays.
func (s *Session) SaveNotebook(name string, was, now []byte) error {
	path, err := s.writePath(name)
	if err != nil {
		return err
	}
	have, err := os.ReadFile(path)
	switch {
	case err != nil && !os.IsNotExist(err):
		return err
	case err == nil && !bytes.Equal(have, was):
		return &inspect.Fault{Class: inspect.ErrUnsupported, File: name, Offset: -1, What: "the file changed since it was opened",
			Cure: "save under another name with : export session NAME.fp4.md, or open it again"}
	}
	if _, errs := notebook.Parse(name, now); len(errs) > 0 {
		return fmt.Errorf("the notebook would not open again: %w", errs[0])
	}
	if err := checkpoint.WriteFile(path, func(w io.Writer) error {
		_, err := w.Write(now)
		return err
	}); err != nil {
		return err
	}
	s.remembersWriting(path)
	s.Baseline()
	return nil
}
