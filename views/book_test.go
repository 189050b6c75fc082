package views

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"fp4tui/exec"
	"fp4tui/exec/notebook"
	"fp4tui/views/text"
)

// shelf is a fake engine that keeps notebooks in memory.
type shelf struct {
	*fakeEngine
	files     map[string]string
	refuse    error
	baselines int
}

func (s *shelf) ReadNotebook(name string) ([]byte, error) {
	if text, ok := s.files[name]; ok {
		return []byte(text), nil
	}
	return nil, os.ErrNotExist
}

func (s *shelf) SaveNotebook(_ context.Context, name string, was, now []byte) ([]byte, error) {
	if s.refuse != nil {
		return nil, s.refuse
	}
	if s.files[name] != string(was) {
		return nil, fmt.Errorf("%s changed", name)
	}
	s.files[name] = string(now)
	s.unsaved = 0
	return now, nil
}

func (s *shelf) Baseline() { s.baselines++; s.unsaved = 0 }

// pageOf writes a notebook of commands with the outputs that the fake engine gives; a
// command that begins with "!" gets another one.
func pageOf(t *testing.T, f *fakeEngine, commands ...string) string {
	t.Helper()
	b := notebook.New("Is intermediate.dense healthy?")
	b.Note("Saturation doubled with the new calibration.")
	for _, line := range commands {
		command, changed := strings.CutPrefix(line, "!")
		name, rest, bound := strings.Cut(command, " = ")
		if !bound {
			name, rest = "", command
		}
		result, err := f.answer(name, rest)
		if err != nil && result == nil {
			t.Fatal(err)
		}
		out := strings.Join(text.Render(result, text.Options{}), "\n")
		if changed {
			out = strings.Replace(out, "0.0938600", "0.0941000", 1)
		}
		if strings.HasPrefix(command, "expect") {
			out = ""
		}
		b.Add(command, out, "")
	}
	return string(b.Bytes())
}

var page = []string{"c = load x", "w = layer c intermediate.dense", "x = randn 128 384 seed=1", "y = gemm x w", "!e = diff y r", "expect e.rel_l2 < 0.01", "top e 3", "codes w"}

// reading is a driver on an open notebook.
func reading(t *testing.T, w, h int, commands ...string) (*driver, *shelf) {
	s := &shelf{fakeEngine: newFake(), files: map[string]string{}}
	s.files["calib.fp4.md"] = pageOf(t, s.fakeEngine, commands...)
	return newDriver(t, Options{Engine: s, Book: &Book{Path: "calib.fp4.md", Data: []byte(s.files["calib.fp4.md"])}}, w, h), s
}

func TestBookFrames(t *testing.T) {
	for _, size := range [][2]int{{80, 24}, {120, 40}, {200, 60}} {
		d, s := reading(t, size[0], size[1], page...)
		d.exact()
		d.sees("[Notebook]", "CHANGED e = diff y r", "accept a · reject A", "FAIL    expect e.rel_l2 < 0.01", "6 ok · 1 changed · 1 fail", "replay exits 1", "┬ now ─")
		golden(t, fmt.Sprintf("notebook/%dx%d.never.golden", size[0], size[1]), d.screen()+"\n")
		if s.baselines != 1 || d.app.at.unsaved != 0 {
			t.Errorf("%d baselines, %d unsaved after opening", s.baselines, d.app.at.unsaved)
		}
		d.keys("k enter enter").exact()
		golden(t, fmt.Sprintf("notebook-edit/%dx%d.never.golden", size[0], size[1]), d.screen()+"\n")
		for _, profile := range []Profile{ProfileTrueColor, Profile256} {
			d, _ := reading(t, size[0], size[1], page...)
			d.app.opt.Profile = profile
			d.app.retheme(profile, true)
			golden(t, fmt.Sprintf("notebook/%dx%d.%s.golden", size[0], size[1], profile), d.screen()+"\n")
		}
	}
}

