package views

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"fp4tui/exec"
	"fp4tui/views/number"
)

// lintPane is what the checks found in all open checkpoints.
type lintPane struct {
	list list
	only string // as in the layer list
}

// lintRow is a finding and the checkpoint it is of.
type lintRow struct {
	exec.Finding
	checkpoint, path string
}

func (p *lintPane) wants(s *scene) []string {
	var lines []string
	for _, c := range s.at.checkpoints {
		lines = append(lines, "lint "+c, "ls "+c)
	}
	return lines
}

// findings are the rows that pass the filter.
func (p *lintPane) findings(s *scene) []lintRow {
	var out []lintRow
	for _, c := range s.at.checkpoints {
		report, ready, _ := look[exec.LintReport](s, "lint "+c)
		if !ready {
			continue
		}
		for _, f := range report.Findings {
			if p.only == "" || f.Severity == "error" || p.only == "warn" && f.Severity == "warn" {
				out = append(out, lintRow{f, c, report.Path})
			}
		}
	}
	return out
}

func (p *lintPane) status(s *scene) (left, right []span) {
	filter := "none"
	if p.only != "" {
		filter = levelWord(p.only)
	}
	errors, warnings, infos := 0, 0, 0
	for _, c := range s.at.checkpoints {
		if report, ready, _ := look[exec.LintReport](s, "lint "+c); ready {
			errors, warnings, infos = errors+report.Errors, warnings+report.Warnings, infos+report.Infos
		}
	}
	left = []span{{dim, "filter "}, {plain, filter}, {dim, "   sort "}, {plain, "severity"}}
	right = []span{{okRole, "ok"}}
	if errors+warnings+infos > 0 {
		right = []span{{badRole, fmt.Sprintf("%d BAD", errors)}, {warnRole, fmt.Sprintf("  %d warn", warnings)}, {dim, fmt.Sprintf("  %d info", infos)}}
	}
	return left, right
}

func (p *lintPane) draw(r region, s *scene) {
	if len(s.at.checkpoints) == 0 {
		r.text(1, 0, dim, "no checkpoint is open:  : load PATH")
		return
	}
	where := max(20, r.w-44)
	columns := []column{{"severity", 8, false}, {"rule", 24, false}, {"where", where, false}, {"n", 5, true}}
	r.tableHead(1, 0, columns)
	rows := p.findings(s)
	visible := max(1, min(len(rows), r.h/2-2))
	p.list.fit(len(rows), visible)
	for y := range visible {
		i := p.list.top + y
		if i >= len(rows) {
			break
		}
		f := rows[i]
		r.tableRow(1, 1+y, columns, []role{levelRole(f.Severity)}, []string{levelWord(f.Severity), f.Rule, cutMiddle(f.place(), where), number.Count(f.Count)})
		if i == p.list.at {
			r.focus(1 + y)
		}
	}
	body := r.sub(0, visible+2, r.w, r.h-visible-2)
	if len(rows) == 0 {
		p.drawNothing(r.sub(0, 1, r.w, r.h-1), s)
		return
	}
	p.drawFinding(body, rows[p.list.at])
	p.drawChecked(r, s)
}

// place is where a finding is, in words.
func (f lintRow) place() string {
	text := f.Layer
	if text == "" {
		text = f.Tensor
	}
	if text == "" {
		text = baseName(f.path)
	}
	for i, at := range f.At {
		if i == 2 {
			break
		}
		text += fmt.Sprintf("  [%d, %d]", at[0], at[1])
	}
	return text
}

func (p *lintPane) drawNothing(r region, s *scene) {
	for _, c := range s.at.checkpoints {
		if _, ready, err := look[exec.LintReport](s, "lint "+c); !ready {
			s.pending(r, "lint "+c, err)
			return
		}
	}
	r.text(1, 0, okRole, "no findings")
	p.drawChecked(r, s)
}

func (p *lintPane) drawFinding(r region, f lintRow) {
	r.rule(1, 0, r.w-2)
	r.text(4, 0, strong, " "+f.Rule+" ")
	y := 1
	for _, part := range [][2]string{{"what", f.What}, {"effect", f.Effect}, {"why", f.Why}, {"cure", f.Cure}, {"seen", f.Seen}, {"tensor", f.Tensor}, {"file", f.File}} {
		for i, text := range wrap(part[1], r.w-10) {
			if i == 0 {
				r.text(1, y, dim, part[0])
			}
			if y < r.h-1 {
				r.text(9, y, plain, text)
			}
			y++
		}
	}
}

func (p *lintPane) drawChecked(r region, s *scene) {
	var layers, tensors, scales int64
	for _, c := range s.at.checkpoints {
		if report, ready, _ := look[exec.LintReport](s, "lint "+c); ready {
			layers, tensors, scales = layers+int64(report.Layers), tensors+int64(report.Tensors), scales+report.Scales
		}
	}
	r.text(1, r.h-1, dim, fmt.Sprintf("checked %s · %s · %s", plural(layers, "layer"), plural(tensors, "tensor"), plural(scales, "scale")))
}

func (p *lintPane) move(s *scene, m motion, count int) {
	rows := p.findings(s)
	p.list.move(m, count, len(rows), max(1, min(len(rows), s.h/2-2)))
}

func (p *lintPane) click(s *scene, _, y int) bool {
	rows := p.findings(s)
	return p.list.click(y-1, len(rows), max(1, min(len(rows), s.h/2-2)))
}

// open opens the layer of the finding at its first coordinate.
func (p *lintPane) open(a *App) tea.Cmd {
	rows := p.findings(a.scene())
	if len(rows) == 0 {
		return nil
	}
	f := rows[p.list.at]
	if f.Layer == "" {
		a.status.say("this finding belongs to no layer")
		return nil
	}
	return a.openLayer(f.checkpoint, f.path, layerOf(a.scene(), f.checkpoint, f.Layer), func(a *App) tea.Cmd {
		info, ready := a.scene().layer()
		block := 16
		if ready {
			block = max(info.Block, 1)
		}
		if len(f.At) > 0 {
			a.at.n, a.at.k = f.At[0][0], f.At[0][1]*block
		}
		return a.goTo(scalesView)
	})
}

func (p *lintPane) find(s *scene, text string, step int) bool {
	return findRow(&p.list, p.findings(s), step, func(f lintRow) bool {
		return strings.Contains(strings.ToLower(f.Rule+" "+f.place()), strings.ToLower(text))
	})
}

func (p *lintPane) yank(s *scene, what string) string {
	rows := p.findings(s)
	switch {
	case what == "command" && len(s.at.checkpoints) > 0:
		return "lint " + s.at.checkpoints[0]
	case len(rows) == 0:
		return ""
	case what == "value":
		return rows[p.list.at].What
	case what == "address":
		return rows[p.list.at].path + " " + rows[p.list.at].place()
	}
	var b strings.Builder
	for _, f := range rows {
		fmt.Fprintf(&b, "%s\t%s\t%s\t%d\n", f.Severity, f.Rule, f.place(), f.Count)
	}
	return b.String()
}

// layerOf is the layer that a finding leads to: of a fused group its first member.
func layerOf(s *scene, checkpoint, name string) string {
	list, ready, err := look[exec.LayerList](s, "ls "+checkpoint)
	if err != nil || !ready {
		return name
	}
	for _, row := range list.Rows {
		if row.Group == name {
			return row.Name
		}
	}
	return name
}
