package layer

import (
	"context"
	"math/rand/v2"
	"testing"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
)

// The layer of docs/benchmarks.md: as float32 it is four times the size of common
// last-level caches.
const benchRows, benchCols = 4096, 8192

func benchWeights() *Weights {
	src := rand.New(rand.NewPCG(1, 2))
	b := fp4.Blocks{Rows: benchRows, Cols: benchCols, Block: 16, Codes: make([]byte, benchRows*benchCols/2), Scales: make([]byte, benchRows*benchCols/16),
		ScaleType: fp4.E4M3, Global: fp4.GlobalScale{Use: fp4.Divides, Value: 1808}}
	for i := range b.Codes {
		b.Codes[i] = byte(src.Uint32())
	}
	for i := range b.Scales {
		b.Scales[i] = byte(0x30 + src.Uint32()%0x30)
	}
	return &Weights{Blocks: []fp4.Blocks{b}}
}

// bytesOf are the bytes that dequantizing moves: codes and scales in, float32 out.
const bytesOf = benchRows * benchCols * (4 + 1./2 + 1./16)

func reportWeights(b *testing.B) {
	b.ReportMetric(benchRows*benchCols*float64(b.N)/b.Elapsed().Seconds()/1e9, "Gweights/s")
}

// BenchmarkDequantize writes into memory that is there already, BenchmarkDequantizeNew
// allocates it, as the command does.
func BenchmarkDequantize(b *testing.B) {
	w, dst := benchWeights(), make([]float32, benchRows*benchCols)
	clear(dst)
	for _, as := range []inspect.DType{inspect.F32, inspect.BF16} {
		b.Run(as.String(), func(b *testing.B) {
			b.SetBytes(bytesOf)
			for b.Loop() {
				if err := w.DequantizeRows(context.Background(), 0, 0, benchRows, as, dst); err != nil {
					b.Fatal(err)
				}
			}
			reportWeights(b)
		})
	}
}

func BenchmarkDequantizeNew(b *testing.B) {
	w := benchWeights()
	b.SetBytes(bytesOf)
	for b.Loop() {
		if _, err := w.Dequantize(context.Background(), 0, inspect.F32); err != nil {
			b.Fatal(err)
		}
	}
	reportWeights(b)
}

// BenchmarkMemory is the limit, on all processors: float32 copied from memory to memory, and
// written alone. The source is not zero: processors store zeros faster than anything else.
// Pieces are large enough for the runtime to write them past the caches.
func BenchmarkMemory(b *testing.B) {
	src, dst := make([]float32, benchRows*benchCols), make([]float32, benchRows*benchCols)
	for i := range src {
		src[i], dst[i] = 1, 2
	}
	for _, c := range []struct {
		name  string
		bytes int64
		task  func(row, end int)
	}{
		{"copy", 8 * benchRows * benchCols, func(row, end int) { copy(dst[row*benchCols:end*benchCols], src[row*benchCols:]) }},
		{"write", 4 * benchRows * benchCols, func(row, end int) { copy(dst[row*benchCols:end*benchCols], src) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(c.bytes)
			for b.Loop() {
				if err := spread(context.Background(), 0, benchRows, c.task); err != nil {
					b.Fatal(err)
				}
			}
			reportWeights(b)
		})
	}
}
