package views

import (
	"regexp"
	"strings"
)

var word = regexp.MustCompile(`[A-Za-z_][A-Za-z0-9_]*`)

// reach is what a cell makes and what it looks at. Wide cells change what every later
// one does.
type reach struct {
	defines, uses map[string]bool
	wide          bool
}

// reachOf reads it off the words of the commands: a name too many only marks a cell
// stale that is not.
func reachOf(commands []string) reach {
	r := reach{defines: map[string]bool{}, uses: map[string]bool{}}
	for _, line := range commands {
		if i := strings.IndexByte(line, '#'); i >= 0 {
			line = line[:i]
		}
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		name, rest, bound := strings.Cut(line, "=")
		name = strings.TrimSpace(name)
		if bound && word.FindString(name) == name {
			r.defines[name] = true
			words, line = strings.Fields(rest), rest
		}
		if len(words) > 1 && words[0] == "let" {
			r.defines[word.FindString(words[1])] = true
		}
		if len(words) > 0 {
			switch words[0] {
			case "set", "alias", "source", "undo":
				r.wide = true
			}
		}
		for _, name := range word.FindAllString(line, -1) {
			r.uses[name] = true
		}
	}
	return r
}

// reach is that of the cell at i.
func (b *book) reach(i int) reach {
	c, is := b.cell(i)
	if !is {
		return reach{}
	}
	var lines []string
	for _, s := range b.doc.Commands(c) {
		lines = append(lines, s.Text)
	}
	return reachOf(lines)
}

// spread marks the cells below i whose inputs changed with it; names are what it made
// before the change. It marks what depends on those in turn.
func (b *book) spread(i int, names map[string]bool, wide bool, why string) {
	changed := map[string]bool{}
	for name := range names {
		changed[name] = true
	}
	for j := i + 1; j < len(b.items); j++ {
		if _, is := b.cell(j); !is {
			continue
		}
		r := b.reach(j)
		hit := wide
		for name := range r.uses {
			hit = hit || changed[name]
		}
		if !hit {
			for name := range r.defines {
				delete(changed, name) // bound anew
			}
			continue
		}
		b.stale(j, why)
		for name := range r.defines {
			changed[name] = true
		}
		wide = wide || r.wide
	}
}

// stale marks one cell, unless it is about to run anyway.
func (b *book) stale(i int, why string) {
	item := b.items[i]
	if _, has := b.stored(i); !has && !item.ran || item.state == cellQueued || item.state == cellRunning {
		return
	}
	item.state, item.why = cellStale, why
}
