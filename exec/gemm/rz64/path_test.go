package rz64

import (
	"errors"
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"fp4tui/inspect/fp4"
)

// TestEveryWayIsTaken makes sure that the comparisons of this package reach the float32
// sums, the float64 ones, the refusal of both, and the definition.
func TestEveryWayIsTaken(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for _, path := range Paths() {
		if path == Portable {
			continue
		}
		counted := *path.info()
		var tile, wide [3]int
		counted.tile = func(c *tileCall) status {
			s := path.info().tile(c)
			tile[s]++
			return s
		}
		counted.wide = func(c *tileCall) status {
			s := path.info().wide(c)
			wide[s]++
			return s
		}
		for _, kind := range kinds {
			for _, e8m0 := range []bool{false, true} {
				x, w := operand(r, 16, 640, 16, e8m0, kind, fp4.LowFirst), operand(r, 64, 640, 16, e8m0, "layer", fp4.LowFirst)
				p, err := NewOn(path, x, w)
				if err != nil {
					t.Fatal(err)
				}
				p.path = &counted
				for start := range 2 {
					p.NewWorker().Run(0, 16, 0, 64, 0, p.Steps(), starts(r, start, 16*64), nil)
				}
			}
		}
		if tile[done] == 0 || tile[inexact] == 0 || tile[outside] == 0 || wide[done] == 0 || wide[outside] == 0 || wide[inexact] != 0 {
			t.Errorf("%s: float32 sums done, inexact, outside %v, float64 sums %v", path, tile, wide)
		}
	}
}

// TestControlWord checks that the direction of rounding is the caller's again after
// every end of every vector function.
func TestControlWord(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	third := float32(1)
	for _, path := range Paths() {
		for _, kind := range kinds {
			x, w := operand(r, 9, 256, 32, true, kind, fp4.LowFirst), operand(r, 33, 256, 32, true, "layer", fp4.LowFirst)
			run(t, path, x, w, starts(r, 1, 9*33), []int{0, 9}, []int{0, 33}, []int{0, 4})
			for _, c := range []struct{ y, want float32 }{{3, 0x1.555556p-2}, {-3, -0x1.555556p-2}, {1.5, 0x1.555556p-1}} {
				if got := third / c.y; got != c.want {
					t.Fatalf("after %s on %s: 1/%g is %x, want %x", path, kind, c.y, got, c.want)
				}
			}
			if tiny := math.SmallestNonzeroFloat32 * third; float32(tiny)/2*2 == float32(tiny) {
				t.Fatalf("after %s on %s: half of the smallest float32 is not zero", path, kind)
			}
		}
	}
}

// TestWorkersShareAProduct runs many workers at once; the race detector watches.
func TestWorkersShareAProduct(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	x, w := operand(r, 24, 320, 16, false, "outlier", fp4.LowFirst), operand(r, 96, 320, 16, false, "zero", fp4.HighFirst)
	want, _, _ := run(t, Portable, x, w, make([]float32, 24*96), []int{0, 24}, []int{0, 96}, []int{0, 5})
	p, err := New(x, w)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			c := make([]float32, len(want))
			p.NewWorker().Run(0, 24, 0, 96, 0, p.Steps(), c, nil)
			if at := same(c, want); at >= 0 {
				t.Errorf("c[%d] = %g, want %g", at, c[at], want[at])
			}
		})
	}
	wg.Wait()
}

