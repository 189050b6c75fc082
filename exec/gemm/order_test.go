package gemm

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"testing"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// orderTexts are walks of every kind, with more parts than K tiles among them.
var orderTexts = []string{"sequential", "reverse", "split:1", "split:2", "split:3", "split:64", "sliced:1", "sliced:2", "sliced:3", "sliced:64",
	"stream:1", "stream:3", "stream:5", "stream:7", "stream:1000"}

// partOf is which accumulator the pair of an output tile and a K tile goes to, worked out
// pair by pair; numbers that no pair has don't exist.
func partOf(o layer.Order, outTile, k, tilesK, tiles int) int {
	between := func(at, of, parts int) int {
		for i := range parts {
			if i*of/parts <= at && at < (i+1)*of/parts {
				return i
			}
		}
		panic("between no two cuts")
	}
	switch o.Kind {
	case layer.OrderSplit:
		return between(k, tilesK, o.Parts)
	case layer.OrderSliced:
		return k % o.Parts
	case layer.OrderStream:
		return between(outTile*tilesK+k, tiles*tilesK, o.Parts)
	}
	return 0
}

// dotted is one output as operands of instructions of step elements.
type dotted struct {
	op      Operands
	step    int
	perTile int // instructions
}

func (in dotted) slice(i int, c float32) Operands {
	cut := func(s []uint32) []uint32 { return s[i*in.step : (i+1)*in.step] }
	op := Operands{A: cut(in.op.A), B: cut(in.op.B), C: math.Float32bits(c)}
	if per := len(in.op.SFA) * in.step / len(in.op.A); per > 0 {
		op.SFA, op.SFB = in.op.SFA[i*per:(i+1)*per], in.op.SFB[i*per:(i+1)*per]
	}
	return op
}

// inOrder composes Model.Dot over C as the order says.
func inOrder(t *testing.T, m Model, in dotted, o layer.Order, outTile, tiles int) float32 {
	t.Helper()
	steps := len(in.op.A) / in.step
	tilesK := (steps + in.perTile - 1) / in.perTile
	parts := map[int]float32{}
	for i := range steps {
		if o.Kind == layer.OrderReverse {
			i = steps - 1 - i
		}
		p := partOf(o, outTile, i/in.perTile, tilesK, tiles)
		tr, err := m.Dot(in.slice(i, parts[p]))
		if err != nil {
			t.Fatal(err)
		}
		parts[p] = math.Float32frombits(tr.D)
	}
	sum, first := float32(0), true
	for p := range max(o.Parts, 1) {
		c, ok := parts[p]
		switch {
		case !ok:
		case first:
			sum, first = c, false
		default:
			sum = float32(sum + c)
		}
	}
	return sum
}

// TestOrders holds every order of both instructions to its composition from single
// instructions. The shapes have several output tiles, and K that is no whole tile or
// instruction; the outliers make sums that differ from order to order.
func TestOrders(t *testing.T) {
	for _, c := range []struct {
		name    string
		mode    layer.Mode
		m, n, k int
	}{
		{"w4a4 one tile", layer.W4A4, 2, 5, 192},
		{"w4a4 ragged", layer.W4A4, 3, 4, 1296},
		{"w4a4 output tiles", layer.W4A4, 130, 131, 1536},
		{"w4a16 ragged", layer.W4A16, 3, 5, 208},
		{"w4a16 output tiles", layer.W4A16, 2, 260, 336},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := weight(t, 11, fp4.NVFP4, "flashinfer-exact", c.n, c.k)
			f := layer.Forward{X: activations(12, 3000, c.m, c.k), Weights: w, Mode: c.mode, Act: layer.ActDynamic, Arch: "sm100", Out: inspect.F32}
			if c.mode == layer.W4A16 {
				f.Act = layer.ActNone
			}
			words := map[string][]float32{}
			for _, text := range orderTexts {
				order, err := layer.ParseOrder(text)
				if err != nil {
					t.Fatal(err)
				}
				f.Order = order
				got := forward(t, Emu{}, f)
				words[text] = got.Y.Data
				for _, i := range sampledOutputs(c.m*c.n, c.n) {
					in, m := operandsOf(t, f, got, i/c.n, i%c.n)
					acc := inOrder(t, m, in, order, i/c.n/128*((c.n+127)/128)+i%c.n/128, ((c.m+127)/128)*((c.n+127)/128))
					if want := float32(got.Alpha * acc); !sameBits(got.Y.Data[i], want) {
						t.Fatalf("%s: y[%d,%d] = %x, instructions in order %x", text, i/c.n, i%c.n, math.Float32bits(got.Y.Data[i]), math.Float32bits(want))
					}
				}
			}
			for _, same := range [][2]string{{"split:1", "sequential"}, {"sliced:1", "sequential"}, {"stream:1", "sequential"}, {"split:64", "sliced:64"}} {
				if !slices.EqualFunc(words[same[0]], words[same[1]], sameBits) {
					t.Errorf("%s differs from %s", same[0], same[1])
				}
			}
			if c.k > 1000 && slices.EqualFunc(words["split:3"], words["sequential"], sameBits) {
				t.Error("no output depends on the order: the data don't test it")
			}
		})
	}
}

