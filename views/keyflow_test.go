package views

import (
	"context"
	"errors"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"fp4tui/exec"
)

func keyFlows() []flow {
	return []flow{
		{"a view shows its command", "enter g s", []string{"hist w.scale", "36,864 scales"}},
		{"so does the next view", "enter }", []string{"[Scales]", "hist w.scale"}},
		{"health as a check", "enter x", []string{"w.scale.zero <= 0 and w.scale.sat <= 17"}},
		{"verdict", "r v", []string{"normal NVFP4 noise", "verdict e"}},
		{"options", "r o", []string{"options of the run · backend=emu", "act=dynamic", "mode=w4a4"}},
		{"quantize activations too", "r o a d enter", []string{"[Error]", "e2 = diff y2 r"}},
		{"run again", "r R", []string{"e2 = diff y2 r"}},
		{"compare two backends", "r = c", []string{"compare with", "cuda, the GPU", "y2 = gemm x w backend=cuda"}},
		{"compare and run", "r = c enter", []string{"[Error]", "e2 = diff y y2"}},
		{"another comparison", "r R = c o m p enter", []string{"info e"}},
		{"overlay", "enter g s =", []string{"lay over the scales of", "▸ encoder.layer.1.attention.out"}},
		{"overlay drawn", "enter g s = enter", []string{"w2 laid over", "[Scales]", "n 0  block 0"}},
		{"overlay away", "enter g s = enter = enter", []string{"[Scales]"}},
		{"mark and back", "r w M a g g 0 ' a", []string{"at m 48  n 994"}},
		{"mark says what it keeps", "r w M a", []string{"mark a: Error, m 48 n 994"}},
		{"no mark", "' b", []string{"no mark b yet"}},
		{"a mark in another view", "r w M a g s ' a", []string{"[Error]", "at m 48  n 994"}},
		{"marks wait for a letter", "M", []string{"M …"}},
		{"select and zoom", "r V 3 l 2 j V", []string{"map e[0:32, 0:192"}},
		{"selecting", "r V", []string{"selecting: move, then V again"}},
		{"selection of scales", "enter g s V 2 l 2 j V", []string{"stat w.scale[0:129, 0:3]"}},
		{"find bytes", "enter g b / c 8 enter", []string{"c8", "bytes w[0, "}},
		{"no such bytes", "enter g b / z enter", []string{"bytes are pairs of hex digits"}},
		{"palette has names", "r w ? w h y", []string{"explain e[48,994]"}},
		{"history search", ": l i n t space c enter : l s space c enter : ctrl+r ctrl+r", []string{"lint c"}},
		{"five hints", "r", []string{"↵ why  w worst  + zoom  m metric  = compare     "}},
	}
}

func TestKeyFlows(t *testing.T) {
	for _, test := range keyFlows() {
		t.Run(test.name, func(t *testing.T) {
			d := opened(t, 80, 24, ProfileNever).keys(test.keys)
			d.exact()
			d.sees(test.want...)
		})
	}
}

// TestOptionsRun: the option that was taken is in the command that runs.
func TestOptionsRun(t *testing.T) {
	d := opened(t, 80, 24, ProfileNever).keys("r o a d enter")
	var gemms []string
	for _, cell := range d.app.opt.Engine.Log() {
		if strings.Contains(cell.Command, "gemm") {
			gemms = append(gemms, cell.Command)
		}
	}
	if got := gemms[len(gemms)-1]; got != "y2 = gemm x w mode=w4a4 act=dynamic" {
		t.Errorf("ran %s", got)
	}
	d.keys("o").sees("options of the run · mode=w4a4 act=dynamic", "act=dynamic  (now)").keys("down down enter").sees("e3 = diff y3 r")
}

