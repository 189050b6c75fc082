package kernel

import (
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// product is x·Wᵀ in float64, k from first to last, up to the global scale: the
// arithmetic is exact enough that zeros appended to K cannot change a bit, and a
// misplaced element does.
func product(x inspect.Tensor, b *fp4.Blocks) inspect.Tensor {
	rows, cols := x.Rows()
	y := inspect.Tensor{DType: inspect.F32, Shape: append([]int{}, x.Shape...), Data: make([]float32, rows*b.Rows)}
	y.Shape[len(y.Shape)-1] = b.Rows
	w := make([]float32, b.Cols)
	for n := range b.Rows {
		b.LocalRow(n, w)
		for m := range rows {
			sum := 0.0
			for k, v := range w {
				sum += float64(v) * float64(x.Data[m*cols+k])
			}
			y.Data[m*b.Rows+n] = float32(sum)
		}
	}
	return y
}

func activations(shape ...int) inspect.Tensor {
	rng := rand.New(rand.NewPCG(3, 4))
	x := inspect.Tensor{DType: inspect.BF16, Shape: shape, Data: make([]float32, inspect.Numel(shape))}
	for i := range x.Data {
		x.Data[i] = fp4.RoundBF16(float32(rng.NormFloat64()))
	}
	return x
}

// TestProductThroughEveryKernel: whatever the rank of x and however unaligned the
// layer, the product through the prepared buffer has the bits of the logical one.
func TestProductThroughEveryKernel(t *testing.T) {
	sizes := [][2]int{{1000, 352}, {384, 256}, {192, 96}, {32, 32}}
	for _, k := range Kernels() {
		ran := false
		for _, format := range k.Formats {
			for _, size := range sizes {
				b := matrix(format, size[0], size[1], 21)
				for _, gated := range []bool{false, true} {
					if k.Refuses(format, b.Block, b.Rows, b.Cols, gated) != nil {
						continue
					}
					ran = true
					checkProduct(t, weights(b), k, Options{Gated: gated})
				}
			}
		}
		if !ran && k.Name != "trtllm-moe.mxfp4" {
			t.Errorf("%s ran no size", k.Name)
		}
	}
}

func checkProduct(t *testing.T, w *layer.Weights, k Kernel, o Options) {
	t.Helper()
	b := &w.Blocks[o.Expert]
	p, err := Prepare(t.Context(), w, k, o)
	if err != nil {
		t.Fatalf("%s: %v", k.Name, err)
	}
	unpacked, err := p.Unpack()
	if err != nil {
		t.Fatalf("%s: %v", k.Name, err)
	}
	for _, shape := range [][]int{{b.Cols}, {2, b.Cols}, {2, 1, 3, b.Cols}} {
		x := activations(shape...)
		wide, err := PadActivations(x, p.PadK)
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.SliceOutput(product(wide, &unpacked))
		if err != nil {
			t.Fatal(err)
		}
		want := product(x, b)
		if !reflect.DeepEqual(got.Shape, want.Shape) {
			t.Fatalf("%s: shape %v, want %v", k.Name, got.Shape, want.Shape)
		}
		for i := range want.Data {
			if math.Float32bits(got.Data[i]) != math.Float32bits(want.Data[i]) {
				t.Fatalf("%s %d×%d %+v: output %d is %g, want %g", k.Name, b.Rows, b.Cols, o, i, got.Data[i], want.Data[i])
			}
		}
	}
}

// TestProductOfExperts takes gate and up as their checkpoints have them: stacked, or
// row by row as in gpt-oss; outputs come back in the file's order.
func TestProductOfExperts(t *testing.T) {
	for _, producer := range []string{"modelopt NVFP4", "gpt-oss mxfp4"} {
		format := nvfp4
		if producer == "gpt-oss mxfp4" {
			format = mxfp4
		}
		w := &layer.Weights{
			Layer:  &layer.Layer{Name: "model.layers.0.mlp.experts.gate_up_proj", Producer: producer, Experts: 2},
			Blocks: []fp4.Blocks{*matrix(format, 352, 96, 1), *matrix(format, 352, 96, 2)},
		}
		for _, name := range []string{"trtllm-moe", "marlin-moe", "cudnn"} {
			k, err := Lookup(name)
			if err != nil {
				t.Fatal(err)
			}
			if !k.Takes(format) {
				continue
			}
			checkProduct(t, w, k, Options{Expert: 1})
			p, err := Prepare(t.Context(), w, k, Options{Expert: 1})
			if err != nil {
				t.Fatal(err)
			}
			if p.Gated != (k.Gated != nil) {
				t.Errorf("%s %s: gated %v", name, producer, p.Gated)
			}
			if separate := p.Steps[0].Name == "separate halves"; separate != (p.Gated && format == mxfp4) {
				t.Errorf("%s %s: %+v", name, producer, p.Steps[0])
			}
		}
	}
}

// TestGateOrderMatters: swapping the halves is a step, not a name. Without it the
// gate rows of the buffer are the up rows of the layer.
func TestGateOrderMatters(t *testing.T) {
	b := matrix(nvfp4, 256, 64, 1)
	p := prepared(t, b, "flashinfer-cutlass-moe", Options{Gated: true})
	if string(p.Codes[:128*32]) != string(b.Codes[128*32:]) {
		t.Error("the buffer does not begin with the up half")
	}
	q := prepared(t, b, "cutlass-moe", Options{Gated: true})
	if string(q.Codes) != string(b.Codes) {
		t.Error("[gate; up] was reordered")
	}
}

func TestPadActivationsErrors(t *testing.T) {
	if _, err := PadActivations(inspect.Tensor{Data: []float32{1}}, 16); err == nil {
		t.Error("a scalar has no K")
	}
	if _, err := PadActivations(activations(2, 32), 16); err == nil {
		t.Error("padding shrank K")
	}
	p := prepared(t, matrix(nvfp4, 32, 32, 1), "cutlass", Options{})
	if _, err := p.SliceOutput(activations(2, 31)); err == nil {
		t.Error("an output of another width was sliced")
	}
}
