package kernel

import (
	"errors"
	"math"
	"strings"
	"testing"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
	"fp4tui/inspect/layout"
)

// hints has the cure of a failure.
type hints interface{ Hint() string }

// TestRefusalsNameTheRule and what would satisfy it.
func TestRefusalsNameTheRule(t *testing.T) {
	for _, c := range []struct {
		kernel      string
		format      string
		n, k        int
		gated       bool
		rule, remed string
	}{
		{"trtllm.vllm", nvfp4, 1000, 384, false, "N must be a multiple of 128: 1000 mod 128 = 104 (shuffle_matrix_sf_a asserts rows % 128", "pad N to 1024"},
		{"trtllm.vllm", nvfp4, 1024, 368, false, "K must be a multiple of 64: 368 mod 64 = 48", "pad K to 384"},
		{"marlin.sglang", nvfp4, 1000, 384, false, "N must be a multiple of 64: 1000 mod 64 = 40 (sglang raises", "pad N to 1024"},
		{"cutlass", nvfp4, 1000, 360, false, "K must be whole blocks of 16: 360 = 22·16 + 8", "split K at multiples of 16"},
		{"cute-dsl-moe", nvfp4, 352, 512, true, "N of each half must be a multiple of 64: 176 mod 64 = 48", "pad N of each half to 192"},
		{"trtllm-moe", nvfp4, 351, 512, true, "two halves need an even number of rows, 351 is odd", ""},
		{"trtllm", nvfp4, 256, 256, true, "it knows no stacked halves", "trtllm-moe"},
		{"trtllm", mxfp4, 256, 256, false, "it reads nvfp4", "cudnn, cute-dsl, b12x"},
		{"triton", nvfp4, 256, 256, false, "it reads mxfp4", "cutlass"},
		{"cutlass.sm90", mxfp4, 64, 96, false, "K must be a multiple of 128: 96 mod 128 = 96", "pad K to 128"},
	} {
		k, err := Lookup(c.kernel)
		if err != nil {
			t.Fatal(err)
		}
		block := map[string]int{nvfp4: 16, mxfp4: 32}[c.format]
		err = k.Refuses(c.format, block, c.n, c.k, c.gated)
		var h hints
		if !errors.Is(err, inspect.ErrUnsupported) || !errors.As(err, &h) {
			t.Errorf("%s %d×%d: %v", c.kernel, c.n, c.k, err)
			continue
		}
		if !strings.Contains(err.Error(), c.rule) || !strings.Contains(h.Hint(), c.remed) {
			t.Errorf("%s %d×%d: %q, %q", c.kernel, c.n, c.k, err, h.Hint())
		}
	}
}

