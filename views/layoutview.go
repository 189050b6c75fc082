package views

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"fp4tui/exec"
	"fp4tui/views/number"
)

// layoutPane shows the same codes twice: as the checkpoint stores them and as a kernel
// wants them, with the focused nibble bracketed in both, and the steps between.
type layoutPane struct {
	inBuffer bool   // the cursor moves in the prepared buffer
	row, col int    // where it stands there
	n, k     int    // the element that was linked to it last
	linked   string // the buffer that it was linked in
	padding  bool   // it stands on padding
	fill     int    // what the padding is filled with next
	refused  refusal
}

// refusal is a kernel that did not take the layer, and why.
type refusal struct {
	w, line string
	err     error
}

// took keeps why a kernel refused the layer, until one takes it.
func (p *layoutPane) took(w, line string, err error) {
	command := line
	if _, rest, bound := strings.Cut(line, " = "); bound {
		command = rest
	}
	if !strings.HasPrefix(command, "prep "+w+" ") {
		return
	}
	p.refused = refusal{}
	if err != nil {
		p.refused = refusal{w, command, err}
	}
}

func (a *App) layoutPane() *layoutPane { return a.panes[layoutView].(*layoutPane) }

// tileRows is how far J and K move: the rows of a tile of scales.
const tileRows = 128

// prepared is what the open layer was prepared into.
func (s *scene) prepared() (exec.Prepared, bool) {
	if s.at.p == "" {
		return exec.Prepared{}, false
	}
	p, ready, _ := look[exec.Prepared](s, "info "+s.at.p)
	return p, ready && p.Subject == s.at.w && p.PadN > 0 && p.PadK > 0
}

// whereLine asks where the element under the cursor lies.
func (s *scene) whereLine() string {
	name := s.at.w
	if _, ready := s.prepared(); ready {
		name = s.at.p
	}
	return fmt.Sprintf("whereis %s[%d,%d]", name, s.at.n, s.at.k)
}

// kernelsLine asks which kernels take the layer as it is.
func (s *scene) kernelsLine() string { return "plan " + s.at.w + " tp=1 for=all" }

// wherePlace is the answer to whereLine.
func (s *scene) wherePlace() (exec.Place, bool) {
	at, ready, _ := look[exec.Place](s, s.whereLine())
	return at, ready
}

// bufferSize is the prepared codes as rows of padded K.
func bufferSize(p exec.Prepared) (rows, cols int) {
	cols = max(p.PadK, 1)
	return max(int(2*p.CodesBytes/int64(cols)), 1), cols
}

func (p *layoutPane) wants(s *scene) []string {
	if s.at.w == "" {
		return nil
	}
	lines := []string{"info " + s.at.w}
	if s.at.p != "" {
		lines = append(lines, "info "+s.at.p)
	}
	info, ready := s.layer()
	if !ready {
		return lines
	}
	lines = append(lines, s.whereLine(), p.originalLine(s, info))
	prep, ready := s.prepared()
	if !ready {
		return append(lines, s.kernelsLine())
	}
	p.follow(s, prep)
	if p.inBuffer {
		lines = append(lines, p.atLine(s, prep))
	}
	if line := p.bufferLine(s, prep); line != "" {
		lines = append(lines, line)
	}
	return lines
}

// follow links the cursor of the buffer and that of the layer: the one that moved last
// leads.
func (p *layoutPane) follow(s *scene, prep exec.Prepared) {
	buffer := s.at.p + " " + prepLine(s.at.w, prep)
	if !p.inBuffer || p.n != s.at.n || p.k != s.at.k || p.linked != buffer {
		at, ready := s.wherePlace()
		if !ready {
			return
		}
		p.row, p.col, p.n, p.k, p.padding, p.linked = at.Row, at.Col, s.at.n, s.at.k, false, buffer
		return
	}
	rows, cols := bufferSize(prep)
	p.row, p.col = min(max(p.row, 0), rows-1), min(max(p.col, 0), cols-1)
	if at, ready, _ := look[exec.Place](s, p.atLine(s, prep)); ready {
		p.padding = at.Padding
		if !at.Padding {
			s.at.n, s.at.k, p.n, p.k = at.N, at.K, at.N, at.K
		}
	}
}

// atLine asks what the buffer holds at its cursor.
func (p *layoutPane) atLine(s *scene, prep exec.Prepared) string {
	_, cols := bufferSize(prep)
	line := fmt.Sprintf("at %s %d", s.at.p, (p.row*cols+p.col)/2)
	if p.col%2 == 1 {
		line += " high=yes"
	}
	return line
}

