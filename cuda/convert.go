//go:build cuda && cgo && linux

package cuda

import (
	"fmt"
	"unsafe"

	"gorgonia.org/cu"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
)

// Cell is what Diff knows of a part of two tensors.
type Cell struct {
	Largest   float32 // |a-b|; NaN where some difference is
	Squares   float32 // sum of (a-b)², added in a fixed order
	Different uint32  // words that are not the same
	_         uint32
}

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

// launch runs a kernel of one thread an item and checks outputs. Parameters are eight bytes
// wide each.
func (e *Engine) launch(name string, gx, gy, threads int, params []unsafe.Pointer, outputs ...output) error {
	f, err := e.state.function(anyImage, name, 0)
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

// Quantize makes NVFP4 of bf16 words as flashinfer's default, fast, path does on this very
// GPU: with its approximate reciprocal. global is the encode scale, which divides; cols is a
// multiple of 16.
func (e *Engine) Quantize(x []uint16, rows, cols int, global float32) (b fp4.Blocks, err error) {
	if rows < 0 || cols < 0 || cols%16 != 0 || len(x) != rows*cols {
		return b, &inspect.Fault{Class: inspect.ErrMismatch, Offset: -1, What: fmt.Sprintf("%d words for %d×%d", len(x), rows, cols),
			Why: "columns come in blocks of 16"}
	}
	b = fp4.Blocks{Rows: rows, Cols: cols, Block: 16, ScaleType: fp4.E4M3, Global: fp4.GlobalScale{Use: fp4.Divides, Value: global}}
	blocks := int64(rows) * int64(cols) / 16
	if blocks == 0 {
		return b, nil
	}
	return b, e.on(func(s *scope) error {
		from, err := upload(s, x)
		if err != nil {
			return err
		}
		g, err := upload(s, []float32{global})
		if err != nil {
			return err
		}
		codes, err := s.output(blocks * 8)
		if err != nil {
			return err
		}
		scales, err := s.output(blocks)
		if err != nil {
			return err
		}
		c, sc := codes.at(), scales.at()
		params := append(pointers(&from, &c, &sc, &g), pointers(&blocks)...)
		if err := e.launch("quantize_nv", int((blocks+127)/128), 1, 128, params, codes, scales); err != nil {
			return err
		}
		if b.Codes, err = codes.read(); err != nil {
			return err
		}
		b.Scales, err = scales.read()
		return err
	})
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
		if err := e.launch("dequant", int((bytes+255)/256), 1, 256, params, out); err != nil {
			return err
		}
		y, err = readAs[float32](out)
		return err
	})
	return y, err
}

// readAs copies an output as values of a fixed size.
func readAs[T any](o output) ([]T, error) {
	var one T
	v := make([]T, o.n/int64(unsafe.Sizeof(one)))
	return v, driverError("cuMemcpyDtoH", cu.MemcpyDtoH(unsafe.Pointer(&v[0]), o.at(), o.n))
}

// Diff compares two matrices in cells of 64 by 64 and returns levels of cells: each has
// half the rows and columns of the one before, rounded up, the last is one cell.
func (e *Engine) Diff(a, b []float32, rows, cols int) (levels [][]Cell, err error) {
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
		r, c := int64(rows), int64(cols)
		down, across := (r+63)/64, (c+63)/64
		from := pa
		for first := true; ; first = false {
			h, w := down, across
			if !first {
				h, w = (down+1)/2, (across+1)/2
			}
			out, err := s.output(h * w * int64(unsafe.Sizeof(Cell{})))
			if err != nil {
				return err
			}
			to := out.at()
			if first {
				err = e.launch("diff", int(w), int(h), 256, append(pointers(&pa, &pb, &to), pointers(&r, &c)...), out)
			} else {
				err = e.launch("pyramid", int((h*w+255)/256), 1, 256, append(pointers(&from, &to), pointers(&down, &across)...), out)
			}
			if err != nil {
				return err
			}
			cells, err := readAs[Cell](out)
			if err != nil {
				return err
			}
			levels = append(levels, cells)
			from, down, across = to, h, w
			if h*w == 1 {
				return nil
			}
		}
	})
	return levels, err
}
