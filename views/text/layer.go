package text

import (
	"fmt"
	"math"
	"strings"

	"fp4tui/exec"
	"fp4tui/inspect/fp4"
	"fp4tui/views/number"
)

// layerInfo writes one line for a layer that was just bound, with what is wrong with
// it; info of the handle shows the whole page.
func layerInfo(p *page, r exec.LayerInfo) {
	library, _, _ := strings.Cut(r.Producer, " ")
	p.list(either(r.Handle, "layer"), fmt.Sprintf("%s %s", r.Format, r.Mode), library, expertOf(r.Expert, r.Experts),
		fmt.Sprintf("N %d", r.N), fmt.Sprintf("K %d", r.K), fmt.Sprintf("block %d", r.Block), p.opt.global(r.GlobalUse, r.Global))
	if r.Handle != "" {
		if worstPill(r.Health) > 0 {
			p.health(r.Health)
		}
		p.findings(r.Findings)
		return
	}
	p.layerValues(r)
	p.parts(r.Name, r.Tensors)
	p.scaleBrief(r)
	p.codeCounts(r.Codes)
	p.quality(r)
	p.shards(r.Group)
	p.findings(r.Findings)
}

func layerInfoLine(_ Options, r exec.LayerInfo) []string {
	return []string{fmt.Sprintf("%s %s block %d", r.Format, layerShape(r.Experts, r.N, r.K), r.Block), r.Mode, layerLevel(r)}
}

func layerLevel(r exec.LayerInfo) string {
	switch {
	case worstPill(r.Health) == 2:
		return "BAD"
	case worstPill(r.Health) == 1:
		return "warn"
	}
	return ""
}

func worstPill(pills []exec.Pill) int {
	w := 0
	for _, pill := range pills {
		w = max(w, badness(pill.Level))
	}
	return w
}

// global is "global divisor 4328"; "no global scale" when there is none.
func (o Options) global(use string, v exec.Float) string {
	if use == "" || use == "none" {
		return "no global scale"
	}
	return fmt.Sprintf("global %s %s", use, o.short(v))
}

// expertOf is "expert 0 of 8"; empty for a layer without experts.
func expertOf(expert, experts int) string {
	if experts == 0 {
		return ""
	}
	return fmt.Sprintf("expert %d of %d", expert, experts)
}

func (p *page) layerValues(r exec.LayerInfo) {
	p.list("name "+either(r.Name, "unknown"), counted("weights", int64(max(r.Experts, 1))*int64(r.N)*int64(r.K)), bitsPerWeight(r.BitsPW))
	p.list("", labelled("checkpoint", r.Path), labelled("producer", r.Producer))
	if r.GlobalUse != "" && r.GlobalUse != "none" {
		p.list(p.opt.global(r.GlobalUse, r.Global), "multiplier "+p.opt.num(r.Multiplier), "implied amax "+p.opt.num(r.Amax))
	}
	if r.InputUse == "" || r.InputUse == "none" {
		if r.Mode == "w4a4" {
			p.say("activations: quantized dynamically, no stored scale")
			return
		}
		p.say("activations: not quantized by the checkpoint")
		return
	}
	p.list("activations", fmt.Sprintf("input global %s %s", r.InputUse, p.opt.short(r.Input)))
}

// parts is the table of the stored tensors, named within their layer.
func (p *page) parts(layer string, parts []exec.PartInfo) {
	g := grid{columns: []column{{"role", left}, {"tensor", name}, {"dtype", left}, {"shape", right}, {"bytes", right}, {"offset", right}, {"file", name}}}
	for _, t := range parts {
		g.add(t.Role, strings.TrimPrefix(t.Name, layer+"."), t.DType, number.Shape(t.Shape...), number.Count(t.Bytes), number.Offset(t.Offset), t.File)
	}
	p.list("", g.common("file")...)
	p.table(g)
}

func (p *page) scaleBrief(r exec.LayerInfo) {
	s := r.Scales
	if s.Count == 0 {
		p.say("scales 0")
		return
	}
	p.list(counted("scales", s.Count), p.opt.quantiles(s.Min, exec.Float(math.NaN()), s.P50, s.P99, s.Max)...)
	p.health(r.Health)
	bins := make([]string, 0, len(s.Binade))
	for _, b := range s.Binade {
		bins = append(bins, fmt.Sprintf("2^%d %s", b.Exp, number.Count(b.Count)))
	}
	if len(bins) > 0 {
		p.list("scales by power of two", bins...)
	}
}

// quantiles of scales, which are values of a small format. A NaN p1 was not measured.
func (o Options) quantiles(lo, p1, p50, p99, hi exec.Float) []string {
	out := []string{"min " + o.short(lo)}
	if p1 == p1 {
		out = append(out, "p1 "+o.short(p1))
	}
	return append(out, "p50 "+o.short(p50), "p99 "+o.short(p99), "max "+o.short(hi))
}

// codeCounts lists the 16 codes by value; code 8 is -0.
func (p *page) codeCounts(codes [16]int64) {
	total := int64(0)
	parts := make([]string, 0, len(codes))
	for code, n := range codes {
		total += n
		parts = append(parts, CodeValue(code)+" "+number.Count(n))
	}
	if total != 0 {
		p.list("codes by value", parts...)
	}
}

// CodeValue is the value of an E2M1 code: "-1.5", "-0"; "—" for what is no code.
func CodeValue(code int) string {
	if code < 0 || code > 15 {
		return "—"
	}
	if code == 8 {
		return "-0"
	}
	return number.Short(float64(fp4.DecodeE2M1(uint8(code))), 2)
}

func (p *page) quality(r exec.LayerInfo) {
	if r.Original != "" {
		p.say("sqnr %s dB against %s", p.opt.num(r.SQNR), r.Original)
	}
}

func (p *page) shards(shards []exec.Shard) {
	if len(shards) == 0 {
		return
	}
	p.say("fused with %d of its kind; engines use one global scale for all:", len(shards)-1)
	g := grid{columns: []column{{"shard", name}, {"global", right}, {"implied amax", float}, {"ratio to largest", float}}}
	for _, s := range shards {
		g.add(s.Name, p.opt.short(s.Global), p.opt.num(s.Amax), p.opt.num(s.Ratio))
	}
	p.within(func() { p.table(g) })
}
