package views

import (
	"math"
	"strconv"
	"strings"

	"fp4tui/exec"
	"fp4tui/views/number"
)

// heatmap draws an exec.Heat: half blocks with two colours a cell, or one glyph a cell
// where there is no colour. Rows and columns of the result are pixels; a cell is one
// pixel wide and two high.
type heatmap struct {
	exec.Heat
	lo, hi float64 // colour range
	crossM int     // crosshair, in elements; -1: none
	crossN int
	rows   int // rows of pixels that are computed, from the top

	marks []byte // the sign of each pixel that has one, 0 for none; nil: none has
}

// glyphRamp is the ramp without colour; the blank is exactly zero.
const glyphRamp = " .:-=+*#%@"

// labelWidth is the row labels' column for indices up to n.
func labelWidth(n int) int { return max(4, len(strconv.Itoa(max(n-1, 0)))+2) }

// step places a magnitude on a ramp of n steps, on a logarithmic scale.
func (h heatmap) step(v float64, n int) int {
	if h.lo <= 0 || h.hi <= h.lo {
		return n - 1
	}
	t := (number.Log2(math.Abs(v)) - number.Log2(h.lo)) / (number.Log2(h.hi) - number.Log2(h.lo))
	if math.IsInf(v, 0) {
		t = 1
	}
	return min(max(int(t*float64(n)), 0), n-1)
}

// pixel is one value of the map as the painter needs it.
type pixel struct {
	value   float64
	nan     bool // holds a NaN or an infinity
	none    bool // outside the map, or holds no data
	padding bool // holds padding, which is no data
	pending bool // not computed yet
	mark    byte // a sign of its own; 0: none
}

func (h heatmap) at(row, col int) pixel {
	i := row*h.W + col
	if row < 0 || row >= h.H || col < 0 || col >= h.W {
		return pixel{none: true}
	}
	if row >= h.rows || i >= len(h.Values) {
		return pixel{none: true, pending: true}
	}
	v := float64(h.Values[i])
	p := pixel{value: v, nan: i < len(h.NaNs) && h.NaNs[i] > 0 || math.IsInf(v, 0), padding: i < len(h.Pads) && h.Pads[i] > 0}
	if math.IsNaN(v) {
		p.value, p.none = 0, true
	}
	if i < len(h.marks) {
		p.mark = h.marks[i]
	}
	return p
}

func (h heatmap) ink(p pixel, th *theme) ink {
	switch {
	case p.none || p.value == 0:
		return 0
	case p.value < 0:
		return th.minus[h.step(p.value, len(th.minus))]
	case h.signed():
		return th.plus[h.step(p.value, len(th.plus))]
	}
	return th.ramp[h.step(p.value, len(th.ramp))]
}

func (h heatmap) signed() bool { return h.Metric == "signed" }

// cell is the text and style of two pixels, one above the other. What is no number comes
// first, so that it is never taken for a small one: NaN, then padding (in the
// colour of the data it shares the cell with), then what is not computed yet.
func (h heatmap) cell(top, bottom pixel, th *theme) (string, style) {
	larger := top
	if top.none || !bottom.none && math.Abs(bottom.value) > math.Abs(top.value) {
		larger = bottom
	}
	switch {
	case top.nan || bottom.nan:
		return "!", th.roles[nanRole]
	case top.padding || bottom.padding:
		if k := h.ink(larger, th); k != 0 && !th.glyphs {
			return "╱", style{fg: k}
		}
		if !larger.none && larger.value != 0 && th.glyphs {
			return h.glyph(larger, th)
		}
		return "╱", th.roles[paddingRole]
	case top.pending && (bottom.pending || bottom.none):
		return notYet(th), th.roles[dim]
	case top.mark != 0 || bottom.mark != 0:
		return h.marked(top, bottom, th)
	case th.glyphs && (larger.none || larger.value == 0):
		return " ", style{}
	case th.glyphs:
		return h.glyph(larger, th)
	}
	fg, bg := h.ink(top, th), h.ink(bottom, th)
	switch {
	case fg == 0 && bg == 0:
		return " ", style{}
	case fg == 0:
		return "▄", style{fg: bg}
	}
	return "▀", style{fg: fg, bg: bg}
}

// glyphs is the ramp without colour; "@" is a sign where there are signs.
func (h heatmap) glyphs() string {
	if h.marks != nil {
		return strings.TrimSuffix(glyphRamp, "@")
	}
	return glyphRamp
}

// marked draws the sign of a cell on the colour of its value; of two signs the graver one:
// zero, subnormal, saturated.
func (h heatmap) marked(top, bottom pixel, th *theme) (string, style) {
	p := top
	if p.mark == 0 || bottom.mark != 0 && strings.IndexByte("0,@", bottom.mark) < strings.IndexByte("0,@", p.mark) {
		p = bottom
	}
	return string(p.mark), style{fg: h.ink(p, th), attr: bold | reverse}
}

// notYet stands for what is not computed: it is never shown as zero.
func notYet(th *theme) string {
	if th.ascii {
		return "?"
	}
	return "·"
}

func (h heatmap) glyph(p pixel, th *theme) (string, style) {
	at := 1 + h.step(p.value, len(h.glyphs())-1)
	return glyphRamp[at : at+1], style{fg: h.ink(p, th)}
}

