package text

import (
	"strconv"
	"strings"

	"fp4tui/exec"
	"fp4tui/views/number"
)

func dump(p *page, r exec.Dump) {
	shown := int64(0)
	g := grid{columns: []column{{"offset", left}, {"row", right}, {"column", right}, {"bytes", left}}}
	for _, row := range r.Rows {
		shown += int64(len(row.Hex) / 2)
		g.add(number.Offset(row.Offset), strconv.Itoa(row.Row), strconv.Itoa(row.Col), pairs(row.Hex))
	}
	p.list(either(r.Role, "bytes"), r.Subject, number.Count(r.Bytes)+" of "+plural(r.Total, "byte"), labelled("file", r.File))
	if shown < r.Bytes {
		p.say("the first %s:", plural(shown, "byte"))
	}
	p.table(g)
	p.elements(r.Values)
}

func dumpLine(_ Options, r exec.Dump) []string {
	if len(r.Rows) == 0 {
		return []string{plural(r.Bytes, "byte")}
	}
	return []string{plural(r.Bytes, "byte") + " at " + number.Offset(r.Rows[0].Offset)}
}

// elements is the decoded block behind a dump.
func (p *page) elements(values []exec.DumpElement) {
	g := grid{columns: []column{{"n", right}, {"k", right}, {"code", left}, {"value", right}, {"scale", right}, {"deq", float}, {"byte", left}, {"nibble", left}}}
	for _, v := range values {
		g.add(strconv.Itoa(v.N), strconv.Itoa(v.K), number.Hex(int64(v.Code), 1), CodeValue(v.Code), p.opt.short(v.Scale), p.opt.num(v.Deq),
			number.Offset(v.Byte), nibble(v.High))
	}
	p.table(g)
}

func nibble(high bool) string {
	if high {
		return "high"
	}
	return "low"
}

// pairs puts blanks between the bytes of a hex string.
func pairs(hex string) string {
	var b strings.Builder
	for i, r := range []rune(hex) {
		if i > 0 && i%2 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}
