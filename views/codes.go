package views

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"fp4tui/exec"
	"fp4tui/views/number"
	"fp4tui/views/text"
)

// codesPane is how the sixteen E2M1 codes are used, in the layer or in the block under the
// cursor.
type codesPane struct {
	log   bool
	block bool
}

// gauss is how often each magnitude occurs, in percent, when normally distributed weights
// are quantized: counted over 400,000 blocks, of 16 with an exact scale of amax/6 and of
// 32 with the power of two of OCP MX.
func gauss(block int) (shares [8]float64, known bool) {
	switch block {
	case 16:
		return [8]float64{6.8, 13.4, 12.7, 11.7, 15.1, 15.3, 13.8, 11.2}, true
	case 32:
		return [8]float64{8.8, 17.1, 15.7, 13.7, 16.1, 13.5, 10.0, 5.1}, true
	}
	return shares, false
}

// use is what is counted: the layer, or the block.
func (p *codesPane) use(s *scene) (use exec.CodeUse, ready bool, err error) {
	if !p.block {
		return look[exec.CodeUse](s, "codes "+s.at.w)
	}
	dump, ready, err := look[exec.Dump](s, s.blockLine())
	if !ready {
		return use, false, err
	}
	use.Subject, use.Blocks, use.Count = s.blockLine(), 1, int64(len(dump.Values))
	top := 0
	for _, v := range dump.Values {
		code := v.Code & 15
		use.Codes[code]++
		switch {
		case code&7 == 0:
		case code < 8:
			use.Positive++
		default:
			use.Negative++
		}
		top = max(top, code&7)
	}
	use.BlockMax[top] = 1
	for _, n := range use.Codes {
		if n > 0 {
			use.Used++
		}
	}
	return use, true, nil
}

// codesOf counts the block under the cursor, or the layer again.
func (a *App) codesOf(int) tea.Cmd {
	p := a.panes[codesView].(*codesPane)
	p.block = !p.block
	return nil
}

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
	if p.block {
		return left, []span{{strong, "this block"}}
	}
	return left, []span{{dim, "whole layer"}}
}

// magnitudeNames are the values of E2M1 without their sign.
func magnitudeNames() [8]string { return [8]string{"0", "0.5", "1", "1.5", "2", "3", "4", "6"} }

func (p *codesPane) draw(r region, s *scene) {
	if s.noLayer(r) {
		return
	}
	use, ready, err := p.use(s)
	if !ready {
		s.pending(r, "codes "+s.at.w, err)
		return
	}
	info, _ := s.layer()
	expected, known := gauss(info.Block)
	if known {
		r.right(r.w-1, 0, dim, "gauss")
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
		r.text(50, y, accent, bar(axis(p.log, both[i]), axis(p.log, most), min(60, r.w-59), r.th.ascii))
		if known {
			r.right(r.w-1, y, dim, fmt.Sprintf("%.1f", expected[i]))
		}
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
