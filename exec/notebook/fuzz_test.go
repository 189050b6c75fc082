package notebook

import (
	"strings"
	"testing"
)

// FuzzDocument: every file keeps its bytes; an update with the stored texts changes
// nothing but stale marks; an update with another text leaves a file that parses to
// the same cells and holds that text.
func FuzzDocument(f *testing.F) {
	f.Add(sample, "b\n```\nc")
	f.Add(strings.ReplaceAll(sample, "\n", "\r\n"), "")
	f.Add("\uFEFF```fp4\n```\n\n```out\n...\n```", "x")
	f.Add("---\nfp4tui: 1\ninputs: {a: {path: &x [*x]}}\n---\n~~~fp4\nls\n~~~\n~~~out stale\n~~~~~", "~~~\n")
	f.Fuzz(func(t *testing.T, text, out string) {
		d, errs := Parse("f.fp4.md", []byte(text))
		if string(d.Bytes()) != text {
			t.Fatal("the bytes changed")
		}
		for _, e := range errs {
			_ = e.Error() + e.Caret()
		}
		if errs != nil {
			return
		}
		d.Title()
		if blocks := d.Blocks(); string(Join(blocks)) != text {
			t.Fatalf("the blocks %+v are not the file %q", blocks, text)
		}
		var same, other []Fresh
		stale := false
		for i, c := range d.Cells {
			d.Commands(c)
			for j, o := range c.Outs {
				same, other = append(same, Fresh{i, j, o.Text}), append(other, Fresh{i, j, out})
				stale = stale || o.Stale || Match(o.Text, Canonical(o.Text), c.Tol) != nil
			}
		}
		if got := Update(d, same); string(got) != text && !stale {
			t.Fatalf("an update without a change wrote %q", got)
		}
		got := Update(d, other)
		again, errs := Parse("f.fp4.md", got)
		if errs != nil || len(again.Cells) != len(d.Cells) {
			t.Fatalf("after the update: %v, %q", errs, got)
		}
		for i, c := range again.Cells {
			if c.Text != d.Cells[i].Text {
				t.Fatalf("cell %d became %q", i, c.Text)
			}
			for _, o := range c.Outs {
				if diff := Match(o.Text, Canonical(out), c.Tol); diff != nil || o.Stale {
					t.Fatalf("output %q does not hold %q: %+v", o.Text, Canonical(out), diff)
				}
			}
		}
	})
}

// FuzzMatch: a text matches itself; a difference has a reason and lies within the
// texts; what merge keeps matches.
func FuzzMatch(f *testing.F) {
	f.Add("a 0.5±5% [..]\n...\nz", "a 0.51 b\nz", 0.0, 0.01)
	f.Add("1,234.5e-3 -inf", "1,234.6e-3 nan", 1e-3, 0.0)
	f.Add("  1.0  2 [..][..]", "1.0 2", 0.0, 0.0)
	f.Fuzz(func(t *testing.T, want, got string, abs, rel float64) {
		if len(want) > 2000 || len(got) > 2000 || !(abs >= 0) || !(rel >= 0) {
			return
		}
		tol := Tolerance{abs, rel}
		got = Canonical(got)
		if d := Match(want, want, tol); d != nil {
			t.Fatalf("%q does not match itself: %+v", want, d)
		}
		if d := Match(want, got, tol); d != nil {
			lines := len(splitLines(want))
			if d.Reason == "" || d.WantLine > lines || d.GotLine > len(splitLines(got)) || d.WantLine+d.GotLine == 0 {
				t.Fatalf("Match(%q, %q) = %+v", want, got, d)
			}
		}
		merged := strings.Join(merge(splitLines(want), splitLines(got), tol), "\n")
		if d := Match(merged, got, tol); d != nil {
			t.Fatalf("%q merged with %q is %q: %+v", want, got, merged, d)
		}
	})
}
