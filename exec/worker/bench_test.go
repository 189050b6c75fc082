package worker

import (
	"context"
	"testing"

	"fp4tui/exec/gemm"
	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// BenchmarkKeptWeight is one token through a layer of 14336×4096 that the worker has: all that
// a product costs but the product, for both sides of the wire.
func BenchmarkKeptWeight(b *testing.B) {
	const n, k = 14336, 4096
	w := fp4.Blocks{Rows: n, Cols: k, Block: 16, ScaleType: fp4.E4M3, Codes: make([]byte, n*k/2), Scales: make([]byte, n*k/16), Global: fp4.GlobalScale{Use: fp4.Divides, Value: 1}}
	for i := range w.Codes {
		w.Codes[i] = byte(i * i)
	}
	for i := range w.Scales {
		w.Scales[i] = byte(i % 0x7e)
	}
	f := layer.Forward{X: inspect.Tensor{DType: inspect.BF16, Shape: []int{1, k}, Data: make([]float32, k)}, Weights: &layer.Weights{Blocks: []fp4.Blocks{w}}, Mode: layer.W4A16, Arch: "sm90", Out: inspect.BF16}
	d := gemm.Device{Label: "keeper", Runner: client(b, "keeper")}
	run := func() {
		if _, err := d.Forward(context.Background(), f, nil); err != nil {
			b.Fatal(err)
		}
	}
	run() // the weight travels
	for b.Loop() {
		run()
	}
}
