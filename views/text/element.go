package text

import (
	"fmt"
	"strconv"

	"fp4tui/exec"
	"fp4tui/views/number"
)

func element(p *page, r exec.Element) {
	p.list(either(r.Subject, fmt.Sprintf("[%d,%d]", r.M, r.N)), "got "+p.opt.num(r.Got)+bits(r.GotBits), "want "+p.opt.num(r.Want)+bits(r.WantBits),
		"error "+p.opt.signed(r.Err), "rel "+p.opt.num(r.Rel), "ulp "+p.opt.whole(r.ULP))
	p.list("", labelled("got by", r.GotBy), labelled("want by", r.WantBy))
	if len(r.Terms) == 0 {
		p.say("operands unknown: only a product of a quantized weight has terms to show")
		return
	}
	p.say("largest %s of %s:", plural(len(r.Terms), "term"), number.Count(int64(len(r.Terms)+r.Others)))
	p.products(r.Terms)
	if file := r.Terms[0].File; file != "" {
		p.say("file %s", file)
	}
	parts := make([]string, 0, len(r.Blocks))
	for _, b := range r.Blocks {
		parts = append(parts, fmt.Sprintf("block %s %s (scale %s)", known(b.Block), p.opt.signed(b.Sum), number.Hex(int64(b.Scale), 2)))
	}
	if len(parts) > 0 {
		p.list("largest sums", parts...)
	}
}

func elementLine(o Options, r exec.Element) []string {
	return []string{"err " + o.signed(r.Err), "got " + o.num(r.Got), "want " + o.num(r.Want)}
}

// bits is a word in brackets; nothing without one.
func bits(word string) string {
	if word == "" {
		return ""
	}
	return " (" + word + ")"
}

// products is the table of x·w with the bits of w and where they lie.
func (p *page) products(terms []exec.Term) {
	g := grid{columns: []column{{"k", right}, {"x", float}, {"code", left}, {"value", right}, {"scale", left}, {"value", right}, {"w", float}, {"x*w", float},
		{"byte", left}, {"nibble", left}, {"scale byte", left}}}
	for _, t := range terms {
		row := []string{strconv.Itoa(t.K), p.opt.num(t.X), number.Hex(int64(t.Code), 1), CodeValue(t.Code), number.Hex(int64(t.Scale), 2),
			p.opt.short(t.ScaleV), p.opt.num(t.W), p.opt.signed(t.Product)}
		if t.Byte < 0 {
			row = append(row, "", "", "")
		} else {
			row = append(row, number.Offset(t.Byte), nibble(t.High), number.Offset(t.ScaleByte))
		}
		g.add(row...)
	}
	p.table(g)
}
