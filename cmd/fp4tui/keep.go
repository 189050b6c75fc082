package main

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"fp4tui/exec"
	"fp4tui/exec/journal"
	"fp4tui/exec/notebook"
	"fp4tui/inspect"
	"fp4tui/views"
)

// keeps says whether this session may leave traces of itself on the disk.
func (a *app) keeps() bool { return !a.noJournal && os.Getenv("FP4TUI_NO_JOURNAL") == "" }

// newJournal is the journal of an interactive session; nil when the user wants none.
func (a *app) newJournal() *journal.Journal {
	if !a.keeps() {
		return nil
	}
	dir, err := journal.Dir()
	if err != nil {
		slog.Warn("no journal", "error", err)
		return nil
	}
	return journal.New(dir, time.Now())
}

// kept makes a session with a journal, which may be nil.
func (a *app) kept(opt exec.Options, j *journal.Journal) *exec.Session {
	if j != nil {
		opt.Journal = j
	}
	return a.session(opt)
}

// endJournal closes a journal: it is removed when nothing can be lost with it.
func endJournal(j *journal.Journal, lossless bool) {
	if j == nil {
		return
	}
	if err := j.Close(lossless); err != nil {
		slog.Warn("journal", "error", err)
	}
}

// left lists the sessions that ended without saving.
func (a *app) left() []journal.Left {
	if !a.keeps() {
		return nil
	}
	dir, err := journal.Dir()
	if err != nil {
		return nil
	}
	list, err := journal.List(dir)
	if err != nil {
		slog.Warn("journal", "error", err)
	}
	return list
}

// repeated are the commands that a recovery runs: files that were written are written
// already, and not where this session stands.
func repeated(l journal.Left) (commands []string, exports int) {
	for _, line := range l.Commands {
		if strings.HasPrefix(line, "export ") {
			exports++
			continue
		}
		commands = append(commands, line)
	}
	return commands, exports
}

// describe tells a lost session in a line.
func describe(l journal.Left) string {
	commands, exports := repeated(l)
	text := fmt.Sprintf("%d commands, stopped %s", len(commands), l.Stopped.Format("2 Jan 15:04"))
	if len(commands) == 1 {
		text = strings.Replace(text, "commands", "command", 1)
	}
	if l.Page != nil {
		text += "; an edited page, for the screens"
	}
	if exports > 0 {
		text += fmt.Sprintf("; %d export is not repeated", exports)
	}
	return text
}

// adopter is a session that can be told where the files of a notebook lie.
type adopter interface {
	Adopt(dir string, inputs []notebook.Input)
}

// claim takes a lost session for recovering it into s.
func claim(l journal.Left, s adopter) (done func(remove bool) error, err error) {
	if done, err = l.Claim(); err == nil {
		s.Adopt(filepath.Dir(l.Path), l.Inputs)
	}
	return done, err
}

// recoveries are the lost sessions as the terminal UI offers them.
func recoveries(list []journal.Left, s adopter) []views.Recovery {
	var out []views.Recovery
	for _, l := range list {
		commands, _ := repeated(l)
		out = append(out, views.Recovery{What: describe(l), Lost: l.Damage, Commands: commands, Path: l.Path, Page: l.Page, PageOf: l.PageOf,
			Claim: func() (func(bool) error, error) { return claim(l, s) }})
	}
	return out
}

// offer tells the line REPL's user of the newest lost session.
func (r *lineREPL) offer(list []journal.Left) {
	if len(list) == 0 {
		return
	}
	r.lost = &list[0]
	fmt.Fprintf(r.out, "an earlier session was not saved: %s\n", describe(list[0]))
	if list[0].Damage != "" {
		fmt.Fprintf(r.out, "%s\n", list[0].Damage)
	}
	fmt.Fprintf(r.out, "type recover to run it again, discard to delete it: %s\n", inspect.Printable(list[0].Path))
}

// settleLost answers the words recover and discard while there is something to recover;
// false when the line is neither.
func (r *lineREPL) settleLost(run func(line string) error, line string) (bool, error) {
	word := strings.TrimSpace(line)
	if r.lost == nil || word != "recover" && word != "discard" {
		return false, nil
	}
	done, err := claim(*r.lost, r.session)
	if err != nil {
		return true, err
	}
	commands, _ := repeated(*r.lost)
	page := r.lost.Page != nil && word == "recover"
	r.lost = nil
	if word == "recover" {
		for i, c := range commands {
			fmt.Fprintln(r.out, c)
			if err := run(c); err != nil {
				fmt.Fprintf(r.out, "recovered %d of %d; the rest stays in the journal\n", i, len(commands))
				return true, done(false)
			}
		}
		fmt.Fprintf(r.out, "recovered %d commands\n", len(commands))
	}
	if page {
		fmt.Fprintln(r.out, "the edited page stays in the journal: fp4tui recovers it")
	}
	return true, done(!page)
}
