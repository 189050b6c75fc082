package text

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"fp4tui/exec"
	"fp4tui/views/number"
)

// The ramps of magnitudes, small to large. A blank is exactly zero, and of signed errors
// the sign stands in the numbers: glyphs show magnitude only.
const (
	ramp       = ".:-=+*#%@"
	signedRamp = ".-=#@"
	marks      = 8 // pixels between column labels, twice that for long ones
)

// heat writes a map with its legend, labels and margins. A map that is wider than the
// page goes on in panels below.
func heat(p *page, r exec.Heat) {
	p.list(either(r.Subject, "map"), expertOf(r.Expert, r.Experts), fmt.Sprintf("%s, %s of %d %s × %d %s a pixel", r.Metric, r.Agg, r.RowStep, r.RowAxis, r.ColStep, r.ColAxis),
		"map "+number.Shape(r.M, r.N), windowText(r), labelled("by", r.By))
	if r.H <= 0 || r.W <= 0 || len(r.Values)/r.W != r.H || len(r.Values)%r.W != 0 {
		p.say("no pixels")
		return
	}
	m := newHeatmap(p, r)
	p.list("log scale", fmt.Sprintf("%s %s %s", p.opt.num(r.Lo), m.ramp, p.opt.num(r.Hi)), "blank 0", "! nan or inf", "? no data", counted("nan", r.NaN))
	p.largest(m)
	for from := 0; from < r.W; from += m.panel {
		m.draw(p, from, min(from+m.panel, r.W))
	}
}

func heatLine(o Options, r exec.Heat) []string {
	return []string{fmt.Sprintf("%s %s", r.Agg, r.Metric), "max " + o.num(r.Hi), counted("nan", r.NaN), fmt.Sprintf("pixel %d×%d", r.RowStep, r.ColStep)}
}

// windowText is which part of the matrix is shown; nothing for all of it.
func windowText(r exec.Heat) string {
	rows, cols := r.H*r.RowStep, r.W*r.ColStep
	if r.Row0 == 0 && r.Col0 == 0 && rows >= r.M && cols >= r.N {
		return ""
	}
	return fmt.Sprintf("%s %s, %s %s", r.RowAxis, pixelSpan(r.Row0, rows, r.M), r.ColAxis, pixelSpan(r.Col0, cols, r.N))
}

// pixelSpan is the elements of a run of pixels; the last pixel may reach past the edge.
func pixelSpan(first, length, size int) string {
	return span(first, max(min(length, size-first), 1))
}

// heatmap is a map with the geometry of its page.
type heatmap struct {
	exec.Heat
	ramp    string
	corner  string   // names of the axes, over the row labels
	label   int      // width of the row labels
	extreme []string // greatest magnitude of each row of pixels
	margin  int      // its width
	panel   int      // pixels side by side
}

func newHeatmap(p *page, r exec.Heat) heatmap {
	m := heatmap{Heat: r, ramp: ramp, corner: p.clean(r.RowAxis + ` \ ` + r.ColAxis)}
	if m.signed() {
		m.ramp = signedRamp
	}
	m.corner = p.middle(m.corner, 12)
	m.label = max(width(m.corner), len(strconv.Itoa(r.Row0)), len(strconv.Itoa(r.Row0+(r.H-1)*r.RowStep)))
	m.margin = len("max")
	for row := range r.H {
		text := m.rowText(p.opt, row)
		m.extreme = append(m.extreme, text)
		m.margin = max(m.margin, width(text))
	}
	m.panel = r.W
	if room := p.opt.Width - m.label - 1 - hang - m.margin; m.panel > room {
		m.panel = max(room/marks*marks, 1)
	}
	return m
}

func (m heatmap) signed() bool { return m.Metric == "signed" }

