package views

import (
	"fmt"
	"math/rand"
	"os"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"fp4tui/exec"
	"fp4tui/exec/gemm"
)

// realEngine is a session on the samples, as the command line makes it.
func realEngine() exec.Engine {
	return exec.New(exec.Options{Dir: "../samples", Write: func(string) (string, error) { return "", os.ErrPermission }, Backends: []exec.Backend{gemm.Ref{}, gemm.Emu{}}})
}

// onSample is a driver on the first layer of a sample.
func onSample(t *testing.T, sample string, w, h int, profile Profile) *driver {
	t.Helper()
	return newDriver(t, Options{Engine: realEngine(), Path: sample, Profile: profile}, w, h).keys("enter")
}

// unaligned is a driver on the layer of 1000×368, at the element [994,37].
func unaligned(t *testing.T, w, h int, profile Profile) *driver {
	t.Helper()
	d := onSample(t, "unaligned-w4a16", w, h, profile)
	d.app.at.n, d.app.at.k = 994, 37
	return d
}

// layoutFlows are questions about the bytes that a kernel wants, asked of real samples.
func layoutFlows() []flow {
	return []flow{
		{"which kernels are there", "g o", []string{"[layOut]", "not prepared", "trtllm.vllm        FAIL assert", "end of tensor, N 1000", "182,914 high"}},
		{"where is this weight in the trtllm buffer", "g s g o o t enter", []string{"p = prep w for=trtllm", "(4 steps, 1024×384)", "1008  56 6d[4d]ed ef c2 57 4e    ← 994", "994  56 6d[4d]ed",
			"994×184 + 18 = 182,914 high", "1008×192 + 18 = 193,554 high", "128x4 tile 7,0 → 21,774", "1 pad N", "4 swizzle scales", "╱╱ ╱╱ ╱╱ ╱╱ ╱╱ ╱╱ ╱╱ ╱╱    ← pad"}},
		{"which byte of the file is it", "g s g b", []string{"[Bytes]", "0x000325fe high nibble   n 994  k 37", "[4d]", "scale byte 0x5c = 24 at 0x00005af4"}},
		{"padding for TP 8", "g p 8 T", []string{"[Padding]", "TP 8", "125 each", "├───────├", "125→128 ×368→384", "1 FAIL of 7", "plan w tp=8                       7 kernels · 5 ok · 1 FAIL · 1 n/a"}},
		{"which kernels take it as it is", "g p 1 T", []string{"on one rank", "FAIL assert", "ok, pads", "n/a", "plan w tp=1"}},
		{"why one fails", "g p j j j", []string{"▸trtllm.vllm", "▸ FAIL assert: 1000 mod 128 = 104"}},
		{"a rank that cuts blocks", "g p o 1 6 T", []string{"row parallel   TP 16", "╳", "15 blocks cut by a rank's edge", "plan w tp=16 parallel=row"}},
		{"T doubles", "g p 4 T T", []string{"TP 8"}},
		{"too many ranks", "g p 9 9 9 9 T", []string{"cannot split over 1024 ranks", "goes back to one rank"}},
		{"all kernels", "g p a", []string{"flashinfer-c…", "9 FAIL of 25", "plan w tp=1 for=all"}},
		{"from the plan to the layout", "g p j j enter", []string{"[layOut]", "p = prep w for=trtllm", "← 994"}},
		{"refused", "g o o t r t l l m . v enter", []string{"refused  prep w for=trtllm.vllm", "trtllm.vllm does not take 1000×368", "? pad N to 1024", "o chooses another kernel"}},
		{"after a refusal another kernel", "g o o t r t l l m . v enter o t enter", []string{"← 994"}},
		{"undo a step", "g o o t enter u", []string{"(3/4 steps, 1024×384)", "1008×24 + 2 = 24,194"}},
		{"undo all steps", "g o o t enter u u u u", []string{"0/4 steps", "no step is done", "994×184 + 18 = 182,914 high  │ byte   994×184 + 18"}},
		{"poison", "g o o t enter p", []string{"padding nan: the kernel reads its padding, 4,000 of", "4,000 NaN · first [0,0]"}},
		{"poison again", "g o o t enter p p", []string{"z = poison p with=448", "padding 448: no real output moved"}},
		{"poison without a buffer", "g o p", []string{"prepare the layer first"}},
		{"tab without a buffer", "g o tab", []string{"no prepared buffer yet"}},
		{"moving in the original moves the buffer", "g o o t enter j", []string{"n 995  k 37", "← 995"}},
		{"moving in the buffer moves the original", "g o o t enter tab j", []string{"n 998  k 37", "998  1d 7f[b2]c7", "1009  1d 7f[b2]c7"}},
		{"poison is recorded", "g o o t enter p p @", []string{"  p     z = poison p with=nan", "  p     z = poison p with=448"}},
		{"padding holds nothing", "g o o t enter tab k", []string{"padding  row 1007  column 37 of the buffer: no element", "[╱╱]", "no element"}},
		{"a tile down", "g o o t enter K tab J", []string{"n 994  k 37"}},
		{"nibble by nibble", "g o o t enter tab l", []string{"n 994  k 38", "56 6d 4d[ed]"}},
		{"back to the original", "g o o t enter tab tab j", []string{"n 995  k 37"}},
		{"Bytes of the buffer", "g o o t enter g b tab", []string{"193,554 high nibble", "prepared codes for trtllm", "[4d]", "← 994"}},
		{"Bytes of the scales", "g o o t enter g b tab tab", []string{"block scales of the file", "0x00005af4", "[5c]"}},
		{"Bytes of the prepared scales", "g o o t enter g b tab tab tab", []string{"prepared scales for trtllm", "21,774", "[5c]"}},
		{"Bytes and round", "g o o t enter g b tab tab tab tab", []string{"file bytes"}},
		{"without a buffer Tab skips it", "g b tab", []string{"block scales of the file"}},
		{"the element stays", "g b l l g o", []string{"n 994  k 39", "[ed]"}},
		{"scales move by block", "g b tab l j", []string{"n 995  k 53"}},
		{"the log holds what was done", "g o o m a r enter u @", []string{"  o     p = prep w for=marlin", "  u     p = prep w for=marlin steps=4"}},
		{"marlin", "g o o m a r enter", []string{"prepared  marlin  (5 steps, 1024×368)", "0x5c→0x", "1 pad N"}},
		{"the list narrows", "g o o s m 9 0", []string{"> sm90", "none fits"}},
		{"the list to the prompt", "g o o c u d n n tab", []string{": p = prep w for=cudnn"}},
		{"palette", "g o ? p o i s o n", []string{"fill the padding"}},
		{"yank both addresses", "g o o t enter y p", []string{"copied address"}},
		{"yank the command", "g p 8 T y y", []string{"copied command", "plan w tp=8"}},
	}
}

