package views

import (
	"errors"
	"strings"
	"testing"

	"fp4tui/exec/language"
)

func mustKeys(t *testing.T, text string) Keys {
	t.Helper()
	k, err := ReadKeys("keys.toml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestOwnKeys: dispatch, help, palette and last line follow the user's keys.
func TestOwnKeys(t *testing.T) {
	k := mustKeys(t, "# mine\n[keys]\nsort = [\"Ctrl-N\", \"Z\"]\npalette = \"f2\"\nundo = []\nlayers = \"Q\"\nscales = \"z s\"\n")
	d := newDriver(t, Options{Engine: newFake(), Path: "x", Keys: k}, 80, 24)
	d.sees("Ctrl-N sort", "F2 keys").keys("S").sees("S does nothing here; F2 shows what does")
	d.keys("ctrl+n").sees("sort findings").keys("Z").misses("sort findings").keys("u").sees("u does nothing here")
	d.keys("f2").sees("what can be done here", "Ctrl-N").keys("esc enter z").sees("z …   ").keys("s").sees("[Scales]")
	d.keys("Q").sees("[layers] Weight Scales").keys("f1").sees("Ctrl-N Z")
}

func TestKeyMistakes(t *testing.T) {
	for _, test := range []struct {
		text, msg, hint string
		line            int
	}{
		{"[keys]\nsrot = \"S\"\n", `no action is called "srot"`, "did you mean sort?", 2},
		{"[keys]\n\nsort = \"ctlr+n\"\n", `"ctlr+n" is no key`, "keys are written as", 3},
		{"[keys]\nsort = \"entr\"\n", "did you mean enter?", "", 2},
		{"[keys]\nsort = \"5\"\n", "digits are counts", "", 2},
		{"[keys]\nsort = 5\n", "a key is a text", `undo = "u"`, 2},
		{"[keys]\nsort = \"a b c\"\n", "nor two after each other", "", 2},
		{"[kyes]\nsort = \"Z\"\n", "unknown table kyes", "[keys]", 1},
		{"[keys]\nsort = \"Z\nx = 1", "", "", 2},
		{"[keys]\nsort = \"f\"\n", "sort: f is filter already, in Layers", "give filter another key", 2},
		{"[keys]\nnext-bad = \"g\"\n", "next-bad: g is", "", 2},
		{"[keys]\nmetric = \"w\"\n", "metric: w is next-bad already, in Error", "", 2},
		{"[keys]\nquit = []\n", "quit needs a key", "no way out", 2},
	} {
		_, err := ReadKeys("keys.toml", []byte(test.text))
		var typed *language.Error
		if !errors.As(err, &typed) {
			t.Errorf("%q: %v", test.text, err)
			continue
		}
		if typed.Line != test.line || !strings.Contains(typed.Msg, test.msg) || !strings.Contains(typed.Hint, test.hint) || !strings.HasPrefix(err.Error(), "keys.toml:") {
			t.Errorf("%q: line %d, %v, hint %q", test.text, typed.Line, err, typed.Hint)
		}
	}
	_, err := ReadKeys("keys.toml", []byte("[keys]\nsrot = \"S\"\nfitler = \"f\"\n"))
	if first, second, ok := strings.Cut(err.Error(), "\n"); !ok || !strings.Contains(first, "srot") || !strings.Contains(second, "fitler") {
		t.Errorf("not all mistakes in order: %v", err)
	}
	mustKeys(t, "[keys]\nsort = \"f\"\nfilter = \"S\"\n") // exchanged
	mustKeys(t, "")
}

// FuzzReadKeys: no file panics, and what is accepted has no conflicts.
func FuzzReadKeys(f *testing.F) {
	for _, text := range []string{"[keys]\nsort = \"Z\"", "[keys]\nsort = [\"g s\"]", "keys = 1", "[keys.sort]\na = 1", "[keys]\n\"sort\" = \"\\u0301\""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		k, err := ReadKeys("k", []byte(text))
		if err == nil && len(conflicts(k.apply(keyTable()))) > 0 {
			t.Fatalf("accepted %q", text)
		}
	})
}
