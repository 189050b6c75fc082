package explain

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"fp4tui/exec/gemm"
	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

const rows, cols = 5, 7

// tensor is random; every 37th column is larger by outlier.
func tensor(r *rand.Rand, d inspect.DType, outlier float64, shape ...int) inspect.Tensor {
	x := inspect.Tensor{DType: d, Shape: shape, Data: make([]float32, inspect.Numel(shape))}
	for i := range x.Data {
		v := r.NormFloat64()
		if i%shape[len(shape)-1]%37 == 5 {
			v *= outlier
		}
		if x.Data[i] = float32(v); d == inspect.BF16 {
			x.Data[i] = fp4.RoundBF16(x.Data[i])
		}
	}
	return x
}

// problem is a layer with its original weight.
type problem struct {
	original inspect.Tensor
	forward  layer.Forward
}

func newProblem(t testing.TB, r *rand.Rand, format, recipe string, k int, d inspect.DType, outlier float64) problem {
	t.Helper()
	p := problem{original: tensor(r, inspect.F32, 1, cols, k)}
	b, err := fp4.Quantize(p.original.Data, cols, k, fp4.QuantOptions{Recipe: recipe, Format: format})
	if err != nil {
		t.Fatal(err)
	}
	bias := tensor(r, inspect.F32, 1, cols)
	p.forward = layer.Forward{X: tensor(r, d, outlier, rows, k), Weights: &layer.Weights{Blocks: []fp4.Blocks{b}, Bias: &bias}, Act: layer.ActDynamic, Arch: "sm100", Out: inspect.BF16}
	return p
}

type backend interface {
	Forward(context.Context, layer.Forward, layer.Progress) (layer.Output, error)
}

