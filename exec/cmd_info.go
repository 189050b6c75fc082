package exec

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"fp4tui/exec/compare"
	"fp4tui/exec/language"
	"fp4tui/inspect"
	"fp4tui/inspect/checkpoint"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
	"fp4tui/inspect/lint"
	"fp4tui/inspect/stats"
)

// InfoCmd describes whatever a reference names.
type InfoCmd struct {
	X language.Ref `arg:"X" doc:"any handle; a position e[m,n] describes one output element"`
}

var infoSpec = language.Spec{
	Verb: "info", Group: "look",
	Summary:  "what a handle is; of e[m,n] the element, its largest terms, their codes and scales",
	Examples: []string{"info w", "info e[@max]"},
	New:      func() any { return new(InfoCmd) },
}

func (cmd *InfoCmd) run(c *call) (Result, error) {
	v, err := c.resolve(cmd.X)
	if err != nil {
		return nil, err
	}
	if cmd.X.Window != nil || cmd.X.At != "" {
		return c.windowInfo(cmd.X, v)
	}
	switch v := v.(type) {
	case *checkpointValue:
		return opened("", v), nil
	case *weightsValue:
		return c.layerInfo("", v)
	case *productValue:
		return product("", v), nil
	case *diffValue:
		return diffResult("", v), nil
	case *comparedValue:
		return comparedInfo(cmd.X, v)
	case *preparedValue:
		return preparedResult("", v), noWindow(cmd.X)
	case scaleValue:
		return scaleStat(distribution{subject: cmd.X.String(), scales: v.blocks(), of: v.w}), nil
	case codesValue:
		return codeUse(cmd.X.String(), v.w), nil
	case actValue:
		return v.activations(cmd.X.String()), noWindow(cmd.X)
	case numberValue:
		return Setting{What: "let", Items: []NamedText{{cmd.X.String(), v.describe()}}}, nil
	case *tensorValue:
		return c.tensorInfo(cmd.X.String(), v)
	}
	return nil, fmt.Errorf("%w: %s is a %s, which has no description", ErrUsage, cmd.X, v.kind())
}

// windowInfo describes a window: one element of a comparison, or a part of a tensor.
func (c *call) windowInfo(ref language.Ref, v value) (Result, error) {
	if d, ok := v.(*diffValue); ok {
		if !ref.Point() {
			return nil, fmt.Errorf("%w: %s: info of a comparison takes one element, e[m,n] or e[@max]; map %s shows a window", ErrUsage, ref, ref)
		}
		return c.element(ref, d)
	}
	t, err := c.dense(ref)
	if err != nil {
		return nil, err
	}
	return c.tensorInfo(ref.String(), &tensorValue{tensor: t, source: c.by(ref)})
}

// tensorInfo describes a tensor under a name; the handle is the one being bound.
func (c *call) tensorInfo(name string, v *tensorValue) (Result, error) {
	f, err := stats.Float(c.ctx, v.tensor)
	if err != nil {
		return nil, err
	}
	r := TensorInfo{
		Bind: Bind{c.name}, Name: inspect.Printable(name), Source: v.source, DType: dtypeName(v.tensor.DType), Shape: shapeOf(v.tensor.Shape),
		Min: Float(f.Min), Max: Float(f.Max), Mean: Float(f.Mean), NaN: f.NaN, Inf: f.PosInf + f.NegInf, Offset: -1, Rounded: v.tensor.Rounded,
	}
	if v.entry != nil {
		r.Offset, r.File = v.entry.Begin, v.ckpt.shown(v.entry.File.Path)
	}
	return r, nil
}

// layerInfo is the layer page.
func (c *call) layerInfo(handle string, v *weightsValue) (Result, error) {
	b := v.blocks()
	s := stats.ScaleStats(b.Scales, b.ScaleType)
	nan := Float(math.NaN())
	r := LayerInfo{
		Bind: Bind{handle}, Name: v.source, Producer: v.source, Format: v.format, Mode: v.mode.String(), N: b.Rows, K: b.Cols, Block: b.Block,
		BitsPW: 4 + 8/float64(b.Block), GlobalUse: b.Global.Use.String(), Global: nan, Multiplier: Float(b.Global.Multiplier()), Amax: nan,
		InputUse: fp4.NoGlobal.String(), Input: nan, Tensors: []PartInfo{}, Health: pills(s.Health()), Scales: scaleBrief(s),
		Codes: stats.CodeUse(b.Codes).Count, Findings: []Finding{}, SQNR: nan,
	}
	if b.Global.Use != fp4.NoGlobal {
		r.Global = Float(b.Global.Value)
		r.Amax = Float(float64(b.Global.Multiplier()) * float64(b.ScaleType.Max()) * 6)
	}
	if l := v.weights.Layer; l != nil {
		c.describeLayer(&r, v, l)
	}
	return r, c.againstOriginal(&r, v)
}

