package views

import (
	"fmt"
	"path/filepath"
	"strings"

	tea "charm.land/bubbletea/v2"

	"fp4tui/exec/notebook"
	"fp4tui/views/number"
)

// bookPane is the notebook: its cells with what they said when they ran, its prose, and
// where what they say is no longer what is stored.
type bookPane struct {
	*book
	at   int // index into rows of the focused block
	top  int // first visible line
	edit *textarea
	// where the cursor of the editor stands in the body, after a draw
	editX, editY int
}

func (p *bookPane) wants(*scene) []string { return nil }

// focus is the block under the cursor, -1 when there is none.
func (p *bookPane) focus() int {
	rows := p.rows()
	if len(rows) == 0 {
		return -1
	}
	p.at = min(max(p.at, 0), len(rows)-1)
	return rows[p.at]
}

// focusOn moves the cursor to a block.
func (p *bookPane) focusOn(block int) {
	for i, row := range p.rows() {
		if row == block {
			p.at = i
		}
	}
}

func (p *bookPane) status(s *scene) (left, right []span) {
	name := "this session"
	if p.file != "" {
		name = filepath.Base(p.name)
	}
	left = []span{{plain, name}, {dim, "   " + plural(int64(len(p.doc.Cells)), "cell")}}
	right = []span{{dim, p.backend}}
	if p.changes > 0 && p.file != "" {
		right = append(right, span{warnRole, " · not saved"})
	}
	if s.at.autosaved {
		right = append(right, span{dim, " · autosaved"})
	}
	return left, right
}

// bookLine is one line of the page and the block it is of.
type bookLine struct {
	block int
	spans []span
	x     int
	right span // at a column of its own
	draw  func(r region, y int)
}

// rightColumn is where the summary of a cell begins.
func rightColumn(w int) int { return max(44, w*55/80) }

func (p *bookPane) draw(r region, s *scene) {
	page, side := r, region{}
	if r.w >= tallWidth {
		w := r.w * 11 / 20
		page, side = r.sub(0, 0, w, r.h), r.sub(w+1, 0, r.w-w-1, r.h)
		r.bar(w)
	}
	foot := 2
	body := page.sub(0, 0, page.w, page.h-foot)
	lines, focus, focusEnd := p.lines(body.w, side.w == 0)
	p.scroll(len(lines), focus, focusEnd, body.h)
	for y := range body.h {
		i := p.top + y
		if i >= len(lines) {
			break
		}
		p.drawLine(body, y, lines[i])
		if i == focus {
			body.focus(y)
		}
	}
	if p.edit != nil {
		p.editY += focus - p.top
	}
	if len(p.rows()) == 0 {
		page.text(1, 0, dim, "no cells yet: every command becomes one; o writes one here")
	}
	page.spans(1, page.h-1, p.foot()...)
	if side.w > 0 {
		p.drawSide(side.sub(1, 0, side.w-2, side.h), s)
	}
}

// scroll keeps the focused cell visible: its first line, and as much below as fits.
func (p *bookPane) scroll(total, focus, end, h int) {
	if end-p.top > h {
		p.top = end - h
	}
	if focus < p.top {
		p.top = focus
	}
	p.top = max(0, min(p.top, max(focus, 0), max(0, total-h)))
}

func (p *bookPane) drawLine(r region, y int, l bookLine) {
	if l.draw != nil {
		l.draw(r, y)
		return
	}
	end := r.spans(l.x, y, l.spans...)
	if l.right.text != "" {
		x := max(rightColumn(r.w), end+2)
		r.text(x, y, l.right.role, cut(l.right.text, r.w-1-x))
	}
}

