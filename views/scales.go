package views

import (
	"fmt"
	"math"
	"strings"

	tea "charm.land/bubbletea/v2"

	"fp4tui/exec"
	"fp4tui/views/number"
)

// scalesPane is the distribution of the block scales: by code at the left, by place
// (K blocks across, rows down) at the right.
type scalesPane struct {
	log  bool
	over string // handle of the layer whose scales are laid over these
}

// overLine asks for the scales that are laid over, "" for none.
func (p *scalesPane) overLine(s *scene) string {
	if !s.at.has(p.over) || p.over == s.at.w {
		return ""
	}
	return "hist " + p.over + ".scale"
}

func (p *scalesPane) wants(s *scene) []string {
	if s.at.w == "" {
		return nil
	}
	lines := []string{"info " + s.at.w, "hist " + s.at.w + ".scale", p.mapLine(s), s.blockLine()}
	lines = append(lines, p.lowLines(s)...)
	if line := p.overLine(s); line != "" {
		lines = append(lines, line, "info "+p.over)
	}
	for _, c := range s.at.checkpoints {
		lines = append(lines, "ls "+c)
	}
	return lines
}

// split is the width of the histogram pane.
func (p *scalesPane) split(w int) int {
	if w >= tallWidth {
		return 59
	}
	return 39
}

func (p *scalesPane) mapLine(s *scene) string {
	w := max(8, s.w-p.split(s.w)-1-7-4)
	return fmt.Sprintf("map %s.scale size=%dx%d", s.at.w, w, 2*max(4, s.h-3))
}

// blockLine asks for the decoded elements of the block under the cursor.
func (s *scene) blockLine() string {
	block := 16
	k := s.at.k
	if info, ready := s.layer(); ready {
		block = max(info.Block, 1)
		k = min(k, max(0, info.K-1))
	}
	k0 := k / block * block
	return fmt.Sprintf("bytes %s[%d, %d:%d]", s.at.w, s.at.n, k0, k0+block)
}

// blockText tells the block under the cursor: "n 994  block 2 (k 32-47)  scale …".
func (s *scene) blockText() []span {
	info, ready := s.layer()
	if !ready || info.Block <= 0 {
		return nil
	}
	b := s.at.k / info.Block
	out := []span{{plain, fmt.Sprintf("n %d  block %d (k %d-%d)", s.at.n, b, b*info.Block, (b+1)*info.Block-1)}}
	dump, ok, _ := look[exec.Dump](s, s.blockLine())
	if !ok || len(dump.Values) == 0 {
		return out
	}
	scale := float64(dump.Values[0].Scale)
	return append(out, span{dim, "  scale "}, span{plain, number.Short(scale, screenDigits)})
}

func (p *scalesPane) status(s *scene) (left, right []span) {
	h, ready, _ := look[exec.Heat](s, p.mapLine(s))
	if ready {
		right = []span{{dim, fmt.Sprintf("px %d block × %d n, max", h.ColStep, h.RowStep)}}
	}
	return s.blockText(), right
}

func (p *scalesPane) draw(r region, s *scene) {
	if s.noLayer(r) {
		return
	}
	line := "hist " + s.at.w + ".scale"
	split := p.split(r.w)
	left := r.sub(0, 0, split, r.h)
	if hist, ready, err := look[exec.Histogram](s, line); ready {
		p.drawHistogram(left, hist, p.overlaid(s, hist))
	} else {
		s.pending(left, line, err)
	}
	for y := range r.h {
		r.text(split, y, dim, "│")
	}
	p.drawMap(r.sub(split+1, 0, r.w-split-1, r.h), s)
}

// binade is the codes of one power of two.
type binade struct {
	first, last int
	lo, hi      float64
	counts      []float64
	total       float64
}

