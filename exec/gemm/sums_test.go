package gemm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// TestSumKernels holds every kernel of this machine to the plain one, bit for bit, on
// numbers that round in both the product and the sum.
func TestSumKernels(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, k := range []int{0, 1, 2, 3, 7, 64, 257} {
		ld := k + 5
		x := make([]float64, sumRows*ld)
		panel := make([]float32, max(1, k)*sumCols)
		for i := range x {
			x[i] = math.Ldexp(r.NormFloat64(), r.IntN(40)-20)
		}
		for i := range panel {
			panel[i] = float32(math.Ldexp(r.NormFloat64(), r.IntN(40)-20))
		}
		if k > 8 {
			x[3], panel[5], panel[16*4+2] = math.Inf(1), float32(math.Copysign(0, -1)), 0x1p-149
		}
		var want [sumRows * sumCols]float64
		for i := range want {
			want[i] = r.NormFloat64()
		}
		start := want
		sumPlain(&want, x, ld, panel, k)
		for i, kernel := range sumKernels() {
			got := start
			kernel(&got, x, ld, panel, k)
			for j := range got {
				if math.Float64bits(got[j]) != math.Float64bits(want[j]) && (got[j] == got[j] || want[j] == want[j]) {
					t.Fatalf("kernel %d, k=%d, sum %d: %v, plain %v", i, k, j, got[j], want[j])
				}
			}
		}
	}
}

// BenchmarkSums is the inner loop of the reference by kernel, the fastest first.
func BenchmarkSums(b *testing.B) {
	x, panel := make([]float64, sumRows*kChunk), make([]float32, sumCols*kChunk)
	var sums [sumRows * sumCols]float64
	for i, kernel := range sumKernels() {
		b.Run(fmt.Sprint(i), func(b *testing.B) {
			for b.Loop() {
				kernel(&sums, x, kChunk, panel, kChunk)
			}
			b.ReportMetric(float64(b.N)*sumRows*sumCols*kChunk/b.Elapsed().Seconds()/1e9, "GMAC/s")
		})
	}
}
