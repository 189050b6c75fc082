package views

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"fp4tui/exec"
	"fp4tui/views/number"
)

// layersPane is the list of quantized layers of all open checkpoints.
type layersPane struct {
	list   list
	order  sortOrder
	only   string // "", "bad", "warn": findings at least that bad
	words  layerFilter
	folded map[string]bool
	folds  int             // counts changes of folded
	seen   map[string]bool // checkpoints whose first folding is done
	made   layerRows
}

func newLayersPane() *layersPane {
	return &layersPane{folded: map[string]bool{}, seen: map[string]bool{}}
}

// previewWidth is the right pane of wide terminals.
const previewWidth = 39

func (p *layersPane) wants(s *scene) []string {
	var lines []string
	for _, c := range s.at.checkpoints {
		lines = append(lines, "ls "+c)
		if list, ready, _ := look[exec.LayerList](s, "ls "+c); ready && len(list.Rows) < list.Total {
			lines = append(lines, allLayers(c))
		}
	}
	return lines
}

// allLayers asks for a list that is longer than the first answer.
func allLayers(c string) string { return "ls " + c + " limit=100000" }

// layers is the list of a checkpoint, as much of it as is there.
func (s *scene) layers(c string) (list exec.LayerList, ready bool, err error) {
	if list, ready, _ = look[exec.LayerList](s, allLayers(c)); ready {
		return list, true, nil
	}
	return look[exec.LayerList](s, "ls "+c)
}

// foldFrom is the number of layers from which modules start folded.
const foldFrom = 60

// rows are the visible lines of the list; none until every checkpoint has answered, so
// that the cursor doesn't move when the second one does.
func (p *layersPane) rows(s *scene) []treeRow {
	key := fmt.Sprint(p.order, p.only, p.folds, "\x00", p.words, "\x00")
	for _, c := range s.at.checkpoints {
		if _, known := s.data.got["ls "+c]; !known {
			return nil
		}
		list, _, _ := s.layers(c)
		key += fmt.Sprintf("%s %s %d", c, list.Path, len(list.Rows))
		if len(list.Rows) > 0 {
			key += fmt.Sprintf(" %p", &list.Rows[0])
		}
	}
	if p.made.key != key {
		folds := p.folds
		p.made = layerRows{key: key, rows: p.makeRows(s)}
		if p.folds != folds { // the first look at a checkpoint folds it
			return p.rows(s)
		}
	}
	return p.made.rows
}

func (p *layersPane) makeRows(s *scene) []treeRow {
	var out []treeRow
	fresh := false
	for _, c := range s.at.checkpoints {
		list, ready, err := s.layers(c)
		if err != nil || !ready {
			continue
		}
		narrowed := p.words.narrow(list)
		if p.words != "" && len(narrowed.Rows) == 0 {
			continue
		}
		tree := layerTree(c, narrowed)
		if !p.seen[c] {
			p.seen[c], fresh = true, true
			if len(list.Rows) > foldFrom {
				for _, module := range tree.children[1:] {
					p.fold(module.row.key, module.row.key != "")
				}
			}
		}
		keep := func(row treeRow) bool {
			return p.only == "" || row.bad > 0 || p.only == "warn" && row.warn > 0
		}
		if p.order == byName {
			folded := p.folded
			if p.words != "" {
				folded = nil // what is sought is shown
			}
			out = tree.flatten(out, 0, folded, keep)
			continue
		}
		for _, row := range tree.flatten(nil, 0, nil, keep) {
			if row.layer != nil {
				row.label, row.depth = row.layer.Name, 0
				out = append(out, row)
			}
		}
	}
	if p.order != byName {
		sortRows(out, p.order)
	}
	if fresh && p.list.at == 0 {
		// A layer whose original is open can be judged at once: begin there.
		known := func(row treeRow) bool { return row.layer != nil && row.layer.Original }
		_ = findRow(&p.list, out, 0, known) || findRow(&p.list, out, 0, func(row treeRow) bool { return row.layer != nil })
	}
	return out
}

