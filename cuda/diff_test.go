//go:build cuda && cgo && linux

package cuda_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"fp4tui/cuda"
	"fp4tui/inspect/layer"
)

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
