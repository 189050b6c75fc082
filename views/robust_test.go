package views

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

// TestKeyTable: no key twice in a view, every row complete.
func TestKeyTable(t *testing.T) {
	if twice := conflicts(keyTable()); len(twice) > 0 {
		t.Errorf("keys claimed twice: %+v", twice)
	}
	groups := map[string]bool{"move": true, "look": true, "do": true, "view": true}
	for _, b := range keyTable() {
		if b.name == "" || len(b.keys) == 0 || b.in == 0 || b.run == nil || b.text == "" || !groups[b.group] {
			t.Errorf("incomplete row %q %q", b.keys, b.text)
		}
	}
	for v := range viewCount {
		table := keyTable()
		for _, prefix := range []string{"g", "z", "y"} {
			if b, bound := lookup(table, v, prefix); bound {
				t.Errorf("%s: %q is a prefix and a key (%s)", viewName(v), prefix, b.text)
			}
		}
		for _, t2 := range tabs() {
			if letter := strings.ToLower(capital(t2.name)); letter != "" {
				if _, bound := lookup(table, v, "g "+letter); !bound {
					t.Errorf("%s: tab %s has no key", viewName(v), t2.name)
				}
			}
		}
	}
}

func capital(name string) string {
	for _, r := range name {
		if r >= 'A' && r <= 'Z' {
			return string(r)
		}
	}
	return ""
}

func TestKeyMarkdown(t *testing.T) {
	doc := KeyMarkdown()
	for _, b := range keyTable() {
		if !strings.Contains(doc, b.text) {
			t.Errorf("%q is not in the documentation", b.text)
		}
	}
	for _, line := range strings.Split(strings.TrimSpace(doc), "\n") {
		if !strings.HasPrefix(line, "|") {
			continue
		}
		if n := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|"); n != 6 {
			t.Errorf("%d bars in %q", n, line)
		}
	}
}

// TestRandomKeys types thousands of random keys at random sizes: nothing panics and
// every line is exactly as wide as the terminal.
func TestRandomKeys(t *testing.T) {
	var keys []string
	for _, b := range keyTable() {
		for _, k := range b.keys {
			keys = append(keys, strings.Fields(k)...)
		}
	}
	keys = append(keys, "1", "9", "tab", "x", "é", "\u0301", "漢")
	for seed := range int64(6) {
		rng := rand.New(rand.NewSource(seed))
		d := opened(t, 80, 24, []Profile{ProfileNever, ProfileTrueColor, Profile16}[seed%3])
		d.app.opt.ASCII = seed%2 == 1
		for range 700 {
			switch rng.Intn(20) {
			case 0:
				d.send(tea.WindowSizeMsg{Width: 1 + rng.Intn(220), Height: 1 + rng.Intn(70)})
			case 1:
				d.send(tea.MouseClickMsg{X: rng.Intn(200), Y: rng.Intn(60), Button: tea.MouseLeft})
			case 2:
				d.send(tea.MouseWheelMsg{X: rng.Intn(200), Y: rng.Intn(60), Button: []tea.MouseButton{tea.MouseWheelUp, tea.MouseWheelDown}[rng.Intn(2)]})
			default:
				key := keys[rng.Intn(len(keys))]
				if key == "ctrl+l" || key == "ctrl+z" {
					continue
				}
				d.keys(key)
			}
			d.exact()
		}
	}
}

func TestResizeStorm(t *testing.T) {
	d := opened(t, 80, 24, ProfileTrueColor).keys("r w")
	for _, view := range []string{"g e", "g s", "g o", "g b", "g p", "g l", "g i", "@", "f1", "?"} {
		d.keys("esc " + view)
		for w := 1; w <= 190; w += 7 {
			for _, h := range []int{1, 2, 5, 23, 24, 25, 29, 30, 61} {
				d.send(tea.WindowSizeMsg{Width: w, Height: h})
				d.exact()
			}
		}
	}
	d.send(tea.WindowSizeMsg{Width: 0, Height: 0})
	d.app.View()
}

// TestHostileNames: names from files can hold anything; the frame stays in shape and
// no control reaches the terminal.
func TestHostileNames(t *testing.T) {
	hostile := []string{
		"\x1b[2J\x1b]0;owned\x07layer", "line\nbreak\rreturn\ttab", "right\u202eto\u200bleft", "漢字のレイヤー名前がとても長いので切る",
		"e\u0301\u0301\u0301\u0301combining", "\xff\xfebad utf8", strings.Repeat("very.long.", 60) + "end", "👩‍👩‍👧‍👦🇩🇪 family", "", "a\x00b",
	}
	for i, name := range hostile {
		f := newFake()
		f.layers = f.layers[:1]
		f.layers[0].Name, f.layers[0].Group, f.layers[0].Findings = name, name+" q|k|v", []string{name}
		d := newDriver(t, Options{Engine: f, Path: "x\x1b[31m" + name, Profile: ProfileNever}, 80, 24)
		for _, keys := range []string{"", "enter", "j enter", "g l / x enter", "f1", "r", "@", "s"} {
			d.keys("esc " + keys)
			d.exact()
			for _, r := range d.screen() {
				if r != '\n' && (r < 0x20 || r == 0x7f || r >= 0x80 && r < 0xa0 || r == '\u202e' || r == '\u200b') {
					t.Fatalf("name %d: %U on the screen", i, r)
				}
			}
			content := ansi.Strip(d.app.View().Content)
			if content != d.screen() {
				t.Fatalf("name %d: the frame holds more than styles and text", i)
			}
		}
	}
}

