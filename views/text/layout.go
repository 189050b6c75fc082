package text

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"fp4tui/exec"
	"fp4tui/views/number"
)

func prepared(p *page, r exec.Prepared) {
	p.list(either(r.Handle, "prepared"), r.Subject+" for "+either(r.Kernel, "no kernel, steps by hand"), r.Format, grown("N", r.N, r.PadN), grown("K", r.K, r.PadK),
		fmt.Sprintf("block %d", r.Block), gated(r.Gated))
	p.list("", labelled("kernel of", r.Engine), r.Doc, labelled("activations", r.Activations), labelled("output", r.Output))
	g := grid{columns: []column{{"step", right}, {"does", left}, {"required", left}, {"changed", left}, {"padded", right}, {"bytes", right}}}
	for i, s := range r.Steps {
		g.add(strconv.Itoa(i+1), s.Name, s.Required, stepChange(s), stepShare(s), number.Count(s.After))
	}
	p.table(g)
	if len(r.Steps) == 0 {
		p.say("no steps: the rows of the checkpoint as they are")
	}
	if r.Undone > 0 {
		p.say("%s of the kernel not done yet", plural(r.Undone, "step"))
	}
	p.list("", "codes "+plural(r.CodesBytes, "byte"), "scales "+plural(r.ScalesBytes, "byte"), "global "+p.opt.num(r.Global), rescaled(p.opt, r.Rescale))
	if r.Lost > 0 {
		p.say("BAD: %s of the block scales are lost in the encoding of the kernel", number.Count(r.Lost))
	}
	for _, w := range r.Warnings {
		p.say("warn: %s", w)
	}
}

func preparedLine(_ Options, r exec.Prepared) []string {
	parts := []string{fmt.Sprintf("%s %d×%d", either(r.Kernel, "by hand"), r.PadN, r.PadK), plural(len(r.Steps), "step")}
	if r.Lost > 0 {
		parts = append(parts, number.Count(r.Lost)+" scales lost")
	}
	return append(parts, number.Count(r.CodesBytes)+" + "+plural(r.ScalesBytes, "byte"))
}

// grown is "N 1000→1024", or "N 1024" when nothing was added.
func grown(side string, n, padded int) string {
	if n == padded {
		return fmt.Sprintf("%s %d", side, n)
	}
	return fmt.Sprintf("%s %d→%d", side, n, padded)
}

func gated(yes bool) string {
	if yes {
		return "gate and up"
	}
	return ""
}

// rescaled tells the factor of the block scales when there is one.
func rescaled(o Options, v exec.Float) string {
	if v == 0 || v == 1 || math.IsNaN(float64(v)) {
		return ""
	}
	return "block scales rescaled by " + o.short(v)
}

func stepChange(s exec.PrepStep) string {
	if s.None {
		return either(s.Changed, "nothing to do")
	}
	return s.Changed
}

// stepShare is what a step added, one decimal; nothing when it added nothing.
func stepShare(s exec.PrepStep) string {
	if !(s.Padded > 0) {
		return ""
	}
	return percent(s.Padded)
}

// percent writes a share with one decimal, as plans do: "33.3%".
func percent(v exec.Float) string {
	f := float64(v) * 100
	if math.IsNaN(f) || math.IsInf(f, 0) || math.Abs(f) >= 1e6 {
		return number.Format(f, 4) + "%"
	}
	return strconv.FormatFloat(f, 'f', 1, 64) + "%"
}

func place(p *page, r exec.Place) {
	if r.Padding {
		p.list(either(r.Subject, "place"), "padding, no element", paddingAt(r))
		return
	}
	p.list(fmt.Sprintf("%s[%d,%d]", base(r.Subject), r.N, r.K), fmt.Sprintf("code %s = %s", number.Hex(int64(r.Code), 1), p.opt.short(r.CodeValue)),
		fmt.Sprintf("block %d", r.Block), fmt.Sprintf("scale %s = %s", number.Hex(int64(r.Scale), 2), p.opt.short(r.ScaleV)), "deq "+p.opt.num(r.Deq))
	if r.FileByte >= 0 {
		p.list("file", "byte "+number.Offset(r.FileByte)+" "+nibble(r.FileHigh)+" nibble", placed("scale byte", r.FileScale, number.Offset), r.File)
	}
	if r.Byte >= 0 {
		p.list(either(r.Kernel, "buffer"), "byte "+number.Count(r.Byte)+" "+nibble(r.High)+" nibble", bufferRow(r), placed("scale byte", r.ScaleByte, number.Count), storedByte(r))
	}
}

