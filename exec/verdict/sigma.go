package verdict

import (
	"context"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
)

// Product is what a comparison of two outputs y = x·Wᵀ knows of where they differ.
type Product struct {
	M, N, K int
	X       []float32     // M×K, as it was multiplied
	W       *fp4.Blocks   // the weight, N×K at least; nil: Dense
	Dense   []float32     // N×K
	Weights []*fp4.Blocks // quantized weights whose noise is in the error: that of one side alone
	Acts    []*fp4.Blocks // quantized activations likewise, M×K at least
	// ActScales are the decode scales by row of those Acts that have one for each row,
	// and then no global scale; nil, or nil for one of Acts, where its own serves all.
	ActScales [][]float32
	Y         [2][]float32     // both outputs, M×N
	Types     [2]inspect.DType // what they were rounded to
}

const (
	hotChannels = 32 // channels that are carried one by one
	hotShare    = 4  // from this multiple of their block's mean energy on
	// accumulated is the standard deviation of a chain of FP32 additions: half a step of
	// 2^-24 each 16 products, all in one direction where the hardware truncates.
	accumulated = 0x1p-24 / 16
)

// Sigma is the expected standard deviation of every element of got - want:
//
//	σ² = Σ x²·Var(w) + Σ Var(x)·w² + accumulation + output rounding of both sides
//
// with Var of an element from its block's scale and code. The sums go by K block: x² and
// Var(w) of a block meet as sum and mean, but the loudest channels are carried one by one. That
// is M·N·K/16 products. The error is that of ctx.
func Sigma(ctx context.Context, p Product) ([]float32, error) {
	if p.M == 0 || p.N == 0 || p.K == 0 {
		return make([]float32, p.M*p.N), nil
	}
	hot := p.loud()
	blocks := (p.K + 15) / 16
	width := 2*blocks + len(hot)
	left, right := make([]float32, p.M*width), make([]float32, p.N*width)
	acts, models := modelsOf(p.Acts), modelsOf(p.Weights)
	if err := inParallel(ctx, p.M, func(m int) { p.left(m, hot, acts, left[m*width:(m+1)*width]) }); err != nil {
		return nil, err
	}
	if err := inParallel(ctx, p.N, func(n int) { p.right(n, hot, models, right[n*width:(n+1)*width]) }); err != nil {
		return nil, err
	}
	sigma := make([]float32, p.M*p.N)
	err := inParallel(ctx, p.M, func(m int) {
		a := left[m*width : (m+1)*width]
		for n := range p.N {
			v := dot(a, right[n*width:(n+1)*width])
			for side, y := range p.Y {
				v += roundingVariance(y[m*p.N+n], p.Types[side])
			}
			sigma[m*p.N+n] = float32(math.Sqrt(v))
		}
	})
	return sigma, err
}

func modelsOf(list []*fp4.Blocks) []*Model {
	out := make([]*Model, len(list))
	for i, b := range list {
		out[i] = NewModel(b)
	}
	return out
}

