package gemm

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// orders and epilogues are one of every kind.
func orders() []layer.Order {
	return []layer.Order{{}, {Kind: layer.OrderReverse}, {Kind: layer.OrderSplit, Parts: 3}, {Kind: layer.OrderSliced, Parts: 2}, {Kind: layer.OrderStream, Parts: 5}}
}

func epilogues() []layer.Epilogue {
	var all []layer.Epilogue
	for _, a := range []layer.AlphaPlace{layer.AlphaF32, layer.AlphaBF16, layer.AlphaOut} {
		for _, b := range []layer.BiasPlace{layer.BiasNone, layer.BiasF32, layer.BiasOut} {
			all = append(all, layer.Epilogue{Alpha: a, Bias: b})
		}
	}
	return all
}

// TestReplay holds that an output worked out alone, instruction by instruction, has the
// bits that Emu gives it, whatever the mode, format, order, epilogue and output type.
func TestReplay(t *testing.T) {
	const m, n, k = 130, 33, 1056
	x := activations(1, 300, m, k)
	for _, c := range []struct {
		format, recipe, arch string
		mode                 layer.Mode
	}{
		{fp4.NVFP4, "compressed-tensors", "sm100", layer.W4A4}, {fp4.MXFP4, "ocp", "sm120", layer.W4A4},
		{fp4.NVFP4, "modelopt", "sm80", layer.W4A16}, {fp4.MXFP4, "ocp", "sm90", layer.W4A16},
	} {
		w := weight(t, 7, c.format, c.recipe, n, k)
		bias := activations(9, 1, n)
		bias.Data[3] = 1e-3 // not a bf16
		w.Bias = &bias
		for i, order := range orders() {
			for j, end := range epilogues() {
				if i > 0 && j > 0 && (i+j)%4 != 0 {
					continue
				}
				f := layer.Forward{X: x, Weights: w, Mode: c.mode, Act: layer.ActDynamic, Arch: c.arch, Order: order, Epilogue: end,
					Out: []inspect.DType{inspect.BF16, inspect.F16, inspect.F32}[j%3]}
				if c.mode == layer.W4A4 && c.format == fp4.NVFP4 && j%2 == 1 {
					f.ActPer = layer.ActPerToken
				}
				if j == 4 {
					given := float32(0.0123)
					f.Alpha = &given
				}
				t.Run(fmt.Sprintf("%s %s %s %s %s", c.format, c.mode, order, end, f.Out), func(t *testing.T) {
					out := forward(t, Emu{}, f)
					for i := range 12 {
						at := [2]int{i * 1777 % m, i * 13 % n}
						r, err := Emu{}.Replay(f, out, at[0], at[1])
						if err != nil {
							t.Fatal(err)
						}
						if want := out.Y.Data[at[0]*n+at[1]]; !sameBits(r.Y, want) {
							t.Errorf("%v: %v, Emu has %v", at, r.Y, want)
						}
					}
				})
			}
		}
	}
}

// TestReplaySpecials: NaN and infinity take the same way.
func TestReplaySpecials(t *testing.T) {
	x := activations(1, 1, 2, 128)
	x.Data[5], x.Data[128+9] = float32(math.Inf(1)), math.Float32frombits(0x7f800001)
	w := weight(t, 7, fp4.NVFP4, "modelopt", 8, 128)
	w.Blocks[0].Scales[3*8+2] = 0x7f
	f := layer.Forward{X: x, Weights: w, Out: inspect.BF16}
	out := forward(t, Emu{}, f)
	for m := range 2 {
		for n := range 8 {
			r, err := Emu{}.Replay(f, layer.Output{}, m, n)
			if err != nil || !sameBits(r.Y, out.Y.Data[m*8+n]) {
				t.Errorf("%d,%d: %v, %v; Emu has %v", m, n, r.Y, err, out.Y.Data[m*8+n])
			}
		}
	}
}

// TestRefFactors: the reference's sum of the factors is the reference's output.
func TestRefFactors(t *testing.T) {
	w := weight(t, 7, fp4.NVFP4, "compressed-tensors", 5, 96)
	dense := activations(3, 1, 5, 96)
	for _, f := range []layer.Forward{
		{X: activations(1, 9, 3, 96), Weights: w, Mode: layer.W4A4, Act: layer.ActDynamic, Out: inspect.BF16},
		{X: activations(1, 9, 3, 96), Weights: w, Mode: layer.W4A4, Act: layer.ActDynamic, ActPer: layer.ActPerToken, Out: inspect.BF16},
		{X: activations(1, 9, 3, 96), Weights: w, Out: inspect.F32},
		{X: activations(1, 9, 3, 96), Dense: &dense, Out: inspect.F16},
	} {
		out := forward(t, Ref{}, f)
		for i, want := range out.Y.Data {
			xs, ws, err := Ref{}.Factors(f, out, i/5, i%5)
			if err != nil {
				t.Fatal(err)
			}
			if _, _, y, err := (Ref{}).Finish(f, xs, ws, i%5); err != nil || !sameBits(y, want) {
				t.Errorf("%d: %v, %v; Ref has %v", i, y, err, want)
			}
		}
	}
}

func TestReplayErrors(t *testing.T) {
	w := weight(t, 7, fp4.NVFP4, "compressed-tensors", 5, 96)
	dense := activations(3, 1, 5, 96)
	x := activations(1, 9, 3, 96)
	for _, c := range []struct {
		f     layer.Forward
		m, n  int
		class error
	}{
		{layer.Forward{X: x, Dense: &dense, Out: inspect.BF16}, 0, 0, inspect.ErrUnsupported},
		{layer.Forward{X: x, Weights: w, Mode: layer.W4A4, Act: layer.ActDynamic, Out: inspect.BF16}, 0, 0, inspect.ErrMissing},
		{layer.Forward{X: x, Weights: w, Out: inspect.BF16}, 3, 0, inspect.ErrMissing},
		{layer.Forward{X: x, Weights: w, Out: inspect.BF16, Arch: "sm70"}, 0, 0, inspect.ErrUnsupported},
		{layer.Forward{X: x, Weights: w, Out: inspect.BF16, Epilogue: layer.Epilogue{Bias: layer.BiasF32}}, 0, 0, inspect.ErrMissing},
	} {
		if _, err := (Emu{}).Replay(c.f, layer.Output{}, c.m, c.n); !errors.Is(err, c.class) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if _, _, err := (Ref{}).Factors(layer.Forward{X: x, Weights: w, Out: inspect.BF16}, layer.Output{}, 0, 5); !errors.Is(err, inspect.ErrMissing) {
		t.Error(err)
	}
}
