package gemm

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// random is a stream of splitmix words.
type random struct{ seed, i uint64 }

func (r *random) word() uint64 {
	r.i++
	return splitmix(r.seed<<32 + r.i)
}

// normal is roughly Gaussian: the sum of four uniforms.
func (r *random) normal() float64 {
	s := 0.0
	for range 4 {
		s += float64(r.word()>>11)/(1<<53) - 0.5
	}
	return s * math.Sqrt(3)
}

// activations makes a bf16 tensor; a few columns are outliers.
func activations(seed uint64, outlier float64, shape ...int) inspect.Tensor {
	r := &random{seed: seed}
	x := inspect.Tensor{DType: inspect.BF16, Shape: shape, Data: make([]float32, inspect.Numel(shape))}
	k := shape[len(shape)-1]
	for i := range x.Data {
		v := r.normal()
		if i%k%37 == 5 {
			v *= outlier
		}
		x.Data[i] = fp4.RoundBF16(float32(v))
	}
	return x
}

// weight quantizes a random n×k matrix.
func weight(t testing.TB, seed uint64, format, recipe string, n, k int) *layer.Weights {
	t.Helper()
	r := &random{seed: seed}
	w := make([]float32, n*k)
	for i := range w {
		w[i] = float32(r.normal() * 0.05)
	}
	b, err := fp4.Quantize(w, n, k, fp4.QuantOptions{Recipe: recipe, Format: format})
	if err != nil {
		t.Fatal(err)
	}
	return &layer.Weights{Blocks: []fp4.Blocks{b}}
}

