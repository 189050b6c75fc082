package exec

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"fp4tui/exec/language"
	"fp4tui/exec/notebook"
	"fp4tui/inspect"
	"fp4tui/inspect/checkpoint"
)

// CommandsOf reads the commands of a notebook or of a .fp4 file, in order, and the inputs
// that its front matter names.
func CommandsOf(path string) ([]language.Source, []notebook.Input, error) {
	return commandsOf(named{path: path, opened: path})
}

func commandsOf(file named) ([]language.Source, []notebook.Input, error) {
	text, err := ReadText(file.opened)
	if err != nil {
		return nil, nil, file.renamed(err)
	}
	doc, errs := notebook.Parse(filepath.ToSlash(file.path), text)
	if len(errs) > 0 {
		return nil, nil, errs[0]
	}
	var out []language.Source
	for _, cell := range doc.Cells {
		out = append(out, doc.Commands(cell)...)
	}
	return out, doc.Front.Inputs, nil
}

// exportSession writes the recorded commands and their outputs as a notebook that
// replays. Files are named by the path that was typed; the front matter says where
// they are from the notebook, and what they were.
func (c *call) exportSession(name, path string, replace bool) (Result, error) {
	if !strings.HasSuffix(strings.ToLower(path), ".fp4.md") {
		return nil, fmt.Errorf("%w: export session %s: want a name that ends in .fp4.md or .html", ErrUsage, name)
	}
	if _, err := os.Lstat(path); err == nil && !replace && !c.s.wrote(path) {
		return nil, &inspect.Fault{Class: inspect.ErrUnsupported, File: name, Offset: -1, What: "the file exists and this session did not write it",
			Cure: "choose another name, or add replace=yes to overwrite it"}
	}
	cells := c.s.Recorded()
	b := notebook.New(strings.TrimSuffix(filepath.Base(path), ".fp4.md"))
	if err := c.addInputs(b, cells, path); err != nil {
		return nil, err
	}
	for _, cell := range cells {
		if n, ok := cell.Result.(Note); ok {
			b.Note(n.Text)
			continue
		}
		b.Add(cell.Command, strings.Join(c.s.opt.text(cell.Result), "\n"), "")
	}
	err := checkpoint.WriteFile(path, func(w io.Writer) error {
		_, err := w.Write(b.Bytes())
		return err
	})
	if err != nil {
		return nil, err
	}
	c.saved = true
	c.s.remembersWriting(path)
	return written(name, path, fmt.Sprintf("notebook, %s", plural(b.Cells(), "cell")), "fp4tui replay "+inspect.Printable(name))
}

// text is the canonical text of a result; without a renderer, notebooks have no outputs.
func (o Options) text(r Result) []string {
	if o.Text == nil {
		return nil
	}
	return o.Text(r)
}

// failure is the canonical text of an error, as a cell that allows errors holds it.
func (o Options) failure(err error) string {
	err = fmt.Errorf("error: %w", err)
	if o.Failure == nil {
		return inspect.Printable(err.Error())
	}
	return strings.Join(o.Failure(err), "\n")
}

// addInputs names every file that the commands read, with its hash.
func (c *call) addInputs(b *notebook.Builder, cells []Cell, path string) error {
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, cell := range withSourced(cells) {
		typed := c.s.reads(cell.Command)
		if typed == "" || seen[typed] || strings.HasPrefix(typed, tourScheme) {
			continue
		}
		seen[typed] = true
		file, err := c.s.readPath(typed)
		if err != nil {
			return err
		}
		sum, err := notebook.HashPath(c.ctx, file)
		if err != nil {
			if c.ctx.Err() != nil || !isHubID(typed) {
				return fmt.Errorf("hashing %s: %w", inspect.Printable(typed), err)
			}
			b.Input(typed, typed, "") // a hub id: its revision names its content
			continue
		}
		b.Input(typed, relative(dir, file), sum)
	}
	return nil
}

// withSourced is the cells with those that their source commands ran: a file that a
// sourced command reads is an input of the notebook too.
func withSourced(cells []Cell) []Cell {
	var out []Cell
	for _, cell := range cells {
		out = append(out, cell)
		if r, ok := cell.Result.(Sourced); ok {
			out = append(out, r.Cells...)
		}
	}
	return out
}

// relative is a path as seen from a directory, with slashes; absolute when there is no
// way, as between two drives.
func relative(dir, file string) string {
	abs, err := filepath.Abs(file)
	if err != nil {
		return filepath.ToSlash(file)
	}
	if rel, err := filepath.Rel(dir, abs); err == nil {
		abs = rel
	}
	return filepath.ToSlash(abs)
}

// reads is the path that a recorded command reads, "" for none.
func (s *Session) reads(command string) string {
	line, err := s.table.Parse(command)
	if err != nil {
		return ""
	}
	switch cmd := line.Cmd.(type) {
	case *LoadCmd:
		return string(cmd.Path)
	case *SourceCmd:
		return string(cmd.Path)
	}
	return ""
}

// Loads is the path that a recorded command opens, as it was typed; "" for none.
func (s *Session) Loads(command string) string {
	line, err := s.table.Parse(command)
	if err != nil {
		return ""
	}
	if cmd, is := line.Cmd.(*LoadCmd); is {
		return string(cmd.Path)
	}
	return ""
}

// Runner lets package notebook replay on this session.
func (s *Session) Runner() notebook.Runner { return runner{s} }

type runner struct{ s *Session }

// Check parses and name-checks all commands as one program; nothing runs.
func (r runner) Check(sources []language.Source) []*language.Error {
	_, errs := r.s.Check(sources)
	return errs
}

// Run carries out one command.
func (r runner) Run(ctx context.Context, src language.Source) (notebook.Ran, error) {
	cell := r.s.Run(ctx, src.Text, nil)
	ran := notebook.Ran{Command: cell.Command}
	if cell.Result != nil {
		ran.Text = strings.Join(r.s.opt.text(cell.Result), "\n")
	}
	if _, ok := cell.Result.(Check); ok {
		ran.Checks = 1
	}
	_, ran.Quit = cell.Result.(Quit)
	if cell.Err != nil && !errors.Is(cell.Err, ErrCheckFailed) {
		ran.Failure = r.s.opt.failure(cell.Err)
	}
	return ran, cell.Err
}

// Classify says what an error means for the exit code of a replay.
func Classify(err error) notebook.Class {
	switch {
	case errors.Is(err, ErrCheckFailed):
		return notebook.CheckFailed
	case errors.Is(err, context.Canceled):
		return notebook.Interrupted
	}
	return notebook.EnvironmentError
}
