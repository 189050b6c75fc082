package language

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Line is one command. Two lines are the same command when Name, Verb and Cmd are.
type Line struct {
	Name string // the handle bound; empty when none
	Verb string
	Cmd  any // pointer to the struct of the spec
	Pos  Pos

	src  text
	uses []use
}

// use is one reference of a command, for Check.
type use struct {
	ref    Ref
	off    int
	field  *field // nil inside an expression
	expr   bool
	called bool
	args   int
}

// Parse reads one command at a prompt. Its error is an *Error.
func (t *Table) Parse(line string) (Line, error) {
	l, e := t.parse(Pos{}, line, nil)
	if e != nil {
		return Line{}, e
	}
	return l, nil
}

// ParseAliased is Parse where the verb may be one of the aliases: name to command.
func (t *Table) ParseAliased(line string, aliases map[string]string) (Line, error) {
	l, e := t.parse(Pos{}, line, aliases)
	if e != nil {
		return Line{}, e
	}
	return l, nil
}

// Blank reports whether a line holds no command: only white space or a comment.
func Blank(line string) bool {
	s := strings.TrimLeft(line, " \t\r\n")
	return s == "" || s[0] == '#'
}

func (t *Table) parse(pos Pos, raw string, aliases map[string]string) (Line, *Error) {
	src, e := newText(pos, raw)
	if e != nil {
		return Line{}, e
	}
	if m := continuedComment(src); m != nil {
		return Line{}, src.fail(m)
	}
	x, m := expand(src.flat, aliases, t)
	if m != nil {
		return Line{}, src.fail(m)
	}
	l := Line{Pos: pos, src: src}
	if m = t.read(&l, x.text, pos.Line > 0); m != nil {
		m.off = x.origin(m.off)
		return Line{}, src.fail(m)
	}
	for i := range l.uses {
		l.uses[i].off = x.origin(l.uses[i].off)
	}
	return l, nil
}

// continuedComment refuses a comment that ends in a backslash: the next line would
// vanish in it.
func continuedComment(src text) *mistake {
	if src.raw == src.flat {
		return nil
	}
	at := commentStart(src.flat)
	if at >= 0 && strings.Contains(src.raw[at:], "\n") {
		return wrong(at, "a comment cannot be continued").with(`drop the \ at its end`)
	}
	return nil
}

// commentStart is the offset of the # that starts a comment, -1 without one. It knows
// strings, not verbs: the text of a note is taken for a comment too, which only
// forbids to continue it.
func commentStart(s string) int {
	inString := false
	for i := 0; i < len(s); i++ {
		switch {
		case inString && s[i] == '\\':
			i++
		case s[i] == '"':
			inString = !inString
		case !inString && s[i] == '#' && (i == 0 || isBlank(s[i-1])):
			return i
		}
	}
	return -1
}

// head reads an optional binding and the verb of a line.
func head(s string) (name string, nameOff int, verb word, m *mistake) {
	i := skip(s, 0)
	end := ident(s, i)
	if eq := skip(s, end); end > i && eq < len(s) && s[eq] == '=' && !strings.HasPrefix(s[eq:], "==") {
		name, nameOff = s[i:end], i
		if m = checkName(i, name); m != nil {
			return name, nameOff, verb, m
		}
		i = skip(s, eq+1)
	}
	if i >= len(s) || s[i] == '#' {
		if name != "" {
			return name, nameOff, verb, wrong(i, "a command is expected after %s =", name)
		}
		return name, nameOff, verb, wrong(i, "no command")
	}
	verb.off, verb.valOff = i, i
	if verb.end = ident(s, i); verb.end == i || verb.end < len(s) && !isBlank(s[verb.end]) {
		rest, _, _ := strings.Cut(s[i:], " ")
		if len(rest) > 40 {
			rest = "this"
		}
		return name, nameOff, verb, wrong(i, "%q is not a command", rest).with("a line is: name = verb operands key=value")
	}
	verb.val = s[i:verb.end]
	return name, nameOff, verb, nil
}

// read parses s, in which every alias is expanded, into l.
func (t *Table) read(l *Line, s string, file bool) *mistake {
	name, nameOff, vw, m := head(s)
	if m != nil {
		return m
	}
	v := t.byName[vw.val]
	if v == nil {
		return wrong(vw.off, "unknown command %q", vw.val).with(meant(vw.val, t.Verbs()))
	}
	if name != "" && v.Binds == "" {
		return wrong(nameOff, "%s makes no handle", v.Verb).with("drop " + name + " =")
	}
	cmd := reflect.New(v.typ)
	l.Name, l.Verb, l.Cmd = name, v.Verb, cmd.Interface()
	r := &reader{table: t, verb: v, line: l, cmd: cmd.Elem(), s: s}
	return r.operands(vw.end, file)
}

// reader fills one command struct.
type reader struct {
	table *Table
	verb  *verb
	line  *Line
	cmd   reflect.Value
	s     string
	seen  map[string]bool // keys given
}

