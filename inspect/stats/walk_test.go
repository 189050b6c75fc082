package stats

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
)

// TestFloatAgainstPlainLoops takes more than one chunk, with values of every kind, and compares
// counts, extremes and quantiles with a plain loop and a sort; sums go by lane and tree.
func TestFloatAgainstPlainLoops(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	for _, n := range []int{1, 7, 1000, chunkSize - 1, 3*chunkSize + 5} {
		x := inspect.Tensor{DType: inspect.F16, Shape: []int{n}, Data: make([]float32, n)}
		for i := range x.Data {
			switch r.IntN(9) {
			case 0:
				x.Data[i] = math.Float32frombits(r.Uint32())
			case 1:
				x.Data[i] = []float32{0, float32(math.Copysign(0, -1)), 0x1p-14, 0x1p-15, -0x1p-15, float32(math.Inf(1)), float32(math.Inf(-1))}[r.IntN(7)]
			default:
				x.Data[i] = float32(r.NormFloat64())
			}
		}
		got, err := Float(context.Background(), x)
		if err != nil {
			t.Fatal(err)
		}
		want := Floats{Count: int64(n), Min: math.Inf(1), Max: math.Inf(-1)}
		for _, f := range x.Data {
			v := float64(f)
			switch a := math.Abs(v); {
			case v != v:
				want.NaN++
				continue
			case math.IsInf(v, 1):
				want.PosInf++
				continue
			case math.IsInf(v, -1):
				want.NegInf++
				continue
			case a == 0:
				want.Zero++
			case a < 0x1p-14:
				want.Subnormal++
			default:
				want.Normal++
			}
			want.Min, want.Max = min(want.Min, v), max(want.Max, v)
		}
		q := quantilesRef(slices.Collect(finiteValues(x.Data)), 0.01, 0.5, 0.99)
		want.P1, want.P50, want.P99, want.AMax = q[0], q[1], q[2], max(-want.Min, want.Max)
		want.Mean, want.Std = plainMoments(x.Data)
		if got != want {
			t.Errorf("%d values: %+v, want %+v", n, got, want)
		}
	}
}

// plainMoments are mean and deviation with sums in eight lanes a chunk, chunks and lanes as trees.
func plainMoments(data []float32) (mean, std float64) {
	sum := func(of func(v float64) float64) (total float64, n float64) {
		var parts []float64
		for lo := 0; lo < len(data); lo += chunkSize {
			var lane [8]float64
			for i, f := range data[lo:min(lo+chunkSize, len(data))] {
				if v := float64(f); v-v == 0 {
					lane[i%8] += of(v)
					n++
				}
			}
			parts = append(parts, ((lane[0]+lane[1])+(lane[2]+lane[3]))+((lane[4]+lane[5])+(lane[6]+lane[7])))
		}
		return tree(parts, func(a, b float64) float64 { return a + b }), n
	}
	s, n := sum(func(v float64) float64 { return v })
	mean = s / n
	s, _ = sum(func(v float64) float64 { return float64((v - mean) * (v - mean)) })
	return mean, math.Sqrt(s / n)
}

func TestMaxMagnitude(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 9))
	for range 5000 {
		packed := make([]byte, r.IntN(40))
		mask := byte(r.Uint32()) // few bits: small maxima come up, too
		var want uint8
		for i := range packed {
			packed[i] = byte(r.Uint32()) & mask & byte(r.Uint32())
			want = max(want, packed[i]&7, packed[i]>>4&7)
		}
		if got := maxMagnitude(packed); got != want {
			t.Fatalf("%x: %d, want %d", packed, got, want)
		}
	}
}

// TestCountsOfManyParts has more than one part for every processor, and compares with one.
func TestCountsOfManyParts(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 10))
	b := fp4.Blocks{Rows: 2*partRows + 3, Cols: 96, Block: 32}
	b.Codes = make([]byte, b.Rows*b.Cols/2)
	var maxima [8]int64
	var bytes [256]int64
	for i := range b.Codes {
		b.Codes[i] = byte(r.Uint32() & r.Uint32())
		bytes[b.Codes[i]]++
	}
	for i := 0; i < len(b.Codes); i += 16 {
		maxima[maxMagnitude(b.Codes[i:i+16])]++
	}
	if got := BlockMaxima(&b); got != maxima {
		t.Errorf("maxima %v, want %v", got, maxima)
	}
	for _, n := range []int{0, 5, 8, len(b.Codes)} {
		want := bytes
		if n < len(b.Codes) {
			want = [256]int64{}
			for _, v := range b.Codes[:n] {
				want[v]++
			}
		}
		if got := byteCount(b.Codes[:n]); got != want {
			t.Errorf("%d bytes: %v, want %v", n, got, want)
		}
	}
}
