package layer

import (
	"errors"
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