func (r *reader) operands(i int, file bool) *mistake {
	r.seen = map[string]bool{}
	n, taken := 0, 0 // the operand that is next, and how many words it took
	for {
		i = skip(r.s, i)
		if n < len(r.verb.args) && r.verb.args[n].rest {
			return r.rest(r.verb.args[n], i)
		}
		if i >= len(r.s) || r.s[i] == '#' {
			return r.missing(i, n, taken, file)
		}
		w, m := scanWord(r.s, i)
		if m != nil {
			return m
		}
		i = w.end
		if w.key != "" {
			if m := r.key(w); m != nil {
				return m
			}
			continue
		}
		if n >= len(r.verb.args) {
			return r.surplus(w)
		}
		f := r.verb.args[n]
		if m := r.set(f, w); m != nil {
			return m
		}
		if taken++; !f.slice {
			n, taken = n+1, 0
		}
	}
}

// missing names what a finished line lacks.
func (r *reader) missing(end, n, taken int, file bool) *mistake {
	if n < len(r.verb.args) {
		if f := r.verb.args[n]; !f.optional && taken == 0 {
			return wrong(end, "%s needs %s: %s", r.verb.Verb, f.name, f.doc).with("usage: " + r.verb.usage())
		}
	}
	for _, f := range r.verb.keys {
		if !r.seen[f.name] && (f.required || f.file && file) {
			m := wrong(end, "%s needs %s=: %s", r.verb.Verb, f.name, f.doc)
			if f.file {
				m.msg += " (required in files)"
			}
			return m
		}
	}
	return nil
}

func (r *reader) surplus(w word) *mistake {
	m := wrong(w.off, "%q is one operand too many for %s", w.val, r.verb.Verb).with("usage: " + r.verb.usage())
	for _, f := range r.verb.keys {
		if slices.Contains(f.enum, w.val) {
			m.hint = "did you mean " + f.name + "=" + w.val + "?"
		}
	}
	return m
}

func (r *reader) key(w word) *mistake {
	names := make([]string, 0, len(r.verb.keys))
	for _, f := range r.verb.keys {
		if f.name != w.key {
			names = append(names, f.name)
			continue
		}
		if r.seen[w.key] {
			return wrong(w.off, "%s= is given twice", w.key)
		}
		r.seen[w.key] = true
		return r.set(f, w)
	}
	hint := meant(w.key, names)
	if len(names) == 0 {
		hint = r.verb.Verb + " has no keys; quote a word that holds ="
	}
	return wrong(w.off, "unknown key %q of %s", w.key, r.verb.Verb).with(hint)
}

func (r *reader) set(f *field, w word) *mistake {
	if m := f.set(r.cmd, w); m != nil {
		return m
	}
	if f.class != refClass {
		return nil
	}
	ref, _, _ := scanRef(w.val, 0)
	r.line.uses = append(r.line.uses, use{ref: ref, off: w.valOff, field: f})
	return nil
}

// rest reads a field that takes the rest of the line.
func (r *reader) rest(f *field, i int) *mistake {
	dst := r.cmd.FieldByIndex(f.index)
	switch f.class {
	case restClass:
		s, m := r.text(i, f.name)
		dst.SetString(s)
		return m
	case exprClass:
		p, m := parseExpr(r.s, i, true)
		if m != nil {
			return m
		}
		r.line.uses = append(r.line.uses, p.uses...)
		dst.Set(reflect.ValueOf(p.expr()))
		return nil
	}
	end := ident(r.s, i)
	if eq := skip(r.s, end); end == i || eq >= len(r.s) || r.s[eq] != '=' || strings.HasPrefix(r.s[eq:], "==") {
		return wrong(i, "%s needs NAME = …", r.verb.Verb).with("usage: " + r.verb.usage())
	}
	name := r.s[i:end]
	if m := checkName(i, name); m != nil {
		return m
	}
	from := skip(r.s, skip(r.s, end)+1)
	if f.class == assignClass {
		p, m := parseExpr(r.s, from, false)
		if m != nil {
			return m
		}
		r.line.uses = append(r.line.uses, p.uses...)
		dst.Set(reflect.ValueOf(Assign{Name: name, Value: p.expr()}))
		return nil
	}
	return r.macro(dst, name, i, from)
}

// text reads the rest of the line from i: as it stands, or one string.
func (r *reader) text(i int, what string) (string, *mistake) {
	s := strings.TrimRight(r.s[i:], " \t")
	if s == "" {
		return "", wrong(i, "%s needs %s", r.verb.Verb, what).with("usage: " + r.verb.usage())
	}
	if s[0] == '"' {
		v, end, m := scanString(r.s, i)
		if m != nil {
			return "", m
		}
		if v == "" {
			return "", wrong(i, "%s is empty", what)
		}
		if after := skip(r.s, end); after == len(r.s) {
			return v, nil
		}
		return "", wrong(end, "text after the string").with("quote all of it")
	}
	return s, nil
}

// formatText is the inverse of text.
func formatText(s string) string {
	odd := s == "" || s[0] == '"' || s[0] == '=' || strings.Trim(s, " \t") != s || strings.HasSuffix(s, `\`)
	if odd || checkBytes(s) != nil {
		return strconv.Quote(s)
	}
	return s
}
