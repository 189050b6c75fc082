package views

import (
	"fmt"
	"math"
	"strconv"

	"fp4tui/exec"
	"fp4tui/views/number"
)

// drawInspector tells the element under the crosshair and the comparison it is of.
func drawInspector(r region, s *scene) {
	r.text(1, 0, strong, fmt.Sprintf("at m %d  n %d", s.at.m, s.at.n))
	line := s.elementLine()
	e, ready, err := look[exec.Element](s, line)
	y := 1
	switch {
	case err != nil:
		s.pending(r.sub(0, 1, r.w, 6), line, err)
		y = 6
	case !ready:
		r.text(2, 1, dim, "…")
		y = 6
	default:
		y = drawErrorPoint(r, y, e, s.proven())
	}
	y = drawMetrics(r, y+1, s)
	if ready && r.w >= 40 {
		drawTermsShort(r, y+1, e, s)
	}
}

func drawErrorPoint(r region, y int, e exec.Element, proven string) int {
	rows := [][2]string{
		{"got", num(e.Got)}, {"want", num(e.Want)}, {"err", signed(e.Err)}, {"rel", relText(e.Rel)}, {"ulp", number.Whole(float64(e.ULP), screenDigits)},
	}
	if !math.IsNaN(float64(e.Noise)) && e.Noise != 0 {
		rows = append(rows, [2]string{"noise", num(e.Noise) + " σ"})
	}
	if proven != "" {
		rows = append(rows, [2]string{"proven", proven})
	}
	for _, row := range rows {
		r.text(2, y, dim, row[0])
		look := plain
		if row[0] == "proven" && row[1] != "yes" {
			look = warnRole
		}
		if row[1] == "nan" || row[1] == "inf" || row[1] == "-inf" {
			look = nanRole
		}
		x := r.text(10, y, look, row[1])
		if r.w >= 40 && row[0] == "got" {
			r.text(max(x+2, 22), y, dim, e.GotBits)
		}
		if r.w >= 40 && row[0] == "want" {
			r.text(max(x+2, 22), y, dim, e.WantBits)
		}
		y++
	}
	return y
}

// relText is a relative error; unknown where the reference is too small for one.
func relText(v exec.Float) string {
	if math.IsNaN(float64(v)) {
		return "—"
	}
	return num(v)
}

func drawMetrics(r region, y int, s *scene) int {
	d, ready := s.compared()
	if !ready {
		return y
	}
	r.spans(1, y, span{strong, s.at.e}, span{dim, "  " + number.Count(int64(d.M)*int64(d.N)) + " elements"})
	y++
	for _, name := range []string{"rel_l2", "cos", "max_abs", "p99_abs", "sqnr_db", "ulp_max", "nan", "noise", "unproven", "proven_mismatch"} {
		v, ok := metric(d, name)
		if !ok || y >= r.h || math.IsNaN(v) && name != "rel_l2" && name != "cos" {
			continue
		}
		text, look := num(v), plain
		switch name {
		case "nan", "ulp_max", "unproven", "proven_mismatch":
			text = number.Whole(v, screenDigits)
		}
		if (name == "nan" || name == "proven_mismatch") && v > 0 {
			look = badRole
		}
		label := name
		if name == "proven_mismatch" {
			label, text = "bugs", text+" proven"
		}
		end := r.text(2, y, dim, label)
		r.text(max(10, end+1), y, look, text)
		y++
	}
	if y < r.h {
		r.text(2, y, dim, "differ")
		r.text(10, y, plain, number.Count(d.Mismatched))
		y++
	}
	for _, note := range append([]string{d.Pattern}, d.Notes...) {
		for _, text := range wrap(note, r.w-2) {
			if y < r.h {
				r.text(1, y, warnRole, text)
				y++
			}
		}
	}
	return y
}

// drawTermsShort is the largest terms of the element, for a wide inspector.
func drawTermsShort(r region, y int, e exec.Element, s *scene) {
	if len(e.Terms) == 0 || y >= r.h-1 {
		return
	}
	r.text(1, y, dim, "    k          x      w  code  scale  x·w")
	for i, t := range e.Terms {
		if y+1+i >= r.h-1 {
			break
		}
		row := y + 1 + i
		r.right(6, row, plain, strconv.Itoa(t.K))
		r.right(17, row, plain, number.Fit(float64(t.X), screenDigits, 9))
		r.right(24, row, plain, short(t.CodeValue))
		r.right(29, row, dim, number.Hex(int64(t.Code), 1))
		r.right(35, row, dim, number.Hex(int64(t.Scale), 2))
		r.right(r.w-1, row, plain, number.Fit(float64(t.Product), 3, r.w-37))
	}
	r.text(1, r.h-1, dim, "↵ all terms with their bytes")
}