func TestLayoutFlows(t *testing.T) {
	for _, test := range layoutFlows() {
		t.Run(test.name, func(t *testing.T) {
			d := unaligned(t, 80, 24, ProfileNever).keys(test.keys)
			d.exact()
			d.sees(test.want...)
		})
	}
}

// TestLayoutFrames holds the screens of the layout workbench on real samples.
func TestLayoutFrames(t *testing.T) {
	frames := []struct{ name, keys string }{
		{"layout", "g o o t enter"}, {"layout-padding", "g o o t enter tab k"}, {"layout-refused", "g o o t r t l l m . v enter"}, {"layout-kernels", "g o o"},
		{"padding", "g p 8 T j j"}, {"padding-cut", "g p o 1 6 T"}, {"bytes-prepared", "g o o t enter g b tab"}, {"bytes-scales", "g o o t enter g b tab tab tab"},
	}
	for _, frame := range frames {
		for _, size := range [][2]int{{80, 24}, {120, 40}, {200, 60}} {
			for _, profile := range []Profile{ProfileTrueColor, Profile256, ProfileNever} {
				name := fmt.Sprintf("%s/%dx%d.%s", frame.name, size[0], size[1], profile)
				t.Run(name, func(t *testing.T) {
					d := unaligned(t, size[0], size[1], profile).keys(frame.keys)
					d.exact()
					golden(t, name+".golden", d.screen()+"\n")
					if frame.name == "layout" && size[0] == 80 {
						golden(t, name+".style.golden", d.styleGrid())
					}
				})
			}
		}
	}
}

