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

// inputsFor names the files that a notebook at path reads and that its front matter does
// not name: relative to it and hashed. A file that is not there is left out.
func (s *Session) inputsFor(ctx context.Context, path string, doc *notebook.Document) []notebook.Input {
	known := map[string]bool{}
	for _, in := range doc.Front.Inputs {
		known[in.Name], known[in.Path] = true, true
	}
	b := notebook.New("")
	c := &call{ctx: ctx, s: s}
	for _, cell := range doc.Cells {
		for _, source := range doc.Commands(cell) {
			if typed := s.reads(source.Text); typed == "" || known[typed] {
				continue
			}
			_ = c.addInputs(b, []Cell{{Command: source.Text}}, path) // a replay says what is missing
		}
	}
	return b.Inputs()
}

// ReadNotebook reads a notebook by the path that was typed.
func (s *Session) ReadNotebook(name string) ([]byte, error) {
	path, err := s.readPath(name)
	if err != nil {
		return nil, err
	}
	return ReadText(path)
}

// SaveNotebook replaces a notebook by an edited one. Was is the text that was edited: when
// the file has another one by now, somebody else changed it and it stays. Files that its
// commands read are added to its front matter; the text that was written comes back.
func (s *Session) SaveNotebook(ctx context.Context, name string, was, now []byte) ([]byte, error) {
	path, err := s.writePath(name)
	if err != nil {
		return nil, err
	}
	if was == nil && !strings.HasSuffix(strings.ToLower(name), ".fp4.md") {
		return nil, fmt.Errorf("%w: %s: want a name that ends in .fp4.md", ErrUsage, inspect.Printable(name))
	}
	have, err := os.ReadFile(path)
	switch {
	case err != nil && !os.IsNotExist(err):
		return nil, err
	case err == nil && !bytes.Equal(have, was):
		return nil, &inspect.Fault{Class: inspect.ErrUnsupported, File: name, Offset: -1, What: "the file changed since it was opened",
			Cure: "save under another name with : export session NAME.fp4.md, or open it again"}
	}
	doc, errs := notebook.Parse(name, now)
	if len(errs) > 0 {
		return nil, fmt.Errorf("the notebook would not open again: %w", errs[0])
	}
	if now, err = doc.AddInputs(s.inputsFor(ctx, path, doc)); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := checkpoint.WriteFile(path, func(w io.Writer) error {
		_, err := w.Write(now)
		return err
	}); err != nil {
		return nil, err
	}
	s.remembersWriting(path)
	s.Baseline()
	return now, nil
}
