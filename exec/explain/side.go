package explain

import (
	"fmt"
	"slices"

	"fp4tui/exec/gemm"
	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// Side is one of the two numbers that are compared, with what is known of its making.
type Side struct {
	Value    float32
	By       string         // "emu sm100", "file y.npy"
	Made     *layer.Forward // the product that it is, or is to be taken for; nil when unknown
	Prepared *layer.Forward // the same product through a prepared buffer: x padded, weights as the kernel reads them; nil without
	Out      layer.Output   // of the product, for what x was quantized to
	Ref      bool           // the reference made it: float64 sums, one rounding; otherwise a tensor core is emulated
	Foreign  bool           // Value was not made here: what Made would give may differ
}

// ran is the forward that was really multiplied.
func (s *Side) ran() *layer.Forward {
	if s.Prepared != nil {
		return s.Prepared
	}
	return s.Made
}

// operand is one version of a row of x or of the weight.
type operand struct {
	kind      Kind
	text      string // what becomes of the version before it
	values    []float64
	quantized bool // a weight of FP4 codes
}

// making is how a side's number came about: versions of the operands, from what was
// given to what was multiplied, then what became of their exact product.
type making struct {
	x, w   []operand
	stages []stage
	replay *gemm.Replay // nil for the reference and where nothing could be emulated
	why    string       // why nothing could be emulated
}

// stage is one operation on the product.
type stage struct {
	kind  Kind
	text  string
	after Value
}

func (m *making) factors() (x, w []float64) {
	return m.x[len(m.x)-1].values, m.w[len(m.w)-1].values
}

// make works out how a side's number at m,n came about.
func (s *Side) make(m, n int) (*making, error) {
	given, w, err := gemm.Ref{}.Factors(*s.Made, layer.Output{}, m, n)
	if err != nil {
		return nil, err
	}
	out := &making{x: []operand{{kind: Activation, values: given}}}
	out.w = []operand{{kind: Weight, values: w, quantized: s.Made.Dense == nil}}
	if s.Prepared != nil {
		if _, w, err = (gemm.Ref{}).Factors(*s.Prepared, layer.Output{}, m, n); err != nil {
			return nil, err
		}
		out.w = append(out.w, operand{Layout, "prepared buffer", w, true})
	}
	if err := s.quantizedX(out, m); err != nil {
		return nil, err
	}
	if s.Ref {
		err = s.referenceStages(out, n)
	} else {
		err = s.emulatedStages(out, m, n)
	}
	return out, err
}

// quantizedX adds the version of x that is multiplied, when it is not the one given.
func (s *Side) quantizedX(out *making, m int) error {
	f := s.ran()
	switch {
	case s.Out.XBlocks != nil:
		x, _, err := gemm.Ref{}.Factors(*f, s.Out, m, 0)
		if err != nil {
			return err
		}
		out.x = append(out.x, operand{kind: Activation, text: "activation quantization", values: x})
	case !s.Ref && f.X.DType != inspect.BF16:
		x := slices.Clone(out.x[0].values)
		for i, v := range x {
			x[i] = float64(fp4.RoundBF16(float32(v)))
		}
		out.x = append(out.x, operand{kind: Activation, text: "x rounded to bf16", values: x})
	}
	return nil
}

// referenceStages are a sum in float64 and one rounding.
func (s *Side) referenceStages(out *making, n int) error {
	f := s.ran()
	x, w := out.factors()
	acc, bias, y, err := gemm.Ref{}.Finish(*f, x, w, n)
	if err != nil {
		return err
	}
	out.add(Accumulation, "float64 sum", valueOf(acc))
	if f.Epilogue.Bias != layer.BiasNone {
		out.add(Bias, "bias", valueOf(acc).plus(valueOf(bias)))
		out.add(Epilogue, "bias added in float64", valueOf(acc+bias))
	}
	out.add(Rounding, "output rounding to "+outName(f.Out), valueOf(float64(y)))
	return nil
}

// emulatedStages are what a tensor core and its epilogue do. A product that nobody can
// emulate has none: all that is beside its exact product is then unexplained.
func (s *Side) emulatedStages(out *making, m, n int) error {
	f := s.ran()
	if f.Dense != nil {
		out.why = "only FP4 layers are emulated"
		return nil
	}
	r, err := gemm.Emu{}.Replay(*f, s.Out, m, n)
	if err != nil {
		out.why = err.Error()
		return nil
	}
	out.replay = r
	used := float64(r.Used)
	out.add(Scales, factorName(f), dot(r.X, r.W).times(used))
	acc := valueOf(float64(r.Acc))
	steps := 0
	for _, p := range r.Parts {
		steps += len(p.Steps)
	}
	text := fmt.Sprintf("accumulation, %d steps of K=%d", steps, r.Model.L)
	if r.Order != (layer.Order{}) {
		text += ", " + r.Order.String()
	}
	out.add(Accumulation, text, acc.times(used))
	v := acc
	for i, step := range r.After {
		switch step.Op {
		case gemm.ReplayRound:
			kind, text := Epilogue, "accumulator rounded to "+outName(f.Out)
			after := valueOf(float64(step.D)).times(used)
			if i > 0 {
				kind, text, after = Rounding, "output rounding to "+outName(f.Out), valueOf(float64(step.D))
			}
			out.add(kind, text, after)
		case gemm.ReplayMultiply:
			out.add(Epilogue, "epilogue × alpha in f32", valueOf(float64(step.D)))
		case gemm.ReplayAdd:
			out.add(Bias, "bias", v.plus(valueOf(float64(r.Bias))))
			out.add(Epilogue, "bias added in f32", valueOf(float64(step.D)))
		}
		v = valueOf(float64(step.D))
	}
	return nil
}

func (m *making) add(kind Kind, text string, after Value) {
	m.stages = append(m.stages, stage{kind, text, after})
}

// factorName is how the global scales meet the accumulator.
func factorName(f *layer.Forward) string {
	text := "global scale as one "
	switch {
	case f.Alpha != nil:
		text = "alpha as given, one "
	case f.Global != nil:
		text = "global scale " + f.Global.Origin + ", one "
	}
	switch f.Epilogue.Alpha {
	case layer.AlphaBF16:
		return text + "bf16 factor"
	case layer.AlphaOut:
		return text + outName(f.Out) + " factor"
	}
	return text + "f32 factor"
}

func outName(d inspect.DType) string {
	switch d {
	case inspect.BF16:
		return "bf16"
	case inspect.F16:
		return "fp16"
	}
	return "f32"
}

// stepSum is the exact sum of the products of one instruction, without its accumulator.
func stepSum(s gemm.Step) Exact {
	var total Exact
	for _, t := range s.Terms {
		if t.Len > 0 {
			total = total.Add(termValue(t))
		}
	}
	return total
}

// termValue is P·M·2^Exp. Both factors are integers of at most 24 bits.
func termValue(t gemm.Term) Exact {
	v := Of(float64(t.P)).Times(float64(t.M))
	v.exp += t.Exp
	return v
}
