package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"fp4tui/exec"
	"fp4tui/views"
)

// keyboard plays the terminal for one App: keys go in, commands run to their end, as
// Bubble Tea would run them.
type keyboard struct {
	t    *testing.T
	app  *views.App
	quit bool
}

func newKeyboard(t *testing.T, opt views.Options) *keyboard {
	t.Helper()
	opt.Profile = views.ProfileNever
	k := &keyboard{t: t, app: views.NewApp(opt)}
	k.send(tea.WindowSizeMsg{Width: 120, Height: 40})
	k.settle(k.app.Init())
	return k
}

func (k *keyboard) send(msg tea.Msg) {
	_, cmd := k.app.Update(msg)
	k.settle(cmd)
}

// settle runs commands beside each other until none is left and gives their messages to
// the App one at a time.
func (k *keyboard) settle(first tea.Cmd) {
	k.t.Helper()
	messages := make(chan tea.Msg)
	running := 0
	start := func(cmd tea.Cmd) {
		if cmd != nil {
			running++
			go func() { messages <- cmd() }()
		}
	}
	late := time.After(time.Minute)
	for start(first); running > 0; running-- {
		select {
		case msg := <-messages:
			switch msg := msg.(type) {
			case tea.BatchMsg:
				for _, cmd := range msg {
					start(cmd)
				}
			case tea.QuitMsg:
				k.quit = true
			default:
				_, cmd := k.app.Update(msg)
				start(cmd)
			}
		case <-late:
			k.t.Fatal("a command did not end")
		}
	}
	k.app.View()
}

// press presses keys in order; a word in quotes is typed letter by letter.
func (k *keyboard) press(keys ...string) *keyboard {
	k.t.Helper()
	named := map[string]rune{"enter": tea.KeyEnter, "esc": tea.KeyEscape, "tab": tea.KeyTab, "space": tea.KeySpace, "backspace": tea.KeyBackspace}
	for _, key := range keys {
		if code, ok := named[key]; ok {
			k.send(tea.KeyPressMsg{Code: code})
			continue
		}
		for _, r := range strings.Trim(key, `'`) {
			k.send(tea.KeyPressMsg{Code: r, Text: string(r)})
		}
	}
	return k
}

// commands are the recorded lines of a session, in order, with the JSON of each.
func commands(t *testing.T, s exec.Engine) (lines, results []string) {
	t.Helper()
	for _, cell := range s.Log() {
		if cell.Err != nil && !errors.Is(cell.Err, exec.ErrCheckFailed) || strings.HasPrefix(cell.Command, "export session") || strings.HasPrefix(cell.Command, "help") {
			continue
		}
		text, err := cell.JSON(true)
		if err != nil {
			t.Fatal(err)
		}
		lines, results = append(lines, cell.Command), append(results, string(text))
	}
	return lines, results
}

// replaysAs fails unless the notebook replays with exit 0 from wherever it is called,
// and its commands, run without the terminal, give result for result the same JSON.
func replaysAs(t *testing.T, path string, live *exec.Session) []string {
	t.Helper()
	lines, want := commands(t, live)
	fp4tui(t, "replay", path).want(t, 0)
	sources, _, err := exec.CommandsOf(path)
	if err != nil {
		t.Fatal(err)
	}
	fresh := session(exec.Options{Dir: filepath.Dir(path)})
	for _, source := range sources {
		fresh.Run(context.Background(), source.Text, nil)
	}
	again, got := commands(t, fresh)
	if !slices.Equal(lines, again) {
		t.Fatalf("the session ran\n%s\nits notebook\n%s", strings.Join(lines, "\n"), strings.Join(again, "\n"))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%s\nlive     %s\nreplayed %s", lines[i], want[i], got[i])
		}
	}
	return lines
}

// TestKeysReplay is the promise of the product: a session done by keys and saved gives
// the same results when it is replayed without a terminal.
func TestKeysReplay(t *testing.T) {
	if testing.Short() {
		t.Skip("products of whole layers")
	}
	dir := t.TempDir()
	live := session(exec.Options{Dir: dir})
	k := newKeyboard(t, views.Options{Engine: live, Tour: tourCommands()})
	k.press("enter")                                               // the tour, then its layers
	k.press("/", "'layer.0.intermediate.dense'", "enter", "enter") // a layer
	k.press("r")                                                   // run it, its reference, their difference
	k.press("w", "w", "b", "enter", "esc", "m", "a", "z", "b", "z", "a", "+", "t", "j", "esc")
	k.press("x", "enter")                                                                // a check from the screen
	k.press(":", "'stat w.scale'", "enter", "esc", "u", ":", "'hist y'", "enter", "esc") // undo leaves no trace
	k.press(":", "'y4 = gemm x w mode=w4a4'", "enter", ":", "'nosuch'", "enter", "esc")
	k.press("s", "enter", "q")
	if !k.quit {
		t.Error("q after saving asks again")
	}
	saved, err := filepath.Glob(filepath.Join(dir, "*.fp4.md"))
	if err != nil || len(saved) != 1 {
		t.Fatalf("saved %v, %v", saved, err)
	}
	lines := replaysAs(t, saved[0], live)
	for _, prefix := range []string{"c = load tour:minilm-w4a16", "w = layer c encoder.layer.0.intermediate.dense", "expect ", "hist y", "y4 = gemm x w mode=w4a4"} {
		if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, prefix) }) {
			t.Errorf("the session has no %q:\n%s", prefix, strings.Join(lines, "\n"))
		}
	}
	for _, moving := range []string{"map ", "top ", "info ", "stat ", "nosuch"} {
		if slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, moving) }) {
			t.Errorf("looking was recorded: %s\n%s", moving, strings.Join(lines, "\n"))
		}
	}
}

// TestKeysReplayElsewhere does the same on a checkpoint beside the session, saves the
// notebook in a directory below and replays it when the whole tree has moved.
func TestKeysReplayElsewhere(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "model"), os.DirFS(sample(t, "minilm-w4a4"))); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "notes", "empty"), "")
	live := session(exec.Options{Dir: dir})
	k := newKeyboard(t, views.Options{Engine: live, Path: "model"})
	k.press("/", "'intermediate'", "enter", "enter", "r", "x", "enter")
	k.press(":", "'export session notes/keys.fp4.md'", "enter")
	moved := filepath.Join(t.TempDir(), "moved")
	if err := os.Rename(dir, moved); err != nil {
		t.Fatal(err)
	}
	text := cat(t, filepath.Join(moved, "notes", "keys.fp4.md"))
	if strings.Contains(text, dir) || !strings.Contains(text, `"model": {path: "../model"`) {
		t.Errorf("the notebook is tied to its place:\n%s", text[:min(len(text), 400)])
	}
	if o := fp4tui(t, "replay", filepath.Join(moved, "notes", "keys.fp4.md")).want(t, 0); !strings.Contains(o.out, " passed, 0 failed, 0 skipped") {
		t.Errorf("%q", o.out)
	}
	if lines, _ := commands(t, live); len(lines) < 5 {
		t.Errorf("the session ran only\n%s", strings.Join(lines, "\n"))
	}
}

// Without a place for a configuration there is none: service accounts have HOME=/dev/null.
func TestNoPlaceForKeys(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no HOME")
	}
	t.Setenv("HOME", os.DevNull)
	t.Setenv("XDG_CONFIG_HOME", "")
	if _, err := (&app{}).ownKeys(); err != nil {
		t.Error(err)
	}
}
