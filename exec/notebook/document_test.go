package notebook

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// sample has one of everything.
const sample = `---
fp4tui: 1
inputs:
  W: {path: testdata/tiny.safetensors, sha256: 3f9a00000000000000000000000000000000000000000000000000000000AbCd}
  x:
    path: "x.npy"
backend: emu
requires: [gpu, file:W]
---
# down_proj: swizzled twice?

Some prose with ` + "`code`" + `.

` + "```fp4 id=load tol=1e-6 requires=gpu,sm100 timeout=30s" + `
w = load W
stat w.scale   # comment
` + "```" + `

` + "```out" + `
scale  min 0.0625
` + "```" + `
` + "```out backend=cuda ignore" + `
anything
` + "```" + `

<!--
` + "```fp4" + `
hidden
` + "```" + `
-->

` + "````markdown" + `
` + "```fp4" + `
not a cell
` + "```" + `
` + "````" + `

 ~~~fp4 allow-error rtol=1%
 gemm x \
   w
 ~~~
 ~~~out stale
 old
 ~~~
`

func parse(t *testing.T, file, text string) *Document {
	t.Helper()
	d, errs := Parse(file, []byte(text))
	for _, e := range errs {
		t.Error(e)
	}
	return d
}

func TestParse(t *testing.T) {
	d := parse(t, "a.fp4.md", sample)
	if d.Bare || d.Title() != "down_proj: swizzled twice?" || len(d.Cells) != 2 {
		t.Fatalf("%+v", d)
	}
	f := d.Front
	if f.Version != 1 || f.Backend != "emu" || fmt.Sprint(f.Requires) != "[gpu file:W]" || len(f.Inputs) != 2 {
		t.Errorf("front %+v", f)
	}
	if in := f.Inputs[0]; in.Name != "W" || in.Path != "testdata/tiny.safetensors" || !strings.HasSuffix(in.SHA256, "abcd") || in.Line != 4 {
		t.Errorf("input %+v", in)
	}
	if in := f.Inputs[1]; in.Path != "x.npy" || in.SHA256 != "" {
		t.Errorf("input %+v", in)
	}
	a, b := d.Cells[0], d.Cells[1]
	if a.ID != "load" || a.Tol.Abs != 1e-6 || a.Timeout != 30*time.Second || fmt.Sprint(a.Requires) != "[gpu sm100]" || a.Line != 14 || a.First != 15 {
		t.Errorf("cell %+v", a)
	}
	if len(a.Outs) != 2 || a.Outs[0].Text != "scale  min 0.0625\n" || a.Outs[1].Backend != "cuda" || !a.Outs[1].Ignore || a.Outs[0].Line != 19 {
		t.Errorf("outs %+v", a.Outs)
	}
	if b.Text != "gemm x \\\n  w\n" || !b.AllowError || b.Tol.Rel != 0.01 || !b.Outs[0].Stale || b.Outs[0].Text != "old\n" {
		t.Errorf("cell %+v", b)
	}
	if s := d.Commands(a); len(s) != 2 || s[1].Pos.Line != 16 || s[1].Pos.File != "a.fp4.md" {
		t.Errorf("commands %+v", s)
	}
	if s := d.Commands(b); len(s) != 1 || s[0].Text != "gemm x \\\n  w" {
		t.Errorf("commands %+v", s)
	}
}

func TestParseBare(t *testing.T) {
	d := parse(t, "a.fp4", "---\nfp4tui: 1\nbackend: ref\n---\nls\r\n# c\nrandn 4 \\\r\n 8\n")
	if !d.Bare || d.Front.Backend != "ref" || len(d.Cells) != 2 || d.Cells[0].Line != 5 || d.Cells[1].Line != 7 {
		t.Fatalf("%+v", d)
	}
	if s := d.Commands(d.Cells[1]); len(s) != 1 || s[0].Text != "randn 4 \\\n 8" || s[0].Pos.Line != 7 {
		t.Errorf("commands %+v", s)
	}
	if d := parse(t, "empty.fp4", ""); len(d.Cells) != 0 {
		t.Errorf("%+v", d.Cells)
	}
}

