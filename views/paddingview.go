package views

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"fp4tui/exec"
	"fp4tui/views/number"
	"fp4tui/views/text"
)

// paddingPane is the planner: what the slice of a rank meets in each kernel, with the
// split side drawn as a ruler.
type paddingPane struct {
	tp   int  // ranks; 0: one
	rows bool // row parallel: K is split
	all  bool // every kernel, not the usual ones
	list list
	told string // the command that the log line still has to show
}

func (p *paddingPane) planLine(s *scene) string {
	line := fmt.Sprintf("plan %s tp=%d", s.at.w, max(p.tp, 1))
	if p.rows {
		line += " parallel=row"
	}
	if p.all {
		line += " for=all"
	}
	return line
}

func (p *paddingPane) wants(s *scene) []string {
	if s.at.w == "" {
		return nil
	}
	return []string{"info " + s.at.w, p.planLine(s)}
}

func (p *paddingPane) plan(s *scene) (exec.Planned, bool) {
	plan, ready, _ := look[exec.Planned](s, p.planLine(s))
	return plan, ready
}

func (p *paddingPane) status(s *scene) (left, right []span) {
	plan, ready := p.plan(s)
	if !ready {
		return nil, nil
	}
	name := s.at.layer[strings.LastIndexByte(s.at.layer, '.')+1:]
	left = []span{{plain, fmt.Sprintf("%s %d×%d", cut(name, 24), plan.N, plan.K)}, {plain, fmt.Sprintf("  %s parallel   TP %d", plan.Parallel, plan.TP)}}
	look := okRole
	if plan.Fail > 0 {
		look = badRole
	}
	return left, []span{{look, fmt.Sprintf("%d FAIL of %d", plan.Fail, len(plan.Rows))}}
}

func verdictRole(verdict string) role {
	switch {
	case verdict == "ok":
		return okRole
	case strings.HasPrefix(verdict, "ok"):
		return warnRole
	case strings.HasPrefix(verdict, "FAIL"):
		return badRole
	}
	return dim
}

// Rows of the page above and below the table.
const (
	planTop   = 5 // split, ruler, tiles, a blank
	planBelow = 5 // a blank, two bars, two lines of reasons
)

func (p *paddingPane) room(s *scene) int { return max(1, s.h-planTop-1-planBelow) }

func (p *paddingPane) draw(r region, s *scene) {
	if s.noLayer(r) {
		return
	}
	line := p.planLine(s)
	plan, ready, err := look[exec.Planned](s, line)
	if !ready {
		s.pending(r, line, err)
		if err != nil {
			r.spans(1, 5, span{accent, "1T"}, span{dim, " goes back to one rank"})
		}
		return
	}
	p.drawRuler(r, plan)
	room := p.room(s)
	p.list.fit(len(plan.Rows), room)
	columns := planColumns(r.w)
	r.tableHead(1, planTop, columns)
	shown := min(room, len(plan.Rows)-p.list.top)
	for y := range shown {
		row := plan.Rows[p.list.top+y]
		bytes, lost := "—", "—"
		if row.Bytes > 0 {
			bytes, lost = number.Count(row.Bytes), fmt.Sprintf("%.1f%%", float64(row.Lost)*100)
		}
		roles := []role{plain, dim, plain, plain, plain, verdictRole(row.Verdict), dim}
		r.tableRow(1, planTop+1+y, columns, roles, []string{row.Kernel, row.Needs, text.RankGets(row), bytes, lost, row.Verdict, row.Engine})
		if p.list.top+y == p.list.at {
			r.focus(planTop + 1 + y)
		}
	}
	if len(plan.Rows) > 0 {
		y := min(planTop+shown+2, r.h-planBelow+1)
		p.drawFocused(r.sub(0, y, r.w, r.h-y), plan, plan.Rows[min(p.list.at, len(plan.Rows)-1)])
	}
}

// planColumns are the columns of the table; who runs the kernel where there is room.
func planColumns(w int) []column {
	columns := []column{{"kernel", 13, false}, {"needs", 12, false}, {"rank gets", 18, false}, {"bytes", 9, true}, {"lost", 6, true}, {"verdict", 11, false}}
	if w >= tallWidth {
		columns[0].w, columns[1].w = 20, 18
		columns = append(columns, column{"engine", max(4, w-20-18-18-9-6-11-14), false})
	}
	return columns
}

func (p *paddingPane) drawRuler(r region, plan exec.Planned) {
	ruler := plan.Ruler
	axis := strings.ToUpper(ruler.Axis)
	if plan.TP <= 1 {
		r.text(1, 0, plain, fmt.Sprintf("%s %d on one rank: the layer as it is", axis, ruler.Size))
		r.spans(1, 2, span{accent, "8T"}, span{dim, " splits it over 8 ranks, "}, span{accent, "T"}, span{dim, " doubles the ranks, "}, span{accent, "o"}, span{dim, " splits the other side"})
		return
	}
	by := "rows"
	if plan.Parallel == "row" {
		by = "columns"
	}
	r.text(1, 0, plain, cut(fmt.Sprintf("%s %d split by %s over %d ranks: %s", axis, ruler.Size, by, plan.TP, text.EachRank(ruler)), r.w-2))
	w := min(r.w-16, 144)
	lines := text.RulerLines(ruler, w)
	r.text(1, 1, dim, "rank")
	r.text(6, 1, plain, lines.Ranks)
	for i, glyph := range []rune(lines.Edges) {
		look := dim
		switch glyph {
		case '├', '┤':
			look = accent
		case '╳':
			look = badRole
		}
		r.text(6+i, 2, look, string(glyph))
	}
	if lines.Tiles != "" {
		r.text(1, 3, dim, "tile")
		r.text(6, 3, dim, lines.Tiles)
		r.right(r.w-1, 3, dim, fmt.Sprintf("%d %s", ruler.Tile, ruler.Axis))
	}
	if len(ruler.Cuts) > 0 {
		r.text(1, 4, badRole, cut(fmt.Sprintf("╳ %s cut by a rank's edge: their scales belong to two ranks", plural(int64(len(ruler.Cuts)), "block")), r.w-2))
	}
}

