package exec

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"fp4tui/inspect"
)

func TestUndo(t *testing.T) {
	r := newRig(t, "x = randn 4 32 seed=1")
	var views []view
	lines := []string{"x = randn 2 32 seed=2", "y = quant x", "let tol = 0.5", "set arch=sm90", "alias go = stat x", "go", "note hello", "stat x"}
	for _, line := range lines {
		views = append(views, r.look())
		r.do(line)
	}
	r.do("help") // is no part of the notebook: undo leaves it alone
	for i := len(lines) - 1; i >= 0; i-- {
		u := r.do("undo").(Undone)
		if i != 5 && u.Command != lines[i] || u.Left != len(views[i].Recorded) {
			t.Errorf("undo %d took back %q and left %d", i, u.Command, u.Left)
		}
		if got := r.look(); !reflect.DeepEqual(got, views[i]) {
			t.Errorf("after undo of %s:\n%+v\nwant\n%+v", lines[i], got, views[i])
		}
	}
	r.do("undo")
	r.fails("undo", ErrUsage, "nothing to undo")
	if log := r.Log(); log[0].Command != "help" {
		t.Errorf("log begins with %s", log[0].Command)
	}
}

// TestUndoKeepsFailures: what failed was never recorded, so undo goes past it.
func TestUndoKeepsFailures(t *testing.T) {
	r := newRig(t, "x = randn 4 32 seed=1", "q = quant x")
	r.fails("z = gemm x x[0:2,0:16]", inspect.ErrMismatch)
	if u := r.do("undo").(Undone); u.Command != "q = quant x" {
		t.Errorf("undo took back %q", u.Command)
	}
}

func TestFailedCommandLeavesNothing(t *testing.T) {
	r := newRig(t, "x = randn 4 32 seed=1", "y = randn 5 32 seed=1")
	r.write("half.fp4", "a = randn 2 32 seed=1\nset arch=sm90\nalias go = stat a\nlet n = 3\nb = diff x y\nc = randn 2 2 seed=1\n")
	for line, class := range map[string]error{
		"x = diff x y": inspect.ErrMismatch, "x = load nosuch.npy": inspect.ErrMissing, "x = quant x[0,0:5]": nil, "let n = x[9,0]": nil,
		"source half.fp4": inspect.ErrMismatch, "set arch=sm1": ErrUsage, "x = gemm x x backend=emu": inspect.ErrUnsupported, "": ErrUsage,
		"nosuch": ErrUsage, "x = stat x": ErrUsage, "session = randn 2 2 seed=1": ErrUsage, "let session = 3": ErrUsage, "\x1b[31m": ErrUsage,
	} {
		r.fails(line, class)
	}
}

func TestFailedCheckIsRecorded(t *testing.T) {
	r := newRig(t, "x = randn 4 32 seed=1")
	cell := r.Run(context.Background(), "expect x.amax < 0", nil)
	if !errors.Is(cell.Err, ErrCheckFailed) || cell.Result == nil || ExitCode(cell.Err) != ExitCheck {
		t.Fatalf("%+v", cell)
	}
	if got := r.look().Recorded; len(got) != 2 {
		t.Errorf("recorded %q", got)
	}
}

func TestSource(t *testing.T) {
	r := newRig(t)
	r.write("setup.fp4", "# what every session needs\nx = randn 4 32 \\\n  seed=1\nalias go = stat x\ngo\nexpect x.nan == 0\n")
	r.write("deep/setup.fp4.md", "# Setup\n\n```fp4\nz = randn 2 32 seed=2\n```\n")
	r.write("nested.fp4", "a = randn 2 2 seed=1\nsource setup.fp4\n")
	r.write("undo.fp4", "a = randn 2 2 seed=1\nundo\n")
	r.write("name.fp4", "a = randn 2 2 seed=1\nb = quant nosuch\n")
	r.write("seed.fp4", "a = randn 2 2\n")
	r.write("check.fp4", "a = randn 2 2 seed=1\nexpect a.nan > 0\nb = randn 2 2 seed=1\n")
	s := r.do("source setup.fp4").(Sourced)
	if s.Ran != 4 || s.Failed != 0 || len(s.Cells) != 4 || s.Cells[2].Command != "stat x" {
		t.Errorf("%+v", s)
	}
	r.do("go", "source deep/setup.fp4.md", "stat z")
	if got := r.look().Recorded; !reflect.DeepEqual(got, []string{"source setup.fp4", "stat x", "source deep/setup.fp4.md", "stat z"}) {
		t.Errorf("recorded %q", got)
	}
	r.fails("source nested.fp4", ErrNested, "source setup.fp4")
	r.fails("source undo.fp4", ErrUsage, "nothing to undo")
	r.fails("source name.fp4", ErrUsage, "name.fp4:2:", "nosuch")
	r.fails("source seed.fp4", nil, "seed")
	r.fails("source nosuch.fp4", inspect.ErrMissing, "nosuch.fp4: cannot read commands")
	r.fails("source deep", inspect.ErrUnreadable, "not a regular file")
	cell := r.Run(context.Background(), "source check.fp4", nil)
	if got := cell.Result.(Sourced); !errors.Is(cell.Err, ErrCheckFailed) || got.Ran != 2 || got.Failed != 1 {
		t.Errorf("%+v %v", got, cell.Err)
	}
	before := r.look()
	r.do("source setup.fp4", "undo")
	if after := r.look(); !reflect.DeepEqual(before, after) {
		t.Errorf("undo of a source left %+v, want %+v", after, before)
	}
}

