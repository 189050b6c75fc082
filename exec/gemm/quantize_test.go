package gemm

import (
	"context"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// TestQuantizeRows holds the parallel quantization to the plain one.
func TestQuantizeRows(t *testing.T) {
	const rows, cols = 700, 1024 // several slices
	for name, spoil := range map[string]float32{
		"plain": 1, "NaN": float32(math.NaN()), "infinite": float32(math.Inf(1)), "huge": 3e38, "tiny amax": 1e-42, "zeros": 0,
	} {
		x := activations(1, 40, rows, cols).Data
		if spoil == 0 || spoil == 1e-42 {
			clear(x)
		}
		x[rows*cols-3] = spoil
		for format, recipe := range activationRecipe {
			for _, bf16 := range []bool{true, false} {
				opt := fp4.QuantOptions{Recipe: recipe, Format: format, InputBF16: bf16}
				want, err := fp4.Quantize(x, rows, cols, opt)
				if err != nil {
					t.Fatal(err)
				}
				got, err := quantizeRows(context.Background(), x, rows, cols, opt)
				if err != nil {
					t.Fatal(err)
				}
				if fmt.Sprint(got.Global) != fmt.Sprint(want.Global) { // NaN is NaN
					t.Errorf("%s %s bf16=%v: global %v, want %v", name, format, bf16, got.Global, want.Global)
				}
				got.Global, want.Global = fp4.GlobalScale{}, fp4.GlobalScale{}
				if !reflect.DeepEqual(*got, want) {
					t.Errorf("%s %s bf16=%v: the slices differ from the whole", name, format, bf16)
				}
			}
		}
	}
}

// TestNotes finds what users have to know about their data.
func TestNotes(t *testing.T) {
	w := weight(t, 1, fp4.NVFP4, "modelopt", 4, 32)
	w.Blocks[0].Scales[0], w.Blocks[0].Scales[1] = 0x7f, 0xb8
	x := activations(2, 1, 2, 32)
	x.DType, x.Data[3] = inspect.F32, 1.0001
	mx := weight(t, 1, fp4.MXFP4, "torchao", 4, 32)
	mx.Blocks[0].Scales[2] = 254
	for _, c := range []struct {
		name string
		f    layer.Forward
		want string
	}{
		{"weights", layer.Forward{X: x, Weights: w, Arch: "sm90"}, "1 of 8 weight block scales are NaN|1 of 8 weight block scales are negative"},
		{"x not bf16", layer.Forward{X: x, Weights: w, Arch: "sm90"}, "1 of 64 values of x (F32) were rounded to bf16"},
		{"overflow", layer.Forward{X: x, Weights: mx, Arch: "sm90"}, "1 of 4 weight block scales are 2^126 or more"},
		{"saturated", layer.Forward{X: x, Weights: w, Mode: layer.W4A4, Act: layer.ActValue, ActVal: 1e9}, "4 of 4 activation block scales are saturated"},
		{"act of mxfp4", layer.Forward{X: x, Weights: mx, Mode: layer.W4A4, Act: layer.ActStatic}, "act= has no effect"},
		{"sm103", layer.Forward{X: x, Weights: w, Mode: layer.W4A4, Act: layer.ActUnit, Arch: "sm103"}, "K=96 instruction"},
	} {
		c.f.Out = inspect.F32
		notes := strings.Join(forward(t, Emu{}, c.f).Notes, "\n")
		for _, part := range strings.Split(c.want, "|") {
			if !strings.Contains(notes, part) {
				t.Errorf("%s: notes %q lack %q", c.name, notes, part)
			}
		}
	}
}

// TestNaNPayload: a NaN whose payload lies in the lower half of its word must not
// become an infinity on the way to bf16.
func TestNaNPayload(t *testing.T) {
	x := activations(1, 1, 1, 32)
	x.Data[4] = math.Float32frombits(0x7f800001)
	f := layer.Forward{X: x, Weights: weight(t, 1, fp4.NVFP4, "modelopt", 3, 32), Arch: "sm90", Out: inspect.BF16}
	for i, y := range forward(t, Emu{}, f).Y.Data {
		if math.Float32bits(y) != 0x7fff0000 {
			t.Errorf("y[%d] = %v", i, y)
		}
	}
}
