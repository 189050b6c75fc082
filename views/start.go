package views

import (
	"fmt"

	tea "charm.land/bubbletea/v2"

	"fp4tui/exec"
)

// startPane is the first screen: what there is to open and the tour in six keys.
type startPane struct {
	rows []StartRow
	list list
}

// startRows fills the Start screen: the tour first, then what the caller found.
func (a *App) startRows() {
	p := a.panes[startView].(*startPane)
	p.rows = nil
	if len(a.opt.Tour) > 0 {
		p.rows = append(p.rows, StartRow{Name: "tour", Text: "built-in samples: a real layer, its original, broken ones", Commands: a.opt.Tour})
	}
	p.rows = append(p.rows, a.opt.Start.Rows...)
	if len(a.opt.Recover) > 0 {
		p.rows = append(p.rows, StartRow{Name: "recover", Text: a.opt.Recover[0].What, recover: true})
	}
	if len(p.rows) == 0 {
		p.rows = []StartRow{{Name: "a path", Text: "a file, a directory or org/name of the hub cache", Prompt: "c = load "}}
	}
}

func (p *startPane) wants(*scene) []string { return nil }

func (p *startPane) status(*scene) (left, right []span) { return nil, nil }

func (p *startPane) draw(r region, s *scene) {
	r.text(2, 1, plain, "Debug the FP4 layer whose answers are wrong. Nothing here needs a GPU.")
	r.text(2, 3, strong, "Open")
	room := max(1, min(len(p.rows), r.h-14))
	p.list.fit(len(p.rows), room)
	for i := range room {
		at := p.list.top + i
		if at >= len(p.rows) {
			break
		}
		row := p.rows[at]
		r.text(3, 4+i, plain, cut(row.Name, 15))
		r.text(20, 4+i, dim, cut(row.Text, r.w-22))
		if at == p.list.at {
			r.sub(1, 4+i, r.w-2, 1).focus(0)
		}
	}
	y := 4 + room + 1
	open := s.keyOf("open", startView)
	tour := [][3]string{
		{open, "open the tour, then its first layer", "Layers, Weight"},
		{s.keyOf("run", weightView), "run the layer and compare with its reference", "Error"},
		{s.keyOf("next-bad", errorView), "stand on the worst element;  " + s.keyOf("open", errorView) + "  ask why", "Error"},
		{s.keyOf("save", errorView), "save what you did as a notebook that replays in CI", ""},
	}
	r.text(2, y, strong, "The tour in four keys")
	text := 6
	for _, row := range tour {
		text = max(text, 5+width(row[0]))
	}
	for i, row := range tour {
		r.text(3, y+1+i, accent, row[0])
		r.text(text, y+1+i, plain, row[1])
		r.text(60, y+1+i, dim, row[2])
	}
	y += len(tour) + 2
	r.spans(2, y, span{plain, "Any command works at the prompt:  "}, span{accent, fmt.Sprintf("%[1]s load PATH    %[1]s help gemm", s.keyOf("command", startView))})
	r.spans(2, y+1, span{plain, "Prefer lines to screens?  "}, span{accent, "fp4tui repl"})
}

func (p *startPane) move(s *scene, m motion, count int) {
	p.list.move(m, count, len(p.rows), max(1, s.h-14))
}

func (p *startPane) click(s *scene, _, y int) bool {
	return p.list.click(y-4, len(p.rows), max(1, min(len(p.rows), s.h-14)))
}

func (p *startPane) open(a *App) tea.Cmd {
	row := p.rows[min(p.list.at, len(p.rows)-1)]
	if row.recover {
		a.offerRecovery()
		return nil
	}
	if len(row.Commands) == 0 {
		a.openPrompt(row.Prompt)
		return nil
	}
	tasks := make([]task, len(row.Commands))
	for i, line := range row.Commands {
		tasks[i] = task{line: line}
	}
	tasks[0].key = "↵"
	tasks[len(tasks)-1].then = func(a *App, _ exec.Cell) tea.Cmd { return a.goTo(layersView) }
	return a.work.submit(tasks...)
}

func (p *startPane) yank(_ *scene, what string) string {
	if what == "command" && len(p.rows[p.list.at].Commands) > 0 {
		return p.rows[p.list.at].Commands[0]
	}
	return ""
}