// placeLine is where the buffer has the element, or the file when there is no buffer.
func placeLine(_ Options, r exec.Place) []string {
	switch {
	case r.Padding:
		return []string{"padding", paddingAt(r)}
	case r.Kernel == "" && r.FileByte >= 0:
		return []string{"byte " + number.Offset(r.FileByte) + " " + nibble(r.FileHigh), placed("scale byte", r.FileScale, number.Offset)}
	case r.Byte >= 0:
		return []string{"byte " + number.Count(r.Byte) + " " + nibble(r.High), placed("scale byte", r.ScaleByte, number.Count)}
	}
	return []string{fmt.Sprintf("n %d", r.N), fmt.Sprintf("k %d", r.K)}
}

// base is the name of a reference: the window is the place that was found.
func base(subject string) string {
	name, _, _ := strings.Cut(subject, "[")
	return either(name, "element")
}

// paddingAt is the byte that holds no element: a code's or a scale's.
func paddingAt(r exec.Place) string {
	if r.Byte < 0 {
		return placed("scale byte", r.ScaleByte, number.Count)
	}
	return "byte " + number.Count(r.Byte) + " " + nibble(r.High) + " nibble"
}

func bufferRow(r exec.Place) string {
	if r.Row < 0 || r.Kernel == "" {
		return ""
	}
	return fmt.Sprintf("row %d column %d", r.Row, r.Col)
}

func placed(label string, at int64, write func(int64) string) string {
	if at < 0 {
		return ""
	}
	return label + " " + write(at)
}

func storedByte(r exec.Place) string {
	if r.Stored < 0 || r.Stored == r.Scale {
		return ""
	}
	return "stored as " + number.Hex(int64(r.Stored), 2)
}

func identified(p *page, r exec.Identified) {
	p.list(either(r.Subject, "buffer"), either(r.Verdict, "none fits"), either(labelled("against", r.Against), "by plausibility alone"))
	for i, c := range r.Candidates {
		fit := []string{fitWord(c, i == 0)}
		if c.Weak {
			fit = append(fit, "score "+p.opt.short(c.Score)+" of 2")
		} else {
			fit = append(fit, "error "+p.opt.num(c.Error), "wrong codes "+percent(c.CodesWrong), "wrong scales "+percent(c.ScalesWrong))
		}
		p.list(strconv.Itoa(i+1), append(fit, labelled("as for", strings.Join(c.Kernels, " ")))...)
		p.within(func() {
			for _, line := range []string{labelled("codes:", c.Codes), labelled("scales:", c.Scales)} {
				if line != "" { // an operand without a buffer
					p.say("%s", line)
				}
			}
			for _, m := range c.Misfits {
				p.say("not for %s: needs %s, %s; %s", strings.Join(m.Kernels, " "), m.Needs, m.Why, m.Cure)
			}
		})
	}
}

func identifiedLine(o Options, r exec.Identified) []string {
	parts := []string{either(r.Verdict, "none fits")}
	if len(r.Candidates) == 0 {
		return parts
	}
	if best := r.Candidates[0]; best.Weak {
		parts = append(parts, "score "+o.short(best.Score)+" of 2")
	} else {
		parts = append(parts, "error "+o.num(best.Error))
	}
	return parts
}

// fitWord says how well a reading fits; the first of those that do not is the nearest.
func fitWord(c exec.Candidacy, first bool) string {
	word := "no fit"
	switch {
	case c.Exact:
		word = "exact"
	case c.Weak:
		word = "plausible"
	case c.Close:
		word = "close"
	case first:
		word = "nearest, no fit"
	}
	if c.Ambiguous {
		word += ", ambiguous"
	}
	return word
}

