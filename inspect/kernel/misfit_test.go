package kernel

import (
	"slices"
	"strings"
	"testing"

	"fp4tui/inspect/fp4"
)

// TestUnpaddedBuffers: rows that were shuffled without the padding that a kernel needs are
// in a layout of the table, and no kernel's buffer.
func TestUnpaddedBuffers(t *testing.T) {
	type want struct{ needs, lacks, cure string }
	both := want{"N×128 K×64", "1056 mod 128 = 32, 368 mod 64 = 48", "pad N to 1152, K to 384 before the shuffle"}
	for _, c := range []struct {
		n, k   int
		padTo  int // rows before the shuffle
		scales bool
		rows   bool // shuffled
		want   map[string]want
	}{
		{1056, 368, 1056, false, true, map[string]want{"trtllm": both}},
		{1056, 368, 1056, true, true, map[string]want{"trtllm": both, "trtllm.vllm": {"N×128 K×64, no pad", both.lacks, both.cure}}},
		{1056, 384, 1056, true, true, map[string]want{"trtllm": {"N×128 K×64", "1056 mod 128 = 32", "pad N to 1152 before the shuffle"}}},
		{1056, 368, 1152, false, true, map[string]want{"trtllm": {"N×128 K×64", "368 mod 64 = 48", "pad K to 384 before the shuffle"}}},
		{1152, 368, 1152, true, true, map[string]want{"trtllm": {"N×128 K×64", "368 mod 64 = 48", "pad K to 384 before the shuffle"}}},
		{1152, 384, 1152, true, true, map[string]want{"trtllm": {}}},
		{1001, 368, 1001, true, false, map[string]want{"cutlass": {"N,K ×32", "1001 mod 32 = 9, 368 mod 32 = 16", "pad N to 1024, K to 384 before the layout"}}},
		{1001, 368, 1001, false, false, map[string]want{"cutlass": {}}}, // the checkpoint's own order is no kernel's
	} {
		b := matrix(nvfp4, c.n, c.k, 3)
		row, cols := c.k/2, b.ScaleCols()
		codes, scales := zeroPad(b.Codes, c.n, row, c.padTo, row), b.Scales
		if c.rows {
			codes = shuffled(codes, c.padTo, row, 32)
			scales = shuffled(scales, c.n, cols, 32)
		}
		u := Unknown{Codes: codes, N: c.n, K: c.k, Block: 16, ScaleType: fp4.E4M3, Reference: b}
		if c.scales {
			u.Scales = swizzled(scales, c.n, cols)
		}
		found, err := Identify(t.Context(), u)
		if err != nil {
			t.Fatal(err)
		}
		best := found[0]
		if !best.Exact {
			t.Errorf("%+v: not exact", c)
		}
		for name, want := range c.want {
			i := slices.IndexFunc(best.Misfits, func(m Misfit) bool { return m.Kernel == name })
			if want.needs == "" {
				if i >= 0 {
					t.Errorf("%d×%d: %+v", c.n, c.k, best.Misfits[i])
				}
				continue
			}
			if i < 0 {
				t.Errorf("%d×%d padded to %d: %s is no misfit: kernels %v, %+v", c.n, c.k, c.padTo, name, best.Kernels, best.Misfits)
				continue
			}
			m := best.Misfits[i]
			if m.Needs != want.needs || m.Lacks != want.lacks || m.Cure != want.cure || m.Pads == strings.HasSuffix(m.Needs, "no pad") {
				t.Errorf("%d×%d: %+v, want %+v", c.n, c.k, m, want)
			}
		}
	}
}

// TestPaddedIsNoMisfit: codes as a kernel pads and packs them are not called unpadded for
// scales of another kernel.
func TestPaddedIsNoMisfit(t *testing.T) {
	b := matrix(nvfp4, 1000, 368, 3)
	p := prepared(t, b, "marlin", Options{})
	found, err := Identify(t.Context(), Unknown{Codes: p.Codes, Scales: b.Scales, N: 1000, K: 368, Block: 16, ScaleType: fp4.E4M3, Reference: b})
	if err != nil {
		t.Fatal(err)
	}
	if best := found[0]; !best.Exact || len(best.Kernels) > 0 || len(best.Misfits) > 0 {
		t.Errorf("%+v", best)
	}
}
