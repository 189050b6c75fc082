package views

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"fp4tui/exec"
	"fp4tui/views/number"
)

// errorPane is the error map: a picture of |got - want| with a crosshair, and beside
// it what is known of the element under it.
type errorPane struct {
	metric, agg string
	fit         bool // the whole map is shown
	values      bool // elements are written as numbers
	i, j        int  // a pixel is 2^i × 2^j elements, unless fit
	row0, col0  int  // first element of the window
	locked      bool
	lo, hi      float64 // the locked colour range
	query       string  // the where command of the last value search
	match       int     // place among its matches
	bands       bands   // the map, while it is made
}

func newErrorPane() *errorPane {
	p := &errorPane{}
	p.reset()
	return p
}

// reset shows the whole map again: another comparison is open.
func (p *errorPane) reset() {
	*p = errorPane{metric: "abs", agg: "max", fit: true, match: -1}
}

// zoom is a change of the pixel size.
type zoom uint8

const (
	zoomIn zoom = iota
	zoomOut
	zoomAll
	zoomCentre
	zoomBlock
	zoomTile
	zoomElements
)

// mapLayout is how the body is shared out: map cells, list and inspector columns.
type mapLayout struct {
	labels    int
	cols      int // cells of the map
	rows      int
	left      int // width of the map pane
	list      int // width of the worst list; 0: none
	inspector int // width of the inspector; 0: none
}

// valueWidth is the columns of one element written as a number.
const valueWidth = 8

func (p *errorPane) layout(s *scene) mapLayout {
	m, _ := p.dims(s)
	l := mapLayout{labels: labelWidth(m), inspector: 22, rows: max(1, s.h-2)}
	switch {
	case s.w >= 140:
		l.inspector, l.list = 44, 46
	case s.w >= tallWidth:
		l.inspector = 42
	case p.values:
		l.inspector = 0
	}
	l.left = s.w
	if l.inspector > 0 {
		l.left -= l.inspector + 1
	}
	if l.list > 0 {
		l.left -= l.list + 1
	}
	l.cols = max(1, l.left-l.labels-4)
	if p.values {
		l.cols = max(1, (l.left-l.labels-1)/valueWidth)
	}
	return l
}

// compared is the comparison on the screen.
func (s *scene) compared() (exec.Diff, bool) {
	if s.at.diff.Handle == s.at.e && s.at.e != "" {
		return s.at.diff, true
	}
	d, ready, _ := look[exec.Diff](s, "info "+s.at.e)
	return d, ready
}

func (p *errorPane) dims(s *scene) (m, n int) {
	d, _ := s.compared()
	return d.M, d.N
}

// pixel gives the exponents of the pixel size.
func (p *errorPane) pixel(s *scene, l mapLayout) (i, j int) {
	m, n := p.dims(s)
	for (m-1)>>i >= 2*l.rows {
		i++
	}
	for (n-1)>>j >= l.cols {
		j++
	}
	switch {
	case p.values:
		return 0, 0
	case p.fit:
		return i, j
	}
	return min(p.i, i), min(p.j, j)
}

// window is the part of the map that is shown: it always holds the crosshair.
func (p *errorPane) window(s *scene) (l mapLayout, m0, m1, n0, n1 int) {
	l = p.layout(s)
	i, j := p.pixel(s, l)
	m, n := p.dims(s)
	high := 2 * l.rows
	if p.values {
		high = max(1, l.rows-1)
	}
	m0, m1 = span1(p.row0, s.at.m, high<<i, m, i)
	n0, n1 = span1(p.col0, s.at.n, l.cols<<j, n, j)
	p.row0, p.col0 = m0, n0
	return l, m0, m1, n0, n1
}

// span1 moves a window of length size over total elements so that it holds at.
func span1(from, at, size, total, exponent int) (lo, hi int) {
	if at < from {
		from = at
	}
	if at >= from+size {
		from = at - size + 1<<exponent
	}
	from = min(from, max(0, total-size))
	from = max(0, from) >> exponent << exponent
	return from, min(total, from+size)
}

