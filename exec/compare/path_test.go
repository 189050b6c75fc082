package compare

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"fp4tui/inspect"
)

// pools are values from which pairs are drawn: raw bits have every NaN, infinities and
// subnormals; few values have ties of every kind.
func pools(r *rand.Rand) map[string]func(int) float32 {
	few := []float32{0, float32(math.Copysign(0, -1)), 1, -1, 0.5, math.MaxFloat32, -math.MaxFloat32, 0x1p-149, -0x1p-149, nan, inf, -inf, 0x1p-126}
	return map[string]func(int) float32{
		"bits":   func(int) float32 { return math.Float32frombits(r.Uint32()) },
		"normal": func(int) float32 { return float32(r.NormFloat64()) },
		"few":    func(int) float32 { return few[r.IntN(len(few))] },
		"rare": func(int) float32 {
			if r.IntN(50) == 0 {
				return few[r.IntN(len(few))]
			}
			return float32(r.NormFloat64())
		},
		"nan": func(int) float32 { return nan },
	}
}

// TestPaths holds every path against the portable one, field by field: sums, maxima, ULPs, counts, buckets
// and gathered values, for all lengths of tail and alignments.
func TestPaths(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 5))
	for name, draw := range pools(r) {
		for _, n := range []int{0, 1, 7, 8, 9, 15, 16, 63, 1000, 4099} {
			for offset := range 3 {
				got, want := make([]float32, n+offset), make([]float32, n+offset)
				for i := range got {
					got[i], want[i] = draw(i), draw(i)
					if r.IntN(3) == 0 {
						got[i] = want[i]
					}
				}
				for _, dtype := range []inspect.DType{inspect.F32, inspect.BF16, inspect.F16, inspect.F4} {
					for _, floor := range []float64{0, 0.25, math.MaxFloat32} {
						t.Run(fmt.Sprintf("%s/%d+%d/%v/%g", name, n, offset, dtype, floor), func(t *testing.T) {
							checkPaths(t, got[offset:], want[offset:], floor, ulpsOf(dtype))
						})
					}
				}
			}
		}
	}
}

func checkPaths(t *testing.T, got, want []float32, floor float64, u ulpType) {
	t.Helper()
	expect := newLanes()
	expect.run(portable, got, want, floor, u)
	buckets := make([]uint16, len(got))
	bucketsPortable(buckets, got, want)
	for _, way := range paths {
		l := newLanes()
		l.run(way, got, want, floor, u)
		if fmt.Sprintf("%x", l) != fmt.Sprintf("%x", expect) { // as text, NaN is equal to itself
			t.Fatalf("%v: %+v, want %+v", way, l, expect)
		}
		found := make([]uint16, len(got))
		way.buckets(found, got, want)
		if !slices.EqualFunc(found, buckets, sameBucket) {
			t.Fatalf("%v: buckets %v, want %v", way, found, buckets)
		}
		for _, b := range []uint16{0, 0x3ff0, 0x7ff0, 0x3fe2} {
			a, c := make([]float64, len(got)+spare), make([]float64, len(got)+spare)
			k, m := way.gather(a, got, want, b), gatherPortable(c, got, want, b)
			if !slices.Equal(a[:k], c[:m]) {
				t.Fatalf("%v, bucket %x: %v, want %v", way, b, a[:k], c[:m])
			}
		}
	}
}

// sameBucket takes all buckets above that of infinity for one: they hold NaN.
func sameBucket(a, b uint16) bool { return a == b || a > 0x7ff0 && b > 0x7ff0 }

