package gemm

import (
	"context"
	"testing"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// BenchmarkForward is the layer of a small encoder, and one token of a large layer.
func BenchmarkForward(b *testing.B) {
	b.Run("128x1536x384", func(b *testing.B) { benchmarkForward(b, 128, 1536, 384) })
	b.Run("1x4096x4096", func(b *testing.B) { benchmarkForward(b, 1, 4096, 4096) })
}

func benchmarkForward(b *testing.B, m, n, k int) {
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