func (p *layersPane) status(s *scene) (left, right []span) {
	filter := "none"
	if p.only != "" {
		filter = levelWord(p.only)
	}
	if p.words != "" {
		filter = strings.TrimPrefix(filter+" "+string(p.words), "none ")
	}
	shown, total, bits := 0, 0, []string{}
	for _, c := range s.at.checkpoints {
		if list, ok, _ := s.layers(c); ok {
			shown, total = shown+len(list.Rows), total+list.Total
			if list.Total > 0 {
				bits = append(bits, fmt.Sprintf("%.2f bits/weight", list.BitsPW))
			}
		}
	}
	count := plural(int64(total), "layer")
	if shown < total {
		count = fmt.Sprintf("first %s of %s", number.Count(int64(shown)), count)
	}
	left = []span{{dim, "sort "}, {plain, p.order.String()}, {dim, "   filter "}, {plain, filter}, {plain, "   " + count}}
	return left, []span{{dim, strings.Join(bits, ", ")}}
}

// columnsWidth is what stands right of the names when every N×K fits nine characters,
// shapeWidth; wider shapes take their room from the names.
const (
	columnsWidth = 49
	shapeWidth   = 9
)

// wideShapes is how much wider than that the widest N×K is.
func wideShapes(rows []treeRow) int {
	widest := shapeWidth
	for _, row := range rows {
		if row.layer != nil {
			widest = max(widest, width(layerShape(row.layer)))
		}
	}
	return widest - shapeWidth
}

func layerShape(l *exec.LayerRow) string {
	if l.Experts > 0 {
		return number.Shape(l.Experts, l.N, l.K)
	}
	return number.Shape(l.N, l.K)
}

// draw lists the layers; columns count from the right edge of its pane.
func (p *layersPane) draw(r region, s *scene) {
	main := r
	if r.w >= tallWidth {
		main = r.sub(0, 0, r.w-previewWidth-1, r.h)
		for y := range r.h {
			r.text(main.w, y, dim, "│")
		}
	}
	rows := p.rows(s)
	wide := wideShapes(rows)
	nameWidth := main.w - columnsWidth - wide
	main.text(1, 0, dim, "name")
	x := nameWidth + 1
	main.text(x, 0, dim, "format")
	main.right(x+15+wide, 0, dim, "N×K")
	main.right(x+25+wide, 0, dim, "p50/max")
	main.right(x+30+wide, 0, dim, "sat")
	main.text(x+32+wide, 0, dim, "findings")
	body := main.sub(0, 1, main.w, main.h-1)
	if len(rows) == 0 {
		p.drawEmpty(body, s)
		return
	}
	p.list.fit(len(rows), body.h)
	for y := range body.h {
		at := p.list.top + y
		if at >= len(rows) {
			break
		}
		p.drawRow(body, y, nameWidth, rows[at])
		if at == p.list.at {
			body.focus(y)
		}
	}
	if r.w >= tallWidth {
		p.preview(r.sub(main.w+1, 0, previewWidth, r.h), s, rows[p.list.at])
	}
}

func (p *layersPane) drawEmpty(r region, s *scene) {
	for _, c := range s.at.checkpoints {
		if _, ready, err := look[exec.LayerList](s, "ls "+c); !ready {
			s.pending(r, "ls "+c, err)
			return
		}
	}
	text := "no checkpoint is open:  : load PATH"
	if len(s.at.checkpoints) > 0 {
		text = "no quantized layers here"
		if p.only != "" || p.words != "" {
			text = "no such layer; f and F change the filter"
		}
	}
	r.text(1, 0, dim, text)
}

func (p *layersPane) drawRow(r region, y, nameWidth int, row treeRow) {
	mark := "  "
	if row.layer == nil {
		mark = "▾ "
		if p.folded[row.key] {
			mark = "▸ "
		}
	}
	label := strings.Repeat("  ", row.depth) + mark
	look := plain
	if row.layer == nil {
		label += row.label
		if row.fused && width(label)+13 < nameWidth {
			label += "  fused group"
		}
		r.text(1, y, look, cut(label, nameWidth-1))
		p.drawGroup(r, y, nameWidth+1, row)
		return
	}
	r.text(1, y, look, cutMiddle(label+row.label, nameWidth-1))
	l, x := row.layer, nameWidth+1
	wide := r.w - columnsWidth - nameWidth
	r.text(x, y, plain, cut(l.Format, 6))
	r.right(x+15+wide, y, plain, layerShape(l))
	if l.ScaleMax != "" {
		r.right(x+25+wide, y, plain, l.ScaleP50+"/"+l.ScaleMax)
		r.right(x+30+wide, y, plain, number.Count(l.Saturated))
	} else {
		r.right(x+25+wide, y, dim, "·")
		r.right(x+30+wide, y, dim, "·")
	}
	end := r.text(x+32+wide, y, levelRole(l.Level), levelWord(l.Level))
	r.text(end+1, y, plain, cut(strings.Join(l.Findings, " · "), r.w-end-2))
}

