package exec

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fp4tui/exec/notebook"
	"fp4tui/inspect"
)

// replay runs a saved notebook in a session of its own, with the rights of a replay.
func replay(t *testing.T, path string) notebook.Report {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	doc, errs := notebook.Parse(filepath.ToSlash(path), text)
	access := notebook.Access{Dir: filepath.Dir(path), Inputs: doc.Front.Inputs, Out: t.TempDir()}
	opt := options(access.Dir)
	opt.Read, opt.Write = access.Read, access.Write
	return notebook.Replay(context.Background(), doc, errs, notebook.Options{Access: access, Classify: Classify}, New(opt).Runner())
}

// holds fails unless every cell of a report ran and its output was the stored one.
func holds(t *testing.T, report notebook.Report, cells int) {
	t.Helper()
	if code := notebook.ExitCode([]notebook.Report{report}, true); code != 0 || len(report.Cells) != cells || report.Skip != "" {
		t.Errorf("exit %d, %d cells, skip %q, usage %v, faults %v", code, len(report.Cells), report.Skip, report.Usage, report.Faults)
	}
	for _, c := range report.Cells {
		if c.Status != notebook.OK || c.Checks == 0 {
			t.Errorf("%s: %v %s %v", c.Command, c.Status, c.Reason, c.Err)
		}
	}
}

