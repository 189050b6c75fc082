package text

import (
	"math"
	"strings"
	"testing"

	"fp4tui/exec"
)

// layoutSamples are the results of preparing one unaligned layer, N 1000 × K 368, and
// of planning an aligned one.
func layoutSamples() []exec.Result {
	at := exec.Place{Subject: "p[994,37]", Kernel: "trtllm", N: 994, K: 37, Block: 2, Code: 14, CodeValue: -4, Scale: 0x71, ScaleV: 144, Deq: -0.133086876155,
		File: "samples/unaligned-w4a16/model.safetensors", FileByte: 0x2cf00, FileHigh: true, FileScale: 0x2e000, Byte: 193554, High: true, ScaleByte: 21774, Stored: 0x71, Row: 1008, Col: 37}
	stored := at
	stored.Subject, stored.Kernel, stored.Stored, stored.Row, stored.Col = "m[994,37]", "marlin", 0xe2, -1, -1
	inFile := at
	inFile.Subject, inFile.Kernel, inFile.Byte, inFile.ScaleByte, inFile.Row, inFile.Stored = "w[994,37]", "", -1, -1, -1, -1
	return []exec.Result{
		exec.Prepared{Bind: exec.Bind{Handle: "p"}, Subject: "w", Kernel: "trtllm", Engine: "sglang", Doc: "flashinfer mm_fp4, backend trtllm; padded before the shuffle", Format: "nvfp4",
			N: 1000, K: 368, PadN: 1024, PadK: 384, Block: 16, Steps: stepSamples(), CodesBytes: 196608, ScalesBytes: 24576, Global: 0.000231053604, Rescale: 1, Activations: "fp4", Output: "bf16"},
		exec.Prepared{Bind: exec.Bind{Handle: "m"}, Subject: "w", Kernel: "marlin", Engine: "vLLM", Format: "nvfp4", N: 1000, K: 368, PadN: 1024, PadK: 368, Block: 16, Undone: 3, Gated: true,
			CodesBytes: 188416, ScalesBytes: 23552, Global: 0.000231053604, Rescale: 128, Lost: 12, Warnings: []string{"the padding holds nan"}},
		at, stored, inFile,
		exec.Place{Subject: "p", Kernel: "trtllm", Padding: true, N: -1, K: -1, FileByte: -1, FileScale: -1, Byte: 193000, High: true, ScaleByte: -1, Stored: -1, Row: -1, Col: -1},
		exec.Identified{Subject: "q", Against: "w", Verdict: "trtllm", Candidates: []exec.Candidacy{
			{Codes: "shuffle128", Scales: "shuffle128, 128x4", Kernels: []string{"trtllm", "trtllm.vllm"}, Exact: true},
			{Codes: "linear = shuffle64", Scales: "128x4", Kernels: []string{"cutlass", "cudnn"}, Ambiguous: true, Error: 1.41421, CodesWrong: 0.934, ScalesWrong: 0.75}}},
		exec.Identified{Subject: "d", Against: "w", Verdict: "codes shuffle128, not padded for trtllm, which needs N×128 K×64: 1056 mod 128 = 32", Candidates: []exec.Candidacy{
			{Codes: "shuffle128", Exact: true, Misfits: []exec.Misfit{{Kernels: []string{"trtllm"}, Needs: "N×128 K×64", Why: "1056 mod 128 = 32", Cure: "pad N to 1152 before the shuffle: p = prep w for=trtllm"}}},
			{Codes: "linear", Close: true, Error: 0.0123, CodesWrong: 0.001}}},
		exec.Identified{Subject: "j", Against: "w", Verdict: "none fits; nearest: codes shuffle64", Candidates: []exec.Candidacy{
			{Codes: "shuffle64", Error: 1.25, CodesWrong: 0.69}, {Codes: "linear", Error: 1.41421, CodesWrong: 0.9}}},
		exec.Identified{Subject: "q", Verdict: "ambiguous: linear or swapped nibbles", Candidates: []exec.Candidacy{
			{Codes: "linear, nibbles swapped", Scales: "linear", Error: nan, CodesWrong: nan, ScalesWrong: nan, Score: 1.75, Weak: true, Ambiguous: true}}},
		planSample(), cutSample(),
		exec.Poisoned{Bind: exec.Bind{Handle: "z"}, Subject: "p", With: "nan", Codes: 18816, Scales: 576, Backend: "emu sm100", X: "x", Outputs: 128000},
		exec.Poisoned{Subject: "m", With: "nan", Codes: 24, Scales: 3, Backend: "emu sm100", X: "x", Outputs: 131072, Moved: 17, NaN: 17, First: []int{0, 3},
			Reads: []string{"scales, blocks past K: multiplied by the zeros that pad x; NaN·0 is NaN"}},
	}
}

func stepSamples() []exec.PrepStep {
	return []exec.PrepStep{
		{Name: "pad N", Required: "rows to ×128", Changed: "1000→1024, 24 rows of zeros", Before: 207000, After: 211968, Padded: 0.024},
		{Name: "pad K", Required: "K/16 to ×4", Changed: "23→24, 1 block a row", Before: 211968, After: 221184, Padded: 0.0434783},
		{Name: "shuffle rows", Required: "tile 128: rows in 32s", Changed: "row 1 ← 4", Before: 221184, After: 221184},
		{Name: "swizzle scales", Required: "128x4", Before: 221184, After: 221184, None: true},
	}
}

