package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fp4tui/exec"
	"fp4tui/exec/journal"
	"fp4tui/views"
)

// lose runs commands in a session that then dies, and gives what it left behind.
func lose(t *testing.T, work string, lines ...string) []journal.Left {
	t.Helper()
	dir, err := journal.Dir()
	if err != nil {
		t.Fatal(err)
	}
	j := journal.New(dir, time.Now())
	s := (&app{computers: newComputers()}).kept(exec.Options{Dir: work}, j)
	for _, line := range lines {
		if cell := s.Run(context.Background(), line, nil); cell.Err != nil && !errors.Is(cell.Err, exec.ErrCheckFailed) {
			t.Fatal(cell.Err)
		}
	}
	if err := j.Close(false); err != nil {
		t.Fatal(err)
	}
	return (&app{}).left()
}

// lost keeps the journals of a test to itself.
func lost(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	t.Setenv("FP4TUI_NO_JOURNAL", "")
}

// TestJournalReplays: the journal of a killed session is a notebook that replays with
// exit 0, wherever it is called from, undone commands and failed checks included.
func TestJournalReplays(t *testing.T) {
	lost(t)
	work := t.TempDir()
	put(t, filepath.Join(work, "x.fp4"), "x = randn 2 32 seed=1\n")
	left := lose(t, work, "source x.fp4", "stat x", "undo", "expect x.nan == 0", "note what I saw")
	if len(left) != 1 || len(left[0].Commands) != 3 || left[0].Unsaved != 5 {
		t.Fatalf("left %+v", left)
	}
	if o := fp4tui(t, "replay", left[0].Path).want(t, 0); !strings.Contains(o.out, "5 passed, 0 failed") {
		t.Errorf("%q", o.out)
	}
}

// TestRecoverKeys: the terminal UI offers the lost session, and r brings it back.
func TestRecoverKeys(t *testing.T) {
	lost(t)
	work := t.TempDir()
	put(t, filepath.Join(work, "a.fp4"), "a = randn 2 32 seed=1\n")
	left := lose(t, work, "source a.fp4", "expect a.nan == 7", "export a a.npy", "stat a")
	live := session(exec.Options{Dir: t.TempDir()}) // another directory
	k := newKeyboard(t, views.Options{Engine: live, Recover: recoveries(left, live, nil, "")})
	if text := k.app.View().Content; !strings.Contains(text, "3 commands, stopped") || !strings.Contains(text, "1 export is not repeated") {
		t.Errorf("the offer is\n%s", text)
	}
	k.press("r")
	if lines, _ := commands(t, live); strings.Join(lines, "|") != "source a.fp4|expect a.nan == 7|stat a" {
		t.Errorf("recovered %q", lines)
	}
	if again := (&app{}).left(); len(again) != 0 {
		t.Errorf("offered again: %+v", again)
	}
	left = lose(t, work, "source a.fp4", "stat a")
	if err := os.Remove(filepath.Join(work, "a.fp4")); err != nil {
		t.Fatal(err)
	}
	live = session(exec.Options{Dir: t.TempDir()})
	k = newKeyboard(t, views.Options{Engine: live, Recover: recoveries(left, live, nil, "")})
	k.press("r")
	if text := k.app.View().Content; !strings.Contains(text, "recovered 0 of 2; the rest stays") {
		t.Errorf("a recovery that fails says\n%s", text)
	}
	left = (&app{}).left()
	if len(left) != 1 {
		t.Fatalf("a recovery that failed lost the journal: %+v", left)
	}
	k = newKeyboard(t, views.Options{Engine: live, Recover: recoveries(left, live, nil, "")})
	k.press("esc")
	if len((&app{}).left()) != 1 {
		t.Error("later removed the journal")
	}
	k.press("q")
	k = newKeyboard(t, views.Options{Engine: live, Recover: recoveries(left, live, nil, "")})
	k.press("d")
	if len((&app{}).left()) != 0 {
		t.Error("discard left the journal")
	}
}

