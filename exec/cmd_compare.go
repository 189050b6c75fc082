package exec

import (
	"fmt"
	"slices"
	"strings"

	"fp4tui/exec/compare"
	"fp4tui/exec/language"
	"fp4tui/inspect"
)

// DiffCmd compares two tensors element by element.
type DiffCmd struct {
	Got  language.Ref `arg:"GOT" kind:"product|tensor|quantized|layer" doc:"what was computed"`
	Want language.Ref `arg:"WANT" kind:"product|tensor|quantized|layer" doc:"the reference"`
}

var diffSpec = language.Spec{
	Verb: "diff", Group: "compare", Binds: kindDiff,
	Summary: "per-element error of one tensor against a reference",
	Detail: "NaN never compares equal and is counted apart. Attributes of the handle are the metrics: e.max_abs, e.cos, e.sqnr_db … " +
		"Two quantized matrices of one format are compared as bytes, too: e.scales_differ, e.codes_differ (where the scales are the same), and the largest steps, e.scale_step and e.code_step; the metrics are of what they dequantize to.",
	Examples: []string{"e = diff y r"},
	New:      func() any { return new(DiffCmd) },
}

func (cmd *DiffCmd) run(c *call) (Result, error) {
	bytes, refs, err := c.bytesDiff(cmd.Got, cmd.Want)
	if err != nil {
		return nil, err
	}
	got, err := c.dense(refs[0])
	if err != nil {
		return nil, err
	}
	want, err := c.dense(refs[1])
	if err != nil {
		return nil, err
	}
	if !slices.Equal(got.Shape, want.Shape) {
		f := unfit(cmd.Got.String(), got.Shape, want.Shape, fmt.Sprintf("%s is %s, %s is %s",
			cmd.Got, inspect.ShapeString(got.Shape), cmd.Want, inspect.ShapeString(want.Shape)))
		if HintOf(f) != "" {
			return nil, f
		}
	}
	pair, err := compare.New(got, want)
	if err != nil {
		return nil, err
	}
	sides := [2]side{c.sideOf(refs[0], got), c.sideOf(refs[1], want)}
	noise, err := c.expect(pair, sides[0], sides[1])
	if err != nil {
		return nil, err
	}
	v := &diffValue{pair: pair, sides: sides, expectation: noise, got: cmd.Got.String(), want: cmd.Want.String(),
		gotBy: c.by(refs[0]), wantBy: c.by(refs[1]), product: c.operands(cmd.Got, cmd.Want), bytes: bytes}
	certify(pair, sides[0], sides[1])
	if v.metrics, err = pair.Metrics(c.ctx); err != nil {
		return nil, err
	}
	if v.mismatched, err = pair.Mismatched(c.ctx, 0, 0); err != nil {
		return nil, err
	}
	structure, err := pair.Structure(c.ctx, &v.metrics)
	if err != nil {
		return nil, err
	}
	v.pattern = structure.String()
	v.maps = map[compare.Measure]*compare.Pyramid{}
	for _, name := range compare.MeasureNames() {
		by, _ := compare.ParseMeasure(name)
		v.maps[by] = compare.NewPyramid(pair.Matrix(by))
	}
	c.bind(v)
	return diffResult(c.name, v), nil
}

func patternText(list []compare.Pattern) string {
	texts := make([]string, len(list))
	for i, p := range list {
		texts[i] = p.Text
	}
	return strings.Join(texts, "; ")
}

func diffResult(name string, v *diffValue) Diff {
	r := Diff{Bind: Bind{name}, Got: v.got, Want: v.want, GotBy: v.gotBy, WantBy: v.wantBy, M: v.pair.M, N: v.pair.N,
		Shape: shapeOf(v.pair.Shape), ArgMax: v.metrics.ArgMax, Floor: Float(v.metrics.Floor), Mismatched: v.mismatched, Pattern: v.pattern, Metrics: []Metric{}, Notes: []string{}, Bytes: v.bytes}
	for _, m := range compare.Table() {
		if v.pair.Has(m) {
			r.Metrics = append(r.Metrics, Metric{Name: m.Name, Value: Float(m.Of(&v.metrics)), Integer: m.Kind != compare.Real})
		}
	}
	if v.pair.HasNoise() && v.metrics.Count > v.metrics.NaN {
		r.NoiseAt, r.NoiseLimit = v.metrics.ArgNoise[:], Float(v.limit)
	}
	if v.product != nil && v.metrics.Count > 0 && v.product.zeros == int64(len(v.product.out.Y.Data)) {
		r.Notes = append(r.Notes, "every output of "+v.product.by+" is exactly zero")
	}
	return r
}

// MapCmd reduces a comparison, a scale matrix or a tensor to a picture of numbers.
type MapCmd struct {
	E      language.Ref    `arg:"E" kind:"diff|comparison|tensor|product|layer|quantized|scales|codes" doc:"a comparison, the scales of a layer (w.scale) or any tensor; with a window [rows, columns]"`
	Size   language.Size   `key:"size" default:"48x16" doc:"columns × rows of pixels at most; a pixel is 2^i × 2^j elements"`
	Agg    string          `key:"agg" enum:"max|mean|count" default:"max" doc:"what a pixel shows of its elements"`
	Metric string          `key:"metric" enum:"abs|signed|rel|ulp|noise|unproven|proven_mismatch" default:"abs" doc:"which error of a comparison; noise: over what its scales and codes let expect; unproven: 1 where the order of accumulation may change the output; proven_mismatch: the error where it can not"`
	Bound  language.Number `key:"bound" default:"0" doc:"for agg=count: count errors above it"`
}

var mapSpec = language.Spec{
	Verb: "map", Group: "compare",
	Summary:  "the error map (or any matrix) as text",
	Examples: []string{"map e size=48x16", "map e[0:64,512:1024] agg=mean", "map w.scale"},
	New:      func() any { return new(MapCmd) },
}

// TopCmd lists the worst elements.
type TopCmd struct {
	E  language.Ref `arg:"E" kind:"diff" window:"none" doc:"a comparison"`
	N  int          `arg:"N,optional" min:"1" max:"1000" default:"10" doc:"how many"`
	By string       `key:"by" enum:"abs|rel|ulp|noise|proven_mismatch" default:"abs" doc:"worst by which error"`
}

var topSpec = language.Spec{
	Verb: "top", Group: "compare",
	Summary:  "the worst elements with their codes and scales",
	Examples: []string{"top e 5", "top e by=rel"},
	New:      func() any { return new(TopCmd) },
}

// WhereCmd finds all elements above a bound.
type WhereCmd struct {
	E     language.Ref    `arg:"E" kind:"diff" window:"none" doc:"a comparison"`
	Op    language.Op     `arg:"OP" doc:"> >= < <= == !="`
	Bound language.Number `arg:"BOUND" doc:"a number"`
	By    string          `key:"by" enum:"abs|rel|ulp|signed|noise|unproven|proven_mismatch" default:"abs" doc:"which error"`
}

var whereSpec = language.Spec{
	Verb: "where", Group: "compare",
	Summary:  "all elements whose error meets a bound, grouped by row, column and block",
	Examples: []string{"where e > 0.01"},
	New:      func() any { return new(WhereCmd) },
}
