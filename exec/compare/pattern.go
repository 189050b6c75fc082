package compare

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Axis is the direction that a pattern was found along.
type Axis uint8

// The two axes, named as coordinates are: [m,n].
const (
	RowAxis Axis = iota
	ColAxis
)

// String is "m" or "n".
func (a Axis) String() string { return [...]string{RowAxis: "m", ColAxis: "n"}[a] }

func (a Axis) noun() string { return [...]string{RowAxis: "rows", ColAxis: "columns"}[a] }

// Pattern is one structure among bad elements, in plain words and as numbers.
type Pattern struct {
	Text   string
	Axis   Axis
	Kind   PatternKind
	Index  []int   // Concentrated: the rows or columns; Tail: the first one; Periodic: the residues
	Period int     // Periodic only
	Share  float64 // of the bad elements
}

// PatternKind is what sort of structure a pattern is.
type PatternKind uint8

// The kinds of patterns.
const (
	Concentrated PatternKind = iota // a few rows or columns hold nearly all
	Tail                            // everything from one row or column on
	Periodic                        // rows or columns of a few residues modulo the period
)

// Bounds of what stands out. They are far from what chance does: noise spreads over all
// rows and columns, a layout fault keeps to its own.
const (
	fewBad     = 8    // below so many bad elements no tail and no period is named
	nearlyAll  = 0.90 // share of the bad elements that a structure must hold
	fewLines   = 4    // lines that a concentration is named by
	fewOf      = 8    // and at most one in so many lines of the matrix
	tailFilled = 0.75 // share of the lines after the first bad one that must be bad
	cycles     = 3    // times that a period must repeat
	chance     = 1e-4 // what independent bad lines may have done by chance. Lines are counted, not elements: those of a line fail together
)

// periods are those of the layouts: nibble pairs, 4 scale columns, 8-row tiles, blocks
// of 16 and 32, tiles of 64 and 128.
var periods = []int{2, 4, 8, 16, 32, 64, 128}

// patterns looks for structure in the bad rows and columns. At most one for each axis,
// the simplest that holds.
func patterns(t *tally) []Pattern {
	if t.count == 0 || t.count == t.of {
		return nil
	}
	looks := []func(lines) (Pattern, bool){concentrated, tail, periodic}
	if t.count < fewBad {
		looks = looks[:1]
	}
	var out []Pattern
	for _, l := range []lines{{RowAxis, t.rows, t.rowsOf, t.count}, {ColAxis, t.cols, t.colsOf, t.count}} {
		for _, look := range looks {
			if p, ok := look(l); ok {
				out = append(out, p)
				break
			}
		}
	}
	return out
}

// lines are all rows or all columns with their bad elements.
type lines struct {
	axis      Axis
	count, of []int64 // bad elements and all elements of each line
	total     int64   // bad elements of all lines
}

func concentrated(l lines) (Pattern, bool) {
	axis, count, total := l.axis, l.count, l.total
	fullest := groups(count, count, 1, total)
	var held int64
	var index []int
	for _, g := range fullest[:min(len(fullest), fewLines)] {
		held += g.Count
		index = append(index, g.Lo)
		if float64(held) >= nearlyAll*float64(total) {
			break
		}
	}
	share := float64(held) / float64(total)
	if share < nearlyAll || len(index)*fewOf > len(count) {
		return Pattern{}, false
	}
	// Each line is there by its first element; that the others are in these lines too needs an explanation.
	more := float64(held) - float64(len(index))
	if more*math.Log(float64(len(index))/float64(len(count))) > math.Log(chance) {
		return Pattern{}, false
	}
	slices.Sort(index)
	where := fmt.Sprintf("%d of %d %s", len(index), len(count), axis.noun())
	return Pattern{
		Kind: Concentrated, Axis: axis, Index: index, Share: share,
		Text: fmt.Sprintf("%s in %s: %s %s", shareText(share), where, axis, list(index)),
	}, true
}

