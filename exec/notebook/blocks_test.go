package notebook

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const pageText = "---\nfp4tui: 1\ninputs:\n  \"x\": {path: \"x.npy\"}\n---\n\n# Title\nsecond line\n\nA paragraph.\n\n```python\na\n\nb\n```\n\n" +
	"```fp4 id=one tol=1%\nstat x\n```\n\n```out backend=emu\n1.5\n```\n```out\n1.6\n```\n\n\nAfter.\n" +
	"~~~fp4\nlet a = 1\nexpect a == 1\n~~~\n<!-- a\n\ncomment -->\n"

func parsed(t *testing.T, text string) *Document {
	t.Helper()
	d, errs := Parse("page.fp4.md", []byte(text))
	if len(errs) > 0 {
		t.Fatal(errs[0])
	}
	return d
}

func TestBlocks(t *testing.T) {
	d := parsed(t, pageText)
	var got []string
	for _, b := range d.Blocks() {
		first, _, _ := strings.Cut(b.Text(), "\n")
		got = append(got, first)
	}
	want := "---|# Title|A paragraph.|```python|```fp4 id=one tol=1%|After.|~~~fp4|<!-- a"
	if strings.Join(got, "|") != want {
		t.Errorf("blocks begin\n%s\nwant\n%s", strings.Join(got, "|"), want)
	}
	if string(Join(d.Blocks())) != pageText {
		t.Error("the blocks are not the file")
	}
}

// TestBlocksOfSamples: whatever a file looks like, its blocks are its bytes, and every
// cell is one of them.
func TestBlocksOfSamples(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "samples", "notebooks", "*.fp4*"))
	if err != nil || len(files) < 5 {
		t.Fatalf("%d notebooks, %v", len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{string(data), strings.ReplaceAll(string(data), "\n", "\r\n"), strings.TrimRight(string(data), "\n")} {
			d, errs := Parse(file, []byte(text))
			if len(errs) > 0 {
				t.Fatal(errs[0])
			}
			checkBlocks(t, d)
		}
	}
}

func checkBlocks(t *testing.T, d *Document) {
	t.Helper()
	blocks := d.Blocks()
	if string(Join(blocks)) != string(d.Bytes()) {
		t.Errorf("%s: the blocks are not the file", d.File)
	}
	cell := 0
	for _, b := range blocks {
		if b.Kind != CellBlock {
			continue
		}
		if b.Cell != cell || !strings.Contains(strings.ReplaceAll(b.Raw, "\r\n", "\n"), strings.TrimRight(d.Cells[cell].Text, "\n")) && d.Cells[cell].Text != "" {
			t.Errorf("%s: block of cell %d is %q", d.File, cell, b.Raw)
		}
		cell++
	}
	if cell != len(d.Cells) {
		t.Errorf("%s: %d blocks of %d cells", d.File, cell, len(d.Cells))
	}
}

func TestEditCells(t *testing.T) {
	d := parsed(t, pageText)
	data, err := d.SetCommands(1, "let a = 2\nexpect a == 2 \\\n  and a > 1\n")
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Replace(pageText, "let a = 1\nexpect a == 1\n", "let a = 2\nexpect a == 2 \\\n  and a > 1\n", 1); string(data) != want {
		t.Errorf("SetCommands:\n%s", data)
	}
	if _, err := d.SetCommands(1, "~~~\n"); err == nil {
		t.Error("a line that ends the cell was taken")
	}
	if got, want := string(d.SetOutput(0, "emu", "1.75")), strings.Replace(pageText, "1.5\n", "1.75\n", 1); got != want {
		t.Errorf("SetOutput of a backend:\n%s", got)
	}
	if got, want := string(d.SetOutput(0, "cuda", "1.9")), strings.Replace(pageText, "1.6\n", "1.9\n", 1); got != want {
		t.Errorf("SetOutput of all:\n%s", got)
	}
	if got, want := string(d.SetOutput(1, "emu", "a = 1")), strings.Replace(pageText, "expect a == 1\n~~~\n", "expect a == 1\n~~~\n```out\na = 1\n```\n", 1); got != want {
		t.Errorf("SetOutput of a cell without one:\n%s", got)
	}
	stale := parsed(t, string(d.MarkStale([]int{0, 1})))
	if !stale.Cells[0].Outs[0].Stale || !stale.Cells[0].Outs[1].Stale || string(stale.MarkStale([]int{0})) != string(stale.Bytes()) {
		t.Errorf("MarkStale:\n%s", stale.Bytes())
	}
	if fresh := parsed(t, string(stale.SetOutput(0, "emu", "1.5"))); fresh.Cells[0].Outs[0].Stale {
		t.Error("a fresh output stays stale")
	}
}

func TestAddInputs(t *testing.T) {
	in := []Input{{Name: "x", Path: "other"}, {Name: "w/y", Path: "../w/y", SHA256: strings.Repeat("a", 64)}}
	for _, text := range []string{pageText, "just prose\n", "---\nfp4tui: 1\n---\nprose\n", strings.ReplaceAll(pageText, "\n", "\r\n")} {
		data, err := parsed(t, text).AddInputs(in)
		if err != nil {
			t.Fatal(err)
		}
		d := parsed(t, string(data))
		if len(d.Front.Inputs) != 2 || d.Front.Inputs[0].Name == d.Front.Inputs[1].Name {
			t.Errorf("inputs %+v of\n%s", d.Front.Inputs, data)
		}
	}
	if _, err := parsed(t, "---\nfp4tui: 1\ninputs: {x: {path: a}}\n---\n").AddInputs(in); err == nil {
		t.Error("inputs in a flow mapping were changed")
	}
}

func TestBareBlocks(t *testing.T) {
	d, errs := Parse("a.fp4", []byte("# a comment\nlet a = 1\n\nlet b = \\\n  2\n"))
	if len(errs) > 0 {
		t.Fatal(errs[0])
	}
	checkBlocks(t, d)
	data, err := d.SetCommands(1, "let b = 3")
	if err != nil || string(data) != "# a comment\nlet a = 1\n\nlet b = 3\n" {
		t.Errorf("%q, %v", data, err)
	}
}

func TestSideBySide(t *testing.T) {
	got := SideBySide("a 1.5\n...\nb 2\nold\n", "a 1.52\nx\ny\nb 3\nold\nnew\n", Tolerance{Abs: 0.1})
	want := []Pair{
		{Want: "a 1.5", Got: "a 1.52", Same: true}, {Got: "x", NoWant: true, Same: true}, {Got: "y", NoWant: true, Same: true},
		{Want: "...", NoGot: true, Same: true}, {Want: "b 2", Got: "b 3"}, {Want: "old", Got: "old", Same: true}, {Got: "new", NoWant: true},
	}
	if len(got) != len(want) {
		t.Fatalf("%+v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("pair %d is %+v, want %+v", i, got[i], want[i])
		}
	}
	long := strings.Repeat("line\n", maxAlign+1)
	if n := len(SideBySide(long, "", Tolerance{})); n != maxAlign+1 {
		t.Errorf("%d pairs of a long text", n)
	}
}
