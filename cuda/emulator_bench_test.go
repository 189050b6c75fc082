//go:build cuda && cgo && linux

package cuda_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"fp4tui/cuda"
	"fp4tui/exec/gemm"
	"fp4tui/inspect/layer"
)

// BenchmarkEmulator computes the words of the FP4 instruction on the CPU and on the GPU, for the
// same job: GMAC/s of the whole call, and of the kernel alone by the device's clock.
func BenchmarkEmulator(b *testing.B) {
	e := cuda.NewEngine(cuda.Options{})
	if err := e.Ready(); err != nil {
		b.Skip(err)
	}
	defer e.Close()
	for _, s := range [][3]int{{16, 14336, 4096}, {1024, 4096, 4096}, {4096, 4096, 4096}} {
		m, n, k := s[0], s[1], s[2]
		job := layerJob("emu-fp4", layer.W4A4, m, n, k, false, rand.New(rand.NewPCG(1, 2)))
		job.Key = new(layer.Key) // as a session's weights have
		macs := float64(m) * float64(n) * float64(k)
		b.Run(fmt.Sprintf("%dx%dx%d/cpu", m, n, k), func(b *testing.B) {
			for b.Loop() {
				if _, err := gemm.Compute(context.Background(), job, layer.Order{}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(macs*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GMAC/s")
		})
		b.Run(fmt.Sprintf("%dx%dx%d/gpu", m, n, k), func(b *testing.B) {
			if _, err := e.Run(context.Background(), job, nil); err != nil { // known answers, and the weight goes there
				b.Fatal(err)
			}
			micros := 0.0
			for b.Loop() {
				r, err := e.Run(context.Background(), job, nil)
				if err != nil {
					b.Fatal(err)
				}
				micros += r.Micros
			}
			b.ReportMetric(macs*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GMAC/s")
			b.ReportMetric(macs*float64(b.N)/micros/1000, "kernel-GMAC/s")
		})
	}
}
