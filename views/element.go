package views

import (
	"fmt"
	"strconv"

	tea "charm.land/bubbletea/v2"

	"fp4tui/exec"
	"fp4tui/views/number"
	"fp4tui/views/text"
)

// elementPane is one output element: both values with their bits, the error, and the
// largest terms of its sum with code, scale and place in the file.
type elementPane struct{ list list }

func (p *elementPane) wants(s *scene) []string {
	if s.at.e == "" {
		return nil
	}
	return []string{"info " + s.at.e, s.elementLine(), s.topLine()}
}

func (p *elementPane) status(s *scene) (left, right []span) {
	left = []span{{plain, fmt.Sprintf("m %d  n %d", s.at.m, s.at.n)}}
	e, ready, _ := look[exec.Element](s, s.elementLine())
	if !ready {
		return left, nil
	}
	left = append(left, span{plain, fmt.Sprintf("   got %s = %s   want %s = %s", num(e.Got), e.GotBits, num(e.Want), e.WantBits)})
	return left, []span{{dim, "vs " + reference(e.WantBy)}}
}

func (p *elementPane) draw(r region, s *scene) {
	if s.noRun(r) {
		return
	}
	line := s.elementLine()
	e, ready, err := look[exec.Element](s, line)
	if !ready {
		s.pending(r, line, err)
		return
	}
	facts := [][2]string{
		{"got", fmt.Sprintf("%s  %s  exactly %s", num(e.Got), e.GotBits, number.Exact32(float64(e.Got)))},
		{"want", fmt.Sprintf("%s  %s  exactly %s", num(e.Want), e.WantBits, number.Exact32(float64(e.Want)))},
		{"error", fmt.Sprintf("%s   relative %s   %s ulp", signed(e.Err), relText(e.Rel), number.Whole(float64(e.ULP), screenDigits))},
		{"by", e.GotBy + " against " + e.WantBy},
	}
	for y, f := range facts {
		r.text(1, y, dim, f[0])
		r.text(9, y, plain, cut(f[1], r.w-10))
	}
	if len(e.Terms) == 0 {
		r.text(1, 5, dim, "the operands of this comparison are not known: no terms to show")
		return
	}
	side := 0
	if r.w >= 110 {
		side = 38
		r.sub(r.w-side, 0, side, r.h).bar(0)
		p.drawBlocks(r.sub(r.w-side+1, 0, side-1, r.h), e)
	}
	p.drawTerms(r.sub(0, 5, r.w-side, r.h-5), s, e)
}

func (p *elementPane) drawTerms(r region, s *scene, e exec.Element) {
	columns := []column{{"k", 6, true}, {"x", 9, true}, {"w", 9, true}, {"code", 4, false}, {"value", 5, true}, {"scale", 5, false}, {"x·w", 10, true}, {"byte", 11, false}}
	r.text(1, 0, strong, "largest terms of the sum")
	r.tableHead(1, 1, columns)
	rows := max(1, r.h-5)
	p.list.fit(len(e.Terms), rows)
	for y := range rows {
		i := p.list.top + y
		if i >= len(e.Terms) {
			break
		}
		t := e.Terms[i]
		r.tableRow(1, 2+y, columns, nil, []string{strconv.Itoa(t.K), number.Fit(float64(t.X), screenDigits, 9), number.Fit(float64(t.W), screenDigits, 9),
			number.Hex(int64(t.Code), 1), text.CodeValue(t.Code), number.Hex(int64(t.Scale), 2), number.Signed(float64(t.Product), screenDigits), number.Offset(t.Byte)})
		if i == p.list.at {
			r.focus(2 + y)
			s.at.k = t.K
		}
	}
	if e.Others > 0 {
		r.text(1, r.h-3, dim, plural(int64(e.Others), "smaller term")+" more")
	}
	t := e.Terms[min(p.list.at, len(e.Terms)-1)]
	r.spans(1, r.h-2, span{dim, "address  "}, span{plain, nibbleText(t.Byte, t.High) + "   scale byte " + number.Offset(t.ScaleByte)})
	r.spans(1, r.h-1, span{dim, "file     "}, span{plain, cutMiddle(t.File, r.w-11)})
}

// drawBlocks is what each K block adds to the output.
func (p *elementPane) drawBlocks(r region, e exec.Element) {
	r.text(1, 0, strong, "K blocks of got, largest first")
	r.text(1, 1, dim, "block   scale        sum")
	most := 0.0
	for _, b := range e.Blocks {
		most = max(most, float64(b.Sum), -float64(b.Sum))
	}
	for i, b := range e.Blocks {
		y := 2 + i
		if y >= r.h {
			break
		}
		r.right(6, y, plain, strconv.Itoa(b.Block))
		r.text(9, y, dim, number.Hex(int64(b.Scale), 2))
		r.right(25, y, plain, signed(b.Sum))
		r.text(27, y, accent, bar(max(float64(b.Sum), -float64(b.Sum)), most, r.w-28, r.th.ascii))
	}
}

func (p *elementPane) move(s *scene, m motion, count int) {
	e, ready, _ := look[exec.Element](s, s.elementLine())
	if ready {
		p.list.move(m, count, len(e.Terms), max(1, s.h-10))
	}
}

func (p *elementPane) click(s *scene, _, y int) bool {
	e, ready, _ := look[exec.Element](s, s.elementLine())
	return ready && p.list.click(y-7, len(e.Terms), max(1, s.h-10))
}

// open shows the byte of the focused term.
func (p *elementPane) open(a *App) tea.Cmd {
	s := a.scene()
	e, ready, _ := look[exec.Element](s, s.elementLine())
	if ready && p.list.at < len(e.Terms) {
		s.at.k = e.Terms[p.list.at].K
	}
	return a.goTo(bytesView)
}

func (p *elementPane) yank(s *scene, what string) string {
	return s.yankElement(what, s.elementLine())
}
