package notebook

import (
	"fmt"
	"strings"
	"testing"
)

func TestCanonical(t *testing.T) {
	long := strings.Repeat("x", 101)
	var many strings.Builder
	for i := range 45 {
		fmt.Fprintf(&many, "line %d\n", i)
	}
	for in, want := range map[string]string{
		"":                        "",
		"\n\n":                    "",
		"a":                       "a\n",
		"a  \t\n\nb\n\n":          "a\n\nb\n",
		"a\r\nb":                  "a\nb\n",
		"\x1b[1;31mred\x1b[0m":    "red\n",
		"\x1b]0;title\x07x":       "x\n",
		"\x1b]8;;http://a\x1b\\x": "x\n",
		"a\tb":                    "a    b\n",
		"a\x00b\u202e":            "a\\x00b\\u202e\n",
		" ...\n[..] ... x":        " …\n[…] ... x\n",
		"\x1b":                    "\\x1b\n",
		strings.Repeat("x", 100):  strings.Repeat("x", 100) + "\n",
		long:                      strings.Repeat("x", 92) + "… c675a2\n",
		strings.Repeat("層", 51):   strings.Repeat("層", 46) + "… 7d9580\n",
		many.String():             strings.Join(strings.SplitAfter(many.String(), "\n")[:40], "") + "… 5 more lines, sha256 8c65888026bf\n",
		"− ▀▁…█ ╱ ┼ × ± ≤ σ Σ ▸ 0.5": "− ▀▁…█ ╱ ┼ × ± ≤ σ Σ ▸ 0.5\n",
	} {
		got := Canonical(in)
		if got != want {
			t.Errorf("Canonical(%.40q) = %q, want %q", in, got, want)
		}
		if again := Canonical(got); again != got {
			t.Errorf("Canonical of %q is %q", got, again)
		}
	}
}
