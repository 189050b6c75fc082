package journal

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"fp4tui/exec/notebook"
)

var start = time.Date(2026, 11, 22, 14, 2, 0, 0, time.UTC)

// session writes three cells, the second from a file, and takes the third back.
func session(t *testing.T, dir string) *Journal {
	t.Helper()
	j := New(dir, start)
	j.Add("a = randn 2 4 seed=1", "a: bf16 2×4", nil)
	j.Add("x = load x.npy", "x: f32", []notebook.Input{{Name: "x.npy", Path: "/data/x.npy"}})
	j.Add("stat a", "values 8\n```\nmore", nil)
	j.Undo()
	if err := j.Err(); err != nil {
		t.Fatal(err)
	}
	return j
}

// crash ends a session as kill -9 does: the kernel lets its lock go.
func crash(j *Journal) { j.held.file.Close(); j.file.Close() }

func list(t *testing.T, dir string) []Left {
	t.Helper()
	left, err := List(dir)
	if err != nil {
		t.Fatal(err)
	}
	return left
}

func TestCrash(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state", "journal")
	if left := list(t, dir); len(left) != 0 {
		t.Errorf("a directory that is not there holds %v", left)
	}
	j := session(t, dir)
	if left := list(t, dir); len(left) != 0 {
		t.Errorf("a running session is offered: %v", left)
	}
	if _, err := (Left{Path: j.Path()}).Claim(); !errors.Is(err, ErrHeld) {
		t.Errorf("a running session can be claimed: %v", err)
	}
	crash(j)
	left := list(t, dir)
	if len(left) != 1 {
		t.Fatalf("%d journals", len(left))
	}
	if got := left[0]; !slices.Equal(got.Commands, []string{"a = randn 2 4 seed=1", "x = load x.npy"}) || got.Unsaved != 4 || got.Damage != "" ||
		len(got.Inputs) != 1 || got.Inputs[0].Path != "/data/x.npy" || got.Stopped.IsZero() {
		t.Errorf("left %+v", got)
	}
	data, err := os.ReadFile(j.Path())
	if err != nil {
		t.Fatal(err)
	}
	doc, errs := notebook.Parse("j.fp4.md", data)
	if len(errs) > 0 || len(doc.Cells) != 4 || doc.Cells[2].Outs[0].Text != "values 8\n```\nmore\n" {
		t.Errorf("%v, %d cells of\n%s", errs, len(doc.Cells), data)
	}
	done, err := left[0].Claim()
	if err != nil {
		t.Fatal(err)
	}
	if len(list(t, dir)) != 0 {
		t.Error("a journal that is being recovered is offered again")
	}
	if err := done(false); err != nil || len(list(t, dir)) != 1 {
		t.Errorf("given back: %v, %d offered", err, len(list(t, dir)))
	}
	done, err = left[0].Claim()
	if err != nil {
		t.Fatal(err)
	}
	if err := done(true); err != nil {
		t.Fatal(err)
	}
	if names, _ := os.ReadDir(dir); len(names) != 0 {
		t.Errorf("left in the directory: %v", names)
	}
	if _, err := left[0].Claim(); err == nil {
		t.Error("a journal that is gone can be claimed")
	}
}

// TestFlushed: what Add returned from is in the file, whatever becomes of the process.
func TestFlushed(t *testing.T) {
	j := New(t.TempDir(), start)
	for i := range 20 {
		j.Add(fmt.Sprintf("let v%d = %d", i, i), "", nil)
		data, err := os.ReadFile(j.Path())
		if err != nil || !strings.Contains(string(data), fmt.Sprintf("let v%d = %d\n```\n", i, i)) {
			t.Fatalf("command %d is not in the file: %v\n%s", i, err, data)
		}
	}
	if info, err := os.Stat(j.Path()); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v: others can read what was typed", info.Mode(), err)
	}
}

func TestSavedLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	saved := session(t, dir)
	saved.Saved()
	crash(saved)
	if left := list(t, dir); len(left) != 0 {
		t.Errorf("everything was saved, but %+v is offered", left)
	}
	if _, err := os.Stat(saved.Path()); !os.IsNotExist(err) {
		t.Error("the journal of a saved session stays")
	}
	more := session(t, dir)
	more.Saved()
	more.Undo()
	crash(more)
	if left := list(t, dir); len(left) != 1 || left[0].Unsaved != 1 {
		t.Errorf("an undo after saving is lost: %+v", left)
	}
	empty := New(dir, start)
	empty.Saved()
	if empty.Path() != "" || empty.Close(true) != nil {
		t.Error("a session without commands has a file")
	}
	back := New(t.TempDir(), start)
	back.Add("let a = 1", "", nil)
	back.Undo()
	crash(back)
	if left := list(t, filepath.Dir(back.Path())); len(left) != 0 {
		t.Errorf("all was taken back, but %+v is offered", left)
	}
}

func TestClose(t *testing.T) {
	dir := t.TempDir()
	kept, gone := session(t, dir), session(t, dir)
	if kept.Path() == gone.Path() {
		t.Fatalf("two sessions share %s", kept.Path())
	}
	if err := errors.Join(kept.Close(false), gone.Close(true)); err != nil {
		t.Fatal(err)
	}
	names, _ := os.ReadDir(dir)
	if len(names) != 1 || names[0].Name() != filepath.Base(kept.Path()) {
		t.Errorf("left: %v", names)
	}
	if kept.Close(true) != nil {
		t.Error("closing twice fails")
	}
	kept.Add("let a = 1", "", nil) // after the end: no panic
}

