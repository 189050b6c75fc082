package text

import (
	"fmt"

	"fp4tui/exec"
	"fp4tui/inspect"
	"fp4tui/views/number"
)

// brief are the metrics of the first line of a comparison, in this order.
var brief = []string{"max_abs", "rel_l2", "cos", "sqnr_db", "nan"}

// diff writes what a bound comparison has to say in two lines; info of the handle lists
// every metric.
func diff(p *page, r exec.Diff) {
	var first, rest []string
	for _, name := range brief {
		if m, ok := metric(r, name); ok {
			first = append(first, p.opt.metric(m, r))
		}
	}
	for _, m := range r.Metrics {
		if !isBrief(m.Name) && m.Name != "argmax" && m.Name != "count" {
			rest = append(rest, p.opt.metric(m, r))
		}
	}
	if len(r.Metrics) == 0 {
		first = []string{"nothing compared"}
	}
	p.list(either(r.Handle, "diff"), first...)
	p.list("", append([]string{"mismatched " + part(r.Mismatched, int64(r.M)*int64(r.N))}, rest...)...)
	p.bytesDiff(r.Bytes)
	if r.Handle == "" {
		p.list("", "got "+side(r.Got, r.GotBy), "want "+side(r.Want, r.WantBy), "shape "+inspect.ShapeString(r.Shape))
	}
	if r.Pattern != "" {
		p.say("pattern: %s", r.Pattern)
	}
	p.notes(r.Notes)
}

// bytesDiff writes how two quantized matrices differ as bytes.
func (p *page) bytesDiff(d *exec.BytesDiff) {
	if d == nil {
		return
	}
	apart := func(differ int64, step int) string {
		if differ == 0 {
			return ""
		}
		return fmt.Sprintf(", %d apart at most", step)
	}
	globals := ""
	switch {
	case d.GlobalsDiffer:
		globals = "global scales differ"
	case d.Globals:
		globals = "global scales equal"
	}
	p.list("bytes", "scales differ in "+part(d.ScalesDiffer, d.Scales)+apart(d.ScalesDiffer, d.ScaleStep),
		"codes under equal scales differ in "+part(d.CodesDiffer, d.Codes)+apart(d.CodesDiffer, d.CodeStep), globals)
}

func diffLine(o Options, r exec.Diff) []string {
	var parts []string
	if m, ok := metric(r, "nan"); ok && m.Value > 0 {
		parts = append(parts, "nan "+o.whole(m.Value))
	}
	for _, name := range []string{"rel_l2", "cos"} {
		if m, ok := metric(r, name); ok {
			parts = append(parts, name+" "+o.num(m.Value))
		}
	}
	if m, ok := metric(r, "max_abs"); ok {
		parts = append(parts, "max "+o.num(m.Value)+worstAt(m, r))
	}
	if len(r.Metrics) == 0 {
		parts = append(parts, "nothing compared")
	}
	return append(parts, r.Pattern)
}

// metric finds a metric of a comparison.
func metric(r exec.Diff, name string) (exec.Metric, bool) {
	for _, m := range r.Metrics {
		if m.Name == name {
			return m, true
		}
	}
	return exec.Metric{}, false
}

func isBrief(name string) bool {
	for _, n := range brief {
		if n == name {
			return true
		}
	}
	return false
}

// metric writes a name and its value, with unit or place where there is one.
func (o Options) metric(m exec.Metric, r exec.Diff) string {
	switch {
	case m.Name == "sqnr_db":
		return "sqnr " + o.num(m.Value) + " dB"
	case m.Name == "max_abs":
		return m.Name + " " + o.num(m.Value) + worstAt(m, r)
	case m.Name == "max_rel" && m.Value > 0 && r.Floor > 0:
		return m.Name + " " + o.num(m.Value) + " where |want| > " + o.short(r.Floor)
	case m.Name == "noise":
		text := m.Name + " " + o.num(m.Value) + " sigma"
		if len(r.NoiseAt) == 2 {
			text += at([2]int(r.NoiseAt)) + " limit " + o.short(r.NoiseLimit)
		}
		return text
	case m.Integer:
		return m.Name + " " + o.whole(m.Value)
	}
	return m.Name + " " + o.num(m.Value)
}

