package layout

import "slices"

// table is every layout; it never changes.
var table = slices.Concat(rowRules(Codes), codeRules(), hopperValueRules(), rowRules(Scales), scaleRules(), hopperScaleRules(), vectorRules(), lowRankRules())

// Rules is the table of layouts: the names that layout= takes.
func Rules() []Rule { return slices.Clone(table) }

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
		{Name: "group32", Of: of, Doc: "[a; b] to 32 rows of a, 32 of b, …", Need: Dims{64, pair},
			Source: "flashinfer CuTe-DSL SM90 grouped GEMM", terms: halves(func(h int) []term { return []term{r(1, 32), r(h, 2), r(32, h/32)} })},
		{Name: "group64", Of: of, Doc: "[a; b] to 64 rows of a, 64 of b, …", Need: Dims{128, pair},
			Source: "flashinfer CuTe-DSL grouped GEMM", terms: halves(func(h int) []term { return []term{r(1, 64), r(h, 2), r(64, h/64)} })},
	}
}
