package exec

import (
	"fmt"
	"strings"

	"fp4tui/exec/diagnose"
	"fp4tui/exec/language"
	"fp4tui/inspect/layer"
)

// DiagnoseCmd says which known mistake makes an output.
type DiagnoseCmd struct {
	Y    language.Ref `arg:"Y" kind:"tensor|product" doc:"the output to explain: of an engine, from a file"`
	X    language.Ref `key:"x,required" kind:"tensor|product" doc:"the activations that went in"`
	W    language.Ref `key:"w,required" kind:"layer|quantized" window:"none" doc:"the weight that should have been used"`
	Mode string       `key:"mode" enum:"any|layer|w4a16|w4a4" default:"any" doc:"what should be done to x: any takes not quantized, dynamic and stored for right"`
	Act  ActArg       `key:"act" doc:"w4a4 activation global scale, as in gemm"`
}

var diagnoseSpec = language.Spec{
	Verb: "diagnose", Group: "compare",
	Summary: "which known mistake produces this output? every one simulated, ranked by how much of the error it explains",
	Detail: "On a sample of 16 rows and 128 columns. A mistake that explains nearly all of the error made it; each comes with a command that applies it or shows it. " +
		"docs/noise.md lists the mistakes.",
	Examples: []string{"diagnose y x=x w=w", "diagnose y x=x w=w mode=layer"},
	New:      func() any { return new(DiagnoseCmd) },
}

func (cmd *DiagnoseCmd) run(c *call) (Result, error) {
	y, err := c.dense(cmd.Y)
	if err != nil {
		return nil, err
	}
	x, err := c.dense(cmd.X)
	if err != nil {
		return nil, err
	}
	w, err := as[*weightsValue](c, cmd.W, "layer or quantized tensor")
	if err != nil {
		return nil, err
	}
	m, n := y.Rows()
	if rows, k := x.Rows(); rows*w.blocks().Rows != m*n || k != w.blocks().Cols {
		return nil, unfit(cmd.Y.String(), y.Shape, outputShape(x.Shape, w.blocks().Rows),
			fmt.Sprintf("x %d×%d and w %d×%d do not make %d×%d", rows, k, w.blocks().Rows, w.blocks().Cols, m, n))
	}
	m, n = len(y.Data)/w.blocks().Rows, w.blocks().Rows
	k := &diagnose.Case{Target: y.Data, M: m, N: n, X: x.Data, XShape: x.Shape, XType: x.DType, Weights: w.weights, Expert: w.expert,
		Siblings: siblingsOf(w.owner, w.weights.Layer)}
	if err := cmd.choose(k, w); err != nil {
		return nil, err
	}
	d, err := diagnose.Explain(c.ctx, k, c.progress)
	if err != nil {
		return nil, err
	}
	return diagnosed(cmd, d), nil
}

// choose fills in what should have been done to the activations.
func (cmd *DiagnoseCmd) choose(k *diagnose.Case, w *weightsValue) (err error) {
	mode := first(cmd.Mode, "any")
	switch {
	case mode == "any" && cmd.Act != "":
		return fmt.Errorf("%w: act=%s needs mode=w4a4", ErrUsage, cmd.Act)
	case mode == "any":
		k.Free = true
		return nil
	case mode == "layer":
		k.Mode = w.mode
	case mode == layer.W4A4.String():
		k.Mode = layer.W4A4
	}
	k.Act, k.ActValue, err = cmd.Act.policy(k.Mode, w)
	return err
}

func diagnosed(cmd *DiagnoseCmd, d *diagnose.Diagnosis) Diagnosed {
	r := Diagnosed{Subject: cmd.Y.String(), X: cmd.X.String(), W: cmd.W.String(), Plain: d.Plain, Error: Float(d.Error), Clean: d.Clean,
		Causes: knownMistakes(d, len(d.Causes)), Tried: d.Tried, Rows: d.Rows, Cols: d.Cols}
	r.Verdict = verdictOf(d)
	return r
}

// verdictOf says in one line what made the output, and what it is where nothing is known to.
func verdictOf(d *diagnose.Diagnosis) string {
	named := len(d.Causes) > 0 && d.Causes[0].Explained >= likely
	switch sample := d.Rows * d.Cols; {
	case d.Clean:
		return "no mistake: the output is what x and w make, " + d.Plain
	case d.Zero && named:
		names := make([]string, len(d.Causes))
		for i, c := range d.Causes {
			names[i] = c.Name
		}
		return "every output is zero: " + strings.Join(names, "; or ")
	case d.NoNumber == sample && sample > 0:
		return "every output is NaN or infinite: look at the scales (lint, stat w.scale) and at x (stat x)"
	case named:
		return d.Causes[0].Name
	case d.NoNumber > 0:
		return fmt.Sprintf("no known mistake explains the error: %d of %d outputs of the sample are NaN or infinite", d.NoNumber, sample)
	}
	return "no known mistake explains the error"
}
