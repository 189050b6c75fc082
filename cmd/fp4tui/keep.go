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

// newJournal is the journal of an interactive session that starts on path; nil when the user
// wants none.
func (a *app) newJournal(path string) *journal.Journal {
	if !a.keeps() {
		return nil
	}
	dir, err := journal.Dir()
	if err != nil {
		slog.Warn("no journal", "error", err)
		return nil
	}
	j := journal.New(dir, time.Now())
	j.Open(placed(path))
	return j
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

// numbered is how many commands there are: "1 command".
func numbered(commands []string) string {
	if len(commands) == 1 {
		return "1 command"
	}
	return fmt.Sprintf("%d commands", len(commands))
}

// describe tells a lost session in a line.
func describe(l journal.Left) string {
	commands, exports := repeated(l)
	text := fmt.Sprintf("%s, stopped %s", numbered(commands), l.Stopped.Format("2 Jan 15:04"))
	if l.Page != nil {
		text += "; an edited page, for the screens"
	}
	if exports > 0 {
		text += fmt.Sprintf("; %d export is not repeated", exports)
	}
	return text
}

// placed is a path that means the same from every directory. A name that is no file here
// (of a hub cache, of the tour) stays.
func placed(path string) string {
	if _, err := os.Stat(path); err != nil {
		return path
	}
	full, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	return full
}

// elsewhere is what this start opens when that is not what the lost session was started on;
// "" when it is the same, or nothing.
func elsewhere(l journal.Left, path string) string {
	here := placed(path)
	if here == "" || here == l.Opened {
		return ""
	}
	is, err := os.Stat(here)
	was, gone := os.Stat(l.Opened)
	if err == nil && gone == nil && os.SameFile(is, was) {
		return ""
	}
	return here
}

// adopter is a session that can be told where the files of a notebook lie, and tells what
// its commands open.
type adopter interface {
	Adopt(dir string, inputs []notebook.Input)
	Loads(command string) string
}

// loaded is the first file that a lost session opened, by its place, and how many more.
func loaded(l journal.Left, s adopter) string {
	first, more := "", 0
	for _, line := range l.Commands {
		path := s.Loads(line)
		switch {
		case path == "":
		case first == "":
			first = path
		default:
			more++
		}
	}
	for _, in := range l.Inputs {
		if in.Name == first {
			first = filepath.FromSlash(in.Path)
			break
		}
	}
	if more > 0 {
		first += fmt.Sprintf(" and %d more", more)
	}
	return first
}

// claim takes a lost session for recovering it into s: from then on this is the session that
// was started on what the lost one was.
func claim(l journal.Left, s adopter, j *journal.Journal) (done func(remove bool) error, err error) {
	if done, err = l.Claim(); err != nil {
		return nil, err
	}
	s.Adopt(filepath.Dir(l.Path), l.Inputs)
	if j != nil {
		j.Open(l.Opened)
	}
	return done, nil
}

// recoveries are the lost sessions as the terminal UI offers them when it starts on path.
func recoveries(list []journal.Left, s adopter, j *journal.Journal, path string) []views.Recovery {
	var out []views.Recovery
	for _, l := range list {
		commands, _ := repeated(l)
		out = append(out, views.Recovery{What: describe(l), Load: loaded(l, s), Other: elsewhere(l, path), Notebook: freshNotebook(workDir(path), l.Opened),
			Lost: l.Damage, Commands: commands, Path: l.Path, Page: l.Page, PageOf: l.PageOf,
			Claim: func() (func(bool) error, error) { return claim(l, s, j) }})
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
	if load := loaded(list[0], r.session); load != "" {
		fmt.Fprintf(r.out, "it loaded %s\n", inspect.Printable(load))
	}
	if list[0].Damage != "" {
		fmt.Fprintf(r.out, "%s\n", list[0].Damage)
	}
	if other := elsewhere(list[0], r.path); other != "" {
		fmt.Fprintf(r.out, "recover takes the names of %s, which opens now; without it all stays for later\n", inspect.Printable(other))
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
	done, err := claim(*r.lost, r.session, r.journal)
	if err != nil {
		return true, err
	}
	commands, _ := repeated(*r.lost)
	save := saveLine(r.session, freshNotebook(workDir(""), r.lost.Opened))
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
		fmt.Fprintf(r.out, "recovered %s; %s saves the session\n", numbered(commands), save)
	}
	if page {
		fmt.Fprintln(r.out, "the edited page stays in the journal: fp4tui recovers it")
	}
	return true, done(!page)
}
