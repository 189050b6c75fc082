package views

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"fp4tui/exec"
	"fp4tui/views/number"
)

// The smallest terminal the views are drawn for, and the size from which the log has
// two lines.
const (
	minWidth, minHeight   = 80, 24
	tallWidth, tallHeight = 100, 30
)

// size is that of the terminal, in cells.
type size struct{ w, h int }

func (s size) tooSmall() bool { return s.w < minWidth || s.h < minHeight }

func (s size) logLines() int {
	if s.w >= tallWidth && s.h >= tallHeight {
		return 2
	}
	return 1
}

// bodyHeight is what header, tabs, cursor line, rule, log and hints leave.
func (s size) bodyHeight() int { return max(0, s.h-5-s.logLines()) }

// tab is an entry of the second line; the capital letter is its key.
type tab struct {
	view   viewID
	name   string
	action string
}

func tabs() []tab {
	return []tab{{layersView, "Layers", "layers"}, {weightView, "Weight", "weight"}, {scalesView, "Scales", "scales"}, {codesView, "Codes", "codes"},
		{errorView, "Error", "error"}, {elementView, "eXplain", "explain"}, {layoutView, "layOut", "layout"}, {bytesView, "Bytes", "bytes"},
		{paddingView, "Padding", "padding"}, {lintView, "lInt", "lint"}, {notebookView, "Notebook", "notebook"}}
}

// tabOf is the tab a view stands under.
func tabOf(v viewID) viewID {
	if v == worstView {
		return errorView
	}
	return v
}

// compose draws the whole screen.
func (a *App) compose() *canvas {
	c := newCanvas(max(0, a.w), max(0, a.h), a.opt.ASCII)
	all := region{c: c, w: c.w, h: c.h, th: a.theme}
	if a.tooSmall() {
		a.drawTooSmall(all)
		return c
	}
	s := a.scene()
	a.drawHeader(all.sub(0, 0, a.w, 1))
	a.drawTabs(all.sub(0, 1, a.w, 1))
	drawStatusLine(all.sub(0, 2, a.w, 1), a.panes[a.nav.view], s)
	bottom := 3 + s.h
	c.overlaid = a.float != nil
	a.panes[a.nav.view].draw(all.sub(0, 3, a.w, s.h), s)
	a.drawGrowing(all.sub(0, 3, a.w, s.h))
	all.rule(0, bottom, a.w)
	a.drawLog(all.sub(0, bottom+1, a.w, a.logLines()))
	a.drawHints(all.sub(0, a.h-1, a.w, 1))
	if a.float != nil {
		c.overlaid = false
		c.cursor = false
		a.float.draw(a, c)
	}
	return c
}

func (a *App) drawHeader(r region) {
	badge := a.backendBadge()
	record := a.recordBadge()
	right := " "
	x := r.w - width(right) - width(record)
	mark := dim
	if strings.HasPrefix(record, "●") {
		mark = okRole
	}
	r.text(x, 0, mark, record)
	x -= 2 + width(badge)
	r.text(x, 0, accent, badge)
	r.text(1, 0, strong, "fp4tui")
	room := x - 2 - 9
	r.text(9, 0, plain, a.title(room))
}

// title is the checkpoint and the layer; the layer loses its middle first.
func (a *App) title(room int) string {
	s := a.scene()
	name, path := a.at.layer, a.at.path
	if info, known, _ := look[exec.LayerInfo](s, "info "+a.at.w); known && name == "" {
		name, path = info.Name, info.Path
	}
	inLayer := a.at.w != "" && name != "" && a.nav.view != layersView && a.nav.view != startView
	if path == "" && len(a.at.checkpoints) > 0 {
		if list, ok, _ := look[exec.LayerList](s, "ls "+a.at.checkpoints[0]); ok {
			path = list.Path
		}
	}
	base := filepath.Base(path)
	switch {
	case path == "" && !inLayer && len(a.at.checkpoints) == 0:
		return cut("no checkpoint open", room)
	case path == "" && !inLayer:
		return cut(plural(int64(len(a.at.checkpoints)), "checkpoint"), room)
	case !inLayer && len(a.at.checkpoints) > 1:
		return cut(fmt.Sprintf("%d checkpoints", len(a.at.checkpoints)), room)
	case !inLayer:
		return cutMiddle(path, room)
	case path == "":
		return cutMiddle(name, room)
	}
	if width(base)+3+width(name) > room {
		base = cut(base, max(8, room/3))
	}
	return base + " › " + cutMiddle(name, max(3, room-width(base)-3))
}