func forward(t testing.TB, be interface {
	Forward(context.Context, layer.Forward, layer.Progress) (layer.Output, error)
}, f layer.Forward) layer.Output {
	t.Helper()
	out, err := be.Forward(context.Background(), f, nil)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// codes is one row of b as instruction operands, padded with zeros to k.
func codes(b *fp4.Blocks, row, k int) (c []uint32, scales []uint8) {
	for i := range k {
		if i < b.Cols {
			c = append(c, uint32(b.Code(row, i)))
		} else {
			c = append(c, 0)
		}
	}
	scales = make([]uint8, k/b.Block)
	copy(scales, b.Scales[row*b.ScaleCols():][:b.ScaleCols()])
	return c, scales
}

// plainFP4 chains Model.Dot over K = 64 slices of one row of x and of w.
func plainFP4(t *testing.T, m Model, x, w *fp4.Blocks, row, col int) uint32 {
	t.Helper()
	k := (x.Cols + 63) / 64 * 64
	a, sa := codes(x, row, k)
	b, sb := codes(w, col, k)
	c, per := uint32(0), 64/x.Block
	for i := 0; i < k; i += 64 {
		j := i / x.Block
		tr, err := m.Dot(Operands{A: a[i : i+64], B: b[i : i+64], SFA: sa[j : j+per], SFB: sb[j : j+per], C: c})
		if err != nil {
			t.Fatal(err)
		}
		c = tr.D
	}
	return c
}

// sameBits compares as words: NaN equals NaN.
func sameBits(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }

// TestBackends holds both to the shape of exec.Backend, which this package must not import.
func TestBackends(t *testing.T) {
	type backend interface {
		Name() string
		Ready() error
		Forward(context.Context, layer.Forward, layer.Progress) (layer.Output, error)
	}
	for name, be := range map[string]backend{"ref": Ref{}, "emu": Emu{}} {
		if be.Name() != name || be.Ready() != nil {
			t.Errorf("%s: name %q, ready %v", name, be.Name(), be.Ready())
		}
	}
}

func TestEmuW4A4(t *testing.T) {
	for _, c := range []struct {
		name, format, recipe, arch string
		n, k                       int
		x                          []int
		outlier                    float64
		act                        layer.ActPolicy
		out                        inspect.DType
		spoil                      func(w *fp4.Blocks)
	}{
		{"plain", fp4.NVFP4, "compressed-tensors", "sm100", 33, 128, []int{5, 128}, 1, layer.ActDynamic, inspect.BF16, nil},
		{"multiplier", fp4.NVFP4, "modelopt", "sm120", 8, 64, []int{3, 64}, 1, layer.ActDynamic, inspect.F32, nil},
		{"K 16 odd, vector", fp4.NVFP4, "flashinfer-exact", "sm100", 7, 48, []int{48}, 1, layer.ActDynamic, inspect.F32, nil},
		{"4-D", fp4.NVFP4, "flashinfer-exact", "sm103", 9, 80, []int{2, 1, 3, 80}, 1, layer.ActUnit, inspect.F16, nil},
		{"outliers", fp4.NVFP4, "flashinfer-exact", "sm121", 40, 512, []int{6, 512}, 3000, layer.ActDynamic, inspect.F32, nil},
		{"inverted global", fp4.NVFP4, "flashinfer-exact", "sm100", 5, 64, []int{4, 64}, 30, layer.ActInvWeight, inspect.F32, nil},
		{"NaN and saturated scales", fp4.NVFP4, "flashinfer-exact", "sm110", 6, 96, []int{4, 96}, 1, layer.ActDynamic, inspect.BF16,
			func(w *fp4.Blocks) { w.Scales[2], w.Scales[7], w.Scales[13], w.Scales[20] = 0x7f, 0x7e, 0x80, 0xff }},
		{"high nibble first", fp4.NVFP4, "flashinfer-exact", "sm100", 6, 64, []int{4, 64}, 1, layer.ActDynamic, inspect.F32,
			func(w *fp4.Blocks) { w.Order = fp4.HighFirst }},
		{"mxfp4", fp4.MXFP4, "torchao", "sm100", 11, 96, []int{3, 96}, 1, layer.ActDynamic, inspect.F32, nil},
		{"mxfp4 extreme scales", fp4.MXFP4, "torchao", "sm120", 4, 160, []int{3, 160}, 1e20, layer.ActUnit, inspect.F32,
			func(w *fp4.Blocks) { w.Scales[0], w.Scales[1], w.Scales[6], w.Scales[11] = 0, 254, 253, 255 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := weight(t, 1, c.format, c.recipe, c.n, c.k)
			if c.spoil != nil {
				c.spoil(&w.Blocks[0])
			}
			f := layer.Forward{X: activations(2, c.outlier, c.x...), Weights: w, Mode: layer.W4A4, Act: c.act, Arch: c.arch, Out: c.out}
			got := forward(t, Emu{}, f)
			if want := append(append([]int{}, c.x[:len(c.x)-1]...), c.n); !reflect.DeepEqual(got.Y.Shape, want) {
				t.Fatalf("shape %v, want %v", got.Y.Shape, want)
			}
			kind := fp4Kinds[c.format]
			m, err := Lookup(kind, c.arch)
			if err != nil {
				t.Fatal(err)
			}
			for i, y := range got.Y.Data {
				acc := plainFP4(t, m, got.XBlocks, &w.Blocks[0], i/c.n, i%c.n)
				want := roundFloat32(float32(got.Alpha*math.Float32frombits(acc)), c.out)
				if !sameBits(y, want) {
					t.Errorf("y[%d]: %x, chained instructions %x", i, math.Float32bits(y), math.Float32bits(want))
				}
			}
		})
	}
}

func TestEmuW4A16(t *testing.T) {
	for _, c := range []struct {
		name, format, arch string
		k                  int
		special            bool
	}{
		{"hopper", fp4.NVFP4, "sm90", 128, false},
		{"ampere, half a sum", fp4.NVFP4, "sm80", 80, false},
		{"blackwell odd", fp4.NVFP4, "sm100", 48, false},
		{"mxfp4", fp4.MXFP4, "sm120", 96, false},
		{"specials", fp4.NVFP4, "sm90", 64, true},
		{"mxfp4 specials", fp4.MXFP4, "sm86", 64, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			const n = 10
			w := weight(t, 3, c.format, map[string]string{fp4.NVFP4: "modelopt", fp4.MXFP4: "ocp"}[c.format], n, c.k)
			x := activations(4, 500, 6, c.k)
			if c.special {
				for i, v := range []float64{math.Inf(1), math.NaN(), math.Inf(-1), 1e-40, 3e38} {
					x.Data[i*c.k+7*i] = float32(v)
				}
				x.Data[5*c.k], x.Data[5*c.k+1] = 3e38, 3e38
				w.Blocks[0].Scales[1], w.Blocks[0].Scales[3] = 0xfe, 0xff
			}
			m, err := Lookup("bf16", c.arch)
			if err != nil {
				t.Fatal(err)
			}
			got := forward(t, Emu{}, layer.Forward{X: x, Weights: w, Arch: c.arch, Out: inspect.F32})
			if got.Alpha != w.Blocks[0].Global.Multiplier() || got.XBlocks != nil {
				t.Errorf("alpha %v, x blocks %v", got.Alpha, got.XBlocks)
			}
			k := (c.k + 15) / 16 * 16
			local := make([]float32, c.k)
			for i, y := range got.Y.Data {
				op := Operands{A: make([]uint32, k), B: make([]uint32, k)}
				w.Blocks[0].LocalRow(i%n, local)
				for j := range c.k {
					op.A[j] = math.Float32bits(fp4.RoundBF16(x.Data[i/n*c.k+j])) >> 16
					op.B[j] = math.Float32bits(local[j]) >> 16
				}
				tr, err := m.Dot(op)
				if err != nil {
					t.Fatal(err)
				}
				want := roundFloat32(float32(got.Alpha*math.Float32frombits(tr.D)), inspect.F32)
				if !sameBits(y, want) {
					t.Errorf("y[%d]: %x, chained instructions %x", i, math.Float32bits(y), math.Float32bits(want))
				}
			}
		})
	}
}

