package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"fp4tui/exec"
	"fp4tui/exec/journal"
	"fp4tui/exec/language"
	"fp4tui/inspect"
)

const (
	prompt = "fp4> "
	stdin  = "stdin" // the name of a pipe in messages
)

func (a *app) replCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "repl [PATH]",
		Short: "the same session as a plain line REPL (no redraw, no boxes; for screen readers and pipes)",
		Long: "repl reads one command a line. On a terminal it has history and Tab completion;\n" +
			"from a pipe it stops at the first command that fails and exits with its code; the message has its line.",
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, list []string) error {
			return a.repl(cmd.Context(), strings.Join(list, ""))
		},
	}
}

// repl runs the line REPL until quit or the end of its input.
func (a *app) repl(ctx context.Context, path string) error {
	r := &lineREPL{printer: printer{app: a, digits: 4}, path: path}
	read, restore := r.reader()
	defer restore()
	if r.terminal {
		r.journal = a.newJournal(path)
		defer func() { endJournal(r.journal, r.warned || r.session.Unsaved() == 0) }()
	}
	s := a.kept(exec.Options{Place: a.computers.place}, r.journal)
	r.session = s
	if r.terminal {
		r.offer(a.left())
	}
	if path != "" {
		line := loadLine(s, "c", path)
		fmt.Fprintln(a.out, line)
		if err := r.run(ctx, line); err != nil && !r.terminal {
			return err
		}
	}
	return r.loop(ctx, read)
}

// continueIn goes on with a session of the terminal UI in lines.
func (a *app) continueIn(ctx context.Context, s *exec.Session, j *journal.Journal) error {
	r := &lineREPL{printer: printer{app: a, digits: 4}, session: s, journal: j}
	read, restore := r.reader()
	defer restore()
	defer func() { endJournal(j, r.warned || s.Unsaved() == 0) }()
	fmt.Fprintf(a.out, "the session goes on in lines: %d commands so far; quit ends it\n", len(s.Log()))
	return r.loop(ctx, read)
}

// loop runs lines until quit or the end of the input.
func (r *lineREPL) loop(ctx context.Context, read func(prompt string) (string, error)) error {
	for {
		line, err := r.next(read)
		switch {
		case errors.Is(err, io.EOF):
			r.farewell()
			return exit(r.failed)
		case err != nil:
			return err
		case language.Blank(line):
			continue
		}
		if settled, err := r.settleLost(func(line string) error { return r.run(ctx, line) }, line); settled {
			if err != nil {
				fmt.Fprintln(r.err, inspect.Printable(err.Error()))
			}
			continue
		}
		err = r.run(ctx, line)
		if errors.Is(err, errLeave) {
			return exit(r.failed)
		}
		if err != nil && !r.terminal {
			return err
		}
	}
}

// errLeave ends the loop after quit.
var errLeave = errors.New("quit")

// lineREPL is the state of one plain session.
type lineREPL struct {
	printer
	session  *exec.Session
	path     string // what it was started on; "" nothing
	terminal bool   // someone is typing: errors don't end the session
	told     bool   // that autosaving failed
	warned   bool   // the loss of unsaved commands was pointed out
	read     int    // lines of the input so far
	line     int    // the first one of this command, from 1; 0: it came from elsewhere
	failed   int    // exit code of failed checks from a pipe
	journal  *journal.Journal
	lost     *journal.Left // a session that ended without saving, until something is done with it
}