// binades groups the bins of a histogram: eight mantissas a power of two for E4M3,
// each code for itself otherwise. Largest codes first.
func binades(h exec.Histogram) []binade {
	per := 1
	if h.Format != "E8M0" {
		per = 8
	}
	var out []binade
	for i := len(h.Bins) - 1; i >= 0; i-- {
		bin := h.Bins[i]
		group := bin.Code / per * per
		if bin.Code < 0 {
			group = i
		}
		if n := len(out); n == 0 || out[n-1].first != group {
			out = append(out, binade{first: group, last: group + per - 1, hi: float64(bin.Lo), counts: make([]float64, per)})
		}
		b := &out[len(out)-1]
		b.lo = float64(bin.Lo)
		b.total += float64(bin.Count)
		if at := bin.Code - group; at >= 0 && at < per {
			b.counts[at] = float64(bin.Count)
		}
	}
	return out
}

// overlaid is the other layer's counts by their first code, as shares of this one's.
func (p *scalesPane) overlaid(s *scene, h exec.Histogram) map[int]binade {
	other, ready, _ := look[exec.Histogram](s, p.overLine(s))
	if !ready || other.Count == 0 || other.Format != h.Format {
		return nil
	}
	out := map[int]binade{}
	for _, g := range binades(other) {
		scale := float64(h.Count) / float64(other.Count)
		g.total *= scale
		for i := range g.counts {
			g.counts[i] *= scale
		}
		out[g.first] = g
	}
	return out
}

func (p *scalesPane) drawHistogram(r region, h exec.Histogram, over map[int]binade) {
	wide := r.w >= 50
	r.text(1, 0, dim, "code")
	r.text(10, 0, dim, "value")
	count := 27
	if wide {
		r.text(20, 0, dim, "0   1   2   3   4   5   6   7")
		count = r.w - 1
	}
	r.right(count, 0, dim, "count")
	groups := binades(h)
	most, mostCode := 0.0, 0.0
	for _, g := range groups {
		most, mostCode = max(most, g.total), max(mostCode, largest(g.counts))
	}
	notes := p.notes(h, r.w-4)
	room := max(1, r.h-4-len(notes))
	for y, g := range groups[:min(len(groups), room)] {
		name := number.Hex(int64(g.first), 2)
		if g.last > g.first {
			name += fmt.Sprintf("-%02x", g.last)
		}
		r.text(1, 1+y, plain, name)
		r.text(10, 1+y, plain, number.Short(g.lo, 3)+"…"+number.Short(g.hi, 3))
		r.right(count, 1+y, plain, number.Count(int64(g.total)))
		if !wide {
			r.text(28, 1+y, accent, bar(p.axis(g.total), p.axis(most), r.w-29, r.th.ascii))
			if o, has := over[g.first]; has && o.total > 0 {
				at := int(p.axis(math.Min(o.total, most)) / p.axis(most) * float64(r.w-30))
				r.text(28+at, 1+y, warnRole, "│")
			}
			continue
		}
		for i, c := range g.counts {
			glyph := spark([]float64{p.axis(c)}, 0, p.axis(mostCode), r.th.ascii)
			r.text(20+4*i, 1+y, accent, strings.Repeat(glyph, 3))
			if o, has := over[g.first]; has && i < len(o.counts) {
				r.text(22+4*i, 1+y, warnRole, spark([]float64{p.axis(math.Min(o.counts[i], mostCode))}, 0, p.axis(mostCode), r.th.ascii))
			}
		}
	}
	y := min(len(groups), room) + 2
	r.text(1, y-1, plain, cut(pillText(h.Pill), r.w-2))
	low := ""
	if wide {
		low = "p1 " + short(h.P1) + "  "
	}
	r.text(1, y, plain, fmt.Sprintf("min %s  %sp50 %s  p99 %s  max %s", short(h.Min), low, short(h.P50), short(h.P99), short(h.Max)))
	for i, note := range notes {
		r.text(1, y+2+i, plain, note)
	}
	if over == nil {
		drawMeans(r, y+3+len(notes), h)
		return
	}
	r.text(1, min(y+2+len(notes), r.h-1), warnRole, cut("│ "+p.over+" laid over, "+keyLabel("=")+" takes it away", r.w-2))
}

func (p *scalesPane) notes(h exec.Histogram, w int) []string {
	var out []string
	for _, note := range h.Notes {
		for i, line := range wrap(note, w) {
			mark := "▸ "
			if i > 0 {
				mark = "  "
			}
			out = append(out, mark+line)
		}
	}
	return out
}