func run(t testing.TB, be backend, f layer.Forward) layer.Output {
	t.Helper()
	out, err := be.Forward(context.Background(), f, nil)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// side is one output of a product as a side of a comparison.
func side(be backend, f layer.Forward, out layer.Output, m, n int) Side {
	_, ref := be.(gemm.Ref)
	return Side{Value: out.Y.Data[m*cols+n], By: fmt.Sprintf("%T", be), Made: &f, Out: out, Ref: ref}
}

// dense is the reference of the original weight.
func (p *problem) dense() layer.Forward {
	return layer.Forward{X: p.forward.X, Dense: &p.original, Out: inspect.BF16}
}

// part is the sum of the parts of a kind.
func (e *Explanation) part(kind Kind, reference bool) Value {
	var v Value
	for _, r := range e.Budget {
		if r.Kind == kind && r.Reference == reference {
			v = v.plus(r.Part)
		}
	}
	return v
}

// TestParts holds the promise: over modes, formats, architectures, orders, epilogues
// and output types the parts add up to got - want without any rounding, nothing is
// unexplained, and the blocks add up to the error of the operands.
func TestParts(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	outs := []inspect.DType{inspect.BF16, inspect.F16, inspect.F32}
	orders := []layer.Order{{}, {Kind: layer.OrderReverse}, {Kind: layer.OrderSplit, Parts: 3}, {Kind: layer.OrderSliced, Parts: 2}, {Kind: layer.OrderStream, Parts: 5}}
	for i := range 60 {
		format, recipe := fp4.NVFP4, []string{"compressed-tensors", "modelopt"}[i%2]
		if i%3 == 2 {
			format, recipe = fp4.MXFP4, "ocp"
		}
		d := []inspect.DType{inspect.BF16, inspect.F32}[i/7%2]
		p := newProblem(t, r, format, recipe, 32*(1+i%23), d, math.Pow(10, float64(i%5)))
		f := p.forward
		f.Mode = layer.Mode(i % 2)
		f.Arch = []string{"sm80", "sm90", "sm100", "sm120"}[i%4]
		if f.Mode == layer.W4A4 {
			f.Arch = []string{"sm100", "sm120"}[i/2%2]
		}
		f.Out, f.Order = outs[i%3], orders[i%5]
		f.Epilogue = layer.Epilogue{Alpha: layer.AlphaPlace(i % 3), Bias: layer.BiasPlace(i / 3 % 3)}
		if f.Mode == layer.W4A4 && format == fp4.NVFP4 && i%4 == 1 {
			f.ActPer = layer.ActPerToken
		}
		if given := float32(0x1.234p-16); i%11 == 10 {
			f.Alpha = &given
		}
		got := run(t, gemm.Emu{}, f)
		ref := f
		ref.Alpha = nil
		ref.Order, ref.Epilogue.Alpha = layer.Order{}, layer.AlphaF32
		for _, c := range []struct {
			be backend
			f  layer.Forward
		}{{gemm.Ref{}, p.dense()}, {gemm.Ref{}, ref}, {gemm.Emu{}, f}} {
			want := run(t, c.be, c.f)
			name := fmt.Sprintf("%d %s %s %s %s %s against %T", i, format, f.Mode, f.Order, f.Epilogue, f.Out, c.be)
			e, err := Element(side(gemm.Emu{}, f, got, 1, 2), side(c.be, c.f, want, 1, 2), 1, 2)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			addsUp(t, name, e)
			for _, row := range e.Budget {
				if row.Kind == Unexplained {
					t.Errorf("%s: %s %v", name, row.Text, row.Part)
				}
			}
		}
	}
}

func addsUp(t *testing.T, name string, e *Explanation) {
	t.Helper()
	if !e.Adds || e.Broke != "" {
		t.Errorf("%s: the parts do not add up", name)
	}
	var total Exact
	for _, row := range e.Budget {
		total = total.Add(row.Part.Exact())
	}
	if want := Of(float64(e.Got)).Sub(Of(float64(e.Want))); total.Sub(want).Sign() != 0 {
		t.Errorf("%s: the parts make %v, got - want is %v", name, total, want)
	}
	operands := e.part(Weight, false).plus(e.part(Activation, false)).plus(e.part(Layout, false)).plus(e.part(Activation, true)).plus(e.part(Layout, true))
	var blocks, sum Value
	for _, b := range e.Blocks.All {
		blocks, sum = blocks.plus(b.Err), sum.plus(b.Sum)
	}
	if e.w != nil && !equal(blocks, operands) || !equal(sum, e.Exact) {
		t.Errorf("%s: blocks make %v of %v, and %v of %v", name, blocks, operands, sum, e.Exact)
	}
	for i := 1; i < len(e.Blocks.Order); i++ {
		if byMagnitude(e.Blocks.Rank(e.Blocks.Order[i-1]), e.Blocks.Rank(e.Blocks.Order[i])) < 0 {
			t.Errorf("%s: blocks out of order at %d", name, i)
		}
	}
}

// TestPartsByHand: K = 16, one code off, everything else exact.
func TestPartsByHand(t *testing.T) {
	original := inspect.Tensor{DType: inspect.F32, Shape: []int{1, 16}, Data: make([]float32, 16)}
	b := fp4.Blocks{Rows: 1, Cols: 16, Block: 16, Codes: make([]byte, 8), Scales: []byte{0x38}, ScaleType: fp4.E4M3, Global: fp4.GlobalScale{Use: fp4.Multiplies, Value: 0.25}}
	original.Data[3], b.Codes[1] = 1.125, 0x60 // code 6 = 4 · 1 · 0.25 = 1
	x := inspect.Tensor{DType: inspect.BF16, Shape: []int{1, 16}, Data: make([]float32, 16)}
	x.Data[3] = 3
	f := layer.Forward{X: x, Weights: &layer.Weights{Blocks: []fp4.Blocks{b}}, Out: inspect.F32, Arch: "sm100"}
	d := layer.Forward{X: x, Dense: &original, Out: inspect.F32}
	e, err := Element(Side{Value: 3, Made: &f}, Side{Value: 3.375, Made: &d, Ref: true}, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	addsUp(t, "by hand", e)
	for _, row := range e.Budget {
		want := 0.0
		if row.Kind == Weight {
			want = -0.375
		}
		if row.Part.Float64() != want {
			t.Errorf("%s: %v, want %v", row.Text, row.Part, want)
		}
	}
	if got := e.part(Weight, false).String(); got != "-0x1.8p-02" {
		t.Errorf("exact part %s", got)
	}
	fs := e.Factors(0)
	if fs[0].K != 3 || fs[0].Err != -0.375 || fs[0].Code != 6 || fs[0].Original != 1.125 || fs[0].HalfSteps != 0.5 {
		t.Errorf("%+v", fs[0]) // 1.125 is 4.5 steps of 0.25: half of the way to the midpoint of 4 and 6
	}
	if p := e.Exactness; !p.Holds || p.Bits != 2 || p.Why != "" {
		t.Errorf("proof %+v", p)
	}
}

// injection is a comparison with one bug, and the operation that has it.
type injection struct {
	name string
	got  Side
	want Side
	kind Kind
}

func injections(t *testing.T) []injection {
	r := rand.New(rand.NewPCG(3, 4))
	p := newProblem(t, r, fp4.NVFP4, "modelopt", 512, inspect.BF16, 10)
	p.forward.Mode = layer.W4A4
	f := p.forward
	f.Epilogue.Bias = layer.BiasF32
	good := run(t, gemm.Emu{}, f)
	want := run(t, gemm.Ref{}, p.dense())
	ref := run(t, gemm.Ref{}, f)
	swapped := f
	blocks := f.Weights.Blocks[0]
	blocks.Order = fp4.HighFirst
	swapped.Weights = &layer.Weights{Blocks: []fp4.Blocks{blocks}, Bias: f.Weights.Bias}
	return []injection{
		{"output of another kernel, off by one part in eight", func() Side {
			s := side(gemm.Emu{}, f, good, 1, 2)
			s.Value, s.Foreign = s.Value*1.125, true
			return s
		}(), side(gemm.Ref{}, f, ref, 1, 2), Unexplained},
		{"a file that holds something else", Side{Value: 77, By: "file y.npy"}, side(gemm.Ref{}, f, ref, 1, 2), Unexplained},
		{"nibbles swapped on the way to the kernel", func() Side {
			s := side(gemm.Emu{}, swapped, run(t, gemm.Emu{}, swapped), 1, 2)
			s.Made, s.Prepared = &f, &swapped
			return s
		}(), side(gemm.Ref{}, f, ref, 1, 2), Layout},
		{"weight read with the wrong nibble order", side(gemm.Emu{}, swapped, run(t, gemm.Emu{}, swapped), 1, 2), side(gemm.Ref{}, f, ref, 1, 2), Weight},
		{"bias only on one side", side(gemm.Emu{}, f, good, 1, 2), func() Side {
			plain := f
			plain.Epilogue = layer.Epilogue{}
			return side(gemm.Ref{}, plain, run(t, gemm.Ref{}, plain), 1, 2)
		}(), Bias},
		{"the global scale of another layer", func() Side {
			fused := f
			fused.Global = &layer.Factor{Scale: fp4.GlobalScale{Use: fp4.Multiplies, Value: blocks.Global.Value * 4}, Origin: "largest of 3 fused q|k|v"}
			return side(gemm.Emu{}, fused, run(t, gemm.Emu{}, fused), 1, 2)
		}(), side(gemm.Ref{}, f, ref, 1, 2), Scales},
		{"activation global scale of one", func() Side {
			unit := f
			unit.Act = layer.ActInvWeight
			return side(gemm.Emu{}, unit, run(t, gemm.Emu{}, unit), 1, 2)
		}(), side(gemm.Ref{}, f, ref, 1, 2), Activation},
		{"healthy against the original", side(gemm.Emu{}, p.forward, run(t, gemm.Emu{}, p.forward), 1, 2), side(gemm.Ref{}, p.dense(), want, 1, 2), Weight},
	}
}

// TestInjected: a bug in one operation shows as the part of that operation, or as
// unexplained when it is not in the operands.
func TestInjected(t *testing.T) {
	for _, c := range injections(t) {
		e, err := Element(c.got, c.want, 1, 2)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		addsUp(t, c.name, e)
		largest := slices.MaxFunc(e.Budget, func(a, b Part) int { return byMagnitude(a.Part, b.Part) })
		if c.name == "healthy against the original" {
			if k := largest.Kind; k != Weight && k != Activation {
				t.Errorf("%s: largest part is %s", c.name, largest.Text)
			}
			continue
		}
		if largest.Kind != c.kind {
			t.Errorf("%s: largest part is %q (%s), want %s", c.name, largest.Text, largest.Kind, c.kind)
		}
	}
}

// TestExactness: what is exact is the same bits in every order; what spans more bits than
// an accumulator holds isn't.
func TestExactness(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	exact, not := 0, 0
	for i := range 30 {
		p := newProblem(t, r, fp4.NVFP4, "modelopt", 1024, inspect.BF16, math.Pow(10, float64(i%4)))
		f := p.forward
		f.Mode, f.Out = layer.Mode(i%2), inspect.F32
		base := run(t, gemm.Emu{}, f)
		e, err := Element(side(gemm.Emu{}, f, base, 1, 2), side(gemm.Emu{}, f, base, 1, 2), 1, 2)
		if err != nil {
			t.Fatal(err)
		}
		if !e.Exactness.Holds {
			not++
			if e.Exactness.Why == "" {
				t.Errorf("%d: not exact, and no reason", i)
			}
			continue
		}
		exact++
		if e.Trace.Cut+e.Trace.Rounded != 0 || e.Trace.Loss.Exact().Sign() != 0 {
			t.Errorf("%d: exact, and the accumulator lost %v", i, e.Trace.Loss)
		}
		for _, o := range []layer.Order{{Kind: layer.OrderReverse}, {Kind: layer.OrderSplit, Parts: 4}, {Kind: layer.OrderSliced, Parts: 3}} {
			f.Order = o
			if again := run(t, gemm.Emu{}, f); math.Float32bits(again.Y.Data[1*cols+2]) != math.Float32bits(base.Y.Data[1*cols+2]) {
				t.Errorf("%d: exact, and %s gives %v, not %v", i, o, again.Y.Data[9], base.Y.Data[9])
			}
		}
	}
	if exact == 0 || not == 0 {
		t.Errorf("%d exact, %d not: the test shows nothing", exact, not)
	}
}

// TestExactnessAgrees: what the product's own certificate calls exact is exact here too; this
// one looks at every instruction and proves more.
func TestExactnessAgrees(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	exact := 0
	for i := range 12 {
		p := newProblem(t, r, fp4.NVFP4, "modelopt", 512, inspect.BF16, math.Pow(10, float64(i%4)))
		f := p.forward
		f.Mode, f.Prove = layer.Mode(i%2), true
		out := run(t, gemm.Emu{}, f)
		for m := range rows {
			e, err := Element(side(gemm.Emu{}, f, out, m, 2), side(gemm.Emu{}, f, out, m, 2), m, 2)
			if err != nil {
				t.Fatal(err)
			}
			if out.Proof.Of[m*cols+2] == layer.ExactSum {
				exact++
				if !e.Exactness.Holds {
					t.Errorf("%d, row %d: the product is proven exact, the element not: %+v", i, m, e.Exactness)
				}
			}
		}
	}
	if exact == 0 {
		t.Error("no exact output: the test shows nothing")
	}
}

// TestTrace: the steps follow each other, and what they lose is what the accumulator lost.
func TestTrace(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for _, k := range []int{96, 4096} {
		p := newProblem(t, r, fp4.MXFP4, "ocp", k, inspect.BF16, 1e4)
		f := p.forward
		out := run(t, gemm.Emu{}, f)
		e, err := Element(side(gemm.Emu{}, f, out, 0, 0), side(gemm.Emu{}, f, out, 0, 0), 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		steps := e.Trace.Steps
		if want := min(k/16, MaxSteps); len(steps) != want || e.Trace.Count != k/16 {
			t.Errorf("K %d: %d of %d steps", k, len(steps), e.Trace.Count)
		}
		if steps[0].Index != 0 || steps[len(steps)-1].Index != k/16-1 {
			t.Errorf("K %d: first and last steps %d and %d", k, steps[0].Index, steps[len(steps)-1].Index)
		}
		if k > 96 {
			if e.Trace.Loss.Exact().Sign() == 0 || e.Trace.Cut+e.Trace.Rounded == 0 {
				t.Error("an outlier of 1e4 costs nothing")
			}
			continue
		}
		var loss Value
		for i, s := range steps {
			loss = loss.plus(s.Loss)
			if i > 0 && s.C != steps[i-1].D {
				t.Errorf("step %d begins with %08x, the one before ends with %08x", i, s.C, steps[i-1].D)
			}
		}
		if !equal(loss, e.Trace.Loss) {
			t.Errorf("steps lose %v, the accumulator %v", loss, e.Trace.Loss)
		}
	}
}

// TestNotFinite: the operation that breaks is named, and nothing pretends to add up.
func TestNotFinite(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 1))
	p := newProblem(t, r, fp4.NVFP4, "modelopt", 64, inspect.BF16, 1)
	b := p.forward.Weights.Blocks[0]
	b.Scales = slices.Clone(b.Scales)
	b.Scales[2*4+1] = 0x7f
	f := p.forward
	f.Weights = &layer.Weights{Blocks: []fp4.Blocks{b}}
	e, err := Element(side(gemm.Emu{}, f, run(t, gemm.Emu{}, f), 1, 2), side(gemm.Ref{}, p.dense(), run(t, gemm.Ref{}, p.dense()), 1, 2), 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	if e.Adds || e.Broke != "weight quantization, in k 16-31" || e.Err.Finite() || e.Exactness.Holds || !strings.Contains(e.Exactness.Why, "NaN") {
		t.Errorf("adds %v, broke at %q, error %v, proof %+v", e.Adds, e.Broke, e.Err, e.Exactness)
	}
	if i := e.Blocks.Order[0]; i != 1 || !math.IsNaN(e.Blocks.All[i].Sum.Float64()) {
		t.Errorf("block %d comes first", i)
	}
	both, err := Element(side(gemm.Emu{}, f, run(t, gemm.Emu{}, f), 1, 2), side(gemm.Ref{}, f, run(t, gemm.Ref{}, f), 1, 2), 1, 2)
	if err != nil || both.Broke != "the product of the operands, in k 16-31" {
		t.Errorf("%v, broke at %q", err, both.Broke)
	}
	big := p.forward
	big.X = tensor(r, inspect.BF16, 1, rows, 64)
	for i := range big.X.Data {
		big.X.Data[i] *= 1e36
	}
	out := run(t, gemm.Emu{}, func() layer.Forward { g := big; g.Out = inspect.F16; return g }())
	g := big
	g.Out = inspect.F16
	e, err = Element(side(gemm.Emu{}, g, out, 1, 2), side(gemm.Ref{}, big, run(t, gemm.Ref{}, big), 1, 2), 1, 2)
	if err != nil || e.Broke != "accumulation, 4 steps of K=16" || e.Adds {
		t.Errorf("%v, broke at %q, adds %v", err, e.Broke, e.Adds)
	}
}

// TestUnknown: without operands there is an error that says what to do; with a want from
// elsewhere got is still taken apart.
func TestUnknown(t *testing.T) {
	if _, err := Element(Side{By: "file a.npy"}, Side{By: "file b.npy"}, 0, 0); !errors.Is(err, inspect.ErrMissing) || !strings.Contains(err.Error(), "a.npy") {
		t.Error(err)
	}
	r := rand.New(rand.NewPCG(9, 2))
	p := newProblem(t, r, fp4.NVFP4, "modelopt", 64, inspect.BF16, 1)
	out := run(t, gemm.Emu{}, p.forward)
	e, err := Element(side(gemm.Emu{}, p.forward, out, 1, 2), Side{Value: 0.5, By: "file b.npy"}, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	addsUp(t, "want from elsewhere", e)
	if e.part(Unexplained, true).Float64() == 0 {
		t.Error("a want from elsewhere has no distance")
	}
	if _, err := Element(side(gemm.Emu{}, p.forward, out, 1, 2), Side{Value: 0.5}, 99, 2); err == nil {
		t.Error("row 99 of 5")
	}
	other := side(gemm.Emu{}, p.forward, out, 1, 2)
	other.Foreign = true
	e, err = Element(other, Side{Value: 0.5, By: "file b.npy"}, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	if row := e.Budget[len(e.Budget)-2]; row.Text != "nothing unexplained: the bits emulated here" || row.Part.Exact().Sign() != 0 {
		t.Errorf("another backend with the same bits: %+v", row)
	}
	f := p.forward
	f.Arch = "sm70"
	e, err = Element(Side{Value: 1, Made: &f, Foreign: true}, Side{Value: 0.5}, 1, 2)
	if err != nil || len(e.Missing) != 1 || !strings.Contains(e.Missing[0], "sm70") {
		t.Errorf("%v, missing %q", err, e.Missing)
	}
	addsUp(t, "no emulation", e)
}

func TestExact(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 2000 {
		a, b := math.Float32frombits(r.Uint32()), math.Float32frombits(r.Uint32())
		if a-a != 0 || b-b != 0 {
			continue
		}
		x, y := float64(a), float64(b)
		if got := Of(x).Times(y).Float64(); got != x*y {
			t.Fatalf("%v·%v = %v", x, y, got)
		}
		if got, want := Of(x).Add(Of(y)).Float64(), x+y; got != want {
			t.Fatalf("%v+%v = %v, want %v", x, y, got, want)
		}
		if got := dot([]float64{x, y}, []float64{y, -x}); got.x.Sign() != 0 {
			t.Fatalf("%v·%v - %v·%v = %v", x, y, y, x, got)
		}
	}
	for _, c := range []struct {
		v    Exact
		text string
	}{{Of(0.75), "0x1.8p-01"}, {Exact{}, "0"}, {Of(-3), "-0x1.8p+01"}, {Of(1).Add(Of(0x1p-80)), "0x1.00000000000000000001p+00"}, {Of(1).Sub(Of(1)), "0"}} {
		if got := c.v.String(); got != c.text {
			t.Errorf("%s, want %s", got, c.text)
		}
	}
}

func BenchmarkElement(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	p := newProblem(b, r, fp4.NVFP4, "modelopt", 16384, inspect.BF16, 10)
	got, want := run(b, gemm.Emu{}, p.forward), run(b, gemm.Ref{}, p.dense())
	for b.Loop() {
		if _, err := Element(side(gemm.Emu{}, p.forward, got, 1, 2), side(gemm.Ref{}, p.dense(), want, 1, 2), 1, 2); err != nil {
			b.Fatal(err)
		}
	}
}
