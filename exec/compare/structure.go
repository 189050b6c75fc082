package compare

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
)

// outstanding is the share of the largest error from which an element counts as one of the
// worst: what lies within a factor of two of it.
const outstanding = 0.5

// unlike is how many times the relative error of the rest the lines of a structure must
// have. The error of healthy noise grows with what is wanted: a row of large activations
// or a column of large weights holds the worst errors of any layer, at the same relative
// error as all others.
const unlike = 4

// Structure is what the wrong elements of a pair have in common, and which elements that
// is said of.
type Structure struct {
	Of       string // "of the 21 elements with |err| >= 0.52"
	Count    int64  // how many these are
	Patterns []Pattern
}

// Structure looks for structure among the NaN elements, else among all that differ, else
// among the worst. It is empty where chance and the size of what is wanted explain what
// there is: healthy quantization noise has none. The error is that of ctx.
func (p *Pair) Structure(ctx context.Context, m *Metrics) (Structure, error) {
	bound, _ := strconv.ParseFloat(strconv.FormatFloat(m.MaxAbs*outstanding, 'g', 2, 64), 64)
	for _, set := range []struct {
		some  bool
		query Query
		of    string
		stand func(*tally, Pattern) bool
	}{
		{m.NaN > 0, Query{By: Abs, Op: IsNaN}, "%s that are NaN", func(*tally, Pattern) bool { return true }},
		{m.MaxAbs > 0, Query{By: Abs, Op: Greater}, "%s that differ", (*tally).fills},
		{m.MaxAbs > 0, Query{By: Abs, Op: GreaterEqual, Bound: bound}, "%s with |err| >= " + strconv.FormatFloat(bound, 'g', -1, 64), p.unlike},
	} {
		if !set.some {
			continue
		}
		t, err := p.tally(ctx, set.query)
		if err != nil {
			return Structure{}, err
		}
		found := slices.DeleteFunc(patterns(&t), func(f Pattern) bool { return !set.stand(&t, f) })
		if len(found) > 0 {
			return Structure{Of: "of the " + fmt.Sprintf(set.of, elements(t.count)), Count: t.count, Patterns: found}, nil
		}
	}
	return Structure{}, nil
}

// String is the structure in one line; empty when there is none.
func (s Structure) String() string {
	text := ""
	for i, p := range s.Patterns {
		if i > 0 {
			text += "; "
		}
		text += p.Text
	}
	if text == "" {
		return ""
	}
	return s.Of + ": " + text
}

// fills says whether the lines of a pattern are wrong as a whole. Fewer of them are how
// rounding differences gather where sums cancel.
func (t *tally) fills(f Pattern) bool {
	count, of := t.cols, t.colsOf
	if f.Axis == RowAxis {
		count, of = t.rows, t.rowsOf
	}
	var bad, all int64
	for i := range count {
		if f.holds(i) {
			bad, all = bad+count[i], all+of[i]
		}
	}
	return float64(bad) >= tailFilled*float64(all)
}

// unlike says whether the relative error (the norm of the error over that of what is
// wanted) of a pattern's lines stands out of that of the other lines.
func (p *Pair) unlike(_ *tally, f Pattern) bool {
	var in, out partial
	for m := range p.M {
		for n := range p.N {
			i := m*p.N + n
			if p.padding(m, n) || p.signed(i) != p.signed(i) {
				continue
			}
			line := n
			if f.Axis == RowAxis {
				line = m
			}
			sum := &out
			if f.holds(line) {
				sum = &in
			}
			d, w := p.signed(i), float64(p.want[i])
			sum.d2 += float64(d * d)
			sum.w2 += float64(w * w)
		}
	}
	inside, outside := math.Sqrt(ratio(in.d2, in.w2)), math.Sqrt(ratio(out.d2, out.w2))
	return inside > unlike*outside || math.IsInf(in.d2, 1) || math.IsNaN(inside)
}

// holds says whether a row or column is one that the pattern names.
func (f Pattern) holds(line int) bool {
	switch f.Kind {
	case Tail:
		return line >= f.Index[0]
	case Periodic:
		return slices.Contains(f.Index, line%f.Period)
	}
	return slices.Contains(f.Index, line)
}

func elements(n int64) string {
	if n == 1 {
		return "1 element"
	}
	return fmt.Sprintf("%d elements", n)
}
