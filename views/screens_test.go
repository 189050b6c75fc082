package views

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fp4tui/exec"
)

// TestFloatFrames holds what lies over a view, and the screen that is too small.
func TestFloatFrames(t *testing.T) {
	damaged := exec.Cell{Result: exec.Opened{Tensors: 11, Layers: 3, Files: 2, Damaged: 1, FaultsN: 1, Faults: []exec.Fault{
		{Code: "malformed", File: "short.safetensors", Tensor: "layer.0.dense.weight_packed", What: "data cut short", Why: "needs bytes 0x2c80 to 0x4ac80, the file ends at 0x31f00",
			Cure: "copy the file again; expected size 306,304 bytes", Offset: -1}}}}
	lost := []Recovery{{What: "9 commands, stopped 22 Nov 14:02", Load: "/models/llama-nvfp4 and 1 more", Commands: []string{"e = diff y r"}, Path: "~/.local/state/fp4tui/journal/20261122T135907-4711.fp4.md"}}
	other := []Recovery{{What: lost[0].What, Load: "/models/llama-nvfp4", Other: "/models/minilm-w4a16", Commands: lost[0].Commands, Path: lost[0].Path}}
	for _, test := range []struct {
		name string
		w, h int
		show func() *driver
	}{
		{"recover", 80, 24, func() *driver {
			return newDriver(t, Options{Engine: newFake(), Tour: []string{"c = load tour"}, Recover: lost}, 80, 24)
		}},
		{"recover-other", 80, 24, func() *driver {
			return newDriver(t, Options{Engine: newFake(), Path: "samples/minilm-w4a16", Recover: other}, 80, 24)
		}},
		{"damaged", 80, 24, func() *driver {
			d := opened(t, 80, 24, ProfileNever)
			d.app.afterRun(damaged)
			d.send(nil)
			return d
		}},
		{"quit", 80, 24, func() *driver { return opened(t, 80, 24, ProfileNever).keys("q") }},
		{"options", 80, 24, func() *driver { return opened(t, 80, 24, ProfileNever).keys("r o") }},
		{"compare", 80, 24, func() *driver { return opened(t, 80, 24, ProfileNever).keys("r =") }},
		{"all", 80, 24, func() *driver {
			return opened(t, 80, 24, ProfileNever).keys("r :").types("ya = gemm x w backend=all").keys("enter")
		}},
		{"all", 120, 40, func() *driver {
			d := newDriver(t, Options{Engine: newFake(), Path: "x", ASCII: true}, 120, 40).keys("r :")
			return d.types("ya = gemm x w backend=all").keys("enter")
		}},
		{"prompt", 80, 24, func() *driver { return opened(t, 80, 24, ProfileNever).keys(":").types("ex") }},
		{"overlay", 120, 40, func() *driver { return opened(t, 120, 40, ProfileNever).keys("enter g s = enter i") }},
		{"too-small", 46, 8, func() *driver { return opened(t, 46, 8, ProfileNever) }},
	} {
		d := test.show()
		d.exact()
		golden(t, fmt.Sprintf("%s/%dx%d.never.golden", test.name, test.w, test.h), d.screen()+"\n")
	}
}