// TestRecoverElsewhere: a session lost on one checkpoint, a start on another. Enter leaves
// everything as it is; who recovers saves under the name of the lost one.
func TestRecoverElsewhere(t *testing.T) {
	lost(t)
	a, b := sample(t, "minilm-w4a16"), sample(t, "minilm-mxfp4")
	t.Chdir(t.TempDir())
	leave := func(path string, lines ...string) []journal.Left {
		j := (&app{}).newJournal(path)
		s := (&app{computers: newComputers()}).kept(exec.Options{}, j)
		for _, line := range lines {
			if cell := s.Run(t.Context(), line, nil); cell.Err != nil {
				t.Fatal(cell.Err)
			}
		}
		if err := j.Close(false); err != nil {
			t.Fatal(err)
		}
		return (&app{}).left()
	}
	left := leave(a, "c = load "+a, "w = layer c 0.attention.output.dense")
	start := func(path string) (*keyboard, *exec.Session) {
		live := session(exec.Options{})
		return newKeyboard(t, views.Options{Engine: live, Path: path, Notebook: freshNotebook(".", path), Recover: recoveries(left, live, nil, path)}), live
	}
	logged := func(s *exec.Session) string { lines, _ := commands(t, s); return strings.Join(lines, "|") }

	k, live := start(b)
	if text := k.frameAt(80, 24); !shows(text, "[ Esc later ]") || !shows(text, "load     "+a[:20]) || !shows(text, "now      "+b[:20]) {
		t.Errorf("the offer is\n%s", text)
	}
	k.press("enter")
	if got := logged(live); got != "c = load "+b || len((&app{}).left()) != 1 {
		t.Errorf("Enter ran %s and left %d", got, len((&app{}).left()))
	}
	k, _ = start(a)
	if text := k.frameAt(80, 24); !shows(text, "[ r recover: run it again ]") || shows(text, "now  ") {
		t.Errorf("of the same path the offer is\n%s", text)
	}
	var out bytes.Buffer
	r := &lineREPL{printer: printer{app: &app{streams: streams{strings.NewReader(""), &out, &out}}}, session: session(exec.Options{}), path: b}
	if r.offer(left); !strings.Contains(out.String(), "it loaded "+a+"\n") || !strings.Contains(out.String(), "recover takes the names of "+b+",") {
		t.Errorf("the line REPL says\n%s", out.String())
	}
	k, live = start(b)
	k.press("r", "s", "enter")
	if got := logged(live); !strings.HasSuffix(got, "|c = load "+a+"|w = layer c 0.attention.output.dense") {
		t.Errorf("recovered %s", got)
	}
	if _, err := os.Stat("minilm-w4a16.fp4.md"); err != nil {
		t.Errorf("%v\n%s", err, k.frameAt(80, 24))
	}
}

// TestRecoverBesideANotebook: what is recovered into a session that has a notebook open does
// not go to the file of that notebook.
func TestRecoverBesideANotebook(t *testing.T) {
	lost(t)
	dir := t.TempDir()
	left := lose(t, dir, "let b = 2")
	file := filepath.Join(dir, "n.fp4.md")
	page := "---\nfp4tui: 1\n---\n\n# Mine\n\n```fp4\nlet a = 1\n```\n\n```out\na = 1\n```\n"
	put(t, file, page)
	book, opt, err := openBook(file, "")
	if err != nil {
		t.Fatal(err)
	}
	live := session(opt)
	k := newKeyboard(t, views.Options{Engine: live, Book: book, Recover: recoveries(left, live, nil, file)})
	k.press("r", "s", "enter")
	if got := cat(t, file); got != page {
		t.Errorf("the notebook is now\n%s", got)
	}
	if got := cat(t, filepath.Join(dir, "session.fp4.md")); !strings.Contains(got, "let b = 2") {
		t.Errorf("saved\n%s", got)
	}
}

// talk is a line REPL on a terminal that is not one.
func talk(t *testing.T, left []journal.Left, s *exec.Session, lines ...string) string {
	t.Helper()
	var out bytes.Buffer
	a := &app{streams: streams{strings.NewReader(""), &out, &out}}
	r := &lineREPL{printer: printer{app: a, digits: 4}, session: s, terminal: true}
	r.offer(left)
	for _, line := range lines {
		run := func(line string) error { return r.run(t.Context(), line) }
		if settled, err := r.settleLost(run, line); err != nil {
			t.Fatal(err)
		} else if !settled {
			_ = run(line)
		}
	}
	return out.String()
}

