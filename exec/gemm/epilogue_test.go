package gemm

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// format is a binary floating-point type: its precision, its smallest normal exponent
// and its largest finite number.
type format struct {
	bits, minExp int
	largest      float64
}

var formats = map[inspect.DType]format{
	inspect.F32:  {24, -126, math.MaxFloat32},
	inspect.BF16: {8, -126, 0x1.fep127},
	inspect.F16:  {11, -14, 65504},
}

// round is a number of any precision in the type: nearest, ties to even, by hand.
func (f format) round(x *big.Float) float64 {
	if x.Sign() == 0 {
		return 0
	}
	exp := max(x.MantExp(nil)-1, f.minExp) - (f.bits - 1) // of the last place
	scaled := new(big.Float).SetPrec(2000).SetMantExp(x, -exp)
	whole, _ := scaled.Int(nil)
	rest := new(big.Float).SetPrec(2000).Sub(scaled, new(big.Float).SetPrec(2000).SetInt(whole))
	rest.Abs(rest)
	half := rest.Cmp(big.NewFloat(0.5))
	if half > 0 || half == 0 && whole.Bit(0) == 1 {
		whole.Add(whole, big.NewInt(int64(x.Sign())))
	}
	y, _ := new(big.Float).SetMantExp(new(big.Float).SetInt(whole), exp).Float64()
	if math.Abs(y) > f.largest {
		return math.Inf(x.Sign())
	}
	return y
}

func exact(v float64) *big.Float { return new(big.Float).SetPrec(2000).SetFloat64(v) }

// times and plus are one operation in a type, infinities included.
func (f format) times(a, b float64) float64 {
	if math.IsInf(a, 0) || math.IsInf(b, 0) {
		return a * b
	}
	return f.round(new(big.Float).SetPrec(2000).Mul(exact(a), exact(b)))
}

func (f format) plus(a, b float64) float64 {
	if math.IsInf(a, 0) || math.IsInf(b, 0) {
		return a + b
	}
	return f.round(new(big.Float).SetPrec(2000).Add(exact(a), exact(b)))
}

func (f format) of(a float64) float64 {
	if math.IsInf(a, 0) {
		return a
	}
	return f.round(exact(a))
}

// epilogueByHand is the definition of each epilogue, in numbers of any precision.
func epilogueByHand(e layer.Epilogue, out format, acc, alpha, bias float64) float64 {
	f32, bf16 := formats[inspect.F32], formats[inspect.BF16]
	var v float64
	switch e.Alpha {
	case layer.AlphaF32:
		v = f32.times(alpha, acc)
	case layer.AlphaBF16:
		v = f32.times(bf16.of(alpha), acc)
	case layer.AlphaOut:
		v = out.times(out.of(alpha), out.of(acc))
	}
	switch e.Bias {
	case layer.BiasF32:
		v = f32.plus(v, bias)
	case layer.BiasOut:
		v = out.plus(out.of(v), out.of(bias))
	}
	return out.of(v)
}

func TestEpilogues(t *testing.T) {
	r := &random{seed: 3}
	number := func(lo, hi int) float32 {
		return float32(math.Ldexp(float64(r.word()>>40|1<<24)/(1<<24), lo+int(r.word()%uint64(hi-lo)))) * float32(1-2*int(r.word()&1))
	}
	for _, out := range []inspect.DType{inspect.BF16, inspect.F16, inspect.F32} {
		for alpha := layer.AlphaF32; alpha <= layer.AlphaOut; alpha++ {
			for bias := layer.BiasNone; bias <= layer.BiasOut; bias++ {
				e := &epilogue{Epilogue: layer.Epilogue{Alpha: alpha, Bias: bias}, out: out}
				over := int64(0)
				for range 3000 {
					a, acc := number(-24, 2), number(-20, 22)
					if a < 0 {
						a = -a
					}
					e.alpha, e.bias = []float32{a}, []float32{0, number(-12, 4)}
					var y [1]float32
					e.row(y[:], []float32{acc}, 5, 1)
					want := epilogueByHand(e.Epilogue, formats[out], float64(acc), float64(a), float64(e.bias[1]))
					if float64(y[0]) != want {
						t.Fatalf("%s %s: %v·%v+%v = %v, want %v", e.Epilogue, out, a, acc, e.bias[1], y[0], want)
					}
					if alpha == layer.AlphaOut && math.IsInf(formats[out].of(float64(acc)), 0) {
						over++
					}
				}
				if n := e.overflowed.Load(); n != over {
					t.Errorf("%s %s: %d overflowed, want %d", e.Epilogue, out, n, over)
				}
				if out == inspect.F16 && alpha == layer.AlphaOut && over == 0 {
					t.Error("nothing overflowed: the data don't test it")
				}
			}
		}
	}
}

