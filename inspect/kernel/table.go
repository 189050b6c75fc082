package kernel

import "fp4tui/inspect/layer"

// Kernels is the table: a row for each kernel and, where engines feed the same
// kernel differently, a row for each engine.
func Kernels() []Kernel {
	return append(append(denseW4A4(), denseW4A16()...), experts()...)
}

// Tiles are the multiples that kernels want N and K to be, the usual ones first: where several
// give the same size, a reader expects the first. Every Side of the table has one of them.
func Tiles() []int { return []int{128, 64, 32, 16, 8, 256} }

func pads(multiple int) Side    { return Side{multiple, true} }
func asserts(multiple int) Side { return Side{multiple, false} }

const (
	nvfp4 = "nvfp4"
	mxfp4 = "mxfp4"
)

// denseW4A4 multiply FP4 by FP4 and take plain matrices.
func denseW4A4() []Kernel {
	nv, both := []string{nvfp4}, []string{nvfp4, mxfp4}
	datacenter, all := []string{"sm100", "sm103"}, []string{"sm100", "sm103", "sm120", "sm121"}
	const cutlassAssert = "the CUTLASS wrapper checks n % 32 and k % 32"
	const shuffleAssert = "shuffle_matrix_sf_a asserts rows % 128, and its result is reshaped to the unpadded scales"
	return []Kernel{
		{Name: "cutlass", Engine: "vLLM, sglang", Doc: "CUTLASS NVFP4 GEMM", Source: "csrc/fp4_gemm_cutlass.cu; vLLM nvfp4_utils",
			Formats: nv, Mode: layer.W4A4, Arches: all, N: pads(32), K: pads(32), Scales: "128x4", Assert: cutlassAssert},
		{Name: "flashinfer-cutlass", Engine: "vLLM, sglang", Doc: "flashinfer mm_fp4, backend cutlass", Source: "flashinfer gemm_base; vLLM nvfp4_utils",
			Formats: nv, Mode: layer.W4A4, Arches: all, N: pads(32), K: pads(32), Scales: "128x4", Assert: cutlassAssert},
		{Name: "cudnn", Engine: "vLLM, sglang", Doc: "flashinfer mm_fp4, backend cudnn", Source: "flashinfer gemm_base; cuDNN F8_128x4",
			Formats: both, Mode: layer.W4A4, Arches: all, N: pads(32), K: pads(32), Scales: "128x4", Assert: cutlassAssert},
		{Name: "trtllm", Engine: "sglang", Doc: "flashinfer mm_fp4, backend trtllm; padded before the shuffle", Source: "sglang ModelOptFp4LinearMethod",
			Formats: nv, Mode: layer.W4A4, Arches: datacenter, N: pads(128), K: pads(64), Rows: "shuffle128", Scales: "128x4", Assert: shuffleAssert},
		{Name: "trtllm.vllm", Engine: "vLLM", Doc: "flashinfer mm_fp4, backend trtllm; not padded", Source: "vLLM nvfp4_utils, trtllm branch",
			Formats: nv, Mode: layer.W4A4, Arches: datacenter, N: asserts(128), K: asserts(64), Rows: "shuffle128", Scales: "128x4", Assert: shuffleAssert},
		{Name: "cute-dsl", Engine: "vLLM", Doc: "flashinfer mm_fp4, backend cute-dsl", Source: "flashinfer gemm_base; vLLM nvfp4_utils",
			Formats: both, Mode: layer.W4A4, Arches: datacenter, N: pads(32), K: pads(32), Scales: "128x4", Assert: "cute-dsl checks n % 8"},
		{Name: "cute-dsl.swiglu", Engine: "sglang", Doc: "cute-dsl with the gate fused into the epilogue; not padded", Source: "sglang swiglu fusion, dense",
			Formats: nv, Mode: layer.W4A4, Arches: datacenter, N: asserts(128), K: asserts(32), Scales: "128x4",
			Gated:  &Gate{N: asserts(64), K: asserts(32), Reorder: []string{"swap-halves", "group64"}, Wants: "64 rows of up, 64 of gate, …"},
			Assert: "the fusion checks n % 128"},
		{Name: "b12x", Engine: "vLLM, sglang", Doc: "flashinfer mm_fp4, backend b12x", Source: "flashinfer gemm_base; vLLM nvfp4_utils",
			Formats: both, Mode: layer.W4A4, Arches: []string{"sm120", "sm121"}, N: pads(32), K: pads(32), Scales: "128x4", Assert: "b12x checks k % 32"},
	}
}

