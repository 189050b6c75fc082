package cuda

import (
	"errors"
	"math"
	"slices"
	"testing"

	"fp4tui/exec/gemm"
	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// TestBF16Rules holds the rows of bf16 instructions to package gemm's table.
func TestBF16Rules(t *testing.T) {
	n := 0
	for _, in := range gemm.Instructions() {
		if in.Kind != "bf16" {
			continue
		}
		m, err := gemm.Lookup(in.Kind, in.Arch)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := bf16RuleOf(in.Arch); !ok || got != (bf16Rule{int64(m.L), int64(m.F), int64(m.EZero)}) {
			t.Errorf("%s is %+v here, %+v there", in.Arch, got, m.Params)
		}
		n++
	}
	if n < 5 {
		t.Errorf("%d rows", n)
	}
}

// TestShifts checks that what w4a16 multiplies is what it would be without powers of two.
func TestShifts(t *testing.T) {
	tests := []struct {
		name   string
		scale  fp4.Format
		scales []byte
		shift  int
		ok     bool
	}{
		{"E4M3", fp4.E4M3, []byte{0x7e, 0x01}, 118, true},
		{"near one", fp4.E8M0, []byte{120, 127}, 126, true},
		{"with NaN", fp4.E8M0, []byte{120, 255}, 126, true},
		{"the smallest", fp4.E8M0, []byte{0, 120}, 126, true},
		{"large", fp4.E8M0, []byte{127, 157}, 97, true},
		{"far apart", fp4.E8M0, []byte{20, 157}, 97, false},
		{"overflowing", fp4.E8M0, []byte{253}, 1, false},
	}
	for _, test := range tests {
		shift, ok := shiftOf(&layer.Job{Scale: test.scale, WScales: test.scales})
		if shift != test.shift || ok != test.ok {
			t.Errorf("%s: %d, %v; want %d, %v", test.name, shift, ok, test.shift, test.ok)
		}
		if !ok {
			continue
		}
		table := scaleWords(test.scale, shift)
		for _, b := range test.scales {
			for code := range uint8(8) {
				// the kernel's product, and the weight that x's power of two must make up for
				v := float64(fp4.DecodeE2M1(code)) * 0x1p-126 * float64(math.Float32frombits(table[b]<<16))
				w := float64(fp4.DecodeE2M1(code)) * float64(test.scale.Decode(uint16(b)))
				if math.Ldexp(v, codeShift-shift) != w && !(v != v && w != w) {
					t.Errorf("%s: code %d of scale %02x: %g for %g", test.name, code, b, v, w)
				}
			}
		}
	}
	for _, test := range []struct {
		x, want uint16
		ok      bool
	}{{0x3f80, 0x4380, true}, {0x8000, 0x8000, true}, {0x7f80, 0x7f80, true}, {0x7fc1, 0x7fc1, true}, {0x0001, 0, false}, {0x7b80, 0, false}, {0x7b00, 0x7f00, true}} {
		got, ok := shiftWords([]uint16{test.x}, 8)
		if ok != test.ok || ok && got[0] != test.want {
			t.Errorf("%04x becomes %04x, %v", test.x, got, ok)
		}
	}
}

func TestPadding(t *testing.T) {
	if got := padded([]byte{1, 2, 3, 4}, 2, 2, 3); !slices.Equal(got, []byte{1, 2, 0, 3, 4, 0}) {
		t.Errorf("%v", got)
	}
	if got := paddedWords([]uint16{1, 2}, 2, 1, 2); !slices.Equal(got, []uint16{1, 0, 2, 0}) {
		t.Errorf("%v", got)
	}
	scales := make([]byte, 130*5)
	for i := range scales {
		scales[i] = byte(i%251 + 1)
	}
	s := swizzled(scales, 130, 5)
	if len(s) != 2*2*512 || s[0] != scales[0] || s[4] != scales[32*5] || s[16] != scales[5] || s[512] != scales[4] || s[1024+16+1] != scales[129*5+1] {
		t.Error("the 128×4 layout is another")
	}
}

func TestDecode(t *testing.T) {
	for w := range 1 << 16 {
		got, want := halfFloat(uint16(w)), fp4.FP16.Decode(uint16(w))
		if got != want && !(got != got && want != want) {
			t.Fatalf("%04x is %g, must be %g", w, got, want)
		}
	}
	for _, out := range []inspect.DType{inspect.F32, inspect.BF16, inspect.F16} {
		b := slices.Repeat([]byte{0xff}, 8)
		clear(b[:outBytes(out)])
		err := decode(make([]float32, 2), b, &layer.Job{N: 2, Out: out}, "k")
		if !errors.Is(err, ErrDevice) || err.Error() != "k did not write y[0,1]" {
			t.Errorf("%s: %v", out, err)
		}
	}
}

func TestJobsRefused(t *testing.T) {
	j := layer.Job{M: 1, N: 1, K: 32, Block: 32, Scale: fp4.E4M3, XWords: make([]uint16, 32), WCodes: make([]byte, 16), WScales: make([]byte, 1), Alphas: []float32{1}, Out: inspect.BF16}
	if err := checkJob(&j); !errors.Is(err, inspect.ErrUnsupported) {
		t.Errorf("E4M3 on blocks of 32: %v", err)
	}
	j.Scale = fp4.E8M0
	if err := checkJob(&j); err != nil {
		t.Error(err)
	}
	j.Epilogue.Bias = layer.BiasF32
	if err := checkJob(&j); !errors.Is(err, inspect.ErrMismatch) {
		t.Errorf("no bias: %v", err)
	}
	long := layer.Job{M: 1, N: 1, K: mostK + 32, Block: 32, Scale: fp4.E8M0, XWords: make([]uint16, mostK+32), WCodes: make([]byte, mostK/2+16), WScales: make([]byte, mostK/32+1), Alphas: []float32{1}, Out: inspect.BF16}
	if err := checkJob(&long); !errors.Is(err, inspect.ErrUnsupported) {
		t.Errorf("K of %d: %v", long.K, err)
	}
	j.Kernel = "none"
	if _, err := kernelFor(&j); !errors.Is(err, ErrNoKernel) {
		t.Errorf("no such kernel: %v", err)
	}
}
