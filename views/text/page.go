package text

import (
	"fmt"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"fp4tui/inspect"
)

// page collects the lines of one result. Everything passes through clean and emit, so
// that no renderer can write a control character or a line that is too wide.
type page struct {
	opt    Options
	indent int
	lines  []string
}

// hang is how far the continuation of a line is indented.
const hang = 2

func width(s string) int { return ansi.StringWidth(s) }

// say writes a sentence, wrapped at spaces.
func (p *page) say(format string, args ...any) {
	p.flow(strings.Fields(p.clean(fmt.Sprintf(format, args...))))
}

// list writes "head: a, b, c", wrapped between the parts. Empty parts are left out; an
// empty head has no colon.
func (p *page) list(head string, parts ...string) {
	var atoms []string
	if head != "" {
		atoms = append(atoms, single(head)+":")
	}
	kept := parts[:0:0]
	for _, part := range parts {
		if part = single(part); part != "" {
			kept = append(kept, part)
		}
	}
	for i, part := range kept {
		if i < len(kept)-1 {
			part += ","
		}
		atoms = append(atoms, part)
	}
	for i := range atoms {
		atoms[i] = p.clean(atoms[i])
	}
	p.flow(atoms)
}

// single puts single blanks between the words of a text and none at its ends.
func single(s string) string { return strings.Join(strings.Fields(s), " ") }

// flow writes clean atoms separated by blanks, and breaks lines between them. An atom
// that is wider than a line is broken at its own blanks, a word at its middle.
func (p *page) flow(atoms []string) {
	line := strings.Repeat(" ", p.indent)
	empty := true
	for len(atoms) > 0 {
		atom := atoms[0]
		next := line + atom
		if !empty {
			next = line + " " + atom
		}
		if width(next) <= p.opt.Width {
			line, empty, atoms = next, false, atoms[1:]
			continue
		}
		words := strings.Fields(atom)
		room := p.opt.Width - width(line)
		switch {
		case len(words) > 1 && (empty || width(atom) > p.opt.Width-p.indent-hang):
			atoms = append(words, atoms[1:]...)
		case !empty:
			p.emit(line)
			line, empty = strings.Repeat(" ", p.indent+hang), true
		default:
			line, empty, atoms = line+p.middle(atom, room), false, atoms[1:]
		}
	}
	if !empty {
		p.emit(line)
	}
}

// raw writes one line with its blanks as they are, cut at its end.
func (p *page) raw(line string) {
	p.emit(strings.Repeat(" ", p.indent) + p.clean(line))
}

// within writes lines further to the right.
func (p *page) within(write func()) {
	p.indent += hang
	write()
	p.indent -= hang
}

// emit adds one clean line.
func (p *page) emit(line string) {
	if width(line) > p.opt.Width {
		line = ansi.Truncate(line, p.opt.Width, p.ellipsis())
	}
	p.lines = append(p.lines, strings.TrimRight(line, " "))
}

// clean makes text safe: no control characters and, in ASCII, nothing else but ASCII.
func (p *page) clean(s string) string {
	s = inspect.Printable(s)
	if p.opt.ASCII {
		return ascii(s)
	}
	return s
}

func (p *page) ellipsis() string { return p.clean("…") }

// middle cuts clean text to w columns by leaving its middle out: names differ at their
// ends.
func (p *page) middle(s string, w int) string {
	total := width(s)
	if total <= w {
		return s
	}
	if w < 3 {
		return ansi.Truncate(s, max(w, 0), "")
	}
	left := (w - 1) / 2
	right := w - 1 - left
	tail := ansi.TruncateLeft(s, total-right, "")
	for n := total - right + 1; width(tail) > right; n++ {
		tail = ansi.TruncateLeft(s, n, "")
	}
	return ansi.Truncate(s, left, "") + p.ellipsis() + tail
}