func (a *App) backendBadge() string {
	if a.at.e != "" && a.at.diff.GotBy != "" {
		return cut(a.at.diff.GotBy, 24)
	}
	return cut(a.at.backend, 24)
}

// defaultBackend is what a gemm of this session uses when it is not told: settings of its
// own are no handle, so the session is asked.
func defaultBackend(engine exec.Engine) string {
	result, err := engine.Peek(context.Background(), "set")
	setting, ok := result.(exec.Setting)
	if err != nil || !ok {
		return ""
	}
	set := map[string]string{}
	for _, item := range setting.Items {
		set[item.Name] = item.Text
	}
	if set["backend"] == "emu" {
		return "emu " + set["arch"]
	}
	return set["backend"]
}

// recordBadge says where the session is being kept: ● recording, ○ nothing saved yet.
func (a *App) recordBadge() string {
	if a.at.saved == "" && a.at.unsaved == 0 {
		return "○ not saved"
	}
	text := "● " + cut(filepath.Base(a.notebook()), 24)
	if a.at.unsaved > 0 {
		text += " +" + number.Count(int64(a.at.unsaved))
	}
	return text
}

func (a *App) drawTabs(r region) {
	a.eachTab(func(t tab, x int, text string, current bool) {
		if current {
			r.text(x, 0, strong, text)
			return
		}
		for _, ch := range text {
			look := plain
			if ch >= 'A' && ch <= 'Z' {
				look = accent
			}
			x = r.text(x, 0, look, string(ch))
		}
	})
}

// tabName writes the name of a tab so that its one capital letter is its key behind the
// prefix, as the user has it; without a capital its key is no letter of the name.
func (a *App) tabName(t tab) string {
	for _, b := range a.keys {
		if b.name != t.action || b.in&(1<<layersView) == 0 {
			continue
		}
		_, letter, prefixed := strings.Cut(b.key(), " ")
		name := strings.ToLower(t.name)
		if at := strings.Index(name, letter); prefixed && len(letter) == 1 && at >= 0 {
			at = capitalAt(t.name, name, letter, at)
			return name[:at] + strings.ToUpper(letter) + name[at+1:]
		}
		return name
	}
	return t.name
}

// capitalAt prefers the letter that is a capital already.
func capitalAt(name, lower, letter string, at int) int {
	for i := range lower {
		if lower[i:i+1] == letter && name[i:i+1] != letter {
			return i
		}
	}
	return at
}

// eachTab lays the tabs out; drawing and clicking share it.
func (a *App) eachTab(visit func(t tab, x int, text string, current bool)) {
	x := 1
	for _, t := range tabs() {
		text, current := a.tabName(t), tabOf(a.nav.view) == t.view
		if current {
			text = "[" + text + "]"
		}
		visit(t, x, text, current)
		x += width(text) + 1
	}
}

// drawStatusLine is the third line; the right part gives way.
func drawStatusLine(r region, p pane, s *scene) {
	left, right := p.status(s)
	end := r.spans(1, 0, left...)
	total := 0
	for _, part := range right {
		total += width(part.text)
	}
	if room := r.w - 1 - end - 2; total > room {
		if len(right) != 1 || room < 8 {
			return
		}
		right = []span{{right[0].role, cut(right[0].text, room)}}
		total = width(right[0].text)
	}
	r.spans(r.w-1-total, 0, right...)
}

