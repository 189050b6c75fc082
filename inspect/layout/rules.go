package layout

// Rules is the table of layouts: the names that layout= takes.
func Rules() []Rule { return append(codeRules(), append(scaleRules(), vectorRules()...)...) }

// rowRules are the reorderings of whole rows, the same for codes and scales.
func rowRules(of Operand) []Rule {
	pair := 1
	if of == Codes {
		pair = 2
	}
	whole := func(rows ...term) func(Dims) []term { return always(append([]term{k(1, 0)}, rows...)...) }
	halves := func(list func(half int) []term) func(Dims) []term {
		return func(d Dims) []term { return append([]term{k(1, 0)}, list(d.Rows/2)...) }
	}
	return []Rule{
		{Name: "linear", Of: of, Doc: "row-major", Source: "every checkpoint", Need: Dims{1, pair},
			terms: whole(r(1, 0))},
		{Name: "shuffle128", Of: of, Doc: "rows of each 32 in steps of 4, for a tile of 128", Need: Dims{32, pair},
			Source: "flashinfer shuffle_matrix_a, epilogue tile 128", terms: whole(r(4, 8), r(1, 4), r(32, 0))},
		{Name: "shuffle64", Of: of, Doc: "rows of each 16 in steps of 2, for a tile of 64", Need: Dims{16, pair},
			Source: "flashinfer shuffle_matrix_a, epilogue tile 64", terms: whole(r(2, 8), r(1, 2), r(16, 0))},
		{Name: "swap-halves", Of: of, Doc: "[gate; up] to [up; gate] and back", Need: Dims{2, pair},
			Source: "vLLM reorder_w1w3_to_w3w1", terms: halves(func(h int) []term { return []term{r(1, h), r(h, 2).flipped()} })},
		{Name: "interleave", Of: of, Doc: "[a; b] to a0 b0 a1 b1 …", Need: Dims{2, pair},
			Source: "flashinfer reorder_rows_for_gated_act_gemm", terms: halves(func(h int) []term { return []term{r(h, 2), r(1, h)} })},
		{Name: "deinterleave", Of: of, Doc: "a0 b0 a1 b1 … to [a; b]", Need: Dims{2, pair},
			Source: "gpt-oss gate_up rows", terms: halves(func(h int) []term { return []term{r(2, h), r(1, 2)} })},
		{Name: "group64", Of: of, Doc: "[a; b] to 64 rows of a, 64 of b, …", Need: Dims{128, pair},
			Source: "flashinfer CuTe-DSL grouped GEMM", terms: halves(func(h int) []term { return []term{r(1, 64), r(h, 2), r(64, h/64)} })},
	}
}

// codeRules lay out nibbles [N, K].
func codeRules() []Rule {
	return append(rowRules(Codes), []Rule{
		{Name: "trtllm", Of: Codes, Doc: "shuffle128", Source: "flashinfer mm_fp4, backend trtllm", Need: Dims{32, 2}, chain: []string{"shuffle128"}},
		{Name: "trtllm-moe", Of: Codes, Doc: "swap-halves, interleave, shuffle128", Need: Dims{32, 2},
			Source: "flashinfer trtllm fused MoE, w13", chain: []string{"swap-halves", "interleave", "shuffle128"}},
		{Name: "high-first", Of: Codes, Doc: "even k in the high nibble", Source: "Black Forest Labs, bitsandbytes", Need: Dims{1, 2},
			terms: always(k(1, 2).flipped(), k(2, 0), r(1, 0))},
		{Name: "comfyui", Of: Codes, Doc: "even k in the high nibble, both sides padded to 16", Need: Dims{1, 2}, Pads: Dims{16, 16},
			Source: "comfy-kitchen TensorCoreNVFP4Layout", terms: always(k(1, 2).flipped(), k(2, 0), r(1, 0))},
	}...)
}

// scaleRules lay out block scale bytes [N, K/block].
func scaleRules() []Rule {
	block128x4 := always(k(1, 4), r(32, 4), r(1, 32), k(4, 0), r(128, 0))
	return append(rowRules(Scales), []Rule{
		{Name: "128x4", Of: Scales, Doc: "tiles of 128 rows and 4 blocks, rows 0 32 64 96 side by side", Pads: Dims{128, 4},
			Source: "cuBLAS, CUTLASS, cuDNN F8_128x4; flashinfer block_scale_interleave", terms: block128x4},
		{Name: "8x4", Of: Scales, Doc: "tiles of 8 rows and 4 blocks", Pads: Dims{8, 4},
			Source: "flashinfer SfLayout.layout_8x4, activations of at most 32 rows", terms: always(k(1, 4), r(1, 8), k(4, 0), r(8, 0))},
		{Name: "trtllm", Of: Scales, Doc: "shuffle128, then 128x4", Need: Dims{128, 1},
			Source: "flashinfer shuffle_matrix_sf_a", chain: []string{"shuffle128", "128x4"}},
		{Name: "trtllm-moe", Of: Scales, Doc: "swap-halves, interleave, shuffle128, 128x4", Need: Dims{128, 1},
			Source: "flashinfer trtllm fused MoE, w13", chain: []string{"swap-halves", "interleave", "shuffle128", "128x4"}},
	}...)
}

// vectorRules lay out one value an output channel [N, 1].
func vectorRules() []Rule {
	return []Rule{
		{Name: "linear", Of: Vector, Doc: "in order", Source: "every checkpoint", terms: always(k(1, 0), r(1, 0))},
	}
}
