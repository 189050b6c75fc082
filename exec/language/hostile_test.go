package language

import (
	"strings"
	"testing"
	"time"
)

// Input of the largest size is read or refused in time that grows with its length
// only: a second is a hundred times what any of these takes.
func TestHostileInputIsQuick(t *testing.T) {
	table := testTable(t)
	n := MaxLine - 100
	for name, s := range map[string]string{
		"words":        "randn " + strings.Repeat("1 ", n/2),
		"list":         "mma kind=mxf4 ks=" + strings.Repeat("1,", n/2) + "1",
		"keys":         "ls " + strings.Repeat("a=1 ", n/4),
		"brackets":     "ls match=" + strings.Repeat("[]", n/2),
		"string":       `load "` + strings.Repeat(`\\`, n/2) + `"`,
		"attributes":   "stat w" + strings.Repeat(".a", n/2),
		"window":       "stat w[" + strings.Repeat("1,", n/2) + "1]",
		"sum":          "expect 1" + strings.Repeat("+1", n/2) + " < 1",
		"minus":        "expect " + strings.Repeat("-", n) + "1 < 1",
		"not":          "expect " + strings.Repeat("not ", n/4) + "1 < 1",
		"blanks":       "ls" + strings.Repeat(" ", n) + "c",
		"continued":    "ls " + strings.Repeat("\\\n", n/2) + "c",
		"blank breaks": strings.Repeat("   \\  \n", n/7),
		"hashes":       strings.Repeat("# \\\n", n/4),
		"misspelt":     strings.Repeat("x", n),
	} {
		start := time.Now()
		if l, err := table.Parse(s); err == nil {
			table.Format(l)
		}
		_, errs := table.ParseProgram("f", strings.Repeat(s+"\n", 2))
		for _, e := range errs {
			_ = e.Caret()
		}
		table.Complete(s, len(s), Env{})
		if d := time.Since(start); d > time.Second {
			t.Errorf("%s took %v", name, d)
		}
	}
}