func (p *errorPane) mapLine(s *scene) string {
	if p.values && p.metric == "abs" {
		return p.windowLine(s, "signed")
	}
	return p.windowLine(s, p.metric)
}

// windowLine asks for one metric of the window.
func (p *errorPane) windowLine(s *scene, metric string) string {
	l, m0, m1, n0, n1 := p.window(s)
	m, n := p.dims(s)
	subject := s.at.e
	if m0 > 0 || n0 > 0 || m1 < m || n1 < n {
		subject = windowOf(s.at.e, m0, m1, n0, n1)
	}
	rows := 2 * l.rows
	if p.values {
		rows = max(1, l.rows-1)
	}
	return fmt.Sprintf("map %s size=%dx%d agg=%s metric=%s", subject, l.cols, rows, p.agg, metric)
}

func (s *scene) elementLine() string {
	return fmt.Sprintf("info %s[%d,%d]", s.at.e, s.at.m, s.at.n)
}

func (p *errorPane) wants(s *scene) []string {
	if s.at.e == "" {
		return nil
	}
	lines := []string{"info " + s.at.e}
	if _, ready := s.compared(); !ready {
		return lines
	}
	lines = append(lines, p.mapLine(s), s.elementLine(), s.topLine())
	lines = append(lines, p.bandLines(s)...)
	lines = append(lines, p.minimapLines(s)...)
	lines = append(lines, p.proofLines(s)...)
	if s.pictures.ready(s.th) && !p.values {
		lines = append(lines, p.finerLine(s))
	}
	if p.query != "" {
		lines = append(lines, p.query)
	}
	return lines
}

func (p *errorPane) status(s *scene) (left, right []span) {
	d, ready := s.compared()
	if !ready {
		return nil, nil
	}
	right = []span{{dim, "vs " + reference(d.WantBy)}}
	if p.values {
		right = []span{{dim, "1 element/cell"}}
		if e, ok, _ := look[exec.Element](s, s.elementLine()); ok {
			return []span{{plain, fmt.Sprintf("m %d n %d  got %s  want %s  err %s", e.M, e.N, num(e.Got), num(e.Want), signed(e.Err))}}, right
		}
		return []span{{plain, fmt.Sprintf("m %d n %d", s.at.m, s.at.n)}}, right
	}
	m, ok, _ := p.picture(s)
	if !ok {
		return []span{{plain, metricName(p.metric) + " " + p.agg}}, right
	}
	left = []span{{plain, fmt.Sprintf("%s %s, px %d m × %d n  ", metricName(m.Metric), m.Agg, m.RowStep, m.ColStep)}}
	left = append(left, m.legend(s.th)...)
	nan := plain
	if m.NaN > 0 {
		nan = badRole
	}
	left = append(left, span{nan, "  NaN " + number.Count(m.NaN)})
	if m.Pad > 0 {
		left = append(left, span{paddingRole, "  ╱"}, span{plain, " padding " + number.Count(m.Pad)})
	}
	if m.rows < m.H {
		left = append(left, span{warnRole, fmt.Sprintf("  %d%%", 100*m.rows/m.H)})
	}
	if p.locked {
		left = append(left, span{warnRole, "  locked"})
	}
	return left, right
}

// noRun writes what to do when nothing has been compared; false when something was.
func (s *scene) noRun(r region) bool {
	if s.at.e != "" {
		return false
	}
	r.text(1, 0, dim, "nothing is compared yet: open a layer and press r")
	return true
}

func (p *errorPane) draw(r region, s *scene) {
	if s.noRun(r) {
		return
	}
	if _, ready := s.compared(); !ready {
		_, _, err := look[exec.Diff](s, "info "+s.at.e)
		s.pending(r, "info "+s.at.e, err)
		return
	}
	l, _, _, _, _ := p.window(s)
	p.drawMap(r.sub(0, 0, l.left, r.h), s, l)
	x := l.left
	if l.list > 0 {
		r.bar(x)
		p.drawList(r.sub(x+1, 0, l.list, r.h), s)
		x += l.list + 1
	}
	if l.inspector > 0 {
		r.bar(x)
		side := r.sub(x+1, 0, l.inspector, r.h)
		drawInspector(side, s)
		if p.zoomed(s) {
			p.drawMinimap(side, s)
		}
	}
}

