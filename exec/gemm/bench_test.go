package gemm

import (
	"context"
	"testing"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// BenchmarkForward is the layer of a small encoder: 128 tokens, N 1536, K 384.
func BenchmarkForward(b *testing.B) {
	const m, n, k = 128, 1536, 384
	x := activations(1, 1, m, k)
	for _, c := range []struct {
		name, format, recipe, arch string
		mode                       layer.Mode
		ref                        bool
	}{
		{"emu-nvfp4-w4a4", fp4.NVFP4, "modelopt", "sm100", layer.W4A4, false},
		{"emu-mxfp4-w4a4", fp4.MXFP4, "torchao", "sm100", layer.W4A4, false},
		{"emu-w4a16-sm90", fp4.NVFP4, "modelopt", "sm90", layer.W4A16, false},
		{"ref-w4a16", fp4.NVFP4, "modelopt", "", layer.W4A16, true},
	} {
		b.Run(c.name, func(b *testing.B) {
			f := layer.Forward{X: x, Weights: weight(b, 2, c.format, c.recipe, n, k), Mode: c.mode,
				Act: layer.ActDynamic, Arch: c.arch, Out: inspect.BF16}
			run := Emu{}.Forward
			if c.ref {
				run = Ref{}.Forward
			}
			for b.Loop() {
				if _, err := run(context.Background(), f, nil); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(m*n*k)*float64(b.N)/b.Elapsed().Seconds()/1e6, "MMAC/s")
		})
	}
}
