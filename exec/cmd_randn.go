package exec

import (
	"fmt"
	"math"
	"math/rand/v2"

	"fp4tui/exec/language"
	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
)

// RandnCmd makes test activations.
type RandnCmd struct {
	Dims     []int             `arg:"DIM,variadic" min:"1" max:"16777216" doc:"sizes; the last dimension is K"`
	Seed     *uint64           `key:"seed,file" doc:"the same seed gives the same values everywhere; chosen and recorded when left out at a prompt"`
	DType    string            `key:"dtype" enum:"bf16|fp16|f32" default:"bf16" doc:"values are rounded to it"`
	Outliers language.Outliers `key:"outliers" doc:"COUNT@FACTOR: so many channels of the last dimension, K at most, times the factor, spread evenly"`
}

var randnSpec = language.Spec{
	Verb: "randn", Group: "open", Binds: kindTensor,
	Summary:  "test activations, standard normal",
	Examples: []string{"x = randn 128 384 seed=1", "x = randn 2 64 384 seed=1 outliers=4@100"},
	New:      func() any { return new(RandnCmd) },
}

// maxRandn bounds the elements of a generated tensor: 1 GiB of float32.
const maxRandn = 1 << 28

func (cmd *RandnCmd) run(c *call) (Result, error) {
	k := cmd.Dims[len(cmd.Dims)-1]
	if cmd.Outliers.Count > k {
		return nil, fmt.Errorf("%w: outliers=%d@%s: K is %d, COUNT is 1 to %d", ErrUsage, cmd.Outliers.Count, language.Number(cmd.Outliers.Factor), k, k)
	}
	n := 1
	for _, d := range cmd.Dims {
		if n > maxRandn/d {
			return nil, fmt.Errorf("%w: randn %s: more than %d elements", ErrShape, inspect.ShapeString(cmd.Dims), maxRandn)
		}
		n *= d
	}
	if cmd.Seed == nil {
		one := uint64(1)
		cmd.Seed = &one
	}
	t := inspect.Tensor{DType: outType(first(cmd.DType, "bf16")), Shape: cmd.Dims, Data: make([]float32, n)}
	round := rounding(t.DType)
	factor := outlierChannels(cmd.Outliers, k)
	g := newGauss(*cmd.Seed)
	for i := range t.Data {
		if i%(1<<20) == 0 {
			if err := c.ctx.Err(); err != nil {
				return nil, err
			}
			c.report(int64(i), int64(n))
		}
		t.Data[i] = round(float32(float64(g.next()) * factor[i%k]))
	}
	v := &tensorValue{tensor: t, source: fmt.Sprintf("randn seed=%d", *cmd.Seed)}
	c.bind(v)
	return c.tensorInfo(fmt.Sprintf("randn seed=%d", *cmd.Seed), v)
}

func rounding(d inspect.DType) func(float32) float32 {
	switch d {
	case inspect.BF16:
		return fp4.RoundBF16
	case inspect.F16:
		return fp4.RoundFP16
	}
	return func(x float32) float32 { return x }
}

// outlierChannels is the factor of every channel: 1, and the outlier factor at the
// middle of each of COUNT equal parts. COUNT is at most k.
func outlierChannels(o language.Outliers, k int) []float64 {
	f := make([]float64, k)
	for i := range f {
		f[i] = 1
	}
	for i := range o.Count {
		f[(2*i+1)*k/(2*o.Count)] = float64(o.Factor)
	}
	return f
}

// gauss draws standard normal numbers by Marsaglia's polar method. The generator and
// every operation are exact or correctly rounded in a fixed order (square root included,
// logarithm our own), so a seed gives the same bits on every machine; math.Log does not.
type gauss struct {
	src   *rand.PCG
	spare float64
	have  bool
}

func (g *gauss) next() float64 {
	if g.have {
		g.have = false
		return g.spare
	}
	for {
		u, v := g.uniform(), g.uniform()
		s := float64(u*u) + float64(v*v)
		if s >= 1 || s == 0 {
			continue
		}
		f := math.Sqrt(float64(-2*logarithm(s)) / s)
		g.spare, g.have = v*f, true
		return u * f
	}
}

// uniform is in (-1, 1), a multiple of 2^-53.
func (g *gauss) uniform() float64 { return float64(int64(g.src.Uint64())>>10) * (1.0 / (1 << 53)) }

// standardNormal is a small bf16 tensor of standard normal values.
func standardNormal(shape []int, seed uint64) inspect.Tensor {
	t := inspect.Tensor{DType: inspect.BF16, Shape: shape, Data: make([]float32, inspect.Numel(shape))}
	g := newGauss(seed)
	for i := range t.Data {
		t.Data[i] = fp4.RoundBF16(float32(g.next()))
	}
	return t
}

func newGauss(seed uint64) gauss { return gauss{src: rand.NewPCG(seed, 0x9e3779b97f4a7c15)} }

// logarithm is ln x for x in (0, 1), by the series of atanh on the reduced argument.
// Explicit conversions keep compilers from fusing, which would change bits by machine.
func logarithm(x float64) float64 {
	m, e := math.Frexp(x)
	if m < math.Sqrt2/2 {
		m, e = m*2, e-1
	}
	t := (m - 1) / (m + 1)
	t2 := float64(t * t)
	sum := 0.0
	for i := 21; i >= 1; i -= 2 { // |t| ≤ 0.172: the next term is below 2^-60
		sum = float64(sum*t2) + 1/float64(i)
	}
	return float64(2*float64(t*sum)) + float64(float64(e)*math.Ln2)
}