// next reads one command, continuation lines included.
func (r *lineREPL) next(read func(prompt string) (string, error)) (string, error) {
	var b strings.Builder
	p := prompt
	for {
		line, err := read(p)
		if err != nil {
			if b.Len() > 0 && errors.Is(err, io.EOF) {
				return b.String(), nil
			}
			return "", err
		}
		if r.read++; b.Len() == 0 {
			r.line = r.read
		}
		b.WriteString(line)
		if !strings.HasSuffix(strings.TrimRight(line, " \t\r"), `\`) {
			return b.String(), nil
		}
		b.WriteByte('\n')
		p = "...> "
	}
}

// farewell says what becomes of commands that are in no notebook when the input ends.
func (r *lineREPL) farewell() {
	if n := r.session.Unsaved(); r.terminal && n > 0 && r.journal != nil && r.journal.Err() == nil {
		r.warned = false
		fmt.Fprintf(r.out, "%d commands are not saved; the next session offers them\n", n)
	}
}

// run executes one line and prints it. Ctrl-C cancels the command, not the session.
func (r *lineREPL) run(ctx context.Context, line string) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	cell := r.session.Run(ctx, line, r.progress())
	if stops(cell.Err) && !r.terminal && r.line > 0 {
		cell.Err = r.located(cell)
	}
	r.cell(cell)
	switch {
	case errors.Is(cell.Err, exec.ErrCheckFailed):
		if !r.terminal {
			r.failed = exec.ExitCheck
		}
		return nil
	case cell.Err != nil:
		return exitCode(exec.ExitCode(cell.Err))
	}
	if q, ok := cell.Result.(exec.Quit); ok {
		if q.Unsaved > 0 && r.terminal && !r.warned {
			r.warned = true
			fmt.Fprintf(r.out, "%d commands are not saved: export session NAME.fp4.md, or quit again\n", q.Unsaved)
			return nil
		}
		return errLeave
	}
	r.warned = false
	r.autosaved()
	return nil
}

// located gives what is wrong with a line of a pipe its place. A mistake in the words shows the
// command itself; for what failed otherwise it is printed.
func (r *lineREPL) located(c exec.Cell) error {
	var mistake *language.Error
	if errors.As(c.Err, &mistake) && mistake.Line == 0 {
		there := *mistake
		there.File, there.Line = stdin, r.line
		return &there
	}
	fmt.Fprintf(r.err, "%s:%d: %s\n", stdin, r.line, inspect.Printable(c.Command))
	return c.Err
}

// autosaved tells once why commands are no longer kept as they happen.
func (r *lineREPL) autosaved() {
	if r.journal != nil && r.journal.Err() != nil && !r.told {
		r.told = true
		fmt.Fprintln(r.err, inspect.Printable(r.journal.Err().Error()))
	}
}

// progress prints "working 40%" lines for work above 200 ms, at most one a second.
func (r *lineREPL) progress() func(done, total int64) {
	if !r.terminal {
		return nil
	}
	next := time.Now().Add(200 * time.Millisecond)
	return func(done, total int64) {
		if now := time.Now(); now.After(next) && total > 0 && done < total {
			next = now.Add(time.Second)
			part := r.session.Stage()
			if part != "" {
				part = ", " + part
			}
			fmt.Fprintf(r.out, "working %d%%%s\n", 100*done/total, part)
		}
	}
}

// reader chooses how lines are read: edited on a terminal, as they come otherwise.
func (r *lineREPL) reader() (read func(prompt string) (string, error), restore func()) {
	in, isFile := r.in.(*os.File)
	out, outFile := r.out.(*os.File)
	if !isFile || !outFile || !term.IsTerminal(int(in.Fd())) || !term.IsTerminal(int(out.Fd())) {
		lines := bufio.NewReader(io.LimitReader(r.in, maxPiped))
		return func(string) (string, error) {
			line, err := lines.ReadString('\n')
			if err != nil && line != "" {
				err = nil
			}
			return strings.TrimRight(line, "\r\n"), err
		}, func() {}
	}
	r.terminal = true
	return r.edited(in, out)
}

// maxPiped bounds what is read from a pipe, in bytes.
const maxPiped = 64 << 20

// edited reads lines with history and completion. The terminal is raw only while a
// line is read, so that Ctrl-C reaches a running command.
func (r *lineREPL) edited(in, out *os.File) (read func(prompt string) (string, error), restore func()) {
	t := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{in, out}, prompt)
	t.AutoCompleteCallback = r.complete(t)
	t.History = r.openHistory()
	restore = func() {}
	read = func(p string) (string, error) {
		state, err := term.MakeRaw(int(in.Fd()))
		if err != nil {
			return "", err
		}
		defer func() { _ = term.Restore(int(in.Fd()), state) }()
		if w, h, err := term.GetSize(int(out.Fd())); err == nil && w > 0 {
			r.width = w
			_ = t.SetSize(w, h)
		}
		t.SetPrompt(p)
		return t.ReadLine()
	}
	return read, restore
}

// complete answers Tab: the only candidate is taken; several are taken as far as they
// agree, and listed.
func (r *lineREPL) complete(t *term.Terminal) func(line string, pos int, key rune) (string, int, bool) {
	return func(line string, pos int, key rune) (string, int, bool) {
		if key != '\t' {
			return "", 0, false
		}
		list := r.session.Complete(line, pos)
		if len(list) == 0 {
			return line, pos, true
		}
		word := list[0].Text
		var names []string
		for _, c := range list {
			word = commonPrefix(word, c.Text)
			names = append(names, c.Text)
		}
		from, to := list[0].From, list[0].To
		if len(list) > 1 {
			fmt.Fprintf(t, "%s\n", strings.Join(names, "  "))
			if len(word) < pos-from {
				return line, pos, true
			}
		}
		return line[:from] + word + line[to:], from + len(word), true
	}
}

func commonPrefix(a, b string) string {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return a[:n]
}
