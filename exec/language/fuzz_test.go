package language

import (
	"math"
	"testing"
)

// FuzzParse holds the law: what Parse accepts, Format writes so that it reads as the
// same command, in a form that does not change again. Check, Refs and Complete must
// survive whatever Parse does.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"c = load a.npy", `ls match="a b" c`, "x = randn 1 2 seed=0x7 outliers=3@-1e3 # c", "gemm x[0:3, :] w.dequant act=nan fast=no",
		"map e size=4x4", "where e >= -0.0", "explain e[@max]", "mma kind=bf16 a=0F ks=1,2", `expect not (e.a<1 or 2*-x.y[1] == 3), "w"`,
		"let a = -(1 - 2) * max(b, c.d(1,2))", `alias g = "gemm x w"`, "g = g", `note "a\n"`, "note # x", "pad w tol=inf layout=#", "ls \\\n match=x",
	} {
		f.Add(s)
	}
	table := testTable(f)
	aliases := map[string]string{"g": "gemm x w", "h": " h2 a", "h2": `note "`}
	f.Fuzz(func(t *testing.T, s string) {
		table.Complete(s, len(s)/2, Env{Names: Names{Known: map[string]string{"e": "diff", "x": ""}, Kinds: testKinds()}, Aliases: aliases})
		_, errs := table.ParseProgram("f", s)
		for _, e := range errs {
			_ = e.Error() + e.Caret()
		}
		l, err := table.ParseAliased(s, aliases)
		if err != nil {
			return
		}
		table.Check(Program{Lines: []Line{l}}, Names{Kinds: testKinds()})
		text := table.Format(l)
		again, err := table.Parse(text)
		if err != nil {
			t.Fatalf("%q is written %q: %v", s, text, err)
		}
		if twice := table.Format(again); twice != text {
			t.Fatalf("%q is written %q, then %q", s, text, twice)
		}
		if again.Name != l.Name || again.Verb != l.Verb || !same(again, l) && !hasNaN(l) {
			t.Fatalf("%q is read back as %+v, was %+v", text, again.Cmd, l.Cmd)
		}
	})
}

// hasNaN excuses the only commands that do not equal themselves.
func hasNaN(l Line) bool {
	switch c := l.Cmd.(type) {
	case *whereCmd:
		return math.IsNaN(float64(c.Bound))
	case *padCmd:
		return c.Tol != nil && math.IsNaN(float64(*c.Tol))
	}
	return false
}

// FuzzExpr: an expression that parses is written so that it means the same.
func FuzzExpr(f *testing.F) {
	for _, s := range []string{
		"e.max_abs < 1e-3 and e.cos >= 0.9999", "not not 1 == 2 or 3 > -4 * -5", `w.format == "a\x00"`, "e[48,994] - (1 - 2) < 2 / (3 / 4)",
		"max(1, min(2, abs(-3))) != e.mismatched(1e-3, 1)", "e[@max] <= inf",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e, err := ParseExpr(s)
		if err != nil {
			return
		}
		again, err := ParseExpr(e.String())
		if err != nil || again != e {
			t.Fatalf("%q is written %q, read as %+v, %v", s, e, again, err)
		}
		v, err1 := e.Eval(numbers)
		w, err2 := again.Eval(numbers)
		if v.OK != w.OK || (err1 == nil) != (err2 == nil) || len(v.Terms) != len(w.Terms) {
			t.Fatalf("%q: %v %v, %v %v", s, v, err1, w, err2)
		}
	})
}
