package gemm

import (
	"math"

	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// setAlpha multiplies the global scales: one float32 product of the decode scales. The
// factor of x, if any, is in out already. It returns alpha: one, or one by row of x.
func (p *problem) setAlpha(out *layer.Output) []float32 {
	if p.Alpha != nil {
		out.Alpha = *p.Alpha
		out.Factors = []layer.Factor{{Name: "alpha", Scale: fp4.GlobalScale{Use: fp4.Multiplies, Value: *p.Alpha}, Origin: "given"}}
		return []float32{out.Alpha}
	}
	w := p.weightFactor()
	if p.Global != nil {
		w = *p.Global
	}
	out.Alpha = w.Scale.Multiplier()
	if out.XGlobals != nil {
		out.Alphas = make([]float32, len(out.XGlobals))
		for m, g := range out.XGlobals {
			x := fp4.GlobalScale{Use: out.XBlocks.Global.Use, Value: g}
			out.Alphas[m] = float32(x.Multiplier() * w.Scale.Multiplier())
		}
		out.Alpha = float32(math.NaN())
	} else if len(out.Factors) > 0 {
		out.Alpha = float32(out.Factors[0].Scale.Multiplier() * w.Scale.Multiplier())
	}
	if w.Scale.Use != fp4.NoGlobal {
		out.Factors = append(out.Factors, w)
	}
	if out.Alphas != nil {
		return out.Alphas
	}
	return []float32{out.Alpha}
}

// weightFactor is the weight's own global scale.
func (p *problem) weightFactor() layer.Factor {
	f := layer.Factor{Name: "w.global", Scale: p.w.Global, Origin: "made by the quantizer"}
	if l := p.Weights.Layer; l != nil {
		f.Origin = "of a prepared buffer"
		if e := l.Parts.Global; e != nil && math.Float32bits(l.Global.Value) == math.Float32bits(p.w.Global.Value) {
			f.Origin, f.Tensor, f.File = "stored", e.Name, e.File.Path
		}
	}
	return f
}
