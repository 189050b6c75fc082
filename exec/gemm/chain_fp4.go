package gemm

import (
	"math"

	"fp4tui/inspect/fp4"
)

// chainFP4 accumulates block-scaled FP4 instructions of K = 64.
type chainFP4 struct {
	model Model
	x, w  *fp4.Blocks
}

// groupLen and stepGroups are the shape of one instruction: four exact sums of 16.
const (
	groupLen   = 16
	stepGroups = 4
)

// group is 16 elements of one operand, decoded: value = q·sig·2^exp up to a
// constant power of two. sig is 0 for a zero scale.
type group struct {
	sig, exp int16
	nonzero  uint16         // bit i: element i is not zero
	q        [groupLen]int8 // codes doubled, so that they are integers
}

// groupRows holds the decoded groups of some rows, K padded with zero codes to
// whole instructions.
type groupRows struct {
	perRow int
	groups []group
	nan    []bool // by row: some scale is NaN, and so is every output
}

// dotsFP4 is one worker's decoded operands.
type dotsFP4 struct {
	*chainFP4
	xs, ws    groupRows
	fraction  int // fraction bits of a group sum
	underflow int
}

func (c *chainFP4) newDots() dots {
	fraction := 2*elements[E2M1].man + 2*c.model.scale.man()
	return &dotsFP4{chainFP4: c, fraction: fraction}
}

func (d *dotsFP4) load(t tile) {
	d.underflow = 0
	d.xs.load(d.x, d.model.scale, t.m0, t.m1)
	d.ws.load(d.w, d.model.scale, t.n0, t.n1)
}

// load decodes rows [r0,r1) of b.
func (g *groupRows) load(b *fp4.Blocks, scale scaleFormat, r0, r1 int) {
	g.perRow = (b.Cols + groupLen*stepGroups - 1) / (groupLen * stepGroups) * stepGroups
	if n := (r1 - r0) * g.perRow; cap(g.groups) < n {
		g.groups = make([]group, n)
	}
	g.groups = g.groups[:(r1-r0)*g.perRow]
	clear(g.groups) // padding included
	g.nan = append(g.nan[:0], make([]bool, r1-r0)...)
	for r := r0; r < r1; r++ {
		row := g.row(r - r0)
		for k := 0; k < b.Cols; k += groupLen {
			sig, exp, isNaN := scale.decode(b.Scale(r, k))
			row[k/groupLen] = decodeGroup(b, r, k, int16(sig), int16(exp))
			g.nan[r-r0] = g.nan[r-r0] || isNaN
		}
	}
}

// row is the groups of one loaded row.
func (g *groupRows) row(i int) []group { return g.groups[i*g.perRow : (i+1)*g.perRow] }

// doubled is twice the value of each E2M1 code.
var doubled = [16]int8{0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12}

func decodeGroup(b *fp4.Blocks, row, k int, sig, exp int16) group {
	g := group{sig: sig, exp: exp}
	for i := range min(groupLen, b.Cols-k) {
		g.q[i] = doubled[b.Code(row, k+i)]
		if g.q[i] != 0 {
			g.nonzero |= 1 << i
		}
	}
	return g
}

// run continues the accumulators of the tile, output by output.
func (d *dotsFP4) run(step0, step1 int, c, abs []float32) {
	cols := len(d.ws.nan)
	for i := range c {
		row, col := i/cols, i%cols
		c[i] = math.Float32frombits(d.dot(row, col, step0, step1, math.Float32bits(c[i])))
		if abs != nil {
			abs[i] = d.magnitude(row, col, step0, step1, abs[i])
		}
	}
}

// dot chains the instructions [step0,step1) of one output.
func (d *dotsFP4) dot(row, col, step0, step1 int, c uint32) uint32 {
	if d.xs.nan[row] || d.ws.nan[col] { // somewhere along K, and the sum over all of K is NaN
		return wordNaN
	}
	a, b := d.xs.row(row)[step0*stepGroups:step1*stepGroups], d.ws.row(col)[step0*stepGroups:step1*stepGroups]
	for len(a) >= stepGroups && len(b) >= stepGroups {
		c = d.step((*[stepGroups]group)(a), (*[stepGroups]group)(b), c)
		a, b = a[stepGroups:], b[stepGroups:]
	}
	return c
}

// magnitude adds |s| of the instructions [step0,step1) to a, rounded up, with s the
// exact sum of the four groups.
func (d *dotsFP4) magnitude(row, col, step0, step1 int, a float32) float32 {
	for step := step0; step < step1; step++ {
		s, slack := 0.0, 0.0 // float64 may round where scales differ by more than 2^30
		for g := step * stepGroups; g < (step+1)*stepGroups; g++ {
			x, w := &d.xs.row(row)[g], &d.ws.row(col)[g]
			p := int32(0)
			for i := range groupLen {
				p += int32(x.q[i]) * int32(w.q[i])
			}
			v := math.Ldexp(float64(p)*float64(x.sig)*float64(w.sig), int(x.exp)+int(w.exp)-d.fraction)
			s, slack = s+v, max(slack, math.Abs(v)*0x1p-50)
		}
		a = addUp(a, math.Abs(s)+slack)
	}
	return a
}

// addUp is a + v in float32, not below the exact sum of two numbers that are not negative.
func addUp(a float32, v float64) float32 {
	sum := float64(a) + v
	r := float32(sum)
	if float64(r) <= sum { // equal too: the float64 sum may have been rounded down
		r = math.Nextafter32(r, math.MaxFloat32)
	}
	return r
}

// shape counts instructions of K = 64.
func (c *chainFP4) shape() (steps, perTile int) {
	const k = groupLen * stepGroups
	return (c.w.Cols + k - 1) / k, kTileFP4 / k
}

func (d *dotsFP4) disputed() int { return d.underflow }

// step is one instruction, for operands without NaN: stepRef without its record.
// c is finite or infinite, and an infinity stays.
func (d *dotsFP4) step(a, b *[stepGroups]group, c uint32) uint32 {
	if c&wordInf == wordInf {
		return c
	}
	acc := fp32(c)
	e := d.model.EZero
	if acc.sig != 0 {
		e = max(e, acc.exp)
	}
	var sum [stepGroups]int64
	var exp [stepGroups]int
	for g := range stepGroups {
		x, w := &a[g], &b[g]
		scale := int64(x.sig) * int64(w.sig)
		if x.nonzero&w.nonzero == 0 || scale == 0 {
			continue
		}
		p := int32(0)
		for i := range groupLen {
			p += int32(x.q[i]) * int32(w.q[i])
		}
		sum[g], exp[g] = int64(p)*scale, int(x.exp)+int(w.exp)
		e = max(e, exp[g])
	}
	q := e - d.model.F
	units := alignToZero(acc.sig, acc.exp-23-q)
	for g := range stepGroups {
		units += alignToZero(sum[g], exp[g]-d.fraction-q)
	}
	d0, _ := roundToZero(units, q, 24)
	if d0 == 0 && units < 0 {
		d.underflow++
	}
	return d0
}

// alignToZero is v·2^n cut toward zero, without a division: shiftToZero for loops.
func alignToZero(v int64, n int) int64 {
	if n >= 0 {
		return v << uint(n)
	}
	n = min(-n, 63)
	sign := v >> 63
	return ((v^sign)-sign)>>uint(n) ^ sign - sign
}
