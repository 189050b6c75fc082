package language

import (
	"reflect"
	"strings"
)

// Source is one command as written, before it is read.
type Source struct {
	Pos  Pos
	Text string // continuation lines included
}

// Program is the commands of one file, or of the cells of one notebook, in order.
type Program struct {
	File  string
	Lines []Line
}

// Split cuts text into commands: one a line, continued lines kept together, blank
// lines and comment lines dropped. First is the line number of the text's first line.
func Split(file string, first int, s string) []Source {
	var out []Source
	lines := strings.SplitAfter(s, "\n")
	for i := 0; i < len(lines); {
		start := i
		var b strings.Builder
		for i < len(lines) {
			line := strings.TrimSuffix(strings.TrimSuffix(lines[i], "\n"), "\r")
			b.WriteString(line)
			i++
			if Blank(b.String()) || continuation(line) < 0 || i == len(lines) {
				break
			}
			b.WriteByte('\n')
		}
		if cmd := b.String(); !Blank(cmd) {
			out = append(out, Source{Pos: Pos{File: file, Line: first + start}, Text: cmd})
		}
	}
	return out
}

// ParseProgram reads a whole file. It collects every error; the lines are those that
// could be read.
func (t *Table) ParseProgram(file, s string) (Program, []*Error) {
	p, errs := t.ParseSources(Split(file, 1, s), nil)
	p.File = file
	return p, errs
}

// ParseSources reads commands in order; an alias holds for those after it. Aliases
// are those known before; the map is not changed.
func (t *Table) ParseSources(sources []Source, aliases map[string]string) (Program, []*Error) {
	var p Program
	var errs []*Error
	known := map[string]string{}
	for name, text := range aliases {
		known[name] = text
	}
	for _, s := range sources {
		l, e := t.parse(s.Pos, s.Text, known)
		if e != nil {
			errs = append(errs, e)
			continue
		}
		p.Lines = append(p.Lines, l)
		if m, ok := t.Alias(l); ok {
			known[m.Name] = m.Text
		}
	}
	return p, errs
}

// Alias returns the alias that a line defines, if it does.
func (t *Table) Alias(l Line) (Macro, bool) {
	m, ok := restOf(t.byName[l.Verb], l.Cmd).(Macro)
	return m, ok
}

// assignment returns what a let line binds, if it is one.
func assignment(v *verb, cmd any) (Assign, bool) {
	a, ok := restOf(v, cmd).(Assign)
	return a, ok
}

// restOf is the field of a command that took the rest of its line; nil when it has none.
func restOf(v *verb, cmd any) any {
	if v == nil || len(v.args) == 0 {
		return nil
	}
	f := v.args[len(v.args)-1]
	p := reflect.ValueOf(cmd)
	if !f.rest || p.Kind() != reflect.Pointer || p.IsNil() || p.Elem().Type() != v.typ {
		return nil
	}
	return p.Elem().FieldByIndex(f.index).Interface()
}

// Refs lists the references of a command in the order of its text: what it reads.
func (t *Table) Refs(l Line) []Ref {
	refs := []Ref{}
	for _, u := range t.located(l).uses {
		refs = append(refs, u.ref)
	}
	return refs
}

// located is the line with its source; a line that was built, not read, is read from
// its canonical form.
func (t *Table) located(l Line) Line {
	if l.src.raw != "" {
		return l
	}
	if read, err := t.Parse(t.Format(l)); err == nil {
		read.Pos, read.src.pos = l.Pos, l.Pos
		return read
	}
	return l
}