// Every mistake in a file, with its line, column and cure.
func TestParseErrors(t *testing.T) {
	front := func(s string) string { return "---\n" + s + "\n---\n" }
	for in, want := range map[string]string{
		"```fp4\nls":                                           "1:1: the fence is not closed; end it with ```",
		"```fp4 idd=a\n```":                                    `1:8: unknown attribute "idd=a"; did you mean id=?`,
		"```fp4 fast\n```":                                     `1:8: unknown attribute "fast"; known: id= tol= rtol= allow-error requires= timeout=`,
		"```fp4 id\n```":                                       `1:8: unknown attribute "id"; did you mean id=?`,
		"```fp4 id=\n```":                                      "1:8: id= is empty",
		"```fp4 id=a id=b\n```":                                "1:13: id is given twice",
		"```fp4 id=a/b\n```":                                   "1:8: an id is letters, digits, -, _ and .",
		"```fp4 tol=x\n```":                                    "1:8: tol is a number that is not negative, like 1e-6 or 1%",
		"```fp4 timeout=3\n```":                                "1:8: timeout is like 30s or 5m",
		"```fp4 id=a\n```\n```fp4 id=a\n```":                   "3:8: id a is taken; by the cell at line 1",
		"```out\n```":                                          "1:4: this output belongs to no cell; it must follow its fp4 fence, with blank lines at most between them",
		"```fp4\n```\nprose\n```out\n```":                      "4:4: this output belongs to no cell; it must follow its fp4 fence, with blank lines at most between them",
		"```fp4\n```\n```out\n```\n```out\n```":                "5:4: the cell has this output already; key outputs by backend=",
		"```fp4\n```\n```out back=a\n```":                      `3:8: unknown attribute "back=a"; known: backend= ignore stale`,
		"a\n\xff":                                              "2:1: the line is not UTF-8",
		"---\nfp4tui: 1\n":                                     "1:1: the front matter is not closed; end it with a line of ---",
		front("fp4tui: 2"):                                     "2:9: unknown format version; this program reads fp4tui: 1",
		front("backend: emu"):                                  "2:8: fp4tui: 1 is missing from the front matter",
		front("fp4tui: 1\nbackends: emu"):                      `3:1: unknown key "backends"; did you mean backend?`,
		front("fp4tui: 1\nbackend: [a]"):                       "3:10: one word is expected here",
		front("fp4tui: 1\nrequires: gpu"):                      "3:11: a list is expected here; as in requires: [gpu, sm100]",
		front("fp4tui: 1\ninputs: 3"):                          "3:9: names and values are expected here",
		front("fp4tui: 1\ninputs:\n  W: {paht: a}"):            `4:7: unknown key "paht"; did you mean path?`,
		front("fp4tui: 1\ninputs:\n  W: {path: a, sha256: b}"): "4:24: sha256 is 64 hex digits; fp4tui writes it when it saves a session",
		front("fp4tui: 1\ninputs:\n  W: {path: &a b}"):         "4:13: path is a text",
		front("a"):                                             "2:1: names and values are expected here",
	} {
		_, errs := Parse("f.fp4.md", []byte(in))
		if len(errs) == 0 {
			t.Errorf("Parse(%q) succeeded, want %s", in, want)
			continue
		}
		if got := strings.TrimPrefix(errs[0].Error(), "f.fp4.md:"); got != want {
			t.Errorf("Parse(%q):\n got %s\nwant %s", in, got, want)
		}
	}
	if _, errs := Parse("f.fp4.md", []byte(front("fp4tui: 1\nfp4tui: [1"))); len(errs) == 0 || errs[0].Line < 2 || errs[0].Line > 4 {
		t.Errorf("broken YAML: %v", errs)
	}
	if _, errs := Parse("f.fp4.md", make([]byte, MaxFile+1)); len(errs) != 1 {
		t.Error("a file over the limit is read")
	}
}

