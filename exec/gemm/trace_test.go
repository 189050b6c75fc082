package gemm

import (
	"math"
	"strings"
	"testing"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

func dot(t *testing.T, kind, arch string, op Operands) Trace {
	t.Helper()
	m, err := Lookup(kind, arch)
	if err != nil {
		t.Fatal(err)
	}
	tr, err := m.Dot(op)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// TestTrace works one sum out by hand: 64 products 1·1 under scales 2·1.5 = 3 in the
// first group, 1 in the others, c = 2^36: E is 36, the quantum 2 cuts nothing of the
// even sums and c's last bit lies above them.
func TestTrace(t *testing.T) {
	op := Operands{A: make([]uint32, 64), B: make([]uint32, 64), SFA: []uint8{0x40, 0x38, 0x38, 0x38},
		SFB: []uint8{0x3c, 0x38, 0x38, 0x00}, C: math.Float32bits(0x1p36)}
	for i := range 64 {
		op.A[i], op.B[i] = 2, 2
	}
	op.A[16] = 1 // the second group: 15.5, cut to 14 at the quantum 2
	tr := dot(t, "mxf4nvf4.ue4m3", "sm100", op)
	s := tr.Steps[0]
	if tr.Scale != "ue4m3" || s.E != 36 || s.Quantum != 1 || len(s.Terms) != 5 || s.Sum != 1<<35+24+7+8 || !s.Rounded || s.D != tr.D || tr.D != op.C {
		t.Errorf("%+v", s)
	}
	g, h, z, c := s.Terms[0], s.Terms[1], s.Terms[3], s.Terms[4]
	if g.P != 64 || g.M != 8*12 || g.Align != 1 || g.Exp != -7 || g.Units != 24 || g.Cut || g.Len != 16 || g.SFA != 0x40 {
		t.Errorf("group 0: %+v", g)
	}
	if h.P != 62 || h.Units != 7 || !h.Cut || h.First != 16 {
		t.Errorf("group 1: %+v", h)
	}
	if z.M != 0 || z.Counts || z.Units != 0 {
		t.Errorf("group under a zero scale: %+v", z)
	}
	if c.Len != 0 || c.P != 1<<23 || c.Align != 36 || c.Units != 1<<35 {
		t.Errorf("c: %+v", c)
	}
}

func TestSpecials(t *testing.T) {
	f16 := func(pairs ...uint32) Operands {
		op := Operands{A: make([]uint32, 8), B: make([]uint32, 8)}
		for i := 0; i < len(pairs); i += 2 {
			op.A[i/2], op.B[i/2] = pairs[i], pairs[i+1]
		}
		return op
	}
	withC := func(op Operands, c uint32) Operands { op.C = c; return op }
	tf32 := Operands{A: []uint32{0x7f800001, 0, 0, 0}, B: []uint32{0x3f800000, 0, 0, 0}}
	for _, c := range []struct {
		name, kind string
		op         Operands
		d          uint32
		why        string
	}{
		{"NaN operand", "f16", f16(0x7e00, 0x3c00), wordNaN, "a[0] or b[0] is NaN"},
		{"NaN times zero", "f16", f16(0, 0xfe00), wordNaN, "is NaN"},
		{"infinity", "f16", f16(0x3c00, 0x3c00, 0x7c00, 0xc000), 0xff800000, "a[1]·b[1] is -infinity"},
		{"infinity times zero", "f16", f16(0x7c00, 0x8000), wordNaN, "infinity times zero"},
		{"both infinities", "f16", f16(0x7c00, 0x3c00, 0x7c00, 0xbc00), wordNaN, "+infinity and a[1]·b[1] is -infinity"},
		{"c against a product", "f16", withC(f16(0x7c00, 0x3c00), 0xff800000), wordNaN, "c is -infinity"},
		{"c infinite", "f16", withC(f16(0x3c00, 0x3c00), 0x7f800000), wordInf, "c is +infinity"},
		{"c NaN", "f16", withC(f16(), 0xffc00001), wordNaN, "c is NaN"},
		{"payload cut away", "tf32", tf32, wordInf, "+infinity"},
	} {
		tr := dot(t, c.kind, "sm90", c.op)
		if tr.D != c.d || !strings.Contains(tr.Steps[0].Special, c.why) {
			t.Errorf("%s: %08x %q, want %08x %q", c.name, tr.D, tr.Steps[0].Special, c.d, c.why)
		}
	}
}

func TestCorner(t *testing.T) {
	neg := Operands{A: make([]uint32, 8), B: make([]uint32, 8), C: wordNegZero}
	for i := range neg.A {
		neg.A[i] = 0x8000
	}
	tiny := Operands{A: make([]uint32, 8), B: make([]uint32, 8)}
	tiny.A[0], tiny.B[0] = 0x8010, 0x1c00 // bf16: -2^-129 · 2^-71, below every subnormal
	mixed := Operands{A: append([]uint32{0}, neg.A[1:]...), B: neg.B, C: wordNegZero}
	for _, c := range []struct {
		name   string
		op     Operands
		corner bool
	}{
		{"all negative zeros", neg, true},
		{"one positive zero", mixed, false},
		{"c positive", Operands{A: neg.A, B: neg.B}, false},
		{"cut to nothing under a positive c", tiny, false},
		{"cut to nothing under a negative c", Operands{A: tiny.A, B: append([]uint32{0x1c00}, []uint32{
			0x8000, 0x8000, 0x8000, 0x8000, 0x8000, 0x8000, 0x8000}...), C: wordNegZero}, true},
	} {
		tr := dot(t, "bf16", "sm100", c.op)
		if tr.D != 0 || (tr.Corner != "") != c.corner {
			t.Errorf("%s: %08x corner %q", c.name, tr.D, tr.Corner)
		}
	}
	// -2^-155 is a whole number of units and less than the smallest subnormal.
	under := Operands{A: make([]uint32, 8), B: make([]uint32, 8)}
	under.A[0], under.B[0] = 0x8080, 0x3100 // -2^-126 · 2^-29
	if tr := dot(t, "bf16", "sm100", under); tr.D != 0 || tr.Steps[0].Sum >= 0 || tr.Corner != unverifiedZero {
		t.Errorf("underflow from below: %+v", tr)
	}
	if tr := dot(t, "bf16", "sm90", under); tr.D != 0 || tr.Corner != "" {
		t.Errorf("an H100 returned +0 here: %+v", tr)
	}
}

// TestDisputes holds every kind of dispute between published models to the cases where
// their results differ, and to the rows that they are about.
func TestDisputes(t *testing.T) {
	codes := func(k int, at map[int]uint32) []uint32 {
		c := make([]uint32, k)
		for i, v := range at {
			c[i] = v
		}
		return c
	}
	// 2^-149 less a bit that is kept at -133 - 25 and above it, and else cut.
	floor := func(tiny uint32) Operands { // bf16: 2^-75·2^-74 - 2^-75·tiny
		return Operands{A: codes(16, map[int]uint32{0: 0x1a00, 5: 0x9a00}), B: codes(16, map[int]uint32{0: 0x1a80, 5: tiny})}
	}
	// f16: half of the smallest FP16 value and a bit more, 2^-14·2^-11 + 2^-24·2^n.
	half := func(tiny uint32) Operands {
		return Operands{A: codes(16, map[int]uint32{0: 0x0400, 1: 0x0001}), B: codes(16, map[int]uint32{0: 0x1000, 1: tiny})}
	}
	nv := Operands{A: make([]uint32, 64), B: codes(64, map[int]uint32{3: 7}), SFA: make([]uint8, 4), SFB: []uint8{0x38, 0x38, 0x38, 0x38}, C: wordNegZero}
	mx := Operands{A: codes(64, map[int]uint32{0: 2, 63: 10}), B: codes(64, map[int]uint32{0: 2, 63: 2}), SFA: []uint8{52, 39}, SFB: []uint8{53, 39}}
	for _, c := range []struct {
		name, kind, arch string
		op               Operands
		d                uint32
		corner           string
	}{
		{"2^-149 - 2^-158", "bf16", "sm100", floor(0x1600), 0, ""},
		{"2^-149 - 2^-159", "bf16", "sm100", floor(0x1580), 1, unverifiedFloor},
		{"2^-149 - 2^-159 on an H100", "bf16", "sm90", floor(0x1580), 1, ""},
		{"2^-149 - 2^-159 where one model is published", "bf16", "sm120", floor(0x1580), 1, ""},
		{"2^-25 + 2^-46", "f16.f16out", "sm100", half(0x0004), 1, ""},
		{"2^-25 + 2^-47", "f16.f16out", "sm100", half(0x0002), 0, unverifiedHalf},
		{"2^-25 + 2^-48", "f16.f16out", "sm100", half(0x0001), 0, unverifiedHalf},
		{"2^-25 + 2^-48 on an H100", "f16.f16out", "sm90", half(0x0001), 0, ""},
		{"2^-25 + 2^-45 on Ampere", "f16.f16out", "sm80", half(0x0008), 0, unverifiedHalf},
		{"2^-25 + 2^-46 on Ampere, which no release kept", "f16.f16out", "sm80", half(0x0004), 0, ""},
		{"zeros and c -0", "mxf4nvf4.ue4m3", "sm100", nv, 0, unverifiedZero},
		{"zeros and c -0 where one model is published", "mxf4nvf4.ue4m3", "sm120", nv, 0, ""},
		{"MXFP4 at 2^-149", "mxf4", "sm100", mx, 1, unverifiedSums},
	} {
		if tr := dot(t, c.kind, c.arch, c.op); tr.D != c.d || tr.Corner != c.corner {
			t.Errorf("%s: %08x %q, want %08x %q", c.name, tr.D, tr.Corner, c.d, c.corner)
		}
	}
}

// TestUnverifiedIsShown follows the caveat of a row to both places where users look.
func TestUnverifiedIsShown(t *testing.T) {
	op := Operands{A: make([]uint32, 96), B: make([]uint32, 96), SFA: make([]uint8, 6), SFB: make([]uint8, 6)}
	if tr := dot(t, "mxf4nvf4.ue4m3.k96", "sm103", op); !strings.Contains(tr.Unverified, "K=96") || len(tr.Steps) != 1 {
		t.Errorf("%+v", tr)
	}
}

// TestProductsShowUnverified: every product says that its row is unchecked, when it is.
func TestProductsShowUnverified(t *testing.T) {
	var archs []string
	for _, in := range Instructions() {
		if in.Kind == "bf16" {
			archs = append(archs, in.Arch)
		}
	}
	marked := 0
	for _, arch := range archs {
		for _, c := range []struct {
			mode         layer.Mode
			format, kind string
		}{
			{layer.W4A16, fp4.NVFP4, "bf16"}, {layer.W4A4, fp4.NVFP4, "mxf4nvf4.ue4m3"}, {layer.W4A4, fp4.MXFP4, "mxf4"},
		} {
			m, err := Lookup(c.kind, arch)
			if err != nil {
				continue // no FP4 instruction before Blackwell
			}
			producer := map[string]string{fp4.NVFP4: "modelopt", fp4.MXFP4: "ocp"}[c.format]
			f := layer.Forward{X: activations(1, 1, 2, 64), Weights: weight(t, 1, c.format, producer, 4, 64),
				Mode: c.mode, Act: layer.ActDynamic, Arch: arch, Out: inspect.BF16}
			said := ""
			for _, note := range forward(t, Emu{}, f).Notes {
				if rest, ok := strings.CutPrefix(note, "unverified: "); ok {
					said = rest
				}
			}
			if said != m.Unverified {
				t.Errorf("%s %v %s: says %q, the row %q", arch, c.mode, c.format, said, m.Unverified)
			}
			if said != "" {
				marked++
			}
		}
	}
	if marked != 3+2+3 { // sm103, sm110 but for bf16, sm121
		t.Errorf("%d products are marked", marked)
	}
}

// TestProductsShowUnderflow: sums that end in a zero whose sign is disputed are counted, but
// not on the architecture where hardware has answered.
func TestProductsShowUnderflow(t *testing.T) {
	w := weight(t, 1, fp4.MXFP4, "torchao", 4, 32)
	for i := range w.Blocks[0].Scales {
		w.Blocks[0].Scales[i] = 127 - 60
	}
	for i := range w.Blocks[0].Codes {
		w.Blocks[0].Codes[i] = 0x22 // 1
	}
	x := activations(1, 1, 2, 32)
	for i := range x.Data {
		x.Data[i] = -0x1p-95 // products of -2^-155
	}
	for _, c := range []struct {
		arch string
		want bool
	}{{"sm80", true}, {"sm90", false}, {"sm100", true}} {
		f := layer.Forward{X: x, Weights: w, Mode: layer.W4A16, Arch: c.arch, Out: inspect.F32}
		out := forward(t, Emu{}, f)
		said := strings.Contains(strings.Join(out.Notes, "\n"), " sums underflowed to zero from below: unverified corner")
		if said != c.want || math.Float32bits(out.Y.Data[0]) != 0 {
			t.Errorf("%s: %q, %v", c.arch, out.Notes, out.Y.Data)
		}
	}
}