func TestFrameIsCached(t *testing.T) {
	d := opened(t, 120, 40, ProfileTrueColor).keys("r w")
	first := d.app.View().Content
	canvas := d.app.frame.canvas
	if d.app.View(); d.app.frame.canvas != canvas {
		t.Error("View draws again without an Update")
	}
	d.send(nil)
	if d.app.View().Content != first {
		t.Error("the same state gives another frame")
	}
}

func TestThemes(t *testing.T) {
	for _, profile := range []Profile{ProfileTrueColor, Profile256, Profile16, ProfileNever} {
		for _, dark := range []bool{true, false} {
			th := newTheme(profile, dark, false)
			seen := map[ink]bool{}
			for _, k := range th.ramp {
				seen[k] = true
			}
			want := map[Profile]int{ProfileTrueColor: 10, Profile256: 10, Profile16: 4, ProfileNever: 1}[profile]
			if len(seen) != want {
				t.Errorf("%s: %d colours in the ramp, want %d", profile, len(seen), want)
			}
			if (profile == ProfileNever) != (th.roles[okRole] == style{}) {
				t.Errorf("%s: ok is %+v", profile, th.roles[okRole])
			}
		}
	}
	dark, light := newTheme(ProfileTrueColor, true, false), newTheme(ProfileTrueColor, false, false)
	if dark.ramp[0] != light.ramp[9] || dark.ramp[9] != light.ramp[0] {
		t.Error("the light theme does not run the ramp backwards")
	}
}

func TestBackgroundAndProfileMessages(t *testing.T) {
	d := newDriver(t, Options{Engine: newFake(), Profile: ProfileAuto}, 80, 24)
	d.send(tea.ColorProfileMsg{Profile: 4}) // ANSI256
	if d.app.theme.profile == ProfileTrueColor {
		t.Error("256 colours taken for truecolor")
	}
	d.send(tea.BackgroundColorMsg{})
	fixed := newDriver(t, Options{Engine: newFake(), Profile: ProfileNever}, 80, 24)
	fixed.send(tea.ColorProfileMsg{Profile: 5})
	if fixed.app.theme.profile != ProfileNever {
		t.Error("a fixed profile was changed by the terminal")
	}
}

func TestText(t *testing.T) {
	tests := []struct{ got, want string }{
		{cut("abcdef", 4), "abc…"}, {cut("abc", 3), "abc"}, {cut("漢字", 3), "漢…"}, {cut("abc", 0), ""}, {cut("abc", 1), "…"},
		{cutMiddle("layer.0.intermediate.dense", 13), "layer.….dense"}, {cutMiddle("abc", 3), "abc"}, {pad("ab", 4), "ab  "}, {padLeft("ab", 4), "  ab"},
		{bar(1, 2, 4, false), "██"}, {bar(1, 16, 2, false), "▏"}, {bar(0, 2, 4, false), ""}, {bar(1, 2, 4, true), "##"},
		{spark([]float64{0, 1, 2}, 0, 2, false), " ▅█"}, {spark([]float64{1, 9}, 0, 9, true), "29"},
		{strings.Join(wrap("one two three", 7), "|"), "one two|three"}, {strings.Join(wrap("abcdefgh", 3), "|"), "abc|def|gh"},
		{quoteWord("a.b/c"), "a.b/c"}, {quoteWord("a b"), `"a b"`}, {quoteWord(""), `""`},
		{trimZero(0.13), ".13"}, {trimZero(7.2e-8), "7.2e-08"}, {fmt.Sprint(resample([]float64{1, 5, 2, 3}, 2)), "[5 3]"},
	}
	for _, test := range tests {
		if test.got != test.want {
			t.Errorf("got %q, want %q", test.got, test.want)
		}
	}
}

// TestHalfOfAWideCharacter: whatever is drawn over one half of a wide character, the line
// keeps its width.
func TestHalfOfAWideCharacter(t *testing.T) {
	for x := range 6 {
		for _, text := range []string{"│", "漢", "ab"} {
			c := newCanvas(8, 1, false)
			r := region{c: c, w: 8, h: 1, th: newTheme(ProfileNever, true, false)}
			r.text(1, 0, plain, "漢字")
			r.text(x, 0, plain, text)
			if line := c.lines()[0]; ansi.StringWidth(line) != 8 || !strings.Contains(line, text) {
				t.Errorf("%q over 漢字 at %d gives %q", text, x, line)
			}
		}
	}
}

// BenchmarkFrame is the cost of one frame of the largest screen in the goldens.
func BenchmarkFrame(b *testing.B) {
	a := NewApp(Options{Engine: newFake(), Profile: ProfileTrueColor})
	a.size = size{200, 60}
	a.at.e, a.at.diff = "e", fakeDiff()
	a.at.diff.Handle = "e"
	a.nav.view = errorView
	a.settle()
	b.ReportAllocs()
	for range b.N {
		a.frame.dirty = true
		_ = a.View()
	}
}
