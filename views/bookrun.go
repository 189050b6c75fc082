package views

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"fp4tui/exec"
	"fp4tui/exec/notebook"
	"fp4tui/views/text"
)

func (a *App) bookPane() *bookPane { return a.panes[notebookView].(*bookPane) }

func (a *App) runCell(int) tea.Cmd {
	i := a.bookPane().focus()
	if _, is := a.bookPane().cell(i); !is {
		a.status.say("prose does not run")
		return nil
	}
	return a.runItems("r", []int{i})
}

// runStale runs what is stale or has never run.
func (a *App) runStale(int) tea.Cmd {
	b := a.bookPane().book
	var list []int
	for i, item := range b.items {
		if _, is := b.cell(i); is && (item.state == cellStale || item.state == notRun) {
			list = append(list, i)
		}
	}
	if len(list) == 0 {
		a.status.say("nothing is stale; ! runs all cells")
		return nil
	}
	return a.runItems("R", list)
}

// runAll runs every cell from the top, as a replay does.
func (a *App) runAll(int) tea.Cmd {
	b := a.bookPane().book
	var list []int
	for i := range b.items {
		if _, is := b.cell(i); is {
			list = append(list, i)
		}
	}
	return a.runItems("!", list)
}

// runItems queues cells in order. Those that can't run here are skipped, and with them
// what looks at what they would have made.
func (a *App) runItems(key string, list []int) tea.Cmd {
	b := a.bookPane().book
	missing := map[string]bool{}
	var tasks []task
	for n, i := range list {
		c, _ := b.cell(i)
		item, r := b.items[i], b.reach(i)
		*item = bookItem{got: item.got, ran: item.ran, fresh: item.fresh, live: item.live, open: item.open, attended: item.attended, summary: item.summary}
		if why := b.unmet(c, r, missing); why != "" {
			item.state, item.why = cellSkipped, why
			for name := range r.defines {
				missing[name] = true
			}
			continue
		}
		sources := b.doc.Commands(c)
		quits := slices.IndexFunc(sources, func(s source) bool { return strings.TrimSpace(s.Text) == "quit" })
		if quits >= 0 {
			sources = sources[:quits]
		}
		item.left, item.state, item.verdict = len(sources), cellQueued, cellOK
		for _, s := range sources {
			tasks = append(tasks, task{line: s.Text, key: key, cell: item, tolerant: c.AllowError})
			key = ""
		}
		if len(sources) == 0 {
			b.settled(i)
		}
		if quits >= 0 && len(list) > 1 {
			b.skip(list[n+1:], "not run: an earlier cell quits")
			break
		}
	}
	cmd := a.work.submit(tasks...)
	a.bookOpened()
	return cmd
}

func (b *book) skip(list []int, why string) {
	for _, i := range list {
		b.items[i].state, b.items[i].why = cellSkipped, why
	}
}

// unmet says why a cell can't run here; "" when it can.
func (b *book) unmet(c notebook.Cell, r reach, missing map[string]bool) string {
	for _, q := range append(slices.Clip(b.doc.Front.Requires), c.Requires...) {
		if strings.HasPrefix(q, "file:") {
			continue // load says it better
		}
		if ok, why := b.has(q); !ok {
			return strings.TrimSuffix("requires "+q+": "+why, ": ")
		}
	}
	for name := range r.uses {
		if missing[name] && !r.defines[name] {
			return "needs a skipped cell: " + name
		}
	}
	if b.opening && r.uses["export"] && strings.HasPrefix(strings.TrimSpace(c.Text), "export ") {
		return "it writes a file: r runs it"
	}
	return ""
}

// inputsChecked is what became of comparing the inputs with their hashes.
type inputsChecked struct{ faults []string }

// checkInputs hashes what the front matter names, beside everything else: a replay fails
// when a file is not the one that was recorded.
func (a *App) checkInputs() tea.Cmd {
	b := a.bookPane().book
	access := notebook.Access{Dir: filepath.Dir(b.file), Inputs: b.doc.Front.Inputs}
	ctx := a.work.ctx
	return func() tea.Msg {
		var msg inputsChecked
		for _, in := range access.Inputs {
			path, _ := access.Named(in.Name)
			if in.SHA256 == "" {
				continue
			}
			switch sum, err := notebook.HashPath(ctx, path); {
			case err != nil:
				msg.faults = append(msg.faults, fmt.Sprintf("input %s: %s", in.Name, err))
			case sum != in.SHA256:
				msg.faults = append(msg.faults, fmt.Sprintf("input %s: %s is not the file that was recorded", in.Name, in.Path))
			}
		}
		return msg
	}
}

