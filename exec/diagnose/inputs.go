package diagnose

import (
	"fmt"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// policies are the ways to quantize activations: what each is called and what runs it.
var policies = []struct {
	policy        layer.ActPolicy
	name, command string
}{
	{layer.ActNone, "activations not quantized", "gemm x w mode=w4a16"},
	{layer.ActDynamic, "activations quantized, dynamic global scale", "gemm x w mode=w4a4 act=dynamic"},
	{layer.ActInvWeight, "activation global scale invented as 1/weight's", "gemm x w mode=w4a4 act=1/weight"},
	{layer.ActStatic, "activations quantized, stored global scale", "gemm x w mode=w4a4 act=static"},
	{layer.ActUnit, "activations quantized with global scale 1", "gemm x w mode=w4a4 act=unit"},
}

// sampleInputs makes x in every way that it can be meant. What the case says, and nothing
// else, is plain.
func (s *scene) sampleInputs() error {
	if s.X == nil {
		return nil
	}
	list := policies
	if s.Mode == layer.W4A4 && s.Act == layer.ActValue {
		list = append(list[:len(list):len(list)], struct {
			policy        layer.ActPolicy
			name, command string
		}{layer.ActValue, "activations quantized as asked", fmt.Sprintf("gemm x w mode=w4a4 act=%g", s.ActValue)})
	}
	want := s.Act
	if s.Mode == layer.W4A16 {
		want = layer.ActNone
	}
	for _, p := range list {
		rows, ok, err := s.quantized(p.policy, false)
		if err != nil {
			return err
		}
		if ok {
			s.inputs = append(s.inputs, input{p.name, p.command, rows, p.policy == want || s.Free && p.policy <= layer.ActStatic})
		}
	}
	if rows, ok, err := s.quantized(layer.ActStatic, true); err == nil && ok {
		s.inputs = append(s.inputs, input{"stored activation global scale inverted", "info w", rows, false})
	}
	for _, in := range s.inputs {
		if in.plain {
			return nil
		}
	}
	return fault(inspect.ErrMissing, "x cannot be quantized as asked", "the weight stores no activation scale", "mode=w4a16, or another act=")
}

// encode is the divisor that a policy gives; false when there is none.
func (s *scene) encode(p layer.ActPolicy, inverted bool) (fp4.GlobalPolicy, bool) {
	given := func(v float32) (fp4.GlobalPolicy, bool) {
		return fp4.GlobalPolicy{Kind: fp4.GlobalGiven, Value: v}, v > 0 && v-v == 0
	}
	switch p {
	case layer.ActDynamic:
		return given(fp4.GlobalScale{Use: fp4.Divides, Value: 448 * 6 / fp4.Amax(s.X)}.Value)
	case layer.ActStatic:
		l := s.Weights.Layer
		if l == nil || l.Input.Use == fp4.NoGlobal {
			return fp4.GlobalPolicy{}, false
		}
		v := l.Input.Value
		if (l.Input.Use == fp4.Multiplies) != inverted {
			v = 1 / v
		}
		return given(v)
	case layer.ActUnit:
		return given(1)
	case layer.ActInvWeight:
		return given(s.w.Global.Multiplier())
	}
	return given(s.ActValue)
}

// quantized are the sampled rows of x under a policy; false where it does not exist.
func (s *scene) quantized(p layer.ActPolicy, inverted bool) (rows [][]float32, ok bool, err error) {
	opt := fp4.QuantOptions{Recipe: fp4.FlashinferExact, Format: fp4.NVFP4, InputBF16: s.XType == inspect.BF16}
	if s.w.ScaleType == fp4.E8M0 {
		opt.Recipe, opt.Format = "torchao", fp4.MXFP4
		if p != layer.ActNone && p != layer.ActDynamic && !(p == s.Act && s.Mode == layer.W4A4) {
			return nil, false, nil
		}
	} else if p != layer.ActNone {
		if opt.Global, ok = s.encode(p, inverted); !ok {
			return nil, false, nil
		}
	}
	for _, m := range s.rows {
		x := s.X[m*s.k : (m+1)*s.k]
		row := append([]float32{}, x...)
		if p != layer.ActNone {
			b, err := fp4.Quantize(x, 1, s.k, opt)
			if err != nil {
				return nil, false, err
			}
			b.DequantRow(0, row)
		}
		rows = append(rows, row)
	}
	return rows, true, nil
}