// TestSumsGoByLane holds the order of the sums: lanes of every eighth element of the chunk,
// joined as a tree of pairs, chunks likewise.
func TestSumsGoByLane(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	const n = 2*chunkSize + 77
	got, want := make([]float32, n), make([]float32, n)
	for i := range got {
		got[i], want[i] = float32(r.NormFloat64()*math.Exp2(float64(r.IntN(20)))), float32(r.NormFloat64())
	}
	p := row(t, got, want)
	var chunks [3]float64
	for c := range chunks {
		var lane [8]float64
		for i := c * chunkSize; i < min((c+1)*chunkSize, n); i++ {
			lane[i%8] += math.Abs(float64(got[i]) - float64(want[i]))
		}
		for step := 1; step < 8; step *= 2 {
			for i := 0; i < 8; i += 2 * step {
				lane[i] += lane[i+step]
			}
		}
		chunks[c] = lane[0]
	}
	if sum, m := (chunks[0]+chunks[1])+chunks[2], metrics(t, p); m.MeanAbs != sum/n {
		t.Errorf("mean %v, want %v", m.MeanAbs, sum/n)
	}
}

// TestPaddingIsLeftOut compares a padded pair with the pair of the rest. Its lanes differ, so only
// what no order can change is compared exactly.
func TestPaddingIsLeftOut(t *testing.T) {
	const m, n = 37, 1003
	p := noisy(t, m, n, 21)
	rows, cols := make([]bool, m), make([]bool, n)
	rows[0], rows[20], cols[3], cols[1002] = true, true, true, true
	var got, want []float32
	for i := range m * n {
		if !rows[i/n] && !cols[i%n] {
			got, want = append(got, p.got[i]), append(want, p.want[i])
		}
	}
	if err := p.SetPadding(rows, cols); err != nil {
		t.Fatal(err)
	}
	a, b := metrics(t, p), metrics(t, row(t, got, want))
	if a.Count != b.Count || a.NaN != b.NaN || a.Inf != b.Inf || a.MaxAbs != b.MaxAbs || a.P99Abs != b.P99Abs || a.MaxRel != b.MaxRel || a.ULPMax != b.ULPMax {
		t.Errorf("%+v, want %+v", a, b)
	}
	if math.Abs(a.RMSE-b.RMSE) > 1e-12*b.RMSE {
		t.Errorf("rmse %v, want %v", a.RMSE, b.RMSE)
	}
	if at := a.FirstNaN; !math.IsNaN(p.At(at[0], at[1]).Err) {
		t.Errorf("no NaN at %v", at)
	}
	if at := a.ArgMax; math.Abs(p.At(at[0], at[1]).Err) != a.MaxAbs {
		t.Errorf("the greatest error is not at %v", at)
	}
}

// FuzzPaths draws pairs from raw bits.
func FuzzPaths(f *testing.F) {
	f.Add(make([]byte, 200), 0.5)
	f.Fuzz(func(t *testing.T, raw []byte, floor float64) {
		n := len(raw) / 8
		got, want := make([]float32, n), make([]float32, n)
		for i := range got {
			got[i] = math.Float32frombits(uint32(raw[8*i]) | uint32(raw[8*i+1])<<8 | uint32(raw[8*i+2])<<16 | uint32(raw[8*i+3])<<24)
			want[i] = math.Float32frombits(uint32(raw[8*i+4]) | uint32(raw[8*i+5])<<8 | uint32(raw[8*i+6])<<16 | uint32(raw[8*i+7])<<24)
		}
		for _, d := range []inspect.DType{inspect.F32, inspect.BF16} {
			checkPaths(t, got, want, math.Abs(floor), ulpsOf(d))
		}
	})
}

// BenchmarkPaths measures what goes over all elements, on every path.
func BenchmarkPaths(b *testing.B) {
	p := benchPair(b)
	for _, way := range paths {
		run := func(name string, work func(c int)) {
			b.Run(fmt.Sprintf("%s/%v", name, way), func(b *testing.B) {
				b.SetBytes(8 * int64(len(p.got)))
				for b.Loop() {
					for c := range p.chunks() {
						work(c)
					}
				}
			})
		}
		var buckets [chunkSize]uint16
		values := make([]float64, chunkSize+spare)
		run("sums", func(c int) { p.chunkPartial(way, c) })
		run("buckets", func(c int) { p.chunkBuckets(way, c, buckets[:]) })
		run("gather", func(c int) { p.inBucket(way, c, magnitudeBucket(0.03), values) })
	}
}