// lines lays the page out. Inline says that outputs are shown below their cells, not in a
// pane of their own.
func (p *bookPane) lines(w int, inline bool) (out []bookLine, focus, focusEnd int) {
	number, here := 0, p.focus()
	for _, i := range p.rows() {
		number++
		if i == here {
			focus = len(out)
		}
		switch {
		case i == here && p.edit != nil:
			out = append(out, p.editLines(i, number)...)
		default:
			out = append(out, p.headLine(i, number, w))
			if inline && p.shown(i) {
				out = append(out, p.outputLines(i, w)...)
			}
		}
		if i == here {
			focusEnd = len(out)
		}
	}
	return out, focus, focusEnd
}

// shown says whether the output of a block is unfolded: what needs a decision opens by
// itself.
func (p *bookPane) shown(i int) bool {
	item := p.items[i]
	if item.attended {
		return item.open
	}
	return item.open || item.state == cellChanged && !item.kept || item.state == cellFailed || item.state == cellError
}

// headLine is the line of a cell: number, state, first command, what came out.
func (p *bookPane) headLine(i, n, w int) bookLine {
	block, item := p.blocks[i], p.items[i]
	left := span{dim, fmt.Sprintf("%2d ", n)}
	c, is := p.cell(i)
	if !is {
		first, rest, more := strings.Cut(block.Text(), "\n")
		if more && strings.TrimSpace(rest) != "" {
			first += " …"
		}
		if strings.HasPrefix(first, "#") {
			return bookLine{block: i, x: 1, spans: []span{left, {strong, cut(first, w-6)}}}
		}
		return bookLine{block: i, x: 1, spans: []span{left, {dim, pad("note", 8)}, {plain, cut(first, w-14)}}}
	}
	state, look := item.state.word()
	right := span{dim, item.summary}
	switch item.state {
	case cellChanged:
		right = span{warnRole, "accept a · reject A"}
		if item.kept {
			right.text = "kept as stored"
		}
	case cellFailed, cellError, cellStale, cellSkipped:
		right = span{look, item.why}
	case notRun:
		right.text = firstLine(p.storedText(i))
	}
	commands := strings.Split(strings.TrimRight(c.Text, "\n"), "\n")
	text := commands[0]
	if n := len(commands) - 1; n > 0 {
		text += fmt.Sprintf("  +%d", n)
	}
	room := w - 13
	if right.text != "" {
		room = rightColumn(w) - 14
	}
	return bookLine{block: i, x: 1, spans: []span{left, {look, pad(state, 8)}, {plain, cut(text, room)}}, right: right}
}

func firstLine(text string) string {
	first, _, _ := strings.Cut(text, "\n")
	return first
}

func (p *bookPane) storedText(i int) string {
	o, _ := p.stored(i)
	return o.Text
}

// editLines is the editor in the place of its block.
func (p *bookPane) editLines(i, n int) []bookLine {
	out := make([]bookLine, len(p.edit.lines))
	p.editX, p.editY = 4+9+width(string(p.edit.line().text[:p.edit.line().at])), p.edit.row
	for y := range p.edit.lines {
		label := ""
		if y == 0 {
			label = "edit"
		}
		at := p.edit.lines[y]
		out[y] = bookLine{block: i, x: 1, spans: []span{{dim, "   "}, {accent, pad(label, 8)}}, draw: nil}
		if y == 0 {
			out[y].spans[0].text = fmt.Sprintf("%2d ", n)
		}
		row := y
		head := out[y].spans
		out[y].draw = func(r region, dy int) {
			x := r.spans(1, dy, head...)
			if row == p.edit.row {
				at.draw(r, x, dy, r.w-x-1, "")
				return
			}
			r.text(x, dy, plain, cut(at.String(), r.w-x-1))
		}
	}
	return out
}

