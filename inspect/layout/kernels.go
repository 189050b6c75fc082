package layout

import "fmt"

// codeRules lay out nibbles [N, K].
func codeRules() []Rule {
	high := always(k(1, 2).flipped(), k(2, 0), r(1, 0))
	return []Rule{
		{Name: "trtllm", Of: Codes, Doc: "shuffle128", Need: Dims{32, 2},
			Source: "flashinfer mm_fp4, backend trtllm", chain: []string{"shuffle128"}},
		{Name: "trtllm-moe", Of: Codes, Doc: "swap-halves, interleave, shuffle128", Need: Dims{32, 2},
			Source: "flashinfer trtllm fused MoE, w13", chain: []string{"swap-halves", "interleave", "shuffle128"}},
		{Name: "high-first", Of: Codes, Doc: "even k in the high nibble", Need: Dims{1, 2},
			Source: "Black Forest Labs", terms: high},
		{Name: "comfyui", Of: Codes, Doc: "even k in the high nibble, both sides padded to 16", Need: Dims{1, 2}, Pads: Dims{16, 16},
			Source: "comfy-kitchen TensorCoreNVFP4Layout", terms: high},
		{Name: "marlin", Of: Codes, Doc: "tiles of 16 k and 64 rows, 8 nibbles a lane", Need: Dims{1, 16}, Pads: Dims{64, 1},
			Source: "vLLM gptq_marlin_repack, 4 bits, 16-bit activations", out: tiles16,
			terms: always(k(8, 2), r(8, 2), k(1, 2), r(16, 4), k(2, 4), r(1, 8), r(64, 0), k(16, 0))},
		{Name: "mm_bf16_fp4", Of: Codes, Doc: "tiles of 16 k and 64 rows, 4 bytes a lane", Need: Dims{64, 16},
			Source: "flashinfer mm_bf16_fp4, cute-dsl on SM12x", out: tiles16,
			terms: always(k(1, 2), k(8, 2), r(16, 2), r(32, 2), k(2, 4), r(1, 8), r(8, 2), r(64, 0), k(16, 0))},
		{Name: "cutlass-sm90", Of: Codes, Doc: "pairs of rows 8 apart in tiles of 16 rows and 64 k", Need: Dims{16, 64}, spread: true,
			Source: "flashinfer SM90 mixed-input grouped GEMM, MXFP4 with 16-bit activations",
			terms:  always(k(1, 2), r(8, 2), k(8, 2), k(2, 4), k(32, 2), k(64, 0), r(1, 8), k(16, 2), r(16, 0))},
		{Name: "nunchaku", Of: Codes, Doc: "tiles of 128 rows and 64 k, 16 nibbles a lane", Need: Dims{1, 2}, Pads: Dims{128, 128},
			Source: "deepcompressor NunchakuWeightPacker",
			terms:  always(k(1, 8), k(32, 2), r(8, 2), k(8, 4), r(1, 8), r(16, 8), k(64, 0), r(128, 0))},
	}
}

// tiles16 is the shape of a buffer whose rows are tiles of 16 along k.
func tiles16(d Dims) Dims { return Dims{d.Cols / 16, d.Rows * 16} }

// hopperValueRules are the values of triton_kernels' HopperMXValueLayout for an
// mma of version 3. What it pads to grew with its versions. The buffer holds the
// nibbles with their bits spread over each word: see Map.Bits.
func hopperValueRules() []Rule {
	var rules []Rule
	for _, v := range []struct {
		name string
		pads Dims
	}{{"triton-hopper", Dims{256, 128}}, {"triton-hopper-64", Dims{64, 128}}, {"triton-hopper-16", Dims{16, 64}}} {
		rules = append(rules, Rule{Name: v.name, Of: Codes, Need: Dims{1, 2}, Pads: v.pads,
			Doc:    fmt.Sprintf("4 rows a lane, rows padded to %d and k to %d", v.pads.Rows, v.pads.Cols),
			Source: "triton_kernels HopperMXValueLayout, mma 3", spread: true, out: func(d Dims) Dims { return Dims{d.Rows / 4, d.Cols * 4} },
			terms: always(k(1, 2), r(8, 2), k(8, 2), k(16, 4), k(2, 4), r(1, 2), k(64, 0), r(2, 4), r(16, 0))})
	}
	return rules
}

