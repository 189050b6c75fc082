package views

import (
	"unicode"

	tea "charm.land/bubbletea/v2"
)

// editor is one line of text with a cursor and the usual keys of a shell.
type editor struct {
	text []rune
	at   int
}

func (e *editor) set(text string) {
	e.text = []rune(text)
	e.at = len(e.text)
}

func (e *editor) String() string { return string(e.text) }

// maxLine bounds a typed line, in characters: more was pasted by mistake, and would be
// parsed again at every key.
const maxLine = 2000

func (e *editor) insert(text string) {
	var in []rune
	for _, r := range text {
		if len(e.text)+len(in) >= maxLine {
			break
		}
		if unicode.IsPrint(r) {
			in = append(in, r)
		} else if r == '\n' || r == '\t' {
			in = append(in, ' ')
		}
	}
	e.text = append(e.text[:e.at:e.at], append(in, e.text[e.at:]...)...)
	e.at += len(in)
}

// edit takes a key; false when it is none of the editor's.
func (e *editor) edit(msg tea.KeyPressMsg) bool {
	switch msg.String() {
	case "left", "ctrl+b":
		e.at = max(e.at-1, 0)
	case "right", "ctrl+f":
		e.at = min(e.at+1, len(e.text))
	case "home", "ctrl+a":
		e.at = 0
	case "end", "ctrl+e":
		e.at = len(e.text)
	case "backspace", "ctrl+h":
		e.remove(e.at-1, e.at)
	case "delete", "ctrl+d":
		e.remove(e.at, e.at+1)
	case "ctrl+k":
		e.remove(e.at, len(e.text))
	case "ctrl+u":
		e.remove(0, e.at)
	case "ctrl+w":
		e.remove(e.wordStart(), e.at)
	default:
		text := msg.Key().Text
		if text == "" {
			return false
		}
		e.insert(text)
	}
	return true
}

func (e *editor) remove(from, to int) {
	from, to = max(from, 0), min(to, len(e.text))
	if from >= to {
		return
	}
	e.text = append(e.text[:from:from], e.text[to:]...)
	e.at = from
}

func (e *editor) wordStart() int {
	at := e.at
	for at > 0 && e.text[at-1] == ' ' {
		at--
	}
	for at > 0 && e.text[at-1] != ' ' {
		at--
	}
	return at
}

// draw writes the line so that the cursor is visible; ghost is the rest that a key
// would take.
func (e *editor) draw(r region, x, y, w int, ghost string) {
	before, after := string(e.text[:e.at]), string(e.text[e.at:])
	for width(before) > w-2 && before != "" {
		before = string([]rune(before)[1:])
	}
	end := r.text(x, y, plain, before)
	r.cursorAt(end, y)
	rest := end
	if after != "" {
		rest = r.text(end, y, plain, cut(after, x+w-end))
	} else if ghost != "" {
		rest = r.text(end, y, dim, cut(ghost, x+w-end))
	}
	_ = rest
	mark := r.th.style(cursorRole)
	r.paint(end, y, 1, func(style) style { return mark })
}
