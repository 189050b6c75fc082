package views

import (
	"fmt"
	"math"

	"fp4tui/exec"
	"fp4tui/views/number"
)

// Scales in E4M3: the largest one, and a bound between the largest subnormal and the
// smallest normal one.
const (
	largestScale   = 448
	subnormalScale = 0.0146
)

// lowLines count the scales above zero and above the subnormal ones in every pixel, when
// the layer has any that are not: a pixel shows its largest scale and would hide them.
func (p *scalesPane) lowLines(s *scene) []string {
	h, ready, _ := look[exec.Histogram](s, "hist "+s.at.w+".scale")
	if !ready || h.Format != "E4M3" {
		return nil
	}
	var lines []string
	for _, pill := range h.Pill {
		if pill.Count == 0 {
			continue
		}
		switch pill.Name {
		case "zero":
			lines = append(lines, p.countLine(s, 0))
		case "subnormal":
			lines = append(lines, p.countLine(s, subnormalScale))
		}
	}
	return lines
}

func (p *scalesPane) countLine(s *scene, bound float64) string {
	return fmt.Sprintf("%s agg=count bound=%s", p.mapLine(s), number.Short(bound, screenDigits))
}

// marks is the sign of each pixel that holds a scale which is no ordinary number; NaN has
// its own already.
func (p *scalesPane) marks(s *scene, h exec.Heat, format string) []byte {
	if format != "E4M3" {
		return nil
	}
	out := make([]byte, len(h.Values))
	for i, v := range h.Values {
		if v == largestScale {
			out[i] = '@'
		}
	}
	low := func(bound float64, sign byte) {
		counts, ready, _ := look[exec.Heat](s, p.countLine(s, bound))
		if !ready || len(counts.Values) != len(out) {
			return
		}
		for i, above := range counts.Values {
			y, x := i/h.W, i%h.W
			all := min(h.RowStep, h.M-h.Row0-y*h.RowStep) * min(h.ColStep, h.N-h.Col0-x*h.ColStep)
			if !math.IsNaN(float64(above)) && int(above)+int(h.NaNs[i]) < all {
				out[i] = sign
			}
		}
	}
	low(subnormalScale, ',')
	low(0, '0')
	return out
}

func (p *scalesPane) drawMap(r region, s *scene) {
	line := p.mapLine(s)
	h, ready, err := look[exec.Heat](s, line)
	if !ready {
		s.pending(r, line, err)
		return
	}
	block := 16
	if info, ok := s.layer(); ok {
		block = max(info.Block, 1)
	}
	hist, known, _ := look[exec.Histogram](s, "hist "+s.at.w+".scale")
	m := heatOf(h, s.at.n, s.at.k/block)
	m.marks = p.marks(s, h, hist.Format)
	labels := labelWidth(h.M)
	r.right(labels-1, 0, dim, "n")
	body := r.sub(labels, 1, min(h.W, r.w-labels-4), r.h-3)
	m.draw(body)
	m.drawSelection(body, s.at.sel, scalesView, s.at.n, s.at.k, block)
	m.axes(r.sub(labels, 0, r.w-labels, 1), r.sub(0, 1, labels, r.h-3), labels)
	rows := min(body.h, (h.H+1)/2)
	if known && len(hist.KMean) == h.N {
		r.text(0, 1+rows, dim, padLeft("mean", labels-1))
		p.drawMargins(r, m, hist, labels, body.w, rows)
	} else {
		r.text(0, 1+rows, dim, padLeft("max", labels-1))
		m.marginals(r.sub(labels+body.w+1, 1, 3, r.h-3), r.sub(labels, 1+rows, body.w, 1))
	}
	x := r.spans(1, 2+rows, m.legend(r.th)...)
	if m.marks == nil {
		return
	}
	if signs := "@ 448  , subnormal  0 zero  ! NaN"; x+3+width(signs) < r.w {
		r.text(x+2, 2+rows, dim, signs)
	} else {
		r.text(1, 3+rows, dim, cut(signs, r.w-2))
	}
}

// rowGroup is how many rows a mean of the histogram is over.
const rowGroup = 32

// drawMargins draws the mean of each row of cells at the right and of each K block below,
// both from zero, so that what runs high is seen as a share.
func (p *scalesPane) drawMargins(r region, m heatmap, hist exec.Histogram, labels, w, rows int) {
	right := r.sub(labels+w+1, 1, 8, rows)
	if right.w >= 4 {
		r.text(labels+w+1, 0, dim, "mean")
	}
	most := largest(floats(hist.NMean))
	for y := range rows {
		from := (m.Row0 + 2*y*m.RowStep) / rowGroup
		to := (min(m.Row0+2*(y+1)*m.RowStep, m.M) + rowGroup - 1) / rowGroup
		right.text(0, y, plain, bar(meanOf(hist.NMean, from, to), most, right.w, right.th.ascii))
	}
	cols := make([]float64, 0, m.W)
	for x := range min(m.W, w) {
		cols = append(cols, meanOf(hist.KMean, m.Col0+x*m.ColStep, m.Col0+(x+1)*m.ColStep))
	}
	r.text(labels, 1+rows, plain, spark(cols, 0, largest(floats(hist.KMean)), r.th.ascii))
	m.tick(r.sub(labels, 1+rows, w, 1))
}

// meanOf is the mean of a run of means over as much each; NaN when one of them is.
func meanOf(means []exec.Float, from, to int) float64 {
	sum, n := 0.0, 0
	for _, v := range means[min(max(from, 0), len(means)):min(max(to, 0), len(means))] {
		sum += float64(v)
		n++
	}
	if n == 0 {
		return 0
	}
	return sum / float64(n)
}

func floats(values []exec.Float) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		if out[i] = float64(v); out[i] != out[i] {
			out[i] = 0
		}
	}
	return out
}

// drawMeans draws where scales run high, along the rows and along K, below the histogram.
func drawMeans(r region, y int, h exec.Histogram) {
	for _, part := range []struct {
		title string
		means []exec.Float
	}{{"means of 32 rows", h.NMean}, {"means of K blocks", h.KMean}} {
		if len(part.means) < 2 || y+2 >= r.h {
			continue
		}
		values := make([]float64, len(part.means))
		for i, v := range part.means {
			values[i] = float64(v)
		}
		at, top := 0, floats(part.means)
		for i, v := range top {
			if v > top[at] {
				at = i
			}
		}
		typical := meanOf(part.means, 0, len(part.means))
		text := part.title
		if typical > 0 && top[at] > 1.25*typical {
			text += fmt.Sprintf(", top at %d: %s×", at, number.Short(top[at]/typical, 2))
		}
		r.text(1, y, dim, cut(text, r.w-2))
		r.text(1, y+1, accent, spark(resample(values, r.w-2), 0, top[at], r.th.ascii))
		y += 3
	}
}
