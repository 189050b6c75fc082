package fp4

import (
	"encoding/hex"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// The first three rows were worked out from the kernel's source by two independent
// formulations (fast math off); the kernel itself needs a Blackwell GPU and was not
// run. The rows with NaN and infinity follow from the instructions that it uses.
func TestFlashinferExact(t *testing.T) {
	bf16 := []uint16{0x0000, 0x8000, 0x3dcd, 0xbe4d, 0x3e9a, 0x3ee6, 0xbf0d, 0x3f33,
		0x3f4d, 0xbf80, 0x3fa6, 0x3fcc, 0xc006, 0x4026, 0x4046, 0xc07a}
	ordinary := make([]float32, 16)
	for i, c := range bf16 {
		ordinary[i] = BF16.Decode(c)
	}
	underflow := make([]float32, 16)
	underflow[1], underflow[15] = 1e-4, -2e-4
	nan := float32(math.NaN())
	withNaN := slices.Clone(ordinary)
	withNaN[0] = nan
	withInf := make([]float32, 16)
	withInf[2], withInf[3], withInf[4] = float32(math.Inf(-1)), 1, -0.25
	for _, c := range []struct {
		name   string
		x      []float32
		global float32
		scale  byte
		codes  string
	}{
		{"ordinary", ordinary, math.Float32frombits(0x442c0831), 0x7e, "8090112ab2446df6"},
		{"power of two", ordinary, 512, 0x7a, "8090112ab3546df6"},
		{"scale underflows", underflow, 1, 0x00, "70000000000000f0"},
		{"NaN is +6 and no maximum", withNaN, 512, 0x7a, "8790112ab3546df6"},
		{"infinity saturates", withInf, 1, 0x7e, "000f080000000000"},
		{"zeros", make([]float32, 16), 1, 0x00, "0000000000000000"},
		{"only NaN", slices.Repeat([]float32{nan}, 16), 1, 0x7f, "7777777777777777"},
	} {
		b, err := Quantize(c.x, 1, 16, QuantOptions{Recipe: "flashinfer-exact", Format: NVFP4, Global: GlobalPolicy{GlobalGiven, c.global}})
		if err != nil {
			t.Fatal(err)
		}
		if got := hex.EncodeToString(b.Codes); got != c.codes || b.Scales[0] != c.scale {
			t.Errorf("%s: scale %02x codes %s, want %02x %s", c.name, b.Scales[0], got, c.scale, c.codes)
		}
		if b.Global != (GlobalScale{Divides, c.global}) {
			t.Errorf("%s: global %v", c.name, b.Global)
		}
	}
}

// Worked out by hand from the rule, for nobody can run flashinfer's kernel on a CPU: amax
// 6·2^k has scale 2^k, all above it the next, and the inverse of a scale is exact, so ties
// are ties.
func TestFlashinferMX(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, c := range []struct {
		name  string
		x     []float32 // the rest of the block is zero
		scale byte
		codes string // of the first eight
	}{
		{"six", []float32{6, 5, 3.5, -2.5, 1.75, 0.25, -0.25, negate(0)}, 127, "67c60488"},
		{"above six", []float32{6.03125, 5, 7, -2.5, 1.5, 0.5, -0.5, 10}, 128, "45a60268"},
		{"ties to even", []float32{-24, 1, 3, 5, 7, 10, 14, 20}, 129, "0f224466"},
		{"a NaN is +6 and no maximum", []float32{1.5, nan, -1}, 125, "770e0000"},
		{"zeros keep their sign", []float32{0, negate(0)}, 0, "80000000"},
		{"the smallest scale has no elements", []float32{0x1p-126, -0x1p-126}, 0, "80000000"},
		{"an infinity is +6 and takes the block with it", []float32{-inf, 1, -1}, 254, "07080000"},
	} {
		x := make([]float32, 32)
		copy(x, c.x)
		b, err := Quantize(x, 1, 32, QuantOptions{Recipe: "flashinfer-exact", Format: MXFP4})
		if err != nil {
			t.Fatal(err)
		}
		if got := hex.EncodeToString(b.Codes[:4]); got != c.codes || b.Scales[0] != c.scale {
			t.Errorf("%s: scale %d codes %s, want %d %s", c.name, b.Scales[0], got, c.scale, c.codes)
		}
	}
}

// TestGlobalOf holds it to what Quantize stores.
func TestGlobalOf(t *testing.T) {
	x := []float32{1, -3.5, 0.25, 2}
	x = append(x, make([]float32, 28)...)
	for _, r := range Recipes() {
		for _, f := range r.Formats {
			for _, policy := range []GlobalPolicy{{}, {Kind: GlobalNone}, {GlobalGiven, 7}} {
				opt := QuantOptions{Recipe: r.Name, Format: f, Global: policy}
				b, err := Quantize(x, 1, 32, opt)
				g, again := GlobalOf(x, opt)
				if g != b.Global || (err == nil) != (again == nil) {
					t.Errorf("%s %s %v: %v %v, Quantize has %v %v", r.Name, f, policy, g, again, b.Global, err)
				}
			}
		}
	}
}

// The same formula once more, in float64 with a rounding to float32 at every step.
func TestFlashinferExactFormula(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	x := make([]float32, 64*64)
	for i := range x {
		x[i] = float32(rng.NormFloat64() * math.Exp2(float64(i/16%24)-12))
	}
	b, err := Quantize(x, 64, 64, QuantOptions{Recipe: "flashinfer-exact", Format: NVFP4})
	if err != nil {
		t.Fatal(err)
	}
	f32 := func(v float64) float64 { return float64(float32(v)) }
	g := f32(2688 / float64(Amax(x)))
	if float64(b.Global.Value) != g {
		t.Fatalf("global %v, want %v", b.Global.Value, g)
	}
	for i := range b.Scales {
		block := x[16*i : 16*i+16]
		s := E4M3.EncodeSat(float32(float64(Amax(block))*f32(g*f32(1.0/6))), NearestEven)
		out := math.Min(f32(1/f32(float64(E4M3.Decode(s))*f32(1/g))), math.MaxFloat32)
		for j, v := range block {
			want := E2M1.EncodeSat(float32(float64(v)*out), NearestEven)
			if got := b.Code(i/4, i%4*16+j); uint16(got) != want || b.Scales[i] != uint8(s) {
				t.Fatalf("block %d element %d: scale %02x code %x, want %02x %x", i, j, b.Scales[i], got, s, want)
			}
		}
	}
}

// The OCP rule where torchao's differs: amax so small that the scale is 2^-127.
func TestOCPSmallestScale(t *testing.T) {
	x := make([]float32, 32)
	x[0], x[1], x[2], x[3] = 0x1.8p-125, -0x1p-126, 0x1p-128, -0x1p-149
	b, err := Quantize(x, 1, 32, QuantOptions{Recipe: "ocp", Format: MXFP4})
	if err != nil {
		t.Fatal(err)
	}
	if b.Scales[0] != 0 || b.Codes[0] != 0xc7 || b.Codes[1] != 0x81 {
		t.Errorf("scale %02x codes %02x %02x, want 00 c7 81", b.Scales[0], b.Codes[0], b.Codes[1])
	}
}

func TestBFloat16InputIsRounded(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	x, rounded := make([]float32, 128), make([]float32, 128)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
		rounded[i] = RoundBF16(x[i])
	}
	for _, r := range Recipes() {
		for _, f := range r.Formats {
			opt := QuantOptions{Recipe: r.Name, Format: f, InputBF16: true}
			a, err := Quantize(x, 2, 64, opt)
			if err != nil {
				t.Fatal(err)
			}
			b, err := Quantize(rounded, 2, 64, opt)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(a.Codes, b.Codes) || !slices.Equal(a.Scales, b.Scales) || a.Global != b.Global {
				t.Errorf("%s %s: float32 input differs from its bfloat16 rounding", r.Name, f)
			}
		}
	}
}