// TestWeightExactInBF16 is why w4a16 may round the weight to bf16: it does not.
func TestWeightExactInBF16(t *testing.T) {
	for _, st := range []fp4.Format{fp4.E4M3, fp4.UE4M3, fp4.E8M0} {
		c := newChainBF16(Model{Params: hopper16}, nil, &fp4.Blocks{ScaleType: st, Block: 16}, 0)
		for s := range 256 {
			for code := range 16 {
				want := float64(fp4.DecodeE2M1(uint8(code))) * float64(st.Decode(uint16(s)))
				got := float64(math.Float32frombits(uint32(c.word[s][code]) << 16))
				overflow := math.Abs(want) >= 0x1p128
				if overflow != (math.IsInf(got, 0)) || !overflow && got != want && want == want {
					t.Errorf("%s scale %02x code %x: %v, want %v", st, s, code, got, want)
				}
				if overflow && (st != fp4.E8M0 || s < 253) {
					t.Errorf("%s scale %02x code %x overflows", st, s, code)
				}
			}
		}
	}
}

// TestRef compares with sums in 2000-bit arithmetic, which for these sizes differ
// from float64 ones by far less than a rounding boundary's distance.
func TestRef(t *testing.T) {
	const n, k = 6, 48
	w := weight(t, 5, fp4.NVFP4, "compressed-tensors", n, k)
	x := activations(6, 50, 2, 3, k)
	dense := inspect.Tensor{DType: inspect.F32, Shape: []int{n, k}, Data: activations(7, 3, n, k).Data}
	for _, c := range []struct {
		name string
		f    layer.Forward
		prec uint
	}{
		{"w4a16", layer.Forward{X: x, Weights: w, Out: inspect.BF16}, 8},
		{"dense", layer.Forward{X: x, Dense: &dense, Out: inspect.F16}, 11},
		{"w4a4", layer.Forward{X: x, Weights: w, Mode: layer.W4A4, Act: layer.ActDynamic, Out: inspect.F32}, 24},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := forward(t, Ref{}, c.f)
			if !reflect.DeepEqual(got.Y.Shape, []int{2, 3, n}) || got.Alpha != 1 {
				t.Fatalf("shape %v alpha %v", got.Y.Shape, got.Alpha)
			}
			value := func(b *fp4.Blocks, r, j int) float32 {
				v := float64(fp4.DecodeE2M1(b.Code(r, j))) * float64(fp4.DecodeE4M3(b.Scale(r, j)))
				return float32(v / float64(b.Global.Value))
			}
			for i, y := range got.Y.Data {
				sum := new(big.Float).SetPrec(2000)
				for j := range k {
					a, b := x.Data[i/n*k+j], float32(0)
					if c.f.Dense != nil {
						b = dense.Data[i%n*k+j]
					} else {
						b = value(&w.Blocks[0], i%n, j)
					}
					if c.f.Mode == layer.W4A4 {
						a = value(got.XBlocks, i/n, j)
					}
					sum.Add(sum, new(big.Float).SetPrec(2000).Mul(big.NewFloat(float64(a)), big.NewFloat(float64(b))))
				}
				want, _ := sum.SetMode(big.ToNearestEven).SetPrec(c.prec).Float32()
				if y != want {
					t.Errorf("y[%d] = %v, want %v", i, y, want)
				}
			}
		})
	}
}

func TestExperts(t *testing.T) {
	a, b := weight(t, 8, fp4.NVFP4, "modelopt", 4, 32), weight(t, 9, fp4.NVFP4, "modelopt", 4, 32)
	both := &layer.Weights{Blocks: []fp4.Blocks{a.Blocks[0], b.Blocks[0]}}
	x := activations(10, 1, 3, 32)
	for _, be := range []interface {
		Forward(context.Context, layer.Forward, layer.Progress) (layer.Output, error)
	}{Ref{}, Emu{}} {
		one := forward(t, be, layer.Forward{X: x, Weights: b, Arch: "sm90", Out: inspect.F32})
		two := forward(t, be, layer.Forward{X: x, Weights: both, Expert: 1, Arch: "sm90", Out: inspect.F32})
		zero := forward(t, be, layer.Forward{X: x, Weights: both, Arch: "sm90", Out: inspect.F32})
		if !reflect.DeepEqual(one.Y, two.Y) || reflect.DeepEqual(one.Y, zero.Y) {
			t.Errorf("%T: expert=1 is not the second expert", be)
		}
	}
}

