package exec

import (
	"fmt"
	"math"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// recipeOfDevice is the recipe that needs a GPU, fp4.FlashinferExact the one of the same rule
// that does not; deviceOfRecipe is the backend whose GPU it is.
const (
	recipeOfDevice = "flashinfer"
	deviceOfRecipe = "cuda"
)

// quantOnDevice quantizes by flashinfer's default rule on the GPU of backend=cuda. by and
// device are the kernel and where it ran. Errors are ErrNotReady without a GPU, *inspect.Fault of values that
// its kernels do not take and of the device, and ctx.Err().
func (c *call) quantOnDevice(x []float32, rows, cols int, opt fp4.QuantOptions) (b fp4.Blocks, by, device string, err error) {
	opt.Recipe = fp4.FlashinferExact // the global scale is one rule's
	job := layer.QuantJob{Format: opt.Format, Rows: rows, Cols: cols, Global: 1}
	if b.Global, err = fp4.GlobalOf(x, opt); err != nil {
		return b, "", "", err
	}
	if b.Global.Use != fp4.NoGlobal {
		job.Global = b.Global.Value
	}
	if job.X, err = bf16Words(x); err != nil {
		return b, "", "", err
	}
	if err := job.Check(); err != nil {
		return b, "", "", err
	}
	q, err := c.quantizer()
	if err != nil {
		return b, "", "", err
	}
	r, err := q.Quantize(c.ctx, job, c.progress)
	if err != nil {
		return b, "", "", err
	}
	b.Rows, b.Cols, b.Block, b.Order, b.ScaleType = rows, cols, job.Block(), fp4.LowFirst, fp4.E4M3
	if opt.Format == fp4.MXFP4 {
		b.ScaleType = fp4.E8M0
	}
	b.Codes, b.Scales = r.Codes, r.Scales
	return b, r.Kernel, r.Device, b.Check()
}

// quantizer is the GPU of backend=cuda, ready.
func (c *call) quantizer() (Quantizer, error) {
	refuse := func(why string) error {
		return fmt.Errorf("%w: %w", ErrNotReady, &inspect.Fault{Class: inspect.ErrUnsupported, Offset: -1, What: "recipe=" + recipeOfDevice + " needs a GPU: its approximate reciprocal is the device's own",
			Why: why, Cure: "recipe=" + fp4.FlashinferExact + " has the same rule with IEEE division, on the CPU; fp4tui doctor says what a GPU lacks here"})
	}
	be, known := c.s.backend(deviceOfRecipe)
	q, able := be.(Quantizer)
	if !known || !able {
		return nil, refuse("there is no backend that quantizes")
	}
	if err := c.ready(be); err != nil {
		if c.ctx.Err() != nil {
			return nil, c.ctx.Err()
		}
		return nil, refuse(reason(err))
	}
	return q, nil
}

// bf16Words are values as the words of bf16 numbers, which they have to be. A NaN keeps its
// sign.
func bf16Words(x []float32) ([]uint16, error) {
	words := make([]uint16, len(x))
	other := 0
	for i, v := range x {
		bits := math.Float32bits(v)
		words[i] = uint16(bits >> 16)
		switch {
		case v != v:
			words[i] |= 0x40
		case bits&0xffff != 0:
			other++
		}
	}
	if other > 0 {
		return nil, &inspect.Fault{Class: inspect.ErrUnsupported, Offset: -1, What: fmt.Sprintf("%d of %d values are no bf16 numbers", other, len(x)),
			Why: "recipe=" + recipeOfDevice + " quantizes bf16 words", Cure: "recipe=" + fp4.FlashinferExact + ", or a tensor in bf16"}
	}
	return words, nil
}
