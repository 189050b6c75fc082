package text

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"fp4tui/exec"
	"fp4tui/inspect"
	"fp4tui/views/number"
)

// matrix is how far each two of the products that ran are apart, ref's column first.
type matrix struct {
	rows     []exec.BackendRow
	pairs    map[[2]string]exec.BackendPair // by both names, both ways
	odd      []string                       // of each row: ALL ZEROS, UNWRITTEN; mostly empty
	elements int64
}

func matrixOf(r exec.Backends) matrix {
	m := matrix{pairs: map[[2]string]exec.BackendPair{}, elements: int64(inspect.Numel(r.Shape))}
	for _, row := range r.Rows {
		if row.Status == "ran" {
			m.rows = append(m.rows, row)
			m.odd = append(m.odd, oddRow(row, m.elements))
		}
	}
	for _, p := range r.Pairs {
		m.pairs[[2]string{p.Got, p.Want}], m.pairs[[2]string{p.Want, p.Got}] = p, p
	}
	return m
}

// oddRow names an output that holds no product, in a word or two.
func oddRow(row exec.BackendRow, all int64) string {
	switch {
	case all <= 0:
		return ""
	case row.Unwritten == all:
		return "UNWRITTEN"
	case row.Unwritten > 0:
		return rough(row.Unwritten) + " UNWRITTEN"
	case row.Zero == all:
		return "ALL ZEROS"
	case row.NaN == all:
		return "ALL NaN"
	case row.NaN > 0:
		return rough(row.NaN) + " NaN"
	}
	return ""
}

// cell is what matters most of a pair: proven mismatches, else outputs that differ.
func (m matrix) cell(i, j int) string {
	if i == j {
		return "·"
	}
	p, known := m.pairs[[2]string{m.rows[i].Name, m.rows[j].Name}]
	switch {
	case !known:
		return "—"
	case p.ProvenMismatch > 0:
		return amount(p.ProvenMismatch, p.Proven) + "!"
	case p.Mismatched == 0:
		return "same"
	}
	return amount(p.Mismatched, p.Elements)
}

// amount is how many of all, where all is worth a word.
func amount(n, of int64) string {
	if n == of {
		return "all"
	}
	return rough(n)
}

// rough writes a count in four columns: 9999, 12k, 1.2M.
func rough(n int64) string {
	if n < 10000 {
		return strconv.FormatInt(n, 10)
	}
	v := float64(n)
	for _, unit := range []string{"k", "M", "G", "T", "P", "E"} {
		if v /= 1000; v < 9.95 && unit != "k" {
			return strconv.FormatFloat(v, 'f', 1, 64) + unit
		}
		if v < 999.5 || unit == "E" {
			return strconv.FormatFloat(math.Round(v), 'f', 0, 64) + unit
		}
	}
	return ""
}

// toRef is how far a row is from ref; nothing for ref itself, and where ref did not run.
func (m matrix) toRef(row exec.BackendRow) string {
	p, known := m.pairs[[2]string{row.Name, "ref"}]
	if !known || row.Name == "ref" {
		return ""
	}
	return number.Short(float64(p.RelL2), 2)
}

// matrixForm is which columns of a matrix are written, and what else.
type matrixForm struct {
	from, to          int  // of the columns
	names, toRef, odd bool // columns are headed by names, not by numbers of rows; rel_l2; odd outputs
}

// matrixForms are tried in order. Where not even the last fits, its columns are cut in bands.
var matrixForms = [...]matrixForm{{names: true, toRef: true, odd: true}, {toRef: true, odd: true}, {odd: true}, {}}

func (m matrix) grid(f matrixForm) grid {
	g := grid{columns: []column{{"", name}}}
	if f.names {
		g.columns[0].align = left
	}
	for j := f.from; j < f.to; j++ {
		head := strconv.Itoa(j + 1)
		if f.names {
			head = m.rows[j].Name
		}
		g.columns = append(g.columns, column{head, right})
	}
	g.columns = append(g.columns, column{"rel_l2", right}, column{"", left})
	for i, row := range m.rows {
		cells := []string{row.Name}
		if !f.names {
			cells[0] = fmt.Sprintf("%*d %s", len(strconv.Itoa(len(m.rows))), i+1, row.Name)
		}
		for j := f.from; j < f.to; j++ {
			cells = append(cells, m.cell(i, j))
		}
		g.add(append(cells, when(f.toRef, m.toRef(row)), when(f.odd, m.odd[i]))...)
	}
	return g
}

// when is a text, or nothing.
func when(wanted bool, text string) string {
	if wanted {
		return text
	}
	return ""
}

// matrix writes how far each two products are apart, and below it what its signs mean. Odd
// outputs have lines of their own where the table has no room for them.
func (p *page) matrix(m matrix) {
	if len(m.rows) < 2 {
		return
	}
	form := p.matrixTable(m)
	bug := ""
	for _, pair := range m.pairs {
		if pair.ProvenMismatch > 0 {
			bug = "; N! counts proven ones: one of the two has a bug"
		}
	}
	p.say("how many of %s differ%s%s", plural(m.elements, "output"), bug, when(form.toRef, "; rel_l2 is against ref"))
	for i, odd := range m.odd {
		if odd != "" && !form.odd {
			p.say("%s: %s", m.rows[i].Name, odd)
		}
	}
}

// matrixTable writes the table in the first form that fits, which it returns.
func (p *page) matrixTable(m matrix) (form matrixForm) {
	for _, form = range matrixForms {
		if form.to = len(m.rows); p.tabled(m.grid(form)) {
			return form
		}
	}
	for form.from < len(m.rows) {
		for form.to = len(m.rows); form.to > form.from+1 && !p.tabled(m.grid(form)); form.to-- {
		}
		if form.to == form.from+1 {
			p.table(m.grid(form))
		}
		form.from = form.to
	}
	return form
}

// alike names the products that are the same in every output, on a line for each such set.
// It tells which are the same as one before them: their pairs say again what its pairs say.
func (p *page) alike(m matrix) (again map[string]bool) {
	again = map[string]bool{}
	for i, row := range m.rows {
		set := []string{row.Name}
		for j := i + 1; j < len(m.rows) && !again[row.Name]; j++ {
			if m.cell(i, j) == "same" {
				set = append(set, m.rows[j].Name)
			}
		}
		if len(set) > 1 {
			p.say("the same in every output: %s", strings.Join(set, ", "))
		}
		for _, name := range set[1:] {
			again[name] = true
		}
	}
	return again
}
