package views

import (
	"strings"

	tea "charm.land/bubbletea/v2"
)

// chooser is a list of things to take one of: options, what to compare with. Typing
// narrows it, beginnings of values first; Enter takes the row under the cursor.
type chooser struct {
	title string
	rows  []choiceRow
	line  editor
	shown []int
	list  list
	box   region // where it was drawn
}

func (c *chooser) click(a *App, x, y int) tea.Cmd {
	if c.list.click(y-c.box.y-2, len(c.shown), paletteLines) && x >= c.box.x && x < c.box.x+c.box.w {
		return c.key(a, tea.KeyPressMsg{Code: tea.KeyEnter})
	}
	return nil
}

func (c *chooser) wheel(m motion) { c.list.move(m, wheelRows, len(c.shown), paletteLines) }

// choiceRow is one of them: what it is, the command that it runs.
type choiceRow struct {
	text, command string
	run           func(a *App) tea.Cmd
}

func (a *App) choose(title string, rows []choiceRow) tea.Cmd {
	if len(rows) == 0 {
		a.status.say("nothing to choose from here")
		return nil
	}
	c := &chooser{title: title, rows: rows}
	c.filter()
	a.float = c
	return nil
}

// filter keeps the rows that hold every typed word; those whose value, or else whose text,
// begins with the first one come first.
func (c *chooser) filter() {
	words := strings.Fields(strings.ToLower(c.line.String()))
	c.shown, c.list = c.shown[:0], list{}
	for rank := range 4 {
		for i, row := range c.rows {
			if c.rank(strings.ToLower(row.text), words) == rank {
				c.shown = append(c.shown, i)
			}
		}
	}
}

// rank is how well a row fits: 0 best, 3 it holds the words, 4 it does not.
func (c *chooser) rank(text string, words []string) int {
	if len(words) == 0 {
		return 0
	}
	for _, w := range words {
		if !strings.Contains(text, w) && !strings.HasPrefix(initials(text), strings.Join(words, "")) {
			return 4
		}
	}
	key, value, is := strings.Cut(text, "=")
	last := words[len(words)-1]
	switch {
	case is && strings.HasPrefix(value, last) && strings.HasPrefix(key, words[0]):
		return 0
	case is && strings.HasPrefix(value, last):
		return 1
	case strings.HasPrefix(text, words[0]):
		return 2
	}
	return 3
}

// initials are the first letters of the words of a text: "ad" of act=dynamic.
func initials(text string) string {
	var b strings.Builder
	first := true
	for _, r := range text {
		is := r >= 'a' && r <= 'z' || r >= '0' && r <= '9'
		if is && first {
			b.WriteRune(r)
		}
		first = !is
	}
	return b.String()
}

func (c *chooser) key(a *App, msg tea.KeyPressMsg) tea.Cmd {
	switch msg.String() {
	case "esc", "ctrl+c":
		a.float = nil
	case "down", "ctrl+n", "tab":
		c.list.move(moveDown, 1, len(c.shown), paletteLines)
	case "up", "ctrl+p", "shift+tab":
		c.list.move(moveUp, 1, len(c.shown), paletteLines)
	case "enter":
		a.float = nil
		if len(c.shown) > 0 {
			return c.rows[c.shown[min(c.list.at, len(c.shown)-1)]].run(a)
		}
	default:
		if c.line.edit(msg) {
			c.filter()
		}
	}
	return nil
}

func (c *chooser) paste(_ *App, text string) {
	c.line.insert(text)
	c.filter()
}

func (c *chooser) draw(a *App, cv *canvas) {
	w := min(cv.w-8, 84)
	box := a.box(cv, c.title, "↵ take  type to narrow  Esc close", w, min(len(c.rows), paletteLines)+4)
	c.box = box
	x := box.text(1, 0, accent, ">")
	c.line.draw(box, x+1, 0, box.w-x-2, "")
	what := 30
	for y := range min(paletteLines, box.h-2) {
		i := c.list.top + y
		if i >= len(c.shown) {
			break
		}
		row := c.rows[c.shown[i]]
		box.text(2, 2+y, plain, cut(row.text, what))
		box.text(what+4, 2+y, dim, cut(row.command, box.w-what-5))
		if i == c.list.at {
			at, cx, cy := cv.cursor, cv.cursorX, cv.cursorY
			box.sub(0, 2+y, box.w, 1).focus(0)
			cv.cursor, cv.cursorX, cv.cursorY = at, cx, cy
		}
	}
	if len(c.shown) == 0 {
		box.text(2, 2, dim, "nothing fits")
	}
}
