package views

import (
	"fmt"
	"strings"

	"fp4tui/exec"
	"fp4tui/views/number"
	"fp4tui/views/text"
)

// bytesPane is the stored bytes around the weight cursor, by row of the tensor, and
// the block under it decoded.
type bytesPane struct{}

// dumpRows is how many lines of 16 bytes are shown.
func (p *bytesPane) dumpRows(s *scene) int { return max(1, min(32, s.h-11)) }

// window is the columns that the dump shows: whole lines of 32 codes around k.
func (p *bytesPane) window(s *scene) (from, to int, line string) {
	info, ready := s.layer()
	if !ready {
		return 0, 0, ""
	}
	size := p.dumpRows(s) * 32
	from = s.at.k / size * size
	to = min(info.K, from+size)
	return from, to, fmt.Sprintf("bytes %s[%d, %d:%d]", s.at.w, s.at.n, from, to)
}

func (p *bytesPane) wants(s *scene) []string {
	if s.at.w == "" {
		return nil
	}
	lines := []string{"info " + s.at.w}
	if _, _, line := p.window(s); line != "" {
		lines = append(lines, line, s.blockLine())
	}
	return lines
}

// element is the one under the cursor, out of the decoded block.
func (p *bytesPane) element(s *scene) (exec.DumpElement, bool) {
	dump, ready, _ := look[exec.Dump](s, s.blockLine())
	if ready {
		for _, e := range dump.Values {
			if e.K == s.at.k {
				return e, true
			}
		}
	}
	return exec.DumpElement{}, false
}

func (p *bytesPane) status(s *scene) (left, right []span) {
	left = []span{{plain, fmt.Sprintf("n %d  k %d", s.at.n, s.at.k)}}
	if e, ok := p.element(s); ok {
		left = []span{{plain, nibbleText(e.Byte, e.High)}, {plain, fmt.Sprintf("   n %d  k %d", e.N, e.K)}}
	}
	return left, []span{{dim, "file bytes"}}
}

func (p *bytesPane) draw(r region, s *scene) {
	if s.noLayer(r) {
		return
	}
	_, _, line := p.window(s)
	if line == "" {
		_, _, err := look[exec.LayerInfo](s, "info "+s.at.w)
		s.pending(r, "info "+s.at.w, err)
		return
	}
	dump, ready, err := look[exec.Dump](s, line)
	if !ready {
		s.pending(r, line, err)
		return
	}
	r.text(2, 0, dim, "offset         k    0  1  2  3  4  5  6  7   8  9  a  b  c  d  e  f")
	focus, have := p.element(s)
	rows := p.dumpRows(s)
	for y, row := range dump.Rows[:min(len(dump.Rows), rows)] {
		p.drawRow(r, 1+y, row, focus, have)
	}
	p.drawBlock(r.sub(0, min(len(dump.Rows), rows)+2, r.w, r.h-rows-2), s, dump)
}

func (p *bytesPane) drawRow(r region, y int, row exec.DumpRow, focus exec.DumpElement, have bool) {
	r.text(1, y, dim, number.Offset(row.Offset))
	r.right(17, y, dim, fmt.Sprint(row.Col))
	hex := strings.ReplaceAll(row.Hex, " ", "")
	for i := 0; 2*i+1 < len(hex) && i < 16; i++ {
		x := 21 + 3*i
		if i >= 8 {
			x++
		}
		r.text(x, y, plain, hex[2*i:2*i+2])
		if have && row.Offset+int64(i) == focus.Byte {
			r.text(x-1, y, accent, "[")
			r.text(x+2, y, accent, "]")
			at := x
			if !focus.High {
				at = x + 1
			}
			r.paint(at, y, 1, func(style) style { return r.th.style(cursorRole) })
			r.cursorAt(at, y)
		}
	}
}

// drawBlock writes the decoded block: codes, values and what they dequantize to.
func (p *bytesPane) drawBlock(r region, s *scene, window exec.Dump) {
	dump, ready, err := look[exec.Dump](s, s.blockLine())
	if !ready {
		s.pending(r, s.blockLine(), err)
		return
	}
	if len(dump.Values) == 0 {
		r.text(1, 0, dim, "these bytes are not decoded")
		return
	}
	first := dump.Values[0]
	info, _ := s.layer()
	r.text(1, 0, plain, fmt.Sprintf("block %d  k %d-%d   scale %s   global %s %s", first.K/max(info.Block, 1), first.K,
		first.K+len(dump.Values)-1, number.Short(float64(first.Scale), screenDigits), short(info.Global), info.GlobalUse))
	fit := max(1, (r.w-9)/7)
	from := max(0, s.at.k-first.K-fit+1)
	for i, label := range []string{"k", "code", "value", "deq"} {
		r.text(1, 1+i, dim, label)
	}
	for i := 0; i < fit && from+i < len(dump.Values); i++ {
		e := dump.Values[from+i]
		right := 8 + 7*(i+1)
		look := plain
		if e.K == s.at.k {
			look = strong
			r.text(right-7, 1, accent, "▸")
		}
		r.right(right-1, 1, look, fmt.Sprint(e.K))
		r.right(right-1, 2, look, number.Hex(int64(e.Code), 1))
		r.right(right-1, 3, look, text.CodeValue(e.Code))
		r.right(right-1, 4, look, fitSigned(float64(e.Deq), 3, 6))
	}
	if e, ok := p.element(s); ok {
		r.text(1, 6, plain, cut(fmt.Sprintf("k %d  code %s = %s   × scale %s = %s   %s", e.K, number.Hex(int64(e.Code), 1), text.CodeValue(e.Code),
			number.Short(float64(e.Scale), screenDigits), num(e.Deq), nibbleText(e.Byte, e.High)), r.w-2))
	}
	r.text(1, 7, dim, cutMiddle(window.File, r.w-2))
}

func (p *bytesPane) move(s *scene, m motion, count int) {
	info, ready := s.layer()
	if !ready {
		return
	}
	switch m { // the rows on the screen are lines of 32 codes of one row of the weight
	case moveUp:
		m, count = moveLeft, count*32
	case moveDown:
		m, count = moveRight, count*32
	}
	s.at.moveWeight(info, m, count, 1, 1)
}

func (p *bytesPane) click(s *scene, x, y int) bool {
	from, to, line := p.window(s)
	i := (x - 20) / 3
	if x >= 45 {
		i = (x - 21) / 3
	}
	if line == "" || y < 1 || y > p.dumpRows(s) || x < 20 || i > 15 {
		return false
	}
	k := from + (y-1)*32 + 2*i
	if k >= to {
		return false
	}
	s.at.k = k
	return true
}

func (p *bytesPane) yank(s *scene, what string) string {
	_, _, line := p.window(s)
	switch what {
	case "command":
		return line
	case "table":
		dump, ready, _ := look[exec.Dump](s, line)
		if !ready {
			return ""
		}
		var b strings.Builder
		for _, row := range dump.Rows {
			fmt.Fprintf(&b, "%s\t%d\t%s\n", number.Offset(row.Offset), row.Col, row.Hex)
		}
		return b.String()
	}
	return s.yankBlock(what)
}
