package exec

import (
	"fmt"

	"fp4tui/exec/language"
	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// kindAct is y.act: what quantizing the activations of a product did to them. Only an
// attribute makes one.
const kindAct = "act"

type actValue struct{ *productValue }

func (actValue) kind() string { return kindAct }
func (v actValue) describe() string {
	return fmt.Sprintf("activations of %s, %s", v.x, v.summary().Policy)
}

// act is the attribute y.act.
func act(_ *call, v *productValue) (value, error) {
	if v.out.Act == nil {
		return nil, fmt.Errorf("%w: this product did not quantize its activations", inspect.ErrMissing)
	}
	return actValue{v}, nil
}

func actAttributes() []attribute {
	rows := []struct {
		name, doc string
		get       func(*layer.ActReport) float64
	}{
		{"encode_min", "smallest encode scale over the rows of x", func(r *layer.ActReport) float64 { return float64(r.EncodeMin) }},
		{"encode_max", "largest encode scale over the rows of x", func(r *layer.ActReport) float64 { return float64(r.EncodeMax) }},
		{"blocks", "how many blocks", func(r *layer.ActReport) float64 { return float64(r.Blocks) }},
		{"zero_scale", "blocks whose scale is zero", func(r *layer.ActReport) float64 { return float64(r.ZeroScale) }},
		{"lost", "blocks whose scale is zero though they held other values", func(r *layer.ActReport) float64 { return float64(r.Lost) }},
		{"nan_scale", "blocks whose scale is NaN", func(r *layer.ActReport) float64 { return float64(r.NaNScale) }},
		{"sat", "blocks at the largest finite scale", func(r *layer.ActReport) float64 { return float64(r.Saturated) }},
		{"elements", "how many elements", func(r *layer.ActReport) float64 { return float64(r.Elements) }},
		{"clipped", "elements above 7 times their scale", func(r *layer.ActReport) float64 { return float64(r.Clipped) }},
		{"flushed", "elements that became zero and were not", func(r *layer.ActReport) float64 { return float64(r.Flushed) }},
		{"non_finite", "NaN and infinities of x", func(r *layer.ActReport) float64 { return float64(r.NonFinite) }},
		{"sqnr_db", "of the quantized activations against x", func(r *layer.ActReport) float64 { return r.SQNR }},
	}
	out := make([]attribute, 0, len(rows))
	for _, row := range rows {
		out = append(out, attribute{row.name, row.doc, kindNumber, of(func(_ *call, v actValue) (value, error) { return number(row.get(v.out.Act)) })})
	}
	return out
}

// The levels of a report: half of the blocks without a usable scale is bad, and so is
// what is worse than half a digit; a block or a value lost deserves a look.
const (
	badShare = 0.5
	badSQNR  = 10 // dB
)

// summary is the report of the product; it has one.
func (v *productValue) summary() ActSummary {
	r := v.out.Act
	s := ActSummary{
		Policy: actName(v.forward), Per: r.Per.String(), Format: r.ScaleType.String(), Global: v.out.XBlocks.Global.Use != fp4.NoGlobal,
		EncodeMin: Float(r.EncodeMin), EncodeMax: Float(r.EncodeMax), Blocks: r.Blocks, Zero: r.ZeroScale, Lost: r.Lost, NaN: r.NaNScale,
		Saturated: r.Saturated, Elements: r.Elements, Clipped: r.Clipped, Flushed: r.Flushed, NonFinite: r.NonFinite, SQNR: Float(r.SQNR),
	}
	s.Level, s.Verdict = actLevel(r)
	return s
}

// actLevel says how bad a report is, and why in a few words.
func actLevel(r *layer.ActReport) (level, verdict string) {
	half := badShare * float64(r.Blocks)
	switch {
	case r.NaNScale > 0 || r.NonFinite > 0:
		return "bad", "x is not finite"
	case r.Lost > 0 && r.Lost == r.Blocks:
		return "bad", "every block scale is zero: the encode scale is far too small"
	case float64(r.Lost) > half:
		return "bad", "most block scales are zero: the encode scale is far too small"
	case r.Saturated > 0 && r.Clipped > 0 && r.Saturated == r.Blocks:
		return "bad", "every block scale is saturated: the encode scale is far too large"
	case r.Clipped > 0 && float64(r.Saturated) > half:
		return "bad", "most block scales are saturated: the encode scale is far too large"
	case r.SQNR < badSQNR:
		return "bad", "little of x is left"
	case r.Lost > 0:
		return "warn", "some block scales rounded to zero"
	case r.Clipped > 0:
		return "warn", "the largest values are clipped"
	}
	return "ok", ""
}

// describeScales fills in what a product says of alpha, activations and epilogue.
func (v *productValue) describeScales(r *Product) {
	r.Factors = v.factors()
	if v.weights == nil {
		return
	}
	g := v.choice
	if g.order != (layer.Order{}) {
		r.Order = g.order.String()
	}
	if g.epilogue.Alpha != layer.AlphaF32 {
		r.Epilogue = g.epilogue.Alpha.String()
	}
	if g.epilogue.Bias != layer.BiasNone {
		r.Bias = g.epilogue.Bias.String()
	}
	if g.alpha != "" && g.alpha != alphaOwn {
		r.AlphaOf = string(g.alpha)
	}
	if v.out.Act != nil {
		r.Activations = v.summary()
	}
	if v.out.Alphas != nil {
		r.AlphaMin, r.AlphaMax = v.alphaRange()
	}
}

// alphaRange is the smallest and the largest alpha over the rows of x.
func (v *productValue) alphaRange() (lo, hi Float) {
	lo, hi = Float(v.out.Alpha), Float(v.out.Alpha)
	for m, a := range v.out.Alphas {
		if m == 0 {
			lo, hi = Float(a), Float(a)
		}
		lo, hi = min(lo, Float(a)), max(hi, Float(a))
	}
	return lo, hi
}

func (v *productValue) factors() []Factor {
	out := make([]Factor, 0, len(v.out.Factors))
	for _, f := range v.out.Factors {
		r := Factor{Name: f.Name, Value: Float(f.Scale.Value), Direction: f.Scale.Use.String(), Multiplier: Float(f.Scale.Multiplier()),
			Origin: f.Origin, Tensor: inspect.Printable(f.Tensor)}
		if f.Tensor != "" && v.weights != nil && v.weights.owner != nil {
			r.File = v.weights.owner.shown(f.File)
		}
		out = append(out, r)
	}
	return out
}

// activations answers info of y.act.
func (v actValue) activations(subject string) Activations {
	r := Activations{Subject: subject, X: v.x, By: v.by, ActSummary: v.summary(), Scales: []Bin{}, Alpha: Float(v.out.Alpha), Factors: v.factors()}
	r.AlphaMin, r.AlphaMax = v.alphaRange()
	for code, n := range v.out.Act.Scales {
		if n > 0 {
			s := Float(v.out.Act.ScaleType.Decode(uint16(code)))
			r.Scales = append(r.Scales, Bin{Code: code, Lo: s, Hi: s, Count: n})
		}
	}
	return r
}

// byToken dequantizes activations that have a global scale for each row.
func (v *weightsValue) byToken() inspect.Tensor {
	b := v.blocks()
	out := layer.Output{XBlocks: b, XGlobals: v.globals}
	t := inspect.Tensor{DType: inspect.F32, Shape: []int{b.Rows, b.Cols}, Data: make([]float32, b.Rows*b.Cols)}
	for m := range b.Rows {
		row := out.XRow(m)
		row.DequantRow(0, t.Data[m*b.Cols:(m+1)*b.Cols])
	}
	return t
}

// oneGlobal refuses activations with a global scale for each row where a weight with one
// is meant.
func (v *weightsValue) oneGlobal(ref language.Ref) error {
	if v.globals == nil {
		return nil
	}
	return fmt.Errorf("%w: %s has a global scale for each of its %d rows, which no weight format stores; %s.dequant is its tensor",
		ErrUsage, ref, len(v.globals), ref)
}
