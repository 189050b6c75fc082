package views

import (
	"fmt"
	"math"

	"fp4tui/exec"
	"fp4tui/views/number"
)

// drawValues writes the elements of the window as numbers.
func (p *errorPane) drawValues(r region, s *scene, m heatmap, l mapLayout) {
	proof, known, _ := look[exec.Heat](s, p.windowLine(s, "unproven"))
	known = known && s.provenLine() != ""
	r.right(l.labels-1, 0, dim, "m\\n")
	for x := range m.W {
		r.right(l.labels+(x+1)*valueWidth, 0, dim, fmt.Sprint(m.Col0+x*m.ColStep))
	}
	for y := range min(m.H, l.rows-1) {
		row := m.Row0 + y*m.RowStep
		look := dim
		if row == m.crossM {
			look = strong
		}
		r.right(l.labels-1, 1+y, look, fmt.Sprint(row))
		for x := range m.W {
			text, role := p.value(m, y, x)
			right := l.labels + (x+1)*valueWidth
			unproven := known && heatOf(proof, 0, 0).at(y, x).value != 0
			if unproven {
				r.text(right-width(text)-1, 1+y, warnRole, "?")
			}
			if row == m.crossM && m.Col0+x*m.ColStep == m.crossN {
				role = cursorRole
				if !unproven {
					r.text(right-valueWidth, 1+y, accent, "▌")
				}
				r.cursorAt(right-1, 1+y)
			}
			r.right(right, 1+y, role, text)
		}
	}
	r.text(1, min(m.H, l.rows-1)+1, dim, footOfValues(known))
}

func footOfValues(certified bool) string {
	if certified {
		return "? not proven: the order of accumulation can change it"
	}
	return "- zooms out; colour by size of the error: dim, text, warn at the largest"
}

func (p *errorPane) value(m heatmap, y, x int) (string, role) {
	at := m.at(y, x)
	if at.nan {
		return "nan", nanRole
	}
	if at.padding {
		return "╱╱╱╱╱╱╱", paddingRole
	}
	if at.none {
		return "·", dim
	}
	text := number.Fit(math.Abs(at.value), screenDigits, valueWidth-2)
	switch {
	case at.value < 0:
		text = "-" + text
	case at.value > 0 && m.signed():
		text = "+" + text
	}
	switch step := m.step(at.value, 10); {
	case at.value == 0 || step < 3:
		return text, dim
	case step < 9:
		return text, plain
	}
	return text, warnRole
}
