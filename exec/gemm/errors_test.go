package gemm

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// wants checks an error's class and that its text and cure hold every part of want
// (separated by "|").
func wants(t *testing.T, name string, err, class error, want string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: no error", name)
		return
	}
	if class != nil && !errors.Is(err, class) {
		t.Errorf("%s: %v is not %v", name, err, class)
	}
	text := err.Error()
	if h, ok := errors.AsType[interface {
		error
		Hint() string
	}](err); ok {
		text += " / " + h.Hint()
	}
	for _, part := range strings.Split(want, "|") {
		if !strings.Contains(text, part) {
			t.Errorf("%s: %q lacks %q", name, text, part)
		}
	}
}

func TestLookupErrors(t *testing.T) {
	for _, c := range []struct{ kind, arch, want string }{
		{"fp4", "sm100", `no kind "fp4"|mxf4nvf4.ue4m3|tf32`},
		{"mxf4nvf4", "sm100", `no kind "mxf4nvf4"|mxf4nvf4.ue8m0`},
		{"bf16", "sm60", `no architecture "sm60"|sm70, sm75|sm121|arch=sm80`},
		{"bf16", "", `no architecture ""`},
		{"bf16", "sm75", "sm75 has no bf16 instruction|sm75 has f16, f16.f16out; bf16 exists on sm80|arch=sm80"},
		{"mxf4", "sm90", "sm90 has no mxf4 instruction|arch=sm100"},
		{"f8.e2m1", "sm100", `no operand types "e2m1"|e4m3 e5m2|kind=f8.e4m3.e4m3`},
		{"f8.e4m3.e5m2.e5m2", "sm100", `no operand types`},
		{"mxf4nvf4.ue4m3.k96", "sm100", "exists on sm103"},
	} {
		_, err := Lookup(c.kind, c.arch)
		wants(t, c.kind+" "+c.arch, err, inspect.ErrUnsupported, c.want)
	}
}

// TestTable holds every row to what its kind and its arithmetic need.
func TestTable(t *testing.T) {
	seen := map[Instruction]bool{}
	for _, in := range Instructions() {
		m, err := Lookup(in.Kind, in.Arch)
		if err != nil {
			t.Fatal(err)
		}
		if seen[in] || m.Instruction != in {
			t.Errorf("%v: twice, or found as %v", in, m.Instruction)
		}
		seen[in] = true
		if m.L%m.Step != 0 || m.L%m.Group != 0 || m.Source == "" || m.Rho.precision() == 0 {
			t.Errorf("%v: %+v", in, m)
		}
		if (m.Rho == RNEFP16) != (m.Acc == F16) || m.Acc != F16 && m.Acc != F32 {
			t.Errorf("%v: %s results of type %s", in, m.Rho, m.Acc)
		}
		if (m.Group > 1) != (m.A == E2M1 && m.scale != noScale && m.L >= 64) {
			t.Errorf("%v: groups of %d", in, m.Group)
		}
		for _, b := range m.blocks {
			if m.L%b != 0 {
				t.Errorf("%v: blocks of %d do not fill %d", in, b, m.L)
			}
		}
		borrowed := in.Arch == "sm103" || in.Arch == "sm121" || in.Arch == "sm110" && !slices.Contains([]string{"bf16", "mxf8f6f4"}, in.Kind)
		if (m.Unverified != "") != borrowed {
			t.Errorf("%v: unverified %q", in, m.Unverified)
		}
	}
	if m, err := Lookup("bf16", "SM_90"); err != nil || m.Arch != "sm90" {
		t.Errorf("SM_90: %v, %v", m.Arch, err)
	}
}

