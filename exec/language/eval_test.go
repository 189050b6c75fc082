package language

import (
	"errors"
	"math"
	"testing"
)

var errNone = errors.New("no such number")

// numbers answers the references of the tests below.
func numbers(ref Ref, args []float64) (Value, error) {
	switch ref.String() {
	case "e.max_abs":
		return Value{Num: 0.4375}, nil
	case "e.cos":
		return Value{Num: 0.5}, nil
	case "e.nan":
		return Value{Num: math.NaN()}, nil
	case "e.mismatched":
		if len(args) == 2 {
			return Value{Num: args[0] + 10*args[1]}, nil
		}
		return Value{Num: 7}, nil
	case "e[48,994]":
		return Value{Num: -2}, nil
	case "e[@max]":
		return Value{Num: -3}, nil
	case "w.format":
		return Value{Text: "nvfp4", IsText: true}, nil
	}
	return Value{}, errNone
}

func TestEval(t *testing.T) {
	for in, want := range map[string]bool{
		"e.max_abs < 1e-3":                         false,
		"e.max_abs < 1":                            true,
		"e.max_abs < 1 and e.cos >= 0.5":           true,
		"e.max_abs < 1 and not e.cos >= 0.5":       false,
		"e.max_abs > 1 or e.cos == 0.5":            true,
		"not (e.max_abs > 1 or e.cos > 1)":         true,
		"e.nan < 1":                                false,
		"e.nan >= 1":                               false,
		"e.nan == nan":                             false,
		"e.nan != 1":                               true,
		"e.nan != e.nan":                           true,
		"max(1, e.nan) > 0":                        false,
		"min(inf, e.nan) < inf":                    false,
		"not e.nan < 1":                            true,
		"abs(e[48,994]) == 2":                      true,
		"min(e[48,994], e[@max], 5) == -3":         true,
		"max(1, 2, 3) == 3":                        true,
		"e.mismatched(1, 2) == 21":                 true,
		"e.mismatched == 7":                        true,
		`w.format == "nvfp4"`:                      true,
		`w.format != "nvfp4"`:                      false,
		`"nvfp4" == w.format`:                      true,
		"1 + 2 * 3 == 7":                           true,
		"(1 + 2) * 3 == 9":                         true,
		"-2 * 2 == -4":                             true,
		"- 2 - - 2 == +0":                          true,
		`"\xff(" != w.format and 010 == 1e1`:       true,
		"99999999999999999999999 == 1e23":          true,
		"7 - 2 - 1 == 4":                           true,
		"8 / 4 / 2 == 1":                           true,
		"1 / 0 == inf":                             true,
		"0 / 0 == 0":                               false,
		"-1 / 0 == -inf":                           true,
		"1e308 * 10 == inf":                        true,
		"1 < 2 or 1 < 2 and 2 < 1":                 true,
		"not 1 < 2 and 2 < 1 or 1 == 1":            true,
		"1 - -1 == 2":                              true,
		"0.1 + 0.2 != 0.3":                         true,
		"e.max_abs <= 0.4375 and 0.4375 >= e.cos ": false,
	} {
		e, err := ParseExpr(in)
		if err != nil {
			t.Errorf("ParseExpr(%q): %v", in, err)
			continue
		}
		v, err := e.Eval(numbers)
		if err != nil || v.OK != want {
			t.Errorf("%q = %v, %v; want %v", in, v.OK, err, want)
		}
	}
}

func TestTerms(t *testing.T) {
	e, err := ParseExpr(`1e-3 > e.max_abs and e.cos > 0.9 and not e.mismatched == 7 and e.max_abs <= 0`)
	if err != nil {
		t.Fatal(err)
	}
	v, err := e.Eval(numbers)
	if err != nil || v.OK || len(v.Terms) != 4 {
		t.Fatalf("%+v %v", v, err)
	}
	a, b, c, d := v.Terms[0], v.Terms[1], v.Terms[2], v.Terms[3]
	if a.Text != "0.001 > e.max_abs" || a.Name != "e.max_abs" || a.Op != Less || a.Actual.Num != 0.4375 || a.Bound.Num != 0.001 || a.OK {
		t.Errorf("first term %+v", a)
	}
	if a.Margin != 437.5 || !(0.4375 < a.Passing) || a.Passing > 0.43750001 {
		t.Errorf("margin %v, passing %v", a.Margin, a.Passing)
	}
	if b.Margin != 1.8 || !(0.5 > b.Passing) || b.OK {
		t.Errorf("second term %+v", b)
	}
	if !c.Negate || c.OK || !math.IsNaN(c.Margin) || !math.IsNaN(c.Passing) {
		t.Errorf("third term %+v", c)
	}
	if !math.IsInf(d.Margin, 1) || d.Passing != 0.4375 {
		t.Errorf("fourth term %+v", d)
	}
}

func TestEvalErrors(t *testing.T) {
	for in, want := range map[string]string{
		"e.zip < 1":                `e.zip: no such number`,
		"w.format < 1":             "column 10: a text and a number do not compare",
		"w.format + 1 < 1":         "column 1: w.format is a text, not a number",
		"w.format < w.format":      "column 10: < takes numbers; these are texts",
		"1 < 2 and e.zip < 1":      `e.zip: no such number`,
		"e.mismatched(w.format)<1": "column 14: w.format is a text, not a number",
	} {
		e, err := ParseExpr(in)
		if err != nil {
			t.Errorf("ParseExpr(%q): %v", in, err)
			continue
		}
		_, err = e.Eval(numbers)
		if err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", in, err, want)
		}
		if in == "e.zip < 1" && !errors.Is(err, errNone) {
			t.Errorf("%v does not wrap the lookup's error", err)
		}
	}
}

func TestLetValue(t *testing.T) {
	table := testTable(t)
	l, err := table.Parse("let k = 2 * e.max_abs + abs(e[48,994])")
	if err != nil {
		t.Fatal(err)
	}
	v, err := l.Cmd.(*letCmd).Assign.Value.Value(numbers)
	if err != nil || v.Num != 2.875 {
		t.Errorf("%v %v", v, err)
	}
}
