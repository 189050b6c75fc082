package views

import (
	"strings"

	"github.com/charmbracelet/x/ansi"

	"fp4tui/inspect"
)

// cell is one place of the grid. The second cell of a wide character holds "".
type cell struct {
	text  string
	style style
}

// canvas is the grid a frame is drawn into, with the place of the real cursor.
type canvas struct {
	w, h     int
	cells    []cell
	cursor   bool
	cursorX  int
	cursorY  int
	ascii    bool
	overlaid bool // something floats: panes below no longer own the cursor
}

func newCanvas(w, h int, ascii bool) *canvas {
	c := &canvas{w: w, h: h, cells: make([]cell, w*h), ascii: ascii}
	for i := range c.cells {
		c.cells[i].text = " "
	}
	return c
}

// region is a rectangle of the canvas with its own origin. Drawing outside is cut.
type region struct {
	c          *canvas
	x, y, w, h int
	th         *theme
}

func (r region) sub(x, y, w, h int) region {
	x, y = max(0, x), max(0, y)
	return region{c: r.c, x: r.x + x, y: r.y + y, w: max(0, min(w, r.w-x)), h: max(0, min(h, r.h-y)), th: r.th}
}

// put sets one cell; text is one cluster of one cell. The other half of a wide character
// that it covers becomes a blank, so that a line never changes its width.
func (r region) put(x, y int, s style, text string) {
	if x < 0 || y < 0 || x >= r.w || y >= r.h {
		return
	}
	at := (r.y+y)*r.c.w + r.x + x
	if old := r.c.cells[at].text; old == "" && text != "" && r.x+x > 0 {
		r.c.cells[at-1].text = " "
	} else if old != "" && r.x+x+1 < r.c.w && r.c.cells[at+1].text == "" {
		r.c.cells[at+1].text = " "
	}
	r.c.cells[at] = cell{text, s}
}

// print writes text from x on and returns the column after it. Untrusted text is safe
// here: controls become visible escapes, ambiguous widths become "?".
func (r region) print(x, y int, s style, text string) int {
	eachCluster(text, func(cluster string, width int) {
		if width == 2 && x+1 >= r.w {
			cluster, width = " ", 1
		}
		r.put(x, y, s, cluster)
		if width == 2 {
			r.put(x+1, y, s, "")
		}
		x += width
	})
	return x
}

// text is print with a role of the theme.
func (r region) text(x, y int, role role, text string) int {
	return r.print(x, y, r.th.style(role), text)
}

// right writes text so that it ends before column x.
func (r region) right(x, y int, role role, text string) int {
	start := x - width(text)
	r.text(start, y, role, text)
	return start
}

// span is a piece of a line with its role.
type span struct {
	role role
	text string
}

func (r region) spans(x, y int, parts ...span) int {
	for _, part := range parts {
		x = r.text(x, y, part.role, part.text)
	}
	return x
}

// paint changes the style of cells that are already drawn: selection and focus.
func (r region) paint(x, y, w int, apply func(style) style) {
	for i := max(0, x); i < min(r.w, x+w) && y >= 0 && y < r.h; i++ {
		at := &r.c.cells[(r.y+y)*r.c.w+r.x+i]
		at.style = apply(at.style)
	}
}

func (r region) clear() {
	for y := range r.h {
		for x := range r.w {
			r.put(x, y, style{}, " ")
		}
	}
}

func (r region) rule(x, y, w int) { r.text(x, y, dim, strings.Repeat("─", max(0, w))) }

// cursorAt places the terminal's real cursor, which magnifiers and readers follow.
func (r region) cursorAt(x, y int) {
	if r.c.overlaid || x < 0 || y < 0 || x >= r.w || y >= r.h {
		return
	}
	r.c.cursor, r.c.cursorX, r.c.cursorY = true, r.x+x, r.y+y
}

// eachCluster calls visit for every character of the printable form of text with its
// width, 1 or 2. Clusters that terminals disagree about become "?".
func eachCluster(text string, visit func(cluster string, width int)) {
	text = inspect.Printable(text)
	for len(text) > 0 {
		if b := text[0]; b < 0x80 && (len(text) == 1 || text[1] < 0x80) {
			visit(text[:1], 1)
			text = text[1:]
			continue
		}
		cluster, _ := ansi.FirstGraphemeCluster(text, ansi.GraphemeWidth)
		if cluster == "" {
			cluster = text[:1]
		}
		text = text[len(cluster):]
		switch w := ansi.StringWidth(cluster); {
		case w != ansi.StringWidthWc(cluster) || w < 1 || w > 2:
			visit("?", 1)
		default:
			visit(cluster, w)
		}
	}
}

// width is how many cells print would use.
func width(text string) int {
	total := 0
	eachCluster(text, func(_ string, w int) { total += w })
	return total
}

// cut shortens text to w cells; what is lost shows as "…".
func cut(text string, w int) string {
	if width(text) <= w {
		return text
	}
	if w <= 0 {
		return ""
	}
	var b strings.Builder
	used := 0
	full := false
	eachCluster(text, func(cluster string, cw int) {
		if full || used+cw > w-1 {
			full = true
			return
		}
		b.WriteString(cluster)
		used += cw
	})
	return b.String() + "…"
}

// cutMiddle shortens text to w cells and keeps both ends: "layer.0…dense".
func cutMiddle(text string, w int) string {
	total := width(text)
	if total <= w {
		return text
	}
	if w <= 2 {
		return cut(text, w)
	}
	head := (w - 1) / 2
	tail := w - 1 - head
	var left, right strings.Builder
	used := 0
	eachCluster(text, func(cluster string, cw int) {
		if used+cw <= head {
			left.WriteString(cluster)
		}
		if used >= total-tail {
			right.WriteString(cluster)
		}
		used += cw
	})
	return left.String() + "…" + right.String()
}

// pad writes text left-aligned in exactly w cells.
func pad(text string, w int) string {
	text = cut(text, w)
	return text + strings.Repeat(" ", max(0, w-width(text)))
}

// padLeft writes text right-aligned in at least w cells.
func padLeft(text string, w int) string { return strings.Repeat(" ", max(0, w-width(text))) + text }

// lines is the glyph grid: one string a row, exactly w cells wide.
func (c *canvas) lines() []string {
	out := make([]string, c.h)
	var b strings.Builder
	for y := range c.h {
		b.Reset()
		for _, at := range c.cells[y*c.w : (y+1)*c.w] {
			b.WriteString(c.glyph(at.text))
		}
		out[y] = b.String()
	}
	return out
}

// render is the frame with colours: one SGR sequence where the style changes.
func (c *canvas) render() string {
	var b strings.Builder
	b.Grow(len(c.cells) * 4)
	for y := range c.h {
		if y > 0 {
			b.WriteByte('\n')
		}
		var now style
		for _, at := range c.cells[y*c.w : (y+1)*c.w] {
			if at.style != now {
				at.style.write(&b)
				now = at.style
			}
			b.WriteString(c.glyph(at.text))
		}
		if now != (style{}) {
			b.WriteString("\x1b[m")
		}
	}
	return b.String()
}

func (c *canvas) glyph(text string) string {
	if !c.ascii || text == "" || (len(text) == 1 && text[0] < 0x80) {
		return text
	}
	if twin, ok := asciiTwin(text); ok {
		return twin
	}
	return strings.Repeat("?", ansi.StringWidth(text))
}