// A NaN must show in the scale of its block, in every recipe but the one whose
// hardware drops it.
func TestNaNIsNotLost(t *testing.T) {
	x := make([]float32, 64)
	for i := range x {
		x[i] = float32(i%7) - 3
	}
	x[33] = float32(math.NaN())
	for _, r := range Recipes() {
		for _, f := range r.Formats {
			if r.Name == "flashinfer-exact" && f == MXFP4 {
				continue // and no global scale to carry it
			}
			b, err := Quantize(x, 1, 64, QuantOptions{Recipe: r.Name, Format: f})
			if err != nil {
				t.Fatal(err)
			}
			s := b.Scale(0, 33)
			if b.ScaleType.Class(uint16(s)) != NaN {
				t.Errorf("%s %s: scale of the block with a NaN is %#02x", r.Name, f, s)
			}
		}
	}
}

func TestAmax(t *testing.T) {
	inf := float32(math.Inf(1))
	if Amax(nil) != 0 || Amax([]float32{-3, 2}) != 3 || Amax([]float32{1, -inf}) != inf {
		t.Error("Amax is not the largest magnitude")
	}
	if !isNaN(Amax([]float32{inf, negate(float32(math.NaN())), 1})) {
		t.Error("Amax lost a NaN")
	}
}

func TestRecipesTable(t *testing.T) {
	list := Recipes()
	if !slices.IsSortedFunc(list, func(a, b Recipe) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("recipes are not sorted by name")
	}
	for _, r := range list {
		if r.Doc == "" || len(r.Formats) == 0 || slices.Contains(r.Formats, NVFP4) == (r.Global == NoGlobal) {
			t.Errorf("row %+v is incomplete", r)
		}
	}
	list[0].Formats[0] = "changed"
	if Recipes()[0].Formats[0] == "changed" {
		t.Error("a caller can change the table")
	}
}