// TestOverflowBeforeScale is the fault of kernels that round the accumulator to fp16
// before the global scale: infinities where FP32 has none.
func TestOverflowBeforeScale(t *testing.T) {
	w := weight(t, 21, fp4.NVFP4, "compressed-tensors", 16, 256)
	f := layer.Forward{X: activations(22, 60, 4, 256), Weights: w, Arch: "sm90", Out: inspect.F16}
	usual := forward(t, Emu{}, f)
	f.Epilogue.Alpha = layer.AlphaOut
	early := forward(t, Emu{}, f)
	if n := infinite32(usual.Y.Data); n != 0 {
		t.Errorf("alpha in FP32: %d infinities", n)
	}
	n := infinite32(early.Y.Data)
	if n == 0 {
		t.Fatal("nothing overflows: the data don't test it")
	}
	if notes := strings.Join(early.Notes, "\n"); !strings.Contains(notes, fmt.Sprintf("%d accumulators overflowed F16 before the global scale", n)) {
		t.Errorf("%d infinities, notes %q", n, notes)
	}
}

func infinite32(data []float32) (n int) {
	for _, v := range data {
		if math.IsInf(float64(v), 0) {
			n++
		}
	}
	return n
}

func TestAlphaNotes(t *testing.T) {
	p := problem{Forward: layer.Forward{Out: inspect.BF16, Epilogue: layer.Epilogue{Alpha: layer.AlphaBF16}}}
	for alpha, want := range map[float32]string{0.5: "", 0x1.01p-10: "as BF16, off by 0.0039"} {
		e, err := p.epilogue(alpha)
		if err != nil {
			t.Fatal(err)
		}
		if notes := strings.Join(e.notes(), "\n"); (want == "") != (notes == "") || !strings.Contains(notes, want) {
			t.Errorf("alpha %v: %q, want %q", alpha, notes, want)
		}
	}
}

// TestBias is the bias of both backends, by expert.
func TestBias(t *testing.T) {
	const n, k = 5, 64
	one, two := weight(t, 31, fp4.NVFP4, "modelopt", n, k), weight(t, 32, fp4.NVFP4, "modelopt", n, k)
	bias := inspect.Tensor{DType: inspect.BF16, Shape: []int{2, n}, Data: activations(33, 1, 2*n).Data}
	w := &layer.Weights{Blocks: []fp4.Blocks{one.Blocks[0], two.Blocks[0]}, Bias: &bias}
	f := layer.Forward{X: activations(34, 1, 3, k), Weights: w, Expert: 1, Arch: "sm90", Out: inspect.F32}
	plain := forward(t, Emu{}, f)
	f.Epilogue.Bias = layer.BiasF32
	added, ref := forward(t, Emu{}, f), forward(t, Ref{}, f)
	for i, y := range added.Y.Data {
		if want := float32(plain.Y.Data[i] + bias.Data[n+i%n]); y != want {
			t.Errorf("y[%d] = %v, want %v", i, y, want)
		}
		if math.Abs(float64(y-ref.Y.Data[i])) > 1e-3 {
			t.Errorf("y[%d] = %v, reference %v", i, y, ref.Y.Data[i])
		}
	}
	w.Bias = nil
	if _, err := (Emu{}).Forward(context.Background(), f, nil); !errors.Is(err, inspect.ErrMissing) {
		t.Errorf("without a bias: %v", err)
	}
	w.Bias = &inspect.Tensor{Data: make([]float32, n+1)}
	if _, err := (Ref{}).Forward(context.Background(), f, nil); !errors.Is(err, inspect.ErrMismatch) {
		t.Errorf("bias of %d: %v", n+1, err)
	}
}

func TestRefRefuses(t *testing.T) {
	alpha := float32(1)
	for name, change := range map[string]func(*layer.Forward){
		"order":    func(f *layer.Forward) { f.Order = layer.Order{Kind: layer.OrderReverse} },
		"epilogue": func(f *layer.Forward) { f.Epilogue.Alpha = layer.AlphaOut },
		"alpha":    func(f *layer.Forward) { f.Alpha = &alpha },
		"global":   func(f *layer.Forward) { f.Global = &layer.Factor{} },
	} {
		f := layer.Forward{X: activations(1, 1, 2, 32), Weights: weight(t, 1, fp4.NVFP4, "modelopt", 4, 32), Out: inspect.F32}
		change(&f)
		if _, err := (Ref{}).Forward(context.Background(), f, nil); !errors.Is(err, inspect.ErrUnsupported) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
