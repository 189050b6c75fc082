package language

import (
	"strings"
	"testing"
)

func TestComplete(t *testing.T) {
	table := testTable(t)
	env := Env{
		Names: Names{Kinds: testKinds(), Known: map[string]string{
			"c": "checkpoint", "w": "layer", "x": "tensor", "y": "product", "e": "diff", "lim": "number"}},
		Aliases: map[string]string{"g": "gemm x w"},
		Paths: func(string) []Candidate {
			return []Candidate{{Text: "samples/"}, {Text: "my file.npy"}}
		},
		Values: func(what string, on []Ref, _ string) []Candidate {
			if what != "layer" || len(on) != 1 || on[0].Name != "c" {
				return nil
			}
			return []Candidate{{Text: "encoder.layer.0.intermediate.dense"}, {Text: "encoder.layer.0.output.dense"}, {Text: "pooler.player.0.out"}}
		},
	}
	for in, want := range map[string]string{ // | is the cursor; result is from-to: candidates
		"ge|":                         "0-2: gemm",
		"y = ge|mm":                   "4-8: gemm",
		"y |= gemm":                   "2-2:",
		"al|":                         "0-2: alias",
		"oa|":                         "0-2: load",
		"gemm |":                      "5-5: x y w.",
		"gemm x |":                    "7-7: w x",
		"gemm x w |":                  "9-9: backend= mode= act= fast=",
		"gemm x w mode=w4a4 |":        "19-19: backend= act= fast=",
		"gemm x w | mode=w4a4":        "9-9: backend= act= fast=",
		"gemm x w ba|":                "9-11: backend=",
		"gemm x w backend=|":          "17-17: ref emu cuda",
		"gemm x w backend=e|":         "17-18: emu ref",
		"gemm x w act=ha|":            "13-15:",
		"gemm x w.|":                  "9-9: codes scale dequant",
		"gemm x w.de|quant":           "9-16: dequant codes",
		"stat w.scale.|":              "13-13: sat",
		"stat w.s|[3]":                "7-8: scale codes",
		"explain e[|":                 "10-10: @max]",
		"explain e[@m|":               "10-12: @max]",
		"explain |":                   "8-8: e",
		"gemm x w fast=|":             "14-14: yes no",
		"load sa|":                    "5-7: samples/",
		"load |":                      `5-5: samples/ "my file.npy"`,
		`load "my f|`:                 `5-10: "my file.npy"`,
		"layer c layer.0.o|utput.den": "8-26: encoder.layer.0.output.dense pooler.player.0.out",
		"layer w |":                   "8-8:",
		"expect |":                    "7-7: lim c. e. w. x.",
		"expect e.ma|":                "9-11: max_abs mismatched",
		"expect e.max_abs < 1e|":      "19-21:",
		"expect e.cos < m|":           "15-16: min( max( lim",
		`expect e.cos < 1, "e|`:       "20-20:",
		"alias q = ge|":               "10-12: gemm",
		"let a = e.c|":                "10-11: cos mismatched",
		"note ge|":                    "7-7:",
		"ls | # comment":              "3-3: c match=",
		"ls # co|":                    "7-7:",
		"nope |":                      "5-5:",
		"|":                           "0-0: load ls layer randn gemm diff map top where explain mma stat pad expect let alias note g",
	} {
		cursor := strings.IndexByte(in, '|')
		got := table.Complete(in[:cursor]+in[cursor+1:], cursor, env)
		var texts []string
		for _, c := range got.Items {
			texts = append(texts, c.Text)
		}
		s := strings.TrimSpace(itoa(got.From) + "-" + itoa(got.To) + ": " + strings.Join(texts, " "))
		if s != want {
			t.Errorf("Complete(%q) = %q, want %q", in, s, want)
		}
	}
}

func itoa(n int) string { return Number(n).String() }

func TestHelpAndMarkdown(t *testing.T) {
	table := testTable(t)
	h, ok := table.Help("gemm")
	if !ok || h.Usage != "[name =] gemm X W [backend=ref|emu|cuda] [mode=w4a16|w4a4] [act=dynamic|static|none|1/weight|VALUE] [fast=yes|no]" {
		t.Errorf("usage %q", h.Usage)
	}
	if h.Args[0].Type != "handle (tensor, product)" || !h.Args[0].Required || h.Keys[0].Default != "emu" {
		t.Errorf("%+v", h)
	}
	if _, ok := table.Help("nope"); ok {
		t.Error("help for an unknown verb")
	}
	for verb, want := range map[string]string{
		"randn": "[name =] randn D… [seed=SEED] [dtype=bf16|fp16|f32] [outliers=OUTLIERS]", "let": "let NAME = EXPR",
		"expect": `expect EXPR [, "why"]`, "top": "top E [N] [by=abs|noise]", "mma": "mma kind=mxf4|bf16 [a=A] [ks=KS,…]",
	} {
		if h, _ := table.Help(verb); h.Usage != want {
			t.Errorf("usage %q, want %q", h.Usage, want)
		}
	}
	md := table.Markdown()
	if md != testTable(t).Markdown() {
		t.Error("Markdown differs between two tables of the same specs")
	}
	for _, v := range table.Verbs() {
		if !strings.Contains(md, "\n### "+v+"\n") {
			t.Errorf("Markdown lacks %s", v)
		}
	}
	if !strings.Contains(md, "| `backend=` | ref\\|emu\\|cuda | who computes; default `emu` |") {
		t.Errorf("Markdown:\n%s", md)
	}
}

