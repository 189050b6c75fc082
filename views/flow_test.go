package views

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"fp4tui/exec"
	"fp4tui/inspect"
)

// flow is a question a user has: from the layer list, with keys, the fact is there.
type flow struct {
	name, keys string
	want       []string
}

func weightFlows() []flow {
	return []flow{
		{"open a layer", "enter", []string{"[Weight]", "global  4328 divisor", "implied amax 0.6211"}},
		{"does it quantize activations", "enter", []string{"act     none"}},
		{"worst findings first", "S", []string{"sort findings", "▸  encoder.layer.2.output.dense"}},
		{"only bad layers", "f f", []string{"filter BAD", "NaN scale 2"}},
		{"next finding", "w w w w", []string{"BAD NaN scale 2"}},
		{"any NaN in this checkpoint", "g i", []string{"[lInt]", "BAD       scale-nan", "cure    rewrite the scale"}},
		{"from the finding to its block", "g i enter", []string{"[Scales]", "n 17  block 20"}},
		{"log keys", "enter r @", []string{"  r     x = randn", "  ↵     w = layer"}},
		{"undo", "enter u", []string{"took back: e = diff y r"}},
		{"codes", "enter g c", []string{"[Codes]", "17.59%", "16 of 16"}},
		{"scales", "enter g s", []string{"0x68-6f", "15 saturated", "▸ block 9"}},
		{"prefix shows what follows", "g", []string{"g …", "Error eXplain layOut Bytes Padding lInt Notebook"}},
		{"count shows", "1 6", []string{"16 …"}},
		{"next view", "}", []string{"[lInt]"}},
		{"previous view wraps", "{", []string{"[Notebook]"}},
		{"back", "enter g s esc", []string{"[Weight]"}},
		{"unknown key says so", "Z", []string{"Z does nothing here"}},
		{"help", "f1", []string{"help for Layers", "S        sort by name, findings, scal…"}},
		{"fold", "k k h", []string{"▸ minilm-w4a16"}},
		{"find", "/ l a y e r . 3 enter", []string{"encoder.layer.3"}},
		{"quit asks", "q", []string{"save and quit", "1 command since the last save"}},
		{"a view of the focused layer", "g s", []string{"[Scales]", "w = layer c"}},
		{"log axis", "enter g s i", []string{"0x50-57  8…15           96 █"}},
	}
}

func errorFlows() []flow {
	return []flow{
		{"run it and see the error", "r", []string{"[Error]", "rel_l2  0.09386", "vs ref", "e = diff y r"}},
		{"run from the layer page", "enter r", []string{"[Error]", "at m 0  n 0"}},
		{"run from the row of the checkpoint", "k k r", []string{"[Error]", "e = diff y r"}},
		{"where is the worst element", "r w", []string{"at m 48  n 994", "#1  [48,994]"}},
		{"the next one and back", "r w w b", []string{"at m 48  n 994"}},
		{"why", "r w enter", []string{"weight quantization", "0xbf2e", "block 2  k 32-47"}},
		{"which byte", "r w enter enter", []string{"[Bytes]", "0x00076412 high nibble", "[c8]"}},
		{"zoom to elements", "r w z 1", []string{"1 element/cell", "994"}},
		{"zoom in and all", "r + + z a", []string{"px 4 m × 32 n"}},
		{"zoom in", "r w +", []string{"px 2 m × 16 n", "at m 48  n 994"}},
		{"tile pixels are no larger than the fit", "r z t", []string{"px 4 m × 32 n"}},
		{"block pixels", "r z b", []string{"px 4 m × 16 n"}},
		{"metric", "r m", []string{"got-want max"}},
		{"aggregate", "r a", []string{"agg=mean"}},
		{"count moves", "r 3 l", []string{"at m 0  n 96"}},
		{"move down", "r 2 j", []string{"at m 8  n 0"}},
		{"row ends", "r $", []string{"at m 0  n 1535"}},
		{"last row", "r G", []string{"at m 127  n 0"}},
		{"blocks", "r L J", []string{"at m 16  n 16"}},
		{"list of worst", "r t j", []string{"worst 6 of 196,608", "▸ 2"}},
		{"the list moves the crosshair", "r t j t", []string{"at m 72  n 994"}},
		{"make it a check", "r x", []string{": expect e.max_abs < 0.7632"}},
		{"run the check", "r x enter", []string{"PASS e.max_abs 0.6938 · bound < 0.7632"}},
		{"save", "r s enter", []string{"saved minilm-w4a16.fp4.md · fp4tui replay minilm-w4a16.fp4.md", "● minilm-w4a16.fp4.md "}},
		{"log", "r @", []string{"commands of this session", "y = gemm x w backend=emu", "randn 128 384 seed=1"}},
		{"palette", "r ? e x p e c t", []string{"make it a check", "expect e.max_abs"}},
		{"palette runs", "r ? e x p e c t enter", []string{": expect e.max_abs < 0.7632"}},
		{"palette to prompt", "r ? l i s t tab", []string{": top e 20 by=abs"}},
		{"find value", "r / > space 0 . 5 enter", []string{"where e > 0.5", "at m 48  n 994"}},
		{"next value", "r / 0 . 5 enter n", []string{"at m 72  n 994"}},
		{"yank command", "r y y", []string{"copied command", "map e size=48x32"}},
		{"yank value", "r w y v", []string{"got -0.6797 0xbf2e"}},
		{"yank address", "r w y p", []string{"copied address", "0x00076412 high nibble"}},
		{"lock colours", "r c", []string{"colours locked from 0.001000 to 0.6938", "locked"}},
	}
}