// denseW4A16 multiply FP4 by 16 bits and take plain matrices.
func denseW4A16() []Kernel {
	nv, both := []string{nvfp4}, []string{nvfp4, mxfp4}
	anywhere := []string{"sm75", "sm80", "sm86", "sm89", "sm90", "sm100", "sm103", "sm120", "sm121"}
	return []Kernel{
		{Name: "marlin", Engine: "vLLM", Doc: "Marlin; scales as S0E5M3, rescaled where the smallest would be lost", Source: "vLLM marlin_utils_fp4",
			Formats: both, Arches: anywhere, N: pads(64), K: asserts(16), Codes: "marlin", Scales: "marlin", Bias: "marlin", Encode: S0E5M3, Global: Biased,
			Assert: "gptq_marlin_repack checks n % 64 and k % 16"},
		{Name: "marlin.sglang", Engine: "sglang", Doc: "Marlin without padding or rescaling: scales below 2^-6 are lost with bf16", Source: "sglang marlin_utils_fp4",
			Formats: nv, Arches: anywhere, N: asserts(64), K: asserts(16), Codes: "marlin", Scales: "marlin", Bias: "marlin", Encode: S0E5M3NoRescale, Global: Biased,
			Assert: "sglang raises where n % 64 is not 0"},
		{Name: "mm_bf16_fp4", Engine: "vLLM", Doc: "flashinfer mm_bf16_fp4, backend cute-dsl on SM100", Source: "flashinfer mm_bf16_fp4; vLLM FlashInferCuteDslNvFp4W4A16LinearKernel",
			Formats: nv, Arches: []string{"sm100", "sm103"}, N: pads(64), K: pads(64), Scales: "128x4", Global: AlphaWeight, Assert: "mm_bf16_fp4 checks n % 64"},
		{Name: "mm_bf16_fp4.sm120", Engine: "vLLM", Doc: "flashinfer mm_bf16_fp4, backend cute-dsl on SM12x: own tiles, scales as the high bytes of fp16", Source: "flashinfer prepare_bf16_fp4_weights",
			Formats: nv, Arches: []string{"sm120", "sm121"}, N: pads(64), K: pads(64), Codes: "mm_bf16_fp4", Scales: "mm_bf16_fp4", Encode: HalfHigh, Global: AlphaWeight,
			Assert: "mm_bf16_fp4 checks n % 64 and k % 16"},
		{Name: "mm_bf16_fp4.sglang", Engine: "sglang", Doc: "mm_bf16_fp4.sm120 without padding", Source: "sglang compressed_tensors_w4a16_nvfp4",
			Formats: nv, Arches: []string{"sm120", "sm121"}, N: asserts(64), K: asserts(16), Codes: "mm_bf16_fp4", Scales: "mm_bf16_fp4", Encode: HalfHigh, Global: AlphaWeight,
			Assert: "mm_bf16_fp4 checks n % 64 and k % 16"},
		{Name: "mm_bf16_fp4.cudnn", Engine: "sglang", Doc: "flashinfer mm_bf16_fp4, backend cudnn: row-major scales", Source: "flashinfer mm_bf16_fp4, cuDNN 9.23.1",
			Formats: nv, Arches: []string{"sm100", "sm103", "sm120", "sm121"}, N: pads(64), K: pads(64), Global: AlphaWeight, Assert: "mm_bf16_fp4 checks n % 64"},
		{Name: "triton", Engine: "vLLM, transformers", Doc: "triton_kernels on Blackwell", Source: "triton_kernels BlackwellMXScaleLayout",
			Formats: []string{mxfp4}, Arches: []string{"sm100", "sm103"}, N: pads(128), Scales: "triton-blackwell"},
		{Name: "triton.sm90", Engine: "vLLM, transformers", Doc: "triton_kernels on Hopper, 4 warps", Source: "triton_kernels HopperMXValueLayout and HopperMXScaleLayout",
			Formats: []string{mxfp4}, Arches: []string{"sm90"}, Codes: "triton-hopper", Scales: "triton-hopper-4w-k4"},
		{Name: "cutlass.sm90", Engine: "flashinfer", Doc: "mixed-input grouped GEMM on Hopper; not padded", Source: "flashinfer moe_gemm_mixed_utils",
			Formats: []string{mxfp4}, Arches: []string{"sm90"}, N: asserts(64), K: asserts(128), Codes: "cutlass-sm90", Scales: "cutlass-sm90", Assert: "the interleave checks n % 64 and k % 128"},
	}
}

