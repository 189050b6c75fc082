package views

import (
	"fmt"
	"strings"

	"fp4tui/exec"
	"fp4tui/views/number"
	"fp4tui/views/text"
)

// bytesPane is the bytes around the weight cursor and the block under it decoded: those
// of the file, of the prepared buffer, and the block scales of both.
type bytesPane struct{ buffer bytesBuffer }

// bytesBuffer is what Bytes shows; Tab goes through them.
type bytesBuffer uint8

const (
	fileCodes bytesBuffer = iota
	preparedCodes
	fileScales
	preparedScales
	bufferCount
)

// next shows the next buffer; those of a preparation only when there is one.
func (p *bytesPane) next(s *scene) {
	p.buffer = (p.buffer + 1) % bufferCount
	if _, ready := s.prepared(); !ready && (p.buffer == preparedCodes || p.buffer == preparedScales) {
		p.buffer = (p.buffer + 1) % bufferCount
	}
}

// shown is the buffer on the screen: the file's where the preparation is gone.
func (p *bytesPane) shown(s *scene) bytesBuffer {
	if _, ready := s.prepared(); !ready && (p.buffer == preparedCodes || p.buffer == preparedScales) {
		return fileCodes
	}
	return p.buffer
}

// dumpRows is how many lines of 16 bytes are shown.
func (p *bytesPane) dumpRows(s *scene) int { return max(1, min(32, s.h-11)) }

// window is the columns that the dump shows, and its command: whole lines of 32 codes
// around k, or the rows of scales around n.
func (p *bytesPane) window(s *scene) (from, to int, line string) {
	info, ready := s.layer()
	if !ready {
		return 0, 0, ""
	}
	block, rows := max(info.Block, 1), p.dumpRows(s)
	buffer := p.shown(s)
	if buffer == fileScales {
		from, to = aligned(s.at.k/block, 16, (info.K+block-1)/block)
		n0, n1 := around(s.at.n, rows, info.N)
		return from, to, fmt.Sprintf("bytes %s.scale[%d:%d, %d:%d]", s.at.w, n0, n1, from, to)
	}
	if buffer == fileCodes {
		from, to = aligned(s.at.k, rows*32, info.K)
		return from, to, fmt.Sprintf("bytes %s[%d, %d:%d]", s.at.w, s.at.n, from, to)
	}
	at, ready := s.wherePlace()
	prep, _ := s.prepared()
	if !ready || at.Row < 0 || at.Byte < 0 {
		return 0, 0, ""
	}
	if buffer == preparedCodes {
		_, cols := bufferSize(prep)
		from, to = aligned(at.Col, rows*32, cols)
		return from, to, fmt.Sprintf("bytes %s[%d, %d:%d]", s.at.p, at.Row, from, to)
	}
	cols := max(prep.PadK/max(prep.Block, 1), 1)
	row, col := int(at.ScaleByte)/cols, int(at.ScaleByte)%cols
	from, to = aligned(col, 16, cols)
	n0, n1 := around(row, rows, max(int(prep.ScalesBytes)/cols, 1))
	return from, to, fmt.Sprintf("bytes %s.scale[%d:%d, %d:%d]", s.at.p, n0, n1, from, to)
}

// around is count rows about at, out of n.
func around(at, count, n int) (from, to int) {
	from = max(0, min(at-count/2, n-count))
	return from, min(from+count, n)
}

