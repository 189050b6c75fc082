package text

import (
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/charmbracelet/x/ansi"

	"fp4tui/exec"
	"fp4tui/views/number"
)

var update = flag.Bool("update", false, "write the goldens")

// forms are the options that goldens show.
var forms = []struct {
	name string
	opt  Options
}{
	{"width 100, digits 6", Options{}},
	{"width 40, digits 4, ascii", Options{Width: 40, Digits: 4, ASCII: true}},
}

// cases are the results that every kind is written for: real ones, the zero value and
// one in which every field is hostile.
func cases(kind exec.Result) (names []string, results []exec.Result) {
	for _, r := range samples() {
		if reflect.TypeOf(r) == reflect.TypeOf(kind) {
			names, results = append(names, fmt.Sprintf("real %d", len(results)+1)), append(results, r)
		}
	}
	return append(names, "empty", "hostile"), append(results, kind, hostile(kind))
}

func TestEveryKindHasARenderer(t *testing.T) {
	var table []reflect.Type
	for _, r := range renderers() {
		if slices.Contains(table, r.of) {
			t.Errorf("%v has two renderers", r.of)
		}
		table = append(table, r.of)
	}
	for _, k := range exec.Kinds() {
		i := slices.Index(table, reflect.TypeOf(k))
		if i < 0 {
			t.Errorf("%s has no renderer", k.Kind())
			continue
		}
		table = slices.Delete(table, i, i+1)
		if names, _ := cases(k); names[0] == "empty" {
			t.Errorf("%s has no realistic sample", k.Kind())
		}
	}
	if len(table) > 0 {
		t.Errorf("renderers of no kind: %v", table)
	}
}

func TestGolden(t *testing.T) {
	for _, k := range exec.Kinds() {
		t.Run(k.Kind(), func(t *testing.T) {
			var b strings.Builder
			names, results := cases(k)
			for _, form := range forms {
				for i, r := range results {
					fmt.Fprintf(&b, "== %s, %s\n%s\n", names[i], form.name, strings.Join(Render(r, form.opt), "\n"))
					fmt.Fprintf(&b, "-- line\n%s\n\n", Line(r, form.opt))
				}
			}
			golden(t, k.Kind(), b.String())
		})
	}
}

func TestFailureGolden(t *testing.T) {
	var b strings.Builder
	for _, form := range forms {
		for _, f := range failures() {
			fmt.Fprintf(&b, "== %s, %s\n%s\n\n", f.name, form.name, strings.Join(Failure(f.err, form.opt), "\n"))
		}
	}
	golden(t, "failure", b.String())
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (write it with -update)", err)
	}
	gotLines, wantLines := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	for i := range max(len(gotLines), len(wantLines)) {
		g, w := "(end)", "(end)"
		if i < len(gotLines) {
			g = gotLines[i]
		}
		if i < len(wantLines) {
			w = wantLines[i]
		}
		if g != w {
			t.Fatalf("%s:%d\n got  %q\n want %q", path, i+1, g, w)
		}
	}
}

// TestLaws holds for every kind, every case and every width: safe, plain, narrow enough,
// no trailing blanks, and the same twice.
func TestLaws(t *testing.T) {
	for _, k := range exec.Kinds() {
		names, results := cases(k)
		for i, r := range results {
			for _, w := range []int{0, 1, 40, 47, 61, 80, 100, 240} {
				for _, ascii := range []bool{false, true} {
					opt := Options{Width: w, Digits: w % 9, ASCII: ascii}
					name := fmt.Sprintf("%s, %s, width %d", k.Kind(), names[i], w)
					lines := Render(r, opt)
					if len(lines) == 0 {
						t.Errorf("%s: no lines", name)
					}
					if again := Render(r, opt); !slices.Equal(lines, again) {
						t.Errorf("%s: not the same twice", name)
					}
					lawful(t, name, lines, opt)
					line := Line(r, opt)
					if width(line) > lineWidth || line == "" {
						t.Errorf("%s: line %q", name, line)
					}
					lawful(t, name+", line", []string{line}, opt)
				}
			}
		}
	}
	for _, f := range failures() {
		for _, w := range []int{40, 60, 100} {
			opt := Options{Width: w}
			lawful(t, "failure "+f.name, Failure(f.err, opt), opt)
		}
	}
}

func lawful(t *testing.T, name string, lines []string, opt Options) {
	t.Helper()
	limit := opt.filled().Width
	for _, line := range lines {
		switch {
		case ansi.StringWidth(line) > limit:
			t.Errorf("%s: %d columns: %q", name, ansi.StringWidth(line), line)
		case strings.HasSuffix(line, " "):
			t.Errorf("%s: trailing blank: %q", name, line)
		case ansi.Strip(line) != line:
			t.Errorf("%s: escape sequence: %q", name, line)
		}
		for _, r := range line {
			if !unicode.IsPrint(r) || opt.ASCII && r >= 0x7f {
				t.Errorf("%s: %U in %q", name, r, line)
				break
			}
		}
		if strings.ContainsAny(line, "─│┌┐└┘├┤") && !strings.HasPrefix(name, "snap") && !strings.HasPrefix(name, "plan") {
			t.Errorf("%s: drawn line: %q", name, line)
		}
	}
}