// TestLinkedCursor: wherever the cursor is moved, every view stands on the same element.
func TestLinkedCursor(t *testing.T) {
	d := unaligned(t, 80, 24, ProfileNever).keys("g o o t enter")
	for _, keys := range []string{"g o j l", "g o tab j l tab", "g b 3 l", "g s J L", "g c h k", "g o tab 9 j tab"} {
		d.keys(keys)
		at := fmt.Sprintf("n %d  k %d", d.app.at.n, d.app.at.k)
		for _, view := range []string{"g o", "g b", "g c"} {
			d.keys(view).sees(at)
		}
	}
}

func TestLayoutASCII(t *testing.T) {
	d := newDriver(t, Options{Engine: realEngine(), Path: "unaligned-w4a16", Profile: ProfileNever, ASCII: true}, 80, 24)
	d.app.at.n, d.app.at.k = 994, 37
	for _, keys := range []string{"enter g o o t enter", "tab j", "g b", "g b tab", "g p 8 T", "g p o 1 6 T"} {
		d.keys(keys).exact()
		for _, r := range d.screen() {
			if r != '\n' && (r > 0x7e || r < 0x20) {
				t.Fatalf("%s: %q in an ASCII frame:\n%s", keys, r, d.screen())
			}
		}
	}
	d.keys("g o").sees("// // // // // // // //    < pad")
}

// TestOtherLayers: a layer without padding, one in MXFP4 and one expert of several.
func TestOtherLayers(t *testing.T) {
	d := onSample(t, "minilm-mxfp4", 120, 40, ProfileNever).keys("g o o")
	d.sees("triton.sm90").keys("m m _ b").sees("none fits").keys("backspace backspace backspace backspace t r i t o n enter").sees("prepared  triton", "← 0").exact()
	d = onSample(t, "gpt-oss-mxfp4", 80, 24, ProfileNever).keys("g o o t enter g p 2 T")
	d.sees("[Padding]").exact()
	d = onSample(t, "minilm-w4a16", 80, 24, ProfileNever).keys("g o o c u t enter p")
	d.sees("no real output moved").misses("← pad")
}

// TestPreparedOfEachLayer: every layer keeps the buffer that was made from it.
func TestPreparedOfEachLayer(t *testing.T) {
	d := onSample(t, "minilm-w4a16", 80, 24, ProfileNever).keys("g o o t enter")
	first := d.app.at.w
	d.keys("g l j j enter g o").sees("not prepared")
	d.keys("o m a r enter").sees("p2 = prep w2 for=marlin", "prepared  marlin")
	d.app.at.adopt(d.app.opt.Engine.Handles())
	if d.app.at.p != "p2" || d.app.at.prepared[first] != "p" {
		t.Errorf("p is %s, of %s is %s", d.app.at.p, first, d.app.at.prepared[first])
	}
	d.keys("g l k k enter g o").sees("prepared  trtllm")
}

// TestRandomLayoutKeys types random keys at random sizes on a real layer: nothing panics,
// every line is exactly as wide as the terminal and the cursor stays inside the layer.
func TestRandomLayoutKeys(t *testing.T) {
	var keys []string
	for _, b := range keyTable() {
		if b.in&in(layoutView, bytesView, paddingView) == 0 {
			continue
		}
		for _, k := range b.keys {
			switch k {
			case "ctrl+l", "ctrl+z", "ctrl+c", "q", "s", "r", ":": // they leave the views under test
			default:
				keys = append(keys, strings.Fields(k)...)
			}
		}
	}
	keys = append(keys, "g", "o", "t", "enter", "tab", "1", "9", "u", "m", "l")
	for seed := range int64(4) {
		rng := rand.New(rand.NewSource(seed))
		d := unaligned(t, 80, 24, ProfileNever).keys("g o")
		d.app.opt.ASCII = seed%2 == 1
		for range 250 {
			switch rng.Intn(24) {
			case 0:
				d.send(tea.WindowSizeMsg{Width: 1 + rng.Intn(220), Height: 1 + rng.Intn(70)})
			case 1, 2:
				d.send(tea.MouseClickMsg{X: rng.Intn(120), Y: rng.Intn(40), Button: tea.MouseLeft})
			case 3:
				d.keys([]string{"esc esc g o", "esc esc g p", "esc esc g b"}[rng.Intn(3)])
			default:
				d.keys(keys[rng.Intn(len(keys))])
			}
			d.exact()
			if at := d.app.at; at.n < 0 || at.n >= 1000 || at.k < 0 || at.k >= 368 {
				t.Fatalf("seed %d: the cursor is at %d,%d", seed, at.n, at.k)
			}
		}
	}
}

