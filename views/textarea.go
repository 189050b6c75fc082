package views

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
)

// textarea is a text of several lines with a cursor: the editor of cells and notes.
type textarea struct {
	lines []editor
	row   int
}

func newTextarea(text string) *textarea {
	t := &textarea{}
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		var e editor
		e.set(line)
		t.lines = append(t.lines, e)
	}
	t.row = len(t.lines) - 1
	return t
}

func (t *textarea) String() string {
	parts := make([]string, len(t.lines))
	for i := range t.lines {
		parts[i] = t.lines[i].String()
	}
	return strings.Join(parts, "\n")
}

func (t *textarea) line() *editor { return &t.lines[t.row] }

// breakLine ends the line at the cursor.
func (t *textarea) breakLine() {
	e := t.line()
	var rest editor
	rest.set(string(e.text[e.at:]))
	rest.at = 0
	e.text = e.text[:e.at:e.at]
	t.lines = slices.Insert(t.lines, t.row+1, rest)
	t.row++
}

// insert puts pasted text at the cursor; its line breaks are kept.
func (t *textarea) insert(text string) {
	for i, line := range strings.Split(strings.ReplaceAll(text, "\r", ""), "\n") {
		if i > 0 {
			t.breakLine()
		}
		t.line().insert(line)
	}
}

// edit takes a key; false when it is none of the editor's.
func (t *textarea) edit(msg tea.KeyPressMsg) bool {
	e := t.line()
	switch key := msg.String(); {
	case key == "up" || key == "ctrl+p":
		t.to(t.row - 1)
	case key == "down" || key == "ctrl+n":
		t.to(t.row + 1)
	case (key == "backspace" || key == "ctrl+h") && e.at == 0 && t.row > 0:
		above := &t.lines[t.row-1]
		at := len(above.text)
		above.set(above.String() + e.String())
		above.at = at
		t.lines = slices.Delete(t.lines, t.row, t.row+1)
		t.row--
	case (key == "left" || key == "ctrl+b") && e.at == 0 && t.row > 0:
		t.row--
		t.line().at = len(t.line().text)
	case (key == "right" || key == "ctrl+f") && e.at == len(e.text) && t.row < len(t.lines)-1:
		t.row++
		t.line().at = 0
	case (key == "delete" || key == "ctrl+d") && e.at == len(e.text) && t.row < len(t.lines)-1:
		e.text = append(e.text[:e.at:e.at], t.lines[t.row+1].text...)
		t.lines = slices.Delete(t.lines, t.row+1, t.row+2)
	default:
		return e.edit(msg)
	}
	return true
}

// to moves the cursor to a line, as far right as it was.
func (t *textarea) to(row int) {
	at := t.line().at
	t.row = min(max(row, 0), len(t.lines)-1)
	t.line().at = min(at, len(t.line().text))
}
