package views

import (
	"fmt"
	"strings"

	"fp4tui/exec"
	"fp4tui/views/number"
)

// layoutGeometry is how the body is shared out.
type layoutGeometry struct {
	bytes int // of a row in each pane
	split int // columns of the original
	side  int // first column of the steps at the side; 0: they stand below
	rows  int
}

// wideLayout and sideLayout are the widths from which a pane shows 16 bytes a row, and
// from which the steps have a pane of their own.
const (
	wideLayout = 120
	sideLayout = 160
	hexFrom    = 8  // column of the first byte
	dumpLimit  = 60 // rows that one answer holds
)

func (p *layoutPane) geometry(s *scene) layoutGeometry {
	g := layoutGeometry{bytes: 8, split: 37}
	if s.w >= wideLayout {
		g.bytes, g.split = 16, 56
	}
	if s.w >= sideLayout {
		g.side = 2*g.split + 8
		g.rows = s.h - 2
	} else {
		steps := 1
		if prep, ready := s.prepared(); ready {
			steps = max(1, len(prep.Steps))
		}
		g.rows = s.h - 5 - min(steps, s.h/3)
	}
	g.rows = min(max(1, g.rows), dumpLimit)
	return g
}

// span is n columns around at that begin at a multiple of step, cut at the end.
func aligned(at, step, end int) (from, to int) {
	from = at / step * step
	return from, min(from+step, end)
}

// originalLine asks for the stored rows around the cursor.
func (p *layoutPane) originalLine(s *scene, info exec.LayerInfo) string {
	g := p.geometry(s)
	n0 := max(0, min(s.at.n-g.rows/4, info.N+1-g.rows))
	k0, k1 := aligned(s.at.k, 2*g.bytes, info.K)
	return fmt.Sprintf("bytes %s[%d:%d, %d:%d]", s.at.w, n0, min(n0+g.rows, info.N), k0, k1)
}

// bufferLine asks for the prepared rows around the cursor.
func (p *layoutPane) bufferLine(s *scene, prep exec.Prepared) string {
	if _, ready := s.wherePlace(); !ready && !p.inBuffer {
		return ""
	}
	g := p.geometry(s)
	rows, cols := bufferSize(prep)
	r0 := max(0, min(p.row-g.rows/3, rows-g.rows))
	c0, c1 := aligned(min(max(p.col, 0), cols-1), 2*g.bytes, cols)
	return fmt.Sprintf("bytes %s[%d:%d, %d:%d]", s.at.p, r0, min(r0+g.rows, rows), c0, c1)
}

func (p *layoutPane) draw(r region, s *scene) {
	if s.noLayer(r) {
		return
	}
	info, ready := s.layer()
	if !ready {
		_, _, err := look[exec.LayerInfo](s, "info "+s.at.w)
		s.pending(r, "info "+s.at.w, err)
		return
	}
	g := p.geometry(s)
	low := g.rows + 2 // first row below the bytes
	p.drawOriginal(r.sub(0, 0, g.split, r.h), s, info, g)
	right := r.w - g.split - 1
	if g.side > 0 {
		right = g.side - g.split - 2
		r.sub(g.side-1, 0, 1, r.h).bar(0)
		p.drawSteps(r.sub(g.side, 0, r.w-g.side, r.h), s, true)
		low = r.h
	}
	buffer := r.sub(g.split+1, 0, right, low+2)
	prep, prepared := s.prepared()
	if prepared && p.refused.w != s.at.w {
		p.drawBuffer(buffer, s, prep, g)
	} else {
		p.drawUnprepared(buffer, s)
	}
	for y := range min(r.h, low+2) {
		r.text(g.split, y, dim, "│")
	}
	if g.side > 0 {
		return
	}
	p.drawAddresses(r.sub(0, low, g.split, 2), r.sub(g.split+1, low, right, 2), s, info)
	r.text(1, low+2, dim, strings.Repeat("─", max(0, r.w-2)))
	r.text(g.split, low+2, dim, "┴")
	p.drawSteps(r.sub(0, low+3, r.w, r.h-low-3), s, false)
}

