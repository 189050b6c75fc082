// Package compare measures what one tensor got against another that it should have
// been: metrics over all elements, error maps at any zoom, the worst elements, and the
// plain structure of where they lie. It doesn't know layers and doesn't judge.
//
// A pair is seen as a matrix [M, N]: the leading dimensions folded into rows m, the last
// dimension columns n. Values are compared in float64, where the difference of two
// float32 rounds at most once. Elements are of three kinds:
//
//   - NaN: got or want is NaN. Such an element never compares equal, not even with another
//     NaN; it is counted apart and takes part in nothing else.
//   - infinite: got or want is ±Inf and neither is NaN. The same infinity on both sides is
//     an error of 0, anything else an error of +Inf. It counts in maxima, quantiles
//     and mismatches, never in sums.
//   - finite: all others; sums are over these.
//
// Padding is no element at all. Results are the same bits whatever GOMAXPROCS is: work is
// cut by shape alone, and partial sums meet in a fixed tree.
package compare

import (
	"fmt"
	"math"
	"slices"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
)

// RelFloor times the greatest |want| is the floor of relative error: at or below it an
// element has none. The error of a sum goes with its terms, not with what is left when they
// cancel: a healthy layer in FP4 is off by some thousandths of its largest output anywhere,
// and bf16 terms of that size by as much, so that relative to less it says nothing.
const RelFloor = 1e-3

// Pair is a tensor and what it should be. It is read-only once its optional parts are
// set, and then safe for concurrent use.
type Pair struct {
	Shape []int         // of both tensors
	M, N  int           // the folded matrix; a scalar is 1×1
	DType inspect.DType // of got: what ULPs are counted in
	Floor float64       // relative error exists only where |want| > Floor

	got, want      []float32
	sigma          []float32
	padRow, padCol []bool
	proven         func(i int) bool // nil without a certificate
	judged         bool
	ulp            ulpType
}

// New pairs two tensors of the same shape. It keeps their data, which must not change
// while the pair is used. The error is an *inspect.Fault of class inspect.ErrMismatch that names both shapes.
func New(got, want inspect.Tensor) (*Pair, error) {
	if !slices.Equal(got.Shape, want.Shape) {
		return nil, &inspect.Fault{
			Class: inspect.ErrMismatch, Offset: -1,
			What: "shapes differ",
			Why:  fmt.Sprintf("got is %s, want is %s", inspect.ShapeString(got.Shape), inspect.ShapeString(want.Shape)),
			Cure: "compare outputs of the same layer and input, sliced to the real rows and columns",
		}
	}
	for _, t := range []inspect.Tensor{got, want} {
		if n := inspect.Numel(t.Shape); n != len(t.Data) {
			return nil, &inspect.Fault{
				Class: inspect.ErrMalformed, Offset: -1,
				What: "tensor without all its data",
				Why:  fmt.Sprintf("shape %s has %d elements, %d are there", inspect.ShapeString(t.Shape), n, len(t.Data)),
			}
		}
	}
	p := &Pair{Shape: got.Shape, DType: got.DType, got: got.Data, want: want.Data, ulp: ulpsOf(got.DType)}
	p.M, p.N = got.Rows()
	p.Floor = RelFloor * p.amaxWant()
	return p, nil
}

// SetNoise gives the expected standard deviation of every element's error, M·N values
// row-major, for the measure Noise.
func (p *Pair) SetNoise(sigma []float32) error {
	if len(sigma) != len(p.got) {
		return p.sizeFault("expected noise", len(sigma), len(p.got))
	}
	p.sigma = sigma
	return nil
}

// HasNoise says whether the measure Noise is there.
func (p *Pair) HasNoise() bool { return p.sigma != nil }

// SetPadding marks whole rows and columns as padding: nil for none, else M and N flags.
func (p *Pair) SetPadding(rows, cols []bool) error {
	if rows != nil && len(rows) != p.M {
		return p.sizeFault("row padding", len(rows), p.M)
	}
	if cols != nil && len(cols) != p.N {
		return p.sizeFault("column padding", len(cols), p.N)
	}
	p.padRow, p.padCol = rows, cols
	p.Floor = RelFloor * p.amaxWant()
	return nil
}

