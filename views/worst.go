package views

import (
	"fmt"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"fp4tui/exec"
	"fp4tui/views/number"
)

// worstPane is the list of worst elements. Its cursor is the crosshair of the map.
type worstPane struct{ list list }

// worstListed is how many worst elements w goes through.
const worstListed = 20

// topLine is the list of worst elements that w goes through.
func (s *scene) topLine() string {
	return fmt.Sprintf("top %s %d by=%s", s.at.e, worstListed, s.by)
}

func (p *worstPane) wants(s *scene) []string {
	if s.at.e == "" {
		return nil
	}
	return []string{"info " + s.at.e, s.elementLine(), s.topLine()}
}

func (p *worstPane) status(s *scene) (left, right []span) {
	worst, ready, _ := look[exec.Worst](s, s.topLine())
	if !ready {
		return nil, nil
	}
	return []span{{plain, fmt.Sprintf("worst %d of %s by %s", len(worst.Rows), number.Count(worst.Total), metricName(worst.By))}}, []span{{dim, "via: the largest term of the sum"}}
}

func (p *worstPane) draw(r region, s *scene) {
	if s.noRun(r) {
		return
	}
	line := s.topLine()
	worst, ready, err := look[exec.Worst](s, line)
	if !ready {
		s.pending(r, line, err)
		return
	}
	p.list.at = max(s.at.worst, 0)
	drawWorst(r, s, worst, &p.list, true)
}

// drawList is the worst list as a pane of the error map.
func (p *errorPane) drawList(r region, s *scene) {
	line := s.topLine()
	worst, ready, err := look[exec.Worst](s, line)
	if !ready {
		s.pending(r, line, err)
		return
	}
	drawWorst(r, s, worst, &list{at: max(s.at.worst, 0)}, false)
}

// worstColumns are the columns that fit into w.
func worstColumns(w int) []column {
	columns := []column{{"#", 2, true}, {"m", 5, true}, {"n", 5, true}, {"got", 9, true}, {"want", 9, true}, {"err", 9, true}}
	switch {
	case w < 44:
		return columns[:3]
	case w < 60:
		return append(columns[:3:3], columns[3], columns[5])
	case w < 78:
		return columns
	}
	return append(columns, column{"ulp", 6, true}, column{"via", 6, false}, column{"scale", 5, false}, column{"block", 5, true})
}

func worstTexts(i int, e exec.ErrorPoint, w int) []string {
	texts := []string{strconv.Itoa(i + 1), strconv.Itoa(e.M), strconv.Itoa(e.N),
		number.Fit(float64(e.Got), screenDigits, 9), number.Fit(float64(e.Want), screenDigits, 9), number.Fit(float64(e.Err), screenDigits, 9)}
	switch {
	case w < 44:
		return texts[:3]
	case w < 60:
		return append(texts[:3:3], texts[3], texts[5])
	case w < 78:
		return texts
	}
	via, block := "—", "—"
	if e.Block >= 0 {
		via, block = "k "+strconv.Itoa(e.K), strconv.Itoa(e.Block)
	}
	return append(texts, number.Fit(float64(e.ULP), screenDigits, 6), via, number.Hex(int64(e.Scale), 2), block)
}

func drawWorst(r region, s *scene, worst exec.Worst, l *list, focused bool) {
	columns := worstColumns(r.w)
	r.tableHead(1, 0, columns)
	rows := max(1, r.h-3)
	l.fit(len(worst.Rows), rows)
	for y := range rows {
		i := l.top + y
		if i >= len(worst.Rows) {
			break
		}
		r.tableRow(1, 1+y, columns, nil, worstTexts(i, worst.Rows[i], r.w))
		here := worst.Rows[i].M == s.at.m && worst.Rows[i].N == s.at.n
		switch {
		case focused && i == l.at:
			r.focus(1 + y)
		case here:
			r.text(0, 1+y, accent, "▸")
		}
	}
	y := min(len(worst.Rows), rows) + 2
	for _, text := range wrap(worst.Pattern, r.w-4) {
		r.text(1, y, plain, "▸ "+text)
		y++
	}
	if len(worst.Rows) == 0 {
		r.text(1, 1, okRole, "no element differs")
	}
}

func (p *worstPane) move(s *scene, m motion, count int) {
	worst, ready, _ := look[exec.Worst](s, s.topLine())
	if !ready {
		return
	}
	p.list.at = max(s.at.worst, 0)
	p.list.move(m, count, len(worst.Rows), max(1, s.h-3))
	p.follow(s, worst)
}

// follow puts the crosshair where the list stands.
func (p *worstPane) follow(s *scene, worst exec.Worst) {
	if p.list.at < len(worst.Rows) {
		s.at.worst = p.list.at
		s.at.m, s.at.n = worst.Rows[p.list.at].M, worst.Rows[p.list.at].N
	}
}

func (p *worstPane) click(s *scene, _, y int) bool {
	worst, ready, _ := look[exec.Worst](s, s.topLine())
	if !ready || !p.list.click(y-1, len(worst.Rows), max(1, s.h-3)) {
		return false
	}
	p.follow(s, worst)
	return true
}

func (p *worstPane) open(a *App) tea.Cmd { return a.goTo(elementView) }

func (p *worstPane) find(s *scene, text string, step int) bool {
	worst, ready, _ := look[exec.Worst](s, s.topLine())
	if !ready {
		return false
	}
	found := findRow(&p.list, worst.Rows, step, func(e exec.ErrorPoint) bool {
		return strings.Contains(fmt.Sprintf("%d %d", e.M, e.N), text)
	})
	p.follow(s, worst)
	return found
}

func (p *worstPane) yank(s *scene, what string) string {
	if what != "table" {
		return s.yankElement(what, s.topLine())
	}
	worst, ready, _ := look[exec.Worst](s, s.topLine())
	if !ready {
		return ""
	}
	var b strings.Builder
	for _, e := range worst.Rows {
		fmt.Fprintf(&b, "%d\t%d\t%s\t%s\t%s\n", e.M, e.N, number.Exact32(float64(e.Got)), number.Exact32(float64(e.Want)), number.Exact(float64(e.Err)))
	}
	return b.String()
}