func planned(p *page, r exec.Planned) {
	p.list(either(r.Subject, "plan"), fmt.Sprintf("N %d × K %d", r.N, r.K), r.Parallel+" parallel", fmt.Sprintf("TP %d", r.TP), splitText(r))
	p.ruler(r.Ruler)
	g := grid{columns: []column{{"kernel", left}, {"engine", left}, {"needs", left}, {"rank gets", left}, {"bytes", right}, {"lost", right}, {"verdict", left}}}
	for _, row := range r.Rows {
		bytes, lost := "—", "—"
		if row.Bytes > 0 {
			bytes, lost = number.Count(row.Bytes), percent(row.Lost)
		}
		g.add(row.Kernel, row.Engine, row.Needs, RankGets(row), bytes, lost, row.Verdict)
	}
	p.table(g)
	for _, row := range r.Rows {
		if row.Why == "" && row.Cure == "" {
			continue
		}
		p.list(strings.TrimSpace(row.Verdict+" "+row.Kernel), rankText(row.Rank), row.Why, row.Cure)
	}
	p.notes(r.Notes)
	p.list(plural(len(r.Rows), "kernel"), fmt.Sprintf("%d ok", r.OK), fmt.Sprintf("%d FAIL", r.Fail), fmt.Sprintf("%d n/a", r.NA))
}

func plannedLine(_ Options, r exec.Planned) []string {
	return []string{plural(len(r.Rows), "kernel"), fmt.Sprintf("%d ok", r.OK), fmt.Sprintf("%d FAIL", r.Fail), fmt.Sprintf("%d n/a", r.NA)}
}

// RankGets is the slice of a rank and what padding makes of it: "192→256 ×384".
func RankGets(row exec.PlanRow) string {
	side := func(n, padded int) string {
		if padded > 0 && padded != n {
			return fmt.Sprintf("%d→%d", n, padded)
		}
		return strconv.Itoa(n)
	}
	if row.N <= 0 && row.K <= 0 {
		return "—"
	}
	n, k := side(row.N, row.PadN), side(row.K, row.PadK)
	if strings.Contains(n, "→") {
		n += " "
	}
	return n + "×" + k
}

func rankText(rank int) string {
	if rank < 0 {
		return ""
	}
	return fmt.Sprintf("first at rank %d", rank)
}

// splitText says what is split into what: "N 1536 over 8 ranks, 192 each".
func splitText(r exec.Planned) string {
	if r.TP <= 1 || len(r.Ruler.Edges) < 2 {
		return ""
	}
	return fmt.Sprintf("%s over %d ranks, %s", r.Ruler.Axis, r.TP, EachRank(r.Ruler))
}

// EachRank is the size of the slices: "192 each", or "63 and 62" when they differ.
func EachRank(r exec.Ruler) string {
	low, high := math.MaxInt, 0
	for i := 1; i < len(r.Edges); i++ {
		size := r.Edges[i] - r.Edges[i-1]
		low, high = min(low, size), max(high, size)
	}
	if low == high {
		return strconv.Itoa(low) + " each"
	}
	return fmt.Sprintf("%d or %d", high, low)
}

// rulerWidth is how wide the ruler is drawn at most.
const rulerWidth = 64

// ruler draws the split side: rank edges, tile edges below them, and the data and
// padding of the ranks.
func (p *page) ruler(r exec.Ruler) {
	w := min(rulerWidth, p.opt.Width-16)
	lines := RulerLines(r, w)
	if lines.Edges == "" {
		return
	}
	p.raw("rank " + lines.Ranks)
	p.raw("     " + lines.Edges)
	if lines.Tiles != "" {
		p.raw(strings.TrimRight("tile "+lines.Tiles, " ") + fmt.Sprintf("  %d %s", r.Tile, r.Axis))
	}
	if lines.Fill != "" {
		p.raw("data " + lines.Fill)
	}
}

// Ruler is a side that is split, drawn in columns of text.
type Ruler struct {
	Ranks string // the number of each rank above its first column
	Edges string // ├ where a rank begins, ╳ where its edge cuts a block, ┤ at the end
	Tiles string // ┊ at the edges of tiles; empty when they lie closer than two columns
	Fill  string // █ data and ╱ padding of every rank, when there is padding
}

