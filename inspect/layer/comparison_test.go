package layer

import (
	"errors"
	"math"
	"testing"

	"fp4tui/inspect"
)

func TestGrid(t *testing.T) {
	for _, c := range []struct{ m, n, rows, cols, step int }{
		{1, 1, 1, 1, 64}, {64, 65, 1, 2, 64}, {16384, 16384, 256, 256, 64}, {16385, 16384, 129, 128, 128}, {1 << 31, 1 << 31, 256, 256, 1 << 23}, {1 << 31, 1, 1 << 16, 1, 1 << 15},
	} {
		if rows, cols, step := Grid(c.m, c.n); rows != c.rows || cols != c.cols || step != c.step {
			t.Errorf("%d×%d: %d×%d of %d", c.m, c.n, rows, cols, step)
		}
	}
}

func TestComparisonCheck(t *testing.T) {
	good := Comparison{Rows: 2, Cols: 3, Step: 64, Cells: make([]Cell, 6)}
	if err := good.Check(128, 129); err != nil {
		t.Error(err)
	}
	for _, c := range []Comparison{{Rows: 3, Cols: 2, Step: 64, Cells: good.Cells}, {Rows: 2, Cols: 3, Step: 128, Cells: good.Cells}, {Rows: 2, Cols: 3, Step: 64, Cells: good.Cells[1:]}} {
		if err := c.Check(128, 129); !errors.Is(err, inspect.ErrMismatch) {
			t.Errorf("%dx%d of %d: %v", c.Rows, c.Cols, c.Step, err)
		}
	}
}

// TestComparisonCheckCells: cells that no outputs have are refused, the extremes that some have
// are not.
func TestComparisonCheckCells(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for i, c := range []struct {
		last Cell // of 3×2 outputs
		good bool
	}{
		{Cell{Largest: inf, Squares: inf, Norm: inf, Different: 6}, true}, {Cell{Different: 6, NaN: 6, Unwritten: 6}, true}, {Cell{Norm: 1}, true},
		{Cell{Different: 7}, false}, {Cell{NaN: 7}, false}, {Cell{Unwritten: 1 << 31}, false}, {Cell{Largest: nan, Different: 1}, false}, {Cell{Squares: nan, Different: 1}, false},
		{Cell{Norm: nan}, false}, {Cell{Norm: -1}, false}, {Cell{Largest: -1, Different: 1}, false}, {Cell{Largest: 1}, false}, {Cell{Squares: 1}, false},
	} {
		r := Comparison{Rows: 2, Cols: 2, Step: 64, Cells: []Cell{{Different: 64 * 64}, {}, {}, c.last}}
		if err := r.Check(67, 66); (err == nil) != c.good || err != nil && !errors.Is(err, inspect.ErrMismatch) {
			t.Errorf("%d: %v", i, err)
		}
	}
}

// TestCompare works a few cells out by hand.
func TestCompare(t *testing.T) {
	const m, n = 65, 130
	got, want := make([]float32, m*n), make([]float32, m*n)
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	got[0], want[0] = 3, 1
	got[1], want[1] = inf, inf
	got[n+70], want[n+70] = inf, -inf
	got[64*n], want[64*n] = nan, 2
	got[64*n+1], want[64*n+1] = nan, nan
	got[64*n+129] = math.Float32frombits(0xffff0000)
	want[2], got[2] = float32(math.Copysign(0, -1)), 0
	c := Compare(got, want, m, n, inspect.BF16)
	if err := c.Check(m, n); err != nil {
		t.Fatal(err)
	}
	for i, w := range []Cell{{Largest: 2, Squares: 4, Norm: inf, Different: 2}, {Largest: inf, Squares: inf, Norm: inf, Different: 1}, {},
		{Different: 1, NaN: 2}, {}, {Different: 1, NaN: 1, Unwritten: 1}} {
		if c.Cells[i] != w {
			t.Errorf("cell %d: %+v, must be %+v", i, c.Cells[i], w)
		}
	}
}
