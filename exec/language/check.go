package language

import (
	"slices"
	"strings"
)

// Kinds of value that need no handle of their own.
const (
	NumberKind = "number"
	TextKind   = "text"
)

// Attr is one attribute that a kind of handle has.
type Attr struct {
	Name   string
	Kind   string // of what it gives: NumberKind, TextKind, "tensor"; "" unknown
	Doc    string
	Params []string // names of the numbers it may be called with: mismatched(atol, rtol)
}

// Names is what a program may refer to.
type Names struct {
	Known map[string]string // handles that exist already, to kind; "a|b" is either, "" unknown
	Kinds map[string][]Attr // attributes by kind of handle; a kind that is not here has any
	// Instead has a way out for those who give one kind of handle where another is wanted.
	Instead []Instead
}

// Instead is what to do who has a handle of one kind and wants one of another.
type Instead struct{ Have, Want, Hint string }

// Check finds what Parse cannot: a handle used before a line binds it, a handle of a
// kind that does not fit, an attribute that its kind does not have. It runs nothing.
func (t *Table) Check(p Program, n Names) []*Error {
	c := checker{names: n, handles: map[string]string{}}
	for name, kind := range n.Known {
		c.handles[name] = kind
	}
	for _, l := range p.Lines {
		l = t.located(l)
		for _, u := range l.uses {
			if m := c.use(u); m != nil {
				m.off = max(m.off, u.off)
				c.errs = append(c.errs, l.src.fail(m))
			}
		}
		c.bind(t, l)
	}
	return c.errs
}

type checker struct {
	names   Names
	handles map[string]string
	unseen  bool // a line ran whose bindings the text does not show
	errs    []*Error
}

// bind takes note of the handles that a line makes.
func (c *checker) bind(t *Table, l Line) {
	v := t.byName[l.Verb]
	if v == nil {
		return
	}
	c.unseen = c.unseen || v.Unseen
	if l.Name != "" {
		c.handles[l.Name] = v.Binds
	}
	if a, ok := assignment(v, l.Cmd); ok {
		c.handles[a.Name] = NumberKind + "|" + TextKind
	}
}

func (c *checker) use(u use) *mistake {
	kind, ok := c.handles[u.ref.Name]
	if !ok {
		if c.unseen {
			return nil
		}
		return c.unbound(u)
	}
	kinds, m := c.walk(u, splitKinds(kind))
	if m != nil || len(kinds) == 0 {
		return m
	}
	if u.expr {
		return c.inExpr(u, kinds)
	}
	if want := u.field.kinds; want != nil && !overlap(kinds, want) {
		m := wrong(u.off, "%s is %s; %s takes %s", u.ref.Base(), oneOf(kinds), u.field.name, oneOf(want))
		return m.with(c.instead(kinds, want))
	}
	return nil
}

func (c *checker) unbound(u use) *mistake {
	names := make([]string, 0, len(c.handles))
	for name := range c.handles {
		names = append(names, name)
	}
	slices.Sort(names)
	m := wrong(u.off, "no handle %q", u.ref.Name).with(meant(u.ref.Name, names))
	if len(names) == 0 {
		m.hint = "bind one first, as in " + u.ref.Name + " = load PATH"
	}
	return m
}

// walk follows the attributes; no kinds means that nothing is known.
func (c *checker) walk(u use, kinds []string) ([]string, *mistake) {
	off := u.off + len(u.ref.Name) + 1
	for i, name := range u.ref.Attrs {
		var known []string
		var found []Attr
		for _, k := range kinds {
			attrs, ok := c.names.Kinds[k]
			if !ok {
				return nil, nil
			}
			for _, a := range attrs {
				known = append(known, a.Name)
				if a.Name == name {
					found = append(found, a)
				}
			}
		}
		if len(kinds) == 0 {
			return nil, nil
		}
		if len(found) == 0 {
			return nil, wrong(off, "%s has no attribute %q", oneOf(kinds), name).with(meant(name, known))
		}
		last := i == len(u.ref.Attrs)-1
		if n := len(found[0].Params); u.called && last && u.args != n {
			if n == 0 {
				return nil, wrong(off, "%s is not called", name).with("drop the parentheses")
			}
			return nil, wrong(off, "%s takes %d numbers, not %d", name, n, u.args).with(name + "(" + strings.Join(found[0].Params, ", ") + ")")
		}
		kinds = nil
		for _, a := range found {
			if a.Kind == "" {
				return nil, nil
			}
			kinds = append(kinds, splitKinds(a.Kind)...)
		}
		off += len(name) + 1
	}
	return kinds, nil
}

// instead is the first way out that fits; empty without one.
func (c *checker) instead(have, want []string) string {
	for _, i := range c.names.Instead {
		if slices.Contains(have, i.Have) && slices.Contains(want, i.Want) {
			return i.Hint
		}
	}
	return ""
}

// inExpr holds a reference inside an expression to one number or text.
func (c *checker) inExpr(u use, kinds []string) *mistake {
	r := u.ref
	scalar := overlap(kinds, []string{NumberKind, TextKind})
	switch {
	case r.Window == nil && r.At == "" && !scalar:
		m := wrong(u.off, "%s is %s, not a number", r, oneOf(kinds))
		return m.with(c.example(r, kinds))
	case (r.Window != nil || r.At != "") && scalar:
		return wrong(u.off, "%s is one value and has no window", r.Base())
	case r.Window != nil && !r.Point():
		return wrong(u.off, "%s picks many elements; a check compares one number", r)
	}
	return nil
}

// example names a few numbers that a handle does have.
func (c *checker) example(r Ref, kinds []string) string {
	var names []string
	for _, k := range kinds {
		for _, a := range c.names.Kinds[k] {
			if a.Kind == NumberKind && len(names) < 3 {
				names = append(names, r.Base().String()+"."+a.Name)
			}
		}
	}
	if names == nil {
		return ""
	}
	return "read one, as in " + strings.Join(names, ", ")
}

func splitKinds(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, "|")
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(k string) bool { return slices.Contains(b, k) })
}

// oneOf is "a layer" or "a layer or tensor".
func oneOf(kinds []string) string {
	kinds = slices.Compact(slices.Sorted(slices.Values(kinds)))
	article := "a "
	if strings.ContainsAny(kinds[0][:1], "aeiou") {
		article = "an "
	}
	return article + strings.Join(kinds, " or ")
}
