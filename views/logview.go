package views

import (
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"fp4tui/exec"
)

// logPane is every command of the session with the key it came from.
type logPane struct {
	cells []exec.Cell
	keys  map[int]string // by place in cells
	list  list
	seen  int
}

func newLogPane() *logPane { return &logPane{keys: map[int]string{}} }

// note remembers the key of the command that has just been logged as the n-th.
func (p *logPane) note(n int, key string) {
	if n < p.seen {
		for i := n; i < p.seen; i++ {
			delete(p.keys, i)
		}
	}
	if n > p.seen && key != "" {
		p.keys[n-1] = key
	}
	p.seen = n
	p.list.at = max(0, n-1)
}

func (p *logPane) wants(*scene) []string { return nil }

func (p *logPane) status(*scene) (left, right []span) {
	total := time.Duration(0)
	for _, c := range p.cells {
		total += c.Elapsed
	}
	return []span{{plain, "commands of this session"}}, []span{{dim, fmt.Sprintf("%d ms of work", total.Milliseconds())}}
}

func (p *logPane) columns(w int) []column {
	rest := w - 1 - 4 - 2 - 4 - 2 - 7 - 2 - 2 - 1
	return []column{{"#", 4, true}, {"key", 4, false}, {"command", rest * 3 / 5, false}, {"result", rest - rest*3/5, false}, {"ms", 7, true}}
}

func (p *logPane) draw(r region, s *scene) {
	columns := p.columns(r.w)
	r.tableHead(1, 0, columns)
	rows := max(1, r.h-3)
	p.list.fit(len(p.cells), rows)
	for y := range rows {
		i := p.list.top + y
		if i >= len(p.cells) {
			break
		}
		cell := p.cells[i]
		result, look := "", plain
		switch {
		case cell.Result != nil:
			result, look = summary(cell.Result), checkRole(cell.Result)
		case cell.Err != nil:
			result, _ = faultText(cell.Err)
			look = badRole
		}
		r.tableRow(1, 1+y, columns, []role{dim, accent, plain, look, dim}, []string{fmt.Sprint(i + 1), p.keys[i], cell.Command, result, fmt.Sprint(cell.Elapsed.Milliseconds())})
		if i == p.list.at {
			r.focus(1 + y)
		}
	}
	if len(p.cells) == 0 {
		r.text(1, 1, dim, "no commands yet; every key shows its command here")
	}
	r.text(1, r.h-1, dim, "↵ repeats, e edits; moves are not recorded; s saves all as a notebook")
}

// focused is the command under the cursor.
func (p *logPane) focused() string {
	if len(p.cells) == 0 {
		return ""
	}
	return p.cells[min(p.list.at, len(p.cells)-1)].Command
}

func (p *logPane) move(s *scene, m motion, count int) {
	p.list.move(m, count, len(p.cells), max(1, s.h-3))
}

func (p *logPane) click(s *scene, _, y int) bool {
	return p.list.click(y-1, len(p.cells), max(1, s.h-3))
}

func (p *logPane) open(a *App) tea.Cmd {
	if line := p.focused(); line != "" {
		return a.run("↵", line, nil)
	}
	return nil
}

func (p *logPane) find(_ *scene, text string, step int) bool {
	return findRow(&p.list, p.cells, step, func(c exec.Cell) bool {
		return strings.Contains(strings.ToLower(c.Command), strings.ToLower(text))
	})
}

func (p *logPane) yank(_ *scene, what string) string {
	if what == "command" {
		return p.focused()
	}
	if what != "table" {
		return ""
	}
	var b strings.Builder
	for _, c := range p.cells {
		b.WriteString(c.Command)
		b.WriteByte('\n')
	}
	return b.String()
}