// experts take one expert's matrices: w13 with its halves stacked, and w2.
func experts() []Kernel {
	nv, both := []string{nvfp4}, []string{nvfp4, mxfp4}
	datacenter, all := []string{"sm100", "sm103"}, []string{"sm100", "sm103", "sm120", "sm121"}
	swap := []string{"swap-halves"}
	return []Kernel{
		{Name: "trtllm-moe", Engine: "vLLM, sglang", Doc: "flashinfer trtllm fused MoE", Source: "flashinfer prepare_static_weights; vLLM flashinfer_utils",
			Formats: both, Mode: layer.W4A4, Arches: datacenter, N: pads(256), K: pads(64), Rows: "shuffle128", Scales: "128x4",
			Gated:  &Gate{N: pads(64), K: pads(256), Reorder: []string{"swap-halves", "interleave"}, Wants: "up0 gate0 up1 gate1 …"},
			Assert: "shuffle_matrix_sf_a asserts rows % 128"},
		{Name: "trtllm-moe.mxfp4", Engine: "flashinfer", Doc: "flashinfer trtllm fused MoE, its own preparation; not padded", Source: "flashinfer trtllm MXFP4 MoE",
			Formats: []string{mxfp4}, Mode: layer.W4A4, Arches: datacenter, N: asserts(128), K: asserts(128), Rows: "shuffle128", Scales: "128x4",
			Gated:  &Gate{N: asserts(128), K: asserts(128), Reorder: []string{"swap-halves", "interleave"}, Wants: "up0 gate0 up1 gate1 …"},
			Assert: "hidden and intermediate sizes are checked % 128"},
		{Name: "flashinfer-cutlass-moe", Engine: "vLLM, sglang", Doc: "flashinfer CUTLASS fused MoE", Source: "vLLM flashinfer_fp4_moe",
			Formats: nv, Mode: layer.W4A4, Arches: all, N: asserts(128), K: pads(64), Scales: "128x4",
			Gated:  &Gate{N: pads(64), K: asserts(32), Reorder: swap, Wants: "[up; gate]"},
			Assert: "the scale swizzle asserts rows % 128, TMA takes rows of 16 bytes"},
		{Name: "b12x-moe", Engine: "vLLM", Doc: "flashinfer b12x fused MoE", Source: "vLLM b12x_moe",
			Formats: nv, Mode: layer.W4A4, Arches: []string{"sm120", "sm121"}, N: asserts(16), K: asserts(32), Scales: "128x4",
			Gated: &Gate{N: asserts(16), K: asserts(32), Reorder: swap, Wants: "[up; gate]"}, Assert: "TMA takes rows of 16 bytes, k % 32"},
		{Name: "cutlass-moe", Engine: "vLLM", Doc: "vLLM's own CUTLASS grouped GEMM", Source: "vLLM cutlass_moe_fp4",
			Formats: nv, Mode: layer.W4A4, Arches: all, N: asserts(16), K: asserts(32), Scales: "128x4",
			Gated: &Gate{N: asserts(16), K: asserts(32), Wants: "[gate; up]"}, Assert: "TMA takes rows of 16 bytes, k % 32"},
		{Name: "cute-dsl-moe", Engine: "flashinfer", Doc: "flashinfer CuTe-DSL fused MoE", Source: "flashinfer cute_dsl fused_moe",
			Formats: nv, Mode: layer.W4A4, Arches: datacenter, N: asserts(128), K: asserts(64), Scales: "128x4",
			Gated:  &Gate{N: asserts(64), K: asserts(64), Reorder: []string{"swap-halves", "group64"}, Wants: "64 rows of up, 64 of gate, …"},
			Assert: "the interleave checks n % 128"},
		{Name: "cute-dsl-moe.masked", Engine: "vLLM, sglang", Doc: "flashinfer grouped_gemm_nt_masked", Source: "flashinfer cute_dsl blockscaled_gemm",
			Formats: nv, Mode: layer.W4A4, Arches: datacenter, N: asserts(16), K: asserts(32), Scales: "128x4",
			Gated: &Gate{N: asserts(16), K: asserts(32), Wants: "[gate; up]"}, Assert: "TMA takes rows of 16 bytes, k % 32"},
		{Name: "marlin-moe", Engine: "vLLM", Doc: "Marlin for experts: one rescale for all of them", Source: "vLLM marlin_utils_fp4 prepare_moe",
			Formats: both, Arches: []string{"sm75", "sm80", "sm86", "sm89", "sm90", "sm100", "sm103", "sm120", "sm121"}, N: pads(64), K: asserts(16), Codes: "marlin", Scales: "marlin", Bias: "marlin",
			Encode: S0E5M3, Global: Biased, Gated: &Gate{N: pads(64), K: asserts(16), Wants: "[gate; up]"}, Assert: "gptq_marlin_repack checks n % 64 and k % 16"},
	}
}
