package gemm

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// BenchmarkW4A4 is whole products of bf16 activations and a quantized 4096×4096
// weight: quantizing x, the instructions, the epilogue, the report on x.
// testdata/bench_torch.py runs it beside float32 matrix products.
func BenchmarkW4A4(b *testing.B) {
	const n, k = 4096, 4096
	for _, c := range []struct {
		name, format, recipe string
		outlier              float32
	}{
		{"gauss", fp4.NVFP4, "modelopt", 1},
		{"outlier", fp4.NVFP4, "modelopt", 500},
		{"mxfp4", fp4.MXFP4, "torchao", 1},
	} {
		w := weight(b, 2, c.format, c.recipe, n, k)
		for _, m := range []int{1, 16, 128, 512} {
			x := activations(1, 1, m, k)
			for i := range x.Data {
				if i%k%1024 == 77 { // four channels
					x.Data[i] *= c.outlier
				}
			}
			for threads := 1; threads <= 2; threads++ {
				b.Run(fmt.Sprintf("%s/M=%d/threads=%d", c.name, m, threads), func(b *testing.B) {
					defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
					f := layer.Forward{X: x, Weights: w, Mode: layer.W4A4, Act: layer.ActDynamic, Arch: "sm100", Out: inspect.BF16}
					for b.Loop() {
						if _, err := (Emu{}).Forward(context.Background(), f, nil); err != nil {
							b.Fatal(err)
						}
					}
					b.ReportMetric(float64(m)*n*k*float64(b.N)/b.Elapsed().Seconds()/1e9, "GMAC/s")
				})
			}
		}
	}
}
