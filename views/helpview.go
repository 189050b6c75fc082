package views

import (
	"fmt"
	"strings"
)

// helpPane is the page of a view, out of the key table. Its entries flow through the
// columns; j and k scroll when they don't all fit.
type helpPane struct {
	of  viewID
	top int
}

// helpEntry is a line of the page: a group's title, or keys and what they do.
type helpEntry struct{ title, keys, text string }

func (p *helpPane) wants(*scene) []string { return nil }

func (p *helpPane) status(s *scene) (left, right []span) {
	left = []span{{plain, "help for " + viewName(p.of)}}
	if n, room := len(p.entries(s)), p.room(s); n > room {
		left = append(left, span{dim, fmt.Sprintf("   %d of %d, j/k scroll", min(n, p.top+room), n)})
	}
	return left, []span{{dim, "F1"}}
}

// columns is how many columns of entries the page has.
func (p *helpPane) columns(s *scene) int { return max(1, s.w/40) }

func (p *helpPane) rows(s *scene) int { return max(1, s.h-3) }

func (p *helpPane) room(s *scene) int { return p.columns(s) * p.rows(s) }

func (p *helpPane) entries(s *scene) []helpEntry {
	var out []helpEntry
	for _, group := range []string{"do", "look", "move", "view"} {
		if len(out) > 0 {
			out = append(out, helpEntry{})
		}
		out = append(out, helpEntry{title: group})
		for _, b := range s.keys {
			if b.group == group && b.in&(1<<p.of) != 0 {
				out = append(out, helpEntry{keys: keyList(b), text: b.text})
			}
		}
	}
	return out
}

func (p *helpPane) draw(r region, s *scene) {
	entries := p.entries(s)
	p.top = min(p.top, max(0, len(entries)-p.room(s)))
	rows, columns := p.rows(s), p.columns(s)
	w := (r.w - 1) / columns
	for i := range p.room(s) {
		at := p.top + i
		if at >= len(entries) {
			break
		}
		x, y, e := 1+i/rows*w, i%rows, entries[at]
		if e.title != "" {
			r.text(x, y, strong, e.title)
			continue
		}
		r.text(x, y, accent, e.keys)
		r.text(x+9, y, plain, cut(e.text, w-10))
	}
	r.text(1, r.h-2, dim, "map    .:-=+*#%@ small to large · blank exactly 0 · ! NaN or inf · ┼ cursor")
	r.text(1, r.h-1, dim, "more   : help gemm · ? lists and runs what works here")
}

func (p *helpPane) move(s *scene, m motion, count int) {
	l := list{at: p.top}
	l.move(m, count, max(1, len(p.entries(s))-p.room(s)+1), p.rows(s))
	p.top = l.at
}

// glossary is the words of the screens that a newcomer asks about.
func glossary() [][2]string {
	return [][2]string{
		{"amax", "largest magnitude of a tensor, a row or a block"},
		{"block scale", "one E4M3 byte for 16 weights (NVFP4) or one E8M0 byte for 32 (MXFP4)"},
		{"global scale", "one FP32 for a tensor; a file holds it as a multiplier or as a divisor"},
		{"noise", "error over its expected σ; 1 is usual, the limit of a map is printed with it"},
		{"proven", "the same bits in any order of accumulation"},
		{"saturated", "a block scale at 448, the largest E4M3 value"},
		{"SQNR", "power of the signal over power of the quantization error, in dB"},
		{"stale", "an output of other commands than those above it now"},
		{"ULP", "distance in steps of the output type"},
	}
}

// keyList is the keys of a row, the first two.
func keyList(b binding) string {
	labels := make([]string, 0, 2)
	for _, k := range b.keys[:min(2, len(b.keys))] {
		labels = append(labels, keyLabel(k))
	}
	text := strings.Join(labels, " ")
	if width(text) > 8 {
		return labels[0]
	}
	return text
}
