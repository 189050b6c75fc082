package views

import (
	"fmt"

	"fp4tui/exec"
)

// A map of more elements than bandsFrom is asked for a second time in bands of about
// bandElements, so that its first rows are seen while the rest is made.
const (
	bandsFrom    = 1 << 23
	bandElements = 1 << 22
)

// bands is a map that is being put together from the top.
type bands struct {
	line string // the whole map
	heat exec.Heat
	rows int // of pixels, done
}

// windowOf writes a window of a comparison.
func windowOf(e string, m0, m1, n0, n1 int) string {
	return fmt.Sprintf("%s[%d:%d, %d:%d]", e, m0, m1, n0, n1)
}

// bandLines asks for the next band while the whole map is not there.
func (p *errorPane) bandLines(s *scene) []string {
	line := p.mapLine(s)
	if _, known := s.data.got[line]; known || p.values {
		return nil
	}
	l, m0, m1, n0, n1 := p.window(s)
	if (m1-m0)*(n1-n0) < bandsFrom {
		return nil
	}
	i, j := p.pixel(s, l)
	whole := exec.Heat{Metric: p.metric, Agg: p.agg, Row0: m0, Col0: n0, RowStep: 1 << i, ColStep: 1 << j, H: (m1-m0-1)>>i + 1, W: (n1-n0-1)>>j + 1}
	if whole.M, whole.N = p.dims(s); p.bands.line != line {
		p.bands = bands{line: line, heat: whole}
	}
	for p.bands.rows < whole.H {
		b := &p.bands
		rows := min(max(bandElements/(n1-n0)>>i, 1), whole.H-b.rows)
		if whole.H-b.rows-rows == 1 { // one row alone could be given a finer zoom
			rows++
		}
		from := m0 + b.rows<<i
		next := fmt.Sprintf("map %s size=%dx%d agg=%s metric=%s", windowOf(s.at.e, from, min(from+rows<<i, m1), n0, n1), l.cols, rows, p.agg, p.metric)
		part, ready, err := look[exec.Heat](s, next)
		if err != nil || ready && !b.add(part, rows) {
			return nil
		}
		if !ready {
			return []string{next}
		}
	}
	return nil
}

// add puts a band below what is there; false when it doesn't fit.
func (b *bands) add(part exec.Heat, rows int) bool {
	h := &b.heat
	if part.H != rows || part.W != h.W || part.RowStep != h.RowStep || part.ColStep != h.ColStep || len(part.NaNs) != len(part.Values) {
		return false
	}
	if part.Pads == nil {
		part.Pads = make([]int32, len(part.Values))
	}
	h.Values, h.NaNs, h.Pads = append(h.Values, part.Values...), append(h.NaNs, part.NaNs...), append(h.Pads, part.Pads...)
	h.NaN, h.Pad = h.NaN+part.NaN, h.Pad+part.Pad
	h.RowMax = append(h.RowMax, part.RowMax...)
	if h.ColMax == nil {
		h.ColMax = make([]exec.Float32, h.W)
	}
	for i, v := range part.ColMax {
		if !(h.ColMax[i] >= v) {
			h.ColMax[i] = v
		}
	}
	if part.Hi > 0 && (h.Hi == 0 || part.Lo < h.Lo) {
		h.Lo = part.Lo
	}
	h.Hi = max(h.Hi, part.Hi)
	b.rows += rows
	return true
}

// picture is the map, or as much of it as is there.
func (p *errorPane) picture(s *scene) (m heatmap, ready bool, err error) {
	line := p.mapLine(s)
	h, ready, err := look[exec.Heat](s, line)
	if ready {
		p.bands = bands{}
		return p.heat(s, h), true, nil
	}
	if err != nil || p.bands.line != line || p.bands.rows == 0 {
		return m, false, err
	}
	m = p.heat(s, p.bands.heat)
	m.rows = p.bands.rows
	return m, true, nil
}