func TestBookAccept(t *testing.T) {
	d, s := reading(t, 80, 24, page...)
	d.sees("▸ 7 CHANGED") // the cursor stands on the first that needs a look
	before := s.files["calib.fp4.md"]
	d.keys("A").sees("kept as stored").keys("a").sees("accepted; s saves it", "7 ok · 1 fail", "● calib.fp4.md +1")
	d.keys("s").sees("saved calib.fp4.md · fp4tui replay calib.fp4.md", "● calib.fp4.md ")
	if want := strings.Replace(before, "0.0941000", "0.0938600", 1); s.files["calib.fp4.md"] != want {
		t.Errorf("saved\n%s\nwant\n%s", s.files["calib.fp4.md"], want)
	}
	d.keys("a").sees("nothing to accept").keys("w").sees("▸ 8 FAIL").keys("q")
	if !d.quit {
		t.Error("nothing is unsaved, but q asks")
	}
}

// TestBookEdit: an edited cell and what depends on it are stale, nothing else is; R runs
// those and only those.
func TestBookEdit(t *testing.T) {
	d, s := reading(t, 80, 24, page...)
	d.keys("g g j j j j enter enter").sees(" 5 edit    x = randn 128 384 seed=1", "Ctrl-J new line")
	d.keys("backspace").types("2").keys("enter").sees("x = randn 128 384 seed=2", "edited; r runs the cell")
	d.sees("5 stale   x = randn", "6 stale   y = gemm", "7 stale   e = diff", "9 stale   top e 3", "4 ok      w = layer", "10 ok      codes w")
	n := len(s.Log())
	d.keys("s")
	if got := strings.Count(s.files["calib.fp4.md"], "out stale"); got != 4 {
		t.Errorf("%d outputs are marked stale in the file:\n%s", got, s.files["calib.fp4.md"])
	}
	d.keys("R").sees("replay: 6 ok")
	var ran []string
	for _, cell := range s.Log()[n:] {
		ran = append(ran, cell.Command)
	}
	if got := strings.Join(ran, "|"); got != "x = randn 128 384 seed=2|y = gemm x w|e = diff y r|expect e.rel_l2 < 0.01|top e 3" {
		t.Errorf("R ran %s", got)
	}
	d.keys("R").sees("nothing is stale").keys("u").sees("took the edit back", "x = randn 128 384 seed=1")
}

func TestBookInsertMoveDelete(t *testing.T) {
	d, s := reading(t, 80, 24, page[:3]...)
	d.keys("g g o").types("ls c").keys("ctrl+j").types("codes w").keys("enter").sees(" 2 —       ls c  +1")
	d.keys("r").sees(" 2 ok      ls c  +1")
	d.keys("c").types("What is here.").keys("enter").sees(" 3 note    What is here.")
	d.keys("K").sees("▸ 2 note    What is here.", " 3 ok      ls c")
	d.keys("J J").sees("▸ 4 note    What is here.")
	d.keys("o esc").misses(" 5 —").keys("s")
	doc, errs := notebook.Parse("calib.fp4.md", []byte(s.files["calib.fp4.md"]))
	if len(errs) > 0 || len(doc.Cells) != 4 || doc.Cells[0].Text != "ls c\ncodes w\n" || len(doc.Cells[0].Outs) != 1 {
		t.Fatalf("%v, cells %+v", errs, doc.Cells)
	}
	d.keys("G D").sees("deleted; u brings it back").keys("u").sees("took the edit back", "x = randn 128 384 seed=1")
	d.keys("g g j D").misses("codes w  +1").sees("replay: 3 ok")
	d.keys("g g j j j J").sees("stale")
}

// TestBookOfSession: without a file the notebook is what was recorded, and follows undo.
func TestBookOfSession(t *testing.T) {
	d := opened(t, 80, 24, ProfileNever).keys("enter g n")
	d.sees("this session   2 cells", "2 ok      c = load", "3 ok      w = layer").exact()
	d.keys(":").types("note what I saw").keys("enter").sees("4 note    what I saw")
	f := d.app.opt.Engine.(*fakeEngine)
	f.log = f.log[:len(f.log)-1]
	d.app.bookPane().follow(f.Recorded(), false)
	d.send(nil)
	d.misses("4 note")
	d.keys("s").sees(": export session minilm-w4a16.fp4.md").keys("esc c").types("A remark.").keys("enter s").sees("save as: minilm-w4a16.fp4.md", "↵ take")
	f.unsaved = 0
	d.keys("esc q").sees("save and quit") // the remark is in no file
}