// Every rule of the specs, broken once.
func TestNewTableRefuses(t *testing.T) {
	type two struct {
		A string `arg:"A,optional" doc:"d"`
		B string `arg:"B" doc:"d"`
	}
	type both struct {
		A string `arg:"A" key:"a" doc:"d"`
	}
	type undocumented struct {
		A string `arg:"A"`
	}
	type badOption struct {
		A string `arg:"A,huh" doc:"d"`
	}
	type badType struct {
		A float64 `arg:"A" doc:"d"`
	}
	type badEnum struct {
		A int `key:"a" enum:"x" doc:"d"`
	}
	type badDefault struct {
		A string `key:"a" enum:"x" default:"y" doc:"d"`
	}
	type badBool struct {
		A bool `key:"a" default:"yes" doc:"d"`
	}
	type twice struct {
		A string `arg:"a" doc:"d"`
		B string `key:"a" doc:"d"`
	}
	type notLast struct {
		A []int  `arg:"A,variadic" doc:"d"`
		B string `arg:"B" doc:"d"`
	}
	type restKeys struct {
		A Text   `arg:"A,rest" doc:"d"`
		B string `key:"b" doc:"d"`
	}
	type restType struct {
		A string `arg:"A,rest" doc:"d"`
	}
	type kindless struct {
		A string `arg:"A" kind:"x" doc:"d"`
	}
	type badWindow struct {
		A Ref `arg:"A" window:"x" doc:"d"`
	}
	type badMin struct {
		A int `arg:"A" min:"x" doc:"d"`
	}
	type badSlice struct {
		A []int `arg:"A" doc:"d"`
	}
	type refList struct {
		A []Ref `key:"a" doc:"d"`
	}
	type fine struct {
		A string `arg:"A" doc:"d"`
	}
	one := func(v string, f func() any) []Spec { return []Spec{{Verb: v, Group: "g", Summary: "s", New: f}} }
	for want, specs := range map[string][]Spec{
		"follows an optional operand":       one("v", func() any { return &two{} }),
		"one of the tags":                   one("v", func() any { return &both{} }),
		"the tag doc are required":          one("v", func() any { return &undocumented{} }),
		`unknown option "huh"`:              one("v", func() any { return &badOption{} }),
		"type float64 is not supported":     one("v", func() any { return &badType{} }),
		"an enum belongs to a string":       one("v", func() any { return &badEnum{} }),
		"default y of a is not in its enum": one("v", func() any { return &badDefault{} }),
		"must be a *bool":                   one("v", func() any { return &badBool{} }),
		"a twice":                           one("v", func() any { return &twice{} }),
		"must be last":                      one("v", func() any { return &notLast{} }),
		"keys cannot follow A":              one("v", func() any { return &restKeys{} }),
		"the option rest belong together":   one("v", func() any { return &restType{} }),
		"belong to a Ref":                   one("v", func() any { return &kindless{} }),
		`unknown window "x"`:                one("v", func() any { return &badWindow{} }),
		"bad tag min":                       one("v", func() any { return &badMin{} }),
		"the option variadic":               one("v", func() any { return &badSlice{} }),
		"a list of handles":                 one("v", func() any { return &refList{} }),
		"a verb is a lower-case word":       one("V", func() any { return &fine{} }),
		"are required":                      {{Verb: "v"}},
		"pointer to a struct":               one("v", func() any { return fine{} }),
		"a zero struct":                     one("v", func() any { return &fine{A: "x"} }),
		"listed twice":                      append(one("v", func() any { return &fine{} }), one("v", func() any { return &loadCmd{} })...),
		"shares its struct with v":          append(one("v", func() any { return &fine{} }), one("w", func() any { return &fine{} })...),
		"b in Enums is no field":            {{Verb: "v", Group: "g", Summary: "s", New: func() any { return &fine{} }, Enums: map[string][]string{"b": nil}}},
		`example "v"`:                       {{Verb: "v", Group: "g", Summary: "s", New: func() any { return &fine{} }, Examples: []string{"v"}}},
		`example "v  x" is written "v x"`:   {{Verb: "v", Group: "g", Summary: "s", New: func() any { return &fine{} }, Examples: []string{"v  x"}}},
	} {
		if _, err := NewTable(specs); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("NewTable: %v, want %q", err, want)
		}
	}
}

func TestFormatOfForeignCommands(t *testing.T) {
	table := testTable(t)
	for _, cmd := range []any{nil, 3, (*loadCmd)(nil), &struct{}{}} {
		if s := table.Format(Line{Cmd: cmd}); s != "" {
			t.Errorf("Format(%v) = %q", cmd, s)
		}
	}
}