func planSample() exec.Planned {
	plan := exec.Planned{Subject: "w", Parallel: "column", TP: 8, N: 1536, K: 384, Block: 16, OK: 5, Fail: 1, NA: 1, Notes: []string{"all ranks are alike"},
		Ruler: exec.Ruler{Axis: "n", Size: 1536, Tile: 128},
		Rows: []exec.PlanRow{
			{Kernel: "cutlass", Engine: "vLLM, sglang", Needs: "N×32 K×32", Rank: -1, N: 192, K: 384, PadN: 192, PadK: 384, Bytes: 43008, Lost: 0.037037, Verdict: "ok"},
			{Kernel: "cudnn", Engine: "vLLM, sglang", Needs: "N×32 K×32", Rank: -1, N: 192, K: 384, PadN: 192, PadK: 384, Bytes: 43008, Lost: 0.037037, Verdict: "ok"},
			{Kernel: "trtllm", Engine: "sglang", Needs: "N×128 K×64", Rank: -1, N: 192, K: 384, PadN: 256, PadK: 384, Bytes: 55296, Lost: 0.333333, Verdict: "ok, pads"},
			{Kernel: "trtllm.vllm", Engine: "vLLM", Needs: "N×128 K×64, no pad", N: 192, K: 384, Verdict: "FAIL assert", Why: "192 mod 128 = 64", Cure: "TP 4 passes (384 = 3 tiles), or pad before shuffling"},
			{Kernel: "marlin", Engine: "vLLM", Needs: "N×64 K×16", Rank: -1, N: 192, K: 384, PadN: 192, PadK: 384, Bytes: 41472, Verdict: "ok"},
			{Kernel: "mm_bf16_fp4", Engine: "vLLM", Needs: "N×64 K×64", Rank: -1, N: 192, K: 384, PadN: 192, PadK: 384, Bytes: 43008, Lost: 0.037037, Verdict: "ok"},
			{Kernel: "triton", Engine: "vLLM, transformers", Needs: "mxfp4 only", Rank: -1, Verdict: "n/a"},
		}}
	for rank := range 8 {
		plan.Ruler.Edges = append(plan.Ruler.Edges, 192*rank)
		plan.Ruler.Ranks = append(plan.Ruler.Ranks, exec.Segment{Rank: rank, From: 192 * rank, Data: 192, Pad: 64})
	}
	plan.Ruler.Edges = append(plan.Ruler.Edges, 1536)
	return plan
}

// cutSample splits K where no block ends.
func cutSample() exec.Planned {
	return exec.Planned{Subject: "u", Parallel: "row", TP: 2, N: 1000, K: 368, Block: 16, Fail: 1,
		Ruler: exec.Ruler{Axis: "k", Size: 368, Tile: 16, Edges: []int{0, 184, 368}, Cuts: []int{184}},
		Rows:  []exec.PlanRow{{Kernel: "cutlass", Engine: "vLLM", Needs: "N×32 K×32", N: 1000, K: 184, Verdict: "FAIL block", Why: "184 mod 16 = 8: 1 block is cut by a rank's edge", Cure: "TP 1 passes"}}}
}

func TestRulerLines(t *testing.T) {
	r := planSample().Ruler
	tests := []struct {
		name string
		got  string
		want string
	}{
		{"ranks", RulerLines(r, 64).Ranks, "0       1       2       3       4       5       6       7"},
		{"edges", RulerLines(r, 64).Edges, strings.Repeat("├───────", 8) + "┤"},
		{"tiles", RulerLines(r, 64).Tiles, "     ┊    ┊     ┊    ┊    ┊     ┊    ┊    ┊     ┊    ┊    ┊"},
		{"fill", RulerLines(r, 64).Fill, strings.Repeat("██████╱╱", 8)},
		{"a cut block", RulerLines(cutSample().Ruler, 20).Edges, "├─────────╳─────────┤"},
		{"tiles too close", RulerLines(cutSample().Ruler, 20).Tiles, ""},
		{"nothing to split", RulerLines(exec.Ruler{Size: 16, Edges: []int{0}}, 64).Edges, ""},
		{"too narrow", RulerLines(r, 7).Edges, ""},
		{"outside", RulerLines(exec.Ruler{Size: 10, Edges: []int{-5, 99, 10}, Cuts: []int{math.MaxInt}}, 10).Edges, "├─────────╳"},
	}
	for _, test := range tests {
		if test.got != test.want {
			t.Errorf("%s: %q, want %q", test.name, test.got, test.want)
		}
	}
	if got := RulerLines(exec.Ruler{Size: math.MaxInt, Tile: math.MaxInt/3 + 1, Edges: []int{0, math.MaxInt}}, 60).Tiles; strings.Count(got, "┊") != 2 {
		t.Errorf("tiles of a huge side: %q", got)
	}
}

func TestPoisonVerdict(t *testing.T) {
	tests := []struct {
		r    exec.Poisoned
		want string
	}{
		{exec.Poisoned{}, "no real output moved: there is no padding to fill"},
		{exec.Poisoned{Codes: 3}, "no real output moved"},
		{exec.Poisoned{Scales: 3, Outputs: 131072, Moved: 17, NaN: 17, First: []int{0, 3}}, "17 of 131,072 outputs moved, 17 NaN, first [0,3]: the kernel reads its padding"},
		{exec.Poisoned{Scales: 3, Outputs: 10, Moved: 1}, "1 of 10 outputs moved: the kernel reads its padding"},
	}
	for _, test := range tests {
		if got := PoisonVerdict(test.r); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}