// describeLayer adds what a stored layer has over a quantized tensor.
func (c *call) describeLayer(r *LayerInfo, v *weightsValue, l *layer.Layer) {
	r.Expert, _ = v.which()
	r.Name, r.Producer, r.Experts, r.BitsPW = inspect.Printable(l.Name), l.Producer, l.Experts, l.BitsPerWeight()
	r.Path = v.owner.path
	if l.Input.Use != fp4.NoGlobal {
		r.InputUse, r.Input = l.Input.Use.String(), Float(l.Input.Value)
	}
	for _, p := range []struct {
		role  string
		entry *checkpoint.Entry
	}{{"codes", l.Parts.Codes}, {"scales", l.Parts.Scales}, {"global", l.Parts.Global}, {"input_global", l.Parts.Input}, {"bias", l.Parts.Bias}} {
		if p.entry == nil {
			continue
		}
		r.Tensors = append(r.Tensors, PartInfo{Role: p.role, Name: inspect.Printable(p.entry.Name), DType: p.entry.DType.String(),
			Shape: shapeOf(p.entry.Shape), Bytes: p.entry.Bytes(), File: v.owner.shown(p.entry.File.Path), Offset: p.entry.Begin})
	}
	if g := groupOf(v.owner, l); g != nil {
		r.Group = shards(g)
	}
	report, err := lint.Check(c.ctx, v.owner.ckpt, []*layer.Layer{l}, l.Faults, nil)
	if err != nil {
		return // the context ended: there is no one to tell
	}
	for _, f := range report.Of(l.Name) {
		if f.Severity != lint.Info {
			r.Findings = append(r.Findings, v.owner.finding(f))
		}
	}
}

// largestProduct is the largest magnitude that a code and an E4M3 scale can make: what
// producers map the amax of a tensor to.
const largestProduct = 448 * 6

func shards(g *layer.Group) []Shard {
	var out []Shard
	largest := 0.0
	for _, m := range g.Members {
		amax := float64(m.Global.Multiplier()) * largestProduct
		largest = max(largest, amax)
		out = append(out, Shard{Name: inspect.Printable(m.Name), Global: Float(m.Global.Value), Amax: Float(amax)})
	}
	for i := range out {
		out[i].Ratio = Float(float64(out[i].Amax) / largest)
	}
	return out
}

func scaleBrief(s stats.Scales) ScaleBrief {
	r := ScaleBrief{Count: s.Count, Min: Float(s.Min.Value), P50: Float(s.P50.Value), P99: Float(s.P99.Value), Max: Float(s.Max.Value), Binade: []BinadeN{}}
	var byExp [512]int64 // E4M3 and E8M0 exponents lie in -127…127
	lo, hi := len(byExp), -1
	for code, n := range s.ByCode {
		v := math.Abs(float64(s.Format.Decode(uint16(code))))
		if n == 0 || v == 0 || math.IsNaN(v) {
			continue
		}
		i := math.Ilogb(v) + len(byExp)/2
		byExp[i] += n
		lo, hi = min(lo, i), max(hi, i)
	}
	for i := lo; i <= hi; i++ {
		r.Binade = append(r.Binade, BinadeN{Exp: i - len(byExp)/2, Count: byExp[i]})
	}
	return r
}

// origin is the unquantized weight of a layer in an open checkpoint.
type origin struct {
	handle string
	ckpt   *checkpointValue
	entry  *checkpoint.Entry
}

// original finds the unquantized weight of a layer among the open checkpoints: a
// float tensor named after it, of its shape. Headers decide; nothing is read.
func (c *call) original(l *layer.Layer) (origin, bool) {
	if l == nil || l.Experts > 0 {
		return origin{}, false
	}
	st := c.s.snapshot()
	for _, h := range slices.Sorted(maps.Keys(st.handles)) {
		ck, ok := st.handles[h].(*checkpointValue)
		if !ok {
			continue
		}
		e, ok := ck.ckpt.Lookup(l.Name + ".weight")
		if ok && e.DType.Bits() >= 16 && slices.Equal(e.Shape, []int{l.N, l.K}) {
			return origin{h, ck, e}, true
		}
	}
	return origin{}, false
}

// command binds the original.
func (o origin) command(t *language.Table) string {
	return t.Format(language.Line{Verb: "tensor", Cmd: &TensorCmd{C: language.Ref{Name: o.handle}, Name: language.Path(o.entry.Name)}})
}

// checkedWeights bounds how many weights the layer page compares with the original: a
// layer of any size opens at once. Metrics over all of it are a diff.
const checkedWeights = 4 << 20

// againstOriginal fills in the SQNR of the first rows when the original is open. An
// original that cannot be read is not this layer's fault: reading it says so.
func (c *call) againstOriginal(r *LayerInfo, v *weightsValue) error {
	o, ok := c.original(v.weights.Layer)
	if !ok {
		return nil
	}
	r.Original = o.command(c.s.table)
	rows := min(r.N, max(1, checkedWeights/max(r.K, 1)))
	width := int64(r.K * o.entry.DType.Bits() / 8)
	raw, err := o.ckpt.ckpt.ReadRange(c.ctx, o.entry, 0, int64(rows)*width)
	if err != nil {
		return c.ctx.Err()
	}
	orig, err := checkpoint.Decode(o.entry.DType, []int{rows, r.K}, raw)
	if err != nil {
		return err
	}
	deq := inspect.Tensor{DType: inspect.F32, Shape: orig.Shape, Data: make([]float32, rows*r.K)}
	if err := v.weights.DequantizeRows(c.ctx, v.expert, 0, rows, inspect.F32, deq.Data); err != nil {
		return err
	}
	pair, err := compare.New(deq, orig)
	if err != nil {
		return err
	}
	m, err := pair.Metrics(c.ctx)
	r.SQNR, r.Checked = Float(m.SQNR), m.Count
	return err
}
