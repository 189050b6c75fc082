package views

import (
	"bytes"
	"fmt"

	tea "charm.land/bubbletea/v2"

	"fp4tui/exec"
)

// Recovery is a session that ended without saving, as its journal has it.
type Recovery struct {
	What     string   // "9 commands, stopped 14:02"
	Load     string   // what it had opened: "/models/a and 2 more"; "" nothing
	Other    string   // what this start opened when that is another thing; "" the same, or nothing
	Notebook string   // the name to save it under
	Lost     string   // what of it is not readable; "" nothing
	Commands []string // what runs again
	Page     []byte   // the notebook as it was edited; nil: nothing but commands was lost
	PageOf   string   // its file; "" it had none
	Path     string
	// Claim takes the journal for this program: ready, its files are found by their names.
	// Done gives it back; with remove it is deleted.
	Claim func() (done func(remove bool) error, err error)
}

// offerRecovery asks what to do with the newest session that was lost.
func (a *App) offerRecovery() {
	if len(a.opt.Recover) > 0 {
		a.float = recoverDialog(a.opt.Recover)
	}
}

func recoverDialog(list []Recovery) *dialog {
	r := list[0]
	d := &dialog{title: "an earlier session was not saved", rows: [][2]string{{"what", r.What}}}
	if r.Load != "" {
		d.rows = append(d.rows, [2]string{"load", r.Load})
	}
	if n := len(r.Commands); n > 0 {
		d.rows = append(d.rows, [2]string{"last", r.Commands[n-1]})
	}
	if r.Page != nil {
		name := r.PageOf
		if name == "" {
			name = "the session, in no file yet"
		}
		d.rows = append(d.rows, [2]string{"page", "edited and not saved: " + name})
	}
	lost := r.Lost
	if lost == "" {
		lost = "nothing"
	}
	d.rows = append(d.rows, [2]string{"lost", lost}, [2]string{"kept in", r.Path})
	if n := len(list) - 1; n > 0 {
		d.rows = append(d.rows, [2]string{"more", plural(int64(n), "older session") + ", offered after this one"})
	}
	if len(r.Commands) > 0 || r.Page != nil {
		d.choices = append(d.choices, choice{"r recover: run it again", "r", (*App).recover})
	}
	d.choices = append(d.choices, choice{"d discard", "d", (*App).discardRecovery}, choice{"Esc later", "esc", closeDialog})
	if r.Other != "" {
		d.rows = append(d.rows, [2]string{"now", r.Other + " is open; recovering takes its names"})
		d.at = len(d.choices) - 1
	}
	return d
}

// claimed takes the offered journal; nil when another program has it.
func (a *App) claimed() (r Recovery, done func(remove bool) error) {
	r = a.opt.Recover[0]
	done, err := r.Claim()
	if err != nil {
		a.status.fail("", err)
		return r, nil
	}
	a.opt.Recover = a.opt.Recover[1:]
	a.startRows()
	return r, done
}

func (a *App) discardRecovery() tea.Cmd {
	_, done := a.claimed()
	if done == nil {
		return nil
	}
	if err := done(true); err != nil {
		a.status.fail("", err)
		return nil
	}
	a.status.say("discarded")
	a.offerRecovery()
	return nil
}

// recover runs the commands again as if they had been typed; the journal goes when all of
// them have run.
func (a *App) recover() tea.Cmd {
	r, done := a.claimed()
	if done == nil {
		return nil
	}
	tasks := make([]task, len(r.Commands))
	for i, line := range r.Commands {
		tasks[i] = task{line: line, failed: func(a *App, _ exec.Cell) {
			if err := done(false); err != nil {
				a.status.fail("", err)
			}
			a.status.lines[len(a.status.lines)-1].left += fmt.Sprintf("  (recovered %d of %d; the rest stays in the journal)", i, len(tasks))
		}}
	}
	if len(tasks) == 0 {
		return a.recovered(r, done)
	}
	tasks[0].key = "r"
	tasks[len(tasks)-1].then = func(a *App, _ exec.Cell) tea.Cmd { return a.recovered(r, done) }
	return a.work.submit(tasks...)
}

// recovered ends a recovery: all commands have run, the page as it was edited comes back, and
// what is saved goes where the lost session would have saved it.
func (a *App) recovered(r Recovery, done func(remove bool) error) tea.Cmd {
	if r.Other != "" {
		a.bookPane().leaveFile()
		a.at.saved = ""
	}
	if r.Notebook != "" {
		a.opt.Notebook = r.Notebook
	}
	if r.Page != nil {
		if err := a.bookPane().recoverPage(r, a.opt.Engine); err != nil {
			_ = done(false) // the page stays where it is
			a.status.fail("", err)
			return nil
		}
		a.refresh()
		a.keepDraft()
	}
	if err := done(true); err != nil {
		a.status.fail("", err)
		return nil
	}
	text := "recovered " + plural(int64(len(r.Commands)), "command")
	to := layersView
	if r.Page != nil {
		text, to = text+" and the page", notebookView
	}
	a.status.say(text + "; " + a.keyFor("save") + " saves it")
	return a.goTo(to)
}

// leaveFile makes the page one that no file has: the file stays as it is.
func (b *book) leaveFile() {
	if b.file != "" {
		b.file, b.name, b.disk, b.edited = "", "", nil, true
	}
}

// recoverPage is the edited page, in its file when that is still there.
func (p *bookPane) recoverPage(r Recovery, engine exec.Engine) error {
	if keeper, ok := engine.(bookKeeper); ok && r.PageOf != "" && p.file == "" {
		if data, err := keeper.ReadNotebook(r.PageOf); err == nil && p.set(data) == nil {
			p.file, p.name, p.disk = r.PageOf, r.PageOf, data
		}
	}
	return p.apply(r.Page)
}

// keepDraft keeps the page of the notebook when it was edited since it was kept last.
func (a *App) keepDraft() {
	p := a.bookPane()
	kept := p.changes
	if !p.edited || p.file != "" && bytes.Equal(p.doc.Bytes(), p.disk) {
		kept = 0 // commands are kept as they run
	}
	if a.opt.Draft == nil || kept == a.nav.drafted {
		return
	}
	a.nav.drafted = kept
	var page []byte
	if kept > 0 {
		page = p.doc.Bytes()
	}
	if err := a.opt.Draft(p.file, page); err != nil && !a.nav.told {
		a.nav.told = true
		a.status.fail("", err)
	}
}