// TestLayoutResize: a prepared layer in every view at every size.
func TestLayoutResize(t *testing.T) {
	d := unaligned(t, 80, 24, ProfileTrueColor).keys("g o o t enter")
	for _, view := range []string{"g o", "g b", "tab", "tab", "tab", "g p 8 T", "g o o"} {
		d.keys(view)
		for w := 1; w <= 210; w += 11 {
			for _, h := range []int{1, 5, 24, 25, 31, 61, 120} {
				d.send(tea.WindowSizeMsg{Width: w, Height: h})
				d.exact()
			}
		}
		d.send(tea.WindowSizeMsg{Width: 80, Height: 24})
	}
}

func TestLayoutMouse(t *testing.T) {
	d := unaligned(t, 80, 24, ProfileNever).keys("g o o t enter")
	click := func(x, y int) { d.send(tea.MouseClickMsg{X: x, Y: y, Button: tea.MouseLeft}) }
	click(38+8+3*3, 5)
	d.sees("padding  row", "no element")
	click(8, 5)
	d.sees("n 992  k 32", "[9a]")
	d.keys("g p")
	click(3, 11)
	d.sees("▸trtllm ")
	click(3, 11)
	d.sees("[layOut]")
}

// TestTypedLayout: what is typed about the open layer is shown in its view.
func TestTypedLayout(t *testing.T) {
	d := unaligned(t, 80, 24, ProfileNever)
	typed := func(line string) *driver { return d.keys(":").types(line).keys("enter") }
	typed("p = prep w for=marlin").sees("[layOut]", "prepared  marlin")
	d.keys("g c")
	typed("whereis p[10,5]").sees("[layOut]", "n 10  k 5")
	d.keys("g c")
	typed("p = prep w for=trtllm steps=2").sees("(2/4 steps")
	typed("at p 191999").sees("─ place ─", "padding").keys("esc")
	typed("poison p").sees("NaN").misses("[ close ]")
	typed("plan w tp=2 parallel=row").sees("─ plan ─", "row parallel").keys("esc")
	typed("undo")
	typed("info p").sees("2/4 steps").exact()
}

// TestTypedInfo: info of a product shows all that is known of it; gemm has its line in the log.
func TestTypedInfo(t *testing.T) {
	d := unaligned(t, 80, 24, ProfileNever)
	typed := func(line string) *driver { return d.keys(":").types(line).keys("enter") }
	typed("x = randn 2 368 seed=1")
	typed("y = gemm x w backend=emu").misses("[ close ]")
	typed("info y").sees("[ close ]", "backend emu sm100", "proven ").keys("esc").misses("[ close ]").exact()
}

func TestSourceText(t *testing.T) {
	tests := []struct {
		from []int
		want string
	}{
		{nil, "pad"}, {[]int{-1, -1}, "pad"}, {[]int{-1, 7}, "0"}, {[]int{368, 370}, "1"}, {[]int{368, -1, 736}, "1…"},
	}
	for _, test := range tests {
		if got, _ := sourceText(test.from, 368); got != test.want {
			t.Errorf("%v: %s, want %s", test.from, got, test.want)
		}
	}
}

func TestMagnitudeText(t *testing.T) {
	if got := magnitudeText("d120e5a442d4", true, false); got != "▂▆·▃▆▇▅▃" {
		t.Errorf("low first: %s", got)
	}
	if got := magnitudeText("d1", false, true); got != "62" || strings.Contains(got, "·") {
		t.Errorf("high first: %s", got)
	}
}