func TestRecoverREPL(t *testing.T) {
	lost(t)
	left := lose(t, t.TempDir(), "a = randn 2 32 seed=1", "stat a")
	s := session(exec.Options{})
	out := talk(t, left, s, "recover", "recover")
	for _, part := range []string{"an earlier session was not saved: 2 commands, stopped", "type recover to run it again, discard to delete it: ", "a = randn 2 32 seed=1\n", "recovered 2 commands; export session session.fp4.md saves the session\n", `unknown command "recover"`} {
		if !strings.Contains(out, part) {
			t.Errorf("no %q in\n%s", part, out)
		}
	}
	if len((&app{}).left()) != 0 || s.Unsaved() != 2 {
		t.Errorf("%d offered again, %d unsaved", len((&app{}).left()), s.Unsaved())
	}
	left = lose(t, t.TempDir(), "a = randn 2 32 seed=1")
	talk(t, left, s, "discard")
	if len((&app{}).left()) != 0 {
		t.Error("discard left the journal")
	}
}

// TestNoJournal: whoever wants no traces leaves none; a pipe never does.
func TestNoJournal(t *testing.T) {
	lost(t)
	if (&app{noJournal: true}).newJournal("") != nil {
		t.Error("--no-journal keeps a journal")
	}
	t.Setenv("FP4TUI_NO_JOURNAL", "1")
	if (&app{}).newJournal("") != nil || (&app{}).left() != nil {
		t.Error("FP4TUI_NO_JOURNAL keeps a journal")
	}
	t.Setenv("FP4TUI_NO_JOURNAL", "")
	piped(t, t.Context(), "let a = 1\n", "repl").want(t, 0)
	fp4tui(t, "run", "-c", "let a = 1").want(t, 0)
	if files, err := os.ReadDir(os.Getenv("XDG_STATE_HOME")); err != nil || len(files) != 0 {
		t.Errorf("%v, %v", files, err)
	}
}

// TestOwnKeys: keys.toml of the configuration directory counts, --keys counts more, and a
// mistake stops the program before it draws.
func TestOwnKeys(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", dir)
	t.Setenv("HOME", dir)
	t.Setenv("AppData", dir)
	if _, err := (&app{}).ownKeys(); err != nil {
		t.Errorf("no file: %v", err)
	}
	config, err := os.UserConfigDir()
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(config, "fp4tui", "keys.toml"), "[keys]\nsrot = \"Z\"\n")
	if o := fp4tui(t).want(t, exec.ExitUsage); !strings.Contains(o.stderr, `keys.toml:2:1: no action is called "srot"; did you mean sort?`) {
		t.Errorf("%q", o.stderr)
	}
	good := filepath.Join(dir, "good.toml")
	put(t, good, "[keys]\nsort = \"Z\"\n")
	if _, err := (&app{keys: good}).ownKeys(); err != nil {
		t.Error(err)
	}
	fp4tui(t, "--keys", filepath.Join(dir, "absent.toml")).want(t, exec.ExitEnvironment)
}

// TestHistory: typed commands last, sessions share them, whoever wants no traces leaves
// none, and a file that is no history harms nothing.
func TestHistory(t *testing.T) {
	lost(t)
	h, other := (&app{}).openHistory(), (&app{}).openHistory()
	h.remember("stat x")
	other.remember("gemm x w \\\n  out=f32")
	h.remember("stat x")
	h.remember("  ")
	again := (&app{}).openHistory()
	if got := strings.Join(again.lines, "|"); got != "stat x|gemm x w    out=f32" || again.Len() != 2 || again.At(1) != "stat x" {
		t.Errorf("kept %q", got)
	}
	if info, err := os.Stat(h.file); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("%v: others can read what was typed", err)
	}
	put(t, h.file, strings.Repeat("let a = 1\nlet b = 2\n", 3*maxHistory)+"\xff\xfe\n\n"+strings.Repeat("x", 2*maxHistoryLine)+"\n")
	if h = (&app{}).openHistory(); h.Len() != maxHistory || h.At(0) != "let b = 2" {
		t.Errorf("%d lines, the last %q", h.Len(), h.At(0))
	}
	if text := cat(t, h.file); strings.Count(text, "\n") != maxHistory {
		t.Errorf("the file has %d lines", strings.Count(text, "\n"))
	}
	if h = (&app{noJournal: true}).openHistory(); h.Len() != 0 {
		t.Error("--no-journal reads the history")
	}
	h.remember("secret")
	if strings.Contains(cat(t, (&app{}).openHistory().file), "secret") {
		t.Error("--no-journal writes the history")
	}
}
