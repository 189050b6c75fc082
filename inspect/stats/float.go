package stats

import (
	"context"
	"math"

	"fp4tui/inspect"
)

// Floats describes the values of one tensor. NaN, PosInf, NegInf, Zero, Subnormal and
// Normal are disjoint and add up to Count. Everything below them is over finite values,
// and NaN when there are none.
type Floats struct {
	Count, NaN, PosInf, NegInf, Zero, Subnormal, Normal int64

	Min, Max, AMax float64 // AMax is the greatest magnitude
	Mean           float64
	Std            float64 // of the population: divided by the count, not by count-1
	P1, P50, P99   float64 // exact, nearest rank
}

// Float describes a tensor. A value is subnormal in the tensor's own type: below 2^-14 for F16 and
// F8_E5M2, below 2^-126 for BF16 and F32. Sums are float64, in the order that lanes and tree give.
// The error is that of ctx, and nothing else.
func Float(ctx context.Context, t inspect.Tensor) (Floats, error) {
	smallest := math.Float32bits(float32(SmallestNormal(t.DType)))
	parts, err := inChunks(ctx, t.Data, func(x []float32) floats { return floatsOf(x, smallest) })
	if err != nil {
		return Floats{Count: int64(len(t.Data))}, err
	}
	all := tree(parts, floats.join)
	s := all.Floats
	s.Count = int64(len(t.Data))
	n := s.finite()
	if n == 0 {
		nan := math.NaN()
		s.Min, s.Max, s.AMax, s.Mean, s.Std, s.P1, s.P50, s.P99 = nan, nan, nan, nan, nan, nan, nan, nan
		return s, nil
	}
	s.Min, s.Max, s.AMax, s.Mean = float64(all.lo), float64(all.hi), float64(max(-all.lo, all.hi)), all.sum/float64(n)
	// Two passes: the one-pass formula cancels when the mean is large.
	squares, err := inChunks(ctx, t.Data, func(x []float32) float64 { return squaresAbout(x, s.Mean) })
	if err != nil {
		return s, err
	}
	s.Std = math.Sqrt(tree(squares, func(a, b float64) float64 { return a + b }) / float64(n))
	q, err := quantiles32(ctx, t.Data, n, 0.01, 0.50, 0.99)
	if err != nil {
		return s, err
	}
	s.P1, s.P50, s.P99 = q[0], q[1], q[2]
	return s, nil
}

func (f *Floats) finite() int64 { return f.Zero + f.Subnormal + f.Normal }

func finiteValues(data []float32) func(func(float64) bool) {
	return func(yield func(float64) bool) {
		for _, f := range data {
			if v := float64(f); v-v == 0 && !yield(v) {
				return
			}
		}
	}
}

// SmallestNormal is the smallest normal magnitude of a float type; 0 for the others,
// which have no subnormals (integers, E8M0) or are not floats at all.
func SmallestNormal(d inspect.DType) float64 {
	if e, ok := minExponent[d]; ok {
		return math.Ldexp(1, e)
	}
	return 0
}

var minExponent = map[inspect.DType]int{
	inspect.F4: 0, inspect.F6E2M3: 0, inspect.F6E3M2: -2,
	inspect.F8E4M3: -6, inspect.F8E5M2: -14, inspect.F8E4M3FNUZ: -7, inspect.F8E5M2FNUZ: -15,
	inspect.F16: -14, inspect.BF16: -126, inspect.F32: -126, inspect.F64: -1022,
}
