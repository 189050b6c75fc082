package exec

import (
	"fmt"
	"slices"
	"strings"

	"fp4tui/exec/diagnose"
	"fp4tui/exec/language"
	"fp4tui/exec/verdict"
	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/kernel"
	"fp4tui/inspect/layer"
)

// kindVerdict is a handle of a verdict, for expect.
const kindVerdict = "verdict"

// VerdictCmd says whether an error is noise.
type VerdictCmd struct {
	E language.Ref  `arg:"E" kind:"diff" window:"none" doc:"a comparison with the original: of a product, or of a dequantized weight"`
	W *language.Ref `key:"w" kind:"layer|quantized" doc:"the quantized weight, where the comparison does not know it: got came from a file"`
	X *language.Ref `key:"x" kind:"tensor|product" doc:"the activations, likewise; without them E is of a weight"`
}

var verdictSpec = language.Spec{
	Verb: "verdict", Group: "compare", Binds: kindVerdict,
	Summary: "normal quantization noise, or the structure that stands out and what is known to make it",
	Detail: "Measures the error against what the layer's own scales and codes let expect, by a table of tests with stated levels: all together raise a false alarm on " +
		"fewer than one clean layer in a hundred. What is not noise is compared with every known mistake. docs/noise.md lists both tables. Attributes of the handle: v.normal, v.ratio, v.noise, v.limit …",
	Examples: []string{"verdict e", "v = verdict e"},
	New:      func() any { return new(VerdictCmd) },
}

// verdictValue is a bound verdict: its numbers.
type verdictValue struct{ result Verdict }

func (*verdictValue) kind() string       { return kindVerdict }
func (v *verdictValue) describe() string { return v.result.Verdict }

func verdictAttributes() []attribute {
	rows := []struct {
		name, doc string
		get       func(*Verdict) float64
	}{
		{"normal", "1 when the error is noise, else 0", func(v *Verdict) float64 { return oneIf(v.Normal) }},
		{"findings", "how many tests failed, remarks not counted", func(v *Verdict) float64 { return float64(v.failed()) }},
		{"ratio", "energy of the error over that expected", func(v *Verdict) float64 { return float64(v.Ratio) }},
		{"gain", "factor that brings got closest to want", func(v *Verdict) float64 { return float64(v.Gain) }},
		{"noise", "the worst error over its σ", func(v *Verdict) float64 { return float64(v.Noise) }},
		{"limit", "what the worst of a clean map of this size stays below", func(v *Verdict) float64 { return float64(v.Limit) }},
		{"sqnr_db", "SQNR", func(v *Verdict) float64 { return float64(v.SQNR) }},
		{"expected_sqnr_db", "SQNR that codes and scales let expect", func(v *Verdict) float64 { return float64(v.Expected) }},
		{"explained", "share of the error that the named cause explains; NaN without a cause", func(v *Verdict) float64 { return float64(v.Explained) }},
	}
	out := make([]attribute, 0, len(rows))
	for _, row := range rows {
		out = append(out, attribute{row.name, row.doc, kindNumber, of(func(_ *call, v *verdictValue) (value, error) { return number(row.get(&v.result)) })})
	}
	return out
}

