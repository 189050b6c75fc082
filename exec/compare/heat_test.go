package compare

import (
	"context"
	"math"
	"reflect"
	"slices"
	"sync"
	"testing"

	"fp4tui/inspect/fp4"
)

// brute is the definition of a map: each pixel from its elements, nothing shared.
func brute(a Matrix, o MapOptions, rowShift, colShift int) *Heat {
	m, n := a.Size()
	rows, cols := o.Rows.in(m), o.Cols.in(n)
	pr, pc := pixels(rows, rowShift), pixels(cols, colShift)
	h := &Heat{
		M: m, N: n, Row0: pr.Lo << rowShift, Col0: pc.Lo << colShift, RowShift: rowShift, ColShift: colShift,
		H: pr.Hi - pr.Lo, W: pc.Hi - pc.Lo,
	}
	value, kind := make([]float64, 1), make([]Cell, 1)
	for y := range h.H {
		for x := range h.W {
			var data, above int
			var sum, best float64
			var nans, pads int32
			r0, c0 := h.Element(y, x)
			for r := r0; r < min(r0+h.RowStep(), m); r++ {
				for c := c0; c < min(c0+h.ColStep(), n); c++ {
					a.Read(r, c, value, kind)
					switch kind[0] {
					case NaNCell:
						nans++
					case PadCell:
						pads++
					case Data:
						v := value[0]
						if f := float64(float32(v)); data == 0 || math.Abs(f) > math.Abs(best) || f == -best && f > 0 {
							best = f
						}
						data++
						sum += v
						if math.Abs(v) > o.Bound {
							above++
						}
					}
				}
			}
			v := [...]float64{Max: best, Mean: sum / float64(data), Count: float64(above)}[o.Agg]
			if o.Agg == Mean && data > 0 && v != v {
				v = math.Inf(1)
			}
			if data == 0 {
				v = math.NaN()
			}
			h.Values = append(h.Values, float32(v))
			h.NaNs, h.Pads = append(h.NaNs, nans), append(h.Pads, pads)
			h.NaN, h.Pad = h.NaN+int64(nans), h.Pad+int64(pads)
		}
	}
	h.marginals()
	return h
}

// same compares two maps; means may differ in the order of their sums.
func same(a, b *Heat, agg Agg) bool {
	if len(a.Values) != len(b.Values) {
		return false
	}
	for i, v := range a.Values {
		w := b.Values[i]
		equal := v == w || v != v && w != w
		if agg == Mean && !equal {
			equal = math.Abs(float64(v-w)) <= 1e-6*(math.Abs(float64(v))+1)
		}
		if !equal {
			return false
		}
	}
	shape := func(h *Heat) []any {
		return []any{h.M, h.N, h.Row0, h.Col0, h.RowShift, h.ColShift, h.H, h.W, h.NaN, h.Pad, append([]int32{}, h.NaNs...), append([]int32{}, h.Pads...)}
	}
	return reflect.DeepEqual(shape(a), shape(b))
}

func bits(h *Heat) []uint32 {
	var out []uint32
	for _, v := range h.Values {
		out = append(out, math.Float32bits(v))
	}
	return out
}

