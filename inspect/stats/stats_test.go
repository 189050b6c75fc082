package stats

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
)

// quantilesRef is the definition: sort, take the value at the nearest rank.
func quantilesRef(values []float64, q ...float64) []float64 {
	var clean []float64
	for _, v := range values {
		if v == v {
			clean = append(clean, v)
		}
	}
	slices.Sort(clean)
	out := make([]float64, len(q))
	for i, f := range q {
		k := 0
		for float64(k+1) < f*float64(len(clean)) {
			k++
		}
		out[i] = clean[k]
	}
	return out
}

func TestScaleClassesOfEveryCode(t *testing.T) {
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	for _, c := range []struct {
		format fp4.Format
		want   [6]int64 // nan, zero, subnormal, normal, saturated, negative
		min    Scale
		max    Scale
	}{
		{fp4.E4M3, [6]int64{2, 2, 14, 236, 2, 128}, Scale{0xfe, -448}, Scale{0x7e, 448}},
		{fp4.UE4M3, [6]int64{2, 2, 14, 236, 2, 0}, Scale{0x00, 0}, Scale{0xfe, 448}},
		{fp4.E8M0, [6]int64{1, 0, 0, 254, 1, 0}, Scale{0, 0x1p-127}, Scale{0xfe, 0x1p127}},
	} {
		s := ScaleStats(every, c.format)
		got := [6]int64{s.NaN, s.Zero, s.Subnormal, s.Normal, s.Saturated, s.Negative}
		if got != c.want || s.Count != 256 || s.Min != c.min || s.Max != c.max {
			t.Errorf("%v: %v min %v max %v", c.format, got, s.Min, s.Max)
		}
		if sum := s.NaN + s.Zero + s.Subnormal + s.Normal + s.Saturated; sum != s.Count {
			t.Errorf("%v: classes add up to %d", c.format, sum)
		}
	}
}

func TestScaleQuantilesAgainstValues(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, f := range []fp4.Format{fp4.E4M3, fp4.UE4M3, fp4.E8M0} {
		scales := make([]byte, 999)
		values := make([]float64, len(scales))
		for i := range scales {
			scales[i] = byte(r.UintN(256))
			values[i] = float64(f.Decode(uint16(scales[i])))
		}
		s := ScaleStats(scales, f)
		want := quantilesRef(values, 0, 0.01, 0.5, 0.99, 1)
		got := []float64{s.Min.Value, s.P1.Value, s.P50.Value, s.P99.Value, s.Max.Value}
		if !slices.Equal(got, want) {
			t.Errorf("%v: got %v, want %v", f, got, want)
		}
		for _, q := range []Scale{s.Min, s.P1, s.P50, s.P99, s.Max} {
			if float64(f.Decode(uint16(q.Code))) != q.Value {
				t.Errorf("%v: code %#x is not %v", f, q.Code, q.Value)
			}
		}
	}
}

func TestNoScales(t *testing.T) {
	for _, scales := range [][]byte{nil, {0x7f, 0xff}} {
		if s := ScaleStats(scales, fp4.E4M3); !math.IsNaN(s.Min.Value) || !math.IsNaN(s.Max.Value) {
			t.Errorf("%x: min %v max %v", scales, s.Min, s.Max)
		}
	}
}

func TestCodes(t *testing.T) {
	c := CodeUse([]byte{0x10, 0x17, 0x9f, 0x80})
	want := [16]int64{0: 2, 1: 2, 7: 1, 8: 1, 9: 1, 15: 1}
	if c.Count != want || c.Total != 8 || c.Used != 6 || c.Positive != 3 || c.Negative != 2 {
		t.Errorf("%+v", c)
	}
	if c.Magnitude(0) != 3 || c.Magnitude(7) != 2 || c.Balance() != 0.6 {
		t.Errorf("±0 %d, ±6 %d, balance %v", c.Magnitude(0), c.Magnitude(7), c.Balance())
	}
	if sum := c.Add(CodeUse([]byte{0x22})); sum.Count[2] != 2 || sum.Used != 7 || sum.Total != 10 || sum.Positive != 5 {
		t.Errorf("sum %+v", sum)
	}
	if b := CodeUse([]byte{0x80}).Balance(); b != 0.5 {
		t.Errorf("balance of zeros %v", b)
	}
}