func TestAliases(t *testing.T) {
	r := newRig(t, "x = randn 4 32 seed=1", "alias run = gemm x", "alias again = run x", "alias look = stat")
	cell := r.Run(context.Background(), "y = again out=f32", nil)
	if cell.Err != nil || cell.Command != "y = gemm x x out=f32" {
		t.Errorf("%q %v", cell.Command, cell.Err)
	}
	r.do("look y", "alias look = hist", "look y")
	if got := r.Log()[len(r.Log())-1].Command; got != "hist y" {
		t.Errorf("look is %s", got)
	}
	r.fails("alias stat = hist x", ErrUsage, "is a command")
	r.fails("alias loop = loop x", ErrUsage, "means itself")
	r.do("alias a1 = a2", "alias a2 = a1 x")
	r.fails("a1", ErrUsage, "does not end")
}

func TestLet(t *testing.T) {
	r := newRig(t, "x = randn 4 32 seed=1", "let tol = 0.5", "let twice = 2 * tol + abs(0 - 1)", "let m = max(tol, x.amax)")
	if n := r.snapshot().handles["twice"].(numberValue); n.value != 2 || n.text != "2" {
		t.Errorf("twice is %+v", n)
	}
	r.do("expect twice == 2 and m >= tol", "let tol = 7", "expect tol == 7 and twice == 2", "let e = x[0,0]")
	if v := r.snapshot().handles["e"].(numberValue); v.value != float64(r.snapshot().handles["x"].(*tensorValue).tensor.Data[0]) {
		t.Errorf("e is %+v", v)
	}
	r.fails("let b = x", ErrUsage, "not a number")
	r.fails("let b = tol[0]", ErrUsage, "no window")
	r.fails("let b = nosuch", ErrUsage, "no handle")
	if got := r.do("info twice").(Setting); got.Items[0].Text != "2" {
		t.Errorf("%+v", got)
	}
}

func TestPeek(t *testing.T) {
	r := laidOut(t)
	before, log := r.look(), len(r.Log())
	for _, v := range verbs() {
		for _, ex := range v.Examples {
			_, err := r.Peek(context.Background(), ex)
			if refused := err != nil && strings.Contains(err.Error(), "changes the session"); refused == v.pure {
				t.Errorf("peek %s: %v", ex, err)
			}
		}
	}
	if after := r.look(); !reflect.DeepEqual(before, after) || len(r.Log()) != log {
		t.Errorf("peeking left %+v, want %+v", after, before)
	}
}

// set without a key shows the settings and changes nothing; with one it has to be run.
func TestPeekSettings(t *testing.T) {
	r := newRig(t, "set arch=sm90 backend=ref")
	result, err := r.Peek(context.Background(), "set")
	shown, ok := result.(Setting)
	if err != nil || !ok || !reflect.DeepEqual(shown.Items, []NamedText{{"arch", "sm90"}, {"backend", "ref"}, {"bias", "none"}, {"epilogue", "f32"}, {"mode", "layer"},
		{"order", "sequential"}, {"out", "bf16"}}) {
		t.Errorf("%+v %v", result, err)
	}
	if _, err := r.Peek(context.Background(), "set arch=sm100"); err == nil {
		t.Error("set with a key was peeked at")
	}
}

