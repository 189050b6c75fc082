//go:build cuda && cgo && linux

package cuda

import (
	"gorgonia.org/cu"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
)

// Dequantize is code·scale·global in float32, in this order, of a matrix with whole blocks
// and the low nibble first, by the kernel dequant. No command calls it: what they show of a
// weight is read on the CPU, which has the codes. It is for a program that holds an Engine.
// Errors are *fp4.Error of a matrix that is none, *inspect.Fault of one that the kernel does
// not take, and those of Run.
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
