package text

import (
	"fmt"

	"fp4tui/exec"
	"fp4tui/views/number"
)

func codeUse(p *page, r exec.CodeUse) {
	p.list(counted("codes", r.Count), expertOf(r.Expert, r.Experts), fmt.Sprintf("%d of 16 used", r.Used), "positive "+part(r.Positive, r.Positive+r.Negative),
		"negative "+number.Count(r.Negative))
	g := grid{columns: []column{{"code", left}, {"value", right}, {"count", right}, {"code", left}, {"value", right}, {"count", right}, {"share of both", right}}}
	most := int64(1)
	for i := range 8 {
		most = max(most, r.Codes[i]+r.Codes[i+8])
	}
	for i := range 8 {
		both := r.Codes[i] + r.Codes[i+8]
		g.add(number.Hex(int64(i), 1), CodeValue(i), number.Count(r.Codes[i]), number.Hex(int64(i+8), 1), CodeValue(i+8), number.Count(r.Codes[i+8]),
			number.Of(both, r.Count))
		g.bars = append(g.bars, float64(both)/float64(most))
	}
	p.table(g)
	parts := make([]string, 0, len(r.BlockMax))
	for i, n := range r.BlockMax {
		parts = append(parts, CodeValue(i)+" "+number.Count(n))
	}
	p.list(counted("largest code of blocks", r.Blocks), parts...)
	p.notes(r.Notes)
}

func codeUseLine(_ Options, r exec.CodeUse) []string {
	return []string{fmt.Sprintf("%d of 16 codes used", r.Used), "balance " + number.Of(r.Positive, r.Positive+r.Negative)}
}
