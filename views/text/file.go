package text

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"fp4tui/exec"
	"fp4tui/views/number"
)

func opened(p *page, r exec.Opened) {
	weights := ""
	if r.Layers > 0 {
		weights = number.Count(r.Weights) + " weights"
	}
	p.list(either(r.Handle, "checkpoint"), append([]string{plural(r.Layers, "layer")}, append(r.Formats, weights)...)...)
	parts := append([]string{plural(r.Files, "file"), plural(r.Tensors, "tensor"), plural(r.Bytes, "byte")}, r.Producer...)
	p.list(either(r.Path, "no path"), parts...)
	if r.FaultsN == 0 && len(r.Faults) == 0 {
		return
	}
	p.list("", plural(r.FaultsN, "violation"), some(r.Damaged, "damaged file"))
	for _, f := range r.Faults {
		p.within(func() { p.fault(f) })
	}
	if more := r.FaultsN - len(r.Faults); more > 0 {
		p.within(func() { p.say("and %s more: lint lists them", number.Count(int64(more))) })
	}
}

func openedLine(_ Options, r exec.Opened) []string {
	return []string{plural(r.Layers, "layer"), strings.Join(r.Formats, " "), some(r.FaultsN, "violation"), plural(r.Tensors, "tensor")}
}

// fault writes "class: what: why" with its place, then the cure.
func (p *page) fault(f exec.Fault) {
	where := []string{f.File, labelled("tensor", f.Tensor)}
	if f.Offset >= 0 {
		where = append(where, "offset "+number.Offset(f.Offset))
	}
	p.list(f.Code, where...)
	p.within(func() {
		p.details([]detail{{"what", f.What}, {"why", f.Why}, {"cure", f.Cure}})
	})
}

// detail is a labelled sentence.
type detail struct{ label, text string }

func (p *page) details(ds []detail) {
	for _, d := range ds {
		if d.text != "" {
			p.say("%s: %s", d.label, d.text)
		}
	}
}

func layerList(p *page, r exec.LayerList) {
	bits := ""
	if r.Total > 0 {
		bits = bitsPerWeight(r.BitsPW)
	}
	p.list(either(r.Path, "checkpoint"), plural(r.Total, "layer"), bits, counted("other tensors", r.Others))
	if len(r.Rows) < r.Total {
		p.say("the first %s by name", number.Count(int64(len(r.Rows))))
	}
	g := grid{columns: []column{{"name", name}, {"producer", name}, {"format", left}, {"mode", left}, {"N×K", right}, {"block", right},
		{"bits/weight", right}, {"fused", left}, {"p50", right}, {"max", right}, {"saturated", right}, {"subnormal", right}, {"nan", right},
		{"findings", name}}}
	for _, l := range r.Rows {
		row := []string{l.Name, l.Producer, l.Format, l.Mode, layerShape(l.Experts, l.N, l.K), strconv.Itoa(l.Block), bits2(l.BitsPW), lastWord(l.Group)}
		if r.Health {
			row = append(row, l.ScaleP50, l.ScaleMax, number.Count(l.Saturated), number.Count(l.Subnormal), number.Count(l.NaN))
		} else {
			row = append(row, "", "", "", "", "")
		}
		g.add(append(row, findings(l))...)
	}
	if !r.Health && len(r.Rows) > 0 {
		p.say("block scales not read: health=yes reads them")
	}
	if shared := g.common(); len(shared) > 0 {
		p.list("all", shared...)
	}
	p.table(g)
}

func layerListLine(_ Options, r exec.LayerList) []string {
	bad, warn := 0, 0
	for _, l := range r.Rows {
		switch badness(l.Level) {
		case 1:
			warn++
		case 2:
			bad++
		}
	}
	parts := []string{plural(r.Total, "layer")}
	if bad > 0 {
		parts = append(parts, fmt.Sprintf("%d BAD", bad))
	}
	if warn > 0 {
		parts = append(parts, fmt.Sprintf("%d warn", warn))
	}
	if bad+warn == 0 && r.Total > 0 {
		parts = append(parts, "ok")
	}
	return parts
}

// findings is the worst level of a layer and what was found: "warn q|k|v 1.8×".
func findings(l exec.LayerRow) string {
	return strings.TrimSpace(level(l.Level) + " " + strings.Join(l.Findings, ", "))
}

// layerShape is N×K, with the experts of a 3-D layer in front.
func layerShape(experts, n, k int) string {
	if experts > 0 {
		return number.Shape(experts, n, k)
	}
	return number.Shape(n, k)
}

// bits2 writes bits per weight with two decimals: 4.50.
func bits2(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return number.Exact(v)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}

func bitsPerWeight(v float64) string { return bits2(v) + " bits/weight" }

// lastWord is the label of a fused group, which ends its name: "q|k|v".
func lastWord(group string) string {
	return group[strings.LastIndexByte(group, ' ')+1:]
}
