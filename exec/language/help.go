package language

import (
	"strings"
)

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