func oneIf(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

func (v *Verdict) failed() (n int) {
	for _, f := range v.Findings {
		if !f.Remark {
			n++
		}
	}
	return n
}

func (cmd *VerdictCmd) run(c *call) (Result, error) {
	d, err := as[*diffValue](c, cmd.E, kindDiff)
	if err != nil {
		return nil, err
	}
	j := &judgement{call: c, subject: cmd.E.String(), diff: d}
	if err := j.operands(cmd.W, cmd.X); err != nil {
		return nil, err
	}
	report, err := verdict.Judge(c.ctx, &j.field)
	if err != nil {
		return nil, err
	}
	r := j.result(c.name, report)
	if !r.Normal {
		if err := j.name(&r); err != nil {
			return nil, err
		}
	}
	c.bind(&verdictValue{r})
	return r, nil
}

// judgement is one verdict in the making.
type judgement struct {
	*call
	subject string
	diff    *diffValue
	field   verdict.Field
	weights *layer.Weights // that the error is of; nil when a product has none in common
	expert  int
	owner   *checkpointValue
	x       *inspect.Tensor // nil for a weight
	mode    layer.Mode
	act     layer.ActPolicy
	actVal  float32
}

// operands finds out what the error is of and what it should be.
func (j *judgement) operands(w, x *language.Ref) error {
	d := j.diff
	got, want := d.sides[0], d.sides[1]
	j.field = verdict.Field{Rows: d.pair.M, Cols: d.pair.N, Got: got.tensor.Data, Want: want.tensor.Data, Sigma: d.sigma, Limit: d.limit, Exact: d.exact}
	if w != nil {
		return j.given(*w, x)
	}
	switch {
	case x != nil:
		return fmt.Errorf("%w: x= needs w=, the quantized weight", ErrUsage)
	case d.sigma == nil:
		_, err := d.measure("noise")
		return err
	case got.blocks != nil:
		j.field.Blocks, j.weights = got.blocks, &layer.Weights{Blocks: []fp4.Blocks{*got.blocks}}
		j.field.Multiplier = float64(got.blocks.Global.Multiplier())
	default:
		j.product(got.product)
	}
	return nil
}

// product takes the operands of a gemm.
func (j *judgement) product(p *productValue) {
	j.x, j.mode, j.act, j.actVal = &p.forward.X, p.forward.Mode, p.forward.Act, p.forward.ActVal
	if p.weights != nil {
		j.weights, j.expert, j.owner = p.weights.weights, p.choice.expert, p.weights.owner
		j.field.Multiplier = float64(p.matrix().Global.Multiplier())
	}
}

// given takes operands that the comparison does not know.
func (j *judgement) given(ref language.Ref, x *language.Ref) error {
	w, err := as[*weightsValue](j.call, ref, "layer or quantized tensor")
	if err != nil {
		return err
	}
	b := w.blocks()
	j.weights, j.expert, j.owner, j.field.Multiplier = w.weights, w.expert, w.owner, float64(b.Global.Multiplier())
	if x == nil {
		if b.Rows != j.field.Rows || b.Cols != j.field.Cols {
			return fmt.Errorf("%w: %s is %d×%d, the comparison %d×%d; of a product name x= too", ErrShape, ref, b.Rows, b.Cols, j.field.Rows, j.field.Cols)
		}
		j.field.Blocks = b
		j.field.Sigma, j.field.Limit, err = verdict.Weight(j.ctx, b)
		return err
	}
	t, err := j.dense(*x)
	if err != nil {
		return err
	}
	m, k := t.Rows()
	if m != j.field.Rows || b.Rows != j.field.Cols || k != b.Cols {
		return fmt.Errorf("%w: x %s and %s of %d×%d do not make %d×%d", ErrShape, inspect.ShapeString(t.Shape), ref, b.Rows, b.Cols, j.field.Rows, j.field.Cols)
	}
	j.x = &t
	p := verdict.Product{M: m, N: b.Rows, K: k, X: t.Data, W: b, Y: [2][]float32{j.field.Got, j.field.Want},
		Types: [2]inspect.DType{j.diff.sides[0].tensor.DType, j.diff.sides[1].tensor.DType}}
	var theirs *fp4.Blocks
	if r := j.diff.sides[1].product; r != nil {
		theirs = r.matrix()
		j.mode, j.act, j.actVal = r.forward.Mode, r.forward.Act, r.forward.ActVal
	}
	p.Weights = unshared(b, theirs)
	j.field.Exact = len(p.Weights) == 0
	j.field.Limit = verdict.Limit(int64(m) * int64(b.Rows))
	j.field.Sigma, err = verdict.Sigma(j.ctx, p)
	return err
}

// result writes a report.
func (j *judgement) result(name string, r *verdict.Report) Verdict {
	v := Verdict{Bind: Bind{name}, Subject: j.subject, Of: "product", Normal: r.Normal, M: j.field.Rows, N: j.field.Cols, Ratio: Float(r.Ratio), SQNR: Float(r.SQNR),
		Expected: Float(r.Expected), Gain: Float(r.Gain), Noise: Float(r.Worst), NoiseAt: r.At, Limit: Float(r.Limit), Tests: r.Tests, Alarm: verdict.FalseAlarm,
		Findings: []StandsOut{}, Causes: []KnownMistake{}, Explained: nan()}
	switch {
	case j.field.Exact:
		v.Of = "arithmetic"
	case j.field.Blocks != nil:
		v.Of = "weight"
	}
	if j.weights != nil {
		v.Format = kernel.FormatOf(&j.weights.Blocks[j.expert])
	}
	for _, f := range r.Findings {
		v.Findings = append(v.Findings, StandsOut{Test: f.Test, What: f.What, Where: f.Where, Value: Float(f.Value), Bound: Float(f.Bound), Effect: Float(f.Effect),
			Axis: f.Axis, Period: f.Period, Index: append([]int{}, f.Index...), Remark: f.Remark, Command: j.show(f)})
	}
	v.proven(j)
	v.Verdict = "normal " + strings.TrimSpace(strings.ToUpper(v.Format)+" noise")
	if v.Of == "arithmetic" {
		v.Verdict = "rounding and accumulation alone"
	}
	for _, f := range v.Findings {
		if !f.Remark {
			v.Verdict, v.Where = f.What, f.Where
			break
		}
	}
	if v.Normal && onlyZeros(j.field.Got) && onlyZeros(j.field.Want) {
		v.Verdict = "both are zero everywhere: nothing to judge"
	}
	return v
}

// onlyZeros says that a tensor has elements and all are zero.
func onlyZeros(data []float32) bool {
	return len(data) > 0 && !slices.ContainsFunc(data, func(v float32) bool { return v != 0 })
}

// proven adds the certificate's judgement, which needs no statistics: an element that no
// order of accumulation changes differs from another run of the same product.
func (v *Verdict) proven(j *judgement) {
	d := j.diff
	n := d.metrics.ProvenMismatch
	if !j.field.Exact || !d.pair.Judged() || n == 0 { // against an original every output differs
		return
	}
	v.Normal = false
	v.Findings = append([]StandsOut{{Test: "proven", What: fmt.Sprintf("%s differ that no order of accumulation changes", plural(int(n), "output")), Where: "another layout, scale, alpha or epilogue",
		Value: Float(n), Effect: Float(float64(n) / float64(max(d.metrics.Count, 1))), Index: []int{}, Command: "top " + j.subject + " 10 by=proven_mismatch"}}, v.Findings...)
}

// show is the command that shows what a test found.
func (j *judgement) show(f verdict.Finding) string {
	e := j.subject
	switch {
	case f.Test == "finite":
		return "where " + e + " == nan"
	case f.Test == "gain", f.Test == "level", f.Test == "nibbles":
		return "map " + e + " metric=signed agg=mean"
	case len(f.Index) > 0 && f.Period == 0 && (f.Axis == "m" || f.Axis == "n" && j.field.Blocks != nil):
		return fmt.Sprintf("map %s[%d:%d] metric=noise", e, f.Index[0], f.Index[0]+1)
	case len(f.Index) > 0 && f.Period == 0 && (f.Axis == "n" || f.Axis == "k"):
		return fmt.Sprintf("map %s[0:%d,%d:%d] metric=noise", e, j.field.Rows, f.Index[0], f.Index[0]+1)
	case f.Period > 0:
		return "map " + e + " metric=noise agg=mean"
	}
	return "top " + e + " 10 by=noise"
}

// likely is the share of an error from which a cause is named.
const likely = 0.7

// name looks for a known mistake behind an error that is not noise: first behind the output; where
// the output is what its operands make, behind the weight.
func (j *judgement) name(r *Verdict) error {
	if j.weights == nil {
		return nil
	}
	c := &diagnose.Case{Target: j.field.Got, M: j.field.Rows, N: j.field.Cols, Weights: j.weights, Expert: j.expert, Mode: j.mode, Act: j.act, ActValue: j.actVal,
		Siblings: siblingsOf(j.owner, j.weights.Layer)}
	if j.x != nil {
		c.X, c.XShape, c.XType = j.x.Data, j.x.Shape, j.x.DType
	}
	j.suspect(c)
	d, err := diagnose.Explain(j.ctx, c, j.progress)
	if err == nil && d.Clean {
		c.Target, c.Repair = j.field.Want, true
		if p := j.diff.sides[1].product; p != nil {
			c.Mode, c.Act, c.ActValue = p.forward.Mode, p.forward.Act, p.forward.ActVal
		}
		d, err = diagnose.Explain(j.ctx, c, j.progress)
	}
	if err != nil {
		return err
	}
	r.Causes = knownMistakes(d, 3)
	if len(d.Causes) > 0 && d.Causes[0].Explained >= likely {
		r.Cause, r.Explained, r.Command = d.Causes[0].Name, Float(d.Causes[0].Explained), d.Causes[0].Command
	}
	return nil
}

// far is how many times too large or too small a global scale of activations must be to be a
// suspect.
const far = 8

// suspect takes dynamic scales for what should have been where the product was asked for
// others that do not fit its x: then these are one of the mistakes.
func (j *judgement) suspect(c *diagnose.Case) {
	if j.x == nil || j.mode != layer.W4A4 || j.act == layer.ActDynamic {
		return
	}
	if l := j.weights.Layer; j.act == layer.ActStatic && l != nil {
		encode := float64(l.Input.Value)
		if l.Input.Use == fp4.Multiplies {
			encode = 1 / encode
		}
		if q := encode * float64(fp4.Amax(j.x.Data)) / (448 * 6); q > 1./far && q < far {
			return
		}
	}
	c.Act = layer.ActDynamic
}

func knownMistakes(d *diagnose.Diagnosis, most int) []KnownMistake {
	out := []KnownMistake{}
	for _, m := range d.Causes[:min(len(d.Causes), most)] {
		out = append(out, KnownMistake{Family: m.Family, Name: m.Name, Explained: Float(m.Explained), RelError: Float(m.RelError), Command: m.Command})
	}
	return out
}

// siblingsOf are the global scales of the layers that an engine fuses with one.
func siblingsOf(ck *checkpointValue, l *layer.Layer) (list []diagnose.Sibling) {
	if ck == nil || l == nil {
		return nil
	}
	g := groupOf(ck, l)
	if g == nil {
		return nil
	}
	for _, m := range g.Members {
		if m != l && m.Global.Use != fp4.NoGlobal {
			list = append(list, diagnose.Sibling{Name: m.Name[strings.LastIndexByte(m.Name, '.')+1:], Multiplier: m.Global.Multiplier()})
		}
	}
	return list
}
