package diagnose

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// rig is a layer of 128 rows with activations.
type rig struct {
	m, n, k int
	x       []float32
	weights []float32 // the originals
	b       fp4.Blocks
}

func newRig(t testing.TB, n, k int, format, recipe string) *rig {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	g := &rig{m: 24, n: n, k: k, x: make([]float32, 24*k), weights: make([]float32, n*k)}
	for i := range g.x {
		g.x[i] = fp4.RoundBF16(float32(r.NormFloat64()))
	}
	for i := range g.weights {
		g.weights[i] = fp4.RoundBF16(float32(r.NormFloat64() * 0.04 * math.Exp(0.2*math.Sin(float64(i/k)))))
	}
	var err error
	if g.b, err = fp4.Quantize(g.weights, n, k, fp4.QuantOptions{Format: format, Recipe: recipe}); err != nil {
		t.Fatal(err)
	}
	return g
}

// value is one weight as E2M1 · scale · global, by the definition.
func (g *rig) value(n, k int) float64 {
	return float64(fp4.DecodeE2M1(g.b.Code(n, k))) * float64(g.b.ScaleType.Decode(uint16(g.b.Scale(n, k)))) * g.multiplier()
}

func (g *rig) multiplier() float64 { return float64(g.b.Global.Multiplier()) }

// scaled is a weight with another scale byte.
func (g *rig) scaled(n, k int, scale uint8) float64 {
	return float64(fp4.DecodeE2M1(g.b.Code(n, k))) * float64(g.b.ScaleType.Decode(uint16(scale))) * g.multiplier()
}

// output is x·wᵀ with the weight that at gives, in bfloat16.
func (g *rig) output(x []float32, at func(n, k int) float64) []float32 {
	y := make([]float32, g.m*g.n)
	w := make([]float64, g.k)
	for n := range g.n {
		for k := range w {
			w[k] = at(n, k)
		}
		for m := range g.m {
			s := 0.0
			for k, v := range w {
				s += v * float64(x[m*g.k+k])
			}
			y[m*g.n+n] = fp4.RoundBF16(float32(s))
		}
	}
	return y
}

func (g *rig) caseOf(y []float32) *Case {
	return &Case{Target: y, M: g.m, N: g.n, X: g.x, XType: inspect.BF16, Weights: &layer.Weights{Blocks: []fp4.Blocks{g.b}}}
}

