package views

import (
	"fmt"

	"fp4tui/exec"
)

// minimapRows is how many lines the map of the whole takes beside a window of it.
const minimapRows = 6

// zoomed says whether the window is less than the whole map.
func (p *errorPane) zoomed(s *scene) bool {
	_, m0, m1, n0, n1 := p.window(s)
	m, n := p.dims(s)
	return m0 > 0 || n0 > 0 || m1 < m || n1 < n
}

func (p *errorPane) minimapLine(s *scene) string {
	l := p.layout(s)
	return fmt.Sprintf("map %s size=%dx%d agg=%s metric=%s", s.at.e, l.inspector-2, 2*minimapRows, p.agg, p.metric)
}

func (p *errorPane) minimapLines(s *scene) []string {
	if p.layout(s).inspector == 0 || !p.zoomed(s) {
		return nil
	}
	return []string{p.minimapLine(s)}
}

// drawMinimap shows where the window is in the whole map, at the foot of r.
func (p *errorPane) drawMinimap(r region, s *scene) {
	h, ready, _ := look[exec.Heat](s, p.minimapLine(s))
	if !ready || r.h < minimapRows+6 {
		return
	}
	rows := (h.H + 1) / 2
	foot := r.sub(0, r.h-rows-2, r.w, rows+2)
	foot.clear()
	foot.rule(0, 0, r.w)
	foot.text(1, 1, dim, cut("whole map, framed", r.w-2))
	body := foot.sub(1, 2, h.W, rows)
	m := p.heat(s, h)
	m.crossM = -1
	m.draw(body)
	_, m0, m1, n0, n1 := p.window(s)
	body.frame(n0/h.ColStep, m0/h.RowStep/2, (n1-1)/h.ColStep, (m1-1)/h.RowStep/2)
}

// frame draws the outline of a rectangle of cells, corners included; one cell is a cross.
func (r region) frame(x0, y0, x1, y1 int) {
	if x0 == x1 && y0 == y1 {
		r.text(x0, y0, cursorRole, "┼")
		return
	}
	for x := x0; x <= x1; x++ {
		r.text(x, y0, cursorRole, "─")
		r.text(x, y1, cursorRole, "─")
	}
	for y := y0; y <= y1; y++ {
		r.text(x0, y, cursorRole, "│")
		r.text(x1, y, cursorRole, "│")
	}
	if x0 < x1 && y0 < y1 {
		r.text(x0, y0, cursorRole, "┌")
		r.text(x1, y0, cursorRole, "┐")
		r.text(x0, y1, cursorRole, "└")
		r.text(x1, y1, cursorRole, "┘")
	}
}