// title is the first line of a pane; the one with the cursor is strong.
func (p *layoutPane) title(r region, buffer bool, name, text string) {
	look := plain
	if p.inBuffer == buffer {
		look = strong
	}
	x := r.text(1, 0, look, name)
	r.text(x+2, 0, dim, cut(text, r.w-x-3))
}

// head names the columns: the first element of each 8 bytes, its block, the last.
func (g layoutGeometry) head(r region, axis string, k0, k1, block int) {
	r.text(5, 1, dim, axis)
	for j := 0; j < g.bytes && k0+2*j < k1; j += 8 {
		k := k0 + 2*j
		r.text(hexFrom+3*j, 1, dim, fmt.Sprintf("k %d", k))
		r.text(hexFrom+3*j+13, 1, dim, fmt.Sprintf("block %d", k/max(block, 1)))
	}
	if g.bytes == 8 {
		r.text(hexFrom+25, 1, dim, fmt.Sprint(k1-1))
	}
}

func (p *layoutPane) drawOriginal(r region, s *scene, info exec.LayerInfo, g layoutGeometry) {
	p.title(r, false, "original", "checkpoint, row-major")
	line := p.originalLine(s, info)
	dump, ready, err := look[exec.Dump](s, line)
	if !ready {
		s.pending(r.sub(0, 2, r.w, g.rows), line, err)
		return
	}
	k0, k1 := aligned(s.at.k, 2*g.bytes, info.K)
	g.head(r, "n", k0, k1, info.Block)
	at, _ := s.wherePlace()
	y := 2
	for _, row := range dump.Rows[:min(len(dump.Rows), g.rows)] {
		mark := -1
		if row.Row == s.at.n && !p.onPadding() {
			mark = (s.at.k - row.Col) / 2
		}
		r.bytesRow(y, row, mark, at.FileHigh || at.FileByte < 0 && s.at.k%2 == 1, !p.inBuffer)
		y++
	}
	if n := len(dump.Rows); n > 0 && dump.Rows[n-1].Row == info.N-1 && y < g.rows+2 {
		text := fmt.Sprintf(" end of tensor, N %d ", info.N)
		r.text(1, y, dim, cut("┄┄┄┄┄"+text+strings.Repeat("┄", max(0, r.w-width(text)-9)), r.w-2))
	}
}

func (p *layoutPane) onPadding() bool { return p.inBuffer && p.padding }

// bytesRow writes a row of bytes with the focused nibble in brackets; padding is
// hatched. A row of which nothing is bracketed has mark -1.
func (r region) bytesRow(y int, row exec.DumpRow, mark int, high, focus bool) {
	r.right(6, y, dim, fmt.Sprint(row.Row))
	for i := 0; 2*i+1 < len(row.Hex); i++ {
		x := hexFrom + 3*i
		r.byteAt(x, y, row, i)
		if i == mark {
			r.bracket(x, y, high, focus)
		}
	}
}

// byteAt writes byte i of a row. Zeros that belong to no element are hatched; padding
// that holds something is shown, in the colour of padding.
func (r region) byteAt(x, y int, row exec.DumpRow, i int) {
	hex, look := row.Hex[2*i:2*i+2], plain
	if i < len(row.From) && row.From[i] < 0 {
		look = paddingRole
		if hex == "00" {
			hex = "╱╱"
		}
	}
	r.text(x, y, look, hex)
}

// bracket marks the byte at x; the nibble has the look of the cursor, and the cursor
// itself where the focus is.
func (r region) bracket(x, y int, high, focus bool) {
	r.text(x-1, y, accent, "[")
	r.text(x+2, y, accent, "]")
	if !high {
		x++
	}
	r.paint(x, y, 1, func(style) style { return r.th.style(cursorRole) })
	if focus {
		r.cursorAt(x, y)
	}
}

