package language

import (
	"reflect"
	"strings"
)

// maxExpand bounds aliases of aliases.
const maxExpand = 8

// expanded is a command with its alias written out, and the way back to the offsets
// of the original.
type expanded struct {
	text     string
	from, to int // the written-out part of text
	oldTo    int // where it ended in the original; it began at from
}

// origin is the offset in the original; inside the alias it is that of its name.
func (x expanded) origin(off int) int {
	switch {
	case off < x.from:
		return off
	case off < x.to:
		return x.from
	}
	return off - x.to + x.oldTo
}

// expand replaces a verb that is an alias by its text, again while the result begins
// with an alias. Verbs win over aliases.
func expand(s string, aliases map[string]string, t *Table) (expanded, *mistake) {
	x := expanded{text: s}
	for n := 0; ; n++ {
		_, _, verb, m := head(x.text)
		if m != nil || t.byName[verb.val] != nil {
			return x, nil
		}
		body, ok := aliases[verb.val]
		if !ok {
			return x, nil
		}
		if n == maxExpand || len(x.text)+len(body) > MaxLine {
			return x, wrong(x.origin(verb.off), "alias %s does not end", verb.val)
		}
		if n == 0 {
			x.from, x.to, x.oldTo = verb.off, verb.end, verb.end
		}
		x.text = x.text[:verb.off] + body + x.text[verb.end:]
		x.to += len(body) - (verb.end - verb.off)
	}
}

// macro reads the command of an alias: it must begin with a verb or another alias,
// and the name must not hide a verb.
func (r *reader) macro(dst reflect.Value, name string, nameOff, from int) *mistake {
	if r.table.byName[name] != nil {
		return wrong(nameOff, "%s is a command and cannot be an alias", name)
	}
	body, m := r.text(from, "a command")
	if m != nil {
		return m
	}
	bound, _, verb, m := head(body)
	switch {
	case checkBytes(body) != nil || strings.HasSuffix(body, `\`):
		return wrong(from, "an alias is one line of plain text")
	case m != nil:
		return wrong(from, "%s", m.msg).with(m.hint)
	case bound != "":
		return wrong(from, "an alias cannot bind a handle").with("write name = " + name)
	case commentStart(body) >= 0:
		return wrong(from, "an alias cannot hold a comment")
	case verb.val == name:
		return wrong(from, "alias %s means itself", name)
	}
	dst.Set(reflect.ValueOf(Macro{Name: name, Text: body}))
	return nil
}
