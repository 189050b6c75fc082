package views

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"fp4tui/exec"
	"fp4tui/views/number"
	"fp4tui/views/text"
)

// sheet collects lines of spans that are longer than their place on the screen.
type sheet struct{ lines [][]span }

func (t *sheet) add(parts ...span) { t.lines = append(t.lines, parts) }

// wrapped adds text in as many lines as it takes.
func (t *sheet) wrapped(look role, text string, w int) {
	for _, line := range wrap(text, w) {
		t.add(span{look, line})
	}
}

// table adds rows in columns.
func (t *sheet) table(columns []column, rows [][]string) {
	titles := make([]string, len(columns))
	for i, c := range columns {
		titles[i] = c.title
	}
	t.add(span{dim, rowText(columns, titles)})
	for _, row := range rows {
		t.add(span{plain, rowText(columns, row)})
	}
}

func rowText(columns []column, texts []string) string {
	line := ""
	for i, c := range columns {
		if i > 0 {
			line += "  "
		}
		if part := cut(texts[i], c.w); c.right {
			line += padLeft(part, c.w)
		} else {
			line += pad(part, c.w)
		}
	}
	return line
}

// draw shows the lines from the given one on.
func (t *sheet) draw(r region, from int) {
	for y := range r.h {
		if from+y < len(t.lines) {
			r.spans(1, y, t.lines[from+y]...)
		}
	}
}

// wideLower is the width from which the lower part has two columns.
const wideLower = 110

// sheets are the focused block, the proof and the accumulator: one column, or two where
// there is room.
func (p *elementPane) sheets(s *scene, e exec.Explained) (left, right sheet) {
	block := e
	if b, ready, _ := look[exec.Explained](s, p.blockLine(s, e)); ready {
		block = b
	}
	if s.w >= wideLower {
		blockSheet(&left, block, s.w/2-2)
		accumulatorSheet(&right, e, s.w-s.w/2-3)
		return left, right
	}
	blockSheet(&left, block, s.w-2)
	left.add()
	accumulatorSheet(&left, e, s.w-2)
	return left, right
}

// drawLower is the part that scrolls.
func (p *elementPane) drawLower(r region, s *scene, e exec.Explained) {
	r.rule(0, 0, r.w)
	left, right := p.sheets(s, e)
	body := r.sub(0, 1, r.w, r.h-1)
	lines := max(len(left.lines), len(right.lines))
	p.from = min(max(p.from, 0), max(0, lines-body.h))
	left.draw(body, p.from)
	if s.w >= wideLower {
		half := body.sub(r.w/2, 0, r.w, body.h)
		half.clear()
		half.bar(0)
		right.draw(half.sub(1, 0, half.w, body.h), p.from)
	}
	if rest := lines - p.from - body.h; rest > 0 {
		r.right(r.w-1, 0, dim, fmt.Sprintf(" %d more, PgDn ", rest))
	} else if p.from > 0 {
		r.right(r.w-1, 0, dim, " PgUp ")
	}
}

// blockSheet is one K block down to its bytes.
func blockSheet(t *sheet, e exec.Explained, w int) {
	b := e.Block
	if len(b.Elements) == 0 {
		return
	}
	head := []span{{strong, fmt.Sprintf("block %d  k %d-%d", b.Block, b.K0, b.K0+b.Len-1)}}
	if b.Scale >= 0 {
		head = append(head, span{plain, fmt.Sprintf("  scale %s = %s", number.Hex(int64(b.Scale), 2), short(b.ScaleV))})
	}
	if b.XScale >= 0 {
		head = append(head, span{plain, fmt.Sprintf("  of x %s = %s", number.Hex(int64(b.XScale), 2), short(b.XScaleV))})
	}
	t.add(head...)
	columns := []column{{"k", 5, true}, {"x", 8, true}, {"as", 8, true}, {"w", 8, true}, {"code", 4, false}, {"value", 5, true}, {"half", 4, true}, {"x·w", 9, true}}
	if e.ByError {
		columns[7].title = "error"
	}
	drop := []int{}
	if e.Mode != "w4a4" {
		drop = append(drop, 2) // x is multiplied as it is
	} else if w < 66 {
		for i := 1; i <= 3; i++ {
			columns[i].w = 7
		}
		drop = append(drop, 5)
	}
	var rows [][]string
	for _, v := range b.Elements {
		rows = append(rows, without(elementTexts(v, e.ByError, columns[1].w), drop))
	}
	columns = without(columns, drop)
	first := min(len(rows), 4)
	t.table(columns, rows[:first])
	addressLines(t, b, w)
	for _, row := range rows[first:] {
		t.add(span{plain, rowText(columns, row)})
	}
}

// without is a list less the places to drop.
func without[T any](list []T, drop []int) []T {
	var out []T
	for i, v := range list {
		if !slices.Contains(drop, i) {
			out = append(out, v)
		}
	}
	return out
}

