package text

import (
	"fmt"
	"math"
	"strconv"

	"fp4tui/exec"
	"fp4tui/views/number"
)

// verdict writes what the error is, the numbers behind it, and every test that failed.
func verdict(p *page, r exec.Verdict) {
	head := either(r.Handle, "verdict")
	if r.Normal {
		p.list(head, r.Verdict, "worst "+p.opt.num(r.Noise)+" sigma"+at(r.NoiseAt), "limit "+p.opt.short(r.Limit))
	} else {
		p.list(head, "BAD", r.Verdict, r.Where)
	}
	p.list("", "energy "+p.opt.num(r.Ratio)+" of that expected from "+expectedFrom(r), "sqnr "+p.opt.num(r.SQNR)+" dB", expectedSQNR(p.opt, r), "gain "+p.opt.num(r.Gain))
	if !r.Normal {
		p.list("", "worst "+p.opt.num(r.Noise)+" sigma"+at(r.NoiseAt), "limit "+p.opt.short(r.Limit))
	}
	if r.Cause != "" {
		p.list("cause", r.Cause, "explains "+percent(r.Explained)+" of the error")
		p.within(func() { p.say("look: %s", r.Command) })
	}
	for _, f := range r.Findings {
		p.standsOut(f)
	}
	if r.Cause == "" && len(r.Causes) > 0 {
		p.list("no known mistake explains it", "nearest: "+r.Causes[0].Name, percent(r.Causes[0].Explained))
	}
	p.list("", fmt.Sprintf("%s of %s", plural(len(r.Findings), "finding"), plural(r.Tests, "test")), "false alarm "+percent(r.Alarm)+" of clean errors",
		fmt.Sprintf("%s %d×%d", r.Of, r.M, r.N))
}

func expectedFrom(r exec.Verdict) string {
	if r.Of == "arithmetic" {
		return "rounding"
	}
	return "scales and codes"
}

// expectedSQNR is left out where nothing but rounding is expected.
func expectedSQNR(o Options, r exec.Verdict) string {
	if r.Of == "arithmetic" {
		return ""
	}
	return "expected " + o.num(r.Expected) + " dB"
}

func (p *page) standsOut(f exec.StandsOut) {
	word := f.Test
	if f.Remark {
		word += " (remark)"
	}
	parts := []string{f.What, f.Where}
	if f.Bound > 0 {
		parts = append(parts, p.opt.short(f.Value)+" where noise stays below "+p.opt.short(f.Bound))
	}
	p.list(word, parts...)
	p.within(func() { p.say("look: %s", f.Command) })
}

func verdictLine(o Options, r exec.Verdict) []string {
	if r.Normal {
		return []string{either(r.Verdict, "normal"), "worst " + o.num(r.Noise) + " sigma"}
	}
	if r.Cause != "" {
		return []string{"BAD", r.Cause}
	}
	return []string{"BAD", either(r.Verdict, "no name"), r.Where}
}

// diagnosed writes the ranking.
func diagnosed(p *page, r exec.Diagnosed) {
	p.list(r.Subject, r.Verdict)
	p.list("", errorOf(p.opt, r.Error), "against gemm "+r.X+" "+r.W, r.Plain)
	for i, c := range r.Causes {
		p.list(strconv.Itoa(i+1), "explains "+hundredths(c.Explained), c.Name, "error left "+leftOver(p.opt, c.RelError))
		p.within(func() { p.say("look: %s", c.Command) })
	}
	if r.Clean {
		return
	}
	p.list("", number.Count(int64(r.Tried))+" mistakes tried", fmt.Sprintf("on %s of %s", plural(r.Rows, "row"), plural(r.Cols, "column")))
}

// hundredths writes a share with two decimals: what made the output is near 100.
func hundredths(v exec.Float) string { return strconv.FormatFloat(float64(v)*100, 'f', 2, 64) + "%" }

// errorOf is the relative error of an output; one without any number but zero has none.
func errorOf(o Options, v exec.Float) string {
	if math.IsInf(float64(v), 0) {
		return "all of the output is wrong"
	}
	return "error " + o.num(v) + " of the output"
}

// leftOver is a relative error; of a zero output there is none.
func leftOver(o Options, v exec.Float) string {
	if math.IsInf(float64(v), 0) {
		return "inf"
	}
	return o.short(v)
}

func diagnosedLine(_ Options, r exec.Diagnosed) []string {
	if len(r.Causes) == 0 || r.Clean {
		return []string{either(r.Verdict, "nothing to say")}
	}
	return []string{either(r.Verdict, "nothing to say"), hundredths(r.Causes[0].Explained)}
}
