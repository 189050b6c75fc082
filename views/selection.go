package views

import (
	"fmt"

	tea "charm.land/bubbletea/v2"

	"fp4tui/exec"
)

// selection is the corner where a rectangle of a map begins; the cursor is the other.
type selection struct {
	on   bool
	view viewID
	row  int // m of the error map, n of the scales
	col  int // n of the error map, k of the scales
}

// corners are the rectangle in elements, end exclusive.
func (s selection) corners(row, col int) (r0, r1, c0, c1 int) {
	return min(s.row, row), max(s.row, row) + 1, min(s.col, col), max(s.col, col) + 1
}

// cursorOf is the cursor of a map view, in its rows and columns.
func (p *place) cursorOf(v viewID) (row, col int) {
	if v == errorView {
		return p.m, p.n
	}
	return p.n, p.k
}

// startSelection begins a selection at the cursor, or ends it there.
func (a *App) selectHere(int) tea.Cmd {
	if a.at.sel.on && a.at.sel.view == a.nav.view {
		return a.endSelection()
	}
	row, col := a.at.cursorOf(a.nav.view)
	a.at.sel = selection{true, a.nav.view, row, col}
	a.status.say("selecting: move, then " + a.keyFor("select") + " again; Esc leaves it")
	return nil
}

// endSelection looks at what was selected: the error map zooms there, the scales say what
// they are.
func (a *App) endSelection() tea.Cmd {
	row, col := a.at.cursorOf(a.nav.view)
	r0, r1, c0, c1 := a.at.sel.corners(row, col)
	a.at.sel.on = false
	switch a.nav.view {
	case errorView:
		a.errorPane().zoomTo(a.scene(), r0, r1, c0, c1)
		a.status.peek(a.errorPane().mapLine(a.scene()), a.data)
	case scalesView:
		info, ready := a.scene().layer()
		if !ready {
			return nil
		}
		block := max(info.Block, 1)
		line := fmt.Sprintf("stat %s.scale[%d:%d, %d:%d]", a.at.w, r0, r1, c0/block, (c1+block-1)/block)
		return a.inquire(line)
	}
	return nil
}

// zoomTo makes a rectangle fill the map.
func (p *errorPane) zoomTo(s *scene, m0, m1, n0, n1 int) {
	p.values, p.fit = false, false
	l := p.layout(s)
	p.i, p.j = 0, 0
	for (m1-m0-1)>>p.i >= 2*l.rows {
		p.i++
	}
	for (n1-n0-1)>>p.j >= l.cols {
		p.j++
	}
	p.row0, p.col0 = m0>>p.i<<p.i, n0>>p.j<<p.j
	s.at.m, s.at.n = min(max(s.at.m, m0), m1-1), min(max(s.at.n, n0), n1-1)
}

// drawSelection paints the rectangle on a map whose body is r.
func (h heatmap) drawSelection(r region, sel selection, v viewID, row, col, colUnit int) {
	if !sel.on || sel.view != v || h.RowStep <= 0 || h.ColStep <= 0 {
		return
	}
	r0, r1, c0, c1 := sel.corners(row, col)
	c0, c1 = c0/colUnit, (c1+colUnit-1)/colUnit
	x0, x1 := max(0, (c0-h.Col0)/h.ColStep), (c1-1-h.Col0)/h.ColStep
	y0, y1 := max(0, (r0-h.Row0)/h.RowStep/2), (r1-1-h.Row0)/h.RowStep/2
	look := r.th.style(selectRole)
	for y := y0; y <= min(y1, r.h-1); y++ {
		r.paint(x0, y, x1-x0+1, func(s style) style {
			if look.bg != 0 {
				s.bg = look.bg
			}
			s.attr |= look.attr
			return s
		})
	}
}

// inquire asks a question whose answer goes to the log line, or to a dialog when it is
// longer than that.
func (a *App) inquire(line string) tea.Cmd {
	a.nav.inquiry = line
	a.status.peek(line, a.data)
	return nil
}

// inquired takes the answer.
func (a *App) inquired(line string, result exec.Result) {
	if line == a.nav.inquiry && result != nil {
		a.nav.inquiry = ""
	}
	a.status.answered(line, result)
}
