package text

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"fp4tui/exec"
	"fp4tui/views/number"
)

// What a notebook shows of an explanation; JSON and the terminal UI show all.
const (
	explainBlocks   = 4
	explainSteps    = 4
	explainElements = 4
	waterfallWidth  = 24
)

func explained(p *page, r exec.Explained) {
	noise := ""
	if !math.IsNaN(float64(r.Noise)) {
		noise = number.Format(float64(r.Noise), 3) + " sigma"
		if !math.IsNaN(float64(r.NoiseLimit)) {
			noise += " (limit " + number.Format(float64(r.NoiseLimit), 2) + ")"
		}
	}
	p.list(either(r.Subject, fmt.Sprintf("[%d,%d]", r.M, r.N)), "got "+p.opt.num(r.Got)+bits(r.GotBits), "want "+p.opt.num(r.Want)+bits(r.WantBits),
		"error "+p.opt.signed(r.Err), noise)
	p.list("", labelled("got by", r.GotBy), labelled("taken for", r.As), labelled("want by", r.WantBy), labelled("mode", r.Mode), "alpha "+p.opt.num(r.Alpha))
	p.notes(r.Missing)
	p.budget(r)
	p.blockRanking(r)
	p.accumulator(r.Accumulator)
	p.elementProof(r.Proof)
	if len(r.Block.Elements) > 0 {
		p.blockDetail(r)
	}
}

func explainedLine(o Options, r exec.Explained) []string {
	parts := []string{"err " + o.signed(r.Err)}
	if i := largestPart(r); i >= 0 {
		parts = append(parts, r.Budget[i].Text+" "+o.signed(r.Budget[i].Part))
	}
	return append(parts, r.Proof.Word)
}

// largestPart is the part of greatest magnitude; NaN before all, -1 without any.
func largestPart(r exec.Explained) int {
	best := -1
	for i, row := range r.Budget {
		switch v := math.Abs(float64(row.Part)); {
		case math.IsNaN(v):
			return i
		case v > 0 && (best < 0 || v > math.Abs(float64(r.Budget[best].Part))):
			best = i
		}
	}
	return best
}

// budget is the waterfall from no error to got - want.
func (p *page) budget(r exec.Explained) {
	parts := make([]float64, len(r.Budget))
	for i, row := range r.Budget {
		parts[i] = float64(row.Part)
	}
	falls := Waterfall(append(parts, float64(r.Err)), waterfallWidth)
	g := grid{columns: []column{{"error by operation", name}, {"part", float}, {"running sum of the error", left}}}
	for i, row := range r.Budget {
		text := row.Text
		if row.Reference {
			text = "reference: " + text
		}
		part := p.opt.signed(row.Part)
		if row.Part == 0 {
			part = "none"
		}
		g.add(text, part, falls[i])
	}
	g.add("got - want", p.opt.signed(r.Err), falls[len(falls)-1])
	p.table(g)
	switch {
	case r.Broke != "":
		p.say("nothing adds up: the first that is not finite is %s", r.Broke)
	case r.Adds:
		p.say("the parts add up exactly: %s", r.Exact)
	case len(r.Budget) > 0:
		p.say("the parts do not add up: this is a bug of fp4tui")
	}
}

// Waterfall draws parts as bars along a running sum, in w columns; the last value is the
// total and starts at zero. What is there is at least a mark, exactly zero is blank, and
// with a NaN all are.
func Waterfall(values []float64, w int) []string {
	out := make([]string, len(values))
	lo, hi, sum := 0.0, 0.0, 0.0
	ends := make([][2]float64, len(values))
	for i, v := range values {
		from := sum
		if i == len(values)-1 {
			from = 0
		}
		sum = from + v
		ends[i] = [2]float64{min(from, sum), max(from, sum)}
		lo, hi = min(lo, sum), max(hi, sum)
		if math.IsNaN(sum) || math.IsInf(sum, 0) {
			return out
		}
	}
	if hi == lo {
		return out
	}
	cell := func(v float64) int { return int(math.Round((v - lo) / (hi - lo) * float64(w))) }
	for i, e := range ends {
		a, b := cell(e[0]), cell(e[1])
		switch {
		case values[i] == 0:
		case a == b:
			out[i] = strings.Repeat(" ", min(a, w-1)) + "▏"
		default:
			out[i] = strings.Repeat(" ", a) + strings.Repeat("█", b-a)
		}
	}
	return out
}

