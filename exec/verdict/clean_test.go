package verdict

import (
	"context"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"sort"
	"testing"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
)

// sweep makes the false-alarm tests long: go test ./exec/verdict -run FalseAlarm -sweep 4000
var sweep = flag.Int("sweep", 0, "clean layers of each kind in the false-alarm tests")

var quantizers = []struct{ format, recipe string }{
	{"nvfp4", "compressed-tensors"}, {"nvfp4", "flashinfer-exact"}, {"nvfp4", "modelopt"}, {"nvfp4", "torchao"}, {"nvfp4", "vllm"},
	{"mxfp4", "compressed-tensors"}, {"mxfp4", "modelopt"}, {"mxfp4", "ocp"}, {"mxfp4", "torchao"},
}

// clean is a random healthy layer.
type clean struct {
	name    string
	weights []float32
	blocks  fp4.Blocks
	n, k    int
}

func cleanLayer(t testing.TB, seed uint64) clean {
	r := rand.New(rand.NewPCG(seed, 3))
	names := []string{"gauss", "laplace", "student-t5", "uniform"}
	q := quantizers[r.IntN(len(quantizers))]
	d := names[r.IntN(4)]
	n, k := []int{32, 64, 128, 192, 320}[r.IntN(5)], []int{128, 256, 384, 512, 1024}[r.IntN(5)]
	c := clean{name: fmt.Sprintf("seed %d %s %s %s %dx%d", seed, q.format, q.recipe, d, n, k), n: n, k: k}
	c.weights = sample(d, n*k, seed)
	if r.IntN(2) == 0 { // rows and columns of different sizes, as real layers have
		c.name += " shaped"
		col := make([]float64, k)
		for i := range col {
			col[i] = math.Exp(0.4 * r.NormFloat64())
		}
		for i := range n {
			row := math.Exp(0.5 * r.NormFloat64())
			for j := range k {
				c.weights[i*k+j] *= float32(row * col[j])
			}
		}
	}
	for i, v := range c.weights {
		c.weights[i] = fp4.RoundBF16(v)
	}
	c.blocks = quantize(t, c.weights, n, k, q.format, q.recipe)
	return c
}

// weightField is the error of a dequantized weight.
func weightField(t testing.TB, b *fp4.Blocks, got, want []float32) *Field {
	t.Helper()
	sigma, limit, err := Weight(context.Background(), b)
	if err != nil {
		t.Fatal(err)
	}
	return &Field{Rows: b.Rows, Cols: b.Cols, Got: got, Want: want, Sigma: sigma, Blocks: b, Limit: limit, Multiplier: float64(b.Global.Multiplier())}
}

// multiply is x·wᵀ in float64, rounded to bfloat16.
func multiply(x, w []float32, m, n, k int) []float32 {
	y := make([]float32, m*n)
	for i := range m {
		for j := range n {
			a, b, s := x[i*k:(i+1)*k], w[j*k:(j+1)*k], 0.0
			for q, v := range a {
				s += float64(v) * float64(b[q])
			}
			y[i*n+j] = fp4.RoundBF16(float32(s))
		}
	}
	return y
}

// activations are bf16 numbers, some channels of them loud.
func activations(m, k int, seed uint64) []float32 {
	r := rand.New(rand.NewPCG(seed, 5))
	x := make([]float32, m*k)
	loud := make([]float64, k)
	for i := range loud {
		loud[i] = 1
	}
	for range r.IntN(4) {
		loud[r.IntN(k)] = 30
	}
	for i := range x {
		x[i] = fp4.RoundBF16(float32(r.NormFloat64() * loud[i%k]))
	}
	return x
}

// productField is the error of y = x·ŵᵀ against x·wᵀ; with quantized activations when xq.
func productField(t testing.TB, c clean, m int, seed uint64, w4a4 bool) *Field {
	t.Helper()
	x := activations(m, c.k, seed)
	p := Product{M: m, N: c.n, K: c.k, X: x, W: &c.blocks, Weights: []*fp4.Blocks{&c.blocks}, Types: [2]inspect.DType{inspect.BF16, inspect.BF16}}
	if w4a4 {
		xq := quantize(t, x, m, c.k, "nvfp4", "flashinfer-exact")
		p.X, p.Acts = dequantize(&xq), []*fp4.Blocks{&xq}
	}
	p.Y = [2][]float32{multiply(p.X, dequantize(&c.blocks), m, c.n, c.k), multiply(x, c.weights, m, c.n, c.k)}
	sigma, err := Sigma(context.Background(), p)
	if err != nil {
		t.Fatal(err)
	}
	return &Field{Rows: m, Cols: c.n, Got: p.Y[0], Want: p.Y[1], Sigma: sigma, Limit: Limit(int64(m * c.n)), Multiplier: float64(c.blocks.Global.Multiplier())}
}

// alarms counts the clean fields that are not called normal.
func alarms(t *testing.T, n int, field func(seed uint64) (*Field, string)) {
	t.Helper()
	if *sweep > 0 {
		n = *sweep
	}
	bad, by := 0, map[string]int{}
	var ratios []float64
	for seed := range uint64(n) {
		f, name := field(seed)
		r, err := Judge(context.Background(), f)
		if err != nil {
			t.Fatal(err)
		}
		ratios = append(ratios, r.Ratio)
		if !r.Normal {
			bad++
			for _, g := range r.Findings {
				by[g.Test]++
				t.Logf("%s: %s: %s, %s (%.4g, bound %.4g, effect %.4g)", name, g.Test, g.What, g.Where, g.Value, g.Bound, g.Effect)
			}
		}
	}
	sort.Float64s(ratios)
	t.Logf("%d of %d clean fields raise an alarm: %v; ratio %.3f, %.3f, %.3f", bad, n, by, ratios[0], ratios[n/2], ratios[n-1])
	if float64(bad) > 0.01*float64(n) {
		t.Errorf("%d of %d clean fields raise an alarm, more than 1 %%", bad, n)
	}
}

func TestFalseAlarmsOfWeights(t *testing.T) {
	alarms(t, 200, func(seed uint64) (*Field, string) {
		c := cleanLayer(t, seed)
		return weightField(t, &c.blocks, dequantize(&c.blocks), c.weights), c.name
	})
}

func TestFalseAlarmsOfProducts(t *testing.T) {
	alarms(t, 200, func(seed uint64) (*Field, string) {
		c := cleanLayer(t, seed)
		m := []int{1, 3, 8, 32}[seed%4]
		return productField(t, c, m, seed, seed%3 == 0), fmt.Sprintf("%s, %d rows", c.name, m)
	})
}
