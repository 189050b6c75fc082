package language

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Spec is one verb. The fields of the struct that New points to are its operands and
// keys, by tag:
//
//	arg:"X"              positional, in field order
//	arg:"X,optional"     may be left out; arg:"D,variadic" takes one or more ([]T);
//	                     arg:"E,rest" the rest of the line (Text, Expr, Assign, Macro)
//	key:"seed"           seed=…; key:"seed,required" must be given, key:"seed,file" must
//	                     be given in a file, but not at a prompt
//	doc:"…"              one line for help; every field has it
//	enum:"ref|emu|VALUE" the words allowed; VALUE stands for any number
//	kind:"tensor|layer"  kinds of handle that a Ref may name
//	window:"point"       the Ref must pick one element; "none": no window
//	default:"emu"        for help only: a zero field means not given
//	min:"1" max:"64"     bounds of whole numbers; without min they start at 0
//	complete:"layer"     what Env.Names offers for it
//	values:"A|B:NAME"    for help only: what a value of a type of its own looks like
//
// Field types: string (or a string type), int, int64, uint64, bool (yes, no), Ref, any
// type with MarshalText and UnmarshalText, a slice of these, and a pointer to these
// where the zero value has to be told apart from not given.
type Spec struct {
	Verb     string
	Group    string // heading in help
	Summary  string // one line, no full stop
	Detail   string // paragraphs; may be empty
	Examples []string
	Binds    string              // kinds of handle a result can be, "checkpoint|tensor"; "" makes none
	Enums    map[string][]string // by key or operand name: words that replace the enum tag
	Unseen   bool                // binds handles that its line does not show (source)
	New      func() any          // pointer to a zero struct
}

// Table is the set of verbs: immutable, safe for concurrent use.
type Table struct {
	verbs  []*verb
	byName map[string]*verb
	byType map[reflect.Type]*verb
}

// verb is a Spec with its fields resolved.
type verb struct {
	Spec
	typ  reflect.Type // of the struct
	args []*field
	keys []*field
}

// field is one operand or key.
type field struct {
	name     string
	index    []int
	typ      reflect.Type // pointer and slice taken off
	class    class
	key      bool
	ptr      bool
	slice    bool
	optional bool
	required bool // a key that must be given
	file     bool // a key that must be given in files
	rest     bool
	doc      string
	def      string
	enum     []string
	number   bool // the enum has VALUE
	kinds    []string
	window   string
	complete string
	shown    string // values as help shows them, where the type says too little
	min, max int64
}

