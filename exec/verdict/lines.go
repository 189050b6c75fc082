package verdict

import (
	"fmt"
	"math"
	"slices"
)

// lines are the logarithms of observed over expected energy of rows, columns or scale
// codes, as deviations from their median in units of their own spread. The spread is
// taken from the lines themselves: errors that depend on one another, as the outputs of
// few activations do, widen it.
type lines struct {
	log    []float64 // NaN where a line has nothing to say
	median float64
	spread float64
	n      int // lines that say something
}

// leastSpread keeps lines of very many elements from being told apart by the
// distribution of the weights inside the cells of a code.
const leastSpread = 0.02

// exactSpread does the same for arithmetic errors, which are rare and whole steps: one of
// them may be all that a line has.
const exactSpread = 0.25

func (f *field) lines(list []sums) lines {
	l := lines{log: make([]float64, len(list))}
	pad, least := 0.0, leastSpread
	if f.Exact {
		pad, least = 1, exactSpread
	}
	var known []float64
	for i := range list {
		l.log[i] = math.NaN()
		if r := list[i].mean() + pad; r > 0 && r-r == 0 {
			l.log[i] = math.Log(r)
			known = append(known, l.log[i])
		}
	}
	l.n = len(known)
	if l.n == 0 {
		return l
	}
	l.median = median(known)
	for i, v := range known {
		known[i] = math.Abs(v - l.median)
	}
	l.spread = max(1.4826*median(known), least)
	return l
}

func median(v []float64) float64 {
	v = slices.Clone(v)
	slices.Sort(v)
	n := len(v)
	if n%2 == 1 {
		return v[n/2]
	}
	return (v[n/2-1] + v[n/2]) / 2
}

// few widens a bound for a spread that is known from n lines only.
func (l lines) few() float64 { return 1 + 4/math.Sqrt(float64(l.n)) }

// leastLines is how many lines a spread can be taken from.
const leastLines = 16

// outliers are the lines whose error is out of proportion: more deviations above the
// median than one of all lines is with probability alpha, and more than effect times
// the median line's.
func (l lines) outliers(alpha, effect float64) (index []int, bound, value float64) {
	if l.n < leastLines {
		return nil, 0, 0
	}
	bound = quantileTail(2*alpha/float64(l.n)) * l.few()
	for i, v := range l.log {
		z := (v - l.median) / l.spread
		if z > bound && v-l.median > math.Log(effect) {
			index = append(index, i)
		}
		if z > value {
			value = z
		}
	}
	return index, bound, value
}

// class is a residue class of lines.
type class struct {
	period  int
	residue []int   // the classes that stand out, when few do
	value   float64 // of the statistic that stands out most
	bound   float64
	effect  float64 // energy over that of the median line
	omnibus bool    // one-way analysis of variance, not a single class
}

// periods are those of the layouts: nibble pairs, 4 scale columns, 8-row tiles, blocks of 16 and
// 32, tiles of 64 and 128.
var (
	colPeriods = []int{2, 4, 8, 16, 32, 64, 128}
	rowPeriods = []int{8, 16, 32, 64, 128}
)

// periodic asks for each period whether the classes differ: the class farthest above the
// median in units of its standard error, with a bound for all classes of all periods,
// and the F test of a one-way analysis of variance. A class must differ by effect. The
// period whose class stands out most is taken, else the shortest with a difference.
func (l lines) periodic(periods []int, alpha, effect float64) (best class, found bool) {
	for _, p := range periods {
		if l.n < leastLines || len(l.log) < 3*p {
			continue
		}
		c, ok := l.classes(p, alpha/float64(len(periods)), effect)
		if ok && (!found || best.omnibus && !c.omnibus || !c.omnibus && c.value > best.value) {
			best, found = c, true
		}
	}
	return best, found
}

func (l lines) classes(p int, alpha, effect float64) (class, bool) {
	sum, n := make([]float64, p), make([]float64, p)
	for i, v := range l.log {
		if v == v {
			sum[i%p], n[i%p] = sum[i%p]+v-l.median, n[i%p]+1
		}
	}
	c := class{period: p, bound: quantileTail(alpha/float64(p)) * l.few(), effect: 1}
	for r := range p {
		if n[r] < 2 {
			continue
		}
		mean := sum[r] / n[r]
		z := mean / l.spread * math.Sqrt(n[r])
		if z > c.bound && mean > math.Log(effect) {
			c.residue = append(c.residue, r)
			if z > c.value {
				c.value, c.effect = z, math.Exp(mean)
			}
		}
	}
	if len(c.residue) > 0 && len(c.residue) <= max(p/2, 1) {
		return c, true
	}
	return l.variance(p, sum, n, alpha/2, effect)
}

// variance is the F test: mean squares between the classes over those within.
func (l lines) variance(p int, sum, n []float64, alpha, effect float64) (class, bool) {
	var between, within, grand float64
	groups := 0
	for r := range p {
		grand += sum[r]
	}
	grand /= float64(l.n)
	for r := range p {
		if n[r] > 0 {
			groups++
			d := sum[r]/n[r] - grand
			between += n[r] * d * d
		}
	}
	for i, v := range l.log {
		if v == v {
			d := v - l.median - sum[i%p]/n[i%p]
			within += d * d
		}
	}
	d1, d2 := float64(groups-1), float64(l.n-groups)
	if d1 < 1 || d2 < 8 || within == 0 {
		return class{}, false
	}
	f := between / d1 / (within / d2)
	bound := fQuantile(alpha, d1, d2)
	rms := math.Sqrt(max(between-d1*within/d2, 0) / float64(l.n))
	c := class{period: p, value: f, bound: bound, effect: math.Exp(rms), omnibus: true}
	return c, f > bound && rms > math.Log(effect)
}

// fQuantile is the value that F(d1,d2) passes with probability alpha, by Paulson's
// approximation: the cube root of a mean square is nearly normal.
func fQuantile(alpha, d1, d2 float64) float64 {
	z := quantileTail(2 * alpha)
	a, b := 2/(9*d1), 2/(9*d2)
	u := 1 - b
	q := u*u - z*z*b
	if q <= 0 {
		return math.Inf(1)
	}
	root := ((1-a)*u + z*math.Sqrt(a*u*u+b*(1-a)*(1-a)-a*b*z*z)) / q
	return root * root * root
}

// spans writes a list of lines: "3", "3 and 7", "0 to 31", "3, 7, 9 and 12 more".
func spans(index []int) string {
	const shown = 6
	switch n := len(index); {
	case n == 0:
		return ""
	case n > 2 && index[n-1]-index[0] == n-1:
		return fmt.Sprintf("%d to %d", index[0], index[n-1])
	}
	text := ""
	for i, v := range index {
		switch {
		case i == shown:
			return text + fmt.Sprintf(" and %d more", len(index)-shown)
		case i > 0:
			text += ", "
		}
		text += fmt.Sprint(v)
	}
	return text
}