// hostileText has what a file name may do to a terminal, and a wide word.
var hostileText = "a\x1b[31mred\x07\nb\u202e世界\xff " + strings.Repeat("long", 40)

// hostile is a value of the same type with every field at its worst. A map keeps its
// geometry: that is an invariant of its command, the values are not.
func hostile(kind exec.Result) exec.Result {
	v := reflect.New(reflect.TypeOf(kind)).Elem()
	poison(v, new(int))
	r := v.Interface().(exec.Result)
	if h, ok := r.(exec.Heat); ok {
		h.H, h.W = 2, 3
		h.Values = []exec.Float32{exec.Float32(math.NaN()), exec.Float32(math.Inf(-1)), 3e38, 0, -1e-45, exec.Float32(math.NaN())}
		h.NaNs, h.ColMax, h.RowMax = []int32{math.MaxInt32, 0, 0, 0, 0, 0}, []exec.Float32{exec.Float32(math.NaN()), 1, 0}, nil
		return h
	}
	return r
}

var worstFloats = []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, -5e-324}

var worstInts = []int64{math.MaxInt64, math.MinInt64, -1}

func poison(v reflect.Value, n *int) {
	*n++
	switch v.Kind() {
	case reflect.String:
		v.SetString(hostileText)
	case reflect.Bool:
		v.SetBool(*n%2 == 0)
	case reflect.Float64, reflect.Float32:
		v.SetFloat(worstFloats[*n%len(worstFloats)])
	case reflect.Int, reflect.Int64:
		v.SetInt(worstInts[*n%len(worstInts)])
	case reflect.Int32:
		v.SetInt(math.MaxInt32)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 3, 3))
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			poison(v.Index(i), n)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				poison(v.Field(i), n)
			}
		}
	case reflect.Interface:
		if v.Type() == reflect.TypeFor[error]() {
			v.Set(reflect.ValueOf(errors.New(hostileText)))
		}
	}
}

// TestAnyGeometry draws maps whose sizes do not fit their values.
func TestAnyGeometry(t *testing.T) {
	for _, h := range []exec.Heat{{H: 1, W: 1}, {H: math.MaxInt, W: math.MaxInt, Values: make([]exec.Float32, 1)}, {H: 2, W: 3, Values: make([]exec.Float32, 5)}, {H: -1, W: -1, Values: make([]exec.Float32, 1)}} {
		if lines := Render(h, Options{}); lines[len(lines)-1] != "no pixels" {
			t.Errorf("%d×%d of %d: %q", h.H, h.W, len(h.Values), lines)
		}
	}
}

// TestVoice holds the sentences that the documentation shows.
func TestVoice(t *testing.T) {
	screen := Options{Width: 100, Digits: 4}
	tests := []struct {
		kind string
		line int
		want string
	}{
		{"opened", 0, "c: 36 layers, nvfp4, 10,616,832 weights"},
		{"layer", 0, "layer: nvfp4 w4a16, compressed-tensors, N 1536, K 384, block 16, global divisor 4328"},
		{"stats", 0, "scales 36,864: min 14, p50 64, p99 208, max 448"},
		{"stats", 1, "nan 0, zero 0, subnormal 0, saturated 15 (0.04%): ok"},
		{"diff", 0, "e0: max_abs 0.6938 at [48,994], rel_l2 0.09386, cos 0.9956, sqnr 20.55 dB, nan 0"},
		{"check", 0, "PASS e.nan 0 == 0; e0.rel_l2 0.09386 < 0.11"},
		{"prep", 0, "p: w for trtllm, nvfp4, N 1000→1024, K 368→384, block 16"},
		{"place", 0, "p[994,37]: code 0xe = -4, block 2, scale 0x71 = 144, deq -0.1331"},
		{"poison", 0, "z: no real output moved"},
		{"exported", 0, "saved tour.fp4.md: notebook, 12 cells, 4,096 bytes; replay with: fp4tui replay tour.fp4.md"},
	}
	for _, test := range tests {
		i := slices.IndexFunc(samples(), func(r exec.Result) bool { return r.Kind() == test.kind })
		if got := Render(samples()[i], screen)[test.line]; got != test.want {
			t.Errorf("%s: %q, want %q", test.kind, got, test.want)
		}
	}
	failed := exec.Check{Terms: []exec.CheckTerm{{Name: "e0.max_abs", Text: "e0.max_abs < 0.1", Actual: 0.69376, Op: "<", Bound: 0.1, Margin: 6.9376, Passing: 0.69376}}, At: []int{48, 994}}
	want := "FAIL e0.max_abs 0.6938, bound 0.1, 6.9x over at [48,994]; smallest passing bound 0.6938"
	if got := Render(failed, screen)[0]; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	lines := map[string]string{
		"diff": "rel_l2 0.09386 · cos 0.9956 · max 0.6938 at [48,994]", "layer": "nvfp4 1536×384 block 16 · w4a16",
		"place": "byte 193,554 high · scale byte 21,774", "plan": "7 kernels · 5 ok · 1 FAIL · 1 n/a",
		"histogram": "36,864 scales · 15 saturated · 0 NaN", "codes": "16 of 16 codes used · balance 50.06%",
	}
	for kind, want := range lines {
		i := slices.IndexFunc(samples(), func(r exec.Result) bool { return r.Kind() == kind })
		if got := Line(samples()[i], screen); got != want {
			t.Errorf("line of %s: %q, want %q", kind, got, want)
		}
	}
}