// outputLines are the further commands of a cell and what it said, or the difference from
// what is stored.
func (p *bookPane) outputLines(i, w int) []bookLine {
	var out []bookLine
	add := func(role role, text string) {
		out = append(out, bookLine{block: i, x: 5, spans: []span{{role, cut(text, w-6)}}})
	}
	c, is := p.cell(i)
	if !is {
		for _, line := range strings.Split(p.blocks[i].Text(), "\n")[1:] {
			add(plain, line)
		}
		return out
	}
	for _, line := range strings.Split(strings.TrimRight(c.Text, "\n"), "\n")[1:] {
		out = append(out, bookLine{block: i, x: 12, spans: []span{{plain, cut(line, w-13)}}})
	}
	item := p.items[i]
	if item.state == cellChanged {
		return append(out, p.diffLines(i, w)...)
	}
	if item.state == cellError || item.state == cellSkipped {
		for _, line := range wrap(item.why, w-6) {
			look := warnRole
			if item.state == cellError {
				look = badRole
			}
			add(look, line)
		}
	}
	text, look := item.got, plain
	if !item.ran || item.state == cellStale {
		text, look = p.storedText(i), dim
	}
	for line := range strings.Lines(text) {
		add(look, strings.TrimRight(line, "\n"))
	}
	return out
}

// diffLines is the stored output beside the new one, in a box.
func (p *bookPane) diffLines(i, w int) []bookLine {
	o, _ := p.stored(i)
	c, _ := p.cell(i)
	half := (w - 10) / 2
	bar := func(n int) string { return strings.Repeat("─", max(0, n)) }
	line := func(spans ...span) bookLine { return bookLine{block: i, x: 2, spans: spans} }
	title := func(text string) string { return " " + text + " " + bar(half-width(text)-2) }
	out := []bookLine{line(span{dim, "  ┌" + title("stored") + "┬" + title("now") + "┐"})}
	for _, pair := range notebook.SideBySide(o.Text, p.items[i].got, c.Tol) {
		minus, plus, look := "  ", " ", plain
		want, got := fromDifference(pair.Want, pair.Got, half-2)
		if !pair.Same {
			look = badRole
			if !pair.NoWant {
				minus = "- "
			}
			if !pair.NoGot {
				plus = "+"
			}
		} else if pair.NoGot || pair.NoWant {
			look = dim
		}
		out = append(out, line(span{badRole, minus}, span{dim, "│"}, span{look, pad(" "+want, half)}, span{dim, "│"},
			span{look, pad(" "+got, half)}, span{dim, "│"}, span{okRole, plus}))
	}
	return append(out, line(span{dim, "  └" + bar(half) + "┴" + bar(half) + "┘"}))
}

// fromDifference cuts what two lines begin with alike, so that the first difference can
// be seen in w cells.
func fromDifference(want, got string, w int) (string, string) {
	if want == "" || got == "" || want == got || width(want) <= w && width(got) <= w {
		return want, got
	}
	a, b := []rune(want), []rune(got)
	at := 0
	for at < len(a) && at < len(b) && a[at] == b[at] {
		at++
	}
	if at < w*2/3 {
		return want, got
	}
	from := at - w/3
	return "…" + string(a[from:]), "…" + string(b[from:])
}

// drawSide is the focused block in full, beside the page.
func (p *bookPane) drawSide(r region, _ *scene) {
	i := p.focus()
	if i < 0 {
		return
	}
	c, is := p.cell(i)
	if !is {
		y := 0
		for text := range strings.SplitSeq(p.blocks[i].Text(), "\n") {
			for _, line := range wrap(text, r.w) {
				r.text(0, y, plain, line)
				y++
			}
			if text == "" {
				y++
			}
		}
		return
	}
	y := 0
	for line := range strings.SplitSeq(strings.TrimRight(c.Text, "\n"), "\n") {
		for _, part := range wrap(line, r.w) {
			r.text(0, y, strong, part)
			y++
		}
	}
	item := p.items[i]
	state, look := item.state.word()
	x := r.text(0, y, look, state)
	r.text(x+2, y, dim, cut(item.why, r.w-x-2))
	y += 2
	if item.state == cellChanged {
		for _, l := range p.diffLines(i, r.w+2) {
			p.drawLine(r.sub(-2, y, r.w, 1), 0, bookLine{x: 0, spans: l.spans})
			y++
		}
		r.text(0, y+1, dim, "a accepts the new output, A keeps the stored one")
		return
	}
	for _, l := range p.outputLines(i, r.w+6) {
		if l.x == 12 {
			continue // commands stand above already
		}
		r.spans(0, y, l.spans...)
		y++
	}
}