// draw paints the pixels at the origin of r and the crosshair on top.
func (h heatmap) draw(r region) {
	for y := range min(r.h, (h.H+1)/2) {
		for x := range min(r.w, h.W) {
			text, look := h.cell(h.at(2*y, x), h.at(2*y+1, x), r.th)
			r.put(x, y, look, text)
		}
	}
	h.cross(r)
}

// cross draws the crosshair, where the terminal's own cursor stands too.
func (h heatmap) cross(r region) {
	if x, y, ok := h.crossCell(); ok {
		r.text(x, y, cursorRole, "┼")
		r.cursorAt(x, y)
	}
}

// crossCell is where the crosshair stands, in cells of the map.
func (h heatmap) crossCell() (x, y int, ok bool) {
	if h.crossM < h.Row0 || h.crossN < h.Col0 || h.RowStep <= 0 || h.ColStep <= 0 {
		return 0, 0, false
	}
	y, x = (h.crossM-h.Row0)/h.RowStep/2, (h.crossN-h.Col0)/h.ColStep
	return x, y, x < h.W && y < (h.H+1)/2
}

// axes writes the row labels left of the map and the column labels above it, with a
// tick at the crosshair's row. That of its column is below the map: the renderer writes all
// between two changes of a line, and what the cursor stands on is told beside the labels.
func (h heatmap) axes(top, left region, labels int) {
	for y := range min(left.h, (h.H+1)/2) {
		left.right(labels-1, y, dim, strconv.Itoa(h.Row0+2*y*h.RowStep))
	}
	every := 8
	for every*h.ColStep < 8 {
		every *= 2
	}
	for x := 0; x < h.W; x += every {
		label := strconv.Itoa(h.Col0 + x*h.ColStep)
		if x+len(label) <= top.w && len(label) < every {
			top.text(x, 0, dim, label)
		}
	}
	if _, y, ok := h.crossCell(); ok {
		mark := func(s style) style { return top.th.roles[strong] }
		left.paint(0, y, labels-1, mark)
		if y < left.h {
			left.text(0, y, strong, "▸")
		}
	}
}

// tick marks the crosshair's column in the line below the map, in the style of that line:
// the renderer then writes three bytes for it.
func (h heatmap) tick(below region) {
	if x, _, ok := h.crossCell(); ok && x < below.w {
		below.text(x, 0, plain, "↑")
	}
}

// marginals draws the largest value of each row at the right and of each column below.
func (h heatmap) marginals(right, below region) {
	for y := range min(right.h, (h.H+1)/2) {
		v := float64(margin(h.RowMax, 2*y))
		if w := float64(margin(h.RowMax, 2*y+1)); w > v || math.IsNaN(w) {
			v = w
		}
		right.text(0, y, plain, bar(v, h.hi, min(3, right.w), right.th.ascii))
	}
	cols := make([]float64, 0, h.W)
	for x := range min(h.W, below.w) {
		cols = append(cols, float64(margin(h.ColMax, x)))
	}
	below.text(0, 0, plain, spark(cols, 0, h.hi, below.th.ascii))
	h.tick(below)
}

func margin(values []exec.Float32, i int) exec.Float32 {
	if i < 0 || i >= len(values) {
		return 0
	}
	return values[i]
}

// legend is the scale of the colours: "log .13 .:-=+*#%@ .69". A signed map has two: the
// largest negative value stands at the left, zero in the middle.
func (h heatmap) legend(th *theme) []span {
	if h.signed() {
		return h.signedLegend(th)
	}
	out := []span{{dim, "log " + trimZero(h.lo) + " "}}
	if th.glyphs {
		glyphs := h.glyphs()
		for i := 1; i < len(glyphs); i++ {
			out = append(out, span{rampRole((i - 1) * len(th.ramp) / (len(glyphs) - 1)), glyphs[i : i+1]})
		}
	} else {
		for i := range th.ramp {
			out = append(out, span{rampRole(i), "█"})
		}
	}
	return append(out, span{dim, " " + trimZero(h.hi)})
}

func (h heatmap) signedLegend(th *theme) []span {
	out := []span{{dim, "log -" + trimZero(h.hi) + " "}}
	step := func(i int) string {
		if !th.glyphs {
			return "█"
		}
		at := 1 + i*(len(glyphRamp)-2)/(len(th.plus)-1)
		return glyphRamp[at : at+1]
	}
	for i := len(th.minus) - 1; i >= 0; i-- {
		out = append(out, span{minusRole(i), step(i)})
	}
	out = append(out, span{dim, " ±" + trimZero(h.lo) + " "})
	for i := range th.plus {
		out = append(out, span{plusRole(i), step(i)})
	}
	return append(out, span{dim, " +" + trimZero(h.hi)})
}

// trimZero writes a colour bound in few cells: ".13", "7.1e-08".
func trimZero(v float64) string {
	return strings.Replace(strings.Replace(number.Short(v, 2), "0.", ".", 1), "-.", "-0.", 1)
}

// heatOf makes a heatmap with the colour range of the whole map.
func heatOf(h exec.Heat, m, n int) heatmap {
	return heatmap{Heat: h, lo: float64(h.Lo), hi: float64(h.Hi), crossM: m, crossN: n, rows: h.H}
}
