package views

import (
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
)

func TestPanesAndChecks(t *testing.T) {
	for _, test := range []flow{
		{"Tab goes to the worst list", "r tab", []string{"via: the largest term of the sum"}},
		{"and to eXplain", "r tab tab", []string{"[eXplain]"}},
		{"and around", "r tab tab tab", []string{"[Error]", "px 4 m"}},
		{"back the other way", "r shift+tab", []string{"[eXplain]"}},
		{"Tab to and fro leaves no trail", "r tab shift+tab tab shift+tab esc", []string{"[Weight]"}},
		{"logarithmic ranking", "r w enter i", []string{"[eXplain]", "2   0x71     -0.5208 ████"}},
		{"nothing to identify", "enter g o I", []string{"no buffer is open"}},
		{"what cannot be a check", "g i x", []string{"[lInt]"}},
		{"what a cell compared", "r g n G x", []string{"edit", "expect e.max_abs < "}},
	} {
		t.Run(test.name, func(t *testing.T) {
			keys := strings.ReplaceAll(test.keys, "shift+tab", "backtab")
			d := opened(t, 80, 24, ProfileNever)
			for _, key := range strings.Fields(keys) {
				if key == "backtab" {
					d.send(tea.KeyPressMsg{Code: tea.KeyTab, Mod: tea.ModShift})
					continue
				}
				d.keys(key)
			}
			d.exact()
			d.sees(test.want...)
		})
	}
}

func TestFindingChecks(t *testing.T) {
	for rule, want := range map[string]string{
		"scale-nan":        "expect w.scale.nan == 0",
		"scale-all-zero":   "expect w.scale.max > 0",
		"scales-saturated": "expect w.scale.sat < 7",
		"scales-subnormal": "expect w.scale.subnormal < 7",
		"scalar-inf":       "expect w.multiplier > 0 and w.multiplier < 1e38",
		"overlap":          "",
	} {
		if got, told := findingCheck(rule, "w", 7); got != want || told != (want != "") {
			t.Errorf("%s: %q, %v", rule, got, told)
		}
	}
}

// TestExtremes: the ends of the order, NaN first, equal ones as they come.
func TestExtremes(t *testing.T) {
	var high, low []blockScale
	for i, v := range []float64{3, 448, 1, 448, 2, 0, 5, 6, 7, 8, 9, 10, 11, 12} {
		s := blockScale{n: i, value: v, nan: i == 4}
		high = keepExtreme(high, s, func(a, b blockScale) int { return int(b.rank()/1e296) - int(a.rank()/1e296) })
		low = keepExtreme(low, s, func(a, b blockScale) int { return int(a.rank() - b.rank()) })
	}
	if len(high) != extremesListed || high[0].n != 4 || high[1].n != 0 {
		t.Errorf("high %+v", high)
	}
	if len(low) != extremesListed || low[0].value != 0 || low[1].value != 1 || low[2].value != 3 {
		t.Errorf("low %+v", low)
	}
}

func TestPasteScript(t *testing.T) {
	d := opened(t, 80, 24, ProfileNever).keys("enter")
	d.send(tea.PasteMsg{Content: "# a script\nlet a = 1\r\n\nlet b = \\\n 2\nexpect b == 2\n\x1b]0;title\x07\n"})
	d.sees("run the pasted lines?", "let b = 2", "[ run 4 lines ]", "]0;title").exact()
	d.keys("esc").misses("pasted lines")
	before := len(d.app.opt.Engine.Log())
	d.send(tea.PasteMsg{Content: "ls c\nlint c\n"})
	d.keys("enter")
	if ran := len(d.app.opt.Engine.Log()) - before; ran != 2 {
		t.Errorf("%d of 2 lines ran", ran)
	}
	d.sees("[lInt]")
	d.send(tea.PasteMsg{Content: "ls c"})
	d.sees(": ls c")
	d.keys("esc")
	d.send(tea.PasteMsg{Content: strings.Repeat("ls c\n", mostPasted+1)})
	d.sees("source FILE runs as many")
}

func TestPlain(t *testing.T) {
	d := opened(t, 80, 24, ProfileNever).keys("enter :").types("plain").keys("enter")
	if !d.quit || !d.app.nav.plain {
		t.Error("plain does not leave the screens")
	}
}
