package inspect

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestPrintable(t *testing.T) {
	tests := []struct{ in, want string }{
		{"", ""},
		{"model.layers.0.weight", "model.layers.0.weight"},
		{"gewöhnlich 日本 ×", "gewöhnlich 日本 ×"},
		{"a\x1b[31mb", `a\x1b[31mb`},       // a colour
		{"a\x1b]0;t\x07", `a\x1b]0;t\x07`}, // a window title
		{"a\r\n\tb\x00\x7f", `a\x0d\x0a\x09b\x00\x7f`},
		{"a\u009bb", `a\x9bb`},               // CSI in one character
		{"a\xffb\xc3", `a\xffb\xc3`},         // invalid UTF-8
		{"a\u202eb\u2066", `a\u202eb\u2066`}, // right-to-left override, isolate
		{"a\u200bb\ufeff", `a\u200bb\ufeff`}, // zero width
		{"a\u00a0b\u2028", `a\xa0b\u2028`},   // blanks that are not the plain one
		{"a\ufffdb", `a\ufffdb`},             // a real U+FFFD is told from an invalid byte
	}
	for _, test := range tests {
		if got := Printable(test.in); got != test.want {
			t.Errorf("Printable(%q) = %q, want %q", test.in, got, test.want)
		}
	}
}

// TestPrintableBytes: no byte and no rune gets through that a terminal acts on.
func TestPrintableBytes(t *testing.T) {
	check := func(in string) {
		out := Printable(in)
		if !utf8.ValidString(out) || strings.ContainsFunc(out, func(r rune) bool { return !printable(r) }) {
			t.Errorf("Printable(%q) = %q", in, out)
		}
		if again := Printable(out); again != out {
			t.Errorf("Printable(%q) = %q", out, again)
		}
	}
	for b := range 256 {
		check("x" + string([]byte{byte(b)}) + "y")
	}
	for r := rune(0); r <= utf8.MaxRune; r++ {
		if !printable(r) {
			check(string(r))
		}
	}
}