func TestBookRequires(t *testing.T) {
	s := &shelf{fakeEngine: newFake(), files: map[string]string{}}
	text := "# Needs a GPU\n\n```fp4 requires=gpu\ng = gemm x w backend=cuda\n```\n\n```fp4\ndiff g y\n```\n\n```fp4\nexport y y.npy\n```\n\n```fp4\nls c\nquit\nls c\n```\n\n```fp4\nls c\n```\n"
	d := newDriver(t, Options{Engine: s, Book: &Book{Path: "a.fp4.md", Data: []byte(text), Has: func(string) (bool, string) { return false, "no GPU" }}}, 200, 60)
	d.sees("requires gpu: no GPU", "needs a skipped cell: g", "it writes a file: r runs it", "5 ok      ls c", "an earlier cell quits")
	if len(s.Log()) != 1 {
		t.Errorf("ran %+v", s.Log())
	}
	d.keys("j j j r").sees("4 ok      export y")
}

func TestBookError(t *testing.T) {
	s := &shelf{fakeEngine: newFake(), files: map[string]string{}}
	text := "```fp4 allow-error\nnosuch verb\nls c\n```\n\n```fp4\nnosuch verb\n```\n\n```fp4\nls c\n```\n"
	d := newDriver(t, Options{Engine: s, Book: &Book{Path: "a.fp4.md", Data: []byte(text)}}, 80, 24)
	d.sees("1 ok      nosuch verb  +1", "▸ 2 ERROR   nosuch verb", "3 skipped ls c", "not run: cell 2 failed", "exits 3")
	s.refuse = os.ErrPermission
	d.keys("o").types("ls c").keys("enter s").sees("permission denied", "+1").keys("q").sees("save and quit").keys("s")
	if d.quit {
		t.Error("quit although saving failed")
	}
	s.refuse = nil
	d.keys("esc q")
	s.files["a.fp4.md"] = text
	d.keys("s")
	if !d.quit || !strings.Contains(s.files["a.fp4.md"], "ls c\n```\n\n```fp4\nls c") {
		t.Errorf("save and quit: %v\n%s", d.quit, s.files["a.fp4.md"])
	}
}