func TestParseHexOperands(t *testing.T) {
	ones, zeros := strings.Repeat("1", 64), strings.Repeat("0", 64)
	op, err := ParseHexOperands("mxf4nvf4.ue4m3", "0x"+ones[:32]+"_"+ones[:32], zeros, "0c047447", "17502461", "b23210eb")
	if err != nil || len(op.A) != 64 || op.A[63] != 1 || op.C != 0xb23210eb || op.SFA[3] != 0x47 || op.SFB[0] != 0x17 {
		t.Errorf("%+v, %v", op, err)
	}
	if op, err = ParseHexOperands("bf16", "3f80c000", "40003f80", "", "", ""); err != nil || op.C != 0 || op.A[1] != 0xc000 {
		t.Errorf("bf16: %+v, %v", op, err)
	}
	for _, c := range []struct {
		name, kind, a, b, sfa, sfb, c string
		class                         error
		want                          string
	}{
		{"kind", "fp4", "", "", "", "", "", inspect.ErrUnsupported, "no kind"},
		{"odd digits", "f8", "3f8", "3f", "", "", "", inspect.ErrMalformed, "a= has 3 hex digits|one e4m3 element takes 2"},
		{"not hex", "f16", "3c00", "3g00", "", "", "", inspect.ErrMalformed, `b= is not hex at digit 0|"3g00"`},
		{"sign", "f16", "+c00", "3c00", "", "", "", inspect.ErrMalformed, "a= is not hex"},
		{"empty", "f16", "", "3c00", "", "", "", inspect.ErrMalformed, "a= is empty"},
		{"six bits", "f8f6f4.e3m2", "40", "00", "", "", "", inspect.ErrMalformed, "a= element 0 is 40|e3m2 has 6 bits"},
		{"lengths", "f16", "3c003c00", "3c00", "", "", "", inspect.ErrMismatch, "a= has 2 elements, b= has 1"},
		{"scales missing", "mxf4", ones, zeros, "", "7f7f", "", inspect.ErrMismatch, "sfa= has 0 hex digits|expects 4 hex digits (2 scales, block 32)"},
		{"scales for the wrong block", "mxf4nvf4.ue4m3", ones, zeros, "3838", "3838", "", inspect.ErrMismatch, "sfa= has 4 hex digits|expects 8 hex digits (4 scales, block 16)"},
		{"either block", "mxf4nvf4.ue8m0", ones, zeros, "7f7f7f", "7f7f", "", inspect.ErrMismatch, "(2 scales, block 32) or 8 hex digits (4 scales, block 16)"},
		{"two blocks", "mxf4nvf4.ue8m0", ones, zeros, "7f7f", "7f7f7f7f", "", inspect.ErrMismatch, "sfa= has 2 scales, sfb= has 4"},
		{"half a scale", "mxf4", ones, zeros, "7f7", "7f7f", "", inspect.ErrMalformed, "sfa= has 3 hex digits"},
		{"scales unasked", "f16", "3c00", "3c00", "", "7f", "", inspect.ErrMismatch, "sfb= has 1 scales|kind f16 has no block scales|leave sfb= out"},
		{"short c", "f16", "3c00", "3c00", "", "", "3f80", inspect.ErrMalformed, "c= has 4 hex digits|8"},
		{"long c", "f16", "3c00", "3c00", "", "", "3f8000003f800000", inspect.ErrMalformed, "c= has 16 hex digits"},
	} {
		_, err := ParseHexOperands(c.kind, c.a, c.b, c.sfa, c.sfb, c.c)
		wants(t, c.name, err, c.class, c.want)
	}
}

func TestDotErrors(t *testing.T) {
	m, err := Lookup("f16", "sm90")
	if err != nil {
		t.Fatal(err)
	}
	_, err = m.Dot(Operands{A: make([]uint32, 12), B: make([]uint32, 12)})
	wants(t, "12 elements", err, inspect.ErrMismatch, "12 elements|a multiple of 8|pad with zeros to 16")
	_, err = m.Dot(Operands{})
	wants(t, "no elements", err, inspect.ErrMismatch, "0 elements")
	_, err = m.Dot(Operands{A: make([]uint32, 8), B: []uint32{0, 0, 1 << 16, 0, 0, 0, 0, 0}})
	wants(t, "17 bits", err, inspect.ErrMalformed, "element 2 does not fit its type")
}

