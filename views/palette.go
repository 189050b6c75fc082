package views

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/sahilm/fuzzy"

	"fp4tui/exec"
)

// palette lists what can be done here: what it does, its key, its command. It runs
// what is chosen. After the keys of the view come the commands of the language.
type palette struct {
	line  editor
	rows  []paletteRow
	shown []int
	list  list
	box   region // where it was drawn
}

type paletteRow struct {
	text, key, command string
	run                func(*App, int) tea.Cmd // nil: the command goes to the prompt
}

func newPalette(a *App) *palette {
	p := &palette{}
	for _, b := range a.keys {
		if b.in&(1<<a.nav.view) == 0 || b.group == "move" && b.command == "" {
			continue
		}
		p.rows = append(p.rows, paletteRow{b.text, a.keyLabel(b.key()), a.at.fill(b.command), b.run})
	}
	if help, ready, _ := look[exec.Help](a.scene(), "help"); ready {
		for _, item := range help.Items {
			p.rows = append(p.rows, paletteRow{text: item.Text, key: ":", command: item.Name})
		}
	}
	for _, term := range glossary() {
		p.rows = append(p.rows, paletteRow{text: term[0], key: "help", command: term[1], run: func(a *App, _ int) tea.Cmd {
			a.status.key(term[0], term[1])
			return nil
		}})
	}
	p.filter()
	return p
}

// click runs the row that was clicked, wheel moves the cursor.
func (p *palette) click(a *App, x, y int) tea.Cmd {
	if p.list.click(y-p.box.y-2, len(p.shown), paletteLines) && x >= p.box.x && x < p.box.x+p.box.w {
		return p.key(a, tea.KeyPressMsg{Code: tea.KeyEnter})
	}
	return nil
}

func (p *palette) wheel(m motion) { p.list.move(m, wheelRows, len(p.shown), paletteLines) }

// fill puts the names of what is open here into the pattern of a command.
func (p *place) fill(command string) string {
	names := map[string]string{"w": p.w, "e": p.e, "p": p.p}
	if len(p.checkpoints) > 0 {
		names["c"] = p.checkpoints[0]
	}
	command = strings.ReplaceAll(command, "[m,n]", fmt.Sprintf("[%d,%d]", p.m, p.n))
	command = strings.ReplaceAll(command, "[n, a:b]", fmt.Sprintf("[%d, %d:%d]", p.n, p.k/16*16, p.k/16*16+16))
	verb, rest, bound := strings.Cut(command, " = ")
	if !bound {
		verb, rest = "", command
	}
	words := strings.Split(rest, " ")
	for i, word := range words {
		name := word
		if at := strings.IndexAny(word, "[."); at > 0 {
			name = word[:at]
		}
		if handle := names[name]; handle != "" && i > 0 {
			words[i] = handle + word[len(name):]
		}
	}
	if verb != "" {
		return p.fresh(verb) + " = " + strings.Join(words, " ")
	}
	return strings.Join(words, " ")
}

// String and Len make the rows a source of fuzzy.
func (p *palette) String(i int) string { return p.rows[i].text + " " + p.rows[i].command }

// Len is how many rows there are.
func (p *palette) Len() int { return len(p.rows) }

func (p *palette) filter() {
	p.shown, p.list = p.shown[:0], list{}
	if len(p.line.text) == 0 {
		for i := range p.rows {
			p.shown = append(p.shown, i)
		}
		return
	}
	words := strings.Fields(strings.ToLower(p.line.String()))
	for i := range p.rows {
		if p.holds(i, words) {
			p.shown = append(p.shown, i)
		}
	}
	if len(p.shown) > 0 {
		return
	}
	for _, match := range fuzzy.FindFrom(p.line.String(), p) {
		p.shown = append(p.shown, match.Index)
	}
}

// holds says whether every word stands in a row as it is; only when none does the
// letters may be scattered.
func (p *palette) holds(i int, words []string) bool {
	row := strings.ToLower(p.String(i) + " " + p.rows[i].key)
	for _, word := range words {
		if !strings.Contains(row, word) {
			return false
		}
	}
	return true
}

// paletteLines is how many rows the palette shows.
const paletteLines = 11

func (p *palette) key(a *App, msg tea.KeyPressMsg) tea.Cmd {
	switch msg.String() {
	case "esc", "ctrl+c":
		a.float = nil
	case "down", "ctrl+n":
		p.list.move(moveDown, 1, len(p.shown), paletteLines)
	case "up", "ctrl+p":
		p.list.move(moveUp, 1, len(p.shown), paletteLines)
	case "pgdown":
		p.list.move(pageDown, 1, len(p.shown), paletteLines)
	case "pgup":
		p.list.move(pageUp, 1, len(p.shown), paletteLines)
	case "tab":
		if row, ok := p.chosen(); ok && row.command != "" {
			a.openPrompt(row.command)
		}
	case "enter":
		row, ok := p.chosen()
		a.float = nil
		switch {
		case !ok:
		case row.run != nil:
			return row.run(a, 0)
		default:
			a.openPrompt(row.command + " ")
		}
	default:
		if p.line.edit(msg) {
			p.filter()
		}
	}
	return nil
}

func (p *palette) chosen() (paletteRow, bool) {
	if len(p.shown) == 0 {
		return paletteRow{}, false
	}
	return p.rows[p.shown[min(p.list.at, len(p.shown)-1)]], true
}

func (p *palette) draw(a *App, c *canvas) {
	w := min(c.w-8, 90)
	box := a.box(c, "what can be done here · "+viewName(a.nav.view), "↵ run  Tab to prompt  Esc close", w, paletteLines+4)
	p.box = box
	x := box.text(1, 0, accent, ">")
	p.line.draw(box, x+1, 0, box.w-x-2, "")
	what := (box.w - 12) * 11 / 20
	for y := range paletteLines {
		i := p.list.top + y
		if i >= len(p.shown) {
			break
		}
		row := p.rows[p.shown[i]]
		box.text(2, 2+y, plain, cut(row.text, what))
		box.text(what+4, 2+y, accent, cut(row.key, 6))
		box.text(what+11, 2+y, dim, cut(row.command, box.w-what-12))
		if i == p.list.at {
			line := box.sub(0, 2+y, box.w, 1)
			at, cx, cy := c.cursor, c.cursorX, c.cursorY
			line.focus(0)
			c.cursor, c.cursorX, c.cursorY = at, cx, cy
		}
	}
	if len(p.shown) == 0 {
		box.text(2, 2, dim, "nothing fits; Esc, then : takes any command")
	}
}

// box draws a frame in the middle of the body and gives the region inside it.
func (a *App) box(c *canvas, title, hints string, w, h int) region {
	all := region{c: c, w: c.w, h: c.h, th: a.theme}
	w, h = min(w, c.w), min(h, c.h)
	outer := all.sub((c.w-w)/2, max(0, min(4, c.h-h)), w, h)
	outer.clear()
	line := strings.Repeat("─", max(0, w-2))
	outer.text(0, 0, dim, "┌"+line+"┐")
	outer.text(0, h-1, dim, "└"+line+"┘")
	for y := 1; y < h-1; y++ {
		outer.text(0, y, dim, "│")
		outer.text(w-1, y, dim, "│")
	}
	outer.text(2, 0, strong, cut(" "+title+" ", w-4))
	outer.text(2, h-1, dim, cut(" "+a.hintText(hints)+" ", w-4))
	return outer.sub(1, 1, w-2, h-2)
}

func (a *App) hintText(text string) string {
	if a.opt.ASCII {
		return strings.ReplaceAll(text, "↵", "Enter")
	}
	return text
}