// scaleRules lay out block scale bytes [N, K/block].
func scaleRules() []Rule {
	atom := always(k(1, 4), r(32, 4), r(1, 32), k(4, 0), r(128, 0))
	return []Rule{
		{Name: "128x4", Of: Scales, Doc: "tiles of 128 rows and 4 blocks, rows 0 32 64 96 side by side", Pads: Dims{128, 4},
			Source: "cuBLAS, CUTLASS, cuDNN F8_128x4; flashinfer block_scale_interleave", terms: atom},
		{Name: "8x4", Of: Scales, Doc: "tiles of 8 rows and 4 blocks", Pads: Dims{8, 4},
			Source: "flashinfer SfLayout.layout_8x4, activations of at most 32 rows", terms: always(k(1, 4), r(1, 8), k(4, 0), r(8, 0))},
		{Name: "trtllm", Of: Scales, Doc: "shuffle128, then 128x4", Need: Dims{128, 1},
			Source: "flashinfer shuffle_matrix_sf_a", chain: []string{"shuffle128", "128x4"}},
		{Name: "trtllm-moe", Of: Scales, Doc: "swap-halves, interleave, shuffle128, 128x4", Need: Dims{128, 1},
			Source: "flashinfer trtllm fused MoE, w13", chain: []string{"swap-halves", "interleave", "shuffle128", "128x4"}},
		{Name: "torchao", Of: Scales, Doc: "128x4, stored as 32 rows a tile", Pads: Dims{128, 4},
			Source: "torchao to_blocked", terms: atom, out: func(d Dims) Dims { return Dims{d.Rows / 4, d.Cols * 4} }},
		{Name: "comfyui", Of: Scales, Doc: "128x4", Pads: Dims{128, 4},
			Source: "comfy-kitchen TensorCoreNVFP4Layout", terms: atom},
		{Name: "triton-blackwell", Of: Scales, Doc: "128x4, blocks padded to 8", Pads: Dims{128, 8},
			Source: "triton_kernels BlackwellMXScaleLayout", terms: atom},
		{Name: "marlin", Of: Scales, Doc: "transposed, 64 rows in lane order", Pads: Dims{64, 1},
			Source: "vLLM marlin_permute_scales and marlin_process_scales, 16-bit activations", out: transposed, terms: marlinScales},
		{Name: "mm_bf16_fp4", Of: Scales, Doc: "transposed", Need: Dims{64, 1},
			Source: "flashinfer mm_bf16_fp4, cute-dsl on SM12x", out: transposed, terms: always(r(1, 0), k(1, 0))},
		{Name: "cutlass-sm90", Of: Scales, Doc: "tiles of 64 rows and 4 blocks, rows 0 16 32 48 side by side", Need: Dims{64, 4},
			Source: "flashinfer SM90 mixed-input grouped GEMM, MXFP4", terms: always(k(1, 4), r(16, 4), r(1, 16), k(4, 0), r(64, 0))},
		{Name: "nunchaku", Of: Scales, Doc: "tiles of 128 rows and 4 blocks, rows 0 32 64 96 then 8 16 24 side by side", Pads: Dims{128, 8},
			Source: "deepcompressor NunchakuWeightPacker, micro scales", out: transposed,
			terms: always(k(1, 4), r(32, 4), r(8, 4), r(1, 8), k(4, 0), r(128, 0))},
	}
}

func transposed(d Dims) Dims { return Dims{d.Cols, d.Rows} }

// marlinScales is the order of a lane's scales. A single block along k takes the
// order of Marlin's per-channel scales, before the same exchange of neighbours.
func marlinScales(d Dims) []term {
	if d.Cols == 1 {
		return []term{r(8, 2), r(1, 2), r(16, 2), r(2, 4), r(32, 0), k(1, 0)}
	}
	return []term{r(16, 2), r(8, 2), r(32, 2), r(1, 8), r(64, 0), k(1, 0)}
}

// hopperScaleRules are the scales of triton_kernels' HopperMXScaleLayout by number
// of warps; newer versions pad the blocks to 4.
func hopperScaleRules() []Rule {
	var rules []Rule
	for _, warps := range []int{4, 8} {
		for _, cols := range []int{2, 4} {
			name := fmt.Sprintf("triton-hopper-%dw", warps)
			if cols == 4 {
				name += "-k4"
			}
			rules = append(rules, Rule{Name: name, Of: Scales, Pads: Dims{32 * warps, cols},
				Doc:    fmt.Sprintf("%d warps of 32 rows, blocks padded to %d", warps, cols),
				Source: "triton_kernels HopperMXScaleLayout", out: func(d Dims) Dims { return Dims{d.Rows / 32, d.Cols * 32} },
				terms: always(r(8, 2), k(1, 2), r(1, 8), r(16*warps, 2), k(2, 0), r(16, warps), r(32*warps, 0))})
		}
	}
	return rules
}

// vectorRules lay out one value an output channel [N, 1].
func vectorRules() []Rule {
	return []Rule{
		{Name: "linear", Of: Vector, Doc: "in order", Source: "every checkpoint", terms: always(k(1, 0), r(1, 0))},
		{Name: "marlin", Of: Vector, Doc: "32 channels in lane order", Pads: Dims{64, 1},
			Source: "vLLM marlin_permute_bias", terms: always(r(1, 2), r(8, 4), r(2, 4), r(32, 0), k(1, 0))},
		{Name: "nunchaku", Of: Vector, Doc: "pairs of channels, 8 apart side by side", Pads: Dims{128, 1},
			Source: "deepcompressor NunchakuWeightPacker, bias and channel scales",
			terms:  always(r(1, 2), r(8, 2), r(2, 4), r(16, 0), k(1, 0))},
	}
}

// lowRankRules lay out the low-rank factors of SVDQuant, 16-bit elements: up as
// [N, rank], down as [rank, K]. The buffer of down has a row for each k.
func lowRankRules() []Rule {
	const source = "deepcompressor NunchakuWeightPacker, low-rank weights"
	return []Rule{
		{Name: "nunchaku-up", Of: LowRank, Doc: "tiles of 16×16, 8 elements a lane", Pads: Dims{16, 16}, Source: source,
			terms: always(k(1, 2), k(8, 2), r(8, 2), k(2, 4), r(1, 8), k(16, 0), r(16, 0))},
		{Name: "nunchaku-down", Of: LowRank, Doc: "tiles of 16×16, 8 elements a lane, k outermost", Pads: Dims{16, 16}, Source: source, out: transposed,
			terms: always(k(1, 2), k(8, 2), r(8, 2), k(2, 4), r(1, 8), r(16, 0), k(16, 0))},
	}
}