// ranCell takes a finished command of a cell.
func (a *App) ranCell(item *bookItem, cell exec.Cell) {
	b := a.bookPane().book
	i := slices.Index(b.items, item)
	if i < 0 {
		return // it was deleted meanwhile
	}
	c, _ := b.cell(i)
	if errors.Is(cell.Err, context.Canceled) {
		b.stopped(notRun, "cancelled")
		return
	}
	if cell.Result != nil {
		item.text.WriteString(strings.Join(text.Render(cell.Result, text.Options{}), "\n") + "\n")
		item.summary = summary(cell.Result)
	}
	check, isCheck := cell.Result.(exec.Check)
	switch {
	case cell.Err == nil:
	case c.AllowError && !isCheck:
		item.text.WriteString(strings.Join(text.Failure(fmt.Errorf("error: %w", cell.Err), text.Options{}), "\n") + "\n")
	case isCheck && !c.AllowError && item.verdict == cellOK:
		item.verdict, item.why = cellFailed, strings.TrimPrefix(summary(check), "FAIL ")
	case !isCheck:
		item.verdict = cellError
		item.why, _ = faultText(cell.Err)
	}
	item.left--
	if item.left == 0 || item.verdict == cellError {
		b.settled(i)
	}
	if item.verdict == cellError {
		b.stopped(cellSkipped, fmt.Sprintf("not run: cell %d failed", slices.Index(b.rows(), i)+1))
	}
	a.bookOpened()
}

// settled ends the run of a cell and marks what depends on it when it says something new.
func (b *book) settled(i int) {
	item := b.items[i]
	before, ran := item.got, item.ran
	item.got = notebook.Canonical(item.text.String())
	b.judge(i)
	if _, has := b.stored(i); item.fresh && !has && item.state == cellOK && item.got != "" {
		if errs := b.set(b.doc.SetOutput(b.blocks[i].Cell, b.backend, item.got)); errs == nil {
			item.fresh = false
		}
	}
	if ran && before != item.got {
		r := b.reach(i)
		b.spread(i, r.defines, r.wide, "an input of it changed")
	}
}

// stopped gives what was waiting another state: nothing of it runs any more.
func (b *book) stopped(state cellState, why string) {
	for _, item := range b.items {
		if item.state == cellQueued || item.state == cellRunning {
			item.state, item.why = state, why
		}
	}
}

// bookOpened ends the first run of a notebook: nothing of it is unsaved, and the cursor
// stands on the first cell that needs a look.
func (a *App) bookOpened() {
	p := a.bookPane()
	by := p.count()
	if by[cellQueued]+by[cellRunning] > 0 {
		return
	}
	if !p.opening {
		a.rerunBaseline()
		return
	}
	p.opening = false
	if keeper, ok := a.opt.Engine.(bookKeeper); ok {
		keeper.Baseline()
	}
	if by[cellChanged]+by[cellFailed]+by[cellError] > 0 && p.at == 0 {
		p.stepFailed(1)
	}
	a.refresh()
}

// rerunBaseline says that nothing is unsaved when cells of a file ran again and the page is
// still the file: what they recorded stands in it.
func (a *App) rerunBaseline() {
	p := a.bookPane()
	keeper, ok := a.opt.Engine.(bookKeeper)
	if ok && p.file != "" && p.changes == 0 && a.opt.Engine.Unsaved() > 0 {
		keeper.Baseline()
	}
}

// markRunning shows which cell runs now.
func (a *App) markRunning() {
	if j := a.work.job; j != nil && j.task.cell != nil && j.task.cell.state == cellQueued {
		j.task.cell.state = cellRunning
	}
}

// attention says whether a cell waits for a decision.
func (item *bookItem) attention() bool {
	switch item.state {
	case cellChanged:
		return !item.kept
	case cellFailed, cellError, cellStale:
		return true
	}
	return false
}

// stepFailed moves to the next or previous cell that needs a look; false when none does.
func (p *bookPane) stepFailed(step int) bool {
	rows := p.rows()
	n := len(rows)
	for by := 1; by <= n; by++ {
		at := ((p.at+step*by)%n + n) % n
		if p.items[rows[at]].attention() {
			p.at = at
			return true
		}
	}
	return false
}

func (a *App) nextFailed(int) tea.Cmd { return a.toFailed(1) }
func (a *App) prevFailed(int) tea.Cmd { return a.toFailed(-1) }

func (a *App) toFailed(step int) tea.Cmd {
	if !a.bookPane().stepFailed(step) {
		a.status.say("no cell failed, changed or is stale")
	}
	return nil
}
