package fdpa

import (
	"math"
	"math/bits"

	"fp4tui/inspect/fp4"
)

// Params are those of a bf16 instruction with FP32 accumulators.
type Params struct {
	L     int // products of one step: 8 or 16
	F     int // bits kept below the largest exponent
	EZero int // smallest exponent that terms align to
}

// maxL is the largest L, and the number of elements a step has room for.
const maxL = 16

// Vector steps work on scales and x whose exponents lie in [-saneExp, saneExp]; then
// nothing overflows, and nothing but what is cut anyway underflows.
const saneExp = 30

// never is a limit that no accumulator is below, whatever is added to it: the sum of
// two limits is an FP32 word, and either is less than 2^30.
const never = -1 << 30

// codeTop is the exponent of the largest code, 6; codeUnit that of the smallest bit
// of a code, 0.5; codeMax the largest doubled code.
const codeTop, codeUnit, codeMax = 2, -1, 12

// scaleSpan is the most bits between the exponent of a weight and the lowest bit of
// another of its block: 6·1.875 has exponent 3, 0.5·1.875 the lowest bit 2^-4.
const scaleSpan = 7

// Product is y[M,N] = x[M,K]·w[N,K]ᵀ without the global scale, its operands prepared.
// After its rows are set it is read-only and serves any number of workers.
type Product struct {
	Params
	m, k    int
	steps   int
	w       *fp4.Blocks
	uniform bool // a step never spans two blocks
	rows    []rowStep
	lanes   [256]lane
	words   [256][16]uint16 // bf16 word of code·scale, by scale byte, then code
}

// rowStep is the x of one step. Limits of exponents are shifted to where FP32 words
// have their exponent, so that they add to and compare with words.
type rowStep struct {
	x     [maxL]uint16 // bf16 words in the order of place
	low   int32        // exponent of the lowest bit of the nonzero x, or never
	top   int32        // largest encoded exponent
	flags uint32

	// The x with the lowest bit, for steps that cut nothing but its products.
	lowest float32
	shift  uint32 // where its codes are in a doubleword of colStep.codes,
	half   uint32 // and 64 where that is the second
	second int32  // low of the others

	_ uint32 // a cache line each; the kernels rely on it
}

const (
	wide    = 1 << iota // the products' own exponents may cut some, or their sum is inexact
	extreme             // NaN, infinity or exponents out of range: scalar steps only
)

// lane is what a scale byte means for a column of a step.
type lane struct {
	s     float32 // scale/2
	limit int32   // FP32 word at which |c| begins to cut products, less rowStep.low
	floor int32   // FP32 word from which |c| is surely not cut, less rowStep.top
}

// place is where element i of a step is kept: codes of one column lie four to a
// 16-bit word, so one shift unpacks elements i and i+4, and those make a pair.
func place(i int) int { return i&8 | i%4*2 | i/4%2 }

// NewProduct prepares the weight, which has been checked and stays as it is while the
// product is in use; set all rows of x before use.
func NewProduct(p Params, m, k int, w *fp4.Blocks) *Product {
	steps := (k + p.L - 1) / p.L
	pr := &Product{Params: p, m: m, k: k, steps: steps, w: w, uniform: w.Block%p.L == 0, rows: make([]rowStep, steps*m)}
	for b := range pr.lanes {
		scale := w.ScaleType.Decode(uint16(b))
		pr.lanes[b] = newLane(p, scale)
		for code := range pr.words[b] {
			pr.words[b][code] = uint16(math.Float32bits(fp4.RoundBF16(fp4.DecodeE2M1(uint8(code))*scale)) >> 16)
		}
	}
	return pr
}

func newLane(p Params, scale float32) lane {
	if scale == 0 {
		return lane{limit: limitBias<<23 + saneExp<<23, floor: wordOf(-saneExp)}
	}
	bit := math.Float32bits(scale)
	e := int(bit>>23&0xff) - 127
	if e < -saneExp || e > saneExp {
		return lane{limit: never}
	}
	low := e - 23 + bits.TrailingZeros32(bit|1<<23) + codeUnit
	top := int(math.Float32bits(6*scale)>>23&0xff) - 127
	return lane{s: scale / 2, limit: int32(p.F+1+low+limitBias) << 23, floor: wordOf(top - (p.F - 23))}
}

// limitBias is lane.limit's part of the bias of FP32 exponents; rowStep.low has the
// rest, so that neither nears 2^30.
const limitBias = 64

// wordOf is the FP32 word of 2^e.
func wordOf(e int) int32 { return int32(e+127) << 23 }

// Steps is the number of steps of the whole K.
func (p *Product) Steps() int { return p.steps }

// Words is the bf16 word of code·scale by scale byte, then code: at most 6 significant
// bits, so exact but for the overflow of the largest E8M0 scales.
func (p *Product) Words() *[256][16]uint16 { return &p.words }

// SetRow sets a row of x, K bf16 words. Rows may be set concurrently.
func (p *Product) SetRow(row int, x []uint16) {
	for s := range p.steps {
		p.rows[s*p.m+row].set(x[s*p.L:min((s+1)*p.L, len(x))], p.F)
	}
}

func (r *rowStep) set(x []uint16, f int) {
	*r = rowStep{}
	low, second, top, sum := math.MaxInt32, math.MaxInt32, math.MinInt32, 0.0
	for i, w := range x {
		r.x[place(i)] = w
		mag := uint32(w & 0x7fff)
		if mag == 0 {
			continue
		}
		e := max(int(mag>>7), 1) - 127
		sig := mag & 0x7f
		if mag>>7 != 0 {
			sig |= 0x80
		}
		if bit := e - 7 + bits.TrailingZeros32(sig); bit < low {
			low, second = bit, low
			r.lowest = math.Float32frombits(uint32(w) << 16)
			r.shift, r.half = uint32(i%8)*4, uint32(i/8)*64
		} else {
			second = min(second, bit)
		}
		top = max(top, e)
		sum += float64(math.Float32frombits(mag << 16))
	}
	switch {
	case top == math.MinInt32:
		low, top = 0, -saneExp
	case top > saneExp || top < -saneExp:
		r.flags |= extreme
	case top-low > f-scaleSpan || sum*codeMax >= math.Ldexp(1, 24+low):
		r.flags |= wide
	}
	r.low, r.top = int32(low+127-limitBias)<<23, int32(top)<<23
	r.second = int32(min(second, saneExp)+127-limitBias) << 23
	if r.flags != 0 {
		r.low, r.second = never, never
	}
}
