package exec

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// schema checks values against the part of JSON schema that Schema uses.
type schema struct{ root map[string]any }

func newSchema(t testing.TB, text string) schema {
	t.Helper()
	var s schema
	if err := json.Unmarshal([]byte(text), &s.root); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s schema) check(t testing.TB, name string, value any) {
	t.Helper()
	if err := s.fits(s.root, value, "$"); err != nil {
		t.Errorf("%s does not fit the schema: %v", name, err)
	}
}

// keywords are what the validator knows; another one in the schema is an error, so that
// a rule is never silently not checked.
func keywords() map[string]func(s schema, rule map[string]any, arg, value any, at string) error {
	return map[string]func(s schema, rule map[string]any, arg, value any, at string) error{
		"$schema": ignored, "title": ignored, "$defs": ignored, "then": ignored,
		"$ref": func(s schema, _ map[string]any, arg, value any, at string) error {
			name := strings.TrimPrefix(arg.(string), "#/$defs/")
			def, ok := s.root["$defs"].(map[string]any)[name].(map[string]any)
			if !ok {
				return fmt.Errorf("%s: no definition %v", at, arg)
			}
			return s.fits(def, value, at)
		},
		"type":                 checkType,
		"properties":           checkProperties,
		"required":             checkRequired,
		"additionalProperties": checkAdditional,
		"items": func(s schema, _ map[string]any, arg, value any, at string) error {
			list, _ := value.([]any)
			for i, v := range list {
				if err := s.fits(arg.(map[string]any), v, fmt.Sprintf("%s[%d]", at, i)); err != nil {
					return err
				}
			}
			return nil
		},
		"minItems": length(func(n, bound int) bool { return n >= bound }),
		"maxItems": length(func(n, bound int) bool { return n <= bound }),
		"enum": func(_ schema, _ map[string]any, arg, value any, at string) error {
			if !slices.ContainsFunc(arg.([]any), func(v any) bool { return reflect.DeepEqual(v, value) }) {
				return fmt.Errorf("%s: %v is none of %v", at, value, arg)
			}
			return nil
		},
		"const": func(_ schema, _ map[string]any, arg, value any, at string) error {
			if !reflect.DeepEqual(arg, value) {
				return fmt.Errorf("%s: %v is not %v", at, value, arg)
			}
			return nil
		},
		"oneOf": func(s schema, _ map[string]any, arg, value any, at string) error {
			n := 0
			for _, rule := range arg.([]any) {
				if s.fits(rule.(map[string]any), value, at) == nil {
					n++
				}
			}
			if n != 1 {
				return fmt.Errorf("%s: %v fits %d of oneOf", at, value, n)
			}
			return nil
		},
		"allOf": func(s schema, _ map[string]any, arg, value any, at string) error {
			for _, rule := range arg.([]any) {
				if err := s.fits(rule.(map[string]any), value, at); err != nil {
					return err
				}
			}
			return nil
		},
		"if": func(s schema, rule map[string]any, arg, value any, at string) error {
			if s.fits(arg.(map[string]any), value, at) != nil {
				return nil
			}
			return s.fits(rule["then"].(map[string]any), value, at)
		},
	}
}

func ignored(schema, map[string]any, any, any, string) error { return nil }

func (s schema) fits(rule map[string]any, value any, at string) error {
	words := keywords()
	for word, arg := range rule {
		known, ok := words[word]
		if !ok {
			return fmt.Errorf("%s: the validator does not know %s", at, word)
		}
		if err := known(s, rule, arg, value, at); err != nil {
			return err
		}
	}
	return nil
}

func checkType(_ schema, _ map[string]any, arg, value any, at string) error {
	ok := false
	switch arg {
	case "object":
		_, ok = value.(map[string]any)
	case "array":
		_, ok = value.([]any)
	case "string":
		_, ok = value.(string)
	case "boolean":
		_, ok = value.(bool)
	case "number":
		_, ok = value.(float64)
	case "integer":
		n, is := value.(float64)
		ok = is && n == math.Trunc(n)
	}
	if !ok {
		return fmt.Errorf("%s: %v is no %v", at, value, arg)
	}
	return nil
}