// TestDamage cuts a journal at every byte, and spoils its end: what was whole is read,
// nothing panics, and the loss is said.
func TestDamage(t *testing.T) {
	dir := t.TempDir()
	j := session(t, dir)
	crash(j)
	whole, err := os.ReadFile(j.Path())
	if err != nil {
		t.Fatal(err)
	}
	third := strings.Index(string(whole), "x = load")
	for n := range whole {
		if err := os.WriteFile(j.Path(), whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		left, err := read(j.Path())
		if err != nil {
			t.Fatalf("cut at %d: %v", n, err)
		}
		if n > third && (len(left.Commands) < 1 || left.Commands[0] != "a = randn 2 4 seed=1") {
			t.Fatalf("cut at %d: %+v", n, left)
		}
	}
	for _, spoiled := range []string{string(whole) + strings.Repeat("\x00", 4096), string(whole) + "\xff\xfe", string(whole) + "```fp4\nstat"} {
		if err := os.WriteFile(j.Path(), []byte(spoiled), 0o600); err != nil {
			t.Fatal(err)
		}
		if left := list(t, dir); len(left) != 1 || len(left[0].Commands) != 2 || left[0].Damage == "" {
			t.Errorf("%q: %+v", spoiled[len(whole):][:2], left)
		}
	}
	if err := os.WriteFile(j.Path(), []byte("\x00\x00\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	if left := list(t, dir); len(left) != 1 || left[0].Commands != nil || left[0].Damage == "" {
		t.Errorf("nothing readable: %+v", left)
	}
}

func TestNoPlace(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	j := New(filepath.Join(file, "journal"), start)
	j.Add("let a = 1", "", nil)
	if j.Err() == nil || !strings.HasPrefix(j.Err().Error(), "autosave: ") {
		t.Errorf("a journal below a file: %v", j.Err())
	}
	j.Undo()
	if j.Close(true) != nil {
		t.Error("closing what never was fails")
	}
}

// TestKill is the real thing: a process is killed while it writes.
func TestKill(t *testing.T) {
	if dir := os.Getenv("FP4TUI_TEST_JOURNAL"); dir != "" {
		j := New(dir, time.Now())
		for i := 0; ; i++ {
			j.Add(fmt.Sprintf("let v%d = %d", i, i), strings.Repeat("output ", 10), nil)
			fmt.Println(i)
		}
	}
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKill$")
	cmd.Env = append(os.Environ(), "FP4TUI_TEST_JOURNAL="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	last := -1
	for last < 25 {
		if _, err := fmt.Fscan(out, &last); err != nil {
			t.Fatal(err)
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for {
		var n int
		if _, err := fmt.Fscan(out, &n); err != nil {
			break
		}
		last = n
	}
	_ = cmd.Wait()
	left := list(t, dir)
	if len(left) != 1 || len(left[0].Commands) <= last {
		t.Fatalf("command %d was finished; left %+v", last, left)
	}
}

func TestStateDir(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", filepath.Join(t.TempDir(), "state"))
	if dir, err := Dir(); err != nil || dir != filepath.Join(os.Getenv("XDG_STATE_HOME"), "fp4tui", "journal") {
		t.Errorf("%s, %v", dir, err)
	}
	t.Setenv("XDG_STATE_HOME", "relative") // the specification: to be ignored
	if dir, err := StateDir(); err != nil || strings.Contains(dir, "relative") {
		t.Errorf("%s, %v", dir, err)
	}
}

// TestOpened: a journal knows what its session was started on, and what it took over.
func TestOpened(t *testing.T) {
	for _, path := range []string{"", "/models/a b", "/-->\n```fp4\n\xff"} {
		j := New(t.TempDir(), start)
		j.Open(path)
		j.Add("let a = 1", "a = 1", nil)
		crash(j)
		left := list(t, j.dir)
		if len(left) != 1 || left[0].Opened != path || len(left[0].Commands) != 1 || left[0].Damage != "" {
			t.Errorf("%q: left %+v", path, left)
		}
	}
	j := New(t.TempDir(), start)
	j.Open("/models/a")
	j.Add("let a = 1", "a = 1", nil)
	j.Open("/models/b")
	j.Add("let b = 1", "b = 1", nil)
	crash(j)
	if left := list(t, j.dir); len(left) != 1 || left[0].Opened != "/models/b" || len(left[0].Commands) != 2 {
		t.Errorf("left %+v", left)
	}
}

// TestDraft: the edited page outlives its session, until it is saved or thrown away.
func TestDraft(t *testing.T) {
	dir, page := t.TempDir(), []byte("---\nfp4tui: 1\n---\n\n# Moved\n\nlines \"as they are\"\n")
	j := New(dir, start)
	if err := j.Draft("a b\n.fp4.md", page); err != nil {
		t.Fatal(err)
	}
	crash(j)
	left := list(t, dir)
	if len(left) != 1 || string(left[0].Page) != string(page) || left[0].PageOf != "a b\n.fp4.md" || len(left[0].Commands) != 0 {
		t.Fatalf("left %+v", left)
	}
	if err := os.WriteFile(j.Path()+draftName, []byte("page of \"x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if left := list(t, dir); len(left) != 0 {
		t.Errorf("half a page is offered: %+v", left)
	}
	for name, end := range map[string]func(j *Journal) error{
		"saved":   func(j *Journal) error { j.Saved(); return nil },
		"dropped": func(j *Journal) error { return j.Draft("", nil) },
		"closed":  func(j *Journal) error { return j.Close(true) },
		"claimed": func(j *Journal) error {
			crash(j)
			done, err := list(t, filepath.Dir(j.Path()))[0].Claim()
			if err != nil {
				return err
			}
			return done(true)
		},
	} {
		j := New(t.TempDir(), start)
		if err := errors.Join(j.Draft("", page), end(j)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := os.Stat(j.Path() + draftName); !os.IsNotExist(err) {
			t.Errorf("%s: the page is still there", name)
		}
	}
}