func TestHexFind(t *testing.T) {
	f := newFake()
	h := hexHunt{engine: f, w: "w", rows: 4, cols: 64}
	row, err := h.row(context.Background(), 2)
	if err != nil || len(row) != 64 {
		t.Fatalf("%q, %v", row, err)
	}
	h.pattern = row[10:14]
	n, k, found, err := h.from(context.Background(), 0, 0, 0)
	if err != nil || !found {
		t.Fatalf("%v %v", found, err)
	}
	again, _ := h.row(context.Background(), n)
	if again[k:k+4] != h.pattern || k%2 != 0 {
		t.Errorf("found [%d,%d] %s, looked for %s", n, k, again[k:k+4], h.pattern)
	}
	for _, step := range []int{1, -1} {
		n2, k2, found, _ := h.from(context.Background(), n, k, step)
		if !found {
			t.Errorf("step %d finds nothing", step)
		}
		if row, _ := h.row(context.Background(), n2); row[k2:k2+4] != h.pattern {
			t.Errorf("step %d: %s", step, row[k2:k2+4])
		}
	}
	h.pattern = "ffffffffffff"
	if _, _, found, err := h.from(context.Background(), 0, 0, 1); found || err != nil {
		t.Errorf("found what is not there: %v", err)
	}
	f.fail["bytes"] = errors.New("file changed")
	if _, _, _, err := h.from(context.Background(), 0, 0, 1); err == nil {
		t.Error("a failed read is no answer")
	}
	for text, want := range map[string]string{"e5 20": "e520", "0xE5": "e5", "e": "", "xy": "", "": ""} {
		if got, err := hexPattern(text); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}

// TestDrag: dragging over a map is V, moves, V; a click on a hint is its key.
func TestDrag(t *testing.T) {
	d := opened(t, 80, 24, ProfileNever).keys("r")
	d.send(tea.MouseClickMsg{X: 10, Y: 6, Button: tea.MouseLeft})
	d.send(tea.MouseMotionMsg{X: 20, Y: 9, Button: tea.MouseLeft})
	if !d.app.at.sel.on {
		t.Error("nothing is selected while the mouse is dragged")
	}
	d.send(tea.MouseReleaseMsg{X: 20, Y: 9, Button: tea.MouseLeft})
	d.sees("map e[16:", "px 1 m")
	if d.app.at.sel.on {
		t.Error("the selection stays")
	}
	d.keys("z a")
	d.send(tea.MouseClickMsg{X: strings.Index(d.lines()[23], "metric"), Y: 23, Button: tea.MouseLeft})
	d.sees("got-want max")
	d.send(tea.MouseClickMsg{X: 76, Y: 23, Button: tea.MouseLeft})
	d.sees("what can be done here")
}

func TestMarkIsGone(t *testing.T) {
	d := opened(t, 80, 24, ProfileNever).keys("r w M a")
	f := d.app.opt.Engine.(*fakeEngine)
	f.handles = f.handles[:1]
	d.app.refresh()
	d.keys("' a").sees("mark a is of something that was taken back")
}

// TestHistoryIsKept: commands of earlier sessions are there, and new ones are told.
func TestHistoryIsKept(t *testing.T) {
	var told []string
	d := newDriver(t, Options{Engine: newFake(), Path: "x", History: []string{"lint c", "codes w"}, Remember: func(line string) { told = append(told, line) }}, 80, 24)
	d.keys(": up up").sees(": lint c").keys("enter").sees("[lInt]").keys(": ctrl+r").types("od").sees("codes w").keys("esc esc")
	if len(told) != 1 || told[0] != "lint c" {
		t.Errorf("told %q", told)
	}
}

var _ exec.Engine = (*fakeEngine)(nil)

// TestMouseOverFloats: rows of palette and lists, choices of dialogs and the wheel.
func TestMouseOverFloats(t *testing.T) {
	at := func(d *driver, text string) (x, y int) {
		for y, line := range d.lines() {
			if i := strings.Index(line, text); i >= 0 {
				return len([]rune(line[:i])), y
			}
		}
		t.Fatalf("no %q on the screen:\n%s", text, d.screen())
		return 0, 0
	}
	click := func(d *driver, text string) {
		x, y := at(d, text)
		d.send(tea.MouseClickMsg{X: x, Y: y, Button: tea.MouseLeft})
	}
	d := opened(t, 80, 24, ProfileNever).keys("r ?")
	d.send(tea.MouseWheelMsg{X: 20, Y: 10, Button: tea.MouseWheelDown})
	d.sees("▸ zoom in")
	click(d, "next worst element")
	d.sees("#1  [48,994]").misses("what can be done here")
	d.keys("=")
	click(d, "reference, dequantized")
	d.sees("e2 = diff y r2")
	d.keys("q")
	click(d, "stay")
	d.misses("save and quit").keys("q")
	click(d, "quit without saving")
	if !d.quit {
		t.Error("the clicked choice does nothing")
	}
}

func TestPaletteWords(t *testing.T) {
	opened(t, 80, 24, ProfileNever).keys("? s q n r").sees("SQNR", "power of the signal").keys("enter").sees("SQNR", "in dB")
}