// elementTexts are the columns of one product; w is the width of its numbers.
func elementTexts(v exec.BlockElement, byError bool, w int) []string {
	used, code, value, half, key := "", "", "", "", v.Product
	if v.Used != v.X {
		used = number.Fit(float64(v.Used), screenDigits, w)
	}
	if v.Code >= 0 {
		code, value = number.Hex(int64(v.Code), 1), text.CodeValue(v.Code)
	}
	if !math.IsNaN(float64(v.Half)) {
		half = fmt.Sprintf("%.0f%%", 100*float64(v.Half))
	}
	if byError {
		key = v.Err
	}
	return []string{strconv.Itoa(v.K), number.Fit(float64(v.X), screenDigits, w), used, number.Fit(float64(v.W), screenDigits, w), code, value, half, fitSigned(float64(key), screenDigits, 9)}
}

// addressLines is where the block lies, and its bytes.
func addressLines(t *sheet, b exec.BlockDetail, w int) {
	if b.Hex != "" {
		t.add(span{dim, "codes    "}, span{plain, spaced(b.Hex, w-9)})
	}
	if b.XHex != "" {
		t.add(span{dim, "of x     "}, span{plain, spaced(b.XHex, w-9)})
	}
	if b.Byte >= 0 {
		t.add(span{dim, "address  "}, span{plain, fmt.Sprintf("codes from %s  scale byte %s", number.Offset(b.Byte), number.Offset(b.ScaleByte))})
		t.add(span{dim, "file     "}, span{plain, cutMiddle(b.File, w-9)})
	}
	if b.Kernel != "" {
		t.add(span{dim, pad(cut(b.Kernel, 8), 9)}, span{plain, fmt.Sprintf("k %d %s, scale %s", b.Elements[0].K, nibbleText(b.KernelByte, b.KernelHigh), number.Offset(b.KernelScale))})
	}
}

// spaced puts a blank between bytes where there is room.
func spaced(hex string, w int) string {
	if len(hex)*3/2 > w {
		return cut(hex, w)
	}
	out := ""
	for i := 0; i+2 <= len(hex); i += 2 {
		if i > 0 {
			out += " "
		}
		out += hex[i : i+2]
	}
	return out
}

// accumulatorSheet is the proof and the accumulator after each of its instructions.
func accumulatorSheet(t *sheet, e exec.Explained, w int) {
	switch e.Proof.Word {
	case "proven":
		t.wrapped(okRole, "proven, "+e.Proof.Certainty+": same bits in "+e.Proof.Claim, w)
	case "unproven":
		t.wrapped(warnRole, "unproven: "+e.Proof.Why, w)
		t.wrapped(dim, text.ProofMarks(e.Proof), w)
	}
	for _, m := range e.Missing {
		t.wrapped(warnRole, m, w)
	}
	a := e.Accumulator
	if a.Instr == "" {
		t.add(span{dim, "accumulator: nothing was emulated"})
		return
	}
	lost := "exact"
	if a.Loss != 0 {
		lost = "lost " + signed(a.Loss)
	}
	t.add(span{strong, "accumulator"}, span{plain, fmt.Sprintf("  %s %s  0x%s = %s", a.Instr, a.Arch, a.Bits, num(a.Value))})
	t.wrapped(plain, fmt.Sprintf("%d instructions of K=%d, order %s; cut in %d, rounded in %d; %s", a.Count, a.K, a.Order, a.Cut, a.Rounded, lost), w)
	for _, note := range a.Notes {
		t.wrapped(dim, note, w)
	}
	columns := []column{{"step", 4, true}, {"k", 5, true}, {"d", 8, false}, {"value", 9, true}, {"E", 3, true}, {"q", 4, true}, {"cut", 3, true}, {"", 7, false}, {"lost", 8, true}}
	narrow := w < 67
	if narrow {
		columns = append(columns[:3:3], columns[4:]...)
	}
	var rows [][]string
	for _, s := range a.Steps {
		row := []string{stepName(a, s), strconv.Itoa(s.K0), s.D, number.Fit(float64(s.Value), screenDigits, 9), strconv.Itoa(s.Exp), strconv.Itoa(s.Quantum), strconv.Itoa(s.Cut), roundedText(s), lossText(s)}
		if narrow {
			row = append(row[:3:3], row[4:]...)
		}
		rows = append(rows, row)
	}
	t.table(columns, rows)
}

func stepName(a exec.Accumulator, s exec.AccStep) string {
	if a.Parts > 1 {
		return fmt.Sprintf("%d.%d", s.Part, s.Index)
	}
	return strconv.Itoa(s.Index)
}

func roundedText(s exec.AccStep) string {
	switch {
	case s.Special != "":
		return s.Special
	case s.Rounded:
		return "rounded"
	}
	return ""
}

func lossText(s exec.AccStep) string {
	if s.Loss == 0 {
		return ""
	}
	return fitSigned(float64(s.Loss), 3, 8)
}
