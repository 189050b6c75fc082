package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"fp4tui/exec"
	"fp4tui/views"
)

// mostKeys is how many keys a task may take from the first screen.
const mostKeys = 6

// userTask is a question of somebody new: where they begin, the keys, and what on the
// screen answers. The table is docs/tasks.md.
type userTask struct {
	question string
	start    string   // a sample; "": the Start screen
	keys     string   // names and letters with blanks between; then lines, each after " : ", typed at the prompt
	then     string   // a command in a shell, which the last screen suggests
	sees     []string // "▸ text": the focused row holds it
	answer   string   // in words
}

func userTasks() []userTask {
	return []userTask{
		{"Which layer has the worst scales?", "", "enter S S", "", []string{"sort scales", "▸ key"}, "Layers, sorted by NaN, zero, subnormal and saturated scales: the top row"},
		{"Is any block scale NaN?", "broken/nan-scale.safetensors", "g i", "", []string{"1 BAD", "scale-nan", "cure"}, "lInt: the finding with its cause and cure"},
		{"Do q, k and v share a scale?", "", "enter enter", "", []string{"fused group", "0.8477"}, "Weight: the global scales of the group and their ratio"},
		{"Which activation scale is used, and where does it come from?", "minilm-w4a4", "enter", "", []string{"422 divisor, static: input_global_scale of the checkpoint"}, "Weight, line act"},
		{"How far off is this layer?", "", "enter r", "", []string{"[Error]", "rel_l2  0.06918", "vs original"}, "Error: the map and its metrics, against the original weights"},
		{"Where is the worst element?", "", "enter r w", "", []string{"m 0  n 164", "-0.9375"}, "Error: the crosshair stands on it"},
		{"Why is this output off?", "", "enter r w enter", "", []string{"error by operation", "weight quantization", "sum = got - want", "-0.9375"}, "eXplain: the error by operation; the parts add up"},
		{"Is this element's error normal?", "", "enter r w enter", "", []string{"2.07 σ", "normal"}, "eXplain, third line: its size in σ of what the formats explain"},
		{"Is the whole map noise, or a bug?", "", "enter r v", "", []string{"verdict: normal NVFP4 noise"}, "the verdict, or the structure that stands out"},
		{"Which backend's bits are these?", "", "enter r", "", []string{"emu sm100"}, "the badge at the right of the first line"},
		{"Which outputs depend on the order of accumulation?", "", "enter r P", "", []string{"unproven mean"}, "Error, metric unproven: all others have these bits in any order"},
		{"Is it the kernel's arithmetic or the quantization?", "", "enter r = r enter", "", []string{"vs ref", "ulp_max 3"}, "Error against the dequantized reference: what quantization did is gone"},
		{"What if activations were quantized too?", "", "enter r o a d enter", "", []string{"[Error]", "rel_l2  0.09719"}, "Error of the same layer as w4a4 with dynamic scales"},
		{"Where is this weight in the trtllm buffer?", "", "enter g o o t enter", "", []string{"[layOut]", "trtllm", "byte   0×192 + 0 = 0 low"}, "layOut: the nibble bracketed in both buffers, with both addresses"},
		{"Which byte of the file is the culprit?", "", "enter r w g b", "", []string{"[Bytes]", "n 164", "nibble"}, "Bytes: the nibble bracketed, its offset in the third line"},
		{"Which layout is this buffer in?", "unaligned-w4a16", "g o o t enter I", "", []string{"trtllm", "identify p as=w"}, "every known layout tried against the layer"},
		{"What would TP=8 do to this layer?", "", "enter g p 8 T", "", []string{"TP 8", "FAIL"}, "Padding: kernel by kernel what a rank gets, and the cure where one refuses"},
		{"Which kernels take this layer as it is?", "", "enter g o", "", []string{"cutlass", "marlin ", "ok"}, "layOut, right half"},
		{"Is padding read?", "unaligned-w4a16", "g o o t enter p", "", []string{"padding nan", "the kernel reads its padding"}, "layOut, third line: how many outputs moved when the padding was NaN"},
		{"Which blocks have the largest and smallest scales?", "", "enter g s t", "", []string{"extreme block scales", "large 448"}, "a list; Enter goes to the block"},
		{"Are the scales of another layer distributed otherwise?", "", "enter g s = enter", "", []string{"[Scales]", "w2 laid over"}, "Scales: both histograms, the same module of the next block first"},
		{"Are all sixteen codes used?", "", "enter g c", "", []string{"16 of 16"}, "Codes"},
		{"Is this file whole?", "broken/short.safetensors", "", "", []string{"a file is damaged", "cure"}, "a dialog when it opens: what, where, and what is left to use"},
		{"What have I run so far?", "", "enter r @", "", []string{"y = gemm x w", "e = diff y r"}, "Log; Enter runs a line again, e edits it"},
		{"How do I make CI fail when this gets worse?", "", "enter r x enter", "", []string{"PASS e.max_abs", "expect e.max_abs < 1.031"}, "a check is recorded, its bound 10 % above now"},
		{"How do I save what I did and run it in CI?", "", "enter r s enter", "fp4tui replay session.fp4.md", []string{"saved session.fp4.md"}, "the log line names the command"},
		engineTask(),
	}
}

