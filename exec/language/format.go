package language

import (
	"reflect"
	"strings"
)

// Format writes a command in its canonical form: operands in order, then the keys
// that are set in the order of the struct. Aliases are written out. Cmd decides the
// verb. A Cmd that is not of this table gives "".
func (t *Table) Format(l Line) string {
	cmd := reflect.ValueOf(l.Cmd)
	if cmd.Kind() != reflect.Pointer || cmd.IsNil() || t.byType[cmd.Type().Elem()] == nil {
		return ""
	}
	v, cmd := t.byType[cmd.Type().Elem()], cmd.Elem()
	var b strings.Builder
	if l.Name != "" {
		b.WriteString(l.Name + " = ")
	}
	b.WriteString(v.Verb)
	for _, f := range v.args {
		for _, s := range f.words(cmd.FieldByIndex(f.index)) {
			b.WriteString(" " + s)
		}
	}
	for _, f := range v.keys {
		words := f.words(cmd.FieldByIndex(f.index))
		if len(words) == 0 {
			continue
		}
		b.WriteString(" " + f.name + "=" + strings.Join(words, ","))
	}
	return b.String()
}

// words are the words that a field is written as; none when it is not given.
func (f *field) words(v reflect.Value) []string {
	if f.rest {
		return []string{formatRest(v.Interface())}
	}
	if f.ptr {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	if !f.slice {
		if f.mayOmit() && isZero(v) {
			return nil
		}
		return []string{f.quote(f.encode(v))}
	}
	words := make([]string, v.Len())
	for i := range words {
		words[i] = f.encode(v.Index(i))
		if !f.list() {
			words[i] = f.quote(words[i])
		}
	}
	if f.list() && len(words) > 0 {
		return []string{f.quote(strings.Join(words, ","))}
	}
	return words
}

// quote quotes a value where it must be; a reference never is.
func (f *field) quote(s string) string {
	if f.class == refClass {
		return s
	}
	return quoteWord(s)
}

func formatRest(v any) string {
	switch v := v.(type) {
	case Text:
		return formatText(string(v))
	case Expr:
		return v.String()
	case Assign:
		return v.Name + " = " + v.Value.Text
	case Macro:
		return v.Name + " = " + formatText(v.Text)
	}
	return ""
}
