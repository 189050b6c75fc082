package gemm

import (
	"context"
	"fmt"
	"math"
	"math/bits"

	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// certificate bounds how far the accumulator of one output can move when a kernel
// walks K in another order, splits it, or adds its partial sums in another order.
// The argument is in docs/numerics.md.
type certificate interface {
	// deviation of any two accumulators of output [m,n], given one of them and what
	// dots.run wrote to abs; +Inf when nothing is known.
	deviation(m, n int, acc, abs float32) float64
	// settle marks what takes no epilogue to decide: exact sums, and outputs that are
	// NaN in every order. acc and abs begin at column n0 of row m.
	settle(to []layer.Certainty, acc, abs []float32, m, n0 int)
	claim() string
}

// certify fills the certificates of a tile. y are its outputs' accumulators.
func (e *epilogue) certify(to []layer.Certainty, c certificate, acc, abs []float32, m, n0 int) {
	c.settle(to, acc, abs, m, n0)
	alpha := e.alpha[min(m, len(e.alpha)-1)]
	for j, a := range acc {
		if to[j] != layer.Unproven {
			continue
		}
		if d := c.deviation(m, n0+j, a, abs[j]); e.constant(float64(a)-d, float64(a)+d, alpha, n0+j) {
			to[j] = layer.SameWord
		}
	}
}

// constant reports that all accumulators from lo to hi have the same output. The
// epilogue is monotone: it is so when both ends have. But NaN at both ends may stand
// for infinities of both signs times an alpha that the output type holds as zero.
func (e *epilogue) constant(lo, hi float64, alpha float32, n int) bool {
	if !(lo >= -math.MaxFloat32 && hi <= math.MaxFloat32) {
		return false
	}
	l, h := float32(lo), float32(hi)
	if float64(l) > lo {
		l = math.Nextafter32(l, float32(math.Inf(-1)))
	}
	if float64(h) < hi {
		h = math.Nextafter32(h, float32(math.Inf(1)))
	}
	y := e.apply(l, alpha, n)
	if y != y && l < 0 && h > 0 {
		return false
	}
	return math.Float32bits(y) == math.Float32bits(e.apply(h, alpha, n))
}

// side is what the certificate knows of one row of one operand.
type side struct {
	low  int     // every nonzero factor is a multiple of 2^low
	top  int     // largest exponent that alignment can see
	norm float64 // not below the Euclidean norm
	nan  bool
}

// noExponent is the top of a row of zeros: its products never count.
const noExponent = math.MinInt16

var zeroSide = side{low: math.MaxInt16, top: noExponent}

// chainBound is the part that both kinds of instruction share.
type chainBound struct {
	xs, ws   []side
	steps    int  // instructions along K
	f, eZero int  // of the model
	oneChain bool // acc came from one chain of truncating additions: max(P,N) = (A+|acc|)/2 bounds its partial sums
	words    string
}

func (b *chainBound) claim() string { return b.words }
func (b *chainBound) zero(m, n int) bool {
	return b.xs[m].top == noExponent || b.ws[n].top == noExponent
}

// pow2 is 2^n for the exponents of normal float64 numbers.
func pow2(n int) float64 { return math.Float64frombits(uint64(n+1023) << 52) }

// exact reports that every partial sum in every order is a multiple of 2^low that FP32
// holds, and that no alignment cuts one. most bounds their magnitude.
func (b *chainBound) exact(low, top int, most float64) bool {
	return low >= -149 && low <= 103 && max(top, b.eZero)-b.f <= low && most <= pow2(low+24)
}

// drift is twice the largest distance of an accumulator from the exact sum, so that
// any two orders lie within it; +Inf when that is out of hand. base bounds every exact
// partial sum, but for three of these distances; cut counts the terms that alignment
// to a quantum can cut.
func (b *chainBound) drift(base float64, top int, cut interface{ below(quantum int) float64 }) float64 {
	steps := float64(b.steps)
	most := base
	for range 4 {
		if !(most < math.MaxFloat32/2) {
			break
		}
		e := int(math.Float64bits(max(most, 0x1p-126))>>52) - 1023
		quantum := max(e, top, b.eZero) - b.f
		// An instruction cuts terms and accumulator to the quantum and its result to an
		// ulp; accumulators meet in at most as many additions, rounded to nearest.
		d := (cut.below(quantum)+steps)*pow2(quantum) + steps*1.5*pow2(e-23)
		if most = base + 3*d; most < pow2(e+1) { // of partial sums with their errors
			return 2 * d
		}
	}
	return math.Inf(1)
}

// certFP4 is the certificate of block-scaled FP4 instructions.
type certFP4 struct {
	chainBound
	terms anyTerm
}

// anyTerm counts all terms: whichever the quantum, any of them may be cut.
type anyTerm float64

func (n anyTerm) below(int) float64 { return float64(n) }

func (c *certFP4) settle(to []layer.Certainty, acc, abs []float32, m, n0 int) {
	x, one := &c.xs[m], 0.0
	if c.oneChain {
		one = 1
	}
	for j, w := range c.ws[n0:][:len(to)] {
		// A + |acc| ≤ 2·2^(low+24) for one chain, A ≤ 2^(low+24) else.
		most := (float64(abs[j]) + one*math.Abs(float64(acc[j]))) / (1 + one)
		switch {
		case x.nan || w.nan:
			to[j] = layer.SameWord
		case x.top == noExponent || w.top == noExponent || c.exact(x.low+w.low, x.top+w.top, most):
			to[j] = layer.ExactSum
		}
	}
}

func (c *certFP4) deviation(m, n int, acc, abs float32) float64 {
	if c.zero(m, n) {
		return 0
	}
	x, w := &c.xs[m], &c.ws[n]
	return c.drift((float64(abs)+math.Abs(float64(acc)))/2, x.top+w.top, c.terms)
}

// AnyOrder is the claim that an output is independent of order and splits, as long as
// instructions stay whole.
func (m *Model) AnyOrder() string {
	return fmt.Sprintf("any order and split of whole K=%d instructions", m.L)
}

// certificate of a w4a4 product.
func (c *chainFP4) certificate(ctx context.Context, order layer.Order) (certificate, error) {
	b := chainBound{f: c.model.F, eZero: c.model.EZero, oneChain: order.Kind <= layer.OrderReverse,
		words: c.model.AnyOrder()}
	b.steps, _ = c.shape()
	var err error
	if b.xs, err = scaleSides(ctx, c.x, c.model.scale); err != nil {
		return nil, err
	}
	b.ws, err = scaleSides(ctx, c.w, c.model.scale)
	return &certFP4{b, anyTerm(b.steps * stepGroups)}, err
}

// scaleSides reads the scales alone: a group sum is an integer times half a unit of
// each operand's codes times the product of both scales.
func scaleSides(ctx context.Context, b *fp4.Blocks, scale scaleFormat) ([]side, error) {
	var of [256]side
	for s := range of {
		sig, exp, nan := scale.decode(uint8(s))
		of[s] = zeroSide
		switch {
		case nan:
			of[s].nan = true
		case sig != 0:
			of[s].low = exp - scale.man() - elements[E2M1].man + bits.TrailingZeros64(uint64(sig))
			of[s].top = exp
		}
	}
	return eachSide(ctx, b.Rows, b.Cols, func(i int) side {
		row := zeroSide
		for _, s := range b.Scales[i*b.ScaleCols():][:b.ScaleCols()] {
			o := &of[s]
			row.low, row.top, row.nan = min(row.low, o.low), max(row.top, o.top), row.nan || o.nan
		}
		return row
	})
}

func eachSide(ctx context.Context, rows, k int, of func(i int) side) ([]side, error) {
	sides := make([]side, rows)
	err := eachRows(ctx, rows, k, func(r0, r1 int) error {
		for i := r0; i < r1; i++ {
			sides[i] = of(i)
		}
		return nil
	})
	return sides, err
}

// certBF16 is the certificate of w4a16. Against every order it has only the norms of
// the operands (Cauchy and Schwarz), which prove few sums exact. Against splits into
// contiguous slices it has the largest accumulator that was met on the way: that
// bounds what a slice can sum up to, and many words are proven equal.
type certBF16 struct {
	chainBound
	fine   []fineTerms // by row of x
	slices float64     // this many times the peak bounds the sum of a contiguous slice
}

// fineTerms counts the elements of a row of x by their lowest bit: at[i] of them have
// it below 2^(from+i).
type fineTerms struct {
	from int
	at   []int32
}

// cutTerms are the products of a row of x with weights that are multiples of 2^low.
type cutTerms struct {
	*fineTerms
	low int
}

func (c cutTerms) below(quantum int) float64 {
	if i := quantum - c.low - c.from; i >= 0 && len(c.at) > 0 {
		return float64(c.at[min(i, len(c.at)-1)])
	}
	return 0
}

func (c *certBF16) settle(to []layer.Certainty, _, _ []float32, m, n0 int) {
	x := &c.xs[m]
	for j := range to {
		w := &c.ws[n0+j]
		switch {
		case x.nan || w.nan:
			to[j] = layer.SameWord
		case c.zero(m, n0+j) || c.exact(x.low+w.low, x.top+w.top, x.norm*w.norm*(1+0x1p-50)):
			to[j] = layer.ExactSum
		}
	}
}

func (c *certBF16) deviation(m, n int, _, peak float32) float64 {
	if c.zero(m, n) {
		return 0
	}
	x, w := &c.xs[m], &c.ws[n]
	// The sum of a contiguous slice is the difference of two sums that begin at K = 0.
	return c.drift(c.slices*float64(peak), x.top+w.top, cutTerms{&c.fine[m], w.low})
}

// certificate of a w4a16 product.
func (c *chainBF16) certificate(ctx context.Context, order layer.Order) (certificate, error) {
	b := &certBF16{fine: make([]fineTerms, len(c.x)/max(c.k, 1))}
	b.f, b.eZero = c.model.F, c.model.EZero
	b.words = fmt.Sprintf("any split of K into contiguous slices of K=%d instructions", c.model.L)
	switch order.Kind {
	case layer.OrderSequential, layer.OrderReverse:
		b.slices = 2
	case layer.OrderSplit: // the peak is that of slices: a run through all of them
		b.slices = 2 * float64(order.Parts)
	default:
		b.slices = math.Inf(1)
	}
	b.steps, _ = c.shape()
	var err error
	b.xs, err = eachSide(ctx, len(b.fine), c.k, func(i int) side { return bf16Side(c.x[i*c.k:][:c.k], &b.fine[i]) })
	if err != nil {
		return nil, err
	}
	table := c.scaleTable()
	b.ws, err = eachSide(ctx, c.w.Rows, c.w.Cols, func(i int) side { return c.weightSide(i, table) })
	return b, err
}

// bf16Side reads a row of x.
func bf16Side(words []uint16, fine *fineTerms) side {
	row := zeroSide
	sum := 0.0
	var count [512]int32 // by lowest bit, which lies between 2^-133 and 2^127
	const zero = 256
	for _, w := range words {
		if low, ok := row.add(w, &sum); ok {
			count[low+zero]++
		}
	}
	row.norm = max(row.norm, normUp(sum, len(words)))
	if row.top == noExponent {
		return row
	}
	if row.low > row.top {
		return row // nothing but infinities
	}
	fine.from = row.low
	fine.at = []int32{0}
	for low := row.low; low <= row.top; low++ {
		fine.at = append(fine.at, fine.at[len(fine.at)-1]+count[low+zero])
	}
	return row
}

// add takes one bf16 number into a row, its square into sum; low is its lowest
// bit. A zero, an infinity and a NaN have none.
func (r *side) add(word uint16, sum *float64) (low int, ok bool) {
	const infinity = 0x7f80
	man, field := int(word&0x7f), int(word>>7&0xff)
	switch {
	case word&0x7fff == 0:
		return 0, false
	case field == 0xff:
		r.nan = r.nan || word&0x7fff > infinity
		r.norm, r.top = math.Inf(1), 128
		return 0, false
	case field == 0:
		field = 1
	default:
		man |= 0x80
	}
	low = field - 127 - 7 + bits.TrailingZeros8(uint8(man))
	r.low, r.top = min(r.low, low), max(r.top, field-127)
	v := float64(math.Float32frombits(uint32(word) << 16))
	*sum += float64(v * v)
	return low, true
}

// normUp is not below the root of a sum of n squares that was added up in float64.
func normUp(sum float64, n int) float64 { return math.Sqrt(sum) * (1 + float64(n+4)*0x1p-52) }

// scaleSide is what one scale byte says of its block: of code·scale the lowest bit of
// any code, the exponent of the largest, and the square of half a unit.
type scaleSide struct {
	side
	square float64
}

// scaleTable is scaleSide for every byte, by the words that the product multiplies.
func (c *chainBF16) scaleTable() *[256]scaleSide {
	const half, six = 1, 7 // codes
	t := new([256]scaleSide)
	for s := range t {
		row := zeroSide
		var sum float64
		row.add(c.word[s][six], &sum)
		sum = 0
		row.add(c.word[s][half], &sum)
		t[s] = scaleSide{row, sum}
	}
	return t
}

// squares are the sums of squares of the two codes of a byte, in units of code 1.
var squares = func() (t [256]float64) {
	for b := range t {
		lo, hi := float64(fp4.DecodeE2M1(uint8(b)&15)), float64(fp4.DecodeE2M1(uint8(b)>>4))
		t[b] = 4 * (lo*lo + hi*hi)
	}
	return t
}()

// weightSide reads a row of the weight: its codes for the norms alone, so that what it
// says of bits and exponents is true of any codes under these scales.
func (c *chainBF16) weightSide(i int, table *[256]scaleSide) side {
	row := zeroSide
	sum := 0.0
	codes := c.w.Codes[i*(c.w.Cols/2):][:c.w.Cols/2]
	for k := 0; k < c.w.Cols; k += c.w.Block {
		t := &table[c.w.Scale(i, k)]
		last := min(k+c.w.Block, c.w.Cols)
		n := 0.0
		for _, b := range codes[k/2 : last/2] {
			n += squares[b]
		}
		row.low, row.top, row.nan = min(row.low, t.low), max(row.top, t.top), row.nan || t.nan
		row.norm = max(row.norm, t.norm)
		sum += float64(n * t.square)
	}
	row.norm = max(row.norm, normUp(sum, c.w.Cols))
	return row
}
