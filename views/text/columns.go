package text

import (
	"slices"
	"strings"
)

// align says how the cells of a column stand.
type align uint8

const (
	right align = iota // numbers
	float              // right, and wide enough for most floats: a digit more moves nothing
	left
	name // left; may lose its middle when space is short
)

type column struct {
	head  string
	align align
}

// grid is an aligned table. Bars, when given, are shares of the longest bar, one a row.
type grid struct {
	columns []column
	rows    [][]string
	bars    []float64
}

func (g *grid) add(cells ...string) { g.rows = append(g.rows, cells) }

// layout is how tight a table is: the gap between columns, how short a name may get and
// how wide a column of floats is besides their digits.
type layout struct{ gap, name, float int }

// layouts are tried in order. When none fits, every row becomes a list of labels and
// values. Four columns hold the sign, the point and the zeros of -0.0123.
var layouts = [...]layout{{2, 24, 4}, {1, 16, 4}, {1, 16, -notebookWidth}}

// maxBar is the longest bar in columns, minBar the shortest worth drawing.
const (
	maxBar = 32
	minBar = 4
)

// table writes a grid. A column without any cell is left out.
func (p *page) table(g grid) {
	if p.tabled(g) {
		return
	}
	g = p.cleaned(g)
	for _, row := range g.rows {
		p.record(g.columns, row)
	}
}

// tabled writes a grid if it fits, and says whether it did.
func (p *page) tabled(g grid) bool {
	g = p.cleaned(g)
	if len(g.rows) == 0 {
		return true
	}
	for _, layout := range layouts {
		if widths, ok := g.fit(p.opt.Width-p.indent, p.opt.Digits, layout); ok {
			p.aligned(g, widths, layout.gap)
			return true
		}
	}
	return false
}

// record writes one row as "label value, label value".
func (p *page) record(columns []column, row []string) {
	var parts []string
	for i, cell := range row {
		switch {
		case cell == "":
		case columns[i].head == "":
			parts = append(parts, cell)
		default:
			parts = append(parts, columns[i].head+" "+cell)
		}
	}
	p.list("", parts...)
}

// cleaned is the grid with safe cells and without empty columns.
func (p *page) cleaned(g grid) grid {
	out := grid{bars: g.bars, rows: make([][]string, len(g.rows))}
	for i, c := range g.columns {
		used := false
		for _, row := range g.rows {
			used = used || row[i] != ""
		}
		if !used {
			continue
		}
		out.columns = append(out.columns, column{p.clean(c.head), c.align})
		for r, row := range g.rows {
			out.rows[r] = append(out.rows[r], p.clean(row[i]))
		}
	}
	return out
}

// fit finds the widths of the columns in room; false when they need more.
func (g grid) fit(room, digits int, l layout) ([]int, bool) {
	widths := make([]int, len(g.columns))
	total := l.gap * (len(widths) - 1)
	for i, c := range g.columns {
		widths[i] = width(c.head)
		if c.align == float {
			widths[i] = max(widths[i], digits+l.float)
		}
		for _, row := range g.rows {
			widths[i] = max(widths[i], width(row[i]))
		}
		total += widths[i]
	}
	for total > room {
		widest := -1
		for i, c := range g.columns {
			if c.align == name && widths[i] > max(l.name, width(c.head)) && (widest < 0 || widths[i] > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return nil, false
		}
		widths[widest]--
		total--
	}
	return widths, true
}

func (p *page) aligned(g grid, widths []int, gap int) {
	total := p.indent + gap*len(widths)
	for _, w := range widths {
		total += w
	}
	room := min(p.opt.Width-total, maxBar)
	heads := make([]string, len(g.columns))
	for i, c := range g.columns {
		heads[i] = c.head
	}
	if strings.Join(heads, "") != "" {
		p.emit(p.row(g.columns, heads, widths, gap))
	}
	for r, row := range g.rows {
		line := p.row(g.columns, row, widths, gap)
		if r < len(g.bars) && room >= minBar {
			line += strings.Repeat(" ", gap) + bar(g.bars[r], room, p.opt.ASCII)
		}
		p.emit(line)
	}
}

func (p *page) row(columns []column, cells []string, widths []int, gap int) string {
	var b strings.Builder
	b.WriteString(strings.Repeat(" ", p.indent))
	for i, cell := range cells {
		if i > 0 {
			b.WriteString(strings.Repeat(" ", gap))
		}
		cell = p.middle(cell, widths[i])
		pad := strings.Repeat(" ", widths[i]-width(cell))
		if columns[i].align <= float {
			b.WriteString(pad + cell)
		} else {
			b.WriteString(cell + pad)
		}
	}
	return b.String()
}

// common takes the columns out whose cells are all alike and returns them as labels
// and values; with fewer than two rows it takes none. The first column always stays, and
// with heads only those columns may go.
func (g *grid) common(heads ...string) []string {
	if len(g.rows) < 2 {
		return nil
	}
	var shared []string
	for i := len(g.columns) - 1; i > 0; i-- {
		value, alike := g.rows[0][i], len(heads) == 0 || slices.Contains(heads, g.columns[i].head)
		for _, row := range g.rows {
			alike = alike && row[i] == value
		}
		if !alike {
			continue
		}
		if value != "" {
			shared = append([]string{g.columns[i].head + " " + value}, shared...)
		}
		g.columns = append(g.columns[:i:i], g.columns[i+1:]...)
		for r, row := range g.rows {
			g.rows[r] = append(row[:i:i], row[i+1:]...)
		}
	}
	return shared
}
