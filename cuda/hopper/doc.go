// Package hopper proves the emulator on a real tensor core: its tests run kernels.ptx,
// which holds nothing but tensor-core instructions, on an H100 or H200 and compare every
// result with package exec/gemm's, bit for bit. It has no code outside its tests.
//
//	cuda/with-env go test -tags cuda ./cuda/hopper
//
// skips where there is no such GPU; FP4TUI_REQUIRE_CUDA=1 makes that a failure.
package hopper