// worstAt is the place of the largest error; tensors that are equal have none.
func worstAt(m exec.Metric, r exec.Diff) string {
	if m.Value == 0 {
		return ""
	}
	return at(r.ArgMax)
}

// at is " at [48,994]"; nothing for no position.
func at(place [2]int) string {
	if place[0] < 0 || place[1] < 0 {
		return ""
	}
	return fmt.Sprintf(" at [%d,%d]", place[0], place[1])
}

// side is an operand with who made it: "y by emu sm100".
func side(what, by string) string {
	if by == "" || by == what {
		return what
	}
	return what + " by " + by
}

func worst(p *page, r exec.Worst) {
	p.say("worst %s of %s in %s by %s", number.Count(int64(len(r.Rows))), plural(r.Total, "element"), r.Subject, r.By)
	p.points(r.Rows)
	if r.Pattern != "" {
		p.say("pattern: %s", r.Pattern)
	}
}

func worstLine(o Options, r exec.Worst) []string {
	if len(r.Rows) == 0 {
		return []string{"no elements"}
	}
	top := r.Rows[0]
	return []string{fmt.Sprintf("[%d,%d]", top.M, top.N), "err " + o.signed(top.Err), plural(len(r.Rows), "element")}
}

func matches(p *page, r exec.Matches) {
	p.list(fmt.Sprintf("%s %s %s %s", r.Subject, r.Metric, r.Op, p.opt.short(r.Bound)), part(r.Count, r.Total))
	if r.Pattern != "" {
		p.say("pattern: %s", r.Pattern)
	}
	p.clusters(r.Groups)
	if int64(len(r.Rows)) < r.Count && len(r.Rows) > 0 {
		p.say("the first %s:", number.Count(int64(len(r.Rows))))
	}
	p.points(r.Rows)
}

// axes are the kinds of clusters with their headings.
var axes = []struct{ axis, heading string }{{"row", "by row"}, {"column", "by column"}, {"columns", "by run of columns"}}

// clusters writes where matches gather, one line an axis. A single match gathers nowhere.
func (p *page) clusters(clusters []exec.Cluster) {
	for _, a := range axes {
		var parts []string
		for _, c := range clusters {
			if c.Axis == a.axis && c.Count > 1 {
				parts = append(parts, fmt.Sprintf("%s holds %s (%s)", span(c.Lo, c.Hi-c.Lo), number.Count(c.Count), number.Share(c.Share)))
			}
		}
		if len(parts) > 0 {
			p.list(a.heading, parts...)
		}
	}
}

func matchesLine(_ Options, r exec.Matches) []string {
	return []string{number.Count(r.Count) + " of " + number.Count(r.Total), number.Of(r.Count, r.Total), r.Pattern}
}

// noise is the error of an element in its expected σ; nothing where there is none.
func noise(o Options, e exec.ErrorPoint) string {
	if !(e.Noise > 0) {
		return ""
	}
	return o.short(e.Noise)
}

// points is the table of elements. The columns of the heaviest term are there when the
// operands of the product are known.
func (p *page) points(points []exec.ErrorPoint) {
	g := grid{columns: []column{{"m", right}, {"n", right}, {"got", float}, {"want", float}, {"err", float}, {"rel", float}, {"ulp", right}, {"noise", right},
		{"block", right}, {"scale", left}, {"value", right}, {"k", right}, {"code", left}}}
	for _, e := range points {
		row := []string{fmt.Sprint(e.M), fmt.Sprint(e.N), p.opt.num(e.Got), p.opt.num(e.Want), p.opt.signed(e.Err), p.opt.num(e.Rel), p.opt.whole(e.ULP), noise(p.opt, e)}
		if e.K < 0 {
			g.add(append(row, "", "", "", "", "")...)
			continue
		}
		g.add(append(row, known(e.Block), number.Hex(int64(e.Scale), 2), p.opt.short(e.ScaleV), known(e.K), number.Hex(int64(e.Code), 1))...)
	}
	p.table(g)
}