// TestEditorProgram: $EDITOR gets the cell in a file, and what it leaves is the cell.
func TestEditorProgram(t *testing.T) {
	d, _ := reading(t, 80, 24, page...)
	t.Setenv("VISUAL", "")
	t.Setenv("EDITOR", "code --wait")
	if got := editorCommand(); len(got) != 2 || got[1] != "--wait" {
		t.Errorf("editor %q", got)
	}
	p := d.app.bookPane()
	d.keys("g g j j")
	file := filepath.Join(t.TempDir(), "cell.fp4")
	if err := os.WriteFile(file, []byte("c = load other\nls c\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d.send(editedMsg{item: p.items[p.focus()], file: file})
	d.sees("3 stale   c = load other  +1")
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Error("the temporary file stays")
	}
	d.send(editedMsg{item: p.items[p.focus()], file: file, err: os.ErrPermission})
	d.sees("the editor failed")
	if cmd := d.app.editOutside(p.focus(), "text"); cmd == nil {
		t.Error("no editor is started")
	}
}

func TestTextarea(t *testing.T) {
	a := newTextarea("one\ntwo")
	for _, step := range []struct{ key, want string }{
		{"home", "one\ntwo"}, {"backspace", "onetwo"}, {"left", "onetwo"}, {"delete", "ontwo"},
	} {
		a.edit(keyMsg(step.key))
		if a.String() != step.want {
			t.Errorf("%s: %q, want %q", step.key, a.String(), step.want)
		}
	}
	a.breakLine()
	a.insert("x\ny")
	a.edit(keyMsg("up"))
	a.edit(keyMsg("end"))
	a.edit(keyMsg("delete"))
	if a.String() != "on\nxytwo" {
		t.Errorf("%q", a.String())
	}
	a.edit(keyMsg("home"))
	a.edit(keyMsg("left"))
	if a.row != 0 || a.line().at != 2 {
		t.Errorf("at %d,%d", a.row, a.line().at)
	}
	a.edit(keyMsg("right"))
	if a.row != 1 {
		t.Error("right does not go to the next line")
	}
}

func TestReach(t *testing.T) {
	r := reachOf([]string{"y = gemm x w backend=emu # z", "let tol = 2 * e.max", "set arch=sm90"})
	for _, name := range []string{"y", "tol"} {
		if !r.defines[name] {
			t.Errorf("does not define %s: %v", name, r.defines)
		}
	}
	for _, name := range []string{"x", "w", "e"} {
		if !r.uses[name] {
			t.Errorf("does not use %s: %v", name, r.uses)
		}
	}
	if r.uses["z"] || r.defines["gemm"] || !r.wide {
		t.Errorf("%+v", r)
	}
}

func TestBookMouse(t *testing.T) {
	d, _ := reading(t, 80, 24, page...)
	d.send(tea.MouseClickMsg{X: 14, Y: 6, Button: tea.MouseLeft})
	d.sees("▸ 4 ok")
	d.keys("/").types("codes").keys("enter").sees("▸10 ok").keys("y y").sees("copied command", "codes w")
	for what, want := range map[string]string{"p": "calib.fp4.md:", "v": "16 of 16 used, positive", "t": "copied table"} {
		d.keys("y " + what)
		if !strings.Contains(fmt.Sprint(d.out)+d.screen(), want) {
			t.Errorf("y %s: %v", what, d.out)
		}
	}
}

var _ exec.Engine = (*shelf)(nil)

// TestBookCancel: what waited when the job was cancelled no longer waits.
func TestBookCancel(t *testing.T) {
	s := &shelf{fakeEngine: newFake(), files: map[string]string{}}
	s.block = make(chan struct{})
	text := pageOf(t, s.fakeEngine, "c = load x", "y = gemm x w", "ls c")
	d := newDriver(t, Options{Engine: s, Path: ""}, 80, 24)
	d.app.opt.Book = &Book{Path: "a.fp4.md", Data: []byte(text)}
	d.app.bookPane().book = newBook(d.app.opt.Book)
	d.app.nav.view, d.async = notebookView, true
	d.do(d.app.runAll(0))
	for !strings.Contains(d.screen(), "running y = gemm") {
		if len(d.held) == 0 {
			t.Fatal("gemm was never started")
		}
		cmd := d.held[0]
		d.held = d.held[1:]
		switch msg := cmd().(type) {
		case tea.BatchMsg:
			d.held = append(d.held, msg...)
		case ranMsg, answerMsg:
			d.send(msg)
		}
	}
	d.sees("ok      c = load x", "waits   ls c").keys("ctrl+c")
	d.async = false
	for len(d.held) > 0 {
		cmd := d.held[0]
		d.held = d.held[1:]
		d.do(cmd)
	}
	d.sees("cancelled at 43%", "replay: 1 ok · 2 not run")
	if d.app.bookPane().opening {
		t.Error("the notebook is still being opened")
	}
}

// TestBookInputs: a file that is not the one that was recorded is named, as replay does.
func TestBookInputs(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "x.npy"), []byte("other"), 0o600); err != nil {
		t.Fatal(err)
	}
	sum, err := notebook.HashPath(t.Context(), filepath.Join(dir, "x.npy"))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ hash, sees string }{{sum, "1 ok"}, {strings.Repeat("a", 64), "input X: x.npy is not the file that was recorded"}} {
		text := "---\nfp4tui: 1\ninputs:\n  X: {path: x.npy, sha256: " + test.hash + "}\n---\n\n```fp4\nx = load X\n```\n"
		d := newDriver(t, Options{Engine: newFake(), Book: &Book{Path: filepath.Join(dir, "a.fp4.md"), Data: []byte(text)}}, 120, 40)
		d.sees(test.sees)
		if bad := test.hash != sum; bad != strings.Contains(d.screen(), "exits 3") {
			t.Errorf("the exit code that is told:\n%s", d.screen())
		}
	}
}