// NewTable resolves the specs and holds them to the rules above; every example must
// parse and be canonical. An error is a mistake in the program, not in its input.
func NewTable(specs []Spec) (*Table, error) {
	t := &Table{byName: map[string]*verb{}, byType: map[reflect.Type]*verb{}}
	var errs []error
	for _, s := range specs {
		v, err := newVerb(s)
		if err == nil && t.byName[s.Verb] != nil {
			err = errors.New("listed twice")
		}
		if err == nil && t.byType[v.typ] != nil {
			err = fmt.Errorf("shares its struct with %s", t.byType[v.typ].Verb)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("spec %s: %w", s.Verb, err))
			continue
		}
		t.verbs = append(t.verbs, v)
		t.byName[s.Verb], t.byType[v.typ] = v, v
	}
	for _, v := range t.verbs {
		for _, ex := range v.Examples {
			l, err := t.Parse(ex)
			switch {
			case err != nil:
				errs = append(errs, fmt.Errorf("spec %s: example %q: %w", v.Verb, ex, err))
			case t.Format(l) != ex:
				errs = append(errs, fmt.Errorf("spec %s: example %q is written %q", v.Verb, ex, t.Format(l)))
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return t, nil
}

// Verbs lists the verbs in table order.
func (t *Table) Verbs() []string {
	names := make([]string, len(t.verbs))
	for i, v := range t.verbs {
		names[i] = v.Verb
	}
	return names
}

// Spec returns the spec of a verb.
func (t *Table) Spec(name string) (Spec, bool) {
	if v := t.byName[name]; v != nil {
		return v.Spec, true
	}
	return Spec{}, false
}

func newVerb(s Spec) (*verb, error) {
	v := &verb{Spec: s}
	if s.Verb == "" || ident(s.Verb, 0) != len(s.Verb) || s.Verb != strings.ToLower(s.Verb) {
		return nil, errors.New("a verb is a lower-case word")
	}
	if s.Group == "" || s.Summary == "" || s.New == nil {
		return nil, errors.New("Group, Summary and New are required")
	}
	p := reflect.TypeOf(s.New())
	if p == nil || p.Kind() != reflect.Pointer || p.Elem().Kind() != reflect.Struct {
		return nil, errors.New("the New of a spec returns a pointer to a struct")
	}
	v.typ = p.Elem()
	if !reflect.ValueOf(s.New()).Elem().IsZero() {
		return nil, errors.New("the New of a spec returns a zero struct")
	}
	if err := v.addFields(v.typ, nil); err != nil {
		return nil, err
	}
	return v, v.checkOrder()
}

// addFields walks a struct; embedded structs lend their fields.
func (v *verb) addFields(typ reflect.Type, index []int) error {
	for i := range typ.NumField() {
		sf := typ.Field(i)
		at := append(slices.Clone(index), i)
		if sf.Anonymous && sf.Type.Kind() == reflect.Struct {
			if err := v.addFields(sf.Type, at); err != nil {
				return err
			}
			continue
		}
		f, err := newField(sf, at)
		if err != nil {
			return fmt.Errorf("field %s: %w", sf.Name, err)
		}
		if words, ok := v.Enums[f.name]; ok {
			f.setEnum(words)
		}
		if f.key {
			v.keys = append(v.keys, f)
		} else {
			v.args = append(v.args, f)
		}
	}
	return nil
}

func newField(sf reflect.StructField, index []int) (*field, error) {
	arg, isArg := sf.Tag.Lookup("arg")
	key, isKey := sf.Tag.Lookup("key")
	if isArg == isKey || !sf.IsExported() {
		return nil, errors.New("a field is exported and has one of the tags arg and key")
	}
	f := &field{index: index, key: isKey, doc: sf.Tag.Get("doc"), def: sf.Tag.Get("default"),
		window: sf.Tag.Get("window"), complete: sf.Tag.Get("complete"), shown: sf.Tag.Get("values")}
	name, option, _ := strings.Cut(arg+key, ",")
	f.name = name
	if f.doc == "" || name == "" || ident(name, 0) != len(name) {
		return nil, errors.New("a name and the tag doc are required")
	}
	variadic := false
	switch {
	case option == "":
	case isArg && option == "optional":
		f.optional = true
	case isArg && option == "variadic":
		variadic = true
	case isArg && option == "rest":
		f.rest = true
	case isKey && option == "required":
		f.required = true
	case isKey && option == "file":
		f.file = true
	default:
		return nil, fmt.Errorf("unknown option %q", option)
	}
	if e, ok := sf.Tag.Lookup("enum"); ok {
		f.setEnum(strings.Split(e, "|"))
	}
	if k := sf.Tag.Get("kind"); k != "" {
		f.kinds = splitKinds(k)
	}
	if err := f.resolve(sf.Type, variadic); err != nil {
		return nil, err
	}
	return f, f.setBounds(sf.Tag)
}

// setEnum takes the words of an enum; VALUE among them admits numbers.
func (f *field) setEnum(words []string) {
	f.number = slices.Contains(words, "VALUE")
	f.enum = slices.DeleteFunc(slices.Clone(words), func(w string) bool { return w == "VALUE" })
}

// checkOrder holds the operands to required, then optional, then one that takes all
// that is left.
func (v *verb) checkOrder() error {
	seen := map[string]bool{}
	for _, f := range slices.Concat(v.args, v.keys) {
		if seen[f.name] {
			return fmt.Errorf("%s twice", f.name)
		}
		seen[f.name] = true
		if f.def != "" && len(f.enum) > 0 && !slices.Contains(f.enum, f.def) {
			return fmt.Errorf("default %s of %s is not in its enum", f.def, f.name)
		}
	}
	for name := range v.Enums {
		if !seen[name] {
			return fmt.Errorf("%s in Enums is no field", name)
		}
	}
	for i, f := range v.args {
		last := i == len(v.args)-1
		switch {
		case (f.rest || f.slice) && !last:
			return fmt.Errorf("%s takes all that is left and must be last", f.name)
		case f.rest && len(v.keys) > 0:
			return fmt.Errorf("keys cannot follow %s", f.name)
		case i > 0 && v.args[i-1].optional && !f.optional:
			return fmt.Errorf("%s follows an optional operand", f.name)
		}
	}
	return nil
}