func TestQuantizeErrors(t *testing.T) {
	ok := QuantOptions{Recipe: "modelopt", Format: NVFP4}
	with := func(change func(*QuantOptions)) QuantOptions { o := ok; change(&o); return o }
	for _, c := range []struct {
		name       string
		n          int
		rows, cols int
		opt        QuantOptions
		class      error
		text, hint string
	}{
		{"K not a multiple", 40, 1, 40, ok, ErrShape, "cannot quantize 1×40 in blocks of 16: a row ends in a block of 8", "pad the columns with zeros to 48"},
		{"K not a multiple of 32", 48, 1, 48, with(func(o *QuantOptions) { o.Format = MXFP4 }), ErrShape, "blocks of 32", "to 64"},
		{"length", 31, 2, 16, ok, ErrShape, "31 values are not 2×16", ""},
		{"overflowing", 0, 1 << 62, 16, ok, ErrShape, "0 values are not", ""},
		{"empty", 0, 0, 16, ok, ErrShape, "nothing in it", ""},
		{"negative", 32, -2, -16, ok, ErrShape, "cannot quantize -2×-16", ""},
		{"recipe", 16, 1, 16, with(func(o *QuantOptions) { o.Recipe = "gptq" }), ErrRecipe, `unknown recipe "gptq"`, "one of compressed-tensors, flashinfer-exact, modelopt, ocp, torchao, vllm"},
		{"format", 16, 1, 16, with(func(o *QuantOptions) { o.Format = "nf4" }), ErrRecipe, `unknown format "nf4"`, "one of nvfp4, mxfp4"},
		{"no mxfp4", 32, 1, 32, QuantOptions{Recipe: "vllm", Format: MXFP4}, ErrRecipe, "vllm does not make mxfp4", "one of compressed-tensors, flashinfer-exact, modelopt, ocp, torchao"},
		{"mxfp4 global", 32, 1, 32, QuantOptions{Recipe: "ocp", Format: MXFP4, Global: GlobalPolicy{GlobalGiven, 2}}, ErrGlobal, "mxfp4 with a global scale", "leave the global scale out"},
	} {
		_, err := Quantize(make([]float32, c.n), c.rows, c.cols, c.opt)
		var e *Error
		if !errors.Is(err, c.class) || !errors.As(err, &e) {
			t.Errorf("%s: error %v, want class %v", c.name, err, c.class)
			continue
		}
		if !strings.Contains(err.Error(), c.text) || !strings.Contains(e.Hint(), c.hint) {
			t.Errorf("%s: %q with hint %q", c.name, err, e.Hint())
		}
	}
}

func BenchmarkQuantize(b *testing.B) {
	const rows, cols = 64, 4096
	rng := rand.New(rand.NewPCG(5, 6))
	x := make([]float32, rows*cols)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	for _, r := range Recipes() {
		for _, f := range r.Formats {
			b.Run(r.Name+"/"+f, func(b *testing.B) {
				b.SetBytes(4 * rows * cols)
				for b.Loop() {
					if _, err := Quantize(x, rows, cols, QuantOptions{Recipe: r.Name, Format: f}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
