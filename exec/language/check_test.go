package language

import (
	"strings"
	"testing"
)

func testKinds() map[string][]Attr {
	return map[string][]Attr{
		"checkpoint": {{Name: "layers", Kind: "number"}},
		"layer": {{Name: "codes", Kind: "tensor"}, {Name: "scale", Kind: "tensor"}, {Name: "format", Kind: "text"},
			{Name: "global", Kind: "number"}, {Name: "dequant", Kind: "tensor"}},
		"tensor":  {{Name: "sat", Kind: "number"}},
		"product": {},
		"diff": {{Name: "max_abs", Kind: "number", Doc: "largest error"}, {Name: "cos", Kind: "number"},
			{Name: "mismatched", Kind: "number", Params: []string{"atol", "rtol"}}},
	}
}

func TestCheck(t *testing.T) {
	table := testTable(t)
	const opening = "c = load a\nw = layer c b\nx = randn 4 8 seed=1\ny = gemm x w\ne = diff y x\nlet k = 3\n"
	for in, want := range map[string]string{
		"gemm x w":                "",
		"gemm x w.dequant":        "",
		"gemm c w":                "", // load gives a checkpoint or a tensor
		"gemm old w":              "",
		"stat w.scale[0:4,2]":     "",
		"expect w.scale.sat < 20": "",
		"expect e.max_abs < k and e[3,4] > e[@max]": "",
		"expect e.mismatched(1e-3, 1e-3) == 0":      "",
		`expect w.format == "nvfp4"`:                "",
		"gemm w w":                                  "7:6: w is a layer; X takes a product or tensor",
		"gemm z w":                                  `7:6: no handle "z"; known: c, e, k, old, w, x, y`,
		"gemm x w.scal":                             `7:10: a layer has no attribute "scal"; did you mean scale?`,
		"diff y.cos x":                              `7:8: a product has no attribute "cos"`,
		"stat w.scale.max":                          `7:14: a tensor has no attribute "max"; known: sat`,
		"expect e < 1":                              "7:8: e is a diff, not a number; read one, as in e.max_abs, e.cos, e.mismatched",
		"expect e[1,:] < 1":                         "7:8: e[1,:] picks many elements; a check compares one number",
		"expect e.cos[1] < 1":                       "7:8: e.cos is one value and has no window",
		"expect e.cos(1) < 1":                       "7:10: cos is not called; drop the parentheses",
		"expect e.mismatched(1) < 1":                "7:10: mismatched takes 2 numbers, not 1; mismatched(atol, rtol)",
		"expect 1 < 2 and ee.cos < 1":               `7:18: no handle "ee"; did you mean e?`,
		"top w":                                     "7:5: w is a layer; E takes a diff",
	} {
		p, errs := table.ParseProgram("f", opening+in)
		if errs != nil {
			t.Errorf("%q: %v", in, errs)
			continue
		}
		var got []string
		for _, e := range table.Check(p, Names{Known: map[string]string{"old": ""}, Kinds: testKinds()}) {
			got = append(got, strings.TrimPrefix(e.Error(), "f:"))
		}
		if s := strings.Join(got, "\n"); s != want {
			t.Errorf("Check(%q) = %q, want %q", in, s, want)
		}
	}
}

// TestCheckInstead: a kind that does not fit has the way out of its row, and of no other.
func TestCheckInstead(t *testing.T) {
	table := testTable(t)
	n := Names{Known: map[string]string{"w": "layer", "c": "checkpoint"}, Instead: []Instead{{"layer", "tensor", "run it"}, {"layer", "diff", "diff it"}, {"checkpoint", "tensor", "open it"}}}
	for line, want := range map[string]string{
		"top w":    "column 5: w is a layer; E takes a diff; diff it",
		"gemm w w": "column 6: w is a layer; X takes a product or tensor; run it",
		"top c":    "column 5: c is a checkpoint; E takes a diff",
	} {
		l, err := table.Parse(line)
		if err != nil {
			t.Fatal(err)
		}
		errs := table.Check(Program{Lines: []Line{l}}, n)
		if len(errs) != 1 || errs[0].Error() != want {
			t.Errorf("%s: %v, want %s", line, errs, want)
		}
	}
}

// A line that was built, not read, is checked in its canonical form.
func TestCheckBuiltLine(t *testing.T) {
	table := testTable(t)
	p := Program{Lines: []Line{{Verb: "top", Cmd: &topCmd{E: Ref{Name: "nope"}}, Pos: Pos{File: "s", Line: 3}}}}
	errs := table.Check(p, Names{})
	if len(errs) != 1 || errs[0].Error() != `s:3:5: no handle "nope"; bind one first, as in nope = load PATH` {
		t.Errorf("got %v", errs)
	}
}

func TestAliases(t *testing.T) {
	table := testTable(t)
	p, errs := table.ParseProgram("f", "alias g = gemm x\nalias gg = g w backend=emu\ny = gg mode=w4a4\nz = g v moode=w4a4\nalias l1 = l2\nalias l2 = l1\nl1\n")
	if len(p.Lines) != 5 || table.Format(p.Lines[2]) != "y = gemm x w backend=emu mode=w4a4" {
		t.Fatalf("lines %+v", p.Lines)
	}
	want := []string{`f:4:9: unknown key "moode" of gemm; did you mean mode?`, "f:7:1: alias l1 does not end"}
	for i, e := range errs {
		if i >= len(want) || e.Error() != want[i] {
			t.Errorf("error %d: %v", i, e)
		}
	}
	if len(errs) != len(want) {
		t.Errorf("%d errors", len(errs))
	}
	// A reference that the alias holds is blamed on the alias's name.
	check := table.Check(Program{Lines: p.Lines[2:3]}, Names{Known: map[string]string{"w": "layer"}})
	if len(check) != 1 || check[0].Col != 5 {
		t.Errorf("check %v", check)
	}
}

func TestRefs(t *testing.T) {
	table := testTable(t)
	l, err := table.Parse("expect e.cos > w.scale[3,4] and e.mismatched(k, 1) == 0")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range table.Refs(l) {
		got = append(got, r.String())
	}
	if s := strings.Join(got, " "); s != "e.cos w.scale[3,4] e.mismatched k" {
		t.Errorf("Refs = %s", s)
	}
}