// drawFocused tells the slice of the focused kernel, data and padding, and why it fails.
func (p *paddingPane) drawFocused(r region, plan exec.Planned, row exec.PlanRow) {
	bars := min(48, r.w-56)
	for y, side := range []struct {
		axis      string
		n, padded int
	}{{"n", row.N, row.PadN}, {"k", row.K, row.PadK}} {
		if side.padded <= 0 || side.n <= 0 {
			continue
		}
		name := ""
		if y == 0 {
			name = row.Kernel
		}
		r.text(1, y, plain, cut(name, 18))
		r.text(20, y, dim, fmt.Sprintf("%s %d", side.axis, side.n))
		data := min(side.n*bars/side.padded, bars)
		x := r.text(30, y, accent, strings.Repeat("█", data))
		x = r.text(x, y, paddingRole, strings.Repeat("╱", bars-data))
		note := "no padding"
		if side.padded > side.n {
			note = fmt.Sprintf("%d + %d", side.n, side.padded-side.n)
		}
		r.text(x+2, y, plain, cut(note, r.w-x-3))
	}
	y := 2
	if row.Bytes <= 0 {
		y = 0
	}
	reason := strings.Trim(row.Why+". "+row.Cure, ". ")
	if reason == "" {
		reason = map[bool]string{true: "reads " + row.Needs, false: "needs " + row.Needs}[row.Verdict == "n/a"]
	}
	x := r.text(1, y, verdictRole(row.Verdict), "▸ "+row.Verdict+": ")
	for i, line := range wrap(reason, r.w-x-1) {
		r.text(x, y+i, plain, line)
	}
}

func (p *paddingPane) move(s *scene, m motion, count int) {
	if plan, ready := p.plan(s); ready {
		p.list.move(m, count, len(plan.Rows), p.room(s))
	}
}

func (p *paddingPane) click(s *scene, _, y int) bool {
	plan, ready := p.plan(s)
	return ready && p.list.click(y-planTop-1, len(plan.Rows), p.room(s))
}

// open prepares the layer for the focused kernel and shows the layout.
func (p *paddingPane) open(a *App) tea.Cmd {
	plan, ready := p.plan(a.scene())
	if !ready || p.list.at >= len(plan.Rows) {
		return nil
	}
	return a.prepare(plan.Rows[p.list.at].Kernel)
}

func (p *paddingPane) yank(s *scene, what string) string {
	plan, ready := p.plan(s)
	switch {
	case what == "command":
		return p.planLine(s)
	case !ready || len(plan.Rows) == 0:
		return ""
	case what == "value":
		return plan.Rows[min(p.list.at, len(plan.Rows)-1)].Verdict
	case what == "table":
		var b strings.Builder
		for _, row := range plan.Rows {
			fmt.Fprintf(&b, "%s\t%s\t%s\t%d\t%s\n", row.Kernel, row.Needs, text.RankGets(row), row.Bytes, row.Verdict)
		}
		return b.String()
	}
	return ""
}

// maxRanks is the most that plan takes.
const maxRanks = 1024

// setRanks sets the number of ranks from the count; without one it doubles them.
func (a *App) setRanks(count int) tea.Cmd {
	p := a.panes[paddingView].(*paddingPane)
	if count == 0 {
		count = 2 * max(p.tp, 1)
	}
	p.tp = min(max(count, 1), maxRanks)
	return a.showPlan(p)
}

// otherSide splits the other side over the ranks.
func (a *App) otherSide(int) tea.Cmd {
	p := a.panes[paddingView].(*paddingPane)
	p.rows = !p.rows
	return a.showPlan(p)
}

// allKernels lists every kernel, or the usual ones.
func (a *App) allKernels(int) tea.Cmd {
	p := a.panes[paddingView].(*paddingPane)
	p.all = !p.all
	return a.showPlan(p)
}

// showPlan puts the command behind the page and its answer into the log line.
func (a *App) showPlan(p *paddingPane) tea.Cmd {
	if a.at.w == "" {
		return nil
	}
	p.told = p.planLine(a.scene())
	a.tellPlan(p.told)
	return nil
}

// tellPlan writes the log line once the answer is there.
func (a *App) tellPlan(line string) {
	p := a.panes[paddingView].(*paddingPane)
	got, known := a.data.got[line]
	if line != p.told || !known {
		return
	}
	p.told = ""
	if got.err != nil {
		a.status.fail(line, got.err)
		return
	}
	a.status.key(line, summary(got.result))
}