// TestPassingBound says that the bound a failed check suggests passes as written.
func TestPassingBound(t *testing.T) {
	for digits := 1; digits <= 8; digits++ {
		o := Options{Digits: digits}
		for _, v := range []float64{0.69376, 0.5, math.Nextafter(0.5, 1), 1234567, 9.9996e-5, 99999.6, -0.3333, 7e-300, math.Nextafter(36, 37)} {
			for _, direction := range []int{1, -1} {
				var written float64
				if _, err := fmt.Sscan(o.outward(v, direction), &written); err != nil || float64(direction)*(written-v) < 0 {
					t.Errorf("%g outward %d with %d digits: %s", v, direction, digits, o.outward(v, direction))
				}
			}
		}
	}
}

func TestStep(t *testing.T) {
	tests := []struct {
		v, lo, hi float64
		want      int
	}{
		{0.125, 0.125, 1, 0}, {1, 0.125, 1, 8}, {-1, 0.125, 1, 8}, {0.36, 0.125, 1, 4}, {2, 0.125, 1, 8}, {0.01, 0.125, 1, 0},
		{5, 5, 5, 8}, {5, 0, 0, 8}, {math.Inf(1), 0.125, 1, 8}, {5e-324, 5e-324, math.MaxFloat64, 0}, {1e-10, 1e-300, 1e300, 4},
	}
	for _, test := range tests {
		if got := step(test.v, test.lo, test.hi, 9); got != test.want {
			t.Errorf("step(%g, %g, %g) = %d, want %d", test.v, test.lo, test.hi, got, test.want)
		}
	}
	for _, v := range []float64{1, 2, 3, 0.1, 5e-324, math.MaxFloat64} {
		if got := number.Log2(v); math.Abs(got-math.Log2(v)) > 1e-6 {
			t.Errorf("log2(%g) = %g, want %g", v, got, math.Log2(v))
		}
	}
}

// A comparison below a not is written with it, whether it passed or not.
func TestCheckShowsNot(t *testing.T) {
	term := exec.CheckTerm{Text: "e.cos > 0.5", Negate: true, Name: "e.cos", Op: ">", Actual: 0.9, Bound: 0.5, Margin: exec.Float(math.NaN()), Passing: exec.Float(math.NaN())}
	failed := Render(exec.Check{Expr: "not e.cos > 0.5", Terms: []exec.CheckTerm{term}}, Options{})
	if want := "FAIL not e.cos 0.9 > 0.5: it holds"; len(failed) == 0 || failed[0] != want {
		t.Errorf("got %q, want %q", failed, want)
	}
	term.OK, term.Actual = true, 0.25
	passed := Render(exec.Check{OK: true, Terms: []exec.CheckTerm{term}}, Options{})
	if want := "PASS not e.cos 0.25 > 0.5"; len(passed) != 1 || passed[0] != want {
		t.Errorf("got %q, want %q", passed, want)
	}
}

// TestPortable: what a notebook keeps does not name the GPU that computed it; a screen does.
func TestPortable(t *testing.T) {
	const device = "NVIDIA H100 80GB HBM3 sm_90"
	named := 0
	for _, r := range []exec.Result{
		exec.Product{Bind: exec.Bind{Handle: "y"}, Backend: "cuda", By: "w4a16", Device: device, Mode: "w4a16", Out: "bf16", Shape: []int{2, 3}},
		exec.Quantized{Bind: exec.Bind{Handle: "q"}, Format: "mxfp4", Recipe: "flashinfer", By: "quantize", Device: device},
		exec.Compared{Bind: exec.Bind{Handle: "d"}, Kernels: [2]string{"w4a16", "emu-bf16"}, Device: device, Mode: "w4a16", Out: "bf16"},
	} {
		shown, kept := strings.Join(Render(r, Options{}), "\n"), strings.Join(Render(r, Options{Portable: true}), "\n")
		if strings.Contains(shown, device) {
			named++
		}
		if strings.Contains(kept, "NVIDIA") || strings.Contains(kept, "sm_90") {
			t.Errorf("kept: %s", kept)
		}
	}
	if named != 3 {
		t.Errorf("a screen names the device of %d results", named)
	}
}