func (p *bytesPane) wants(s *scene) []string {
	if s.at.w == "" {
		return nil
	}
	lines := []string{"info " + s.at.w}
	if s.at.p != "" {
		lines = append(lines, "info "+s.at.p)
	}
	if _, ready := s.layer(); ready {
		lines = append(lines, s.whereLine(), s.blockLine())
	}
	if _, _, line := p.window(s); line != "" {
		lines = append(lines, line)
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
	buffer := p.shown(s)
	at, ready := s.wherePlace()
	e, known := p.element(s)
	switch {
	case buffer == fileCodes && known:
		left = append([]span{{plain, nibbleText(e.Byte, e.High) + "   "}}, left...)
	case buffer == fileScales && ready:
		left = append([]span{{plain, number.Offset(at.FileScale) + "   "}}, left...)
	case buffer == preparedCodes && ready:
		left = append([]span{{plain, number.Count(at.Byte) + " " + nibbleWord(at.High) + " nibble   "}}, left...)
	case buffer == preparedScales && ready:
		left = append([]span{{plain, number.Count(at.ScaleByte) + "   "}}, left...)
	}
	names := [bufferCount]string{"file bytes", "prepared codes", "block scales of the file", "prepared scales"}
	right = []span{{dim, names[buffer]}}
	if prep, ready := s.prepared(); ready && (buffer == preparedCodes || buffer == preparedScales) {
		right[0].text += " for " + prep.Kernel
	}
	return left, right
}

func (p *bytesPane) draw(r region, s *scene) {
	if s.noLayer(r) {
		return
	}
	_, _, line := p.window(s)
	if line == "" {
		line = "info " + s.at.w
		_, _, err := look[exec.LayerInfo](s, line)
		if err == nil {
			line = s.whereLine()
			_, _, err = look[exec.Place](s, line)
		}
		s.pending(r, line, err)
		return
	}
	dump, ready, err := look[exec.Dump](s, line)
	if !ready {
		s.pending(r, line, err)
		return
	}
	buffer := p.shown(s)
	axis, last := "k", "|code|"
	switch buffer {
	case fileScales:
		axis, last = "n", ""
	case preparedCodes:
		last = "← n"
	case preparedScales:
		axis, last = "row", "← n"
	}
	r.text(2, 0, dim, "offset")
	r.right(18, 0, dim, axis)
	r.text(21, 0, dim, " 0  1  2  3  4  5  6  7   8  9  a  b  c  d  e  f")
	r.text(71, 0, dim, last)
	rows := min(len(dump.Rows), p.dumpRows(s))
	for y, row := range dump.Rows[:rows] {
		p.drawRow(r, 1+y, row, s, buffer)
	}
	p.drawBlock(r.sub(0, rows+2, r.w, r.h-rows-2), s, dump)
}

// mark is which byte of a row the cursor stands on, -1 when it is none, and whether it
// is the high nibble of it.
func (p *bytesPane) mark(s *scene, row exec.DumpRow, buffer bytesBuffer) (at int, high bool) {
	place, ready := s.wherePlace()
	byteOf := int64(-1)
	switch buffer {
	case fileCodes:
		if e, known := p.element(s); known {
			byteOf, high = e.Byte, e.High
		}
	case fileScales:
		if info, known := s.layer(); known && row.Row == s.at.n {
			byteOf = row.Offset + int64(s.at.k/max(info.Block, 1)-row.Col)
		}
	case preparedCodes:
		if ready {
			byteOf, high = place.Byte, place.High
		}
	case preparedScales:
		if ready {
			byteOf = place.ScaleByte
		}
	}
	if byteOf < row.Offset || byteOf >= row.Offset+int64(len(row.Hex)/2) {
		return -1, high
	}
	return int(byteOf - row.Offset), high
}

func (p *bytesPane) drawRow(r region, y int, row exec.DumpRow, s *scene, buffer bytesBuffer) {
	r.text(1, y, dim, number.Offset(row.Offset))
	scales := buffer == fileScales || buffer == preparedScales
	label := row.Col
	if scales {
		label = row.Row
	}
	r.right(18, y, dim, fmt.Sprint(label))
	mark, high := p.mark(s, row, buffer)
	for i := 0; 2*i+1 < len(row.Hex) && i < 16; i++ {
		x := 21 + 3*i
		if i >= 8 {
			x++
		}
		r.byteAt(x, y, row, i)
		if i != mark {
			continue
		}
		r.bracket(x, y, high || scales, true)
		if scales {
			r.paint(x, y, 2, func(style) style { return r.th.style(cursorRole) })
		}
	}
	switch {
	case buffer == fileCodes:
		r.text(71, y, accent, magnitudeText(row.Hex, p.lowFirst(s), r.th.ascii))
	case row.From != nil:
		info, _ := s.layer()
		text, look := sourceText(row.From, info.K)
		r.text(71, y, look, cut("← "+text, 8))
	}
}

// lowFirst says whether the even element of a byte is in its low nibble.
func (p *bytesPane) lowFirst(s *scene) bool {
	e, known := p.element(s)
	return !known || e.High == (e.K%2 == 1)
}

// magnitudeText draws the magnitudes of the first eight codes of a row.
func magnitudeText(hex string, lowFirst, ascii bool) string {
	glyphs := []rune("·▂▃▄▅▆▇█")
	if ascii {
		glyphs = []rune("-2345678")
	}
	var b strings.Builder
	for i := 0; i+1 < len(hex) && i < 8; i += 2 {
		pair := [2]byte{hex[i], hex[i+1]}
		if lowFirst {
			pair[0], pair[1] = pair[1], pair[0]
		}
		for _, digit := range pair {
			code := strings.IndexByte("0123456789abcdef", digit)
			b.WriteRune(glyphs[max(code, 0)%8])
		}
	}
	return b.String()
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
	scale := "scale " + short(first.Scale)
	if at, known := s.wherePlace(); known && at.FileScale >= 0 {
		scale = fmt.Sprintf("scale byte %s = %s at %s", number.Hex(int64(at.Scale), 2), short(at.ScaleV), number.Offset(at.FileScale))
	}
	r.text(1, 0, plain, cut(fmt.Sprintf("block %d  k %d-%d   %s   global %s %s", first.K/max(info.Block, 1), first.K,
		first.K+len(dump.Values)-1, scale, short(info.Global), info.GlobalUse), r.w-2))
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
	file := window.File
	if file == "" {
		file = dump.File
	}
	r.text(1, 7, dim, cutMiddle(file, r.w-2))
	if at, ready := s.wherePlace(); ready && at.Byte >= 0 {
		r.text(1, 8, dim, cut(fmt.Sprintf("%s  byte %s %s nibble   row %d column %d   scale byte %s", at.Kernel, number.Count(at.Byte), nibbleWord(at.High), at.Row, at.Col,
			number.Count(at.ScaleByte)), r.w-2))
	}
}

func (p *bytesPane) move(s *scene, m motion, count int) {
	info, ready := s.layer()
	if !ready {
		return
	}
	if buffer := p.shown(s); buffer == fileScales || buffer == preparedScales {
		s.at.moveWeight(info, m, count, 1, max(info.Block, 1))
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
	_, _, line := p.window(s)
	i := (x - 20) / 3
	if x >= 45 {
		i = (x - 21) / 3
	}
	dump, ready, _ := look[exec.Dump](s, line)
	info, known := s.layer()
	if !ready || !known || y < 1 || y > min(p.dumpRows(s), len(dump.Rows)) || x < 20 || i > 15 {
		return false
	}
	row := dump.Rows[y-1]
	if 2*i+1 >= len(row.Hex) {
		return false
	}
	switch {
	case i < len(row.From):
		if row.From[i] < 0 {
			return false
		}
		s.at.n, s.at.k = row.From[i]/max(info.K, 1), row.From[i]%max(info.K, 1)
	case p.shown(s) == fileScales:
		s.at.n, s.at.k = row.Row, (row.Col+i)*max(info.Block, 1)
	default:
		s.at.k = row.Col + 2*i
	}
	s.at.n, s.at.k = min(s.at.n, max(0, info.N-1)), min(s.at.k, max(0, info.K-1))
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
