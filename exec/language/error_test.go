package language

import (
	"errors"
	"strings"
	"testing"
)

// Every mistake: its text with column and cure.
func TestParseErrors(t *testing.T) {
	table := testTable(t)
	for in, want := range map[string]string{
		"":                                       "column 1: no command",
		"# only":                                 "column 1: no command",
		"gemm x w backend=emmu":                  `column 18: unknown backend "emmu"; did you mean emu?`,
		"gemm x w bakend=emu":                    `column 10: unknown key "bakend" of gemm; did you mean backend?`,
		"gem x w":                                `column 1: unknown command "gem"; did you mean gemm?`,
		"gemm x":                                 "column 7: gemm needs W: weights [N,K]; usage: [name =] gemm X W [backend=ref|emu|cuda] [mode=w4a16|w4a4] [act=dynamic|static|none|1/weight|VALUE] [fast=yes|no]",
		"gemm x w emu":                           `column 10: "emu" is one operand too many for gemm; did you mean backend=emu?`,
		"gemm x w mode=w4a4 mode=w4a16":          "column 20: mode= is given twice",
		"gemm x w act=fast":                      `column 14: unknown act "fast"; known: dynamic, static, none, 1/weight or a number`,
		`gemm "x" w`:                             "column 6: X is a handle; leave the quotes out",
		"gemm 3 w":                               "column 6: a handle is expected here",
		"gemm x. w":                              "column 8: an attribute is expected after the dot",
		"gemm x[1 w":                             "column 7: [ is not closed",
		"gemm x[] w":                             "column 8: an index is expected here; a window is like [4], [0:128], [:,4] or [@max]",
		"gemm x[a] w":                            "column 8: an index is expected here; a window is like [4], [0:128], [:,4] or [@max]",
		"gemm x[-1] w":                           "column 8: an index cannot be negative; use [@max] or count from 0",
		"gemm x[5:5] w":                          "column 8: window 5:5 is empty; the upper end is excluded",
		"gemm x[99999999999999999999] w":         "column 8: index 99999999999999999999 is too large",
		"gemm x[@mox] w":                         "column 8: unknown position @mox; did you mean max?",
		"gemm x[1;2] w":                          `column 9: ";" in a window; a window is like [4], [0:128], [:,4] or [@max]`,
		"gemm x[1]y w":                           `column 10: "y" after the handle`,
		"x = ls":                                 "column 1: ls makes no handle; drop x =",
		"and = load a":                           "column 1: and is a word of expressions and cannot name a handle",
		"x = ":                                   "column 5: a command is expected after x =",
		"2x = load a":                            `column 1: "2x" is not a command; a line is: name = verb operands key=value`,
		`load "a`:                                "column 6: the string is not closed",
		`load "a\q"`:                             `column 6: a bad escape in the string; known: \" \\ \n \t \r \xNN \uNNNN`,
		`load "a"b`:                              "column 9: a space is missing after the string",
		`load a"b`:                               "column 7: a quote inside a word; quote the whole word",
		`load ""`:                                `column 6: PATH: "" is not a path`,
		"load a\x00b":                            `column 7: character U+0000 cannot be seen; inside a string write it as an escape`,
		"load a\x1b[31m":                         `column 7: character U+001B cannot be seen; inside a string write it as an escape`,
		"load a\u202eb":                          `column 7: character U+202E cannot be seen; inside a string write it as an escape`,
		"load é\xff":                             "column 7: byte 0xff is not UTF-8",
		"load a\nls":                             `column 7: a line break inside a command; end the line in \ to continue it`,
		"load a\u00a0b":                          "column 7: a no-break space; use a plain space",
		`load a \`:                               `column 8: the line ends in \ and nothing follows`,
		"ls match=":                              "column 10: match is empty",
		"ls x y":                                 `column 6: "y" is one operand too many for ls; usage: ls [C] [match=MATCH]`,
		"randn 0":                                "column 7: D is 0; at least 1 is needed",
		"randn x":                                `column 7: D is a whole number, not "x"`,
		"randn 010_0":                            `column 7: D is a whole number, not "010_0"`,
		"randn":                                  "column 6: randn needs D: dimensions; the last one is K; usage: [name =] randn D… [seed=SEED] [dtype=bf16|fp16|f32] [outliers=OUTLIERS]",
		"randn 4 seed=-1":                        `column 14: seed is a whole number of at most 64 bits, not "-1"`,
		"randn 4 outliers=3":                     `column 18: outliers: "3" is not COUNT@FACTOR, like 3@20`,
		"randn 4 outliers=3@nan":                 `column 18: outliers: "3@nan" is not COUNT@FACTOR, like 3@20`,
		"top e 2000":                             "column 7: N is 2000; 1 to 1000 is allowed",
		"gemm x w fast=on":                       `column 15: fast is yes or no, not "on"`,
		"map e size=48":                          `column 12: size: "48" is not a size like 48x16`,
		"where e >> 3":                           `column 9: OP: ">>" is not a comparison (> >= < <= == !=)`,
		"where e > 0x1p3":                        `column 11: BOUND: "0x1p3" is not a number`,
		"explain e":                              "column 9: E needs one element; write e[row,column] or e[@max]",
		"explain e[1,:]":                         "column 9: E needs one element; write e[row,column] or e[@max]",
		"layer c[1] x":                           "column 7: C takes no window",
		"mma a=0f":                               "column 9: mma needs kind=: instruction",
		"mma kind=mxf4 a=0g":                     `column 17: a: "0g" is not a string of hex digits`,
		"note":                                   "column 5: note needs TEXT; usage: note TEXT",
		`note "a" b`:                             "column 9: text after the string; quote all of it",
		"let 1":                                  `column 5: let needs NAME = …; usage: let NAME = EXPR`,
		"let max = 1":                            "column 5: max is a word of expressions and cannot name a handle",
		"let a = e.x < 1":                        "column 13: this is a comparison, not a value",
		"alias load = ls":                        "column 7: load is a command and cannot be an alias",
		"alias a = a x":                          "column 11: alias a means itself",
		"alias a = y = gemm x w":                 "column 11: an alias cannot bind a handle; write name = a",
		"alias a = ls # c":                       "column 11: an alias cannot hold a comment",
		"expect e.max_abs":                       "column 8: this is a value, not a comparison; compare it, as in e.max_abs < 1e-3",
		"expect e.a < 1 and e.b":                 "column 20: and joins comparisons; this is a value; compare it, as in e.max_abs < 1e-3",
		"expect (e.a < 1) + 1 < 2":               "column 13: + takes values; this is a comparison",
		"expect 0 < e.a < 1":                     "column 16: comparisons do not chain; write a < b and b < c",
		"expect e.a = 1":                         "column 12: = does not compare; use ==",
		"expect e.a < ":                          "column 14: the expression ends here; a value is expected",
		"expect (e.a < 1":                        "column 8: ( is not closed",
		"expect e.a < 1)":                        `column 15: ")" where an operator is expected`,
		"expect e.a < 1 x":                       `column 16: "x" where an operator is expected`,
		"expect e.a < 1, why":                    "column 17: a reason in double quotes is expected after the comma",
		"expect e.a < 1.2.3":                     `column 14: "1.2.3" is not a number`,
		"expect e.a < 1e999":                     `column 14: "1e999" is not a number`,
		"expect e.a < foo(1)":                    `column 14: unknown function "foo"; known: abs, min, max`,
		"expect e.a < abs(1,2)":                  "column 17: 2 arguments; 1 to 1 are expected",
		"expect e.a < min(e.b < 1, 2)":           "column 22: an argument is a number",
		`expect e.a < "x"`:                       "column 14: < takes numbers; this is a text",
		"expect not e.a":                         "column 12: not joins comparisons; this is a value; compare it, as in e.max_abs < 1e-3",
		"expect 1 == not e.a":                    "column 13: not cannot stand here; put it in parentheses",
		"expect e.a < ?":                         `column 14: "?" where a value is expected`,
		"expect 2**3 < 1":                        `column 10: "*" where a value is expected`,
		"expect 7//2 < 1":                        `column 10: "/" where a value is expected`,
		"expect 1 <> 2":                          `column 11: ">" where a value is expected`,
		"expect 7%2 < 1":                         `column 9: "%" where an operator is expected`,
		"expect e.a < 1 if e.b else 2":           `column 16: "if" where an operator is expected`,
		"expect e.a in e.b":                      `column 12: "in" where an operator is expected`,
		"expect e.a not in e.b":                  `column 12: "not" where an operator is expected`,
		"expect lambda x: x < 1":                 `column 16: ":" where an operator is expected`,
		"expect [x for x in e] == 1":             `column 8: "[" where a value is expected`,
		"expect {1: 2} == 1":                     `column 8: "{" where a value is expected`,
		`expect b"x" == w.format`:                `column 9: "\"" where an operator is expected`,
		`expect 'x' == w.format`:                 `column 8: "'" where a value is expected`,
		`expect w.format == "a""b"`:              `column 23: "\"" where an operator is expected`,
		`expect w.format == """b"""`:             `column 22: "\"" where an operator is expected`,
		`expect w.format == "`:                   `column 20: the string is not closed`,
		`expect w.format == "\q"`:                `column 20: a bad escape in the string; known: \" \\ \n \t \r \xNN \uNNNN`,
		"expect (1, 2) == 3":                     "column 9: one value is expected here",
		"expect () == 3":                         "column 8: one value is expected here",
		"expect min(*e.a, 2) == 3":               "column 12: one value is expected here",
		"expect min(a=1, 2) == 3":                `column 13: = does not compare; use ==`,
		"expect e.a(1)(2) == 3":                  `column 14: "(" where an operator is expected`,
		"expect e.a[1](2) == 3":                  `column 14: "(" where an operator is expected`,
		"expect (e.a)(2) == 3":                   `column 13: "(" where an operator is expected`,
		"expect 1_000 < 2":                       `column 8: "1_000" is not a number`,
		"expect 0x10 < 2":                        `column 8: "0x10" is not a number`,
		"expect é < 2":                           `column 8: "é" where a value is expected`,
		`expect "é" == w.format == 1`:            `column 24: comparisons do not chain; write a < b and b == c`,
		"expect 1 < 2 <= e.a # c":                `column 14: comparisons do not chain; write a < b and b <= c`,
		"expect (1 < 2 e.a)":                     `column 15: "e" where an operator is expected`,
		"expect (1 < 2 # )":                      "column 8: ( is not closed",
		"expect min(1, # )":                      "column 15: the expression ends here; a value is expected",
		`expect 1 < 2, "a", "b"`:                 `column 18: "," where an operator is expected`,
		`expect 1 < 2, "a" + "b"`:                `column 15: + takes numbers; this is a text`,
		`expect 1 < 2,`:                          "column 14: a reason in double quotes is expected after the comma",
		`expect , "a"`:                           `column 8: "," where a value is expected`,
		"let a = 1, 2":                           `column 10: "," where an operator is expected`,
		"expect 1 < 2 \\ 3":                      `column 14: "\\" where an operator is expected`,
		"load " + strings.Repeat("a", MaxLine):   "column 1: the command has 65541 bytes; at most 65536 are read",
		"expect " + strings.Repeat("(", 100):     "column 72: the expression nests deeper than 64",
		"expect 1 < " + strings.Repeat("-(", 64): "column 140: the expression ends here; a value is expected",
		"expect 1 < " + strings.Repeat("-", 1000):        "column 1000: the expression nests too deep",
		"expect 1 < " + strings.Repeat("----(", 64):      "column 304: the expression nests too deep",
		"expect " + strings.Repeat("not ", 2000):         "column 3996: the expression nests too deep",
		"load " + strings.Repeat("[", 100):               "column 70: brackets nest deeper than 64",
		"expect 1" + strings.Repeat("+1", 2000) + " < 1": "column 2008: the expression has more than 2000 words and operators",
	} {
		_, err := table.Parse(in)
		if err == nil {
			t.Errorf("Parse(%.60q) succeeded, want %q", in, want)
			continue
		}
		if err.Error() != want {
			t.Errorf("Parse(%.60q):\n got %s\nwant %s", in, err, want)
		}
		if !errors.Is(err, ErrUsage) {
			t.Errorf("Parse(%.60q): not ErrUsage", in)
		}
	}
}

