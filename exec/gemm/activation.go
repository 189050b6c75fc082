package gemm

import (
	"context"
	"fmt"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// recipes that quantize activations in front of an FP4 instruction. NVFP4: the
// kernel of flashinfer and TransformerEngine with IEEE division. MXFP4: scales
// rounded up (RCEIL), the rule of flashinfer and of cuBLAS, in torchao's arithmetic.
var activationRecipe = map[string]string{fp4.NVFP4: "flashinfer-exact", fp4.MXFP4: "torchao"}

// quantizeX quantizes the activations of w4a4 in the format of the weight; the
// notes name blocks that were lost to an unfit global scale. M is at least 1.
func (p *problem) quantizeX(ctx context.Context, format string) (*fp4.Blocks, []string, error) {
	opt := fp4.QuantOptions{Recipe: activationRecipe[format], Format: format, InputBF16: p.X.DType == inspect.BF16}
	var notes []string
	if format == fp4.NVFP4 {
		var err error
		if opt.Global, err = p.actGlobal(); err != nil {
			return nil, nil, err
		}
	} else if p.Act != layer.ActDynamic && p.Act != layer.ActUnit {
		notes = append(notes, "mxfp4 activations have no global scale: act= has no effect")
	}
	b, err := quantizeRows(ctx, p.X.Data, p.M, p.K, opt)
	if err != nil {
		return nil, nil, err
	}
	return b, append(notes, p.blockNotes(b)...), nil
}

// quantizeRows is fp4.Quantize in parallel and with an ear for ctx: the global
// scale of the whole of x first, then slices of rows under that scale.
func quantizeRows(ctx context.Context, x []float32, rows, cols int, opt fp4.QuantOptions) (*fp4.Blocks, error) {
	// The recipe's own rule for the global scale of this amax, and all but the sizes.
	probe := make([]float32, 32)
	probe[0] = fp4.Amax(x)
	whole, err := fp4.Quantize(probe, 1, len(probe), opt)
	if err != nil {
		return nil, fmt.Errorf("x: %w", err)
	}
	if whole.Global.Use != fp4.NoGlobal {
		opt.Global = fp4.GlobalPolicy{Kind: fp4.GlobalGiven, Value: whole.Global.Value}
	}
	whole.Rows, whole.Cols = rows, cols
	whole.Codes = make([]byte, rows*(cols/2))
	whole.Scales = make([]byte, rows*whole.ScaleCols())
	err = eachRows(ctx, rows, cols, func(r0, r1 int) error {
		b, err := fp4.Quantize(x[r0*cols:r1*cols], r1-r0, cols, opt)
		if err != nil {
			return fmt.Errorf("x: %w", err)
		}
		copy(whole.Codes[r0*(cols/2):], b.Codes)
		copy(whole.Scales[r0*whole.ScaleCols():], b.Scales)
		return nil
	})
	return &whole, err
}

// actGlobal is the encode scale g of the activations (x is multiplied by g before
// its block scales are taken; flashinfer's convention, so it divides when decoding).
func (p *problem) actGlobal() (fp4.GlobalPolicy, error) {
	given := func(g float32) (fp4.GlobalPolicy, error) {
		if !(g > 0) || g-g != 0 {
			return fp4.GlobalPolicy{}, fault(inspect.ErrUnsupported, fmt.Sprintf("activation global scale %v", g),
				"it has to be positive and finite", "act=dynamic")
		}
		return fp4.GlobalPolicy{Kind: fp4.GlobalGiven, Value: g}, nil
	}
	switch p.Act {
	case layer.ActDynamic:
		return fp4.GlobalPolicy{Kind: fp4.GlobalDynamic}, nil
	case layer.ActUnit:
		return given(1)
	case layer.ActValue:
		return given(p.ActVal)
	case layer.ActInvWeight:
		// The encode scale of the weight, inverted and taken for that of x. For a
		// stored divisor that is 1/value, for a stored multiplier the value.
		return given(p.w.Global.Multiplier())
	case layer.ActStatic:
		l := p.Weights.Layer
		if l == nil || l.Input.Use == fp4.NoGlobal {
			return fp4.GlobalPolicy{}, fault(inspect.ErrMissing, "act=static needs an input global scale",
				"this weight has none stored", "act=dynamic")
		}
		if l.Input.Use == fp4.Divides {
			return given(l.Input.Value)
		}
		return given(1 / l.Input.Value)
	}
	return fp4.GlobalPolicy{}, fault(inspect.ErrMismatch, "mode=w4a4 without a policy for activations",
		"w4a4 quantizes x", "act=dynamic, or mode=w4a16")
}

// blockNotes counts activation blocks whose scale came out NaN, zero or at its limit.
func (p *problem) blockNotes(b *fp4.Blocks) []string {
	count := countScales(b)
	flushed := 0
	if count[fp4.Zero] > 0 {
		for i, s := range b.Scales {
			if b.ScaleType.Class(uint16(s)) == fp4.Zero && fp4.Amax(p.X.Data[i*b.Block:(i+1)*b.Block]) != 0 {
				flushed++
			}
		}
	}
	var notes []string
	add := func(n int, what string) {
		if n > 0 {
			notes = append(notes, fmt.Sprintf("%d of %d activation block scales %s", n, len(b.Scales), what))
		}
	}
	add(count[fp4.NaN], "are NaN: their rows of y are NaN")
	add(flushed, "rounded to zero: those blocks of x are lost")
	if p.Act != layer.ActDynamic {
		add(count[fp4.Saturated], "are saturated: larger values of x are clipped")
	}
	return notes
}
