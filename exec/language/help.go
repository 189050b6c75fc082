package language

import (
	"fmt"
	"strings"
)

// Help is the page of one verb.
type Help struct {
	Verb, Group, Usage, Summary, Detail string
	Binds                               string
	Args, Keys                          []HelpItem
	Examples                            []string
}

// HelpItem is one operand or key.
type HelpItem struct {
	Name     string // "X", "backend="
	Type     string // "handle (tensor, product)", "ref|emu|cuda"
	Doc      string
	Default  string
	Required bool
}

// Group is one heading of the command list.
type Group struct {
	Name  string
	Verbs []Spec
}

// Help returns the page of a verb.
func (t *Table) Help(name string) (Help, bool) {
	v := t.byName[name]
	if v == nil {
		return Help{}, false
	}
	h := Help{Verb: v.Verb, Group: v.Group, Usage: v.usage(), Summary: v.Summary, Detail: v.Detail, Binds: v.Binds,
		Examples: v.Examples}
	for _, f := range v.args {
		h.Args = append(h.Args, f.help())
	}
	for _, f := range v.keys {
		h.Keys = append(h.Keys, f.help())
	}
	return h, true
}

// Groups lists the verbs by heading, both in table order.
func (t *Table) Groups() []Group {
	var out []Group
	at := map[string]int{}
	for _, v := range t.verbs {
		i, ok := at[v.Group]
		if !ok {
			i = len(out)
			at[v.Group] = i
			out = append(out, Group{Name: v.Group})
		}
		out[i].Verbs = append(out[i].Verbs, v.Spec)
	}
	return out
}

// Suggest is the verb nearest to a misspelt one, or "".
func (t *Table) Suggest(verb string) string { return Closest(verb, t.Verbs()) }

func (f *field) help() HelpItem {
	h := HelpItem{Name: f.name, Doc: f.doc, Default: f.def, Type: f.typeName(), Required: !f.optional}
	if f.key {
		h.Name += "="
		h.Required = f.required
	}
	if f.file {
		h.Doc += " (required in files)"
	}
	return h
}

// typeName says what a field holds.
func (f *field) typeName() string {
	words := f.enum
	if f.number {
		words = append(words[:len(words):len(words)], "number")
	}
	s := typeNames[f.class]
	switch {
	case f.shown != "":
		s = f.shown
	case len(words) > 0:
		s = strings.Join(words, "|")
	case f.kinds != nil:
		s += " (" + strings.Join(f.kinds, ", ") + ")"
	case f.class == textClass:
		if name, ok := valueNames[f.typ]; ok {
			s = name
		}
	}
	if f.window == "point" {
		s += ", one element"
	}
	if f.slice {
		s += ", one or more"
	}
	return s
}

// usage is the synopsis of a verb: "gemm X W [backend=ref|emu]".
func (v *verb) usage() string {
	parts := []string{v.Verb}
	for _, f := range v.args {
		parts = append(parts, f.usage())
	}
	for _, f := range v.keys {
		parts = append(parts, f.usage())
	}
	s := strings.Join(parts, " ")
	if v.Binds != "" {
		s = "[name =] " + s
	}
	return s
}

// maxUsageWords is how many words of an enum usage spells out.
const maxUsageWords = 6

func (f *field) usage() string {
	if f.key {
		s := f.name + "=" + f.values()
		if !f.required {
			s = "[" + s + "]"
		}
		return s
	}
	s := f.name
	if len(f.enum) > 0 && len(f.enum) <= maxUsageWords {
		s = strings.Join(f.enum, "|")
	}
	if f.class == assignClass || f.class == macroClass {
		s = "NAME = " + s
	}
	if f.class == exprClass {
		s += ` [, "why"]`
	}
	if f.slice {
		s += "…"
	}
	if f.optional {
		s = "[" + s + "]"
	}
	return s
}

// values is what may follow the = of a key.
func (f *field) values() string {
	words := f.enum
	if f.number {
		words = append(words[:len(words):len(words)], "VALUE")
	}
	switch {
	case len(words) > 0 && len(words) <= maxUsageWords:
		return strings.Join(words, "|")
	case f.class == boolClass:
		return "yes|no"
	}
	s := strings.ToUpper(f.name)
	if f.list() {
		s += ",…"
	}
	return s
}

// Markdown is the command reference: the same text for the same table.
func (t *Table) Markdown() string {
	var b strings.Builder
	for _, g := range t.Groups() {
		fmt.Fprintf(&b, "## %s\n\n", g.Name)
		for _, s := range g.Verbs {
			h, _ := t.Help(s.Verb)
			h.markdown(&b)
		}
	}
	return b.String()
}

func (h Help) markdown(b *strings.Builder) {
	fmt.Fprintf(b, "### %s\n\n%s.\n\n```\n%s\n```\n\n", h.Verb, upperFirst(h.Summary), h.Usage)
	if h.Detail != "" {
		b.WriteString(h.Detail + "\n\n")
	}
	if items := append(h.Args[:len(h.Args):len(h.Args)], h.Keys...); len(items) > 0 {
		b.WriteString("| | values | meaning |\n|---|---|---|\n")
		for _, i := range items {
			doc := i.Doc
			if i.Default != "" {
				doc += "; default `" + i.Default + "`"
			}
			fmt.Fprintf(b, "| `%s` | %s | %s |\n", i.Name, escapeCell(i.Type), escapeCell(doc))
		}
		b.WriteString("\n")
	}
	if h.Binds != "" {
		fmt.Fprintf(b, "Makes a handle: %s.\n\n", strings.ReplaceAll(h.Binds, "|", " or "))
	}
	if len(h.Examples) > 0 {
		fmt.Fprintf(b, "```fp4\n%s\n```\n\n", strings.Join(h.Examples, "\n"))
	}
}

func escapeCell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

func upperFirst(s string) string {
	return strings.ToUpper(s[:1]) + s[1:]
}
