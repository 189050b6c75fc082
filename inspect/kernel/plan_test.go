package kernel

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"fp4tui/inspect"
)

// TestPlanOfTheTour is the table of the tour's layer, 1536×384 over 8 ranks.
func TestPlanOfTheTour(t *testing.T) {
	rows, err := Plan(Shape{N: 1536, K: 384, Format: nvfp4}, 8, Column, Overview())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range rows {
		got = append(got, fmt.Sprintf("%s|%s|%d→%d×%d|%d|%.1f%%|%s", r.Kernel, r.Needs, r.RankN, r.PadN, r.PadK, r.Bytes, 100*r.Lost, r.Verdict))
	}
	want := []string{
		"cutlass|N,K ×32|192→192×384|43008|3.7%|ok",
		"cudnn|N,K ×32|192→192×384|43008|3.7%|ok",
		"trtllm|N×128 K×64|192→256×384|55296|33.3%|ok, pads",
		"trtllm.vllm|N×128 K×64, no pad|192→0×0|0|0.0%|FAIL assert",
		"marlin|N×64 K×16|192→192×384|41472|0.0%|ok",
		"mm_bf16_fp4|N,K ×64|192→192×384|43008|3.7%|ok",
		"triton|mxfp4 only|192→0×0|0|0.0%|n/a",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	fail := rows[3]
	if fail.Reason != "192 mod 128 = 64" || fail.Cure != "TP 4 passes (384 = 3 tiles), or pad before shuffling" {
		t.Errorf("%q, %q", fail.Reason, fail.Cure)
	}
	if got := rows[2].Rows(); !reflect.DeepEqual(got, []Segment{{0, 192, false}, {192, 256, true}}) {
		t.Errorf("rows %v", got)
	}
	r := Measure(Shape{N: 1536, K: 384, Format: nvfp4}, 8, Column)
	if len(r.Ranks) != 9 || r.Ranks[3] != 576 || len(r.Tiles) != 11 || r.Tiles[0] != 128 || r.Cut != nil {
		t.Errorf("ruler %+v", r)
	}
}

// TestPlanOfPublicFailures are slices that failed in the field.
func TestPlanOfPublicFailures(t *testing.T) {
	for _, c := range []struct {
		why     string
		s       Shape
		tp      int
		p       Parallel
		kernel  string
		verdict Verdict
		reason  string
	}{
		{"a rank's K of 232 ends inside a block", Shape{N: 4096, K: 1856, Format: nvfp4}, 8, Row, "cutlass", Cuts, "232 mod 16 = 8: 4 blocks are cut by a rank's edge"},
		{"cut blocks fail every kernel", Shape{N: 4096, K: 1856, Format: nvfp4}, 8, Row, "marlin", Cuts, "232 mod 16 = 8: 4 blocks are cut by a rank's edge"},
		{"n 464 pads for cutlass", Shape{N: 1856, K: 4096, Format: nvfp4}, 4, Column, "cutlass", Pads, ""},
		{"gated I 704 over 4 ranks: 352 rows", Shape{N: 1408, K: 2048, Format: nvfp4, Gated: true}, 4, Column, "trtllm-moe", Pads, ""},
		{"the same without padding", Shape{N: 1408, K: 2048, Format: nvfp4, Gated: true}, 4, Column, "cute-dsl-moe", Asserts, "176 mod 64 = 48"},
		{"K/32 of 90 is legal", Shape{N: 2880, K: 2880, Format: mxfp4}, 1, Row, "cudnn", Fits, ""},
		{"ranks differ", Shape{N: 1000, K: 368, Format: nvfp4}, 3, Column, "cutlass", Uneven, "1000 mod 3 = 1: ranks differ"},
		{"no halves", Shape{N: 1000, K: 368, Format: nvfp4, Gated: true}, 1, Column, "cutlass", Foreign, ""},
	} {
		k, err := Lookup(c.kernel)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := Plan(c.s, c.tp, c.p, []Kernel{k})
		if err != nil {
			t.Fatalf("%s: %v", c.why, err)
		}
		if r := rows[0]; r.Verdict != c.verdict || r.Reason != c.reason {
			t.Errorf("%s: %v %q, want %v %q", c.why, r.Verdict, r.Reason, c.verdict, c.reason)
		}
	}
}

// TestPlanAgreesWithPrepare: what the plan says of an unsplit layer is what prep does.
func TestPlanAgreesWithPrepare(t *testing.T) {
	for _, k := range Kernels() {
		for _, size := range sizes {
			b := matrix(k.Formats[0], size[0], size[1], 3)
			if size[1]%b.Block != 0 {
				continue
			}
			for _, gated := range []bool{false, k.Gated != nil} {
				s := ShapeOf(b)
				s.Gated = gated
				rows, err := Plan(s, 1, Column, []Kernel{k})
				if err != nil {
					t.Fatal(err)
				}
				r := rows[0]
				p, err := Prepare(t.Context(), weights(b), k, Options{Gated: gated})
				if (err == nil) != r.Verdict.OK() {
					t.Fatalf("%s %v: prepare %v, plan %v", k.Name, size, err, r.Verdict)
				}
				if err == nil && (r.Bytes != p.Bytes() || r.PadN != p.PadN || r.PadK != p.PadK) {
					t.Errorf("%s %v: plan %d bytes %d×%d, prepared %d bytes %d×%d", k.Name, size, r.Bytes, r.PadN, r.PadK, p.Bytes(), p.PadN, p.PadK)
				}
			}
		}
	}
}

func TestPlanErrors(t *testing.T) {
	for _, c := range []struct {
		s  Shape
		tp int
	}{{Shape{N: 0, K: 16, Format: nvfp4}, 1}, {Shape{N: 16, K: 16}, 1}, {Shape{N: 16, K: 16, Format: nvfp4}, 0}, {Shape{N: 16, K: 16, Format: nvfp4}, 17}} {
		if _, err := Plan(c.s, c.tp, Column, Overview()); !errors.Is(err, inspect.ErrUnsupported) {
			t.Errorf("%+v over %d: %v", c.s, c.tp, err)
		}
	}
}

// TestRulerOfARowSplit: edges inside blocks are marked.
func TestRulerOfARowSplit(t *testing.T) {
	r := Measure(Shape{N: 8, K: 1856, Format: nvfp4}, 8, Row)
	if !reflect.DeepEqual(r.Cut, []int{232, 696, 1160, 1624}) || r.Axis != 'k' || r.Tiles[0] != 64 {
		t.Errorf("%+v", r)
	}
}

// TestTiles: every multiple of the table is a tile.
func TestTiles(t *testing.T) {
	for _, k := range Kernels() {
		sides := []Side{k.N, k.K}
		if k.Gated != nil {
			sides = append(sides, k.Gated.N, k.Gated.K)
		}
		for _, s := range sides {
			if s.Multiple > 1 && !slices.Contains(Tiles(), s.Multiple) {
				t.Errorf("%s wants multiples of %d, which are no tile", k.Name, s.Multiple)
			}
		}
	}
}