func TestErrorPlaces(t *testing.T) {
	table := testTable(t)
	_, errs := table.ParseProgram("a.fp4", "c = load x\r\n\n# note\ny = gemm a \\\r\n   b backend=emmu\n  lss\n# c \\\nls\nls \\\n# a \\\nls\nrandn 4\n")
	want := []string{
		`a.fp4:5:14: unknown backend "emmu"; did you mean emu?`,
		`a.fp4:6:3: unknown command "lss"; did you mean ls?`,
		`a.fp4:10:1: a comment cannot be continued; drop the \ at its end`,
		`a.fp4:12:8: randn needs seed=: of the generator (required in files)`,
	}
	var got []string
	for _, e := range errs {
		got = append(got, e.Error())
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if s := errs[0].Source; s != "   b backend=emmu" {
		t.Errorf("source %q", s)
	}
}

func TestCaret(t *testing.T) {
	for _, c := range []struct {
		e    Error
		want string
	}{
		{Error{Col: 18, Source: "gemm x w backend=emmu"}, "gemm x w backend=emmu\n                 ^"},
		{Error{Col: 4, Source: "\té層x"}, "\té層x\n\t   ^"},
		{Error{Col: 3, Source: "a\x1bb"}, "a\\x1bb\n     ^"},
		{Error{Col: 99, Source: "ab"}, "ab\n  ^"},
		{Error{Col: 151, Source: strings.Repeat("a", 150) + "b" + strings.Repeat("c", 150)},
			strings.Repeat("a", 50) + "b" + strings.Repeat("c", 49) + "\n" + strings.Repeat(" ", 50) + "^"},
	} {
		if got := c.e.Caret(); got != c.want {
			t.Errorf("Caret of column %d:\n%s\nwant\n%s", c.e.Col, got, c.want)
		}
	}
}

func TestClosest(t *testing.T) {
	words := []string{"load", "ls", "layer", "gemm", "diff", "expect"}
	for in, want := range map[string]string{
		"laod": "load", "exepct": "expect", "GEMM": "gemm", "l": "", "zzz": "", "difff": "diff", "lyer": "layer",
	} {
		if got := Closest(in, words); got != want {
			t.Errorf("Closest(%q) = %q, want %q", in, got, want)
		}
	}
}