func TestForwardErrors(t *testing.T) {
	w := weight(t, 1, fp4.NVFP4, "modelopt", 4, 32)
	odd := &layer.Weights{Blocks: []fp4.Blocks{{Rows: 1, Cols: 32, Block: 16, Codes: make([]byte, 16), Scales: make([]byte, 2), ScaleType: fp4.E8M0}}}
	x := activations(2, 1, 3, 32)
	dense := inspect.Tensor{Shape: []int{4, 32}, Data: make([]float32, 128)}
	cubic := inspect.Tensor{Shape: []int{1, 4, 32}, Data: make([]float32, 128)}
	base := layer.Forward{X: x, Weights: w, Mode: layer.W4A4, Act: layer.ActDynamic, Arch: "sm100", Out: inspect.BF16}
	for _, c := range []struct {
		name  string
		emu   bool
		set   func(f *layer.Forward)
		class error
		want  string
	}{
		{"dense", true, func(f *layer.Forward) { f.Dense, f.Weights = &dense, nil }, inspect.ErrUnsupported, "emu takes no dense weight|backend=ref"},
		{"dense w4a4", false, func(f *layer.Forward) { f.Dense, f.Weights = &dense, nil }, inspect.ErrUnsupported, "mode=w4a4 with a dense weight"},
		{"dense rank", false, func(f *layer.Forward) { f.Dense = &cubic }, inspect.ErrMismatch, "weight 1×4×32|N×K"},
		{"short K", true, func(f *layer.Forward) { f.X = activations(1, 1, 5, 16) }, inspect.ErrMismatch, "x 5×16 has K 16, layer has K 32|pad x with 16 zero columns"},
		{"long K", false, func(f *layer.Forward) { f.X = activations(1, 1, 5, 48) }, inspect.ErrMismatch, "x 5×48 has K 48, layer has K 32|pad the layer with 16 zero columns|cut x to K 32"},
		{"scalar", true, func(f *layer.Forward) { f.X = inspect.Tensor{Data: []float32{1}} }, inspect.ErrMismatch, "x is a scalar"},
		{"short data", true, func(f *layer.Forward) { f.X.Data = f.X.Data[:5] }, inspect.ErrMalformed, "x 3×32 holds 5 values"},
		{"no weight", true, func(f *layer.Forward) { f.Weights = nil }, inspect.ErrMissing, "no weight"},
		{"expert", true, func(f *layer.Forward) { f.Expert = 1 }, inspect.ErrMissing, "no expert 1|the layer has 1"},
		{"broken blocks", true, func(f *layer.Forward) {
			f.Weights = &layer.Weights{Blocks: []fp4.Blocks{{Rows: 4, Cols: 32, Block: 16}}}
		}, fp4.ErrShape, "codes do not fill"},
		{"out", true, func(f *layer.Forward) { f.Out = inspect.I8 }, inspect.ErrUnsupported, "no output type I8"},
		{"arch", true, func(f *layer.Forward) { f.Arch = "sm90" }, inspect.ErrUnsupported, "sm90 has no mxf4nvf4.ue4m3 instruction|arch=sm100"},
		{"arch w4a16", true, func(f *layer.Forward) { f.Arch, f.Mode = "sm75", layer.W4A16 }, inspect.ErrUnsupported, "sm75 has no bf16 instruction"},
		{"no policy", true, func(f *layer.Forward) { f.Act = layer.ActNone }, inspect.ErrMismatch, "act=dynamic, or mode=w4a16"},
		{"no input scale", false, func(f *layer.Forward) { f.Act = layer.ActStatic }, inspect.ErrMissing, "act=static needs an input global scale"},
		{"zero global", true, func(f *layer.Forward) { f.Act = layer.ActValue }, inspect.ErrUnsupported, "activation global scale 0|positive and finite"},
		{"format", true, func(f *layer.Forward) { f.Weights = odd }, inspect.ErrUnsupported, "blocks of 16 with E8M0 scales|backend=ref"},
	} {
		f := base
		c.set(&f)
		var err error
		if c.emu {
			_, err = Emu{}.Forward(context.Background(), f, nil)
		} else {
			_, err = Ref{}.Forward(context.Background(), f, nil)
		}
		wants(t, c.name, err, c.class, c.want)
	}
}
