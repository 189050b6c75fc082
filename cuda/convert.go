//go:build cuda && cgo && linux

package cuda

import (
	"fmt"
	"unsafe"

	"gorgonia.org/cu"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// on runs f on the device's thread with memory of its own.
func (e *Engine) on(f func(s *scope) error) error {
	err := e.Ready()
	if err == nil {
		e.do(func() {
			s := &scope{memory: &e.state.memory}
			defer s.close()
			err = f(s)
			e.settle(err)
		})
	}
	return err
}

// launch runs a kernel of an image and checks outputs. Parameters are eight bytes wide each.
func (e *Engine) launch(image, name string, gx, gy, threads int, params []unsafe.Pointer, outputs ...output) error {
	f, err := e.state.function(image, name, 0)
	if err != nil {
		return err
	}
	if err := f.Launch(gx, gy, 1, threads, 1, 1, 0, cu.NoStream, params); err != nil {
		return driverError("cuLaunchKernel "+name, err)
	}
	if err := cu.Synchronize(); err != nil {
		return lost("cuCtxSynchronize after "+name, err)
	}
	for _, o := range outputs {
		if err := o.check(name); err != nil {
			return err
		}
	}
	return nil
}

// Dequantize is code·scale·global in float32, in this order, of a matrix with whole blocks
// and the low nibble first.
func (e *Engine) Dequantize(b *fp4.Blocks) (y []float32, err error) {
	if err := b.Check(); err != nil {
		return nil, err
	}
	if b.Order != fp4.LowFirst || b.Cols%b.Block != 0 {
		return nil, &inspect.Fault{Class: inspect.ErrUnsupported, Offset: -1, What: "dequantizing on the GPU takes whole blocks, the low nibble first"}
	}
	bytes, block := int64(len(b.Codes)), int64(b.Block)
	if bytes == 0 {
		return nil, nil
	}
	var table [256]float32
	for i := range table {
		table[i] = b.ScaleType.Decode(uint16(i))
	}
	err = e.on(func(s *scope) error {
		var at [4]cu.DevicePtr
		var err error
		for i, put := range []func() (cu.DevicePtr, error){
			func() (cu.DevicePtr, error) { return upload(s, b.Codes) },
			func() (cu.DevicePtr, error) { return upload(s, b.Scales) },
			func() (cu.DevicePtr, error) { return upload(s, table[:]) },
			func() (cu.DevicePtr, error) { return upload(s, []float32{b.Global.Multiplier()}) },
		} {
			if at[i], err = put(); err != nil {
				return err
			}
		}
		out, err := s.output(bytes * 8)
		if err != nil {
			return err
		}
		to := out.at()
		params := append(pointers(&at[0], &at[1], &at[2], &at[3], &to), pointers(&bytes, &block)...)
		if err := e.launch(anyImage, "dequant", int((bytes+255)/256), 1, 256, params, out); err != nil {
			return err
		}
		y, err = readAs[float32](out)
		return err
	})
	return y, err
}

// Diff compares two matrices in cells of 64 by 64 and returns levels of cells: each has
// half the rows and columns of the one before, rounded up, the last is one cell.
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
