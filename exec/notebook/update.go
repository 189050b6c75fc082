package notebook

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Fresh is the output that a stored one should have had.
type Fresh struct {
	Cell, Out int // index into Cells and its Outs
	Text      string
}

// Update rewrites the outputs that no longer match, or that are stale, and keeps every
// other byte: of such an output, the stored lines that still match (with their
// wildcards and bounds) stay as they are. Texts are made canonical first.
func Update(d *Document, fresh []Fresh) []byte {
	type edit struct {
		at   [2]int
		text string
	}
	var edits []edit
	for _, f := range fresh {
		c := d.Cells[f.Cell]
		o := c.Outs[f.Out]
		text := Canonical(f.Text)
		if o.Stale {
			info := d.raw[o.info[0]:o.info[1]]
			words := slices.DeleteFunc(strings.Fields(info), func(w string) bool { return w == "stale" })
			edits = append(edits, edit{o.info, strings.Join(words, " ")})
		}
		if Match(o.Text, text, c.Tol) == nil {
			continue
		}
		merged := merge(splitLines(o.Text), splitLines(text), c.Tol)
		edits = append(edits, edit{o.body, o.write(merged)})
		if run := fenceFor(merged, d.raw[o.open[0]:o.open[1]]); run != "" {
			edits = append(edits, edit{o.open, run}, edit{o.clos, run})
		}
	}
	slices.SortStableFunc(edits, func(a, b edit) int { return cmp.Compare(a.at[0], b.at[0]) })
	var b strings.Builder
	from := 0
	for _, e := range edits {
		b.WriteString(d.raw[from:e.at[0]])
		b.WriteString(e.text)
		from = e.at[1]
	}
	b.WriteString(d.raw[from:])
	return []byte(b.String())
}

// write lays lines out with the indent and the line breaks of the fence.
func (o Out) write(lines []string) string {
	var b strings.Builder
	for _, l := range lines {
		if l != "" {
			b.WriteString(o.indent + l)
		}
		b.WriteString(o.eol)
	}
	return b.String()
}

// fenceFor is a longer fence than the one given when a line of the text would close
// it; "" when it can stay.
func fenceFor(lines []string, run string) string {
	n := len(run)
	for _, l := range lines {
		if f, ok := parseFence(l); ok && f.run[0] == run[0] && f.info == "" && len(f.run) >= n {
			n = len(f.run) + 1
		}
	}
	if n == len(run) {
		return ""
	}
	return strings.Repeat(run[:1], n)
}

// The worth of a step in aligning stored with fresh lines: keeping a line that matches
// counts most; a changed line beats one dropped and one added; what "..." stands for
// is free.
const (
	keepWorth    = 4
	replaceWorth = 1
	dropWorth    = -1
	addWorth     = -1
)

type step uint8

const (
	stop step = iota
	keep
	replace
	drop
	add
	absorb // the fresh line is one of those that "..." stands for
	dots   // the "..." line itself
)

// aligned is one step with the lines it consumed, from 0.
type aligned struct {
	step
	want, got int
}

// align pairs the stored lines with the fresh ones.
func align(want, got []string, tol Tolerance) []aligned {
	worth := make([][]int, len(want)+1)
	steps := make([][]step, len(want)+1)
	for i := range worth {
		worth[i], steps[i] = make([]int, len(got)+1), make([]step, len(got)+1)
	}
	for i := len(want); i >= 0; i-- {
		for j := len(got); j >= 0; j-- {
			worth[i][j], steps[i][j] = bestStep(want, got, i, j, worth, tol)
		}
	}
	var out []aligned
	for i, j := 0, 0; steps[i][j] != stop; {
		s := steps[i][j]
		out = append(out, aligned{s, i, j})
		if s == keep || s == replace || s == drop || s == dots {
			i++
		}
		if s == keep || s == replace || s == add || s == absorb {
			j++
		}
	}
	return out
}

// maxAlign bounds the stored text that is aligned: far more than ever was canonical.
const maxAlign = 10 * MaxLines

// merge takes the stored line where it matches, the fresh one elsewhere.
func merge(want, got []string, tol Tolerance) []string {
	if len(want) > maxAlign || len(got) > maxAlign {
		return got
	}
	var out []string
	for _, a := range align(want, got, tol) {
		switch a.step {
		case keep, dots:
			out = append(out, want[a.want])
		case replace, add:
			out = append(out, got[a.got])
		}
	}
	return out
}

// DiffLines lists the lines that differ, "- " stored and "+ " fresh, at most limit of
// them, then how many more there are.
func DiffLines(want, got string, tol Tolerance, limit int) []string {
	w, g := splitLines(want), splitLines(got)
	if len(w) > maxAlign || len(g) > maxAlign {
		return []string{fmt.Sprintf("- %d lines", len(w)), fmt.Sprintf("+ %d lines", len(g))}
	}
	var out []string
	for _, a := range align(w, g, tol) {
		if a.step == replace || a.step == drop {
			out = append(out, "- "+w[a.want])
		}
		if a.step == replace || a.step == add {
			out = append(out, "+ "+g[a.got])
		}
	}
	if len(out) > limit {
		out = append(out[:limit:limit], fmt.Sprintf("… %d more", len(out)-limit))
	}
	return out
}

func bestStep(want, got []string, i, j int, worth [][]int, tol Tolerance) (int, step) {
	best, by := 0, stop
	try := func(w int, s step) {
		if by == stop || w > best {
			best, by = w, s
		}
	}
	isDots := i < len(want) && strings.TrimSpace(want[i]) == "..."
	if isDots {
		try(worth[i+1][j], dots)
		if j < len(got) {
			try(worth[i][j+1], absorb)
		}
		return best, by
	}
	if i < len(want) && j < len(got) {
		if matchLine(want[i], got[j], tol) == "" {
			try(keepWorth+worth[i+1][j+1], keep)
		}
		try(replaceWorth+worth[i+1][j+1], replace)
	}
	if i < len(want) {
		try(dropWorth+worth[i+1][j], drop)
	}
	if j < len(got) {
		try(addWorth+worth[i][j+1], add)
	}
	return best, by
}