// sampledOutputs are some outputs: all of a small product, else the corners of its tiles.
func sampledOutputs(count, n int) (list []int) {
	for i := range count {
		m, col := i/n, i%n
		if count < 32 || (m%127 < 2 || m == 129) && (col%127 < 2 || col%128 < 2) && (m+col)%3 != 1 {
			list = append(list, i)
		}
	}
	return list
}

// operandsOf is output m,n of a product as instruction operands.
func operandsOf(t *testing.T, f layer.Forward, out layer.Output, m, n int) (dotted, Model) {
	t.Helper()
	w := &f.Weights.Blocks[0]
	if f.Mode == layer.W4A4 {
		k := (w.Cols + 63) / 64 * 64
		model, err := Lookup("mxf4nvf4.ue4m3", f.Arch)
		if err != nil {
			t.Fatal(err)
		}
		var op Operands
		op.A, op.SFA = codes(out.XBlocks, m, k)
		op.B, op.SFB = codes(w, n, k)
		return dotted{op, 64, 4}, model
	}
	k := (w.Cols + 15) / 16 * 16
	model, err := Lookup("bf16", f.Arch)
	if err != nil {
		t.Fatal(err)
	}
	op := Operands{A: make([]uint32, k), B: make([]uint32, k)}
	local := make([]float32, w.Cols)
	w.LocalRow(n, local)
	for j := range w.Cols {
		op.A[j] = math.Float32bits(fp4.RoundBF16(f.X.Data[m*w.Cols+j])) >> 16
		op.B[j] = math.Float32bits(local[j]) >> 16
	}
	return dotted{op, 16, 4}, model
}

// TestOrderAnyProcessors: the number of processors shows in no bit.
func TestOrderAnyProcessors(t *testing.T) {
	w := weight(t, 13, fp4.NVFP4, "flashinfer-exact", 150, 1296)
	f := layer.Forward{X: activations(14, 3000, 140, 1296), Weights: w, Mode: layer.W4A4, Act: layer.ActDynamic, ActPer: layer.ActPerToken, Out: inspect.F32}
	for _, text := range []string{"stream:7", "split:3"} {
		order, err := layer.ParseOrder(text)
		if err != nil {
			t.Fatal(err)
		}
		f.Order = order
		var first layer.Output
		for i, procs := range []int{1, 2, 7} {
			before := runtime.GOMAXPROCS(procs)
			out := forward(t, Emu{}, f)
			runtime.GOMAXPROCS(before)
			if i == 0 {
				first = out
				continue
			}
			if !slices.EqualFunc(out.Y.Data, first.Y.Data, sameBits) || *out.Act != *first.Act || fmt.Sprint(out.Notes) != fmt.Sprint(first.Notes) {
				t.Errorf("%s: GOMAXPROCS %d changes the result", text, procs)
			}
		}
	}
}

// TestWatch: what somebody looks at comes first, everything is told once it is final,
// and the outputs are the same.
func TestWatch(t *testing.T) {
	const m, n, k = 300, 200, 64
	f := layer.Forward{X: activations(1, 1, m, k), Weights: weight(t, 2, fp4.NVFP4, "modelopt", n, k), Mode: layer.W4A16, Arch: "sm90", Out: inspect.BF16}
	for name, be := range map[string]interface {
		Forward(context.Context, layer.Forward, layer.Progress) (layer.Output, error)
	}{"emu": Emu{}, "ref": Ref{}} {
		want := forward(t, be, f)
		look := layer.Rect{M0: 260, M1: 261, N0: 100, N1: 130}
		var mu sync.Mutex
		told, first := make([]int, m*n), -1
		seen := 0
		g := f
		g.Watch = &layer.Watch{First: look, Done: func(r layer.Rect, y []float32) {
			mu.Lock()
			defer mu.Unlock()
			seen++
			if !r.Overlaps(look) && first < 0 {
				first = seen
			}
			for i := r.M0; i < r.M1; i++ {
				for j := r.N0; j < r.N1; j++ {
					told[i*n+j]++
					if !sameBits(y[i*n+j], want.Y.Data[i*n+j]) {
						t.Fatalf("%s: y[%d,%d] is told as %v, it is %v", name, i, j, y[i*n+j], want.Y.Data[i*n+j])
					}
				}
			}
		}}
		old := runtime.GOMAXPROCS(1)
		forward(t, be, g)
		runtime.GOMAXPROCS(old)
		if first != 3 { // columns 100 to 129 lie in two tiles
			t.Errorf("%s: tile %d is the first that nobody looks at", name, first)
		}
		for i, c := range told {
			if c != 1 {
				t.Fatalf("%s: output %d was told %d times", name, i, c)
			}
		}
	}
}
