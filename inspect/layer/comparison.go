package layer

import (
	"fmt"
	"math"

	"fp4tui/inspect"
)

// Comparison is how two kernels or backends differ on a product of M×N outputs: cells of
// outputs instead of the outputs. A device makes it of two of its kernels, Compare of what is
// at hand.
type Comparison struct {
	Kernels [2]string // what ran, as in JobResult: got, want
	Device  string    // that both ran on and were compared on; empty: Compare made it
	Rows    int       // of cells: ceil(M/Step)
	Cols    int
	Step    int    // a cell has Step × Step outputs, fewer at the ends; a power of two
	Cells   []Cell // row-major
	Notes   []string
}

// Cell is what is known of the outputs of a part of a matrix. An output where either side is
// NaN is in NaN and, if the words differ, in Different; it has no share in the other
// numbers. Sums are added in a fixed order in float32.
type Cell struct {
	Largest   float32 // |got-want|
	Squares   float32 // sum of (got-want)²
	Norm      float32 // sum of want²
	Different uint32  // words that are not the same
	NaN       uint32
	Unwritten uint32 // words that a kernel did not write
}

// CellStep is the side of the smallest cell, MaxCells how many a comparison has at most:
// above that a device joins two by two.
const (
	CellStep = 64
	MaxCells = 1 << 16
)

// Grid is how many rows and columns of cells a matrix has, and the side of one: the smallest
// with which they are no more than MaxCells.
func Grid(m, n int) (rows, cols, step int) {
	for step = CellStep; ; step *= 2 {
		rows, cols = (m+step-1)/step, (n+step-1)/step
		if rows*cols <= MaxCells {
			return rows, cols, step
		}
	}
}

// Check compares a comparison with the shape of its job, and its cells with what any outputs
// can have. The error is an *inspect.Fault of class ErrMismatch.
func (c *Comparison) Check(m, n int) error {
	rows, cols, step := Grid(m, n)
	if c.Rows != rows || c.Cols != cols || c.Step != step || len(c.Cells) != rows*cols {
		return &inspect.Fault{Class: inspect.ErrMismatch, Offset: -1, What: fmt.Sprintf("%d cells of %d×%d with side %d", len(c.Cells), c.Rows, c.Cols, c.Step),
			Why: fmt.Sprintf("outputs of %d×%d have %d×%d of side %d", m, n, rows, cols, step)}
	}
	for i, cell := range c.Cells {
		row, col := i/cols*step, i%cols*step
		if outputs := int64(min(step, m-row)) * int64(min(step, n-col)); !cell.possible(outputs) {
			return &inspect.Fault{Class: inspect.ErrMismatch, Offset: -1, What: fmt.Sprintf("no outputs make the cell at [%d,%d]", row, col),
				Why: fmt.Sprintf("it has %d: %d words differ, %d NaN, %d unwritten, largest difference %g, sums %g and %g", outputs, cell.Different, cell.NaN, cell.Unwritten, cell.Largest, cell.Squares, cell.Norm)}
		}
	}
	return nil
}

// possible says whether so many outputs can have made the cell.
func (c *Cell) possible(outputs int64) bool {
	counts := int64(max(c.Different, c.NaN, c.Unwritten)) <= outputs
	signs := c.Largest >= 0 && c.Squares >= 0 && c.Norm >= 0 // of NaN, too, which no sum of outputs is
	return counts && signs && (c.Different > 0 || c.Largest == 0 && c.Squares == 0)
}

// Compare makes the cells of two outputs of M×N values of a type, row-major, that are both
// at hand.
func Compare(got, want []float32, m, n int, out inspect.DType) Comparison {
	c := Comparison{}
	c.Rows, c.Cols, c.Step = Grid(m, n)
	c.Cells = make([]Cell, c.Rows*c.Cols)
	for row := range m {
		cells := c.Cells[row/c.Step*c.Cols:]
		for col := range n {
			cells[col/c.Step].add(got[row*n+col], want[row*n+col], out)
		}
	}
	return c
}

// add takes one output in.
func (c *Cell) add(got, want float32, out inspect.DType) {
	same := math.Float32bits(got) == math.Float32bits(want)
	if !same {
		c.Different++
	}
	if Unwritten(got, out) || Unwritten(want, out) {
		c.Unwritten++
	}
	if got != got || want != want {
		c.NaN++
		return
	}
	c.Norm += float32(want * want)
	if !same { // infinities of one sign have no difference
		d := float32(math.Abs(float64(got - want)))
		c.Largest = max(c.Largest, d)
		c.Squares += float32(d * d)
	}
}