// engineTask is about files that an engine wrote: x that went into a layer, y that came out.
func engineTask() userTask {
	return userTask{question: "Which mistake made an engine's output file?", start: "minilm-w4a4",
		keys:   "enter : y = load engine-y.safetensors : x = load engine-x.safetensors : diagnose y x=x w=w",
		sees:   []string{"y: activation global scale invented as 1/weight's", "1: explains 100.00%"},
		answer: "the mistakes that make this output, by how much of the error they explain, and a command that shows each"}
}

// engineFiles writes what an engine would that makes up the activation scale.
func engineFiles(t *testing.T, dir string) {
	t.Helper()
	s := session(exec.Options{Dir: dir})
	for _, line := range []string{"c = load " + sample(t, "minilm-w4a4"), "w = layer c query", "x = load " + sample(t, "minilm-x.npy"),
		"y = gemm x w act=1/weight", "export x engine-x.safetensors", "export y engine-y.safetensors"} {
		if cell := s.Run(t.Context(), line, nil); cell.Err != nil {
			t.Fatal(cell.Err)
		}
	}
}

// frameAt is the screen of a size, as text.
func (k *keyboard) frameAt(w, h int) string {
	k.send(tea.WindowSizeMsg{Width: w, Height: h})
	return ansi.Strip(k.app.View().Content)
}

// shows says whether a frame holds a text; "▸ text" is in the focused row.
func shows(frame, text string) bool {
	row, focused := strings.CutPrefix(text, "▸ ")
	if !focused {
		return strings.Contains(frame, text)
	}
	return slices.ContainsFunc(strings.Split(frame, "\n"), func(line string) bool {
		return strings.HasPrefix(strings.TrimLeft(line, " "), "▸") && strings.Contains(line, row)
	})
}

// TestTasks answers every question of the table with its keys, on the smallest terminal
// and on a wider one.
func TestTasks(t *testing.T) {
	if testing.Short() {
		t.Skip("products of whole layers")
	}
	for _, task := range userTasks() {
		t.Run(strings.TrimSuffix(task.question, "?"), func(t *testing.T) {
			t.Parallel()
			keys, lines := task.pressed()
			if len(keys)+len(lines) > mostKeys {
				t.Errorf("%d keys", len(keys)+len(lines))
			}
			dir := t.TempDir()
			if len(lines) > 0 {
				engineFiles(t, dir)
			}
			opt := views.Options{Engine: session(exec.Options{Dir: dir}), Tour: tourCommands()}
			if task.start != "" {
				opt.Path = sample(t, task.start)
			}
			k := newKeyboard(t, opt)
			k.send(tea.WindowSizeMsg{Width: 80, Height: 24})
			k.press(keys...)
			for _, line := range lines {
				k.press(":", line, "enter")
			}
			for _, size := range [][2]int{{80, 24}, {120, 40}} {
				frame := k.frameAt(size[0], size[1])
				for _, text := range append(slices.Clone(task.sees), task.then) {
					if !shows(frame, text) {
						t.Errorf("%d×%d does not show %q:\n%s", size[0], size[1], text, frame)
					}
				}
			}
			if task.then != "" {
				words := strings.Fields(task.then)[1:]
				words[len(words)-1] = filepath.Join(dir, words[len(words)-1]) // the shell stands there
				fp4tui(t, words...).want(t, 0)
			}
		})
	}
}

// pressed is what a task takes: keys, then lines.
func (task userTask) pressed() (keys, lines []string) {
	parts := strings.Split(task.keys, " : ")
	return strings.Fields(parts[0]), parts[1:]
}

// written is the keys as the screens have them, and lines as they stand at the prompt.
func (task userTask) written() string {
	if task.keys == "" {
		return "none"
	}
	var out []string
	keys, lines := task.pressed()
	for _, key := range keys {
		out = append(out, "`"+strings.ReplaceAll(key, "enter", "↵")+"`")
	}
	for _, line := range lines {
		out = append(out, "`: "+line+"`")
	}
	return strings.Join(out, " ")
}

// tasksMarkdown is docs/tasks.md.
func tasksMarkdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, `# Tasks

What one wants to know of a quantized layer, and the keys that show it: at most %d, from the first screen of the program or of a sample. Each row is a test (cmd/fp4tui/tasks_test.go, which also writes this page): the keys are pressed and the answer is looked for on the screen of 80×24 and of 120×40.

`+"`↵` is Enter. Every key stands in the last line of its screen, in the palette (`?`) or on the help page (`F1`); [keys](keys.md) has all. `: LINE` is a line typed at the prompt, with Enter; it counts as one. Where it says Start, `fp4tui` without a path; else the sample of this repository, `fp4tui samples/NAME`.\n\n", mostKeys)
	b.WriteString("| question | from | keys | what answers |\n|---|---|---|---|\n")
	for _, task := range userTasks() {
		from, keys := "Start", task.written()
		if task.start != "" {
			from = "`" + task.start + "`"
		}
		if task.then != "" {
			keys += ", then `" + task.then + "`"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", task.question, from, keys, task.answer)
	}
	return b.String()
}

func TestTasksDocument(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "tasks.md")
	if *update {
		put(t, path, tasksMarkdown())
		return
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != tasksMarkdown() {
		t.Errorf("docs/tasks.md is stale (%v); write it with: go test ./cmd/fp4tui -run TestTasksDocument -update", err)
	}
}
