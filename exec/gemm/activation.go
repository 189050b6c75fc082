package gemm

import (
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
func (p *problem) quantizeX(format string) (*fp4.Blocks, []string, error) {
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
	b, err := fp4.Quantize(p.X.Data, p.M, p.K, opt)
	if err != nil {
		return nil, nil, fmt.Errorf("x: %w", err)
	}
	return &b, append(notes, p.blockNotes(&b)...), nil
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

// blockNotes counts activation blocks whose scale came out zero or at its limit.
func (p *problem) blockNotes(b *fp4.Blocks) []string {
	flushed, saturated, nans := 0, 0, 0
	for i, s := range b.Scales {
		switch b.ScaleType.Class(uint16(s)) {
		case fp4.NaN:
			nans++
		case fp4.Zero:
			if fp4.Amax(p.X.Data[i*b.Block:(i+1)*b.Block]) != 0 {
				flushed++
			}
		case fp4.Saturated:
			saturated++
		}
	}
	var notes []string
	add := func(n int, what string) {
		if n > 0 {
			notes = append(notes, fmt.Sprintf("%d of %d activation block scales %s", n, len(b.Scales), what))
		}
	}
	add(nans, "are NaN: their rows are NaN")
	add(flushed, "rounded to zero: those blocks of x are lost")
	if p.Act != layer.ActDynamic {
		add(saturated, "are saturated: larger values of x are clipped")
	}
	return notes
}
