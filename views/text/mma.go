package text

import (
	"fmt"
	"strconv"

	"fp4tui/exec"
	"fp4tui/views/number"
)

// An instruction has few steps; these bounds hold whatever a result says.
const (
	maxSteps = 32
	maxTerms = 40
)

func mma(p *page, r exec.MMA) {
	p.list("", "d "+word(r.Bits), "value "+number.Exact32(float64(r.Value)))
	p.list(fmt.Sprintf("%s on %s", r.Instr, r.Arch), counted("K", r.K), plural(len(r.Steps), "step"), labelled("model", r.Source))
	p.notes(r.Notes)
	for i, s := range r.Steps {
		if i == maxSteps {
			p.say("and %s more", plural(len(r.Steps)-i, "step"))
			break
		}
		p.step(i, s)
	}
}

func mmaLine(o Options, r exec.MMA) []string {
	return []string{"d " + word(r.Bits), number.Exact32(float64(r.Value)), plural(len(r.Steps), "step")}
}

// grouped puts commas into the digits of an integer; what is none stays as it is.
func grouped(units string) string {
	if n, err := strconv.ParseInt(units, 10, 64); err == nil {
		return number.Count(n)
	}
	return units
}

// word is an FP32 word: 0x and eight digits.
func word(bits string) string { return "0x" + bits }

func (p *page) step(i int, s exec.MMAStep) {
	head := fmt.Sprintf("step %d, k %s", i, span(s.K0, s.Len))
	if s.Special != "" {
		p.list(head, "c "+word(s.C), "no arithmetic: "+s.Special, "d "+word(s.D))
		return
	}
	rounding := "exact"
	if s.Rounded {
		rounding = "rounded"
	}
	p.list(head, "c "+word(s.C), fmt.Sprintf("max exponent %d", s.Exp), fmt.Sprintf("quantum 2^%d", s.Quantum), fmt.Sprintf("sum %s units", grouped(s.Sum)),
		rounding, "d "+word(s.D))
	p.within(func() { p.terms(s.Terms) })
}

// terms is the table of one sum. A term of length 0 is the accumulator.
func (p *page) terms(terms []exec.MMATerm) {
	g := grid{columns: []column{{"k", left}, {"dot", right}, {"scale", right}, {"exponent", right}, {"units", right}, {"truncated", left}}}
	for i, t := range terms {
		if i == maxTerms {
			break
		}
		k := "c"
		if t.Len > 0 {
			k = span(t.K0, t.Len)
		}
		cut := "no"
		if t.Cut {
			cut = "yes"
		}
		g.add(k, number.Count(t.Dot), number.Count(t.Scale), strconv.Itoa(t.Exp), grouped(t.Units), cut)
	}
	p.table(g)
	if more := len(terms) - maxTerms; more > 0 {
		p.say("and %s more", plural(more, "term"))
	}
}