func (p *layoutPane) status(s *scene) (left, right []span) {
	if s.at.w == "" {
		return nil, nil
	}
	prep, ready := s.prepared()
	if ready {
		right = []span{{dim, s.at.p + " = " + prepLine(s.at.w, prep)}}
		if note := s.at.poisonText(); note != "" {
			right = []span{{plain, note}}
		}
	}
	if p.inBuffer && p.padding && ready {
		return []span{{warnRole, "padding"}, {plain, fmt.Sprintf("  row %d  column %d of the buffer: no element", p.row, p.col)}}, right
	}
	left = []span{{plain, fmt.Sprintf("n %d  k %d", s.at.n, s.at.k)}}
	if at, known := s.wherePlace(); known {
		left = append(left, span{plain, fmt.Sprintf("  %s = %s", number.Hex(int64(at.Code), 1), short(at.CodeValue))})
		if ready && s.at.poisonText() == "" {
			left = append(left, span{dim, "   same nibble, both buffers"})
		}
	}
	return left, right
}

// prepLine is the command that makes a prepared buffer, as far as it can be told.
func prepLine(w string, prep exec.Prepared) string {
	if prep.Kernel == "" {
		return "steps by hand"
	}
	line := fmt.Sprintf("prep %s for=%s", w, prep.Kernel)
	if prep.Gated {
		line += " gated=yes"
	}
	if prep.Undone > 0 {
		line += fmt.Sprintf(" steps=%d", len(prep.Steps))
	}
	return line
}

func (p *layoutPane) move(s *scene, m motion, count int) {
	info, ready := s.layer()
	if !ready {
		return
	}
	if m == blockUp || m == blockDown {
		count *= tileRows / 16
	}
	prep, prepared := s.prepared()
	if !p.inBuffer || !prepared {
		s.at.moveWeight(info, m, count, 1, 1)
		return
	}
	rows, cols := bufferSize(prep)
	cursor := place{n: p.row, k: p.col}
	cursor.moveWeight(exec.LayerInfo{N: rows, K: cols, Block: prep.Block}, m, count, 1, 1)
	p.row, p.col = cursor.n, cursor.k
}

func (p *layoutPane) click(s *scene, x, y int) bool {
	info, ready := s.layer()
	if !ready || y < 2 {
		return false
	}
	g := p.geometry(s)
	prep, prepared := s.prepared()
	if x > g.split && (!prepared || g.side > 0 && x >= g.side-1) || y >= g.rows+2 {
		return false
	}
	line := p.originalLine(s, info)
	if x > g.split {
		x -= g.split + 1
		line = p.bufferLine(s, prep)
		p.inBuffer = true
	} else {
		p.inBuffer = false
	}
	dump, ready, _ := look[exec.Dump](s, line)
	i := (x - hexFrom) / 3
	if !ready || y-2 >= len(dump.Rows) || x < hexFrom || 2*i+1 >= len(dump.Rows[y-2].Hex) {
		return false
	}
	row := dump.Rows[y-2]
	if p.inBuffer {
		p.row, p.col, p.n, p.k = row.Row, row.Col+2*i, s.at.n, s.at.k
	} else {
		s.at.n, s.at.k = row.Row, row.Col+2*i
	}
	return true
}

func (p *layoutPane) open(a *App) tea.Cmd { return a.goTo(bytesView) }

func (p *layoutPane) yank(s *scene, what string) string {
	at, ready := s.wherePlace()
	switch {
	case what == "command":
		return s.whereLine()
	case !ready:
		return ""
	case what == "value":
		return number.Exact32(float64(at.Deq))
	case what == "address":
		return placeText(at)
	}
	prep, prepared := s.prepared()
	if !prepared {
		return ""
	}
	var b strings.Builder
	for _, step := range prep.Steps {
		fmt.Fprintf(&b, "%s\t%s\t%s\n", step.Name, step.Required, step.Changed)
	}
	return b.String()
}

// placeText is both addresses in one line.
func placeText(at exec.Place) string {
	text := fmt.Sprintf("%s[%d,%d] %s scale byte %s", at.File, at.N, at.K, nibbleText(at.FileByte, at.FileHigh), number.Offset(at.FileScale))
	if at.Byte >= 0 {
		text += fmt.Sprintf("; %s byte %d %s nibble scale byte %d", at.Kernel, at.Byte, nibbleWord(at.High), at.ScaleByte)
	}
	return text
}