// drawGroup is a group's line: how many layers, and the worst below.
func (p *layersPane) drawGroup(r region, y, x int, row treeRow) {
	wide := r.w - columnsWidth - (x - 1)
	r.text(x, y, dim, cut(row.shared, 6))
	r.right(x+18+wide, y, dim, plural(int64(row.layers), "layer"))
	switch {
	case row.bad > 0 || row.warn > 0:
		if row.bad > 0 {
			x = r.text(x+32+wide, y, badRole, fmt.Sprintf("%d BAD", row.bad)) - 30 - wide
		}
		if row.warn > 0 {
			r.text(x+32+wide, y, warnRole, fmt.Sprintf("%d warn", row.warn))
		}
	case row.layers > 0:
		r.text(x+32+wide, y, okRole, "ok")
	}
}

// preview tells what is known of the focused row; it starts no work.
func (p *layersPane) preview(r region, s *scene, row treeRow) {
	r.text(1, 0, strong, cutMiddle(row.label, r.w-2))
	if row.layer == nil {
		r.text(1, 2, plain, plural(int64(row.layers), "layer"))
		r.text(1, 3, dim, cutMiddle(row.path, r.w-2))
		return
	}
	l := row.layer
	lines := []string{
		fmt.Sprintf("%s %s  %s", strings.ToUpper(l.Format), strings.ToUpper(l.Mode), l.Producer),
		fmt.Sprintf("%s  block %d  %.2f bits/weight", number.Shape(l.N, l.K), l.Block, l.BitsPW),
		"", "health",
		fmt.Sprintf(" nan        %s", number.Count(l.NaN)), fmt.Sprintf(" subnormal  %s", number.Count(l.Subnormal)),
		fmt.Sprintf(" saturated  %s", number.Count(l.Saturated)), "",
	}
	if l.ScaleMax != "" {
		lines = append(lines, "scales  p50 "+l.ScaleP50+"  max "+l.ScaleMax, "")
	}
	for _, f := range l.Findings {
		lines = append(lines, wrap(f, r.w-2)...)
	}
	lines = append(lines, "", "▸ ↵ opens it, r runs it")
	for i, text := range lines {
		look := plain
		if text == "health" {
			look = dim
		}
		r.text(1, 2+i, look, cut(text, r.w-2))
	}
}

func (p *layersPane) move(s *scene, m motion, count int) {
	rows := p.rows(s)
	switch m {
	case moveLeft, moveRight:
		p.foldAt(rows, m == moveLeft)
		return
	}
	p.list.move(m, count, len(rows), s.h-1)
}

// foldAt folds or unfolds the focused group; on a layer, left goes to its group.
func (p *layersPane) foldAt(rows []treeRow, fold bool) {
	if len(rows) == 0 {
		return
	}
	row := rows[min(p.list.at, len(rows)-1)]
	if row.layer == nil && p.folded[row.key] != fold {
		p.fold(row.key, fold)
		return
	}
	if !fold {
		return
	}
	for i := p.list.at - 1; i >= 0; i-- {
		if rows[i].depth < row.depth {
			p.list.at = i
			return
		}
	}
}

func (p *layersPane) click(s *scene, _, y int) bool {
	return p.list.click(y-1, len(p.rows(s)), s.h-1)
}

// focused is the row under the cursor.
func (p *layersPane) focused(s *scene) (treeRow, bool) {
	rows := p.rows(s)
	if len(rows) == 0 {
		return treeRow{}, false
	}
	return rows[min(p.list.at, len(rows)-1)], true
}