func FuzzMap(f *testing.F) {
	f.Add(uint64(1), uint8(40), uint8(70), uint8(1), uint8(2), uint8(0), uint8(0), uint8(0))
	f.Add(uint64(2), uint8(130), uint8(9), uint8(7), uint8(0), uint8(1), uint8(1), uint8(50))
	f.Add(uint64(3), uint8(255), uint8(255), uint8(3), uint8(4), uint8(2), uint8(3), uint8(90))
	f.Add(uint64(4), uint8(1), uint8(200), uint8(9), uint8(8), uint8(1), uint8(2), uint8(3))
	f.Add(uint64(0), uint8(28), uint8(175), uint8(1), uint8(0), uint8(0), uint8(57), uint8(0)) // ±v that only float64 tells apart
	f.Fuzz(func(t *testing.T, seed uint64, m, n, rowShift, colShift, agg, by, window uint8) {
		if m == 0 || n == 0 {
			return
		}
		p := noisy(t, int(m), int(n), seed)
		pad := make([]bool, m)
		pad[int(seed%uint64(m))] = true
		if err := p.SetPadding(pad, nil); err != nil {
			t.Fatal(err)
		}
		a := p.Matrix(Measure(by % 4))
		o := MapOptions{RowShift: int(rowShift % 10), ColShift: int(colShift % 10), Agg: Agg(agg % 3), Bound: 0.5}
		if window > 0 {
			o.Rows = Range{int(window) % int(m), int(window)%int(m) + 1 + int(window)}
			o.Cols = Range{int(seed % uint64(n)), int(n)}
		}
		want := brute(a, o, o.RowShift, o.ColShift)
		got, err := HeatOf(ctx, a, o)
		if err != nil || !same(got, want, o.Agg) {
			t.Fatalf("%d×%d pixels from %d,%d: map differs from brute force (%v)", want.H, want.W, want.Row0, want.Col0, err)
		}
		py := NewPyramid(a)
		for _, other := range []MapOptions{
			{RowShift: 3, ColShift: 3}, {RowShift: 1, ColShift: 6, Agg: Count, Bound: 9}, {RowShift: 9, ColShift: 9, Agg: Mean}, o, o,
		} {
			if got, err = py.Map(ctx, other); err != nil {
				t.Fatal(err)
			}
		}
		again, _ := HeatOf(ctx, a, o)
		if !same(got, want, o.Agg) || !reflect.DeepEqual(bits(got), bits(again)) {
			t.Fatalf("%d×%d pixels from %d,%d: pyramid differs from brute force", want.H, want.W, want.Row0, want.Col0)
		}
	})
}

func TestFit(t *testing.T) {
	a := Values(128, 1536, func(r, c int) float64 { return float64(r*1536 + c) })
	h, err := HeatOf(ctx, a, MapOptions{Height: 32, Width: 50})
	if err != nil {
		t.Fatal(err)
	}
	if h.RowStep() != 4 || h.ColStep() != 32 || h.H != 32 || h.W != 48 {
		t.Errorf("%d×%d pixels of %d×%d", h.H, h.W, h.RowStep(), h.ColStep())
	}
	if h.Lo != 3*1536+31 || h.Hi != 128*1536-1 {
		t.Errorf("range %v … %v", h.Lo, h.Hi)
	}
	h, _ = HeatOf(ctx, a, MapOptions{Rows: Range{3, 9}, Cols: Range{1001, 1011}, Height: 6, Width: 5})
	if h.RowStep() != 1 || h.Row0 != 3 || h.ColStep() != 4 || h.Col0 != 1000 || h.H != 6 || h.W != 3 {
		t.Errorf("window: %+v", h)
	}
	if m, n := h.Element(2, 1); m != 5 || n != 1004 {
		t.Errorf("element %d, %d", m, n)
	}
	if y, x, ok := h.Pixel(8, 1011); y != 5 || x != 2 || !ok {
		t.Errorf("pixel %d, %d, %v", y, x, ok)
	}
	for _, at := range [][2]int{{2, 1000}, {9, 1000}, {3, 999}, {3, 1012}} {
		if _, _, ok := h.Pixel(at[0], at[1]); ok {
			t.Errorf("%v is outside", at)
		}
	}
}

func TestEmptyAndTinyMaps(t *testing.T) {
	empty := Values(0, 5, nil)
	h, err := HeatOf(ctx, empty, MapOptions{Height: 4, Width: 4})
	if err != nil || h.H != 0 || len(h.Values) != 0 {
		t.Errorf("%+v %v", h, err)
	}
	one := Values(1, 1, func(int, int) float64 { return -2 })
	h, err = NewPyramid(one).Map(ctx, MapOptions{RowShift: 30, ColShift: 30})
	if err != nil || h.H != 1 || h.W != 1 || h.At(0, 0) != -2 || h.Lo != 2 || h.Hi != 2 {
		t.Errorf("%+v %v", h, err)
	}
}

func TestZeroNaNAndInfinityStayApart(t *testing.T) {
	values := []float64{0, math.NaN(), math.Inf(1), -3, 0.5, 0}
	a := Values(1, 6, func(_, c int) float64 { return values[c] })
	h, _ := HeatOf(ctx, a, MapOptions{})
	if h.At(0, 0) != 0 || h.At(0, 1) == h.At(0, 1) || h.NaNs[1] != 1 || !math.IsInf(float64(h.At(0, 2)), 1) {
		t.Errorf("values %v nans %v", h.Values, h.NaNs)
	}
	if h.Lo != 0.5 || h.Hi != 3 || h.RowMax[0] != inf || h.ColMax[3] != 3 || h.ColMax[1] == h.ColMax[1] {
		t.Errorf("%v … %v, rows %v, columns %v", h.Lo, h.Hi, h.RowMax, h.ColMax)
	}
}

