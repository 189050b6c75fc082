package verdict

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"fp4tui/inspect/fp4"
)

// draws make one number of a distribution with variance about 1.
var draws = map[string]func(*rand.Rand) float64{
	"gauss":   (*rand.Rand).NormFloat64,
	"laplace": func(r *rand.Rand) float64 { return r.ExpFloat64() * float64(1-2*r.IntN(2)) / math.Sqrt2 },
	"student-t5": func(r *rand.Rand) float64 {
		chi := 0.0
		for range 5 {
			g := r.NormFloat64()
			chi += g * g
		}
		return r.NormFloat64() / math.Sqrt(chi/5) / math.Sqrt(5./3)
	},
	"uniform": func(r *rand.Rand) float64 { return (2*r.Float64() - 1) * math.Sqrt(3) },
}

// sample is n numbers of a distribution, in the range of weights.
func sample(name string, n int, seed uint64) []float32 {
	r := rand.New(rand.NewPCG(seed, 17))
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(draws[name](r) * 0.05)
	}
	return out
}

func quantize(t testing.TB, x []float32, rows, cols int, format, recipe string) fp4.Blocks {
	t.Helper()
	b, err := fp4.Quantize(x, rows, cols, fp4.QuantOptions{Format: format, Recipe: recipe})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func dequantize(b *fp4.Blocks) []float32 {
	out := make([]float32, b.Rows*b.Cols)
	for r := range b.Rows {
		b.DequantRow(r, out[r*b.Cols:])
	}
	return out
}

// The SQNR of rounding to nearest, in dB, of 2^19 numbers of variance 1 (uniform: -1 to 1) by our quantizers. With
// power-of-two scales it depends on where the deviation lies between two powers.
var floors = []struct {
	format, recipe                   string
	gauss, laplace, student, uniform float64
}{
	{"nvfp4", "compressed-tensors", 20.43, 20.66, 20.69, 19.86},
	{"nvfp4", "flashinfer-exact", 20.43, 20.66, 20.69, 19.86},
	{"nvfp4", "modelopt", 20.43, 20.66, 20.69, 19.86},
	{"nvfp4", "torchao", 20.43, 20.66, 20.69, 19.86},
	{"nvfp4", "vllm", 20.43, 20.66, 20.69, 19.86},
	{"mxfp4", "ocp", 18.86, 17.99, 17.97, 16.83},
	{"mxfp4", "compressed-tensors", 19.01, 18.16, 18.16, 20.09},
	{"mxfp4", "modelopt", 18.73, 17.58, 17.58, 20.09},
	{"mxfp4", "torchao", 18.73, 17.58, 17.58, 20.09},
}

// The model knows the energy of the error without the originals, within 4 % for scales of
// E4M3 and 13 % for powers of two.
func TestExpectedSQNR(t *testing.T) {
	const rows, cols = 512, 1024
	for _, f := range floors {
		for name, want := range map[string]float64{"gauss": f.gauss, "laplace": f.laplace, "student-t5": f.student, "uniform": f.uniform} {
			x := sample(name, rows*cols, 1)
			factor := float32(20)
			if name == "uniform" { // in -1 to 1
				factor /= float32(math.Sqrt(3))
			}
			for i := range x {
				x[i] *= factor
			}
			b := quantize(t, x, rows, cols, f.format, f.recipe)
			r, err := Judge(context.Background(), weightField(t, &b, dequantize(&b), x))
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(r.SQNR-want) > 0.12 {
				t.Errorf("%s %s %s: SQNR %.2f dB, want %.2f", f.format, f.recipe, name, r.SQNR, want)
			}
			if off := map[string]float64{"nvfp4": 0.04, "mxfp4": 0.13}[f.format]; math.Abs(r.Ratio-1) > off {
				t.Errorf("%s %s %s: the error has %.3f of the energy that the model expects", f.format, f.recipe, name, r.Ratio)
			}
			if !r.Normal {
				t.Errorf("%s %s %s: %+v", f.format, f.recipe, name, r.Findings)
			}
		}
	}
}

// Each code's own energy, which is what carries one element's σ.
func TestModelByCode(t *testing.T) {
	x := sample("gauss", 512*1024, 2)
	b := quantize(t, x, 512, 1024, "nvfp4", "compressed-tensors")
	model, y := NewModel(&b), dequantize(&b)
	var observed, expected [8]float64
	v := make([]float64, b.Cols)
	for r := range b.Rows {
		model.Variance(&b, r, v)
		for k := range v {
			d := float64(y[r*b.Cols+k]) - float64(x[r*b.Cols+k])
			c := b.Code(r, k) & 7
			observed[c], expected[c] = observed[c]+d*d, expected[c]+v[k]
		}
	}
	for c := range observed {
		if q := observed[c] / expected[c]; math.Abs(q-1) > 0.05 {
			t.Errorf("code %d has %.3f of its expected energy", c, q)
		}
	}
}

// The rule by which powers of two were chosen shows in the codes.
func TestModelRule(t *testing.T) {
	x := sample("gauss", 64*1024, 3)
	for recipe, want := range map[string]string{"ocp": "floor", "compressed-tensors": "even", "torchao": "ceil", "modelopt": "ceil"} {
		b := quantize(t, x, 64, 1024, "mxfp4", recipe)
		if rule := NewModel(&b).Rule(); !strings.Contains(rule, want) {
			t.Errorf("%s: %s, want %s", recipe, rule, want)
		}
	}
}

// The limit of a map is the extreme value that SCREENS of this size pass once in twenty.
func TestLimit(t *testing.T) {
	for count, want := range map[int64]float64{0: 0, 1: 1.96, 196608: 5.15, 1 << 24: 5.94} {
		if got := Limit(count); math.Abs(got-want) > 0.01 {
			t.Errorf("limit of %d is %.3f, want %.2f", count, got, want)
		}
	}
}

// Over many clean products the worst element passes the limit at most about as often as the limit
// says, the mean square of noise is 1, and a product of one loud channel has it too.
func TestNoiseOfProducts(t *testing.T) {
	const runs = 120
	over, sum, count := 0, 0.0, 0.0
	for seed := range uint64(runs) {
		c := cleanLayer(t, seed+5000)
		f := productField(t, c, 16, seed, seed%2 == 0)
		worst := 0.0
		for i, s := range f.Sigma {
			z := math.Abs(float64(f.Got[i])-float64(f.Want[i])) / float64(s)
			worst, sum, count = max(worst, z), sum+z*z, count+1
		}
		if worst > f.Limit {
			over++
		}
	}
	if ms := sum / count; math.Abs(ms-1) > 0.06 {
		t.Errorf("the mean square of noise is %.3f", ms)
	}
	if over > 3*runs/20 {
		t.Errorf("%d of %d clean maps pass their limit", over, runs)
	}
	t.Logf("%d of %d over the limit", over, runs)
}

// Sums do not depend on the number of processors, and a cancelled context ends them.
func TestSigmaIsDeterministic(t *testing.T) {
	c := cleanLayer(t, 7)
	one := productField(t, c, 8, 1, true)
	before := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(before)
	if two := productField(t, c, 8, 1, true); !slices.Equal(one.Sigma, two.Sigma) {
		t.Error("sigma depends on GOMAXPROCS")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Judge(ctx, one); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled verdict gives %v", err)
	}
	if _, _, err := Weight(ctx, &c.blocks); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled Weight gives %v", err)
	}
}

// No element of a clean weight passes the limit of its map.
func TestLimitOfWeights(t *testing.T) {
	for seed := range uint64(60) {
		c := cleanLayer(t, seed+9000)
		f := weightField(t, &c.blocks, dequantize(&c.blocks), c.weights)
		r, err := Judge(context.Background(), f)
		if err != nil {
			t.Fatal(err)
		}
		if r.Worst > r.Limit || r.Limit > 4.5 {
			t.Errorf("%s: worst %.3f, limit %.3f", c.name, r.Worst, r.Limit)
		}
	}
}
