package views

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"fp4tui/exec"
	"fp4tui/views/number"
)

func (a *App) errorPane() *errorPane { return a.panes[errorView].(*errorPane) }

// zoom changes the pixel size of the error map around the crosshair.
func (a *App) zoom(z zoom, count int) tea.Cmd {
	p, s := a.errorPane(), a.scene()
	l := p.layout(s)
	i, j := p.pixel(s, l)
	for range max(count, 1) {
		switch z {
		case zoomIn:
			if i == 0 && j == 0 {
				p.values = true
			}
			p.fit, i, j = false, max(i-1, 0), max(j-1, 0)
		case zoomOut:
			if p.values {
				p.values = false
				break
			}
			i, j = i+1, j+1
		}
	}
	switch z {
	case zoomAll:
		p.fit, p.values = true, false
	case zoomBlock:
		p.fit, p.values, i, j = false, false, 4, 4
	case zoomTile:
		p.fit, p.values, i, j = false, false, 7, 7
	case zoomElements:
		p.fit, p.values = false, true
	}
	p.i, p.j = i, j
	p.centre(s)
	a.status.key(p.mapLine(s), "")
	return nil
}

// centre puts the crosshair into the middle of the window.
func (p *errorPane) centre(s *scene) {
	l := p.layout(s)
	i, j := p.pixel(s, l)
	if !p.fit && !p.values {
		p.i, p.j = i, j
		whole := *p
		whole.fit = true
		if fi, fj := whole.pixel(s, l); i >= fi && j >= fj {
			p.fit = true
		}
	}
	p.row0 = s.at.m - l.rows<<i
	if p.values {
		p.row0 = s.at.m - l.rows/2
	}
	p.col0 = s.at.n - l.cols/2<<j
	p.row0, p.col0 = max(0, p.row0), max(0, p.col0)
}

func (a *App) nextAggregate(int) tea.Cmd {
	p := a.errorPane()
	next := map[string]string{"max": "mean", "mean": "count", "count": "max"}
	p.agg, p.locked = next[p.agg], false
	a.status.key(p.mapLine(a.scene()), "a pixel is "+p.agg)
	return nil
}

// lockColours keeps the colour range when the metric's values change with the run.
func (a *App) lockColours(int) tea.Cmd {
	p, s := a.errorPane(), a.scene()
	if p.locked {
		p.locked = false
		a.status.say("colours follow the map")
		return nil
	}
	m, ready, _ := p.picture(s)
	if !ready {
		return nil
	}
	p.locked, p.lo, p.hi = true, m.lo, m.hi
	a.status.say("colours locked from " + number.Format(p.lo, screenDigits) + " to " + number.Format(p.hi, screenDigits))
	return nil
}

func (a *App) nextWorst(count int) tea.Cmd { return a.stepWorst(max(count, 1)) }
func (a *App) prevWorst(count int) tea.Cmd { return a.stepWorst(-max(count, 1)) }

// stepWorst puts the cursor on the next element of the list of worst ones.
func (a *App) stepWorst(step int) tea.Cmd {
	s := a.scene()
	worst, ready, err := look[exec.Worst](s, s.topLine())
	switch {
	case s.at.e == "":
		a.status.say("nothing is compared yet")
		return nil
	case err != nil:
		a.status.fail("", err)
		return nil
	case !ready:
		a.status.say("working: " + s.topLine())
		return nil
	case len(worst.Rows) == 0:
		a.status.say("no element differs")
		return nil
	}
	n := len(worst.Rows)
	if s.at.worst < 0 && step < 0 {
		s.at.worst = 0
	}
	s.at.worst = ((s.at.worst+step)%n + n) % n
	a.goToWorst(s, worst)
	return nil
}

func (a *App) goToWorst(s *scene, worst exec.Worst) {
	at := worst.Rows[s.at.worst]
	s.at.m, s.at.n = at.M, at.N
	if at.K >= 0 {
		s.at.k = at.K
	}
	a.status.key(s.topLine(), fmt.Sprintf("#%d  [%d,%d]  %s", s.at.worst+1, at.M, at.N, signed(at.Err)))
}

func (a *App) showWorst(int) tea.Cmd {
	a.at.worst = max(a.at.worst, 0)
	return a.goTo(worstView)
}

// yankElement is the value or the address of the output element under the cursor, the
// command of the view, or the worst list as a table.
func (s *scene) yankElement(what, command string) string {
	switch what {
	case "command":
		return command
	case "address":
		return s.elementAddress()
	}
	e, ready, _ := look[exec.Element](s, s.elementLine())
	if !ready {
		return ""
	}
	if what == "value" {
		return fmt.Sprintf("got %s %s want %s %s", number.Exact32(float64(e.Got)), e.GotBits, number.Exact32(float64(e.Want)), e.WantBits)
	}
	var b strings.Builder
	for _, t := range e.Terms {
		fmt.Fprintf(&b, "%d\t%s\t%s\t%s\t%s\n", t.K, number.Exact32(float64(t.X)), number.Exact32(float64(t.W)), number.Hex(int64(t.Code), 1), number.Exact(float64(t.Product)))
	}
	return b.String()
}

// elementAddress is where the output element is, and the nibble of its largest term.
func (s *scene) elementAddress() string {
	text := fmt.Sprintf("%s[%d,%d]", s.at.e, s.at.m, s.at.n)
	e, ready, _ := look[exec.Element](s, s.elementLine())
	if !ready || len(e.Terms) == 0 {
		return text
	}
	t := e.Terms[0]
	return fmt.Sprintf("%s  %s %s[%d,%d] %s", text, t.File, s.at.layer, e.N, t.K, nibbleText(t.Byte, t.High))
}

func nibbleText(at int64, high bool) string {
	if at < 0 {
		return "—"
	}
	if high {
		return number.Offset(at) + " high nibble"
	}
	return number.Offset(at) + " low nibble"
}