func (g *rig) explain(t *testing.T, c *Case) *Diagnosis {
	t.Helper()
	d, err := Explain(context.Background(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// swizzled is the position of a scale in the 128x4 layout, written from its published formula.
func swizzled(row, block, blocks int) int {
	return ((row/128)*((blocks+3)/4)+block/4)*512 + row%32*16 + row%128/32*4 + block%4
}

// mistakes are simulated here from their definitions, without the package's own readings.
var mistakes = []struct {
	name string // that the diagnosis must give
	at   func(g *rig) func(n, k int) float64
}{
	{"two codes of every byte are swapped", func(g *rig) func(n, k int) float64 {
		return func(n, k int) float64 { return g.scaledCode(n, k, g.b.Code(n, k^1)) }
	}},
	{"next block's scale", func(g *rig) func(n, k int) float64 {
		return func(n, k int) float64 { return g.scaled(n, k, g.b.Scale(n, (k+16)%g.k)) }
	}},
	{"laid out as 128x4", func(g *rig) func(n, k int) float64 {
		cols := g.b.ScaleCols()
		buffer := make([]byte, (g.n+127)/128*128*((cols+3)/4*4))
		for n := range g.n {
			for b := range cols {
				buffer[swizzled(n, b, cols)] = g.b.Scales[n*cols+b]
			}
		}
		return func(n, k int) float64 { return g.scaled(n, k, buffer[n*cols+k/16]) }
	}},
	{"row-major scales are read as 128x4", func(g *rig) func(n, k int) float64 {
		cols := g.b.ScaleCols()
		return func(n, k int) float64 { return g.scaled(n, k, g.b.Scales[swizzled(n, k/16, cols)]) }
	}},
	{"scales of blocks of 16 are read as of 32: one scale", func(g *rig) func(n, k int) float64 {
		return func(n, k int) float64 { return g.scaled(n, k, g.b.Scale(n, k/32*32)) }
	}},
	{"off by a factor of 2", func(g *rig) func(n, k int) float64 {
		return func(n, k int) float64 { return 2 * g.value(n, k) }
	}},
	{"global scale is inverted", func(g *rig) func(n, k int) float64 {
		return func(n, k int) float64 { return g.value(n, k) / g.multiplier() / g.multiplier() }
	}},
	{"global scale is missing", func(g *rig) func(n, k int) float64 {
		return func(n, k int) float64 { return g.value(n, k) / g.multiplier() }
	}},
	{"k mod 64 = 7", func(g *rig) func(n, k int) float64 {
		return func(n, k int) float64 {
			if k%64 == 7 {
				return math.Abs(g.value(n, k))
			}
			return g.value(n, k)
		}
	}},
	{"blocks of the weight are zero", func(g *rig) func(n, k int) float64 {
		return func(n, k int) float64 {
			if (n*g.b.ScaleCols()+k/16)*2654435761%256 == 0 {
				return 0
			}
			return g.value(n, k)
		}
	}},
	{"E4M3 scales are read as E5M2", func(g *rig) func(n, k int) float64 {
		return func(n, k int) float64 {
			return float64(fp4.DecodeE2M1(g.b.Code(n, k))) * float64(fp4.E5M2.Decode(uint16(g.b.Scale(n, k)))) * g.multiplier()
		}
	}},
	{"rows were put in the order shuffle128", func(g *rig) func(n, k int) float64 {
		return func(n, k int) float64 { return g.value(shuffled(n), k) }
	}},
	{"shards share one global scale: rows 64 to 127 ×1.8", func(g *rig) func(n, k int) float64 {
		return func(n, k int) float64 {
			if n >= 64 {
				return 1.8 * g.value(n, k)
			}
			return g.value(n, k)
		}
	}},
	{"no whole tile of 256 is not padded", func(g *rig) func(n, k int) float64 {
		return func(n, k int) float64 {
			if k >= g.k/256*256 {
				return 0
			}
			return g.value(n, k)
		}
	}},
	{"gate and up are swapped", func(g *rig) func(n, k int) float64 {
		return func(n, k int) float64 { return g.value((n+g.n/2)%g.n, k) }
	}},
	{"all signs are lost", func(g *rig) func(n, k int) float64 { return func(n, k int) float64 { return math.Abs(g.value(n, k)) } }},
	{"only rank 1 of 2", func(g *rig) func(n, k int) float64 {
		return func(n, k int) float64 {
			if k < g.k/2 {
				return 0
			}
			return g.value(n, k)
		}
	}},
	{"output is zero", func(*rig) func(n, k int) float64 { return func(int, int) float64 { return 0 } }},
}

func (g *rig) scaledCode(n, k int, code uint8) float64 {
	return float64(fp4.DecodeE2M1(code)) * float64(g.b.ScaleType.Decode(uint16(g.b.Scale(n, k)))) * g.multiplier()
}

// shuffled is the row that flashinfer's shuffle_matrix_a for an epilogue tile of 128 puts at a place:
// within each 32 rows, place 4i+j holds row i+8j... read as the layout states it.
func shuffled(n int) int {
	base, i := n/32*32, n%32
	return base + i%8*4 + i/8
}

func TestMistakes(t *testing.T) {
	for _, c := range mistakes {
		g := newRig(t, 128, 384, fp4.NVFP4, "compressed-tensors")
		d := g.explain(t, g.caseOf(g.output(g.x, c.at(g))))
		if d.Clean || len(d.Causes) == 0 {
			t.Errorf("%s: nothing to explain: %+v", c.name, d)
			continue
		}
		if top := d.Causes[0]; !strings.Contains(top.Name, c.name) || top.Explained < 0.95 {
			t.Errorf("want %q\n got %q, %.4f", c.name, top.Name, top.Explained)
			for _, o := range d.Causes[1:] {
				t.Logf("    %.4f %s", o.Explained, o.Name)
			}
		}
	}
}

// A weight is diagnosed against its original: what was done to its codes and scales.
func TestRepair(t *testing.T) {
	for _, c := range []struct {
		name string
		harm func(g *rig)
	}{
		{"two codes of every byte are swapped", func(g *rig) { g.b.Order = fp4.HighFirst }},
		{"scales laid out as 128x4 are read as row-major", func(g *rig) {
			cols := g.b.ScaleCols()
			old := append([]byte{}, g.b.Scales...)
			for n := range g.n {
				for b := range cols {
					g.b.Scales[swizzled(n, b, cols)] = old[n*cols+b]
				}
			}
		}},
		{"row-major scales are read as 128x4", func(g *rig) {
			cols := g.b.ScaleCols()
			old := append([]byte{}, g.b.Scales...)
			for n := range g.n {
				for b := range cols {
					g.b.Scales[n*cols+b] = old[swizzled(n, b, cols)]
				}
			}
		}},
		{"global scale is inverted", func(g *rig) { g.b.Global.Value = 1 / g.b.Global.Value }},
		{"off by a factor of 2", func(g *rig) { g.b.Global.Value /= 2 }},
		{"every scale is one block too early", func(g *rig) {
			cols := g.b.ScaleCols()
			old := append([]byte{}, g.b.Scales...)
			for i := range old {
				g.b.Scales[i] = old[i/cols*cols+(i+1)%cols]
			}
		}},
	} {
		g := newRig(t, 128, 384, fp4.NVFP4, "compressed-tensors")
		c.harm(g)
		d := g.explain(t, &Case{Target: g.weights, M: g.n, N: g.k, Weights: &layer.Weights{Blocks: []fp4.Blocks{g.b}}, Repair: true})
		if len(d.Causes) == 0 || !strings.Contains(d.Causes[0].Name, c.name) || d.Causes[0].Explained < 0.9 {
			t.Errorf("want %q, got %+v", c.name, d.Causes)
		}
	}
}

// Activations: Y of a layer that should quantize them with its own dynamic scale.
func TestActivationMistakes(t *testing.T) {
	for name, global := range map[string]float32{"not quantized": 0, "global scale 1": 1, "invented as 1/weight": -1} {
		g := newRig(t, 128, 384, fp4.NVFP4, "compressed-tensors")
		x := append([]float32{}, g.x...)
		if global != 0 {
			if global < 0 {
				global = g.b.Global.Multiplier()
			}
			q, err := fp4.Quantize(g.x, g.m, g.k, fp4.QuantOptions{Format: fp4.NVFP4, Recipe: "flashinfer-exact", InputBF16: true, Global: fp4.GlobalPolicy{Kind: fp4.GlobalGiven, Value: global}})
			if err != nil {
				t.Fatal(err)
			}
			for m := range g.m {
				q.DequantRow(m, x[m*g.k:])
			}
		}
		c := g.caseOf(g.output(x, g.value))
		c.Mode, c.Act = layer.W4A4, layer.ActDynamic
		if d := g.explain(t, c); len(d.Causes) == 0 || !strings.Contains(d.Causes[0].Name, name) || d.Causes[0].Explained < 0.95 {
			t.Errorf("want %q, got %+v", name, d.Causes)
		}
	}
}

// What is as it should be has nothing to explain.
func TestClean(t *testing.T) {
	for _, f := range []struct{ format, recipe string }{{fp4.NVFP4, "modelopt"}, {fp4.MXFP4, "ocp"}} {
		g := newRig(t, 128, 384, f.format, f.recipe)
		if d := g.explain(t, g.caseOf(g.output(g.x, g.value))); !d.Clean {
			t.Errorf("%s: %+v", f.format, d)
		}
		d := g.explain(t, &Case{Target: g.weights, M: g.n, N: g.k, Weights: &layer.Weights{Blocks: []fp4.Blocks{g.b}}, Repair: true})
		if len(d.Causes) > 0 && d.Causes[0].Explained > 0.5 && !d.Clean {
			t.Errorf("%s: a healthy weight has a cause: %+v", f.format, d.Causes[0])
		}
	}
}

// Noise of another kind is explained by nothing.
func TestUnknownMistake(t *testing.T) {
	g := newRig(t, 128, 384, fp4.NVFP4, "compressed-tensors")
	r := rand.New(rand.NewPCG(9, 9))
	y := g.output(g.x, g.value)
	for i := range y {
		y[i] = float32(r.NormFloat64())
	}
	if d := g.explain(t, g.caseOf(y)); len(d.Causes) > 0 && d.Causes[0].Explained > 0.75 {
		// Zero is closer to anything than an unrelated output is.
		if d.Causes[0].Name != "the output is zero: nothing was written" {
			t.Errorf("random output: %+v", d.Causes[0])
		}
	}
}

func TestErrorsAndCancel(t *testing.T) {
	g := newRig(t, 32, 64, fp4.NVFP4, "compressed-tensors")
	y := g.output(g.x, g.value)
	for name, harm := range map[string]func(c *Case){
		"no weight": func(c *Case) { c.Weights = nil },
		"expert":    func(c *Case) { c.Expert = 3 },
		"x":         func(c *Case) { c.X = c.X[1:] },
		"output":    func(c *Case) { c.N-- },
		"static":    func(c *Case) { c.Mode, c.Act = layer.W4A4, layer.ActStatic },
	} {
		c := g.caseOf(y)
		harm(c)
		var f *inspect.Fault
		if _, err := Explain(context.Background(), c, nil); !errors.As(err, &f) || f.Why == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	y[0] *= 1e6 // something to explain
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Explain(ctx, g.caseOf(y), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