func TestLookupSuggests(t *testing.T) {
	for name, want := range map[string]string{"trtlm": "trtllm", "marlin-vllm": "marlin", "cutlas": "cutlass", "moe": "trtllm-moe"} {
		_, err := Lookup(name)
		var h hints
		if !errors.Is(err, inspect.ErrUnsupported) || !errors.As(err, &h) || !strings.Contains(h.Hint(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestTableIsComplete: names are unique and every row says where it is from.
func TestTableIsComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range Kernels() {
		if seen[k.Name] || k.Engine == "" || k.Doc == "" || k.Source == "" || len(k.Formats) == 0 || len(k.Arches) == 0 {
			t.Errorf("%+v", k)
		}
		seen[k.Name] = true
		if k.Assert == "" && (!k.N.Pads && k.N.Multiple > 1 || !k.K.Pads && k.K.Multiple > 1) {
			t.Errorf("%s asserts without saying what", k.Name)
		}
		for of, name := range map[layout.Operand]string{layout.Codes: k.Codes, layout.Scales: k.Scales, layout.Vector: k.Bias} {
			if name == "" {
				continue
			}
			if _, err := layout.Lookup(name, of); err != nil {
				t.Errorf("%s: %v", k.Name, err)
			}
		}
	}
}

// TestShuffleWithoutPadding is the pull request that this tool began with: rows that
// are no multiple of 32 cannot be shuffled, scales that are no multiple of 128 not
// swizzled after it, and the result has not the size it is reshaped to.
func TestShuffleWithoutPadding(t *testing.T) {
	b := matrix(nvfp4, 1000, 368, 1)
	p, err := Start(weights(b), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Then(t.Context(), RowStep("shuffle128")); err == nil || !strings.Contains(err.Error(), "multiple of 32: 1000 is not") {
		t.Errorf("%v", err)
	}
	b = matrix(nvfp4, 992, 368, 1) // 31·32 rows shuffle, but their scales do not fit
	p, err = Start(weights(b), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if p, err = p.Then(t.Context(), RowStep("shuffle128")); err != nil {
		t.Fatal(err)
	}
	if p, err = p.Then(t.Context(), ScaleStep("128x4")); err != nil {
		t.Fatal(err)
	}
	if len(p.Scales) != 1024*24 || len(p.Scales) == len(b.Scales) {
		t.Errorf("%d bytes of scales of %d", len(p.Scales), len(b.Scales))
	}
	if _, err := p.Then(t.Context(), PadStep(128, 1, 16, false)); err == nil || !strings.Contains(err.Error(), "pad") {
		t.Errorf("padding a laid out buffer: %v", err)
	}
}

// TestStepsByHand: the steps of trtllm put together are trtllm.
func TestStepsByHand(t *testing.T) {
	b := matrix(nvfp4, 1000, 368, 1)
	p, err := Start(weights(b), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []Step{PadStep(128, 64, 16, false), RowStep("shuffle128"), ScaleStep("128x4")} {
		if p, err = p.Then(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	q := prepared(t, b, "trtllm", Options{})
	if string(p.Codes) != string(q.Codes) || string(p.Scales) != string(q.Scales) {
		t.Error("steps by hand differ from the kernel's")
	}
	if _, err := p.Then(t.Context(), PadStep(1, 24, 16, false)); err == nil {
		t.Error("K was padded to half a block")
	}
}

// TestReadByAnotherKernel: bytes that were prepared for somebody else come out in
// another order, exactly as the steps that differ say.
func TestReadByAnotherKernel(t *testing.T) {
	b := matrix(nvfp4, 256, 128, 1)
	cutlass, err := Lookup("cutlass")
	if err != nil {
		t.Fatal(err)
	}
	wrong, err := prepared(t, b, "trtllm", Options{}).As(cutlass) // scales and codes shuffled for nobody
	if err != nil {
		t.Fatal(err)
	}
	got, err := wrong.Unpack()
	if err != nil {
		t.Fatal(err)
	}
	if string(got.Codes) != string(shuffled(b.Codes, 256, 64, 32)) || string(got.Scales) != string(shuffled(b.Scales, 256, 8, 32)) {
		t.Error("cutlass does not read the rows where trtllm put them")
	}
	twice, err := prepared(t, b, "cutlass", Options{}).Then(t.Context(), ScaleStep("128x4"))
	if err != nil {
		t.Fatal(err)
	}
	if twice, err = twice.As(cutlass); err != nil {
		t.Fatal(err)
	}
	if got, err = twice.Unpack(); err != nil {
		t.Fatal(err)
	}
	if string(got.Scales) != string(swizzled(b.Scales, 256, 8)) || string(got.Codes) != string(b.Codes) {
		t.Error("scales swizzled twice are not read as swizzled once")
	}
	odd := prepared(t, matrix(nvfp4, 1000, 368, 1), "trtllm", Options{})
	if k, err := Lookup("marlin.sglang"); err != nil {
		t.Fatal(err)
	} else {
		if _, err := odd.As(k); !errors.Is(err, inspect.ErrUnsupported) {
			t.Errorf("%v", err)
		}
	}
	if k, err := Lookup("mm_bf16_fp4.cudnn"); err != nil {
		t.Fatal(err)
	} else {
		if _, err := prepared(t, matrix(nvfp4, 64, 64, 1), "cutlass", Options{}).As(k); !errors.Is(err, inspect.ErrMismatch) {
			t.Errorf("%v", err)
		}
	}
}

// TestReportsOfTheTour are the four lines of the layout screen.
func TestReportsOfTheTour(t *testing.T) {
	p := prepared(t, matrix(nvfp4, 1000, 368, 1), "trtllm", Options{})
	want := []struct {
		name, required, changed string
		padded                  float64
	}{
		{"pad N", "rows to ×128", "N 1000→1024, 24 rows of zeros", 0.024},
		{"pad K", "K/16 to ×4", "K 368→384, 1 zero blocks a row", 16.0 / 368},
		{"shuffle rows", "tile 128: rows in 32s", "1008 ← 994", 0},
		{"swizzle scales", "128x4", "[1024,24] → 24576 bytes", 0},
	}
	for i, w := range want {
		s := p.Steps[i]
		if s.Name != w.name || s.Required != w.required || s.Changed != w.changed || math.Abs(s.Padded-w.padded) > 1e-12 {
			t.Errorf("%d: %+v", i+1, s)
		}
	}
	if p.Steps[3].After != p.Bytes() {
		t.Errorf("%d bytes, the last step says %d", p.Bytes(), p.Steps[3].After)
	}
}

// TestMarlinScales: scales below 2^-6 are kept by a rescale with bf16 and are lost
// without; fp16 needs none. The global scale carries the exponents.
func TestMarlinScales(t *testing.T) {
	b := matrix(nvfp4, 64, 64, 1)
	for i := range b.Scales {
		b.Scales[i] = byte(i%0x30 + 1) // 2^-9 and up
	}
	for _, c := range []struct {
		kernel  string
		act     inspect.DType
		rescale float32
		lost    bool
		global  float32
	}{
		{"marlin", inspect.BF16, 8, false, float32(1) / 4328 * 0x1p119 / 8},
		{"marlin", inspect.F16, 1, false, float32(1) / 4328 * 0x1p7},
		{"marlin.sglang", inspect.BF16, 1, true, float32(1) / 4328 * 0x1p119},
		{"mm_bf16_fp4.sm120", inspect.BF16, 1, false, float32(1) / 4328},
	} {
		p := prepared(t, b, c.kernel, Options{Act: c.act})
		if p.Rescale != c.rescale || (p.Lost > 0) != c.lost || p.Global != c.global || (len(p.Warnings) > 0) != c.lost || p.Lossless() == c.lost {
			t.Errorf("%s %v: rescale %g, lost %d, global %g, %q", c.kernel, c.act, p.Rescale, p.Lost, p.Global, p.Warnings)
		}
		got, err := p.Unpack()
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range got.Scales {
			want := b.Scales[i]
			if c.lost && want < 8 {
				want = 0
			}
			if s != want {
				t.Fatalf("%s %v: scale %x is read as %x", c.kernel, c.act, b.Scales[i], s)
			}
		}
	}
}

// TestMarlinSharesTheRescale: one small scale in another expert rescales them all.
func TestMarlinSharesTheRescale(t *testing.T) {
	w := &layer.Weights{Blocks: []fp4.Blocks{*matrix(nvfp4, 64, 64, 1), *matrix(nvfp4, 64, 64, 2)}}
	w.Blocks[1].Scales[5] = 0x04
	k, err := Lookup("marlin-moe")
	if err != nil {
		t.Fatal(err)
	}
	p, err := Prepare(t.Context(), w, k, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if p.Rescale != 2 {
		t.Errorf("rescale %g", p.Rescale)
	}
}

// TestAlpha: what the epilogue multiplies by.
func TestAlpha(t *testing.T) {
	b := matrix(nvfp4, 64, 64, 1)
	x := fp4.GlobalScale{Use: fp4.Divides, Value: 500}
	weight := float32(1) / 4328
	for kernel, want := range map[string]float32{"cutlass": float32(1) / 500 * weight, "mm_bf16_fp4": weight} {
		if got := prepared(t, b, kernel, Options{}).Alpha(x); got != want {
			t.Errorf("%s: %g, want %g", kernel, got, want)
		}
	}
	b.Global = fp4.GlobalScale{Use: fp4.Multiplies, Value: 600}
	if p := prepared(t, b, "marlin", Options{}); len(p.Warnings) == 0 || !math.IsInf(float64(p.Global), 1) || p.Lossless() {
		t.Errorf("600·2^119 is %g, %q", p.Global, p.Warnings)
	}
}

// TestNibbleOrder: a file with the high nibble first is turned around once.
func TestNibbleOrder(t *testing.T) {
	b := matrix(nvfp4, 128, 64, 1)
	swapped := *b
	swapped.Codes, swapped.Order = swapNibbles(b.Codes), fp4.HighFirst
	p, q := prepared(t, &swapped, "trtllm", Options{}), prepared(t, b, "trtllm", Options{})
	if string(p.Codes) != string(q.Codes) || p.Steps[0].Name != "swap nibbles" {
		t.Errorf("%+v", p.Steps[0])
	}
	raw, err := p.First(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if string(raw.Codes) != string(swapped.Codes) {
		t.Error("the file's own bytes are not what there is before any step")
	}
	got, err := raw.Unpack()
	if err != nil {
		t.Fatal(err)
	}
	if string(got.Codes) != string(b.Codes) {
		t.Error("read back, the nibbles are swapped")
	}
}

func TestPrepareErrors(t *testing.T) {
	b := matrix(nvfp4, 64, 64, 1)
	k, err := Lookup("cutlass")
	if err != nil {
		t.Fatal(err)
	}
	short := *b
	short.Codes = short.Codes[1:]
	for _, c := range []struct {
		name string
		b    *fp4.Blocks
		o    Options
		want error
	}{
		{"expert", b, Options{Expert: 1}, inspect.ErrMissing},
		{"act", b, Options{Act: inspect.F32}, inspect.ErrUnsupported},
		{"cut", &short, Options{}, fp4.ErrShape},
		{"empty", &fp4.Blocks{Block: 16, ScaleType: fp4.E4M3}, Options{}, inspect.ErrUnsupported},
	} {
		if _, err := Prepare(t.Context(), weights(c.b), k, c.o); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	p := prepared(t, b, "cutlass", Options{})
	if _, err := p.First(t.Context(), p.All()+1); !errors.Is(err, inspect.ErrMissing) {
		t.Errorf("a step too many: %v", err)
	}
}

func BenchmarkPrepareTRTLLM(b *testing.B) {
	m := matrix(nvfp4, 16384, 16384, 1)
	k, err := Lookup("trtllm")
	if err != nil {
		b.Fatal(err)
	}
	w := weights(m)
	b.SetBytes(int64(len(m.Codes) + len(m.Scales)))
	for b.Loop() {
		if _, err := Prepare(b.Context(), w, k, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