func tail(l lines) (Pattern, bool) {
	first := slices.IndexFunc(l.count, func(n int64) bool { return n > 0 })
	rest := len(l.count) - first
	var bad int
	var all int64
	for i := first; i < len(l.count); i++ {
		if l.count[i] > 0 {
			bad++
		}
		all += l.of[i]
	}
	if first == 0 || rest < fewLines || float64(bad) < tailFilled*float64(rest) {
		return Pattern{}, false
	}
	solid := float64(l.total) >= tailFilled*float64(all)
	if !solid && float64(bad)*math.Log(float64(rest)/float64(len(l.count))) > math.Log(chance) {
		return Pattern{}, false
	}
	return Pattern{
		Kind: Tail, Axis: l.axis, Index: []int{first}, Share: 1,
		Text: fmt.Sprintf("all from %s %d on (%d of the last %d %s), none before", l.axis, first, bad, rest, l.axis.noun()),
	}, true
}

// periodic takes the period that says most: one that leaves less than half as many lines as
// a shorter one did.
func periodic(l lines) (Pattern, bool) {
	best, left := Pattern{}, 1.0
	for _, period := range periods {
		if len(l.count) < cycles*period {
			break
		}
		residues, hit, share := l.residues(period)
		part := float64(len(residues)) / float64(period)
		if share < nearlyAll || part > left/2 || float64(hit)*math.Log(part) > math.Log(chance) {
			continue
		}
		left = part
		best = Pattern{
			Kind: Periodic, Axis: l.axis, Index: residues, Period: period, Share: share,
			Text: fmt.Sprintf("%s in %s with %s mod %d = %s", shareText(share), l.axis.noun(), l.axis, period, list(residues)),
		}
	}
	return best, best.Period > 0
}

// residues are the fewest residues modulo period that hold nearly all bad elements, at
// most a quarter of them (one of 2), each hit in several cycles; hit is the number of
// bad lines of these residues.
func (l lines) residues(period int) (residues []int, hit int, share float64) {
	bad, hits := make([]int64, period), make([]int, period)
	for i, n := range l.count {
		bad[i%period] += n
		if n > 0 {
			hits[i%period]++
		}
	}
	order := make([]int, period)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(bad[b], bad[a]) })
	var held int64
	for _, r := range order[:max(period/4, 1)] {
		if float64(held) >= nearlyAll*float64(l.total) || hits[r] < cycles {
			break
		}
		residues, hit, held = append(residues, r), hit+hits[r], held+bad[r]
	}
	slices.Sort(residues)
	return residues, hit, float64(held) / float64(l.total)
}

// WorstPattern is one line about a list of worst elements: the row or column that at
// least a third of them share, and at least 3. Empty when there is none.
func WorstPattern(worst []Element) string {
	rows, cols := map[int]int{}, map[int]int{}
	for _, e := range worst {
		rows[e.M]++
		cols[e.N]++
	}
	m, inRow := most(rows)
	n, inCol := most(cols)
	line, count := fmt.Sprintf("column n %d", n), inCol
	if inRow > inCol {
		line, count = fmt.Sprintf("row m %d", m), inRow
	}
	if count < 3 || count*3 < len(worst) {
		return ""
	}
	return fmt.Sprintf("%d of %d share %s", count, len(worst), line)
}

// most is the key with the greatest count, the least of equals.
func most(count map[int]int) (key, n int) {
	for k, c := range count {
		if c > n || c == n && k < key {
			key, n = k, c
		}
	}
	return key, n
}

func shareText(share float64) string {
	if share == 1 {
		return "all"
	}
	return fmt.Sprintf("%.2f%%", 100*share)
}

func list(index []int) string {
	s := ""
	for i, v := range index {
		if i > 0 {
			s += ", "
		}
		s += fmt.Sprint(v)
	}
	return s
}
