package text

import (
	"fmt"
	"math"
	"strings"

	"fp4tui/exec"
	"fp4tui/views/number"
)

func histogram(p *page, r exec.Histogram) {
	what := counted(kinds(r.Of), r.Count)
	if of := expertOf(r.Expert, r.Experts); of != "" {
		what = of + ", " + what
	}
	switch {
	case r.Count == 0:
		p.list(what, "nothing to count")
	case r.Axis == codeAxis:
		p.list(what, p.opt.quantiles(r.Min, r.P1, r.P50, r.P99, r.Max)...)
	default:
		p.list(what, "min "+p.opt.num(r.Min), "p1 "+p.opt.num(r.P1), "p50 "+p.opt.num(r.P50), "p99 "+p.opt.num(r.P99), "max "+p.opt.num(r.Max))
	}
	p.health(r.Pill)
	p.bins(r)
	p.means("K block means", r.KMean)
	p.means("row group means", r.NMean)
	p.notes(r.Notes)
}

func histogramLine(_ Options, r exec.Histogram) []string {
	return append([]string{number.Count(r.Count) + " " + kinds(r.Of)}, pillLine(r.Pill)...)
}

// codeAxis is the axis of a histogram with one bin a code.
const codeAxis = "code"

// maxCodeRows keeps a histogram of codes on one screen.
const maxCodeRows = 16

func (p *page) bins(r exec.Histogram) {
	bins := r.Bins
	g := grid{columns: []column{{"code", left}, {"from", right}, {"to", right}, {"count", right}, {"share", right}}}
	if r.Axis == codeAxis {
		bins = nil
		for _, b := range byBinade(r.Bins, r.Format) {
			bins = append(bins, b.Bin)
			g.add(b.codes(), p.opt.short(b.Lo), p.opt.short(b.Hi), number.Count(b.Count), number.Of(b.Count, r.Count))
		}
	} else {
		for _, b := range bins {
			g.add("", p.opt.short(b.Lo), p.opt.short(b.Hi), number.Count(b.Count), number.Of(b.Count, r.Count))
		}
	}
	most := int64(1)
	for _, b := range bins {
		most = max(most, b.Count)
	}
	for _, b := range bins {
		g.bars = append(g.bars, float64(b.Count)/float64(most))
	}
	p.table(g)
}

// codeRange is a run of codes joined into one bar.
type codeRange struct {
	exec.Bin
	last int
}

func (r codeRange) codes() string {
	if r.last == r.Code {
		return number.Hex(int64(r.Code), 2)
	}
	return fmt.Sprintf("%s-%02x", number.Hex(int64(r.Code), 2), r.last)
}

// byBinade joins the codes of one power of two (eight E4M3 codes, one E8M0 code), or of
// more when there would be too many bars. The codes of zero and of NaN stay alone.
func byBinade(bins []exec.Bin, format string) []codeRange {
	group := 1
	if strings.Contains(format, "E4M3") {
		group = 8
	}
	for {
		rows := joined(bins, group)
		if len(rows) <= maxCodeRows+2 || group >= 256 { // two NaN codes besides
			return rows
		}
		group *= 2
	}
}

func joined(bins []exec.Bin, group int) []codeRange {
	var out []codeRange
	for _, b := range bins {
		last := len(out) - 1
		alone := math.IsNaN(float64(b.Lo)) || last >= 0 && (math.IsNaN(float64(out[last].Lo)) || out[last].Lo == 0 && b.Lo != 0)
		if last < 0 || alone || b.Code/group != out[last].Code/group {
			out = append(out, codeRange{b, b.Code})
			continue
		}
		out[last].last, out[last].Hi = b.Code, b.Hi
		out[last].Count += b.Count
	}
	return out
}

// means sums up a margin: how many means, the least and the greatest with their places.
func (p *page) means(what string, v []exec.Float) {
	lo, hi := -1, -1
	for i, m := range v {
		if m != m {
			continue
		}
		if lo < 0 || m < v[lo] {
			lo = i
		}
		if hi < 0 || m > v[hi] {
			hi = i
		}
	}
	if lo < 0 {
		return
	}
	p.list(counted(what, len(v)), fmt.Sprintf("min %s at %d", p.opt.num(v[lo]), lo), fmt.Sprintf("max %s at %d", p.opt.num(v[hi]), hi))
}