// local is a session whose files lie below its directory, named relative to it.
func local(t *testing.T) *rig {
	t.Helper()
	r := newRig(t)
	from, err := filepath.Abs(samples)
	if err != nil {
		t.Fatal(err)
	}
	r.write("setup.fp4", "x = load in/minilm-x.npy\nx8 = randn 8 384 seed=3\n")
	if err := os.CopyFS(filepath.Join(r.dir, "in"), os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return r
}

// TestSavedSessionReplays saves a session beside its files, above and below them. Each
// notebook gives the same outputs in a fresh session; the paths of its front matter are
// those from where it lies, the commands say what was typed.
func TestSavedSessionReplays(t *testing.T) {
	r := local(t)
	r.do("c = load in/minilm-w4a16", "source setup.fp4", "w = layer c layer.0.intermediate.dense", "alias run = gemm x8 w", "set out=f32", "y = run", "r = run backend=ref",
		"q = quant x8 recipe=modelopt", "e = diff y r", "let tol = 2 * e.max_abs", "expect e.max_abs < tol", "map e size=8x4", "top e 3", "where e > 0", "info e[@max]", "hist w.scale", "lint c",
		"note Lines that are prose,", "export y y.npy", "quant x8", "undo", "help")
	for _, name := range []string{"session.fp4.md", "deep/er/session.fp4.md"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(r.dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		saved := r.do("export session " + name).(Exported)
		if saved.What != "notebook, 18 cells" || saved.Next != "fp4tui replay "+name || r.Unsaved() != 0 {
			t.Errorf("%+v, %d unsaved", saved, r.Unsaved())
		}
		text := r.read(name)
		up := strings.Repeat("../", strings.Count(name, "/"))
		for _, want := range []string{
			`"in/minilm-w4a16": {path: "` + up + `in/minilm-w4a16", sha256: "`, `"setup.fp4": {path: "` + up + `setup.fp4", sha256: "`, `"in/minilm-x.npy": {path: "` + up + `in/minilm-x.npy"`,
			"\nc = load in/minilm-w4a16\n", "y = gemm x8 w\n", "Lines that are prose,\n",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not hold %q", name, want)
			}
		}
		for _, not := range []string{r.dir, "undo", "help", "export session", "quant x8\n"} {
			if strings.Contains(text, not) {
				t.Errorf("%s holds %q", name, not)
			}
		}
		holds(t, replay(t, filepath.Join(r.dir, name)), 18)
	}
}

// TestReplayNotices: a changed input does not run, a changed output fails.
func TestReplayNotices(t *testing.T) {
	r := local(t)
	r.do("x = load in/minilm-x.npy", "stat x", "export session a.fp4.md")
	path := filepath.Join(r.dir, "a.fp4.md")
	r.write("a.fp4.md", strings.Replace(r.read("a.fp4.md"), `"count": 49152`, `"count": 49153`, 1))
	if code := notebook.ExitCode([]notebook.Report{replay(t, path)}, false); code != ExitCheck {
		t.Errorf("a changed output: exit %d", code)
	}
	r.write("in/minilm-x.npy", r.read("in/minilm-x3d.npy"))
	if code := notebook.ExitCode([]notebook.Report{replay(t, path)}, false); code != ExitEnvironment {
		t.Errorf("a changed input: exit %d", code)
	}
}

// TestUnsaved follows the count through saving, undo and what is not recorded.
func TestUnsaved(t *testing.T) {
	r := newRig(t)
	for _, step := range []struct {
		line string
		want int
	}{
		{"x = randn 4 32 seed=1", 1}, {"help", 1}, {"stat x", 2}, {"export session a.fp4.md", 0}, {"stat x", 1}, {"undo", 0}, {"note a", 1}, {"export session b.fp4.md", 0}, {"undo", 1}, {"undo", 2}, {"stat x", 3}, {"export session b.fp4.md", 0}, {"export x x.npy", 1},
	} {
		r.do(step.line)
		if got := r.Unsaved(); got != step.want {
			t.Errorf("after %s %d are unsaved, want %d", step.line, got, step.want)
		}
	}
	if q := r.do("quit").(Quit); q.Unsaved != 1 {
		t.Errorf("%+v", q)
	}
}

// heard is a journal that remembers what it was told.
type heard []string

func (h *heard) Add(command, output string, reads []notebook.Input) {
	line := command + " | " + strings.SplitN(output, "\n", 2)[0]
	for _, in := range reads {
		line += fmt.Sprintf(" | %s is absolute: %v", in.Name, filepath.IsAbs(in.Path))
	}
	*h = append(*h, line)
}
func (h *heard) Undo()  { *h = append(*h, "undo") }
func (h *heard) Saved() { *h = append(*h, "saved") }

// TestJournal: what is recorded reaches the journal as it happens, and nothing else does.
func TestJournal(t *testing.T) {
	dir := t.TempDir()
	h := new(heard)
	opt := options(dir)
	opt.Journal = h
	r := &rig{Session: New(opt), t: t, dir: dir}
	r.write("x.npy", array(2, 2, func(int) float32 { return 1 }))
	r.do("x = load x.npy")
	r.do("help")
	r.fails("stat nosuch", ErrUsage)
	if cell := r.Run(t.Context(), "expect 1 > 2", nil); !errors.Is(cell.Err, ErrCheckFailed) {
		t.Fatal(cell.Err)
	}
	r.do("undo")
	r.do("export session a.fp4.md")
	r.Baseline()
	want := []string{"x = load x.npy | ", "expect 1 > 2 | ", "undo", "saved", "saved"}
	if len(*h) != len(want) {
		t.Fatalf("heard %q", *h)
	}
	for i := range want {
		if !strings.HasPrefix((*h)[i], want[i]) {
			t.Errorf("heard %q, want %q", (*h)[i], want[i])
		}
	}
	if !strings.HasSuffix((*h)[0], "x.npy is absolute: true") {
		t.Errorf("the journal does not say where the file is: %q", (*h)[0])
	}
	again := New(options(t.TempDir()))
	again.Adopt("", []notebook.Input{{Name: "x.npy", Path: filepath.Join(dir, "x.npy")}})
	if cell := again.Run(t.Context(), "x = load x.npy", nil); cell.Err != nil {
		t.Errorf("recovered elsewhere: %v", cell.Err)
	}
}

// TestSaveNotebook: an edited notebook replaces the one that was opened, unless it was
// changed meanwhile or would not open again.
func TestSaveNotebook(t *testing.T) {
	r := newRig(t)
	r.do("x = randn 2 4 seed=1")
	was, now := []byte("# a\n"), []byte("# b\n")
	path := filepath.Join(r.dir, "n.fp4.md")
	if err := os.WriteFile(path, was, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := r.SaveNotebook(t.Context(), "n.fp4.md", now, was); err == nil || !strings.Contains(err.Error(), "changed since") {
		t.Errorf("a file that changed was overwritten: %v", err)
	}
	if _, err := r.SaveNotebook(t.Context(), "n.fp4.md", was, []byte("```fp4\n")); err == nil {
		t.Error("a notebook that does not parse was written")
	}
	if _, err := r.SaveNotebook(t.Context(), "n.txt", nil, now); !errors.Is(err, ErrUsage) {
		t.Errorf("a notebook of another name was written: %v", err)
	}
	if _, err := r.SaveNotebook(t.Context(), "n.fp4.md", was, now); err != nil || r.Unsaved() != 0 {
		t.Errorf("%v, %d unsaved", err, r.Unsaved())
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != string(now) {
		t.Errorf("%q, %v", data, err)
	}
	r.write("y.npy", array(2, 2, func(int) float32 { return 1 }))
	data, err := r.SaveNotebook(t.Context(), "n.fp4.md", now, []byte("```fp4\ny = load y.npy\nz = load gone.npy\n```\n"))
	if err != nil || !strings.Contains(string(data), `"y.npy": {path: "y.npy", sha256: "`) || strings.Contains(string(data), `"gone.npy"`) {
		t.Errorf("%s, %v", data, err)
	}
}

// TestForbiddenPaths: a session with rights says which path was refused and what would
// allow it.
func TestForbiddenPaths(t *testing.T) {
	dir := t.TempDir()
	access := notebook.Access{Dir: dir}
	opt := options(dir)
	opt.Read, opt.Write = access.Read, access.Write
	r := &rig{Session: New(opt), t: t, dir: dir}
	r.write("x.npy", array(2, 2, func(int) float32 { return 1 }))
	r.do("x = randn 2 2 seed=1")
	r.fails("y = load x.npy", ErrForbidden, "may not read", "--allow-read")
	r.fails("export x y.npy", ErrForbidden, "may not write", "--out")
	r.fails("source x.fp4", ErrForbidden, "may not read")
	for _, line := range []string{"y = load x.npy", "export x y.npy"} {
		if err := r.Run(context.Background(), line, nil).Err; ExitCode(err) != ExitEnvironment || Classify(err) != notebook.EnvironmentError {
			t.Errorf("%s: exit %d", line, ExitCode(err))
		}
	}
}

// TestExitCodes: every class of error has its code, in JSON and as the exit code.
func TestExitCodes(t *testing.T) {
	r := newRig(t, "x = randn 4 32 seed=1")
	r.write("nested.fp4", "source nested.fp4\n")
	for line, want := range map[string]struct {
		name string
		exit int
	}{
		"stat nosuch": {"usage", ExitUsage}, "expect x.nan > 0": {"check", ExitCheck}, "load nosuch.npy": {"missing", ExitEnvironment}, "stat x[9]": {"shape", ExitEnvironment},
		"gemm x x backend=cuda": {"not-ready", ExitEnvironment}, "diff x x[0:2]": {"mismatch", ExitEnvironment}, "gemm x x backend=emu": {"unsupported", ExitEnvironment},
		"load tour:broken/empty.safetensors": {"malformed", ExitEnvironment}, "quant x[0,0:5]": {"shape", ExitEnvironment}, "quant x recipe=ocp": {"unsupported", ExitEnvironment}, "source nested.fp4": {"usage", ExitUsage},
	} {
		cell := r.Run(context.Background(), line, nil)
		if o := outcomeOf(cell.Err); cell.Err == nil || o.name != want.name || ExitCode(cell.Err) != want.exit {
			t.Errorf("%s: %v is %s, exit %d; want %+v", line, cell.Err, o.name, ExitCode(cell.Err), want)
		}
	}
	if ExitCode(nil) != ExitOK || ExitCode(inspect.ErrUnreadable) != ExitEnvironment {
		t.Error("exit codes of no error and of an unreadable file")
	}
}