// rowText is the pixel of greatest magnitude of a row, with its sign where the map has
// signs.
func (m heatmap) rowText(o Options, row int) string {
	values, nans := m.Values[row*m.W:(row+1)*m.W], int32(0)
	if len(m.NaNs) == len(m.Values) {
		for _, n := range m.NaNs[row*m.W : (row+1)*m.W] {
			nans |= n
		}
	}
	i := largest(values)
	switch {
	case i < 0 && nans != 0:
		return "nan"
	case i < 0:
		return "?"
	case m.signed():
		return o.signed(exec.Float(values[i]))
	}
	return o.num(exec.Float(values[i]))
}

// largest is the first pixel of greatest magnitude; -1 without data.
func largest(values []exec.Float32) int {
	at := -1
	for i, v := range values {
		if v == v && (at < 0 || math.Abs(float64(v)) > math.Abs(float64(values[at]))) {
			at = i
		}
	}
	return at
}

// largest names the pixel of the greatest magnitude.
func (p *page) largest(m heatmap) {
	i := largest(m.Values)
	if i < 0 {
		return
	}
	row, col := m.Row0+i/m.W*m.RowStep, m.Col0+i%m.W*m.ColStep
	p.say("largest %s at %s %s, %s %s", m.rowText(p.opt, i/m.W), m.RowAxis, pixelSpan(row, m.RowStep, m.M), m.ColAxis, pixelSpan(col, m.ColStep, m.N))
}

// draw writes the columns of pixels from one to before another.
func (m heatmap) draw(p *page, from, to int) {
	p.emitRow(m, m.corner, m.columnLabels(from, to), "max")
	for row := range m.H {
		var b strings.Builder
		for col := from; col < to; col++ {
			b.WriteByte(m.glyph(row*m.W + col))
		}
		p.emitRow(m, strconv.Itoa(m.Row0+row*m.RowStep), pad(b.String(), to-from), m.extreme[row])
	}
	if len(m.ColMax) == m.W {
		p.emitRow(m, "max", m.columnMax(from, to, p.opt.ASCII), "")
	}
}

func (p *page) emitRow(m heatmap, label, pixels, margin string) {
	line := strings.Repeat(" ", max(m.label-width(label), 0)) + label + " " + pixels
	if margin != "" {
		line += strings.Repeat(" ", hang+m.margin-width(margin)) + margin
	}
	p.raw(line)
}

func pad(s string, w int) string { return s + strings.Repeat(" ", max(w-width(s), 0)) }

func (m heatmap) columnLabels(from, to int) string {
	every := marks
	if len(strconv.Itoa(m.Col0+(m.W-1)*m.ColStep)) >= marks {
		every *= 2
	}
	line := ""
	for col := from; col < to; col += every {
		label := strconv.Itoa(m.Col0 + col*m.ColStep)
		if col-from+len(label) <= to-from {
			line = pad(line, col-from) + label
		}
	}
	return pad(line, to-from)
}

func (m heatmap) glyph(i int) byte {
	v := float64(m.Values[i])
	switch {
	case i < len(m.NaNs) && m.NaNs[i] > 0 || math.IsInf(v, 0):
		return '!'
	case math.IsNaN(v):
		return '?'
	case v == 0:
		return ' '
	}
	return m.ramp[step(v, float64(m.Lo), float64(m.Hi), len(m.ramp))]
}

// columnMax draws the greatest magnitude of each column on the scale of the map.
func (m heatmap) columnMax(from, to int, plain bool) string {
	bars := []rune("▁▂▃▄▅▆▇█")
	if plain {
		bars = []rune("123456789")
	}
	var b strings.Builder
	for _, max := range m.ColMax[from:to] {
		v := float64(max)
		switch {
		case math.IsNaN(v):
			b.WriteByte('?')
		case math.IsInf(v, 0):
			b.WriteByte('!')
		case v == 0:
			b.WriteByte(' ')
		default:
			b.WriteRune(bars[step(v, float64(m.Lo), float64(m.Hi), len(bars))])
		}
	}
	return b.String()
}