func (p *layoutPane) drawBuffer(r region, s *scene, prep exec.Prepared, g layoutGeometry) {
	count := plural(int64(len(prep.Steps)), "step")
	if prep.Undone > 0 {
		count = fmt.Sprintf("%d/%d steps", len(prep.Steps), len(prep.Steps)+prep.Undone)
	}
	name := prep.Kernel
	if name == "" {
		name = "by hand"
	}
	p.title(r, true, "prepared", fmt.Sprintf("%s  (%s, %d×%d)", name, count, prep.PadN, prep.PadK))
	line := p.bufferLine(s, prep)
	if line == "" {
		_, _, err := look[exec.Place](s, s.whereLine())
		s.pending(r.sub(0, 2, r.w, g.rows), s.whereLine(), err)
		return
	}
	dump, ready, err := look[exec.Dump](s, line)
	if !ready {
		s.pending(r.sub(0, 2, r.w, g.rows), line, err)
		return
	}
	_, cols := bufferSize(prep)
	c0, c1 := aligned(min(max(p.col, 0), cols-1), 2*g.bytes, cols)
	g.head(r, "p", c0, c1, prep.Block)
	arrow := hexFrom + 3*g.bytes
	if g.bytes == 8 {
		arrow += 3
	}
	r.text(arrow+3*(8/g.bytes), 1, dim, "← n")
	for y, row := range dump.Rows[:min(len(dump.Rows), g.rows)] {
		mark := -1
		if row.Row == p.row {
			mark = (p.col - row.Col) / 2
		}
		r.bytesRow(2+y, row, mark, p.col%2 == 1, p.inBuffer)
		text, look := sourceText(row.From, prep.K)
		r.text(arrow, 2+y, look, cut("← "+text, r.w-arrow))
	}
}

// sourceText is where a row of the buffer comes from: "994", "994…" when it holds parts
// of several rows, "pad".
func sourceText(from []int, k int) (string, role) {
	first, several := -1, false
	for _, at := range from {
		if at < 0 {
			continue
		}
		n := at / max(k, 1)
		several = several || first >= 0 && n != first
		if first < 0 {
			first = n
		}
	}
	switch {
	case first < 0:
		return "pad", paddingRole
	case several:
		return fmt.Sprintf("%d…", first), plain
	}
	return fmt.Sprint(first), plain
}

// drawUnprepared stands where the buffer would: why a kernel refused the layer, or which
// kernels there are.
func (p *layoutPane) drawUnprepared(r region, s *scene) {
	y := 2
	if p.refused.w == s.at.w && p.refused.err != nil {
		p.title(r, true, "refused", p.refused.line)
		what, cure := faultText(p.refused.err)
		for _, text := range wrap(what, r.w-2) {
			r.text(1, y, badRole, text)
			y++
		}
		for _, text := range wrap(cure, r.w-4) {
			r.text(1, y, plain, "? "+text)
			y++
		}
		r.spans(1, y+1, span{accent, "o"}, span{dim, " chooses another kernel"})
		return
	}
	p.title(r, true, "not prepared", "")
	r.spans(1, 1, span{accent, "o"}, span{dim, " chooses the kernel; it takes as it is:"})
	plan, ready, err := look[exec.Planned](s, s.kernelsLine())
	if !ready {
		s.pending(r.sub(0, y, r.w, r.h-y), s.kernelsLine(), err)
		return
	}
	for i, row := range plan.Rows {
		if more := len(plan.Rows) - i; more > 1 && y == r.h-3 {
			r.text(1, y, dim, fmt.Sprintf("and %d more", more))
			return
		}
		r.text(1, y, plain, cut(row.Kernel, 18))
		r.text(20, y, verdictRole(row.Verdict), cut(row.Verdict, r.w-21))
		y++
	}
}

// drawAddresses writes how both addresses come about.
func (p *layoutPane) drawAddresses(left, right region, s *scene, info exec.LayerInfo) {
	texts := p.addresses(s, info)
	for y, pair := range texts {
		left.spans(1, y, span{dim, pad([]string{"byte", "scale"}[y], 7)}, span{plain, cut(pair[0], left.w-9)})
		if pair[1] != "" {
			right.spans(1, y, span{dim, pad([]string{"byte", "scale"}[y], 7)}, span{plain, cut(pair[1], right.w-9)})
		}
	}
}

