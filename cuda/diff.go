//go:build cuda && cgo && linux

package cuda

import (
	"fmt"
	"unsafe"

	"gorgonia.org/cu"

	"fp4tui/inspect"
	"fp4tui/inspect/layer"
)

// Diff compares two matrices of rows×cols float32 in cells of 64 by 64 and returns levels of
// cells: each has half the rows and columns of the one before, rounded up, the last is one
// cell. No command calls it: the outputs of gemm against= are on the device, where Compare
// runs the same kernels, diff and pyramid, and matrices of a session are in memory here, where
// package exec/compare takes them. It is for a program that holds an Engine, and its test is
// that of the kernels. Errors are an *inspect.Fault of class ErrMismatch, and those of Run.
func (e *Engine) Diff(a, b []float32, rows, cols int) (levels [][]layer.Cell, err error) {
	if rows <= 0 || cols <= 0 || len(a) != rows*cols || len(b) != len(a) {
		return nil, &inspect.Fault{Class: inspect.ErrMismatch, Offset: -1, What: fmt.Sprintf("%d and %d values for %d×%d", len(a), len(b), rows, cols)}
	}
	err = e.on(func(s *scope) error {
		pa, err := upload(s, a)
		if err != nil {
			return err
		}
		pb, err := upload(s, b)
		if err != nil {
			return err
		}
		g, err := s.grid(int64(rows), int64(cols))
		if err != nil {
			return err
		}
		if err = e.diff(g, 0, pa, pb, int64(rows), int64(cols), inspect.F32); err != nil {
			return err
		}
		for {
			cells, err := readAs[layer.Cell](g.cells)
			if err != nil {
				return err
			}
			levels = append(levels, cells)
			if g.down*g.across == 1 {
				return nil
			}
			if g, err = e.halve(s, g); err != nil {
				return err
			}
		}
	})
	return levels, err
}

// grid is a level of cells on the device.
type grid struct {
	down, across int64
	cells        output
}

const cellBytes = int64(unsafe.Sizeof(layer.Cell{}))

// grid is room for the cells of a matrix.
func (s *scope) grid(rows, cols int64) (g grid, err error) {
	g.down, g.across = (rows+layer.CellStep-1)/layer.CellStep, (cols+layer.CellStep-1)/layer.CellStep
	g.cells, err = s.output(g.down * g.across * cellBytes)
	return g, err
}

// diff compares rows of two matrices of an output type into a grid, whose row of cells
// `first` they begin.
func (e *Engine) diff(g grid, first int64, a, b cu.DevicePtr, rows, cols int64, out inspect.DType) error {
	to, kind := g.cells.at()+cu.DevicePtr(first*g.across*cellBytes), outKinds[out]
	params := append(pointers(&a, &b, &to), pointers(&rows, &cols, &kind)...)
	return e.launch(anyImage, "diff", int(g.across), int((rows+layer.CellStep-1)/layer.CellStep), 256, params, g.cells)
}

// halve joins cells two by two in both directions.
func (e *Engine) halve(s *scope, g grid) (half grid, err error) {
	half.down, half.across = (g.down+1)/2, (g.across+1)/2
	if half.cells, err = s.output(half.down * half.across * cellBytes); err != nil {
		return half, err
	}
	from, to := g.cells.at(), half.cells.at()
	params := append(pointers(&from, &to), pointers(&g.down, &g.across)...)
	return half, e.launch(anyImage, "pyramid", int((half.down*half.across+255)/256), 1, 256, params, half.cells)
}