func checkProperties(s schema, _ map[string]any, arg, value any, at string) error {
	object, _ := value.(map[string]any)
	for name, rule := range arg.(map[string]any) {
		if v, ok := object[name]; ok {
			if err := s.fits(rule.(map[string]any), v, at+"."+name); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkRequired(_ schema, _ map[string]any, arg, value any, at string) error {
	object, ok := value.(map[string]any)
	for _, name := range arg.([]any) {
		if _, has := object[name.(string)]; ok && !has {
			return fmt.Errorf("%s: no %v", at, name)
		}
	}
	return nil
}

func checkAdditional(_ schema, rule map[string]any, arg, value any, at string) error {
	object, _ := value.(map[string]any)
	known, _ := rule["properties"].(map[string]any)
	for name := range object {
		if _, ok := known[name]; arg == false && !ok {
			return fmt.Errorf("%s: %s is not in the schema", at, name)
		}
	}
	return nil
}

func length(ok func(n, bound int) bool) func(schema, map[string]any, any, any, string) error {
	return func(_ schema, _ map[string]any, arg, value any, at string) error {
		if list, is := value.([]any); is && !ok(len(list), int(arg.(float64))) {
			return fmt.Errorf("%s: %d items, bound %v", at, len(list), arg)
		}
		return nil
	}
}

// TestSchemaRefuses holds that the validator and the schema say no to what is wrong.
func TestSchemaRefuses(t *testing.T) {
	s := newSchema(t, Schema())
	for name, line := range map[string]string{
		"no version":       `{"cmd":"help","ok":true}`,
		"another version":  `{"v":2,"cmd":"help","ok":true}`,
		"an unknown kind":  `{"v":1,"cmd":"help","ok":true,"kind":"x"}`,
		"an unknown field": `{"v":1,"cmd":"help","ok":true,"extra":1}`,
		"a missing field":  `{"v":1,"cmd":"note a","ok":true,"kind":"note","result":{}}`,
		"a field too many": `{"v":1,"cmd":"note a","ok":true,"kind":"note","result":{"text":"a","b":1}}`,
		"a wrong type":     `{"v":1,"cmd":"note a","ok":true,"kind":"note","result":{"text":1}}`,
		"a wrong special":  `{"v":1,"cmd":"e","ok":true,"kind":"diff","result":{"got":"y","want":"r","got_by":"","want_by":"","m":1,"n":1,"shape":[],"metrics":[{"name":"a","value":"NaN"}],"argmax":[0,0],"mismatched":0}}`,
		"a short array":    `{"v":1,"cmd":"e","ok":true,"kind":"diff","result":{"got":"y","want":"r","got_by":"","want_by":"","m":1,"n":1,"shape":[],"metrics":[],"argmax":[0],"mismatched":0}}`,
		"an unknown code":  `{"v":1,"cmd":"e","ok":false,"error":{"code":"oops","message":""}}`,
	} {
		var value any
		if err := json.Unmarshal([]byte(line), &value); err != nil {
			t.Fatal(name, err)
		}
		if s.fits(s.root, value, "$") == nil {
			t.Errorf("the schema takes %s: %s", name, line)
		}
	}
}

func TestKindsAreUnique(t *testing.T) {
	seen := map[string]reflect.Type{}
	for _, r := range Kinds() {
		if other := seen[r.Kind()]; other != nil || r.Kind() == "" {
			t.Errorf("%T and %v are both %q", r, other, r.Kind())
		}
		seen[r.Kind()] = reflect.TypeOf(r)
	}
}

// TestSpecialNumbers holds how numbers are written: NaN and infinities as strings, what
// is float32 with the digits of a float32, and -0 as 0.
func TestSpecialNumbers(t *testing.T) {
	for _, c := range []struct {
		v    any
		want string
	}{
		{Float(math.NaN()), `"nan"`}, {Float(math.Inf(1)), `"inf"`}, {Float(math.Inf(-1)), `"-inf"`}, {Float(math.Copysign(0, -1)), "0"},
		{Float(0.1), "0.1"}, {Float(1e300), "1e+300"}, {Float32(0.1), "0.1"}, {Float(float64(float32(0.1))), "0.10000000149011612"},
		{Float32(float32(math.Inf(1))), `"inf"`}, {Float32(math.MaxFloat32), "3.4028235e+38"},
	} {
		if got, err := json.Marshal(c.v); err != nil || string(got) != c.want {
			t.Errorf("%T %v: %s, %v; want %s", c.v, c.v, got, err, c.want)
		}
	}
}

// TestCommittedSchema holds that the schema of the docs is the one of the structs.
func TestCommittedSchema(t *testing.T) {
	text, err := os.ReadFile("../docs/result.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != Schema() {
		t.Error("docs/result.schema.json is not what Schema() makes")
	}
}