func TestBlockMaxima(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for _, cols := range []int{16, 32, 40} { // 40: a short last block
		for _, order := range []fp4.NibbleOrder{fp4.LowFirst, fp4.HighFirst} {
			b := fp4.Blocks{Rows: 5, Cols: cols, Block: 16, Order: order, Codes: make([]byte, 5*cols/2)}
			for i := range b.Codes {
				b.Codes[i] = byte(r.UintN(256)) & 0xbb >> r.UintN(2)
			}
			var want [8]int64
			for row := range b.Rows {
				for k := 0; k < cols; k += 16 {
					m := uint8(0)
					for c := k; c < min(k+16, cols); c++ {
						m = max(m, b.Code(row, c)&7)
					}
					want[m]++
				}
			}
			if got := BlockMaxima(&b); got != want {
				t.Errorf("%d columns: got %v, want %v", cols, got, want)
			}
		}
	}
}

func TestScaleMeans(t *testing.T) {
	// 5 rows × 4 blocks of E4M3 1 (0x38), block 2 twice as much, one NaN, last group short.
	scales := make([]byte, 20)
	for i := range scales {
		scales[i] = 0x38
		if i%4 == 2 {
			scales[i] = 0x40
		}
	}
	scales[4] = 0x7f
	m := ScaleMeans(scales, 5, 4, 2, fp4.E4M3)
	if !slices.Equal(m.Blocks, []float64{1, 1, 2, 1}) {
		t.Errorf("blocks %v", m.Blocks)
	}
	if !slices.Equal(m.Rows, []float64{9.0 / 7, 1.25, 1.25}) {
		t.Errorf("rows %v", m.Rows)
	}
	if !slices.Equal(m.HighBlock, []High{{2, 2}}) || len(m.HighRows) != 0 {
		t.Errorf("high %v %v", m.HighBlock, m.HighRows)
	}
	if m := ScaleMeans([]byte{126, 128, 0xff, 120}, 2, 2, 1, fp4.E8M0); !slices.Equal(m.Rows, []float64{1, 0x1p-7}) {
		t.Errorf("exponents: %v", m.Rows)
	}
	if m := ScaleMeans([]byte{0x7f}, 1, 1, 1, fp4.E4M3); !math.IsNaN(m.Blocks[0]) {
		t.Errorf("nothing to average: %v", m.Blocks)
	}
}

func TestHighs(t *testing.T) {
	if h := Highs([]float64{1, 1, 1.5, 1}); len(h) != 0 {
		t.Errorf("1.5 is not above 1.5: %v", h)
	}
	if h := Highs([]float64{2, 1, 1, 1, 3, 2, 1}); !slices.Equal(h, []High{{4, 3}, {0, 2}, {5, 2}}) {
		t.Errorf("order: %v", h)
	}
	if h := Highs([]float64{1, 9, 1}); h != nil {
		t.Errorf("three means have no median worth comparing with: %v", h)
	}
	if h := Highs([]float64{0, 0, 0, 0, 5}); h != nil {
		t.Errorf("a median of 0: %v", h)
	}
}

func TestFloat(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	data := []float32{1, -3, 0, nan, inf, -inf, 2, 0x1p-15, -0x1p-20, nan}
	f, err := Float(context.Background(), inspect.Tensor{DType: inspect.F16, Shape: []int{10}, Data: data})
	if err != nil {
		t.Fatal(err)
	}
	counts := [...]int64{f.Count, f.NaN, f.PosInf, f.NegInf, f.Zero, f.Subnormal, f.Normal}
	if counts != [...]int64{10, 2, 1, 1, 1, 2, 3} {
		t.Errorf("counts %v", counts)
	}
	sum := 0x1p-15 - 0x1p-20
	if f.Min != -3 || f.Max != 2 || f.AMax != 3 || f.Mean != sum/6 || f.P50 != -0 || f.P99 != 2 {
		t.Errorf("%+v", f)
	}
	if want := math.Sqrt(14.0 / 6); math.Abs(f.Std-want) > 1e-8 {
		t.Errorf("std %v, want about %v", f.Std, want)
	}
	f, _ = Float(context.Background(), inspect.Tensor{DType: inspect.F32, Shape: []int{1}, Data: []float32{nan}})
	if f.NaN != 1 || !math.IsNaN(f.Mean) || !math.IsNaN(f.P50) {
		t.Errorf("of nothing finite: %+v", f)
	}
}

func TestFloatStopsWithContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Float(ctx, inspect.Tensor{Shape: []int{1}, Data: []float32{1}}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestSmallestNormal(t *testing.T) {
	for d, want := range map[inspect.DType]float64{
		inspect.BF16: 0x1p-126, inspect.F16: 0x1p-14, inspect.F8E4M3: 0x1p-6, inspect.F4: 1, inspect.I32: 0, inspect.F8E8M0: 0,
	} {
		if got := SmallestNormal(d); got != want {
			t.Errorf("%v: got %v, want %v", d, got, want)
		}
	}
}

func TestLinearHistogram(t *testing.T) {
	nan := float32(math.NaN())
	got := Histogram([]float32{0, 1, 2, 3, 4, nan, 0.999, float32(math.Inf(1))}, 4, false)
	want := []Bin{{0, 1, 2}, {1, 2, 1}, {2, 3, 1}, {3, 4, 2}}
	if !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	if got := Histogram([]float32{2, 2}, 9, false); !slices.Equal(got, []Bin{{2, 2, 2}}) {
		t.Errorf("one value: %v", got)
	}
	if Histogram([]float32{nan}, 4, false) != nil || Histogram([]float32{1}, 0, true) != nil {
		t.Error("a histogram of nothing")
	}
}

func TestLogHistogram(t *testing.T) {
	got := Histogram([]float32{1, -1.5, 0, 4, 0.5, 0}, 10, true)
	want := []Bin{{0, 0, 2}, {0.5, 1, 1}, {1, 2, 2}, {2, 4, 0}, {4, 8, 1}}
	if !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	got = Histogram([]float32{0x1p-149, 1, 0x1p127}, 3, true)
	want = []Bin{{0x1p-256, 0x1p-128, 1}, {0x1p-128, 1, 0}, {1, 0x1p128, 2}}
	if !slices.Equal(got, want) {
		t.Errorf("joined binades: %v", got)
	}
}

func FuzzHistogram(f *testing.F) {
	f.Add(uint64(1), 7, false)
	f.Add(uint64(2), 3, true)
	f.Fuzz(func(t *testing.T, seed uint64, bins int, log bool) {
		bins = 1 + bins&63
		r := rand.New(rand.NewPCG(seed, 9))
		values := make([]float32, 300)
		var finite int64
		for i := range values {
			values[i] = math.Float32frombits(r.Uint32())
			if v := float64(values[i]); v-v == 0 {
				finite++
			}
		}
		got := Histogram(values, bins, log)
		var sum int64
		for i, b := range got {
			sum += b.Count
			if i > 0 && b.Lo != got[i-1].Hi && !(got[i-1] == Bin{0, 0, got[i-1].Count}) {
				t.Fatalf("bins %d and %d do not meet", i-1, i)
			}
			var want int64
			for _, f := range values {
				v := float64(f)
				if log {
					v = math.Abs(v)
				}
				in := v >= b.Lo && (v < b.Hi || v == b.Hi && (!log && i == len(got)-1 || b.Lo == b.Hi))
				if log && v == 0 && b.Hi > 0 {
					in = false
				}
				if in {
					want++
				}
			}
			if b.Count != want {
				t.Fatalf("seed %d bins %d log %v: bin %v should hold %d", seed, bins, log, b, want)
			}
		}
		if sum != finite || len(got) > bins+1 {
			t.Fatalf("%d bins hold %d of %d values", len(got), sum, finite)
		}
	})
}

func TestScaleHealth(t *testing.T) {
	many := func(n int, code byte, rest ...byte) []byte {
		return append(slices.Repeat([]byte{code}, n), rest...)
	}
	for _, c := range []struct {
		name   string
		scales []byte
		format fp4.Format
		part   string
		want   Level
	}{
		{"fits", many(999, 0x60, 0x7e), fp4.E4M3, "saturated", OK},
		{"one per cent at the top", many(99, 0x60, 0x7e), fp4.E4M3, "saturated", Warn},
		{"all at the top", many(10, 0x7e), fp4.E4M3, "saturated", Bad},
		{"one nan", many(999, 0x60, 0x7f), fp4.E4M3, "nan", Bad},
		{"some zero", many(9, 0x60, 0), fp4.E4M3, "zero", OK},
		{"half zero", many(1, 0x60, 0), fp4.E4M3, "zero", Warn},
		{"all zero", many(9, 0), fp4.E4M3, "zero", Bad},
		{"subnormal", many(9, 0x60, 7), fp4.E4M3, "subnormal", Warn},
		{"sign", many(9, 0x60, 0xe0), fp4.E4M3, "negative", Warn},
		{"never filled", many(9, 0), fp4.E8M0, "0x00", Bad},
	} {
		s := ScaleStats(c.scales, c.format)
		parts := s.Health()
		i := slices.IndexFunc(parts, func(p Part) bool { return p.Name == c.part })
		if i < 0 {
			t.Errorf("%s: no part %s", c.name, c.part)
			continue
		}
		if parts[i].Level != c.want || Worst(parts) != c.want {
			t.Errorf("%s: %s is %v, worst %v", c.name, c.part, parts[i], Worst(parts))
		}
		if want := float64(parts[i].Count) / float64(len(c.scales)); parts[i].Share != want {
			t.Errorf("%s: share %v, want %v", c.name, parts[i].Share, want)
		}
	}
	empty := ScaleStats(nil, fp4.E4M3)
	if empty.Health() != nil {
		t.Error("the health of no scales")
	}
}

func TestFloatHealth(t *testing.T) {
	f := Floats{Count: 4, NaN: 1, PosInf: 1, NegInf: 1, Normal: 1}
	want := []Part{{"nan", 1, 0.25, Bad}, {"inf", 2, 0.5, Bad}, {"zero", 0, 0, OK}, {"subnormal", 0, 0, OK}, {"normal", 1, 0.25, OK}}
	if got := f.Health(); !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	zero := Floats{Count: 3, Zero: 3}
	if w := Worst(zero.Health()); w != Warn {
		t.Errorf("all zero: %v", w)
	}
}

func BenchmarkScaleStats(b *testing.B) {
	scales := make([]byte, 1<<20)
	for i := range scales {
		scales[i] = byte(i * i >> 3)
	}
	b.SetBytes(1 << 20)
	for b.Loop() {
		ScaleStats(scales, fp4.E4M3)
	}
}

func BenchmarkCodeUse(b *testing.B) {
	codes := make([]byte, 1<<20)
	for i := range codes {
		codes[i] = byte(i * i >> 3)
	}
	b.SetBytes(1 << 20)
	for b.Loop() {
		CodeUse(codes)
	}
}

func BenchmarkFloat(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	t := inspect.Tensor{DType: inspect.F32, Shape: []int{1 << 20}, Data: make([]float32, 1<<20)}
	for i := range t.Data {
		t.Data[i] = float32(r.NormFloat64())
	}
	b.SetBytes(4 << 20)
	for b.Loop() {
		if _, err := Float(context.Background(), t); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBlockMaxima(b *testing.B) {
	m := fp4.Blocks{Rows: 256, Cols: 8192, Block: 16, Codes: make([]byte, 1<<20)}
	for i := range m.Codes {
		m.Codes[i] = byte(i * i >> 3)
	}
	b.SetBytes(1 << 20)
	for b.Loop() {
		BlockMaxima(&m)
	}
}