func TestActivationGlobal(t *testing.T) {
	w := weight(t, 11, fp4.NVFP4, "compressed-tensors", 4, 32) // global divides
	w.Layer = &layer.Layer{Input: fp4.GlobalScale{Use: fp4.Divides, Value: 640}}
	mult := weight(t, 11, fp4.NVFP4, "modelopt", 4, 32)
	mult.Layer = &layer.Layer{Input: fp4.GlobalScale{Use: fp4.Multiplies, Value: 0.0078125}}
	x := activations(12, 1, 3, 32)
	amax := fp4.Amax(x.Data)
	for _, c := range []struct {
		name string
		w    *layer.Weights
		act  layer.ActPolicy
		g    float32
	}{
		{"dynamic", w, layer.ActDynamic, 2688 / amax},
		{"static divisor", w, layer.ActStatic, 640},
		{"static multiplier", mult, layer.ActStatic, 128},
		{"unit", w, layer.ActUnit, 1},
		{"value", w, layer.ActValue, 77},
		{"1/weight divisor", w, layer.ActInvWeight, 1 / w.Blocks[0].Global.Value},
		{"1/weight multiplier", mult, layer.ActInvWeight, mult.Blocks[0].Global.Value},
	} {
		out := forward(t, Emu{}, layer.Forward{X: x, Weights: c.w, Mode: layer.W4A4, Act: c.act, ActVal: 77, Arch: "sm100", Out: inspect.F32})
		if got := out.XBlocks.Global; got != (fp4.GlobalScale{Use: fp4.Divides, Value: c.g}) {
			t.Errorf("%s: global %+v, want a divisor of %v", c.name, got, c.g)
		}
		if want := float32(float32(1/c.g) * c.w.Blocks[0].Global.Multiplier()); out.Alpha != want {
			t.Errorf("%s: alpha %v, want %v", c.name, out.Alpha, want)
		}
	}
	flushed := forward(t, Emu{}, layer.Forward{X: x, Weights: w, Mode: layer.W4A4, Act: layer.ActInvWeight, Arch: "sm100", Out: inspect.F32})
	if !strings.Contains(fmt.Sprint(flushed.Notes), "6 of 6 activation block scales rounded to zero") {
		t.Errorf("notes of a useless global: %q", flushed.Notes)
	}
}

func TestEmptyX(t *testing.T) {
	w := weight(t, 13, fp4.NVFP4, "modelopt", 4, 32)
	for _, mode := range []layer.Mode{layer.W4A16, layer.W4A4} {
		f := layer.Forward{X: activations(1, 1, 2, 0, 32), Weights: w, Mode: mode, Act: layer.ActDynamic, Arch: "sm100", Out: inspect.BF16}
		for _, y := range []layer.Output{forward(t, Emu{}, f), forward(t, Ref{}, f)} {
			if !reflect.DeepEqual(y.Y.Shape, []int{2, 0, 4}) || len(y.Y.Data) != 0 {
				t.Errorf("%v: %+v", mode, y.Y)
			}
		}
	}
}

func TestSameOnAnyNumberOfProcessors(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	w := weight(t, 14, fp4.NVFP4, "modelopt", 70, 256)
	f := layer.Forward{X: activations(15, 1000, 150, 256), Weights: w, Arch: "sm100", Act: layer.ActDynamic, Out: inspect.F32}
	for _, mode := range []layer.Mode{layer.W4A16, layer.W4A4} {
		f.Mode = mode
		runtime.GOMAXPROCS(1)
		emu, ref := forward(t, Emu{}, f), forward(t, Ref{}, f)
		runtime.GOMAXPROCS(7)
		if !reflect.DeepEqual(emu, forward(t, Emu{}, f)) || !reflect.DeepEqual(ref, forward(t, Ref{}, f)) {
			t.Errorf("%v: 7 processors give another result than one", mode)
		}
	}
}

func TestProgressAndCancel(t *testing.T) {
	w := weight(t, 16, fp4.NVFP4, "modelopt", 300, 512)
	f := layer.Forward{X: activations(17, 1, 300, 512), Weights: w, Arch: "sm100", Act: layer.ActDynamic, Mode: layer.W4A4, Out: inspect.F32}
	var last, total int64
	if _, err := (Emu{}).Forward(context.Background(), f, func(done, all int64) {
		if done <= last || total != 0 && all != total {
			t.Errorf("progress %d/%d after %d/%d", done, all, last, total)
		}
		last, total = done, all
	}); err != nil {
		t.Fatal(err)
	}
	if want := int64(300 * 300 * 512); last != want || total != want {
		t.Errorf("progress ended at %d of %d, want %d", last, total, want)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var at time.Time
	_, err := Emu{}.Forward(ctx, f, func(done, _ int64) {
		if at.IsZero() {
			at = time.Now()
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("cancelled run: %v", err)
	}
	if late := time.Since(at); late > 200*time.Millisecond { // 20 ms alone; the machine may be busy
		t.Errorf("stopped %v after the cancel", late)
	}
}