// screens are the pages of docs/screens.md, in the order in which they are met.
func screens() [][3]string {
	return [][3]string{
		{"Start", "start/80x24", "What there is to open. `recover` stands here when a session ended without saving."},
		{"A session was lost", "recover/80x24", "Every finished command is on disk before the next begins. `r` runs it again, `d` deletes it, `Esc` asks again next time."},
		{"A session was lost, another path is opened", "recover-other/80x24", "`Enter` leaves the lost session for later: what was just opened stays. Who recovers takes its names, and saves under the name of the lost session."},
		{"Layers", "layers/80x24", "Checkpoints, modules, fused groups; a parent shows the worst below it."},
		{"Layers, wide", "layers/120x40", "The right pane previews the focused layer from what is known already; it starts no work."},
		{"Weight", "weight/80x24", "The layer page: what it is, its stored tensors, its global scale, the health of its block scales."},
		{"Scales", "scales/80x24", "One bar a power of two; at the right K blocks across, rows down. `V` selects and says what is selected."},
		{"Scales, another layer laid over", "overlay/120x40", "`=` chooses the layer; its counts are scaled to as many blocks. `i` makes the bars logarithmic."},
		{"Codes", "codes/80x24", "How the sixteen E2M1 codes are used."},
		{"Error", "error/80x24", "The error of every output. A cell is two pixels in colour; here one glyph stands for both, the larger wins."},
		{"Error, wide", "error/120x40", "Map, element and worst list are linked: moving in one moves the others."},
		{"Error, elements", "values/80x24", "Zoomed in to single elements the map writes values."},
		{"Worst elements", "worst/80x24", "`t` from the map. The last line is what the worst have in common."},
		{"eXplain", "element/80x24", "Why this element: its error by operation, by K block and by instruction, down to the byte."},
		{"Options of a run", "options/80x24", "`o`: typing narrows the list, beginnings of values first; the layer runs with what is taken."},
		{"Compare", "compare/80x24", "`=`: the original, another backend, another run."},
		{"All backends", "all/80x24", "`gemm x w backend=all`: how far each two products are apart; `!` is a bug for certain. Below it the pairs in words, who computed, what did not run."},
		{"layOut", "layout/80x24", "The same nibble in the file and in the buffer that a kernel wants."},
		{"Bytes", "bytes/80x24", "Rows of the tensor in hex, the block under the cursor decoded. `/` finds bytes."},
		{"Padding", "padding/80x24", "What each rank of a tensor-parallel split gets from each kernel."},
		{"lInt", "lint/80x24", "The whole checkpoint against the rules of its format."},
		{"Notebook", "notebook/80x24", "Cells with what they say. One that changed opens by itself, stored beside new."},
		{"Notebook, wide, a cell being edited", "notebook-edit/120x40", "`↵` edits in place, `e` in `$EDITOR`. What depends on an edited cell is stale until it ran again."},
		{"Prompt", "prompt/80x24", "Completion by type, the rest of the best one as ghost text; `Ctrl-R` searches what was ever typed."},
		{"Palette", "palette/80x24", "What can be done here, its key, its command with the names that are open here. `Tab` takes the command to the prompt."},
		{"Help", "help/80x24", "The page of a view, out of the key table."},
		{"Log", "log/80x24", "Every command of the session with the key it came from. Moves are not recorded."},
		{"A damaged file", "damaged/80x24", "What, what is usable, the cure, and the choices."},
		{"Quit", "quit/80x24", "Asked only when something is in no notebook."},
		{"Too small", "too-small/46x8", "Work goes on; the prompt works."},
		{"No colour, ASCII", "error/80x24.ascii", "`--color=never --ascii`: nothing is said by colour or by a drawn line alone."},
	}
}

// TestScreensDocument: docs/screens.md shows the frames that the tests hold.
func TestScreensDocument(t *testing.T) {
	var b strings.Builder
	b.WriteString("# The screens\n\nEvery frame here is one that a test holds, drawn without colour; made by `go test ./views -run 'Frames|ScreensDocument' -update`.\n" +
		"The numbers are of an invented layer. Keys are listed in [keys.md](keys.md), commands in [commands.md](commands.md).\n" +
		"Line 1 says what is open, who computed the numbers and what is unsaved; line 2 the views, whose capital letter is their key after `g`; the last two lines what was done and what can be done.\n")
	for _, s := range screens() {
		name := s[1] + ".never.golden"
		if strings.HasSuffix(s[1], ".ascii") {
			name = s[1] + ".golden"
		}
		frame, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n```text\n%s```\n", s[0], s[2], frame)
	}
	path := filepath.Join("..", "docs", "screens.md")
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	have, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != b.String() {
		t.Error("docs/screens.md is stale; write it with: go test ./views -run 'Frames|ScreensDocument' -update")
	}
}

// TestEveryViewIsDocumented: a view that nobody can look up does not exist.
func TestEveryViewIsDocumented(t *testing.T) {
	var all strings.Builder
	for _, s := range screens() {
		all.WriteString(s[0] + "\n")
	}
	for v := range viewCount {
		name := map[viewID]string{worstView: "Worst elements"}[v]
		if name == "" {
			name = viewName(v)
		}
		if !strings.Contains(all.String(), name) {
			t.Errorf("docs/screens.md has no screen of %s", name)
		}
	}
}
