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

// checkEvery is how many elements are walked between two looks at the context.
const checkEvery = 1 << 20

// Float describes a tensor. A value is subnormal in the tensor's own type: below 2^-14 for F16 and
// F8_E5M2, below 2^-126 for BF16 and F32.
// The error is that of ctx, and nothing else.
func Float(ctx context.Context, t inspect.Tensor) (Floats, error) {
	s := Floats{Count: int64(len(t.Data))}
	smallest := SmallestNormal(t.DType)
	sum, lo, hi := 0.0, math.Inf(1), math.Inf(-1)
	for i, f := range t.Data {
		if i%checkEvery == 0 && ctx.Err() != nil {
			return s, ctx.Err()
		}
		v := float64(f)
		*s.class(v, smallest)++
		if v-v == 0 {
			sum += v
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	n := s.finite()
	if n == 0 {
		nan := math.NaN()
		s.Min, s.Max, s.AMax, s.Mean, s.Std, s.P1, s.P50, s.P99 = nan, nan, nan, nan, nan, nan, nan, nan
		return s, nil
	}
	s.Min, s.Max, s.AMax, s.Mean = lo, hi, max(-lo, hi), sum/float64(n)
	s.Std = spread(t.Data, s.Mean, n)
	if ctx.Err() != nil {
		return s, ctx.Err()
	}
	q := Quantiles(finiteValues(t.Data), 0.01, 0.50, 0.99)
	s.P1, s.P50, s.P99 = q[0], q[1], q[2]
	return s, ctx.Err()
}

func (f *Floats) finite() int64 { return f.Zero + f.Subnormal + f.Normal }

func (f *Floats) class(v, smallest float64) *int64 {
	switch a := math.Abs(v); {
	case v != v:
		return &f.NaN
	case v > math.MaxFloat64:
		return &f.PosInf
	case v < -math.MaxFloat64:
		return &f.NegInf
	case a == 0:
		return &f.Zero
	case a < smallest:
		return &f.Subnormal
	}
	return &f.Normal
}

// spread is the standard deviation about a known mean (two passes: the one-pass formula
// cancels when the mean is large).
func spread(data []float32, mean float64, n int64) float64 {
	sum := 0.0
	for _, f := range data {
		d := float64(f) - mean
		if d-d == 0 {
			sum += float64(d * d) // the conversion keeps arm64 from fusing: same bits everywhere
		}
	}
	return math.Sqrt(sum / float64(n))
}

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
