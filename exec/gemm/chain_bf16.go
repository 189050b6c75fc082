package gemm

import (
	"math"

	"fp4tui/inspect/fp4"
)

// chainBF16 accumulates bf16 instructions: x as it is, the weight as code·scale.
type chainBF16 struct {
	model Model
	x     []uint16 // M×K bf16 words
	k     int
	w     *fp4.Blocks
	word  *[256][16]uint16 // bf16 word of code·scale, by scale byte, then code
}

// newChainBF16 tabulates the weight: code·scale has at most 6 significant bits and
// is exact in bf16, but for the overflow of the largest E8M0 scales.
func newChainBF16(m Model, x []uint16, w *fp4.Blocks, k int) *chainBF16 {
	c := &chainBF16{model: m, x: x, k: k, w: w, word: new([256][16]uint16)}
	for s := range c.word {
		for code := range c.word[s] {
			v := fp4.DecodeE2M1(uint8(code)) * w.ScaleType.Decode(uint16(s))
			c.word[s][code] = uint16(math.Float32bits(fp4.RoundBF16(v)) >> 16)
		}
	}
	return c
}

// octetLen divides the L of every bf16 row of the table (8 and 16).
const octetLen = 8

// octet is eight decoded bf16 elements: value = sig·2^(exp-7). A zero has the
// exponent zeroExp, below every alignment exponent even with another's added.
type octet struct {
	sig, exp [octetLen]int32
	word     [octetLen]uint16 // as stored, for the sums that hold NaN or infinity
	special  bool             // one of them is NaN or infinite
}

const zeroExp = -1 << 12

// octetRows holds the decoded rows of one operand, K padded with zeros to whole
// sums.
type octetRows struct {
	perRow int
	octets []octet
}

func (r *octetRows) row(i int) []octet { return r.octets[i*r.perRow : (i+1)*r.perRow] }

// load decodes n rows of k elements; word(i, k) is an element.
func (r *octetRows) load(n, k, perSum int, word func(row, k int) uint16) {
	sum := perSum * octetLen
	r.perRow = (k + sum - 1) / sum * perSum
	if cap(r.octets) < n*r.perRow {
		r.octets = make([]octet, n*r.perRow)
	}
	r.octets = r.octets[:n*r.perRow]
	for i := range n {
		for j, row := 0, r.row(i); j < len(row); j++ {
			row[j] = octet{}
			for l := range octetLen {
				if at := j*octetLen + l; at < k {
					row[j].set(l, word(i, at))
				} else {
					row[j].set(l, 0)
				}
			}
		}
	}
}

func (o *octet) set(l int, word uint16) {
	n := BF16.decode(uint32(word))
	o.word[l] = word
	o.sig[l], o.exp[l] = int32(n.sig), int32(n.exp)
	if n.class != finite {
		o.special = true
	} else if n.sig == 0 {
		o.exp[l] = zeroExp
	}
}

// dotsBF16 is one worker's decoded operands.
type dotsBF16 struct {
	*chainBF16
	xs, ws    octetRows
	perSum    int // octets of one fused sum
	cols      int // of the loaded tile
	underflow int
}

func (c *chainBF16) newDots() dots {
	return &dotsBF16{chainBF16: c, perSum: c.model.L / octetLen}
}

func (d *dotsBF16) load(t tile) {
	d.underflow, d.cols = 0, t.n1-t.n0
	d.xs.load(t.m1-t.m0, d.k, d.perSum, func(row, k int) uint16 { return d.x[(t.m0+row)*d.k+k] })
	d.ws.load(t.n1-t.n0, d.k, d.perSum, func(row, k int) uint16 {
		return d.word[d.w.Scale(t.n0+row, k)][d.w.Code(t.n0+row, k)]
	})
}

func (d *dotsBF16) disputed() int { return d.underflow }

// run continues the accumulators of the tile, output by output.
func (d *dotsBF16) run(step0, step1 int, c, peak []float32) {
	cols := d.cols
	for i := range c {
		row, col := i/cols, i%cols
		if peak == nil {
			c[i] = math.Float32frombits(d.dot(row, col, step0, step1, math.Float32bits(c[i])))
			continue
		}
		for step := step0; step < step1; step++ {
			c[i] = math.Float32frombits(d.dot(row, col, step, step+1, math.Float32bits(c[i])))
			peak[i] = max(peak[i], float32(math.Abs(float64(c[i]))))
		}
	}
}

// shape counts fused sums of L elements.
func (c *chainBF16) shape() (steps, perTile int) {
	return (c.k + c.model.L - 1) / c.model.L, kTileBF16 / c.model.L
}

// dot chains the fused sums [step0,step1) of one output.
func (d *dotsBF16) dot(row, col, step0, step1 int, c uint32) uint32 {
	a, b := d.xs.row(row), d.ws.row(col)
	for i := step0 * d.perSum; i < step1*d.perSum; i += d.perSum {
		c = d.step(a[i:i+d.perSum], b[i:i+d.perSum], c)
	}
	return c
}

// step is one fused sum: stepRef without its record. What holds a NaN or an
// infinity is left to stepRef itself.
func (d *dotsBF16) step(a, b []octet, c uint32) uint32 {
	special := c&wordInf == wordInf
	acc := fp32(c)
	e := int32(d.model.EZero)
	if acc.sig != 0 {
		e = max(e, int32(acc.exp))
	}
	for i := range a {
		x, w := &a[i], &b[i]
		special = special || x.special || w.special
		for l := range octetLen {
			e = max(e, x.exp[l]+w.exp[l])
		}
	}
	if special {
		return d.plain(a, b, c)
	}
	q := int(e) - d.model.F
	units := alignToZero(acc.sig, acc.exp-23-q)
	left := uint(d.model.F - 2*elements[BF16].man) // a product at exponent e, in units
	for i := range a {
		x, w := &a[i], &b[i]
		for l := range octetLen {
			p := int64(x.sig[l]*w.sig[l]) << left
			down := uint(min(e-x.exp[l]-w.exp[l], 63))
			sign := p >> 63
			units += ((p^sign)-sign)>>(down&63) ^ sign - sign
		}
	}
	d0, _ := roundToZero(units, q, 24)
	if d0 == 0 && units < 0 {
		d.underflow++
	}
	return d0
}

// plain hands one fused sum to stepRef.
func (d *dotsBF16) plain(a, b []octet, c uint32) uint32 {
	var op Operands
	for i := range a {
		for l := range octetLen {
			op.A = append(op.A, uint32(a[i].word[l]))
			op.B = append(op.B, uint32(b[i].word[l]))
		}
	}
	s := d.model.stepRef(op, 0, len(op.A), c)
	return s.D
}
