package views

import (
	"time"

	tea "charm.land/bubbletea/v2"

	"fp4tui/exec"
	"fp4tui/views/number"
)

// growing is the product that is being computed, as far as it is.
type growing struct {
	heat  exec.Heat
	known bool
	asked bool // a look is under way
}

type grewMsg struct {
	job   int
	heat  exec.Heat
	known bool
}

// The inset of a growing product: cells of its map, and how far around the crosshair
// its outputs come first.
const (
	growWidth, growHeight = 40, 8
	lookRows, lookCols    = 64, 256
)

// look tells the engine which outputs are on the screen, before a command runs.
func (a *App) look() {
	if w, ok := a.opt.Engine.(exec.Watcher); ok && a.at.e != "" {
		w.Look(a.at.m-lookRows, a.at.m+lookRows, a.at.n-lookCols, a.at.n+lookCols)
	}
}

// grow looks at the product of a job that takes long, off the loop.
func (a *App) grow() tea.Cmd {
	j := a.work.job
	if j == nil {
		a.growing = growing{}
		return nil
	}
	w, ok := a.opt.Engine.(exec.Watcher)
	if !ok || a.growing.asked || time.Since(j.started) < slowAfter {
		return nil
	}
	a.growing.asked = true
	id := j.id
	return func() tea.Msg {
		h, known := w.Partial(growWidth, 2*growHeight)
		return grewMsg{id, h, known}
	}
}

// grew takes the answer, if its job still runs.
func (a *App) grew(msg grewMsg) {
	a.growing.asked = false
	if a.work.job != nil && a.work.job.id == msg.job {
		a.growing.heat, a.growing.known = msg.heat, msg.known
	}
}

// drawGrowing draws the outputs that are final in the lower right corner of the body.
func (a *App) drawGrowing(body region) {
	g := a.growing.heat
	if !a.growing.known || a.work.job == nil || g.W == 0 || body.h < growHeight+4 {
		return
	}
	w, h := max(g.W, 34)+2, (g.H+1)/2+2
	r := body.sub(body.w-w-1, body.h-h-1, w, h)
	r.clear()
	r.text(1, 0, strong, cut("y so far, "+number.Shape(g.M, g.N)+", by "+g.By, w-2))
	heatmap{Heat: g, lo: float64(g.Lo), hi: float64(g.Hi), crossM: -1, crossN: -1, rows: g.H}.draw(r.sub(1, 1, g.W, h-2))
	r.text(1, h-1, dim, "the rest is not computed yet")
}
