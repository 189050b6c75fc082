package exec

import (
	"fmt"
	"maps"
	"slices"

	"fp4tui/exec/compare"
	"fp4tui/exec/language"
	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/stats"
)

// Kinds of value that only attributes make: they cannot be bound to a name.
const (
	kindScales = "scales"
	kindCodes  = "codes"
)

// scaleValue is w.scale: the block scales of one matrix.
type scaleValue struct{ w *weightsValue }

func (scaleValue) kind() string { return kindScales }
func (v scaleValue) describe() string {
	b := v.blocks()
	return fmt.Sprintf("%s %d×%d", b.ScaleType, b.Rows, b.ScaleCols())
}
func (v scaleValue) blocks() *fp4.Blocks { return v.w.blocks() }

// decoded is the scale matrix as values, without the global scale.
func (v scaleValue) decoded() inspect.Tensor {
	b := v.blocks()
	t := inspect.Tensor{DType: inspect.F8E4M3, Shape: []int{b.Rows, b.ScaleCols()}, Data: make([]float32, len(b.Scales))}
	if b.ScaleType == fp4.E8M0 {
		t.DType = inspect.F8E8M0
	}
	for i, code := range b.Scales {
		t.Data[i] = b.ScaleType.Decode(uint16(code))
	}
	return t
}

// codesValue is w.codes: the E2M1 codes of one matrix.
type codesValue struct{ w *weightsValue }

func (codesValue) kind() string { return kindCodes }
func (v codesValue) describe() string {
	b := v.w.blocks()
	return fmt.Sprintf("E2M1 %d×%d", b.Rows, b.Cols)
}

// blocks is the matrix that attributes and products speak of.
func (v *weightsValue) blocks() *fp4.Blocks { return &v.weights.Blocks[v.expert] }

// attribute is one name.attr: a row of the table that completion, the name check,
// references and expressions share.
type attribute struct {
	name string
	doc  string
	kind string // of what get returns
	get  func(c *call, v value) (value, error)
}

// attributeOf finds an attribute of a kind.
func (s *Session) attributeOf(kind, name string) (attribute, bool) {
	for _, a := range s.attributes()[kind] {
		if a.name == name {
			return a, true
		}
	}
	return attribute{}, false
}

// attributeNames is the table as the language package wants it.
func (s *Session) attributeNames() map[string][]language.Attr {
	out := map[string][]language.Attr{}
	for kind, list := range s.attributes() {
		for _, a := range list {
			out[kind] = append(out[kind], language.Attr{Name: a.name, Kind: a.kind, Doc: a.doc, Params: a.params()})
		}
	}
	return out
}

// params are the numbers that an attribute may be called with.
func (a attribute) params() []string {
	if a.name == "mismatched" {
		return []string{"atol", "rtol"}
	}
	return nil
}

func (s *Session) attributes() map[string][]attribute {
	weights := weightAttributes()
	return map[string][]attribute{
		kindLayer:     weights,
		kindQuantized: weights,
		kindPrepared:  preparedAttributes(),
		kindScales:    scaleAttributes(),
		kindDiff:      diffAttributes(),
		kindVerdict:   verdictAttributes(),
		kindProduct:   productAttributes(),
		kindTensor:    tensorAttributes(),
		kindAct:       actAttributes(),
		kindBackends:  s.backendsAttributes(),
		kindCompared:  comparedAttributes(),
	}
}

// of makes a getter for one Go type of value.
func of[V value](get func(c *call, v V) (value, error)) func(*call, value) (value, error) {
	return func(c *call, v value) (value, error) { return get(c, v.(V)) }
}

func number(f float64) (value, error) {
	return numberValue{text: language.Number(f).String(), value: f}, nil
}

func weightAttributes() []attribute {
	return []attribute{
		{"codes", "the E2M1 codes", kindCodes, of(func(_ *call, v *weightsValue) (value, error) { return codesValue{v}, nil })},
		{"scale", "the block scales", kindScales, of(func(_ *call, v *weightsValue) (value, error) { return scaleValue{v}, nil })},
		{"dequant", "the weight as its producer dequantizes it, [N,K]", kindTensor, of(func(c *call, v *weightsValue) (value, error) {
			t, err := v.dequantized(c.ctx)
			return &tensorValue{tensor: t, source: "dequant " + v.source, codes: v.blocks()}, err
		})},
		{"global", "the global scale as stored", kindNumber, of(func(_ *call, v *weightsValue) (value, error) {
			if v.blocks().Global.Use == fp4.NoGlobal {
				return nil, fmt.Errorf("%w: %s has no global scale; its block scales are all there is", inspect.ErrMissing, v.format)
			}
			return number(float64(v.blocks().Global.Value))
		})},
		{"multiplier", "the factor that the global scale means", kindNumber, of(func(_ *call, v *weightsValue) (value, error) {
			return number(float64(v.blocks().Global.Multiplier()))
		})},
		{"input_global", "the activation global scale as stored", kindNumber, of(func(_ *call, v *weightsValue) (value, error) {
			if v.weights.Layer == nil || v.weights.Layer.Input.Use == fp4.NoGlobal {
				return nil, fmt.Errorf("%w: the layer stores no activation global scale", inspect.ErrMissing)
			}
			return number(float64(v.weights.Layer.Input.Value))
		})},
		{"bias", "the bias, [N]", kindTensor, of(func(_ *call, v *weightsValue) (value, error) {
			if v.weights.Bias == nil {
				return nil, fmt.Errorf("%w: the layer stores no bias", inspect.ErrMissing)
			}
			return &tensorValue{tensor: *v.weights.Bias, source: "bias of " + v.source}, nil
		})},
		{"n", "output features", kindNumber, of(func(_ *call, v *weightsValue) (value, error) { return number(float64(v.blocks().Rows)) })},
		{"k", "input features", kindNumber, of(func(_ *call, v *weightsValue) (value, error) { return number(float64(v.blocks().Cols)) })},
	}
}