func TestFlows(t *testing.T) {
	for _, test := range append(weightFlows(), errorFlows()...) {
		t.Run(test.name, func(t *testing.T) {
			d := opened(t, 80, 24, ProfileNever).keys(test.keys)
			d.exact()
			d.sees(test.want...)
		})
	}
}

func TestTourFlow(t *testing.T) {
	d := newDriver(t, Options{Engine: newFake(), Tour: []string{"c = load tour:minilm", "o = load tour:x"}}, 80, 24)
	d.sees("no checkpoint open", "▸ tour").keys("enter")
	d.sees("[Layers]").keys("enter").sees("[Weight]")
}

func TestStartPrompt(t *testing.T) {
	d := newDriver(t, Options{Engine: newFake()}, 80, 24).keys("enter")
	d.sees(": c = load")
	d.types("x").keys("enter").sees("[Layers]")
}

func TestPrompt(t *testing.T) {
	d := opened(t, 80, 24, ProfileNever)
	d.keys(":").types("ex").sees(": expect", "the command explain", "Tab take")
	d.keys("tab tab").sees("▸ explain", ": explain")
	d.keys("ctrl+c").types("nonsense w").keys("enter")
	d.sees(": nonsense w", `^ unknown verb "nonsense"; did you mean gemm?`)
	d.keys("ctrl+c").types("lint c").keys("enter").sees("[lInt]")
	d.keys(": up").sees(": lint c").keys("up").sees(": nonsense w").keys("down down esc").misses("Tab take")
	d.keys(": ctrl+r").types("nons").sees("history nons", "nonsense w").keys("enter").sees(": nonsense w")
	d.keys("esc :").types("li").sees(": lint c").keys("right enter").sees("lint c")
	if len(d.app.nav.history) != 2 {
		t.Errorf("history %q: a repeated command is kept once in a row", d.app.nav.history)
	}
}

// TestTypedResults: what no view draws is shown as text.
func TestTypedResults(t *testing.T) {
	d := opened(t, 80, 24, ProfileNever).keys("enter :").types("codes w").keys("enter")
	d.sees("─ codes ─", "17.59%", "[ close ]").exact()
	d.keys("esc :").types("help").keys("enter").sees("─ help ─", "run one layer")
	d.keys("esc :").types("randn 1 2").keys("enter").sees("bf16 128×384").misses("[ close ]")
}

func TestEditorKeys(t *testing.T) {
	var e editor
	e.set("gemm x w")
	for _, test := range []struct{ key, want string }{
		{"ctrl+w", "gemm x "}, {"backspace", "gemm x"}, {"home", "gemm x"}, {"delete", "emm x"}, {"ctrl+k", ""},
	} {
		e.edit(keyMsg(test.key))
		if e.String() != test.want {
			t.Errorf("%s: %q, want %q", test.key, e.String(), test.want)
		}
	}
	e.insert("a\x1b[31m\nb")
	if got := e.String(); got != "a[31m b" {
		t.Errorf("pasted controls: %q", got)
	}
}