func TestScaleMatrix(t *testing.T) {
	b := &fp4.Blocks{Rows: 2, Cols: 32, Block: 16, ScaleType: fp4.E4M3, Scales: []byte{0x38, 0x7e, 0x7f, 0}}
	h, err := HeatOf(ctx, ScaleMatrix(b), MapOptions{})
	if err != nil || h.At(0, 0) != 1 || h.At(0, 1) != 448 || h.NaNs[2] != 1 || h.At(1, 1) != 0 {
		t.Errorf("%+v %v", h, err)
	}
}

func TestNames(t *testing.T) {
	for _, name := range MeasureNames() {
		if m, ok := ParseMeasure(name); !ok || m.String() != name {
			t.Errorf("measure %s", name)
		}
	}
	for _, a := range []Agg{Max, Mean, Count} {
		if got, ok := ParseAgg(a.String()); !ok || got != a {
			t.Errorf("aggregation %v", a)
		}
	}
	for op := Greater; op <= IsNaN; op++ {
		if got, ok := ParseOp(op.String()); !ok || got != op {
			t.Errorf("operator %v", op)
		}
	}
	_, a := ParseMeasure("x")
	_, b := ParseAgg("x")
	_, c := ParseOp("x")
	if a || b || c {
		t.Error("names that are not there were found")
	}
}

func BenchmarkMapOverview(b *testing.B) {
	p := noisy(b, 128, 8192, 4)
	for b.Loop() {
		if _, err := p.Map(ctx, Abs, MapOptions{Height: 40, Width: 100}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPyramidZoom(b *testing.B) {
	py := NewPyramid(noisy(b, 128, 8192, 4).Matrix(Abs))
	o := MapOptions{Height: 40, Width: 100}
	if _, err := py.Map(ctx, o); err != nil {
		b.Fatal(err)
	}
	i := 0
	for b.Loop() {
		o.Cols = Range{(i * 97) % 4096, (i*97)%4096 + 4096>>(i%7)}
		if _, err := py.Map(ctx, o); err != nil {
			b.Fatal(err)
		}
		i++
	}
}

// TestPyramidBands: a map asked for in bands, in any order and while the whole is being
// made, has the bits of one made at once; what a cancelled map has done is kept.
func TestPyramidBands(t *testing.T) {
	p := noisy(t, 1100, 700, 9)
	for _, agg := range []Agg{Max, Mean, Count} {
		for _, shift := range [][2]int{{4, 4}, {6, 3}, {0, 9}, {9, 0}, {7, 7}} {
			o := MapOptions{RowShift: shift[0], ColShift: shift[1], Agg: agg, Bound: 0.01}
			want, err := HeatOf(ctx, p.Matrix(Abs), o)
			if err != nil {
				t.Fatal(err)
			}
			py := NewPyramid(p.Matrix(Abs))
			over, cancel := context.WithCancel(ctx)
			cancel()
			if _, err := py.Map(over, o); err == nil {
				t.Fatal("a cancelled map has no error")
			}
			var wg sync.WaitGroup
			step := 3 << shift[0]
			for lo := (p.M - 1) / step * step; lo >= 0; lo -= step {
				wg.Go(func() {
					band := o
					band.Rows = Range{lo, min(lo+step, p.M)}
					h, err := py.Map(ctx, band)
					if err != nil {
						t.Error(err)
						return
					}
					at := lo >> shift[0] * want.W
					if got := bits(h); !slices.Equal(got, bits(want)[at:at+len(got)]) {
						t.Errorf("%s, pixel %v: the band from row %d differs", agg, shift, lo)
					}
				})
			}
			wg.Wait()
			whole, err := py.Map(ctx, o)
			if err != nil || !slices.Equal(bits(whole), bits(want)) {
				t.Errorf("%s, pixel %v: the map after its bands differs (%v)", agg, shift, err)
			}
		}
	}
}