// bar is the line between two panes.
func (r region) bar(x int) {
	for y := range r.h {
		r.text(x, y, dim, "│")
	}
}

func (p *errorPane) drawMap(r region, s *scene, l mapLayout) {
	m, ready, err := p.picture(s)
	if !ready {
		s.pending(r, p.mapLine(s), err)
		return
	}
	if p.values {
		p.drawValues(r, s, m, l)
		return
	}
	body := r.sub(l.labels, 1, min(l.cols, m.W), l.rows)
	r.right(l.labels-1, 0, dim, "n")
	if !s.pictures.draw(body, p, s, m) {
		m.draw(body)
	}
	m.drawSelection(body, s.at.sel, errorView, s.at.m, s.at.n, 1)
	m.axes(r.sub(l.labels, 0, r.w-l.labels, 1), r.sub(0, 1, l.labels, l.rows), l.labels)
	rows := min(l.rows, (m.H+1)/2)
	r.right(l.labels-1, 1+rows, dim, "max")
	m.marginals(r.sub(l.labels+body.w+1, 1, 3, l.rows), r.sub(l.labels, 1+rows, body.w, 1))
	if rest := r.h - rows - 2; l.list == 0 && rest >= 6 {
		r.rule(0, rows+2, r.w)
		p.drawList(r.sub(0, rows+3, r.w, rest-1), s)
	}
}

func (p *errorPane) move(s *scene, m motion, count int) {
	rows, cols := p.dims(s)
	l := p.layout(s)
	i, j := p.pixel(s, l)
	at := s.at
	switch m {
	case moveLeft:
		at.n -= count << j
	case moveRight:
		at.n += count << j
	case moveUp:
		at.m -= count << i
	case moveDown:
		at.m += count << i
	case blockLeft:
		at.n -= count * 16
	case blockRight:
		at.n += count * 16
	case blockUp:
		at.m -= count * 16
	case blockDown:
		at.m += count * 16
	case rowStart:
		at.n = 0
	case rowEnd:
		at.n = cols - 1
	case moveFirst:
		at.m = 0
	case moveLast:
		at.m = rows - 1
	case halfUp:
		at.m -= count * max(1, l.rows<<i)
	case halfDown:
		at.m += count * max(1, l.rows<<i)
	case pageUp:
		at.m -= count * max(1, 2*l.rows<<i)
	case pageDown:
		at.m += count * max(1, 2*l.rows<<i)
	}
	at.m = min(max(at.m, 0), max(rows-1, 0))
	at.n = min(max(at.n, 0), max(cols-1, 0))
}

func (p *errorPane) click(s *scene, x, y int) bool {
	h, ready, _ := look[exec.Heat](s, p.mapLine(s))
	l := p.layout(s)
	x, y = x-l.labels, y-1
	high := 2
	if p.values {
		x, high = x/valueWidth, 1
	}
	if !ready || x < 0 || y < 0 || x >= h.W || high*y >= h.H {
		return false
	}
	m, n := p.dims(s)
	s.at.m = min(h.Row0+high*y*h.RowStep, max(0, m-1))
	s.at.n = min(h.Col0+x*h.ColStep, max(0, n-1))
	return true
}

func (p *errorPane) open(a *App) tea.Cmd { return a.goTo(elementView) }

func (p *errorPane) yank(s *scene, what string) string {
	if s.at.e == "" {
		return ""
	}
	return s.yankElement(what, p.mapLine(s))
}

// reference is what a comparison is against, in the words of the screen: a weight that
// was never quantized is the original.
func reference(by string) string {
	if strings.HasSuffix(by, ", unquantized") {
		return "original"
	}
	return cut(by, 20)
}