// TestPeekBesideRun runs, undoes and peeks at once; the race detector watches.
func TestPeekBesideRun(t *testing.T) {
	r := toured(t)
	ctx := context.Background()
	lines := []string{"info w", "map e size=8x8", "map e size=8x8 agg=count bound=0.001", "top e 3", "where e > 0.01", "stat w.dequant", "info e[@max]", "hist y", "ls c", "info q", "expect e.max_abs < 1"}
	var group sync.WaitGroup
	for n := range 4 {
		group.Go(func() {
			for i := range lines {
				line := lines[(i+n)%len(lines)]
				if _, err := r.Peek(ctx, line); err != nil && !errors.Is(err, ErrUsage) {
					t.Errorf("%s: %v", line, err)
				}
				r.Handles()
				r.Log()
				r.Unsaved()
				r.Complete("stat ", 5)
			}
		})
	}
	for range 3 {
		r.do("y = gemm x[0:8] w", "e = diff y y", "set arch=sm90", "undo", "undo", "undo")
	}
	group.Wait()
}

func TestCancel(t *testing.T) {
	r := toured(t)
	began := make(chan struct{})
	r.backends = append(r.backends, slow{began: began})
	before := r.look()
	ctx, cancel := context.WithCancel(context.Background())
	go func() { <-began; cancel() }()
	cell := r.Run(ctx, "z = gemm x w backend=slow", func(int64, int64) {})
	if !errors.Is(cell.Err, context.Canceled) || ExitCode(cell.Err) != ExitInterrupted {
		t.Errorf("%v", cell.Err)
	}
	if after := r.look(); !reflect.DeepEqual(before, after) {
		t.Errorf("a cancelled gemm left %+v", after)
	}
	for _, line := range []string{"z = gemm x w", "z = gemm x w backend=ref", "z = diff y r", "ls c", "lint c", "stat y", "top e", "where e > 0", "d = load tour:minilm-w4a4", "z = randn 64 64 seed=1", "map y"} {
		if cell := r.Run(ctx, line, nil); !errors.Is(cell.Err, context.Canceled) {
			t.Errorf("%s under a cancelled context: %v", line, cell.Err)
		}
	}
	if after := r.look(); !reflect.DeepEqual(before, after) {
		t.Errorf("cancelled commands left %+v", after)
	}
}

// TestCancelLongGemm cancels a gemm that would run for minutes at its first progress.
func TestCancelLongGemm(t *testing.T) {
	r := newRig(t, "x = randn 1024 2048 seed=1", "w = quant x")
	for _, backend := range []string{"emu", "ref"} {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		cell := r.Run(ctx, "y = gemm x w backend="+backend, func(done, total int64) {
			if done < total {
				cancel()
			}
		})
		if !errors.Is(cell.Err, context.Canceled) {
			t.Errorf("%s: %v", backend, cell.Err)
		}
		cancel()
	}
	if _, ok := r.snapshot().handles["y"]; ok {
		t.Error("a cancelled gemm bound its handle")
	}
}

// TestProgress: done never goes back, total never changes, the last report is all.
func TestProgress(t *testing.T) {
	r := toured(t)
	x := "x"
	if testing.Short() {
		x = "x[0:16]"
	}
	for _, line := range []string{"gemm " + x + " w", "gemm " + x + " w backend=ref", "gemm " + x + " w mode=w4a4", "lint c", "ls c", "randn 1500 1500 seed=1"} {
		var mu sync.Mutex
		var last, all int64 = -1, -1
		n := 0
		cell := r.Run(context.Background(), line, func(done, total int64) {
			mu.Lock()
			defer mu.Unlock()
			n++
			if done < last || all >= 0 && total != all || done > total {
				t.Errorf("%s: %d of %d after %d of %d", line, done, total, last, all)
			}
			last, all = done, total
		})
		if cell.Err != nil || n == 0 {
			t.Errorf("%s: %d reports, %v", line, n, cell.Err)
		}
	}
}

// TestHubNames: files of a cached model are shown below the id that was typed.
func TestHubNames(t *testing.T) {
	const commit = "0123456789abcdef0123456789abcdef01234567"
	cache := t.TempDir()
	t.Setenv("HF_HUB_CACHE", cache)
	r := newRig(t)
	repo := filepath.Join(cache, "models--org--name")
	data, err := os.ReadFile(filepath.Join(samples, "broken", "nan-scale.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{"refs/main": commit, "snapshots/" + commit + "/model.safetensors": string(data)} {
		path = filepath.Join(repo, filepath.FromSlash(path))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	info := r.do("c = load org/name", "w = layer c dense").(LayerInfo)
	if info.Path != "org/name" || info.Tensors[0].File != "org/name/model.safetensors" {
		t.Errorf("%s, %s", info.Path, info.Tensors[0].File)
	}
}
