package text

import (
	"math"

	"fp4tui/exec"
	"fp4tui/views/number"
)

func statistics(p *page, r exec.Stats) {
	what := counted(kinds(r.Of), r.Count)
	if of := expertOf(r.Expert, r.Experts); of != "" {
		what = of + ", " + what
	}
	switch {
	case r.Count == 0:
		p.list(what, "nothing to measure")
	case r.Of == "block scales":
		p.list(what, p.opt.quantiles(r.Min, exec.Float(math.NaN()), r.P50, r.P99, r.Max)...)
	default:
		p.list(what, "min "+p.opt.num(r.Min), "p1 "+p.opt.num(r.P1), "p50 "+p.opt.num(r.P50), "p99 "+p.opt.num(r.P99), "max "+p.opt.num(r.Max),
			"mean "+p.opt.num(r.Mean), "std "+p.opt.num(r.Std))
	}
	p.health(r.Pill)
	p.notes(r.Notes)
}

func statisticsLine(_ Options, r exec.Stats) []string {
	return append([]string{number.Count(r.Count) + " " + kinds(r.Of)}, pillLine(r.Pill)...)
}
