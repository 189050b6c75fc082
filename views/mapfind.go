package views

import (
	"fmt"
	"strings"

	"fp4tui/exec"
)

// find looks for errors: "> 1e-2", "== 0", a plain number is "> number".
func (p *errorPane) find(s *scene, text string, step int) bool {
	text = strings.TrimSpace(text)
	if text == "" {
		return false
	}
	if !strings.ContainsAny(text[:1], "<>=!") {
		text = "> " + text
	}
	for _, op := range []string{">=", "<=", "==", "!=", ">", "<"} {
		if rest, ok := strings.CutPrefix(text, op); ok {
			text = op + " " + strings.TrimSpace(rest)
			break
		}
	}
	line := fmt.Sprintf("where %s %s", s.at.e, text)
	if line != p.query {
		p.query, p.match = line, -1
	}
	matches, ready, _ := look[exec.Matches](s, p.query)
	if !ready {
		return true
	}
	return p.nextMatch(s, matches, step)
}

func (p *errorPane) nextMatch(s *scene, matches exec.Matches, step int) bool {
	n := len(matches.Rows)
	if n == 0 {
		return false
	}
	if step == 0 && p.match < 0 {
		step = 1
	}
	p.match = ((p.match+step)%n + n) % n
	s.at.m, s.at.n = matches.Rows[p.match].M, matches.Rows[p.match].N
	return true
}
