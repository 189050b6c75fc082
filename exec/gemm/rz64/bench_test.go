package rz64

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"fp4tui/inspect/fp4"
)

// BenchmarkRun is one goroutine on layer-like operands, N = K = 4096.
func BenchmarkRun(b *testing.B) {
	const n, k = 4096, 4096
	r := rand.New(rand.NewPCG(3, 4))
	for _, e8m0 := range []bool{false, true} {
		block := 16
		if e8m0 {
			block = 32
		}
		for _, m := range []int{1, 16, 128, 512} {
			for _, kind := range []string{"layer", "outlier"} {
				x, w := operand(r, m, k, block, e8m0, kind, fp4.LowFirst), operand(r, n, k, block, e8m0, "layer", fp4.LowFirst)
				c, abs := make([]float32, 128*32), make([]float32, 128*32)
				for _, path := range Paths() {
					if path == Portable && m > 1 {
						continue
					}
					for _, withAbs := range []bool{false, true} {
						b.Run(fmt.Sprintf("%s/e8m0=%v/%s/M=%d/abs=%v", path, e8m0, kind, m, withAbs), func(b *testing.B) {
							for b.Loop() {
								p, err := NewOn(path, x, w)
								if err != nil {
									b.Fatal(err)
								}
								worker := p.NewWorker()
								for m0 := 0; m0 < m; m0 += 128 {
									m1 := min(m, m0+128)
									for n0 := 0; n0 < n; n0 += 32 {
										clear(c)
										var a []float32
										if withAbs {
											clear(abs)
											a = abs[:(m1-m0)*32]
										}
										worker.Run(m0, m1, n0, n0+32, 0, p.Steps(), c[:(m1-m0)*32], a)
									}
								}
							}
							b.ReportMetric(float64(m*n*k)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GMAC/s")
						})
					}
				}
			}
		}
	}
}
