package gemm

import (
	"context"
	"fmt"
	"math"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// recipes that quantize activations in front of an FP4 instruction. NVFP4: the
// kernel of flashinfer and TransformerEngine with IEEE division. MXFP4: scales
// rounded up (RCEIL), the rule of flashinfer and of cuBLAS, in torchao's arithmetic.
var activationRecipe = map[string]string{fp4.NVFP4: fp4.FlashinferExact, fp4.MXFP4: "torchao"}

// quantizeX quantizes the activations of w4a4 in the format of the weight and fills in
// what out says of them, alpha's factor of x and a note on blocks that an unfit global
// scale lost. M is at least 1.
func (p *problem) quantizeX(ctx context.Context, format string, out *layer.Output) error {
	opt := fp4.QuantOptions{Recipe: activationRecipe[format], Format: format, InputBF16: p.X.DType == inspect.BF16}
	var from layer.Factor
	if format == fp4.NVFP4 {
		var err error
		if opt.Global, from, err = p.actGlobal(); err != nil {
			return err
		}
	} else {
		if p.ActPer != layer.ActPerTensor {
			return fault(inspect.ErrUnsupported, fmt.Sprintf("%s activations with a global scale per %s", format, p.ActPer),
				"their block scales are all they have", "actper=tensor")
		}
		if p.Act != layer.ActDynamic && p.Act != layer.ActUnit {
			out.Notes = append(out.Notes, "mxfp4 activations have no global scale: act= has no effect")
		}
	}
	var err error
	if p.ActPer == layer.ActPerToken {
		out.XBlocks, out.XGlobals, err = quantizeTokens(ctx, p.X.Data, p.M, p.K, opt)
	} else {
		out.XBlocks, err = quantizeRows(ctx, p.X.Data, p.M, p.K, opt)
	}
	if err != nil {
		return err
	}
	if g := out.XBlocks.Global; g.Use != fp4.NoGlobal {
		if from.Scale.Use == fp4.NoGlobal {
			from.Scale = g
		}
		out.Factors = append(out.Factors, from)
	}
	if out.Act, err = p.actReport(ctx, out); err != nil {
		return err
	}
	out.Notes = append(out.Notes, actNotes(out.Act)...)
	return nil
}

// quantizeRows is fp4.Quantize in parallel and with an ear for ctx: the global
// scale of the whole of x first, then slices of rows under that scale.
func quantizeRows(ctx context.Context, x []float32, rows, cols int, opt fp4.QuantOptions) (*fp4.Blocks, error) {
	// The recipe's own rule for the global scale of this amax, and all but the sizes.
	whole, err := blank(fp4.Amax(x), rows, cols, opt)
	if err != nil {
		return nil, err
	}
	if whole.Global.Use != fp4.NoGlobal {
		opt.Global = fp4.GlobalPolicy{Kind: fp4.GlobalGiven, Value: whole.Global.Value}
	}
	err = eachRows(ctx, rows, cols, func(r0, r1 int) error {
		b, err := fp4.Quantize(x[r0*cols:r1*cols], r1-r0, cols, opt)
		if err != nil {
			return fmt.Errorf("x: %w", err)
		}
		copy(whole.Codes[r0*(cols/2):], b.Codes)
		copy(whole.Scales[r0*whole.ScaleCols():], b.Scales)
		return nil
	})
	return whole, err
}

// quantizeTokens is quantizeRows with a global scale for each row: every row as if it
// were all of x. The blocks' own global scale is NaN.
func quantizeTokens(ctx context.Context, x []float32, rows, cols int, opt fp4.QuantOptions) (*fp4.Blocks, []float32, error) {
	whole, err := blank(1, rows, cols, opt)
	if err != nil {
		return nil, nil, err
	}
	whole.Global.Value = float32(math.NaN())
	globals := make([]float32, rows)
	err = eachRows(ctx, rows, cols, func(r0, r1 int) error {
		for r := r0; r < r1; r++ {
			b, err := fp4.Quantize(x[r*cols:(r+1)*cols], 1, cols, opt)
			if err != nil {
				return fmt.Errorf("x: %w", err)
			}
			copy(whole.Codes[r*(cols/2):], b.Codes)
			copy(whole.Scales[r*whole.ScaleCols():], b.Scales)
			globals[r] = b.Global.Value
		}
		return nil
	})
	return whole, globals, err
}

// blank is a quantized matrix of some amax before its codes and block scales are there.
func blank(amax float32, rows, cols int, opt fp4.QuantOptions) (*fp4.Blocks, error) {
	probe := make([]float32, 32)
	probe[0] = amax
	b, err := fp4.Quantize(probe, 1, len(probe), opt)
	if err != nil {
		return nil, fmt.Errorf("x: %w", err)
	}
	b.Rows, b.Cols = rows, cols
	b.Codes = make([]byte, rows*(cols/2))
	b.Scales = make([]byte, rows*b.ScaleCols())
	return &b, nil
}

// actGlobal is the encode scale g of the activations (x is multiplied by g before
// its block scales are taken; flashinfer's convention, so it divides when decoding),
// and where it came from. A factor without a direction takes the scale that
// quantization chooses.
func (p *problem) actGlobal() (fp4.GlobalPolicy, layer.Factor, error) {
	if p.ActPer == layer.ActPerToken && p.Act != layer.ActDynamic {
		return fp4.GlobalPolicy{}, layer.Factor{}, fault(inspect.ErrUnsupported, "a fixed activation scale per token",
			"a scale per token is that of the token's own amax", "act=dynamic, or actper=tensor")
	}
	from := layer.Factor{Name: "x.global"}
	var stored fp4.GlobalScale
	switch p.Act {
	case layer.ActDynamic:
		from.Origin = "448·6/amax(x)"
		if p.ActPer == layer.ActPerToken {
			from.Origin = "448·6/amax of each row of x"
		}
		return fp4.GlobalPolicy{Kind: fp4.GlobalDynamic}, from, nil
	case layer.ActUnit:
		from.Origin, stored = "unit: block scales alone", fp4.GlobalScale{Use: fp4.Divides, Value: 1}
	case layer.ActValue:
		from.Origin, stored = "given", fp4.GlobalScale{Use: fp4.Divides, Value: p.ActVal}
	case layer.ActInvWeight:
		// The encode scale of the weight, inverted and taken for that of x. For a
		// stored divisor that is 1/value, for a stored multiplier the value.
		w := p.weightFactor()
		from.Origin, from.Tensor, from.File = "1/weight: invented from the weight's global scale", w.Tensor, w.File
		stored = fp4.GlobalScale{Use: fp4.Divides, Value: p.w.Global.Multiplier()}
	case layer.ActStatic:
		f, err := p.inputFactor()
		if err != nil {
			return fp4.GlobalPolicy{}, from, err
		}
		from, stored = f, f.Scale
	default:
		return fp4.GlobalPolicy{}, from, fault(inspect.ErrMismatch, "mode=w4a4 without a policy for activations",
			"w4a4 quantizes x", "act=dynamic, or mode=w4a16")
	}
	from.Scale = stored
	g := stored.Value
	if stored.Use == fp4.Multiplies {
		g = 1 / stored.Value
	}
	if !(g > 0) || g-g != 0 {
		return fp4.GlobalPolicy{}, from, unusable(from)
	}
	return fp4.GlobalPolicy{Kind: fp4.GlobalGiven, Value: g}, from, nil
}

// unusable refuses a scale of the activations that is not positive and finite, or whose
// reciprocal is not; it names the tensor that it was read from.
func unusable(from layer.Factor) error {
	rule := "it has to be positive and finite"
	if from.Scale.Use == fp4.Multiplies {
		rule = "it and its reciprocal have to be positive and finite"
	}
	f := &inspect.Fault{Class: inspect.ErrUnsupported, File: from.File, Tensor: from.Tensor, Offset: -1,
		What: fmt.Sprintf("activation global scale %v", from.Scale.Value),
		Why:  fmt.Sprintf("%s; a %s, %s", rule, from.Scale.Use, from.Origin), Cure: "act=dynamic"}
	if from.Tensor != "" {
		f.Cure += " runs without it; calibrate the layer and export it again"
	}
	return f
}

// inputFactor is the stored scale of the activations.
func (p *problem) inputFactor() (layer.Factor, error) {
	if p.Input != nil {
		return *p.Input, nil
	}
	l := p.Weights.Layer
	if l == nil || l.Input.Use == fp4.NoGlobal {
		return layer.Factor{}, fault(inspect.ErrMissing, "act=static needs an input global scale",
			"static: no source tensor; this weight has none stored", "act=dynamic")
	}
	f := layer.Factor{Name: "x.global", Scale: l.Input, Origin: "stored"}
	if e := l.Parts.Input; e != nil {
		f.Tensor, f.File = e.Name, e.File.Path
	} else {
		f.Origin = "static: no source tensor"
	}
	return f, nil
}

// actNotes name activation blocks whose scale came out NaN, zero or at its limit.
func actNotes(r *layer.ActReport) []string {
	var notes []string
	add := func(n int64, what string) {
		if n > 0 {
			notes = append(notes, fmt.Sprintf("%d of %d activation block scales %s", n, r.Blocks, what))
		}
	}
	add(r.NaNScale, "are NaN: their rows of y are NaN")
	add(r.Lost, "rounded to zero: those blocks of x are lost")
	if r.Clipped > 0 {
		add(r.Saturated, "are saturated: larger values of x are clipped")
	}
	return notes
}