// drawLog shows the running job, or the last commands.
func (a *App) drawLog(r region) {
	if text := a.progressText(r.w - 2); text != "" {
		r.text(1, r.h-1, plain, text)
		r = r.sub(0, 0, r.w, r.h-1)
	}
	lines := a.status.lines
	for y := r.h - 1; y >= 0 && len(lines) > 0; y-- {
		line := lines[len(lines)-1]
		lines = lines[:len(lines)-1]
		left := line.left
		if line.right != "" {
			left = cutMiddle(left, max(20, r.w-4-width(line.right)))
		}
		x := r.text(1, y, line.role, cut(left, r.w-2))
		if line.right != "" {
			x = max(35*r.w/80, x+3)
			if over := x + width(line.right) + 1 - r.w; over > 0 {
				x = max(width(left)+3, x-over)
			}
			r.text(x, y, plain, cut(line.right, r.w-1-x))
		}
	}
}

// slowAfter is how long work may take before the screen speaks of it.
const slowAfter = 200 * time.Millisecond

// progressText is verb, bar, percent and time left of a job that takes long, or which part of
// several it runs.
func (a *App) progressText(w int) string {
	if a.nav.prefix != "" || a.nav.count > 0 {
		return a.pendingText(w)
	}
	j := a.work.job
	if j == nil || time.Since(j.started) < slowAfter {
		return ""
	}
	tail := "   Ctrl-C cancels"
	share := j.share()
	if share < 0 {
		return cut(fmt.Sprintf("%s  working, %d s", j.task.line, int(time.Since(j.started).Seconds())), w-width(tail)) + tail
	}
	cells, left := 20, ""
	switch spent := time.Since(j.started).Seconds(); {
	case j.part() != "": // its parts take times of their own: what is left is not known
		cells, left = 10, fmt.Sprintf("  %s, %d s", j.part(), int(spent))
	case share > 0.02 && share < 1:
		left = fmt.Sprintf("  %d s left", int(spent/share-spent+0.5))
	}
	filled := bar(share, 1, cells, a.opt.ASCII)
	filled += strings.Repeat("·", max(0, cells-width(filled)))
	bar := fmt.Sprintf("  %s %3d%%%s", filled, int(share*100), left)
	return cut(j.task.line, max(8, w-width(bar)-width(tail))) + bar + tail
}

// drawHints is the last line: five keys of this screen, or the cure of a failure.
func (a *App) drawHints(r region) {
	if a.status.cure != "" {
		r.text(1, 0, warnRole, cut("? "+a.status.cure, r.w-2))
		return
	}
	x := 1
	limit := r.w - 17
	for _, h := range a.hints() {
		if x+width(h.label)+1+width(h.text) > limit {
			break
		}
		x = r.text(x, 0, accent, h.label)
		x = r.text(x+1, 0, dim, h.text) + 2
	}
	end := []span{{accent, a.keyFor("palette")}, {dim, " keys"}}
	if prefix, _, two := strings.Cut(a.key1("layers"), " "); two {
		end = append([]span{{accent, keyLabel(prefix)}, {dim, " views  "}}, end...)
	}
	x = r.w - 1
	for _, part := range end {
		x -= width(part.text)
	}
	r.spans(x, 0, end...)
}

// drawTooSmall is the one honest screen below 80×24. Work goes on; the prompt works.
func (a *App) drawTooSmall(r region) {
	texts := []string{
		"", fmt.Sprintf(" fp4tui needs %d×%d, this is %d×%d.", minWidth, minHeight, r.w, r.h),
		" The session is kept; enlarge the window,", " or continue in lines:  fp4tui repl", "",
	}
	if j := a.work.job; j != nil {
		line := " " + j.task.line
		if share := j.share(); share >= 0 {
			line += fmt.Sprintf("   %d%%", int(share*100))
		}
		texts = append(texts, line+"   Ctrl-C cancels")
	} else if n := len(a.status.lines); n > 0 {
		texts = append(texts, " "+join(a.status.lines[n-1].left, a.status.lines[n-1].right))
	}
	for y, text := range texts {
		r.text(1, y, plain, cut(text, r.w-1))
	}
	if p, ok := a.float.(*prompt); ok {
		p.drawLine(a, r.sub(0, r.h-1, r.w, 1))
	}
}
