package gemm

import (
	"context"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"fp4tui/inspect"
	"fp4tui/inspect/checkpoint"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// stored is a weight of a layer with scales of its own.
func stored(t *testing.T, recipe string, input fp4.GlobalScale) *layer.Weights {
	w := weight(t, 41, fp4.NVFP4, recipe, 24, 128)
	file := &checkpoint.File{Path: "model.safetensors"}
	w.Layer = &layer.Layer{Name: "q_proj", Global: w.Blocks[0].Global, Input: input, Parts: layer.Parts{
		Global: &checkpoint.Entry{Name: "q_proj.global", File: file}, Input: &checkpoint.Entry{Name: "q_proj.input", File: file}}}
	return w
}

// TestPolicies holds every policy to fp4.Quantize by hand, and alpha to the product of
// the scales that it says it is made of.
func TestPolicies(t *testing.T) {
	ct := stored(t, "compressed-tensors", fp4.GlobalScale{Use: fp4.Divides, Value: 300})
	mo := stored(t, "modelopt", fp4.GlobalScale{Use: fp4.Multiplies, Value: 0.003})
	wide := &layer.Factor{Name: "x.global", Scale: fp4.GlobalScale{Use: fp4.Divides, Value: 100}, Origin: "widest of 8 experts", Tensor: "experts.3"}
	x := activations(42, 5, 6, 128)
	amax := fp4.Amax(x.Data)
	for _, c := range []struct {
		name    string
		w       *layer.Weights
		act     layer.ActPolicy
		val     float32
		input   *layer.Factor
		encode  float32
		origin  string
		tensor  string
		x, alph float32 // decode scale of x in alpha, and alpha
	}{
		{name: "dynamic", w: ct, act: layer.ActDynamic, encode: 448 * 6 / amax, origin: "448·6/amax(x)"},
		{name: "unit", w: ct, act: layer.ActUnit, encode: 1, origin: "unit"},
		{name: "value", w: ct, act: layer.ActValue, val: 77, encode: 77, origin: "given"},
		{name: "static, divisor", w: ct, act: layer.ActStatic, encode: 300, origin: "stored", tensor: "q_proj.input"},
		{name: "static, multiplier", w: mo, act: layer.ActStatic, encode: 1 / float32(0.003), origin: "stored", tensor: "q_proj.input", x: 0.003},
		{name: "static of all experts", w: ct, act: layer.ActStatic, input: wide, encode: 100, origin: "widest of 8", tensor: "experts.3"},
		{name: "1/weight, divisor", w: ct, act: layer.ActInvWeight, encode: 1 / ct.Blocks[0].Global.Value, origin: "invented", tensor: "q_proj.global"},
		{name: "1/weight, multiplier", w: mo, act: layer.ActInvWeight, encode: mo.Blocks[0].Global.Value, origin: "invented", tensor: "q_proj.global"},
	} {
		t.Run(c.name, func(t *testing.T) {
			want, err := fp4.Quantize(x.Data, 6, 128, fp4.QuantOptions{Recipe: "flashinfer-exact", Format: fp4.NVFP4, InputBF16: true,
				Global: fp4.GlobalPolicy{Kind: fp4.GlobalGiven, Value: c.encode}})
			if err != nil {
				t.Fatal(err)
			}
			f := layer.Forward{X: x, Weights: c.w, Mode: layer.W4A4, Act: c.act, ActVal: c.val, Input: c.input, Out: inspect.F32}
			out, ref := forward(t, Emu{}, f), forward(t, Ref{}, f)
			if !reflect.DeepEqual(*out.XBlocks, want) || !reflect.DeepEqual(ref.XBlocks, out.XBlocks) || *ref.Act != *out.Act {
				t.Errorf("activations differ: %v, reference %v, want %v", out.XBlocks.Global, ref.XBlocks.Global, want.Global)
			}
			if c.x == 0 {
				c.x = 1 / c.encode
			}
			if alpha := float32(c.x * c.w.Blocks[0].Global.Multiplier()); out.Alpha != alpha {
				t.Errorf("alpha %v, want %v", out.Alpha, alpha)
			}
			if len(out.Factors) != 2 || float32(out.Factors[0].Scale.Multiplier()*out.Factors[1].Scale.Multiplier()) != out.Alpha {
				t.Fatalf("alpha %v of %+v", out.Alpha, out.Factors)
			}
			from := out.Factors[0]
			if !strings.Contains(from.Origin, c.origin) || from.Tensor != c.tensor || out.Factors[1].Tensor != "q_proj.global" || out.Factors[1].File != "model.safetensors" {
				t.Errorf("factors %+v", out.Factors)
			}
			if out.Act.EncodeMin != c.encode || out.Act.EncodeMax != c.encode || out.Act.Policy != c.act {
				t.Errorf("report %+v", out.Act)
			}
			if ref.Factors != nil || ref.Alpha != 1 {
				t.Errorf("the reference has an alpha of %+v", ref.Factors)
			}
		})
	}
}

// TestPerToken: every row of the product is that of its row of x alone.
func TestPerToken(t *testing.T) {
	w := stored(t, "compressed-tensors", fp4.GlobalScale{})
	x := activations(43, 300, 2, 4, 128)
	clear(x.Data[3*128 : 4*128]) // a row of padding
	f := layer.Forward{X: x, Weights: w, Mode: layer.W4A4, Act: layer.ActDynamic, ActPer: layer.ActPerToken, Out: inspect.BF16}
	for name, be := range map[string]interface {
		Forward(context.Context, layer.Forward, layer.Progress) (layer.Output, error)
	}{"emu": Emu{}, "ref": Ref{}} {
		all := forward(t, be, f)
		lo, hi := float32(math.Inf(1)), float32(0)
		var lost, flushed int64
		for m := range 8 {
			one := f
			one.ActPer, one.X = layer.ActPerTensor, inspect.Tensor{DType: x.DType, Shape: []int{128}, Data: x.Data[m*128 : (m+1)*128]}
			row := forward(t, be, one)
			for n, y := range row.Y.Data {
				if !sameBits(all.Y.Data[m*24+n], y) {
					t.Errorf("%s: y[%d,%d] = %v, alone %v", name, m, n, all.Y.Data[m*24+n], y)
				}
			}
			if got := all.XRow(m); !reflect.DeepEqual(got, *row.XBlocks) {
				t.Errorf("%s: row %d of the quantized activations differs from the row alone", name, m)
			}
			if name == "emu" && all.AlphaOf(m) != row.Alpha {
				t.Errorf("alpha of row %d: %v, alone %v", m, all.AlphaOf(m), row.Alpha)
			}
			lo, hi = min(lo, row.Act.EncodeMin), max(hi, row.Act.EncodeMax)
			lost, flushed = lost+row.Act.Lost, flushed+row.Act.Flushed
		}
		if r := all.Act; r.EncodeMin != lo || r.EncodeMax != hi || r.Lost != lost || r.Flushed != flushed || r.ZeroScale != 8 {
			t.Errorf("%s: report %+v, want encode %v to %v, lost %d, flushed %d", name, *r, lo, hi, lost, flushed)
		}
		if g := all.XBlocks.Global.Value; g == g {
			t.Errorf("%s: one global scale %v for rows that differ", name, g)
		}
	}
}

// TestActRefuses are the granularities and scales that make no sense.
func TestActRefuses(t *testing.T) {
	x := activations(44, 1, 2, 128)
	mx := weight(t, 1, fp4.MXFP4, "torchao", 4, 128)
	for _, c := range []struct {
		name string
		f    layer.Forward
		want error
	}{
		{"fixed scale per token", layer.Forward{Weights: stored(t, "modelopt", fp4.GlobalScale{}), Act: layer.ActUnit, ActPer: layer.ActPerToken}, inspect.ErrUnsupported},
		{"mxfp4 per token", layer.Forward{Weights: mx, Act: layer.ActDynamic, ActPer: layer.ActPerToken}, inspect.ErrUnsupported},
		{"nothing stored", layer.Forward{Weights: stored(t, "modelopt", fp4.GlobalScale{}), Act: layer.ActStatic}, inspect.ErrMissing},
		{"stored zero", layer.Forward{Weights: stored(t, "modelopt", fp4.GlobalScale{Use: fp4.Multiplies}), Act: layer.ActStatic}, inspect.ErrUnsupported},
		{"stored NaN", layer.Forward{Weights: stored(t, "modelopt", fp4.GlobalScale{Use: fp4.Divides, Value: float32(math.NaN())}), Act: layer.ActStatic}, inspect.ErrUnsupported},
		{"no policy", layer.Forward{Weights: stored(t, "modelopt", fp4.GlobalScale{})}, inspect.ErrMismatch},
	} {
		c.f.X, c.f.Mode, c.f.Out = x, layer.W4A4, inspect.F32
		if _, err := (Emu{}).Forward(context.Background(), c.f, nil); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestUnusableScaleNamesItsTensor: whoever reads the error finds the bytes.
func TestUnusableScaleNamesItsTensor(t *testing.T) {
	inf := float32(math.Inf(1))
	for _, c := range []struct {
		producer string
		act      layer.ActPolicy
		global   fp4.GlobalScale
		want     []string
	}{
		{"compressed-tensors", layer.ActStatic, fp4.GlobalScale{Use: fp4.Divides}, []string{"tensor q_proj.input", "activation global scale 0", "stored"}},
		{"compressed-tensors", layer.ActStatic, fp4.GlobalScale{Use: fp4.Divides, Value: inf}, []string{"tensor q_proj.input", "activation global scale +Inf"}},
		{"modelopt", layer.ActStatic, fp4.GlobalScale{Use: fp4.Multiplies}, []string{"tensor q_proj.input", "activation global scale 0"}}, // not its reciprocal
	} {
		w := stored(t, c.producer, c.global)
		file := w.Layer.Parts.Input.File.Path
		_, err := (Emu{}).Forward(context.Background(), layer.Forward{X: activations(44, 1, 2, 128), Weights: w, Mode: layer.W4A4, Act: c.act, Out: inspect.F32}, nil)
		var f *inspect.Fault
		if !errors.As(err, &f) || f.File != file || file == "" || !strings.Contains(f.Cure, "act=dynamic") {
			t.Fatalf("%v, %+v", err, f)
		}
		for _, part := range c.want {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%v does not say %q", err, part)
			}
		}
	}
}

// TestActReport counts by hand.
func TestActReport(t *testing.T) {
	w := weight(t, 1, fp4.NVFP4, "compressed-tensors", 3, 64)
	x := inspect.Tensor{DType: inspect.F32, Shape: []int{1, 64}, Data: make([]float32, 64)}
	x.Data[0], x.Data[1], x.Data[2] = 6, 1, 0.2 // scale 1: 6, 1, and 0.2 flushed
	x.Data[16], x.Data[17] = 6*448+3000, 4      // saturated and clipped; 4 flushed
	x.Data[32], x.Data[33] = 1e-4, -2e-4        // scale 0: lost
	f := layer.Forward{X: x, Weights: w, Mode: layer.W4A4, Act: layer.ActUnit, Out: inspect.F32}
	r := forward(t, Emu{}, f).Act
	signal := 36 + 1 + 0.04 + 5688.*5688 + 16 + 1e-8 + 4e-8
	noise := 0.04 + 3000.*3000 + 16 + 1e-8 + 4e-8
	want := layer.ActReport{Policy: layer.ActUnit, EncodeMin: 1, EncodeMax: 1, ScaleType: fp4.E4M3, Blocks: 4, ZeroScale: 2, Lost: 1, Saturated: 1,
		Elements: 64, Clipped: 1, Flushed: 4, SQNR: r.SQNR}
	want.Scales[0x38], want.Scales[0x7e], want.Scales[0] = 1, 1, 2
	if *r != want {
		t.Errorf("report %+v\nwant   %+v", *r, want)
	}
	if db := 10 * math.Log10(signal/noise); math.Abs(r.SQNR-db) > 1e-5 {
		t.Errorf("sqnr %v dB, want %v", r.SQNR, db)
	}
	x.Data[50] = float32(math.Inf(1))
	if r = forward(t, Emu{}, f).Act; r.NonFinite != 1 || r.SQNR != r.SQNR {
		t.Errorf("with an infinity: %+v", *r)
	}
	clear(x.Data)
	if r = forward(t, Emu{}, f).Act; !math.IsInf(r.SQNR, 1) || r.Lost != 0 || r.ZeroScale != 4 {
		t.Errorf("of zeros: %+v", *r)
	}
}

// TestAlpha is alpha with another global scale, and given.
func TestAlpha(t *testing.T) {
	w := stored(t, "compressed-tensors", fp4.GlobalScale{})
	f := layer.Forward{X: activations(45, 1, 2, 128), Weights: w, Arch: "sm90", Out: inspect.F32,
		Global: &layer.Factor{Name: "w.global", Scale: fp4.GlobalScale{Use: fp4.Divides, Value: 4}, Origin: "largest of 3 fused q|k|v"}}
	own := forward(t, Emu{}, layer.Forward{X: f.X, Weights: w, Arch: "sm90", Out: inspect.F32})
	other := forward(t, Emu{}, f)
	if other.Alpha != 0.25 || len(other.Factors) != 1 || other.Factors[0].Origin != f.Global.Origin {
		t.Errorf("alpha %v of %+v", other.Alpha, other.Factors)
	}
	given := float32(0.5)
	f.Alpha = &given
	half := forward(t, Emu{}, f)
	if half.Alpha != 0.5 || len(half.Factors) != 1 || half.Factors[0].Name != "alpha" {
		t.Errorf("alpha %v of %+v", half.Alpha, half.Factors)
	}
	for i := range own.Y.Data {
		if half.Y.Data[i] != 2*other.Y.Data[i] {
			t.Errorf("y[%d]: %v with 0.5, %v with 0.25", i, half.Y.Data[i], other.Y.Data[i])
		}
	}
}