func TestYankReachesClipboard(t *testing.T) {
	d := opened(t, 80, 24, ProfileNever).keys("r w y p")
	found := ""
	for _, msg := range d.out {
		if text := fmt.Sprint(msg); strings.Contains(text, "high nibble") {
			found = text
		}
	}
	if found != "e[48,994]  samples/minilm-w4a16/model.safetensors encoder.layer.0.attention.output.dense[994,37] 0x00076412 high nibble" {
		t.Errorf("clipboard: %q", found)
	}
}

// blocked runs a layer on a screen of 80×24 until gemm, which waits for the engine.
func blocked(t *testing.T, f *fakeEngine) *driver {
	t.Helper()
	f.block = make(chan struct{})
	d := newDriver(t, Options{Engine: f, Path: "x"}, 80, 24).keys("enter")
	d.async = true
	d.keys("r")
	// The plan is worked out, then x = randn, then gemm, which blocks.
	for d.app.work.job == nil || !strings.Contains(d.app.work.job.task.line, "gemm") {
		if len(d.held) == 0 {
			t.Fatal("gemm was never started")
		}
		cmd := d.held[0]
		d.held = d.held[1:]
		switch msg := cmd().(type) {
		case tea.BatchMsg:
			d.held = append(d.held, msg...)
		case ranMsg, planMsg, answerMsg:
			d.send(msg)
		}
	}
	return d
}

// cancel stops what blocked started.
func (d *driver) cancel() {
	d.keys("ctrl+c")
	d.async = false
	for len(d.held) > 0 {
		cmd := d.held[0]
		d.held = d.held[1:]
		d.do(cmd)
	}
}

func TestCancel(t *testing.T) {
	d := blocked(t, newFake())
	d.cancel()
	d.sees("cancelled at 43%")
	d.misses("BAD")
	if d.app.work.job != nil || len(d.app.work.queue) != 0 {
		t.Error("work is left after cancel")
	}
	d.keys("ctrl+c").sees("save and quit")
	d.keys("ctrl+c")
	if !d.quit {
		t.Error("the second Ctrl-C on the question does not quit")
	}
}

// TestStages: of a command that runs several things the screen says which one and of how many.
// What is left of it is not known: each takes a time of its own.
func TestStages(t *testing.T) {
	for stage, want := range map[string][3]string{
		"":                        {"43%  13 s left", "cuda", "cancelled at 43%"},
		"cuda:emu-bf16, 13 of 17": {"43%  cuda:emu-bf16, 13 of 17, 10 s", "s left", "cancelled at 43% · cuda:emu-bf16, 13 of 17"},
	} {
		f := newFake()
		f.stage = stage
		d := blocked(t, f)
		j := d.app.work.job
		j.started = time.Now().Add(-10 * time.Second)
		j.done.Store(43)
		j.total.Store(100)
		j.stage.Store(stage)
		d.sees(want[0], "Ctrl-C cancels").misses(want[1])
		d.cancel()
		d.sees(want[2])
	}
}

func TestQuit(t *testing.T) {
	d := opened(t, 80, 24, ProfileNever).keys("q").sees("[ save and quit ]").keys("esc").misses("save and quit")
	d.keys("q s")
	if !d.quit {
		t.Error("save and quit does not quit")
	}
	d = newDriver(t, Options{Engine: newFake()}, 80, 24).keys("q")
	if !d.quit {
		t.Error("nothing unsaved, but q does not quit")
	}
}

func TestFailedCommand(t *testing.T) {
	f := newFake()
	f.fail["gemm"] = &inspect.Fault{Class: inspect.ErrMismatch, Offset: -1, What: "shapes do not fit", Why: "x has K 128, w has K 384", Cure: "take activations with K 384"}
	d := newDriver(t, Options{Engine: f, Path: "x"}, 80, 24).keys("r")
	d.sees("shapes do not fit: x has K 128, w has K 384", "? take activations with K 384")
	d.keys("j").misses("take activations")
}

func TestFailedPeek(t *testing.T) {
	f := newFake()
	f.fail["hist"] = errors.New("file changed while it was read")
	newDriver(t, Options{Engine: f, Path: "x"}, 80, 24).keys("enter g s").sees("file changed while it was read", "[Scales]")
}