// TestErrors makes each error once.
func TestErrors(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 16))
	good := operand(r, 4, 64, 16, false, "layer", fp4.LowFirst)
	change := func(f func(*fp4.Blocks)) *fp4.Blocks {
		b := *good
		f(&b)
		return &b
	}
	for _, c := range []struct {
		name string
		x, w *fp4.Blocks
		path Path
		want error
	}{
		{"block", change(func(b *fp4.Blocks) { b.Block = 64 }), good, Portable, ErrOperand},
		{"odd K", good, change(func(b *fp4.Blocks) { b.Cols = 63 }), Portable, ErrOperand},
		{"short codes", good, change(func(b *fp4.Blocks) { b.Codes = b.Codes[1:] }), Portable, ErrOperand},
		{"short scales", good, change(func(b *fp4.Blocks) { b.Scales = b.Scales[1:] }), Portable, ErrOperand},
		{"scale type", good, change(func(b *fp4.Blocks) { b.ScaleType = fp4.BF16 }), Portable, ErrOperand},
		{"K", good, operand(r, 4, 128, 16, false, "layer", fp4.LowFirst), Portable, ErrMismatch},
		{"scales differ", good, operand(r, 4, 64, 16, true, "layer", fp4.LowFirst), Portable, ErrMismatch},
		{"blocks differ", good, operand(r, 4, 64, 32, false, "layer", fp4.LowFirst), Portable, ErrMismatch},
		{"no such path", good, good, 99, ErrPath},
	} {
		if _, err := NewOn(c.path, c.x, c.w); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

// TestEmpty runs nothing: no rows, no columns, no K, no instructions.
func TestEmpty(t *testing.T) {
	r := rand.New(rand.NewPCG(17, 18))
	for _, s := range []struct{ m, n, k int }{{0, 4, 64}, {4, 0, 64}, {4, 4, 0}} {
		x, w := operand(r, s.m, s.k, 16, false, "layer", fp4.LowFirst), operand(r, s.n, s.k, 16, false, "layer", fp4.LowFirst)
		for _, path := range Paths() {
			run(t, path, x, w, make([]float32, s.m*s.n), []int{0, s.m}, []int{0, s.n}, []int{0, (s.k + 63) / 64})
		}
	}
	x := operand(r, 1, 64, 16, false, "layer", fp4.LowFirst)
	p, err := New(x, x)
	if err != nil {
		t.Fatal(err)
	}
	c := []float32{math.Float32frombits(0xff812345)}
	if p.NewWorker().Run(0, 1, 0, 1, 1, 1, c, nil); math.Float32bits(c[0]) != 0xff812345 {
		t.Errorf("no instruction changed c to %08x", math.Float32bits(c[0]))
	}
}

// FuzzPaths compares all paths on operands and accumulators made of the fuzzer's bytes.
func FuzzPaths(f *testing.F) {
	r := rand.New(rand.NewPCG(19, 20))
	for i := range 16 {
		data := make([]byte, 700)
		for j := range data {
			data[j] = byte(r.Uint32())
		}
		f.Add(data, uint8(i), uint8(3*i), uint8(40+i), i%2 == 0)
	}
	f.Fuzz(func(t *testing.T, data []byte, m, n, k uint8, e8m0 bool) {
		rows, cols, depth := int(m%18), int(n%70), 2*int(k)
		next := func(size int) []byte {
			b := make([]byte, size)
			for i := range b {
				if len(data) > 0 {
					b[i] = data[i%len(data)] + byte(i/len(data))
				}
			}
			if len(data) > 0 {
				data = append(data[size%len(data):], data[:size%len(data)]...)
			}
			return b
		}
		block, scale := 16, fp4.E4M3
		if e8m0 {
			block, scale = 32, fp4.E8M0
		}
		matrix := func(rows int) *fp4.Blocks {
			b := &fp4.Blocks{Rows: rows, Cols: depth, Block: block, ScaleType: scale}
			b.Scales, b.Codes = next(rows*b.ScaleCols()), next(rows*depth/2)
			return b
		}
		x, w := matrix(rows), matrix(cols)
		words := next(4 * rows * cols)
		var c0 []float32
		for i := 0; i < len(words); i += 4 {
			c0 = append(c0, math.Float32frombits(uint32(words[i])<<24|uint32(words[i+1])<<16|uint32(words[i+2])<<8|uint32(words[i+3])))
		}
		steps := []int{0, (depth + StepLen - 1) / StepLen}
		want, wantAbs, wantN := run(t, Portable, x, w, c0, []int{0, rows}, []int{0, cols}, steps)
		for _, path := range Paths() {
			c, abs, n := run(t, path, x, w, c0, []int{0, rows}, []int{0, cols}, steps)
			if at := same(c, want); at >= 0 {
				t.Fatalf("%s: c[%d] = %08x, want %08x", path, at, math.Float32bits(c[at]), math.Float32bits(want[at]))
			}
			if at := same(abs, wantAbs); at >= 0 {
				t.Fatalf("%s: abs[%d] = %g, want %g", path, at, abs[at], wantAbs[at])
			}
			if n != wantN {
				t.Fatalf("%s: %d disputed, want %d", path, n, wantN)
			}
		}
	})
}