// layerAt is the focused layer, or the first of the focused group.
func (p *layersPane) layerAt(s *scene) (treeRow, bool) {
	row, ok := p.focused(s)
	if ok && row.layer == nil {
		row.layer = row.first
	}
	return row, ok && row.layer != nil
}

// open opens a layer or the first layer of a fused group; other groups fold.
func (p *layersPane) open(a *App) tea.Cmd {
	row, ok := p.focused(a.scene())
	if !ok {
		return nil
	}
	if row.layer == nil && !row.fused {
		p.fold(row.key, !p.folded[row.key])
		return nil
	}
	row, _ = p.layerAt(a.scene())
	return a.openLayer(row.checkpoint, row.path, row.layer.Name, func(a *App) tea.Cmd { return a.goTo(weightView) })
}

func (p *layersPane) find(s *scene, text string, step int) bool {
	return findRow(&p.list, p.rows(s), step, func(row treeRow) bool {
		name := row.label
		if row.layer != nil {
			name = row.layer.Name
		}
		return strings.Contains(strings.ToLower(name), strings.ToLower(text))
	}) || findRow(&p.list, p.rows(s), step, func(row treeRow) bool {
		return row.layer != nil && likeName(text, row.layer.Name)
	})
}

// findRow moves a list to the next row that matches, around the end; step 0 accepts
// the row it stands on.
func findRow[T any](l *list, rows []T, step int, match func(T) bool) bool {
	n := len(rows)
	for i := range n {
		by := i
		if step > 0 {
			by = i + 1
		}
		if step < 0 {
			by = -(i + 1)
		}
		at := ((l.at+by)%n + n) % n
		if match(rows[at]) {
			l.at = at
			return true
		}
	}
	return false
}

func (p *layersPane) yank(s *scene, what string) string {
	row, ok := p.layerAt(s)
	switch {
	case !ok:
		return ""
	case what == "command":
		return fmt.Sprintf("w = layer %s %s", row.checkpoint, quoteWord(row.layer.Name))
	case what == "value":
		return row.layer.Name
	case what == "address":
		return row.path + " " + row.layer.Name
	}
	var b strings.Builder
	for _, row := range p.rows(s) {
		if l := row.layer; l != nil {
			fmt.Fprintf(&b, "%s\t%s\t%d\t%d\t%d\t%d\t%s\n", l.Name, l.Format, l.N, l.K, l.Saturated, l.NaN, l.Level)
		}
	}
	return b.String()
}

func (a *App) sortLayers(int) tea.Cmd {
	p := a.panes[layersView].(*layersPane)
	p.order = (p.order + 1) % sortOrders
	p.list = list{}
	a.status.say("sorted by " + p.order.String())
	return nil
}

// filter goes through: everything, with findings, bad only.
func (a *App) filter(int) tea.Cmd {
	next := map[string]string{"": "warn", "warn": "bad", "bad": ""}
	switch p := a.panes[a.nav.view].(type) {
	case *layersPane:
		p.only, p.list = next[p.only], list{}
	case *lintPane:
		p.only, p.list = next[p.only], list{}
	}
	return nil
}

func (a *App) fold(int) tea.Cmd {
	p := a.panes[layersView].(*layersPane)
	if row, ok := p.focused(a.scene()); ok && row.layer == nil {
		p.fold(row.key, !p.folded[row.key])
	}
	return nil
}

func (a *App) nextFinding(count int) tea.Cmd { return a.stepFinding(1) }
func (a *App) prevFinding(count int) tea.Cmd { return a.stepFinding(-1) }

func (a *App) stepFinding(step int) tea.Cmd {
	found := false
	switch p := a.panes[a.nav.view].(type) {
	case *layersPane:
		found = findRow(&p.list, p.rows(a.scene()), step, func(row treeRow) bool {
			return row.layer != nil && (row.layer.Level == "bad" || row.layer.Level == "warn")
		})
	case *lintPane:
		found = findRow(&p.list, p.findings(a.scene()), step, func(f lintRow) bool { return f.Severity == "error" })
	}
	if !found {
		a.status.say("no findings")
	}
	return nil
}