// addresses is the byte and the scale byte, in the original and in the buffer.
func (p *layoutPane) addresses(s *scene, info exec.LayerInfo) (out [2][2]string) {
	if p.onPadding() {
		out[0] = [2]string{"—", "no element"}
		out[1][0] = "—"
		return out
	}
	block := max(info.Block, 1)
	blocks := (info.K + block - 1) / block
	b := s.at.k / block
	at, ready := s.wherePlace()
	if !ready {
		return out
	}
	out[0][0] = fmt.Sprintf("%d×%d + %d = %s %s", s.at.n, info.K/2, s.at.k/2, number.Count(int64(s.at.n)*int64(info.K/2)+int64(s.at.k/2)), nibbleWord(at.FileHigh || at.FileByte < 0 && s.at.k%2 == 1))
	out[1][0] = fmt.Sprintf("%d×%d + %d = %s  %s", s.at.n, blocks, b, number.Count(int64(s.at.n)*int64(blocks)+int64(b)), number.Hex(int64(at.Scale), 2))
	prep, prepared := s.prepared()
	if !prepared || at.Byte < 0 {
		return out
	}
	out[0][1] = fmt.Sprintf("%d×%d + %d = %s %s", at.Row, prep.PadK/2, at.Col/2, number.Count(at.Byte), nibbleWord(at.High))
	stored := number.Hex(int64(at.Scale), 2)
	if at.Stored >= 0 && at.Stored != at.Scale {
		stored += "→" + number.Hex(int64(at.Stored), 2)
	}
	out[1][1] = scaleRule(prep, at) + number.Count(at.ScaleByte) + "  " + stored
	return out
}

// scaleRule names the layout of the scales: "128x4 tile 7,0 → ".
func scaleRule(prep exec.Prepared, at exec.Place) string {
	for _, step := range prep.Steps {
		switch {
		case step.Name != "swizzle scales":
		case step.Required == "128x4":
			return fmt.Sprintf("128x4 tile %d,%d → ", at.Row/tileRows, at.Block/4)
		default:
			return step.Required + " → "
		}
	}
	return fmt.Sprintf("%d×%d + %d = ", at.Row, prep.PadK/max(prep.Block, 1), at.Block)
}

func nibbleWord(high bool) string {
	if high {
		return "high"
	}
	return "low"
}

// drawSteps lists what the kernel's engine does. At the side there is room for the
// addresses and the whole texts.
func (p *layoutPane) drawSteps(r region, s *scene, side bool) {
	prep, ready := s.prepared()
	y := 0
	if side {
		y = p.drawSide(r, s)
	}
	if !ready {
		return
	}
	required := 20
	if r.w >= tallWidth {
		required = 32
	}
	for i, step := range prep.Steps {
		look := plain
		changed := step.Changed
		if step.None {
			look = dim
			if changed == "" {
				changed = "nothing to do"
			}
		}
		share := ""
		if step.Padded > 0 {
			share = fmt.Sprintf("%.1f%%", float64(step.Padded)*100)
		}
		r.text(1, y, accent, fmt.Sprint(i+1))
		r.text(3, y, look, cut(step.Name, 17))
		r.text(21, y, dim, cut(step.Required, required))
		r.text(22+required, y, look, cut(changed, r.w-30-required))
		r.right(r.w-1, y, plain, share)
		y++
	}
	if len(prep.Steps) == 0 {
		r.text(1, y, dim, "no step is done: the rows of the checkpoint as they are")
		y++
	}
	if !side {
		return
	}
	for _, note := range append([]string{prep.Doc}, prep.Warnings...) {
		for _, text := range wrap(note, r.w-2) {
			r.text(1, y+1, dim, text)
			y++
		}
	}
}

// drawSide writes the addresses above the steps of a wide screen.
func (p *layoutPane) drawSide(r region, s *scene) int {
	info, _ := s.layer()
	texts := p.addresses(s, info)
	y := 0
	for i, name := range []string{"original", "prepared"} {
		r.text(1, y, strong, name)
		for j, label := range []string{"byte", "scale"} {
			r.spans(1, y+1+j, span{dim, pad(label, 7)}, span{plain, cut(texts[j][i], r.w-9)})
		}
		y += 4
	}
	if at, ready := s.wherePlace(); ready && at.FileByte >= 0 {
		r.spans(1, y, span{dim, pad("file", 7)}, span{plain, cut(nibbleText(at.FileByte, at.FileHigh), r.w-9)})
		y += 2
	}
	r.text(1, y, strong, "steps")
	return y + 1
}
