package language

import (
	"reflect"
	"testing"
)

// canonical: each line on the left is read and written as on the right.
func TestFormatIsCanonical(t *testing.T) {
	table := testTable(t)
	for in, want := range map[string]string{
		"c=load   a.safetensors  # the file": "c = load a.safetensors",
		`load "my file.npy"`:                 `load "my file.npy"`,
		`load "plain.npy"`:                   "load plain.npy",
		`load "a=b"`:                         `load "a=b"`,
		`load ./a#b`:                         "load ./a#b",
		`load "#x"`:                          `load "#x"`,
		`load "=x"`:                          `load "=x"`,
		`load "a\tb"`:                        `load "a\tb"`,
		"ls":                                 "ls",
		"ls match=layers.[0-9]*.q_proj c":    "ls c match=layers.[0-9]*.q_proj",
		"ls match=[a b]*":                    "ls match=[a b]*",
		"x = randn 128 \\\n  384 seed=0x10":  "x = randn 128 384 seed=16",
		"x = randn 128 \\  \n384 seed=0":     "x = randn 128 384 seed=0",
		"y = gemm x[0:128, 4] w backend=cuda act=1e-3": "y = gemm x[0:128,4] w backend=cuda act=0.001",
		"gemm w=x":                                  "",
		"gemm x w act=1/weight fast=no":             "gemm x w act=1/weight fast=no",
		"gemm x w act=nan":                          "gemm x w act=nan",
		"stat w.scale":                              "stat w.scale",
		"stat t[ : , 5: , :7 , 0:3 ]":               "stat t[:,5:,0:7,0:3]",
		"stat t[ @max ]":                            "stat t[@max]",
		"map e agg=mean size=48x16":                 "map e size=48x16 agg=mean",
		"where e >= 1e6":                            "where e >= 1000000",
		"where e == -0":                             "where e == -0",
		"where e != 1.5e-7":                         "where e != 1.5e-07",
		"mma kind=mxf4 a=0FaB ks=1,2,3":             "mma kind=mxf4 a=0fab ks=1,2,3",
		"pad w tol=0 layout=128x4":                  "pad w layout=128x4 tol=0",
		"note  see #12: it is fixed  ":              "note see #12: it is fixed",
		`note "  two  lines\n"`:                     `note "  two  lines\n"`,
		`note "plain"`:                              "note plain",
		`note say "hi"`:                             `note say "hi"`,
		"alias g = gemm x w":                        "alias g = gemm x w",
		"let bound = 2*(e.max_abs+1)":               "let bound = 2 * (e.max_abs + 1)",
		`expect e.cos>=0.9999 and(e.nan==0),"why"`:  `expect e.cos >= 0.9999 and e.nan == 0, "why"`,
		"expect not (e.nan != 0 or e.inf != 0) # c": "expect not (e.nan != 0 or e.inf != 0)",
		"expect e[48, 994] < 1e-3":                  "expect e[48,994] < 0.001",
		"expect abs (e[ @max ]) < 2*-(3*2)":         "expect abs(e[@max]) < 2 * -(3 * 2)",
		"expect 2/(3/2) == ((-2)/2) - (1 - 2)":      "expect 2 / (3 / 2) == -2 / 2 - (1 - 2)",
		"expect w.global[0:4, 2] < in.lambda":       "expect w.global[0:4,2] < in.lambda",
		`expect "é\t" == (w.format) , "\xff" `:      `expect "é\t" == w.format, "\xff"`,
		`expect not.5 < 1 and"x"!= w.format`:        `expect not 0.5 < 1 and "x" != w.format`,
		"expect e.mismatched (1, 2) < 1":            "expect e.mismatched(1, 2) < 1",
		"expect not 1 == 2 and not(not(1 < 2))":     "expect not 1 == 2 and not not 1 < 2",
		"expect e.mismatched(1e-3,1e-3) <= 4":       "expect e.mismatched(0.001, 0.001) <= 4",
		`expect w.format == "nvfp4"`:                `expect w.format == "nvfp4"`,
		"expect +e.x > --1":                         "expect e.x > --1",
	} {
		l, err := table.Parse(in)
		if want == "" {
			if err == nil {
				t.Errorf("Parse(%q) = %q, want an error", in, table.Format(l))
			}
			continue
		}
		if err != nil {
			t.Errorf("Parse(%q): %v", in, err)
			continue
		}
		got := table.Format(l)
		if got != want {
			t.Errorf("Format(Parse(%q)) = %q, want %q", in, got, want)
		}
		again, err := table.Parse(got)
		if err != nil {
			t.Errorf("Parse(%q): %v", got, err)
		} else if !same(again, l) {
			t.Errorf("Parse(%q) = %+v, want %+v", got, again.Cmd, l.Cmd)
		}
	}
}

// same compares the parts of two lines that make the command.
func same(a, b Line) bool {
	return a.Name == b.Name && a.Verb == b.Verb && reflect.DeepEqual(a.Cmd, b.Cmd)
}

func TestParseFillsStructs(t *testing.T) {
	table := testTable(t)
	seed := uint64(7)
	no := false
	for in, want := range map[string]any{
		"c = load a.npy":             &loadCmd{Path: "a.npy"},
		"ls c":                       &lsCmd{C: &Ref{Name: "c"}},
		"x = randn 4 8 seed=7":       &randnCmd{Dims: []int{4, 8}, Seed: &seed},
		"gemm x w.dequant fast=no":   &gemmCmd{X: Ref{Name: "x"}, W: Ref{Name: "w", Attrs: []string{"dequant"}}, Fast: &no},
		"top e":                      &topCmd{E: Ref{Name: "e"}},
		"top e 5 by=noise":           &topCmd{E: Ref{Name: "e"}, N: 5, By: "noise"},
		"where e < 2":                &whereCmd{E: Ref{Name: "e"}, Op: Less, Bound: 2},
		"explain e[3,4]":             &explainCmd{E: Ref{Name: "e", Window: []Slice{At1(3), At1(4)}}},
		"explain e[@max]":            &explainCmd{E: Ref{Name: "e", At: "max"}},
		"stat t[2:,:]":               &statCmd{X: Ref{Name: "t", Window: []Slice{{2, Open, false}, {0, Open, false}}}},
		"randn 1 outliers=3@20":      &randnCmd{Dims: []int{1}, Outliers: Outliers{3, 20}},
		"let a = 1":                  &letCmd{Assign: Assign{Name: "a", Value: Expr{Text: "1"}}},
		"alias g = gemm x w":         &aliasCmd{Macro: Macro{Name: "g", Text: "gemm x w"}},
		`expect 1 < 2, "because \""`: &expectCmd{Expr: Expr{Text: "1 < 2", Why: `because "`}},
	} {
		l, err := table.Parse(in)
		if err != nil {
			t.Errorf("Parse(%q): %v", in, err)
		} else if !reflect.DeepEqual(l.Cmd, want) {
			t.Errorf("Parse(%q) = %+v, want %+v", in, l.Cmd, want)
		}
	}
}
