package language

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// class is how a field is read and written.
type class uint8

const (
	stringClass class = iota
	intClass
	uintClass
	boolClass
	refClass
	textClass // encoding.TextMarshaler and TextUnmarshaler
	restClass // Text
	exprClass
	assignClass
	macroClass
)

// typeNames are what usage and errors call the values of a class.
var typeNames = [...]string{"word", "whole number", "whole number", "yes|no", "handle", "value", "text", "expression", "assignment", "command"}

// whole are the types whose value is the rest of the line.
var whole = map[reflect.Type]class{
	reflect.TypeFor[Text]():   restClass,
	reflect.TypeFor[Expr]():   exprClass,
	reflect.TypeFor[Assign](): assignClass,
	reflect.TypeFor[Macro]():  macroClass,
}

// resolve finds the class of a field's type.
func (f *field) resolve(t reflect.Type, variadic bool) error {
	if c, ok := whole[t]; ok != f.rest {
		return fmt.Errorf("%s and the option rest belong together", t)
	} else if ok {
		f.typ, f.class = t, c
		return nil
	}
	if f.ptr = t.Kind() == reflect.Pointer; f.ptr {
		t = t.Elem()
	}
	unmarshaler := reflect.TypeFor[encoding.TextUnmarshaler]()
	if f.slice = t.Kind() == reflect.Slice && !reflect.PointerTo(t).Implements(unmarshaler); f.slice {
		t = t.Elem()
	}
	if f.slice && (f.ptr || variadic == f.key) || variadic && !f.slice {
		return errors.New("a slice is an operand with the option variadic, or a key, and not a pointer")
	}
	f.typ = t
	switch {
	case t == reflect.TypeFor[Ref]():
		f.class = refClass
	case reflect.PointerTo(t).Implements(unmarshaler) && t.Implements(reflect.TypeFor[encoding.TextMarshaler]()):
		f.class = textClass
	case t.Kind() == reflect.String:
		f.class = stringClass
	case t.Kind() == reflect.Int || t.Kind() == reflect.Int64:
		f.class = intClass
	case t.Kind() == reflect.Uint64:
		f.class = uintClass
	case t.Kind() == reflect.Bool:
		f.class = boolClass
	default:
		return fmt.Errorf("type %s is not supported", t)
	}
	return f.checkTags()
}

func (f *field) checkTags() error {
	switch {
	case f.class != refClass && (f.window != "" || f.kinds != nil):
		return errors.New("the tags kind and window belong to a Ref")
	case !slices.Contains([]string{"", "none", "point"}, f.window):
		return fmt.Errorf("unknown window %q", f.window)
	case f.class == refClass && f.key && f.slice:
		return errors.New("a list of handles is an operand, not a key")
	case f.enum != nil && f.class != stringClass:
		return errors.New("an enum belongs to a string")
	case f.class == boolClass && !f.ptr && f.def == "yes":
		return errors.New("a bool that defaults to yes must be a *bool")
	}
	return nil
}

func (f *field) setBounds(tag reflect.StructTag) error {
	f.max = math.MaxInt64
	for name, to := range map[string]*int64{"min": &f.min, "max": &f.max} {
		s, ok := tag.Lookup(name)
		if !ok {
			continue
		}
		v, err := strconv.ParseInt(s, 10, 64)
		if err != nil || f.class != intClass {
			return fmt.Errorf("bad tag %s", name)
		}
		*to = v
	}
	return nil
}

// list reports whether a field is a key with a comma list.
func (f *field) list() bool { return f.key && f.slice }

// set reads one word into the field of a command struct.
func (f *field) set(cmd reflect.Value, w word) *mistake {
	dst := cmd.FieldByIndex(f.index)
	if f.list() {
		off := w.valOff
		for part := range strings.SplitSeq(w.val, ",") {
			v := reflect.New(f.typ).Elem()
			if m := f.decode(v, word{valOff: off, val: part, quoted: w.quoted}); m != nil {
				return m
			}
			dst.Set(reflect.Append(dst, v))
			off += len(part) + 1
		}
		return nil
	}
	v := reflect.New(f.typ)
	if m := f.decode(v.Elem(), w); m != nil {
		return m
	}
	switch {
	case f.slice:
		dst.Set(reflect.Append(dst, v.Elem()))
	case f.ptr:
		dst.Set(v)
	default:
		if f.mayOmit() && isZero(v.Elem()) && f.class != boolClass && f.def != f.encode(v.Elem()) {
			return wrong(w.valOff, "%s cannot be %s", f.name, quoteWord(f.encode(v.Elem())))
		}
		dst.Set(v.Elem())
	}
	return nil
}