// RulerLines draws a ruler of w columns and one for the end. It is empty when there is
// nothing to split.
func RulerLines(r exec.Ruler, w int) Ruler {
	if r.Size <= 0 || len(r.Edges) < 2 || w < 8 {
		return Ruler{}
	}
	at := func(n int) int { return int(float64(min(max(n, 0), r.Size)) / float64(r.Size) * float64(w)) }
	edges, ranks, tiles := blankRow(w+1, '─'), blankRow(w+1, ' '), blankRow(w+1, ' ')
	free := 0
	for i, n := range r.Edges[:len(r.Edges)-1] {
		x := at(n)
		edges[x] = '├'
		if label := strconv.Itoa(i); x >= free && x+len(label) <= w {
			copy(ranks[x:], []rune(label))
			free = x + len(label) + 1
		}
	}
	edges[w] = '┤'
	for _, n := range r.Cuts {
		edges[at(n)] = '╳'
	}
	out := Ruler{Ranks: strings.TrimRight(string(ranks), " "), Edges: string(edges), Fill: fillLine(r, w)}
	if r.Tile <= 0 || r.Tile >= r.Size || r.Size/r.Tile > w/2 {
		return out
	}
	for i := 1; i <= (r.Size-1)/r.Tile; i++ {
		tiles[at(i*r.Tile)] = '┊'
	}
	out.Tiles = strings.TrimRight(string(tiles), " ")
	return out
}

// fillLine draws data and padding of every rank; nothing when no rank has padding.
func fillLine(r exec.Ruler, w int) string {
	total, padded := 0.0, false
	for _, s := range r.Ranks {
		total += float64(max(s.Data, 0)) + float64(max(s.Pad, 0))
		padded = padded || s.Pad > 0
	}
	if !padded || total <= 0 {
		return ""
	}
	line, done := blankRow(w, ' '), 0.0
	paint := func(length int, glyph rune) {
		from := int(done / total * float64(w))
		done += float64(max(length, 0))
		for x := from; x < min(w, int(done/total*float64(w))); x++ {
			line[x] = glyph
		}
	}
	for _, s := range r.Ranks {
		paint(s.Data, '█')
		paint(s.Pad, '╱')
	}
	return strings.TrimRight(string(line), " ")
}

func blankRow(w int, glyph rune) []rune { return []rune(strings.Repeat(string(glyph), w)) }

func poisoned(p *page, r exec.Poisoned) {
	p.say("%s: %s", either(r.Handle, "poison"), PoisonVerdict(r))
	p.list("", labelled("padding of", r.Subject)+labelled(" filled with", r.With), plural(r.Codes, "code"), plural(r.Scales, "scale"),
		labelled("backend", r.Backend), labelled("x", r.X))
	p.notes(r.Reads)
}

func poisonedLine(_ Options, r exec.Poisoned) []string {
	if r.Moved == 0 {
		return []string{"no real output moved", fmt.Sprintf("padding %s", r.With)}
	}
	return []string{part(r.Moved, r.Outputs) + " moved", number.Count(r.NaN) + " NaN", firstMoved(r)}
}

// PoisonVerdict says in words whether the padding is read.
func PoisonVerdict(r exec.Poisoned) string {
	switch {
	case r.Codes == 0 && r.Scales == 0:
		return "no real output moved: there is no padding to fill"
	case r.Moved == 0:
		return "no real output moved"
	}
	text := number.Count(r.Moved) + " of " + plural(r.Outputs, "output") + " moved"
	if r.NaN > 0 {
		text += ", " + number.Count(r.NaN) + " NaN"
	}
	if first := firstMoved(r); first != "" {
		text += ", " + first
	}
	return text + ": the kernel reads its padding"
}

func firstMoved(r exec.Poisoned) string {
	if len(r.First) == 0 {
		return ""
	}
	parts := make([]string, len(r.First))
	for i, n := range r.First {
		parts[i] = strconv.Itoa(n)
	}
	return "first [" + strings.Join(parts, ",") + "]"
}
