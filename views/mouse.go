package views

import (
	"time"

	tea "charm.land/bubbletea/v2"
)

// doubleClick is how soon the second click has to come.
const doubleClick = 400 * time.Millisecond

// mouse does what the keys do: a click moves the cursor, a second one is Enter, the
// wheel scrolls lists and zooms the map at the pointer.
func (a *App) mouse(msg tea.Msg) tea.Cmd {
	if a.tooSmall() {
		return nil
	}
	if a.float != nil {
		return a.mouseOver(msg)
	}
	switch msg := msg.(type) {
	case tea.MouseClickMsg:
		if msg.Button == tea.MouseLeft {
			return a.clickAt(msg.X, msg.Y)
		}
	case tea.MouseMotionMsg:
		if msg.Button == tea.MouseLeft {
			a.dragTo(msg.X, msg.Y)
		}
	case tea.MouseReleaseMsg:
		return a.release()
	case tea.MouseWheelMsg:
		switch msg.Button {
		case tea.MouseWheelUp:
			return a.wheel(msg.X, msg.Y, moveUp, zoomIn)
		case tea.MouseWheelDown:
			return a.wheel(msg.X, msg.Y, moveDown, zoomOut)
		}
	}
	return nil
}

// clickable is what floats and takes the mouse.
type clickable interface {
	click(a *App, x, y int) tea.Cmd
	wheel(m motion)
}

// mouseOver gives the mouse to what lies over the view.
func (a *App) mouseOver(msg tea.Msg) tea.Cmd {
	over, is := a.float.(clickable)
	if !is {
		return nil
	}
	switch msg := msg.(type) {
	case tea.MouseClickMsg:
		if msg.Button == tea.MouseLeft {
			return over.click(a, msg.X, msg.Y)
		}
	case tea.MouseWheelMsg:
		switch msg.Button {
		case tea.MouseWheelUp:
			over.wheel(moveUp)
		case tea.MouseWheelDown:
			over.wheel(moveDown)
		}
	}
	return nil
}

func (a *App) clickAt(x, y int) tea.Cmd {
	if y == 1 {
		to := startView
		a.eachTab(func(t tab, from int, text string, _ bool) {
			if x >= from && x < from+width(text) {
				to = t.view
			}
		})
		if to != startView {
			return a.visit(to)
		}
		return nil
	}
	if y == a.h-1 {
		return a.clickHint(x)
	}
	p, ok := a.panes[a.nav.view].(clicker)
	if !ok || y < 3 || !p.click(a.scene(), x, y-3) {
		return nil
	}
	row, col := a.at.cursorOf(a.nav.view)
	a.nav.drag = selection{true, a.nav.view, row, col}
	now := time.Now()
	again := x == a.nav.clickX && y == a.nav.clickY && now.Sub(a.nav.clicked) < doubleClick
	a.nav.clickX, a.nav.clickY, a.nav.clicked = x, y, now
	if again {
		a.nav.clicked = time.Time{}
		return a.openHere(0)
	}
	return nil
}

// clickHint does what stands at x of the last line.
func (a *App) clickHint(x int) tea.Cmd {
	if x >= a.w-2-width(a.keyFor("palette")+" keys") {
		return a.openPalette(0)
	}
	at := 1
	for _, h := range a.hints() {
		end := at + width(h.label) + 1 + width(h.text)
		if x >= at && x < end {
			return h.run(a, 0)
		}
		at = end + 2
	}
	return nil
}

// dragTo selects from where the mouse went down to where it is: V, moves, V.
func (a *App) dragTo(x, y int) {
	p, ok := a.panes[a.nav.view].(clicker)
	if !ok || !a.nav.drag.on || a.nav.drag.view != a.nav.view || in(errorView, scalesView)&(1<<a.nav.view) == 0 || !p.click(a.scene(), x, y-3) {
		return
	}
	if row, col := a.at.cursorOf(a.nav.view); row != a.nav.drag.row || col != a.nav.drag.col {
		a.at.sel = a.nav.drag
	}
}

func (a *App) release() tea.Cmd {
	dragged := a.nav.drag.on && a.at.sel == a.nav.drag
	a.nav.drag = selection{}
	if dragged {
		return a.endSelection()
	}
	return nil
}

// wheelRows is how many rows one notch of the wheel scrolls.
const wheelRows = 3

func (a *App) wheel(x, y int, m motion, z zoom) tea.Cmd {
	if a.nav.view != errorView {
		return a.move(m, wheelRows)
	}
	if a.errorPane().click(a.scene(), x, y-3) {
		return a.zoom(z, 1)
	}
	return nil
}