// KAxis draws contributions along K in two lines: what adds to it and what takes from it,
// in eighths of the largest. NaN is "!".
func KAxis(values []exec.Float, plain bool) (up, down string) {
	most := 0.0
	for _, v := range values {
		if a := math.Abs(float64(v)); !math.IsInf(a, 0) && a > most {
			most = a
		}
	}
	glyphs := []rune("▁▂▃▄▅▆▇█")
	if plain {
		glyphs = []rune("12345678")
	}
	var lines [2]strings.Builder
	for _, v := range values {
		x := float64(v)
		marks := [2]rune{' ', ' '}
		side := 0
		if x < 0 {
			side = 1
		}
		switch {
		case math.IsNaN(x):
			marks[0] = '!'
		case x != 0:
			marks[side] = glyphs[min(int(math.Min(math.Abs(x)/most, 1)*8), 7)]
		}
		lines[0].WriteRune(marks[0])
		lines[1].WriteRune(marks[1])
	}
	return lines[0].String(), lines[1].String()
}

func (p *page) blockRanking(r exec.Explained) {
	if len(r.Blocks) == 0 {
		return
	}
	by := "what they add to got"
	if r.ByError {
		by = "the error of their operands"
	}
	p.say("%s of %d along K, by %s%s:", plural(r.BlockN, "block"), r.BlockSize, by, axisStep(r.AxisStep))
	up, down := KAxis(r.Axis, p.opt.ASCII)
	p.within(func() {
		if len(r.Axis)+6 <= p.opt.Width {
			p.line("+ |" + up + "|")
			p.line("- |" + down + "|")
		}
		g := grid{columns: []column{{"block", right}, {"k", left}, {"adds to err", float}, {"adds to got", float}, {"share", right}, {"scale", left}, {"value", right}, {"x scale", left}, {"value", right}}}
		for _, b := range r.Blocks[:min(len(r.Blocks), explainBlocks)] {
			err := ""
			if r.ByError {
				err = p.opt.signed(b.Err)
			}
			scale, value := scaleTexts(p.opt, b.Scale, b.ScaleV)
			xs, xv := scaleTexts(p.opt, b.XScale, b.XScaleV)
			g.add(strconv.Itoa(b.Block), span(b.K0, b.Len), err, p.opt.signed(b.Sum), shareText(b.Share), scale, value, xs, xv)
		}
		p.table(g)
	})
}

// axisStep says how many blocks stand in one column, when it is not one.
func axisStep(n int) string {
	if n <= 1 {
		return ""
	}
	return fmt.Sprintf(" (%d a column)", n)
}

// line writes a line whose glyphs are already those of the options.
func (p *page) line(text string) { p.emit(strings.Repeat(" ", p.indent) + text) }

// scaleTexts is a scale byte and its value; nothing without one.
func scaleTexts(o Options, scale int, v exec.Float) (code, value string) {
	if scale < 0 {
		return "", ""
	}
	return number.Hex(int64(scale), 2), o.short(v)
}

func shareText(v exec.Float) string {
	if math.IsNaN(float64(v)) {
		return ""
	}
	return fmt.Sprintf("%.0f%%", 100*float64(v))
}

func (p *page) accumulator(a exec.Accumulator) {
	if a.Instr == "" {
		p.say("accumulator: nothing was emulated")
		return
	}
	loss := "exact"
	if a.Loss != 0 {
		loss = "lost " + p.opt.signed(a.Loss)
	}
	order := ""
	if a.Parts > 1 || a.Order != "sequential" {
		order = fmt.Sprintf("order %s, %s", a.Order, plural(a.Parts, "accumulator"))
	}
	p.list(fmt.Sprintf("accumulator, %s on %s", a.Instr, a.Arch), fmt.Sprintf("%s of K=%d", plural(a.Count, "instruction"), a.K), order,
		fmt.Sprintf("addends cut in %d", a.Cut), fmt.Sprintf("sum rounded in %d", a.Rounded), loss, "ends as "+word(a.Bits)+" = "+number.Exact32(float64(a.Value)))
	p.notes(a.Notes)
	g := grid{columns: []column{{"step", right}, {"k", left}, {"c", left}, {"d", left}, {"E", right}, {"quantum", right}, {"cut", right}, {"rounded", left}, {"lost", float}}}
	for _, s := range tellingSteps(a.Steps) {
		index := strconv.Itoa(s.Index)
		if a.Parts > 1 {
			index = fmt.Sprintf("%d.%d", s.Part, s.Index)
		}
		if s.Special != "" {
			g.add(index, span(s.K0, s.Len), word(s.C), word(s.D), "", "", "", "", s.Special)
			continue
		}
		rounded, lost := "no", "0"
		if s.Rounded {
			rounded = "yes"
		}
		if s.Loss != 0 {
			lost = p.opt.signed(s.Loss)
		}
		g.add(index, span(s.K0, s.Len), word(s.C), word(s.D), strconv.Itoa(s.Exp), fmt.Sprintf("2^%d", s.Quantum), fmt.Sprintf("%d of %d", s.Cut, s.Terms+1), rounded, lost)
	}
	p.within(func() { p.table(g) })
}