func TestUpdate(t *testing.T) {
	file := func(outs string) string {
		return "# t\n\n```fp4 tol=1%\nls\n```\n" + outs + "\nprose  \n"
	}
	for _, c := range []struct{ name, out, fresh, want string }{
		{"still fits", "```out\nsat 15 p 0.5±10%\n[..]\n```", "sat 15 p 0.52\nx", "```out\nsat 15 p 0.5±10%\n[..]\n```"},
		{"one line", "```out\na [..]\nsat 15\nb 0.50000\n```", "a 3\nsat 36\nb 0.50001\n", "```out\na [..]\nsat 36\nb 0.50000\n```"},
		{"dots stay", "```out\na\n...\nb\n```", "a\nx\ny\nc\n", "```out\na\n...\nc\n```"},
		{"grown", "```out\na\nb\n```", "a\nnew\nb\nmore", "```out\na\nnew\nb\nmore\n```"},
		{"shrunk", "```out\na\nb\nc\n```", "a\nc", "```out\na\nc\n```"},
		{"filled", "```out\n```", "a", "```out\na\n```"},
		{"emptied", "```out\na\n```", "", "```out\n```"},
		{"not stale", "```out stale backend=emu\na\n```", "a", "```out backend=emu\na\n```"},
		{"stale and changed", "```out stale\na\n```", "b", "```out\nb\n```"},
		{"indent", "  ```out\n  a\n  ```", "b\n\nc", "  ```out\n  b\n\n  c\n  ```"},
		{"fence grows", "```out\na\n```", "a\n```\nb", "````out\na\n```\nb\n````"},
		{"tilde", "~~~out\na\n~~~~", "b\n~~~\n", "~~~~out\nb\n~~~\n~~~~"},
	} {
		for _, eol := range []string{"\n", "\r\n"} {
			in := strings.ReplaceAll(file(c.out), "\n", eol)
			want := strings.ReplaceAll(file(c.want), "\n", eol)
			d := parse(t, "f.fp4.md", in)
			got := Update(d, []Fresh{{Cell: 0, Out: 0, Text: c.fresh}})
			if string(got) != want {
				t.Errorf("%s (%q):\n got %q\nwant %q", c.name, eol, got, want)
			}
			again := parse(t, "f.fp4.md", string(got))
			if o := again.Cells[0].Outs[0]; Match(o.Text, Canonical(c.fresh), again.Cells[0].Tol) != nil {
				t.Errorf("%s: the updated output does not match", c.name)
			}
		}
	}
}

func TestUpdateKeepsOtherCells(t *testing.T) {
	d := parse(t, "f.fp4.md", sample)
	got := string(Update(d, []Fresh{{1, 0, "new\n"}, {0, 0, "scale  min 0.0625\n"}}))
	want := strings.Replace(sample, " ~~~out stale\n old\n", " ~~~out\n new\n", 1)
	if got != want {
		t.Errorf("got\n%s", got)
	}
}

func TestDiffLines(t *testing.T) {
	got := DiffLines("a\nsat 15\nb\n", "a\nsat 36\nb\nc\n", Tolerance{}, 2)
	if s := strings.Join(got, "|"); s != "- sat 15|+ sat 36|… 1 more" {
		t.Errorf("%s", s)
	}
}

func TestBuilder(t *testing.T) {
	b := New("tour  of\nthe layer")
	b.Backend("emu")
	b.Requires("file:W")
	b.Input("W", `dir/a "b".npy`, strings.Repeat("0a", 32))
	b.Input("x", "x.npy", "")
	b.Note("Why?\n```fp4\nnope\n```\n<!-- no\n--- a")
	b.Add("w = load W", "nvfp4 1536×384\n", "")
	b.Add("let k = 1", "", "")
	b.Add("ls", "```\nodd\n", "cuda")
	text := string(b.Bytes())
	d := parse(t, "n.fp4.md", text)
	if len(d.Cells) != 3 || b.Cells() != 3 || d.Title() != "tour of the layer" || d.Front.Backend != "emu" {
		t.Fatalf("%s", text)
	}
	if in := d.Front.Inputs; len(in) != 2 || in[0].Path != `dir/a "b".npy` || in[0].SHA256 != strings.Repeat("0a", 32) {
		t.Errorf("inputs %+v", in)
	}
	if o := d.Cells[0].Outs; len(o) != 1 || o[0].Text != "nvfp4 1536×384\n" {
		t.Errorf("outs %+v", o)
	}
	if len(d.Cells[1].Outs) != 0 {
		t.Error("a command without output got one")
	}
	if o := d.Cells[2].Outs; len(o) != 1 || o[0].Text != "```\nodd\n" || o[0].Backend != "cuda" {
		t.Errorf("outs %+v", o)
	}
}