func (p *Pair) sizeFault(what string, have, need int) error {
	return &inspect.Fault{
		Class: inspect.ErrMismatch, Offset: -1, What: what + " of the wrong size",
		Why: fmt.Sprintf("it has %d values, the pair of %d×%d needs %d", have, p.M, p.N, need),
	}
}

func (p *Pair) amaxWant() float64 {
	if p.padRow == nil && p.padCol == nil {
		if amax := fp4.Amax(p.want); amax <= math.MaxFloat32 { // no infinity, no NaN
			return float64(amax)
		}
	}
	amax := 0.0
	for m := range p.M {
		for n, w := range p.want[m*p.N : (m+1)*p.N] {
			if a := math.Abs(float64(w)); a > amax && a <= math.MaxFloat64 && !p.padding(m, n) {
				amax = a
			}
		}
	}
	return amax
}

func (p *Pair) padding(m, n int) bool {
	return p.padRow != nil && p.padRow[m] || p.padCol != nil && p.padCol[n]
}

// Index unfolds an element into the indices of the tensor's shape.
func (p *Pair) Index(m, n int) []int {
	if len(p.Shape) == 0 {
		return nil
	}
	out := make([]int, len(p.Shape))
	out[len(out)-1] = n
	for i := len(out) - 2; i >= 0; i-- {
		out[i] = m % p.Shape[i]
		m /= p.Shape[i]
	}
	return out
}

// Element is one element of a pair with every measure of its error.
type Element struct {
	M, N      int
	Got, Want float64
	Err       float64 // got - want; NaN when either is
	Rel       float64 // |err| / |want|; NaN where |want| is not above the floor
	ULP       float64 // steps of the output type between got and want; +Inf when one is infinite
	Noise     float64 // |err| over its expected standard deviation; NaN without
}

// At returns one element; m and n must be inside the pair.
func (p *Pair) At(m, n int) Element {
	i := m*p.N + n
	e := Element{M: m, N: n, Got: float64(p.got[i]), Want: float64(p.want[i]), Err: p.signed(i)}
	nan := math.IsNaN(e.Err)
	e.Rel, e.ULP, e.Noise = math.NaN(), math.NaN(), math.NaN()
	if !nan {
		e.Rel, e.ULP, e.Noise = p.rel(i, e.Err), p.ulps(i), p.noise(i, e.Err)
	}
	return e
}

// signed is got - want; NaN for a NaN, 0 for twice the same infinity.
func (p *Pair) signed(i int) float64 {
	g, w := p.got[i], p.want[i]
	if g == w {
		return 0
	}
	return float64(g) - float64(w)
}

// rel is the relative error; NaN where there is none. An infinite want has no relative
// error either, unless got misses it: that is +Inf.
func (p *Pair) rel(i int, err float64) float64 {
	w := math.Abs(float64(p.want[i]))
	if !(w > p.Floor) {
		return math.NaN()
	}
	if math.IsInf(err, 0) {
		return math.Inf(1)
	}
	if math.IsInf(w, 0) {
		return 0
	}
	return math.Abs(err) / w
}

// noise is |err| in expected standard deviations; no error is 0 also where none is expected.
func (p *Pair) noise(i int, err float64) float64 {
	if p.sigma == nil {
		return math.NaN()
	}
	if err == 0 {
		return 0
	}
	return math.Abs(err) / float64(p.sigma[i])
}

func (p *Pair) ulps(i int) float64 {
	g, w := p.got[i], p.want[i]
	if g == w {
		return 0
	}
	if d := float64(g) - float64(w); math.IsInf(d, 0) {
		return math.Inf(1)
	}
	a, b := p.ulp.index(g), p.ulp.index(w)
	return math.Abs(float64(a - b))
}