func TestDamagedCheckpoint(t *testing.T) {
	d := opened(t, 80, 24, ProfileNever)
	d.app.afterRun(exec.Cell{Result: exec.Opened{Tensors: 11, Layers: 3, Files: 2, Damaged: 1, FaultsN: 1, Faults: []exec.Fault{
		{Code: "malformed", File: "short.safetensors", Tensor: "layer.0.weight_packed", What: "data cut short", Why: "needs bytes 0x2c80 to 0x4ac80", Cure: "copy the file again", Offset: -1}}}})
	d.send(nil)
	d.sees("a file is damaged · malformed", "what    tensor layer.0.weight_packed", "cure    copy the file again", "[ open what is left ]")
	d.exact()
	d.keys("i").sees("[lInt]")
}

func TestLateAnswerIsDropped(t *testing.T) {
	d := opened(t, 80, 24, ProfileNever).keys("enter")
	d.send(answerMsg{generation: d.app.work.generation - 1, line: "info w", answer: answer{exec.LayerInfo{Name: "of before"}, nil}})
	d.misses("of before")
	d.send(answerMsg{generation: d.app.work.generation, line: "never asked", answer: answer{exec.Help{}, nil}})
	if _, known := d.app.data.got["never asked"]; known {
		t.Error("an answer that nobody asked for was kept")
	}
}

func TestMouse(t *testing.T) {
	d := opened(t, 80, 24, ProfileNever).keys("r")
	click := func(x, y int) { d.send(tea.MouseClickMsg{X: x, Y: y, Button: tea.MouseLeft}) }
	click(15, 10)
	d.sees("at m 48  n 320")
	d.send(tea.MouseWheelMsg{X: 15, Y: 10, Button: tea.MouseWheelUp})
	d.sees("px 2 m × 16 n", "at m 48  n 320")
	d.send(tea.MouseWheelMsg{X: 15, Y: 10, Button: tea.MouseWheelDown})
	d.sees("px 4 m × 32 n")
	click(strings.Index(d.lines()[1], "lInt"), 1)
	d.sees("[lInt]")
	click(4, 5)
	d.sees("▸warn")
	d.send(tea.MouseWheelMsg{X: 4, Y: 5, Button: tea.MouseWheelUp})
	d.sees("▸BAD")
	click(4, 4)
	click(4, 4)
	d.sees("[Scales]")
}

func TestSnap(t *testing.T) {
	f := newFake()
	ctx := context.Background()
	for _, line := range []string{"c = load x", "w = layer c encoder.layer.0.intermediate.dense", "e = diff y r"} {
		f.Run(ctx, line, func(int64, int64) {})
	}
	for name := range SnapNames() {
		lines, err := Snap(f, name, 80, 24)
		if err != nil || len(lines) != 24 {
			t.Errorf("snap %s: %d lines, %v", name, len(lines), err)
		}
		again, _ := Snap(f, name, 80, 24)
		if strings.Join(lines, "\n") != strings.Join(again, "\n") {
			t.Errorf("snap %s differs between two runs", name)
		}
	}
	f.unsaved, f.log[0].Elapsed = 7777, 7777*time.Millisecond
	for _, name := range []string{"error", "log"} {
		if lines, _ := Snap(f, name, 80, 24); strings.Contains(strings.Join(lines, "\n"), "7777") {
			t.Errorf("snap %s shows how long the session took or what is unsaved", name)
		}
	}
	lines, _ := Snap(f, "error", 80, 24)
	if !strings.Contains(strings.Join(lines, "\n"), "rel_l2  0.09386") {
		t.Errorf("snap error:\n%s", strings.Join(lines, "\n"))
	}
	for _, bad := range []struct {
		view string
		w, h int
	}{{"nothing", 80, 24}, {"error", 10, 10}, {"error", 1e6, 24}} {
		if _, err := Snap(f, bad.view, bad.w, bad.h); !errors.Is(err, exec.ErrUsage) {
			t.Errorf("snap %v: %v", bad, err)
		}
	}
}

func TestRunNeedsTerminal(t *testing.T) {
	if err := Run(context.Background(), Options{Engine: newFake()}); !errors.Is(err, ErrNoTerminal) {
		t.Errorf("Run without a terminal: %v", err)
	}
}