// tellingSteps are the first, the last and between them those that lost most, in order.
func tellingSteps(steps []exec.AccStep) []exec.AccStep {
	if len(steps) <= explainSteps {
		return steps
	}
	middle := make([]int, 0, len(steps))
	for i := 1; i < len(steps)-1; i++ {
		middle = append(middle, i)
	}
	key := func(i int) float64 {
		if v := math.Abs(float64(steps[i].Loss)); !math.IsNaN(v) {
			return v
		}
		return math.Inf(1)
	}
	slices.SortStableFunc(middle, func(a, b int) int {
		switch x, y := key(a), key(b); {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
	keep := append(middle[:explainSteps-2:explainSteps-2], 0, len(steps)-1)
	slices.Sort(keep)
	out := make([]exec.AccStep, 0, len(keep))
	for _, i := range keep {
		out = append(out, steps[i])
	}
	return out
}

func (p *page) elementProof(r exec.ElementProof) {
	switch r.Word {
	case "":
	case "proven":
		bits := ""
		if r.Bits > 0 && r.Why == "" {
			bits = fmt.Sprintf("the sums span %d of the 24 bits of FP32", r.Bits)
		}
		p.list("proven, "+r.Certainty, "same bits in "+r.Claim, bits)
		if r.Why != "" {
			p.list("not exact", r.Why, ProofMarks(r))
		}
	case "unknown":
		p.list("proof", "unknown", r.Why)
	default:
		p.list(r.Word, r.Why, ProofMarks(r))
	}
}

// ProofMarks says where the bits are that stand against a proof.
func ProofMarks(r exec.ElementProof) string {
	if r.Bits == 0 {
		return ""
	}
	text := fmt.Sprintf("%d bits, from 2^%d in k %s to 2^%d in k %s", r.Bits, r.Low.Exp, span(r.Low.K0, r.Low.Len), r.High.Exp, span(r.High.K0, r.High.Len))
	if r.Below.Len > 0 {
		text += fmt.Sprintf("; an addend of k %s reaches down to 2^%d", span(r.Below.K0, r.Below.Len), r.Below.Exp)
	}
	return text
}

func (p *page) blockDetail(r exec.Explained) {
	b := r.Block
	scale, value := scaleTexts(p.opt, b.Scale, b.ScaleV)
	xs, xv := scaleTexts(p.opt, b.XScale, b.XScaleV)
	p.list(fmt.Sprintf("block %d, k %s", b.Block, span(b.K0, b.Len)), join("scale", scale, value), join("x scale", xs, xv), labelled("codes", b.Hex), labelled("x codes", b.XHex))
	g := grid{columns: []column{{"k", right}, {"x", float}, {"as", float}, {"w", float}, {"code", left}, {"original", float}, {"half steps", right}, {"x*w", float}, {"error", float}}}
	for _, e := range b.Elements[:min(len(b.Elements), explainElements)] {
		used, code, original, half, err := "", "", "", "", ""
		if e.Used != e.X {
			used = p.opt.num(e.Used)
		}
		if e.Code >= 0 {
			code = number.Hex(int64(e.Code), 1) + " " + CodeValue(e.Code)
		}
		if !math.IsNaN(float64(e.Original)) {
			original, half = p.opt.num(e.Original), fmt.Sprintf("%.2f", float64(e.Half))
		}
		if r.ByError {
			err = p.opt.signed(e.Err)
		}
		g.add(strconv.Itoa(e.K), p.opt.num(e.X), used, p.opt.num(e.W), code, original, half, p.opt.signed(e.Product), err)
	}
	p.within(func() { p.table(g) })
	if b.Byte >= 0 {
		p.list("file "+b.File, "codes "+number.Offset(b.Byte), "scale byte "+number.Offset(b.ScaleByte))
	}
	if b.Kernel != "" {
		p.list(b.Kernel, fmt.Sprintf("k %d at byte %s, %s nibble", b.Elements[0].K, number.Count(b.KernelByte), nibble(b.KernelHigh)), "scale byte "+number.Count(b.KernelScale))
	}
}

// join puts a label before what is there.
func join(label, code, value string) string {
	if code == "" {
		return ""
	}
	return strings.TrimSpace(label + " " + code + " = " + value)
}
