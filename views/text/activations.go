package text

import (
	"fmt"
	"slices"
	"strings"

	"fp4tui/exec"
	"fp4tui/views/number"
)

func activationsOf(p *page, r exec.Activations) {
	p.list("activations of "+either(r.X, "x"), "by "+either(r.By, "nobody"))
	p.quantizing(r.ActSummary)
	p.alphaOf(r.Alpha, r.AlphaMin, r.AlphaMax, r.Factors)
	p.bins(exec.Histogram{Axis: codeAxis, Format: r.Format, Count: r.Blocks, Bins: r.Scales})
}

func activationsLine(o Options, r exec.Activations) []string {
	return []string{"activations " + r.Policy, "sqnr " + o.num(r.SQNR) + " dB", level(r.Level)}
}

// quantizing is what became of the activations, worst last: "x static, encode scale 94.5,
// block scales 3,072: zero 0, …, sqnr 20.4 dB: ok".
func (p *page) quantizing(s exec.ActSummary) {
	head := "x " + either(s.Policy, "none")
	if s.Per != "tensor" {
		head += " per " + either(s.Per, "nothing")
	}
	encode := ""
	if s.Global {
		encode = "encode scale " + p.opt.num(s.EncodeMin)
		if s.EncodeMin < s.EncodeMax { // equal for one scale, NaN where x is
			encode += " to " + p.opt.num(s.EncodeMax)
		}
	}
	p.list(head, encode, counted("block scales", s.Blocks), share("zero", s.Zero, s.Blocks), held(s), nonzero("nan", s.NaN), share("saturated", s.Saturated, s.Blocks))
	verdict := level(s.Level)
	if s.Verdict != "" {
		verdict += ", " + s.Verdict
	}
	p.list("", counted("values", s.Elements), share("clipped", s.Clipped, s.Elements), share("flushed to zero", s.Flushed, s.Elements), nonzero("not finite", s.NonFinite),
		"sqnr "+p.opt.num(s.SQNR)+" dB: "+verdict)
}

// held says how many of the zero scales stand for values that were not zero.
func held(s exec.ActSummary) string {
	if s.Zero == 0 {
		return ""
	}
	return number.Count(s.Lost) + " of them over values"
}

// share is "saturated 15 (0.04%)", without a share of nothing.
func share(label string, n, of int64) string {
	if n == 0 {
		return counted(label, n)
	}
	return fmt.Sprintf("%s (%s)", counted(label, n), number.Of(n, of))
}

func nonzero(label string, n int64) string {
	if n == 0 {
		return ""
	}
	return counted(label, n)
}

// alphaOf is alpha as the product of its factors, each with its origin:
// "alpha 5.8e-06 = 1/x.global 94.5 (stored, w.input_global_scale) × 1/w.global 1808 (…)".
func (p *page) alphaOf(alpha, lo, hi exec.Float, factors []exec.Factor) {
	if len(factors) == 0 {
		return
	}
	text := "alpha " + p.opt.num(alpha)
	if alpha != alpha && lo == lo {
		text = fmt.Sprintf("alpha %s to %s by row", p.opt.num(lo), p.opt.num(hi))
	}
	terms := make([]string, 0, len(factors))
	for _, f := range factors {
		terms = append(terms, p.opt.factor(f))
	}
	p.say("%s = %s", text, strings.Join(terms, " × "))
}

func (o Options) factor(f exec.Factor) string {
	name := f.Name
	if f.Direction == "divisor" {
		name = "1/" + name
	}
	if f.Value == f.Value {
		name += " " + o.num(f.Value)
	}
	from := slices.DeleteFunc([]string{f.Origin, f.Tensor, f.File}, func(s string) bool { return s == "" })
	if len(from) == 0 {
		return name
	}
	return fmt.Sprintf("%s (%s)", name, strings.Join(from, ", "))
}
