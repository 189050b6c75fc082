package gemm

import "golang.org/x/sys/cpu"

// sumKernels are the kernels that this machine has, the fastest first.
func sumKernels() []sumKernel {
	var all []sumKernel
	if cpu.X86.HasAVX512F {
		all = append(all, sumAVX512)
	}
	if cpu.X86.HasAVX2 {
		all = append(all, sumAVX2)
	}
	return append(all, sumPlain)
}

func sumAVX512(sums *[sumRows * sumCols]float64, x []float64, ld int, panel []float32, k int) {
	if k > 0 {
		_, _ = x[(sumRows-1)*ld+k-1], panel[k*sumCols-1]
		sum512(sums, &x[0], ld, &panel[0], k)
	}
}

func sumAVX2(sums *[sumRows * sumCols]float64, x []float64, ld int, panel []float32, k int) {
	if k > 0 {
		_, _ = x[(sumRows-1)*ld+k-1], panel[k*sumCols-1]
		sum256(sums, &x[0], ld, &panel[0], k)
	}
}

//go:noescape
func sum512(sums *[sumRows * sumCols]float64, x *float64, ld int, panel *float32, k int)

//go:noescape
func sum256(sums *[sumRows * sumCols]float64, x *float64, ld int, panel *float32, k int)