// axis puts a count on the linear or the logarithmic axis of the bars.
func (p *scalesPane) axis(count float64) float64 { return axis(p.log, count) }

func (p *scalesPane) move(s *scene, m motion, count int) {
	info, ready := s.layer()
	if !ready {
		return
	}
	rows, cols := 1, 1
	if h, ok, _ := look[exec.Heat](s, p.mapLine(s)); ok {
		rows, cols = max(h.RowStep, 1), max(h.ColStep, 1)
	}
	s.at.moveWeight(info, m, count, rows, cols*info.Block)
}

// moveWeight moves the cursor over a weight matrix by steps of dn rows and dk columns.
func (p *place) moveWeight(info exec.LayerInfo, m motion, count, dn, dk int) {
	block := max(info.Block, 1)
	switch m {
	case moveLeft:
		p.k -= count * dk
	case moveRight:
		p.k += count * dk
	case moveUp:
		p.n -= count * dn
	case moveDown:
		p.n += count * dn
	case blockLeft:
		p.k -= count * block
	case blockRight:
		p.k += count * block
	case blockUp:
		p.n -= count * 16
	case blockDown:
		p.n += count * 16
	case rowStart:
		p.k = 0
	case rowEnd:
		p.k = info.K - 1
	case moveFirst:
		p.n = 0
	case moveLast:
		p.n = info.N - 1
	case halfUp:
		p.n -= count * dn * 8
	case halfDown:
		p.n += count * dn * 8
	case pageUp:
		p.n -= count * dn * 16
	case pageDown:
		p.n += count * dn * 16
	}
	p.n = min(max(p.n, 0), max(info.N-1, 0))
	p.k = min(max(p.k, 0), max(info.K-1, 0))
}

func (p *scalesPane) click(s *scene, x, y int) bool {
	h, ok, _ := look[exec.Heat](s, p.mapLine(s))
	info, ready := s.layer()
	x -= p.split(s.w) + 1 + labelWidth(h.M)
	y--
	if !ok || !ready || x < 0 || y < 0 || x >= h.W || y >= (h.H+1)/2 {
		return false
	}
	s.at.n = min(h.Row0+2*y*h.RowStep, max(0, info.N-1))
	s.at.k = min((h.Col0+x*h.ColStep)*max(info.Block, 1), max(0, info.K-1))
	return true
}

func (p *scalesPane) open(a *App) tea.Cmd { return a.goTo(bytesView) }

func (p *scalesPane) yank(s *scene, what string) string {
	switch what {
	case "command":
		return "hist " + s.at.w + ".scale"
	case "table":
		h, ready, _ := look[exec.Histogram](s, "hist "+s.at.w+".scale")
		if !ready {
			return ""
		}
		var b strings.Builder
		for _, bin := range h.Bins {
			fmt.Fprintf(&b, "%s\t%s\t%d\n", number.Hex(int64(bin.Code), 2), number.Exact32(float64(bin.Lo)), bin.Count)
		}
		return b.String()
	}
	return s.yankBlock(what)
}

// yankBlock is the value and the address of the element under the weight cursor.
func (s *scene) yankBlock(what string) string {
	dump, ready, _ := look[exec.Dump](s, s.blockLine())
	if !ready {
		return ""
	}
	for _, e := range dump.Values {
		if e.K != s.at.k {
			continue
		}
		if what == "value" {
			return number.Exact32(float64(e.Deq))
		}
		nibble := "low"
		if e.High {
			nibble = "high"
		}
		return fmt.Sprintf("%s %s [%d,%d] %s %s nibble", dump.File, s.at.layer, e.N, e.K, number.Offset(e.Byte), nibble)
	}
	return ""
}

func (a *App) linearLog(int) tea.Cmd {
	switch p := a.panes[a.nav.view].(type) {
	case *scalesPane:
		p.log = !p.log
	case *codesPane:
		p.log = !p.log
	case *elementPane:
		p.log = !p.log
	}
	return nil
}
