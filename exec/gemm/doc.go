// Package gemm computes one linear layer, y = x·Wᵀ, two ways on any CPU: Ref, the
// dequantized reference in float64, and Emu, the bits of a tensor core. It also
// exposes one output of one tensor-core instruction with every step of its sum.
//
// The arithmetic is one rule, the truncated fused dot-product-add (T-FDPA), and
// the hardware is a table of its parameters (models.go): how many products are
// summed at once, how many bits survive alignment, how the sum is rounded. The
// rule and the parameters are those of MMA-Sim (arXiv 2511.10909), checked against
// words that a B200 returned. Nothing here draws, and nothing depends on the
// number of processors or on fused multiply-add.
package gemm
