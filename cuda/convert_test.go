//go:build cuda && cgo && linux

package cuda_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"fp4tui/cuda"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

func TestDequantize(t *testing.T) {
	e := engine(t, cuda.Options{})
	r := rand.New(rand.NewPCG(9, 10))
	for _, s := range []struct {
		format fp4.Format
		block  int
	}{{fp4.E4M3, 16}, {fp4.E8M0, 32}} {
		b := fp4.Blocks{Rows: 33, Cols: 256, Block: s.block, ScaleType: s.format, Codes: make([]byte, 33*128), Scales: make([]byte, 33*256/s.block),
			Global: fp4.GlobalScale{Use: fp4.Multiplies, Value: 0.37}}
		for i := range b.Codes {
			b.Codes[i] = byte(r.Uint32())
		}
		for i := range b.Scales {
			b.Scales[i] = byte(i)
		}
		got, err := e.Dequantize(&b)
		if err != nil {
			t.Fatal(err)
		}
		for i, g := range got {
			row, col := i/b.Cols, i%b.Cols
			want := float32(float32(fp4.DecodeE2M1(b.Code(row, col))*s.format.Decode(uint16(b.Scale(row, col)))) * 0.37)
			if math.Float32bits(g) != math.Float32bits(want) && !(g != g && want != want) {
				t.Fatalf("%s: value %d is %g, must be %g", s.format, i, g, want)
			}
		}
	}
}

func TestDiff(t *testing.T) {
	e := engine(t, cuda.Options{})
	r := rand.New(rand.NewPCG(11, 12))
	const rows, cols = 200, 333
	a, b := make([]float32, rows*cols), make([]float32, rows*cols)
	different, largest, squares, norm := uint32(0), float32(0), 0.0, 0.0
	for i := range a {
		a[i] = float32(r.NormFloat64())
		b[i] = a[i]
		if r.IntN(10) == 0 {
			b[i] += float32(r.NormFloat64()) / 64
		}
		d := float32(math.Abs(float64(a[i] - b[i])))
		squares += float64(d) * float64(d)
		norm += float64(b[i]) * float64(b[i])
		largest = max(largest, d)
		if a[i] != b[i] {
			different++
		}
	}
	levels, err := e.Diff(a, b, rows, cols)
	if err != nil {
		t.Fatal(err)
	}
	if len(levels) != 4 || len(levels[0]) != 4*6 || len(levels[1]) != 2*3 || len(levels[2]) != 2 || len(levels[3]) != 1 {
		t.Fatalf("%d levels", len(levels))
	}
	for i, level := range levels {
		var sum layer.Cell
		s, n := 0.0, 0.0
		for _, c := range level {
			sum.Largest = max(sum.Largest, c.Largest)
			sum.Different += c.Different
			sum.NaN += c.NaN + c.Unwritten
			s += float64(c.Squares)
			n += float64(c.Norm)
		}
		if sum.Largest != largest || sum.Different != different || sum.NaN != 0 || math.Abs(s/squares-1) > 1e-6 || math.Abs(n/norm-1) > 1e-6 {
			t.Errorf("level %d: %v %g %g, must be %g %g %g %d", i, sum, s, n, largest, squares, norm, different)
		}
	}
	inf, at := float32(math.Inf(1)), 70*cols+100 // in cell 1,1
	b[at], a[at+1], b[at+1], a[at+2], b[at+2], b[at+3] = float32(math.NaN()), inf, inf, inf, -inf, math.Float32frombits(0xffffffff)
	if levels, err = e.Diff(a, b, rows, cols); err != nil {
		t.Fatal(err)
	}
	for _, c := range []layer.Cell{levels[0][1*6+1], levels[3][0]} {
		if c.NaN != 2 || c.Unwritten != 1 || !math.IsInf(float64(c.Largest), 1) || c.Different < 3 {
			t.Errorf("NaN and infinities: %+v", c)
		}
	}
}
