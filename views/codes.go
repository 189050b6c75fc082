package views

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"fp4tui/exec"
	"fp4tui/views/number"
	"fp4tui/views/text"
)

// codesPane is how the sixteen E2M1 codes are used.
type codesPane struct{ log bool }

// axis puts a count on the linear or the logarithmic axis of bars.
func axis(log bool, count float64) float64 {
	if log {
		return number.Log2(1 + count)
	}
	return count
}

func (p *codesPane) wants(s *scene) []string {
	if s.at.w == "" {
		return nil
	}
	return []string{"info " + s.at.w, "codes " + s.at.w, s.blockLine()}
}

func (p *codesPane) status(s *scene) (left, right []span) {
	left = []span{{plain, fmt.Sprintf("n %d  k %d", s.at.n, s.at.k)}}
	if dump, ok, _ := look[exec.Dump](s, s.blockLine()); ok {
		for i, e := range dump.Values {
			if e.K == s.at.k {
				left = append(left, span{plain, fmt.Sprintf(" (%d of %d)  code %s  %s → %s", i, len(dump.Values), number.Hex(int64(e.Code), 1), text.CodeValue(e.Code), num(e.Deq))})
			}
		}
	}
	return left, []span{{dim, "whole layer"}}
}

// magnitudeNames are the values of E2M1 without their sign.
func magnitudeNames() [8]string { return [8]string{"0", "0.5", "1", "1.5", "2", "3", "4", "6"} }

func (p *codesPane) draw(r region, s *scene) {
	if s.noLayer(r) {
		return
	}
	line := "codes " + s.at.w
	use, ready, err := look[exec.CodeUse](s, line)
	if !ready {
		s.pending(r, line, err)
		return
	}
	r.text(1, 0, dim, "code  value      count (+)   count (-)    share  of all "+number.Count(use.Count))
	both := magnitudes(use.Codes)
	most := largest(both[:])
	for i, name := range magnitudeNames() {
		y := 1 + i
		r.text(1, y, plain, fmt.Sprintf(" %x %x   ±%s", i, i+8, name))
		r.right(27, y, plain, number.Count(use.Codes[i]))
		r.right(39, y, plain, number.Count(use.Codes[i+8]))
		r.right(48, y, plain, number.Of(int64(both[i]), use.Count))
		r.text(50, y, accent, bar(axis(p.log, both[i]), axis(p.log, most), min(60, r.w-52), r.th.ascii))
	}
	p.drawFacts(r, use)
}

func (p *codesPane) drawFacts(r region, use exec.CodeUse) {
	facts := []string{
		fmt.Sprintf("balance  + %s  − %s      -0 (code 8) %s: sign of zero is kept",
			number.Of(use.Positive, use.Positive+use.Negative), number.Of(use.Negative, use.Positive+use.Negative), number.Count(use.Codes[8])),
		fmt.Sprintf("used     %d of 16 codes", use.Used),
		fmt.Sprintf("block maxima   |6| in %s of %s blocks   (a block below 6 wastes range)", number.Count(use.BlockMax[7]), number.Count(use.Blocks)),
	}
	y := 10
	for _, fact := range facts {
		r.text(1, y, plain, cut(fact, r.w-2))
		y++
	}
	var shares []string
	for i := len(use.BlockMax) - 1; i >= 0; i-- {
		if use.BlockMax[i] > 0 {
			shares = append(shares, fmt.Sprintf("|%s| %s", magnitudeNames()[i], number.Of(use.BlockMax[i], use.Blocks)))
		}
	}
	r.text(1, y, dim, cut("               "+strings.Join(shares, "  "), r.w-2))
	y += 2
	for _, note := range use.Notes {
		for _, text := range wrap(note, r.w-4) {
			r.text(1, y, plain, "▸ "+text)
			y++
		}
	}
}

func (p *codesPane) move(s *scene, m motion, count int) {
	if info, ready := s.layer(); ready {
		s.at.moveWeight(info, m, count, 1, 1)
	}
}

func (p *codesPane) open(a *App) tea.Cmd { return a.goTo(bytesView) }

func (p *codesPane) yank(s *scene, what string) string {
	switch what {
	case "command":
		return "codes " + s.at.w
	case "table":
		use, ready, _ := look[exec.CodeUse](s, "codes "+s.at.w)
		if !ready {
			return ""
		}
		var b strings.Builder
		for code, n := range use.Codes {
			fmt.Fprintf(&b, "%s\t%d\n", number.Hex(int64(code), 1), n)
		}
		return b.String()
	}
	return s.yankBlock(what)
}
