package exec

import (
	"fmt"
	"slices"

	"fp4tui/exec/compare"
	"fp4tui/exec/language"
	"fp4tui/exec/verdict"
	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
)

// side is one operand of a comparison and how it came to be, as far as the session
// knows.
type side struct {
	tensor  inspect.Tensor
	product *productValue // the unwindowed output of a gemm
	blocks  *fp4.Blocks   // the codes that an unwindowed dequantized weight came from
	window  bool
}

// sideOf looks up what a reference of diff stands for.
func (c *call) sideOf(ref language.Ref, t inspect.Tensor) side {
	s := side{tensor: t, window: ref.Window != nil}
	v, err := c.resolve(ref)
	if err != nil || s.window {
		return s
	}
	switch v := v.(type) {
	case *productValue:
		s.product = v
	case *tensorValue:
		s.blocks = v.codes
	}
	return s
}

// expectation is the noise of a comparison: σ of each element, what the worst of a clean map
// stays below, and whether both sides have the same codes, so that arithmetic alone differs.
type expectation struct {
	sigma []float32
	limit float64
	exact bool
}

// expect gives a comparison the standard deviation of its errors, where what both sides
// were made of tells it: a product against a product of the same activations, or a
// dequantized weight against anything else. Without that a comparison has no noise.
func (c *call) expect(pair *compare.Pair, got, want side) (e expectation, err error) {
	switch {
	case got.blocks != nil && want.blocks == nil && !want.window:
		e.sigma, e.limit, err = verdict.Weight(c.ctx, got.blocks)
	case got.product != nil && !want.window:
		if p, ok := noiseOf(got, want); ok {
			e.sigma, err = verdict.Sigma(c.ctx, p)
			e.limit = verdict.Limit(int64(p.M) * int64(p.N))
			e.exact = len(p.Weights) == 0 && len(p.Acts) == 0
		}
	}
	if err != nil || e.sigma == nil {
		return expectation{}, err
	}
	return e, pair.SetNoise(e.sigma)
}

// noiseOf is what a product and its reference differ in. The weight's noise is in the
// error unless both sides have the same codes; so is that of the activations. A
// reference of unknown origin is taken for one without any quantization.
func noiseOf(got, want side) (verdict.Product, bool) {
	g, w := got.product, want.product
	p := verdict.Product{Y: [2][]float32{got.tensor.Data, want.tensor.Data}, Types: [2]inspect.DType{got.tensor.DType, want.tensor.DType}}
	p.M, p.K = g.forward.X.Rows()
	_, p.N = got.tensor.Rows()
	mine, theirs := g.matrix(), (*fp4.Blocks)(nil)
	if w != nil {
		if !sameWords(g.forward.X.Data, w.forward.X.Data) {
			return p, false
		}
		theirs = w.matrix()
	}
	p.K = min(p.K, g.features())
	p.X = g.multiplied(p.M, p.K)
	if p.W = mine; mine == nil {
		p.Dense = g.forward.Dense.Data
	}
	p.Weights = unshared(mine, theirs)
	p.Acts, p.ActScales = unsharedActs(g, w)
	return p, true
}

// matrix is the quantized weight that a product ran, in logical order; nil when it was
// dense.
func (v *productValue) matrix() *fp4.Blocks {
	if v.weights == nil {
		return nil
	}
	return &v.weights.weights.Blocks[v.choice.expert]
}

// features is the logical K of the weight.
func (v *productValue) features() int {
	if b := v.matrix(); b != nil {
		return b.Cols
	}
	return v.forward.Dense.Shape[1]
}

// multiplied is what the product took for x, M×k without padding.
func (v *productValue) multiplied(m, k int) []float32 {
	out := make([]float32, 0, m*k)
	for i := range m {
		out = append(out, v.activations(i)[:k]...)
	}
	return out
}

// unshared are the quantized operands that only one side has.
func unshared(a, b *fp4.Blocks) (list []*fp4.Blocks) {
	if a != nil && b != nil && sameBlocks(a, b) {
		return nil
	}
	for _, q := range []*fp4.Blocks{a, b} {
		if q != nil {
			list = append(list, q)
		}
	}
	return list
}

func sameBlocks(a, b *fp4.Blocks) bool {
	return a == b || a.Rows == b.Rows && a.Cols == b.Cols && a.Block == b.Block && a.Order == b.Order && a.ScaleType == b.ScaleType &&
		a.Global == b.Global && slices.Equal(a.Codes, b.Codes) && slices.Equal(a.Scales, b.Scales)
}

// measure is a measure of the comparison by name. The error is that there is no
// expected noise to measure with.
func (d *diffValue) measure(name string) (compare.Measure, error) {
	by, _ := compare.ParseMeasure(name)
	if by == compare.Noise && !d.pair.HasNoise() {
		return by, &inspect.Fault{Class: inspect.ErrMissing, Offset: -1, What: "no expected noise",
			Why:  fmt.Sprintf("what %s and %s were made of does not tell it", d.got, d.want),
			Cure: "compare the output of gemm with that of the original weight and the same x, or dequant W with the original"}
	}
	return by, d.certified(name)
}