func scaleAttributes() []attribute {
	rows := []struct {
		name, doc string
		get       func(stats.Scales) float64
	}{
		{"count", "how many scales", func(s stats.Scales) float64 { return float64(s.Count) }},
		{"nan", "scales that are NaN", func(s stats.Scales) float64 { return float64(s.NaN) }},
		{"zero", "scales that are zero", func(s stats.Scales) float64 { return float64(s.Zero) }},
		{"subnormal", "scales below the smallest normal", func(s stats.Scales) float64 { return float64(s.Subnormal) }},
		{"sat", "scales at the largest finite code", func(s stats.Scales) float64 { return float64(s.Saturated) }},
		{"min", "smallest finite scale", func(s stats.Scales) float64 { return s.Min.Value }},
		{"p50", "median scale", func(s stats.Scales) float64 { return s.P50.Value }},
		{"p99", "99th percentile", func(s stats.Scales) float64 { return s.P99.Value }},
		{"max", "largest finite scale", func(s stats.Scales) float64 { return s.Max.Value }},
	}
	out := make([]attribute, 0, len(rows))
	for _, row := range rows {
		out = append(out, attribute{row.name, row.doc, kindNumber, of(func(_ *call, v scaleValue) (value, error) {
			b := v.blocks()
			return number(row.get(stats.ScaleStats(b.Scales, b.ScaleType)))
		})})
	}
	return out
}

func diffAttributes() []attribute {
	var out []attribute
	for _, m := range compare.Table() {
		if m.Kind == compare.Position {
			continue
		}
		out = append(out, attribute{m.Name, m.Doc, kindNumber, of(func(_ *call, v *diffValue) (value, error) {
			if err := v.certified(m.Name); err != nil {
				return nil, err
			}
			return number(m.Of(&v.metrics))
		})})
	}
	out = append(out, bytesAttributes()...)
	return append(out, attribute{"mismatched", "elements that are not equal; mismatched(atol, rtol) allows |err| ≤ atol + rtol·|want|", kindNumber,
		of(func(_ *call, v *diffValue) (value, error) { return number(float64(v.mismatched)) })})
}

func productAttributes() []attribute {
	out := tensorNumbers(func(v value) inspect.Tensor { return v.(*productValue).out.Y })
	return append(out,
		attribute{"alpha", "the FP32 factor of the epilogue; nan when it differs by row of x", kindNumber, of(func(_ *call, v *productValue) (value, error) { return number(float64(v.out.Alpha)) })},
		attribute{"xq", "the quantized activations of w4a4", kindQuantized, of(func(_ *call, v *productValue) (value, error) {
			if v.out.XBlocks == nil {
				return nil, fmt.Errorf("%w: this product did not quantize its activations", inspect.ErrMissing)
			}
			return quantizedActivations(v), nil
		})},
		attribute{"act", "what quantizing its activations did to them", kindAct, of(act)})
}

func tensorAttributes() []attribute {
	return tensorNumbers(func(v value) inspect.Tensor { return v.(*tensorValue).tensor })
}

func tensorNumbers(tensor func(value) inspect.Tensor) []attribute {
	rows := []struct {
		name, doc string
		get       func(stats.Floats) float64
	}{
		{"count", "how many elements", func(f stats.Floats) float64 { return float64(f.Count) }},
		{"nan", "elements that are NaN", func(f stats.Floats) float64 { return float64(f.NaN) }},
		{"inf", "elements that are infinite", func(f stats.Floats) float64 { return float64(f.PosInf + f.NegInf) }},
		{"zero", "elements that are exactly zero", func(f stats.Floats) float64 { return float64(f.Zero) }},
		{"min", "smallest finite value", func(f stats.Floats) float64 { return float64(f.Min) }},
		{"max", "largest finite value", func(f stats.Floats) float64 { return float64(f.Max) }},
		{"amax", "largest finite magnitude", func(f stats.Floats) float64 { return float64(f.AMax) }},
		{"mean", "mean of the finite values", func(f stats.Floats) float64 { return float64(f.Mean) }},
		{"std", "standard deviation of the finite values", func(f stats.Floats) float64 { return float64(f.Std) }},
	}
	out := make([]attribute, 0, len(rows))
	for _, row := range rows {
		out = append(out, attribute{row.name, row.doc, kindNumber, func(c *call, v value) (value, error) {
			f, err := stats.Float(c.ctx, tensor(v))
			if err != nil {
				return nil, err
			}
			return number(row.get(f))
		}})
	}
	return out
}

func sortedKeys(m map[string]bool) []string {
	return append([]string{}, slices.Sorted(maps.Keys(m))...)
}