// loud are the channels that hold far more energy than the others of their block.
func (p Product) loud() []int {
	energy := make([]float64, p.K)
	for m := range p.M {
		for k, x := range p.X[m*p.K : (m+1)*p.K] {
			energy[k] += float64(x) * float64(x)
		}
	}
	var list []int
	for k0 := 0; k0 < p.K; k0 += 16 {
		block := energy[k0:min(k0+16, p.K)]
		sum := 0.0
		for _, e := range block {
			sum += e
		}
		for i, e := range block {
			if e*float64(len(block)) > hotShare*sum {
				list = append(list, k0+i)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b int) int {
		switch {
		case energy[a] > energy[b]:
			return -1
		case energy[a] < energy[b]:
			return 1
		}
		return 0
	})
	return list[:min(len(list), hotChannels)]
}

// left is row m of the left factor: energy of x by block, variance of x by block, energy
// of the loud channels.
func (p Product) left(m int, hot []int, models []*Model, dst []float32) {
	blocks := (p.K + 15) / 16
	x := p.X[m*p.K : (m+1)*p.K]
	sum := make([]float64, blocks)
	for k, v := range x {
		sum[k/16] += float64(v) * float64(v)
	}
	for i, k := range hot {
		e := float64(x[k]) * float64(x[k])
		sum[k/16] -= e
		dst[2*blocks+i] = float32(e)
	}
	for b, s := range sum {
		dst[b] = float32(max(s, 0))
	}
	for i, q := range p.Acts {
		v := make([]float64, q.Cols)
		models[i].Variance(q, m, v)
		scale := 1.0
		if i < len(p.ActScales) && p.ActScales[i] != nil {
			scale = float64(p.ActScales[i][m]) * float64(p.ActScales[i][m])
		}
		for k := range p.K {
			dst[blocks+k/16] += float32(scale * v[k] / 16)
		}
	}
}

// right is row n of the right factor: mean variance of the weights by block, energy of the weights
// by block, variance of the loud channels.
func (p Product) right(n int, hot []int, models []*Model, dst []float32) {
	blocks := (p.K + 15) / 16
	w := make([]float32, p.K)
	if p.W != nil {
		row := make([]float32, p.W.Cols)
		p.W.DequantRow(n, row)
		copy(w, row)
	} else {
		copy(w, p.Dense[n*p.K:(n+1)*p.K])
	}
	chain := float64(p.K) * accumulated
	total := make([]float64, p.K)
	for k, v := range w {
		e := float64(v) * float64(v)
		total[k] = chain * chain * e
		dst[blocks+k/16] += float32(e)
	}
	for i, q := range p.Weights {
		v := make([]float64, q.Cols)
		models[i].Variance(q, n, v)
		for k := range total {
			total[k] += v[k]
		}
	}
	for k0 := 0; k0 < p.K; k0 += 16 {
		sum := 0.0
		block := total[k0:min(k0+16, p.K)]
		for _, v := range block {
			sum += v
		}
		dst[k0/16] = float32(sum / float64(len(block)))
	}
	for i, k := range hot {
		dst[2*blocks+i] = float32(total[k])
	}
}

// dot is in ascending order, in float64 and without fused operations: the same bits on
// every machine.
func dot(a, b []float32) float64 {
	var s0, s1, s2, s3 float64
	i := 0
	for ; i+4 <= len(a) && i+4 <= len(b); i += 4 {
		s0 += float64(float64(a[i]) * float64(b[i]))
		s1 += float64(float64(a[i+1]) * float64(b[i+1]))
		s2 += float64(float64(a[i+2]) * float64(b[i+2]))
		s3 += float64(float64(a[i+3]) * float64(b[i+3]))
	}
	for ; i < len(a); i++ {
		s0 += float64(float64(a[i]) * float64(b[i]))
	}
	return s0 + s1 + (s2 + s3)
}

// roundingVariance is a twelfth of the squared step of the output type at y.
func roundingVariance(y float32, d inspect.DType) float64 {
	bits := 24
	switch d {
	case inspect.BF16:
		bits = 8
	case inspect.F16:
		bits = 11
	}
	if y == 0 || y-y != 0 {
		return 0
	}
	_, e := math.Frexp(float64(y))
	step := math.Ldexp(1, e-bits)
	return step * step / 12
}

// Weight is the expected standard deviation of every element of a dequantized weight
// against its original, and the noise that no element rounded to its nearest code has. The
// error is that of ctx.
func Weight(ctx context.Context, b *fp4.Blocks) (sigma []float32, limit float64, err error) {
	model := NewModel(b)
	sigma = make([]float32, b.Rows*b.Cols)
	most := make([]float64, b.Rows)
	err = inParallel(ctx, b.Rows, func(r int) {
		v := make([]float64, b.Cols)
		model.Variance(b, r, v)
		for k, s := range v {
			sigma[r*b.Cols+k] = float32(math.Sqrt(s))
			most[r] = max(most[r], model.farthest(b, r, k, s))
		}
	})
	for _, l := range most {
		limit = max(limit, l)
	}
	return sigma, rounded(limit * (1 + limitSlack)), err
}

// farthest is the largest error that rounding to nearest leaves at one element, in its σ.
func (m *Model) farthest(b *fp4.Blocks, r, k int, variance float64) float64 {
	if variance == 0 {
		return 0
	}
	scale := b.Scale(r, k)
	towards, beyond := m.Bound(b.Code(r, k), scale)
	if b.Code(r, k)&7 == top && m.alone(b, r, k) {
		towards = m.short[scale] // it is what the scale was made for
	}
	return max(towards, beyond) * math.Abs(float64(b.Effective(scale))) / math.Sqrt(variance)
}

// alone says whether an element is the only one of its block with the top code.
func (m *Model) alone(b *fp4.Blocks, r, k int) bool {
	lo := k / b.Block * b.Block
	for j := lo; j < min(lo+b.Block, b.Cols); j++ {
		if j != k && b.Code(r, j)&7 == top {
			return false
		}
	}
	return true
}

// nearest is how much farther than half a gap a number may be from the code that it was
// rounded to: originals and scales are rounded themselves, to bfloat16 at worst.
const nearest = 0x1p-6

// limitSlack is the same of a limit: scales whose amax/6 was rounded to bfloat16 first are a
// little further off than half a step of E4M3.
const limitSlack = 0x1p-4

// inParallel calls work(0…n-1), each once, on all processors. Work must only write what
// its index owns. The error is that of ctx.
func inParallel(ctx context.Context, n int, work func(i int)) error {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), n) {
		wg.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				work(i)
			}
		})
	}
	wg.Wait()
	return ctx.Err()
}

// Level is the probability that the worst of a clean map passes its Limit: one map in
// twenty.
const Level = 0.05

// Limit is the noise that the worst of count clean elements passes with probability
// Level: the extreme value of so many normal numbers. Elements that depend on one
// another, as the outputs of one weight row do, make less of it, never more.
func Limit(count int64) float64 {
	if count < 1 {
		return 0
	}
	return rounded(quantileTail(Level / float64(count)))
}

// quantileTail is the z beyond which a standard normal number is, in either direction,
// with probability p.
func quantileTail(p float64) float64 { return math.Sqrt2 * math.Erfcinv(p) }
