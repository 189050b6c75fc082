package compare

import (
	"context"
	"math/rand/v2"
	"testing"

	"fp4tui/inspect"
)

// benchPair is a layer's output of 4096×4096 with small errors everywhere.
func benchPair(b *testing.B) *Pair {
	b.Helper()
	const n = 4096
	src := rand.New(rand.NewPCG(1, 2))
	got := inspect.Tensor{DType: inspect.F32, Shape: []int{n, n}, Data: make([]float32, n*n)}
	want := inspect.Tensor{DType: inspect.F32, Shape: []int{n, n}, Data: make([]float32, n*n)}
	for i := range got.Data {
		want.Data[i] = float32(src.NormFloat64())
		got.Data[i] = want.Data[i] + 0.01*float32(src.NormFloat64())
	}
	p, err := New(got, want)
	if err != nil {
		b.Fatal(err)
	}
	return p
}

func BenchmarkLargeMetrics(b *testing.B) {
	p := benchPair(b)
	for b.Loop() {
		if _, err := p.Metrics(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLargeMap is the overview of a whole map, the first time and the next, its first
// band of a million elements (a screen asks for four million at a time), and a window of it with one element a pixel.
func BenchmarkLargeMap(b *testing.B) {
	p := benchPair(b)
	ctx := context.Background()
	all := MapOptions{Rows: Range{0, p.M}, Cols: Range{0, p.N}, Width: 64, Height: 64}
	view := MapOptions{Rows: Range{1000, 1064}, Cols: Range{1000, 1064}, Width: 64, Height: 64}
	run := func(name string, of func() *Pyramid, o MapOptions) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := of().Map(ctx, o); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	kept := NewPyramid(p.Matrix(Abs))
	if _, err := kept.Map(ctx, all); err != nil {
		b.Fatal(err)
	}
	run("first", func() *Pyramid { return NewPyramid(p.Matrix(Abs)) }, all)
	band := MapOptions{Rows: Range{0, 256}, Cols: Range{0, p.N}, Width: 64, Height: 4}
	run("band", func() *Pyramid { return NewPyramid(p.Matrix(Abs)) }, band)
	run("again", func() *Pyramid { return kept }, all)
	run("window", func() *Pyramid { return kept }, view)
}
