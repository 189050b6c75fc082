//go:build !amd64

package gemm

// sumKernels are the kernels that this machine has, the fastest first.
func sumKernels() []sumKernel { return []sumKernel{sumPlain} }