// mayOmit reports whether a zero value means that the field was not given.
func (f *field) mayOmit() bool { return !f.ptr && !f.slice && (f.optional || f.key && !f.required) }

// isZero is reflect's, except that -0 is a zero: it is omitted like one.
func isZero(v reflect.Value) bool {
	if v.Kind() == reflect.Float64 {
		return v.Float() == 0
	}
	return v.IsZero()
}

// decode reads a value of the field's type.
func (f *field) decode(v reflect.Value, w word) *mistake {
	switch f.class {
	case stringClass:
		s, m := f.checkEnum(w)
		v.SetString(s)
		return m
	case intClass:
		n, err := parseInt(w.val)
		if err != nil || n != int64(int(n)) {
			return f.unfit(w, "a whole number")
		}
		if n < f.min || n > f.max {
			return f.outside(w)
		}
		v.SetInt(n)
	case uintClass:
		base, digits := 10, w.val
		if h, ok := strings.CutPrefix(w.val, "0x"); ok {
			base, digits = 16, h
		}
		n, err := strconv.ParseUint(digits, base, 64)
		if err != nil {
			return f.unfit(w, "a whole number of at most 64 bits")
		}
		v.SetUint(n)
	case boolClass:
		if w.val != "yes" && w.val != "no" {
			return f.unfit(w, "yes or no")
		}
		v.SetBool(w.val == "yes")
	case refClass:
		return f.decodeRef(v, w)
	case textClass:
		if err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(w.val)); err != nil {
			return wrong(w.valOff, "%s: %v", f.name, err)
		}
	}
	return nil
}

func (f *field) decodeRef(v reflect.Value, w word) *mistake {
	if w.quoted {
		return wrong(w.valOff, "%s is a handle", f.name).with("leave the quotes out")
	}
	r, end, m := scanRef(w.val, 0)
	switch {
	case m != nil:
		m.off += w.valOff
		return m
	case end != len(w.val):
		return wrong(w.valOff+end, "%q after the handle", w.val[end:])
	case f.window == "none" && (r.Window != nil || r.At != ""):
		return wrong(w.valOff, "%s takes no window", f.name)
	case f.window == "point" && !r.Point():
		return wrong(w.valOff, "%s needs one element", f.name).with("write " + r.Base().String() + "[row,column] or " + r.Base().String() + "[@max]")
	}
	v.Set(reflect.ValueOf(r))
	return nil
}

func (f *field) checkEnum(w word) (string, *mistake) {
	if w.val == "" && f.mayOmit() {
		return "", wrong(w.valOff, "%s is empty", f.name)
	}
	if f.enum == nil && !f.number || slices.Contains(f.enum, w.val) {
		return w.val, nil
	}
	if v, ok := parseFloat(w.val); ok && f.number {
		return Number(v).String(), nil
	}
	m := wrong(w.valOff, "unknown %s %q", f.name, w.val).with(meant(w.val, f.enum))
	if f.number && strings.HasPrefix(m.hint, "known") {
		m.hint += " or a number"
	}
	return "", m
}

func (f *field) unfit(w word, what string) *mistake {
	return wrong(w.valOff, "%s is %s, not %q", f.name, what, w.val)
}

func (f *field) outside(w word) *mistake {
	if f.max == math.MaxInt64 {
		return wrong(w.valOff, "%s is %s; at least %d is needed", f.name, w.val, f.min)
	}
	return wrong(w.valOff, "%s is %s; %d to %d is allowed", f.name, w.val, f.min, f.max)
}

// encode writes one value, not yet quoted.
func (f *field) encode(v reflect.Value) string {
	switch f.class {
	case intClass:
		return strconv.FormatInt(v.Int(), 10)
	case uintClass:
		return strconv.FormatUint(v.Uint(), 10)
	case boolClass:
		if v.Bool() {
			return "yes"
		}
		return "no"
	case stringClass:
		return v.String()
	case refClass:
		return v.Interface().(Ref).String()
	}
	b, err := v.Interface().(encoding.TextMarshaler).MarshalText()
	if err != nil { // a value that no text stands for: written so that it does not parse
		return `"` + err.Error()
	}
	return string(b)
}

var pathType = reflect.TypeFor[Path]()

// valueNames describe the text types of this package in help.
var valueNames = map[reflect.Type]string{
	pathType:                    "path",
	reflect.TypeFor[Number]():   "number",
	reflect.TypeFor[Size]():     "WxH",
	reflect.TypeFor[Op]():       "> >= < <= == !=",
	reflect.TypeFor[HexBits]():  "hex digits",
	reflect.TypeFor[Outliers](): "COUNT@FACTOR",
}
