package compare

import (
	"cmp"
	"context"
	"slices"
)

// Op compares an element's measure with a bound.
type Op uint8

// The operators. NaN elements match IsNaN and no other.
const (
	Greater Op = iota
	GreaterEqual
	Less
	LessEqual
	Equal
	NotEqual
	IsNaN // the bound is not used
)

var opNames = [...]string{Greater: ">", GreaterEqual: ">=", Less: "<", LessEqual: "<=", Equal: "==", NotEqual: "!=", IsNaN: "nan"}

// String is the operator as typed: ">", "nan".
func (o Op) String() string { return opNames[o] }

// ParseOp returns the operator as typed.
func ParseOp(s string) (Op, bool) {
	i := slices.Index(opNames[:], s)
	return Op(max(i, 0)), i >= 0
}

func (o Op) holds(v, bound float64) bool {
	switch o {
	case Greater:
		return v > bound
	case GreaterEqual:
		return v >= bound
	case Less:
		return v < bound
	case LessEqual:
		return v <= bound
	case Equal:
		return v == bound
	case NotEqual:
		return v == v && v != bound
	}
	return v != v
}

// Query selects elements: those whose measure stands in this relation to the bound.
type Query struct {
	By    Measure
	Op    Op
	Bound float64
	Limit int // how many elements to return; all are counted
}

// Matches is what a query found.
type Matches struct {
	Count    int64     // elements that match
	Of       int64     // elements asked: all but padding and those without a value in this measure
	NaN      int64     // NaN elements among them
	First    []Element // the first ones in order of index, at most Limit
	Rows     []Group   // rows that hold most, at most maxGroups
	Cols     []Group   // columns that hold most
	Blocks   []Group   // runs of groupCols columns that hold most
	Patterns []Pattern // what stands out; empty when nothing does
}

// Group is a row, a column or a run of columns with some of the matches.
type Group struct {
	Lo, Hi int     // rows or columns Lo to Hi-1
	Count  int64   // matches in it
	Share  float64 // of all matches
	Full   bool    // every element of it matches, padding aside
}

const (
	maxGroups = 8  // groups returned of each kind
	groupCols = 16 // columns in a block of Matches.Blocks: an NVFP4 block when the matrix is a weight
)

// tally counts matches and elements by row and column.
type tally struct {
	rows, cols     []int64
	rowsOf, colsOf []int64
	count, of, nan int64
	first          []int
	limit          int
}

// Where finds the elements that match. The error is that of ctx.
func (p *Pair) Where(ctx context.Context, q Query) (Matches, error) {
	t, err := p.tally(ctx, q)
	if err != nil {
		return Matches{}, err
	}
	out := Matches{Count: t.count, Of: t.of, NaN: t.nan}
	for _, i := range t.first {
		out.First = append(out.First, p.At(i/p.N, i%p.N))
	}
	out.Rows = groups(t.rows, t.rowsOf, 1, t.count)
	out.Cols = groups(t.cols, t.colsOf, 1, t.count)
	out.Blocks = groups(t.cols, t.colsOf, groupCols, t.count)
	out.Patterns = patterns(&t)
	return out, nil
}

// tally goes over all elements once. The error is that of ctx.
func (p *Pair) tally(ctx context.Context, q Query) (tally, error) {
	t := tally{
		rows: make([]int64, p.M), cols: make([]int64, p.N),
		rowsOf: make([]int64, p.M), colsOf: make([]int64, p.N),
		limit: max(q.Limit, 0),
	}
	for m := range p.M {
		if m*p.N/chunkSize != (m+1)*p.N/chunkSize && ctx.Err() != nil {
			return tally{}, ctx.Err()
		}
		p.tallyRow(&t, q, m)
	}
	return t, ctx.Err()
}

func (p *Pair) tallyRow(t *tally, q Query, m int) {
	for n := range p.N {
		i := m*p.N + n
		if p.padding(m, n) {
			continue
		}
		v := p.measured(q.By, i)
		nan := v != v && p.signed(i) != p.signed(i)
		if v != v && !nan {
			continue
		}
		t.of++
		t.rowsOf[m]++
		t.colsOf[n]++
		if nan {
			t.nan++
		}
		if !q.Op.holds(v, q.Bound) {
			continue
		}
		t.count++
		t.rows[m]++
		t.cols[n]++
		if len(t.first) < t.limit {
			t.first = append(t.first, i)
		}
	}
}

// groups joins runs of step counts and returns those that hold most, ties by position.
func groups(count, of []int64, step int, total int64) []Group {
	var out []Group
	for lo := 0; lo < len(count); lo += step {
		g := Group{Lo: lo, Hi: min(lo+step, len(count))}
		var all int64
		for i := g.Lo; i < g.Hi; i++ {
			g.Count += count[i]
			all += of[i]
		}
		if g.Count == 0 {
			continue
		}
		g.Share, g.Full = float64(g.Count)/float64(total), g.Count == all
		out = append(out, g)
	}
	slices.SortStableFunc(out, func(a, b Group) int { return cmp.Compare(b.Count, a.Count) })
	return slices.Clip(out[:min(len(out), maxGroups)])
}