// foot is the last line: how a replay of it would end.
func (p *bookPane) foot() []span {
	by, at := p.count(), 0
	out := []span{{dim, "replay: "}}
	if len(p.faults) > 0 {
		out = append(out, span{badRole, plural(int64(len(p.faults)), "input") + " changed"}, span{dim, " · "})
	}
	for _, state := range []cellState{cellOK, cellChanged, cellFailed, cellError, cellStale, cellSkipped, cellRunning, cellQueued, notRun} {
		if by[state] == 0 {
			continue
		}
		name, look := state.word()
		if state == notRun {
			name = "not run"
		}
		if at > 0 {
			out = append(out, span{dim, " · "})
		}
		at++
		out = append(out, span{look, number.Count(int64(by[state])) + " " + strings.ToLower(name)})
	}
	if by[notRun]+by[cellRunning]+by[cellQueued] == 0 && len(p.doc.Cells) > 0 {
		out = append(out, span{dim, fmt.Sprintf("   → fp4tui replay exits %d", p.exit(by))})
	}
	return out
}

// exit is the exit code of a replay of what is known now.
func (p *bookPane) exit(by [cellSkipped + 1]int) int {
	checks := 0
	for i, item := range p.items {
		if o, has := p.stored(i); has && !o.Ignore && item.state != cellSkipped {
			checks++
		}
		if c, is := p.cell(i); is && strings.Contains(c.Text, "expect ") {
			checks++
		}
	}
	switch {
	case by[cellError]+len(p.faults) > 0:
		return notebook.ExitEnvironment
	case by[cellChanged]+by[cellFailed]+by[cellStale] > 0:
		return notebook.ExitFailed
	case checks == 0:
		return notebook.ExitUnchecked
	}
	return notebook.ExitOK
}

func (p *bookPane) move(s *scene, m motion, count int) {
	l := list{at: p.at}
	l.move(m, count, len(p.rows()), max(1, s.h-2))
	p.at = l.at
}

func (p *bookPane) click(s *scene, _, y int) bool {
	w := s.w
	if w >= tallWidth {
		w = w * 11 / 20
	}
	lines, _, _ := p.lines(w, s.w < tallWidth)
	if y < 0 || y >= s.h-2 || p.top+y >= len(lines) || p.edit != nil {
		return false
	}
	p.focusOn(lines[p.top+y].block)
	return true
}

func (p *bookPane) find(_ *scene, text string, step int) bool {
	rows := p.rows()
	l := list{at: p.at}
	found := findRow(&l, rows, step, func(i int) bool {
		return strings.Contains(strings.ToLower(p.blocks[i].Raw+p.items[i].got), strings.ToLower(text))
	})
	p.at = l.at
	return found
}

func (p *bookPane) yank(_ *scene, what string) string {
	i := p.focus()
	if i < 0 {
		return ""
	}
	c, is := p.cell(i)
	switch what {
	case "command":
		if !is {
			return p.blocks[i].Text()
		}
		return strings.TrimRight(c.Text, "\n")
	case "value":
		if p.items[i].ran {
			return strings.TrimRight(p.items[i].got, "\n")
		}
		return strings.TrimRight(p.storedText(i), "\n")
	case "address":
		if p.file != "" {
			return fmt.Sprintf("%s:%d", p.file, c.Line)
		}
	case "table":
		return string(p.doc.Bytes())
	}
	return ""
}

// open unfolds a folded cell, and edits one that is not.
func (p *bookPane) open(a *App) tea.Cmd {
	i := p.focus()
	if i < 0 {
		return nil
	}
	if _, is := p.cell(i); is && !p.shown(i) && a.w < tallWidth {
		p.items[i].open = true
		return nil
	}
	return a.editHere(0)
}
