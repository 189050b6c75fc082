package compare

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"fp4tui/inspect"
)

var (
	ctx = context.Background()
	nan = float32(math.NaN())
	inf = float32(math.Inf(1))
)

func tensor(shape []int, data ...float32) inspect.Tensor {
	return inspect.Tensor{DType: inspect.BF16, Shape: shape, Data: data}
}

// row pairs two vectors as 1×n.
func row(t testing.TB, got, want []float32) *Pair {
	t.Helper()
	p, err := New(tensor([]int{1, len(got)}, got...), tensor([]int{1, len(want)}, want...))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// noisy is a pair of m×n with errors of every kind: none, small, large, ties, NaN, infinite.
func noisy(t testing.TB, m, n int, seed uint64) *Pair {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 11))
	got, want := make([]float32, m*n), make([]float32, m*n)
	for i := range want {
		want[i] = float32(r.NormFloat64())
		got[i] = want[i]
		switch r.IntN(20) {
		case 0:
			got[i] = nan
		case 1:
			got[i] = inf
		case 2:
			want[i], got[i] = 0, float32(r.IntN(3))
		case 3:
			want[i], got[i] = -inf, -inf
		case 4, 5, 6, 7:
		default:
			got[i] += float32(r.IntN(9)-4) / 4
		}
	}
	p, err := New(tensor([]int{m, n}, got...), tensor([]int{m, n}, want...))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func metrics(t testing.TB, p *Pair) Metrics {
	t.Helper()
	m, err := p.Metrics(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestShapesMustAgree(t *testing.T) {
	_, err := New(tensor([]int{2, 3}, make([]float32, 6)...), tensor([]int{3, 2}, make([]float32, 6)...))
	if !errors.Is(err, inspect.ErrMismatch) || !strings.Contains(err.Error(), "got is 2×3, want is 3×2") {
		t.Errorf("error %v", err)
	}
	_, err = New(tensor([]int{4}, 1), tensor([]int{4}, 1))
	if !errors.Is(err, inspect.ErrMalformed) {
		t.Errorf("short data: %v", err)
	}
}

func TestShapesFold(t *testing.T) {
	data := make([]float32, 24)
	p, err := New(tensor([]int{2, 3, 4}, data...), tensor([]int{2, 3, 4}, data...))
	if err != nil || p.M != 6 || p.N != 4 {
		t.Fatalf("%d×%d, %v", p.M, p.N, err)
	}
	if got := p.Index(4, 3); !slices.Equal(got, []int{1, 1, 3}) {
		t.Errorf("index %v", got)
	}
	s, err := New(tensor(nil, 1), tensor(nil, 2))
	if err != nil || s.M != 1 || s.N != 1 || s.Index(0, 0) != nil {
		t.Errorf("scalar %+v %v", s, err)
	}
}

func TestMetricDefinitions(t *testing.T) {
	none := math.NaN()
	for _, c := range []struct {
		name      string
		got, want []float32
		values    map[string]float64
	}{
		{"plain", []float32{1, 2, 4}, []float32{1, 3, 2}, map[string]float64{
			"max_abs": 2, "mean_abs": 1, "p99_abs": 2, "rmse": math.Sqrt(5.0 / 3), "max_rel": 1,
			"rel_l2": math.Sqrt(5.0 / 14), "cos": 15 / (math.Sqrt(21) * math.Sqrt(14)), "sqnr_db": 4.471580313,
			"calc_diff": 1 - 30.0/35, "nan": 0, "inf": 0, "count": 3, "argmax": 2, "noise": none}},
		{"equal", []float32{1, -2}, []float32{1, -2}, map[string]float64{
			"max_abs": 0, "rmse": 0, "max_rel": 0, "rel_l2": 0, "cos": 1, "sqnr_db": math.Inf(1), "calc_diff": 0, "ulp_max": 0, "argmax": 0}},
		{"zero reference", []float32{1, 0}, []float32{0, 0}, map[string]float64{
			"max_abs": 1, "max_rel": math.Inf(1), "rel_l2": math.Inf(1), "cos": 0, "sqnr_db": math.Inf(-1), "calc_diff": 1}},
		{"zero everywhere", []float32{0, 0}, []float32{0, 0}, map[string]float64{
			"max_abs": 0, "max_rel": 0, "rel_l2": 0, "cos": 1, "sqnr_db": math.Inf(1), "calc_diff": 0}},
		{"zero output", []float32{0, 0}, []float32{3, 4}, map[string]float64{
			"max_rel": 1, "rel_l2": 1, "cos": 0, "sqnr_db": 0, "calc_diff": 1}},
		{"opposite", []float32{-3, -4}, []float32{3, 4}, map[string]float64{"cos": -1, "calc_diff": 2, "rel_l2": 2}},
		{"nan is apart", []float32{nan, 1, 2}, []float32{nan, 1, nan}, map[string]float64{
			"nan": 2, "count": 3, "max_abs": 0, "mean_abs": 0, "cos": 1, "argmax": 1}},
		{"only nan", []float32{nan}, []float32{1}, map[string]float64{
			"nan": 1, "count": 1, "max_abs": none, "mean_abs": none, "p99_abs": none, "rmse": none, "max_rel": none, "rel_l2": none,
			"cos": none, "sqnr_db": none, "calc_diff": none, "ulp_max": none, "noise": none, "argmax": -1}},
		{"nothing finite", []float32{nan, inf}, []float32{1, inf}, map[string]float64{
			"nan": 1, "inf": 1, "max_abs": 0, "mean_abs": none, "rmse": none, "rel_l2": none, "cos": none, "sqnr_db": none, "calc_diff": none}},
		{"same infinity", []float32{inf, 1}, []float32{inf, 2}, map[string]float64{
			"inf": 1, "max_abs": 1, "mean_abs": 1, "rmse": 1, "ulp_max": 128, "max_rel": 0.5}},
		{"missed infinity", []float32{inf, 1}, []float32{1, 1}, map[string]float64{
			"inf": 1, "max_abs": math.Inf(1), "p99_abs": math.Inf(1), "mean_abs": 0, "rmse": 0, "ulp_max": math.Inf(1), "max_rel": math.Inf(1), "argmax": 0}},
		{"opposite infinities", []float32{inf}, []float32{-inf}, map[string]float64{"inf": 1, "max_abs": math.Inf(1)}},
		{"relative only above the floor", []float32{1000, 0.5}, []float32{1000, 0.75}, map[string]float64{"max_rel": 0, "max_abs": 0.25}},
		{"just above the floor", []float32{1000, 1.5}, []float32{1000, 1.25}, map[string]float64{"max_rel": 0.2}},
		{"first of equals", []float32{1, 1, 1}, []float32{1, 2, 0}, map[string]float64{"argmax": 1}},
		{"negative zero", []float32{float32(math.Copysign(0, -1))}, []float32{0}, map[string]float64{"max_abs": 0, "ulp_max": 0}},
		{"empty", nil, nil, map[string]float64{"count": 0, "max_abs": 0, "p99_abs": 0, "rel_l2": 0, "cos": 1, "argmax": -1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := metrics(t, row(t, c.got, c.want))
			for name, want := range c.values {
				got := m.Value(name)
				if got != want && !(got != got && want != want) && !(math.Abs(got-want) <= 1e-6*math.Abs(want)) {
					t.Errorf("%s = %v, want %v", name, got, want)
				}
			}
		})
	}
}

func TestMetricsAgainstPlainSums(t *testing.T) {
	p := noisy(t, 37, 3001, 1) // several chunks, rows cut by their edges
	m := metrics(t, p)
	var abs []float64
	var d2, w2, sum float64
	var nans, infs int64
	for i := range p.got {
		g, w := float64(p.got[i]), float64(p.want[i])
		switch {
		case g != g || w != w:
			nans++
			continue
		case math.IsInf(g, 0) || math.IsInf(w, 0):
			infs++
			if g == w {
				abs = append(abs, 0)
			} else {
				abs = append(abs, math.Inf(1))
			}
			continue
		}
		abs = append(abs, math.Abs(g-w))
		sum += math.Abs(g - w)
		d2, w2 = d2+(g-w)*(g-w), w2+w*w
	}
	slices.Sort(abs)
	near := func(name string, got, want float64) {
		if math.Abs(got-want) > 1e-12*math.Abs(want) {
			t.Errorf("%s = %v, want %v", name, got, want)
		}
	}
	near("rel_l2", m.RelL2, math.Sqrt(d2/w2))
	near("mean_abs", m.MeanAbs, sum/float64(m.Count-m.NaN-m.Inf))
	if m.NaN != nans || m.Inf != infs || m.Count != 37*3001 {
		t.Errorf("nan %d inf %d count %d", m.NaN, m.Inf, m.Count)
	}
	if want := abs[int(math.Ceil(0.99*float64(len(abs))))-1]; m.P99Abs != want {
		t.Errorf("p99 %v, want %v", m.P99Abs, want)
	}
}

// everything is all that a pair can say, for comparing runs.
func everything(t testing.TB, p *Pair) []any {
	top, err := p.Top(ctx, 50, Signed)
	if err != nil {
		t.Fatal(err)
	}
	for i := range top { // NaN is not equal to itself
		top[i].Noise, top[i].Rel = 0, 0
	}
	heat, err := p.Map(ctx, Abs, MapOptions{Height: 7, Width: 9, Agg: Mean})
	if err != nil {
		t.Fatal(err)
	}
	m := metrics(t, p)
	m.Noise = 0
	return []any{m, top, heat}
}

func TestSameBitsOnAnyNumberOfProcessors(t *testing.T) {
	p := noisy(t, 61, 4099, 2)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	want := everything(t, p)
	for _, n := range []int{2, 3, 8} {
		runtime.GOMAXPROCS(n)
		if got := everything(t, p); !reflect.DeepEqual(got, want) {
			t.Fatalf("%d processors: other bits", n)
		}
	}
}

func TestMismatched(t *testing.T) {
	p := row(t, []float32{1, 1.5, nan, inf, inf, 2.25}, []float32{1, 1, nan, inf, 1, 2})
	for _, c := range []struct {
		atol, rtol float64
		want       int64
	}{{0, 0, 4}, {0.25, 0, 3}, {0.5, 0, 2}, {0, 0.125, 3}, {0, 0.5, 2}, {0.25, 0.25, 2}} {
		got, err := p.Mismatched(ctx, c.atol, c.rtol)
		if err != nil || got != c.want {
			t.Errorf("atol %v rtol %v: %d, want %d (%v)", c.atol, c.rtol, got, c.want, err)
		}
	}
}

func TestPaddingIsNoElement(t *testing.T) {
	got := []float32{1, nan, 5, 7, 7, 7}
	p, _ := New(tensor([]int{2, 3}, got...), tensor([]int{2, 3}, 1, 1, 4, 9e9, inf, nan))
	if err := p.SetPadding([]bool{false, true}, []bool{false, true, false}); err != nil {
		t.Fatal(err)
	}
	m := metrics(t, p)
	if m.Count != 2 || m.NaN != 0 || m.Inf != 0 || m.MaxAbs != 1 || m.ArgMax != [2]int{0, 2} || m.Floor != 4*RelFloor {
		t.Errorf("%+v", m)
	}
	if n, _ := p.Mismatched(ctx, 0, 0); n != 1 {
		t.Errorf("mismatched %d", n)
	}
	if top, _ := p.Top(ctx, 9, Abs); len(top) != 1 {
		t.Errorf("top %v", top)
	}
	if w, _ := p.Where(ctx, Query{Op: GreaterEqual, Limit: 9}); w.Count != 2 || w.Of != 2 {
		t.Errorf("where %+v", w)
	}
	h, _ := p.Map(ctx, Abs, MapOptions{Height: 1, Width: 1})
	if h.Pad != 4 || h.NaN != 0 || h.At(0, 0) != 1 {
		t.Errorf("heat %+v", h)
	}
	for _, err := range []error{p.SetPadding(make([]bool, 3), nil), p.SetPadding(nil, make([]bool, 2)), p.SetNoise(make([]float32, 5))} {
		if !errors.Is(err, inspect.ErrMismatch) {
			t.Errorf("wrong size: %v", err)
		}
	}
}

func TestNoise(t *testing.T) {
	p := row(t, []float32{1, 2, 3, nan}, []float32{1, 1, 1, 1})
	if p.HasNoise() {
		t.Error("noise out of nothing")
	}
	if err := p.SetNoise([]float32{0, 0.5, 4, 1}); err != nil {
		t.Fatal(err)
	}
	m := metrics(t, p)
	if m.Noise != 2 || m.ArgNoise != [2]int{0, 1} || m.ArgMax != [2]int{0, 2} {
		t.Errorf("%+v", m)
	}
	if top, _ := p.Top(ctx, 2, Noise); len(top) != 2 || top[0].N != 1 || top[0].Noise != 2 {
		t.Errorf("top %+v", top)
	}
}

func TestCancel(t *testing.T) {
	p := noisy(t, 100, 1000, 3)
	over, cancel := context.WithCancel(ctx)
	cancel()
	_, a := p.Metrics(over)
	_, b := p.Top(over, 3, Abs)
	_, c := p.Where(over, Query{})
	_, d := p.Map(over, Abs, MapOptions{})
	_, e := NewPyramid(p.Matrix(Abs)).Map(over, MapOptions{RowShift: 5, ColShift: 5})
	_, f := p.Mismatched(over, 0, 0)
	for i, err := range []error{a, b, c, d, e, f} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("call %d: %v", i, err)
		}
	}
}

func TestTableIsWhole(t *testing.T) {
	seen := map[string]bool{}
	m := metrics(t, row(t, []float32{1}, []float32{2}))
	for _, row := range Table() {
		if row.Name == "" || row.Doc == "" || seen[row.Name] {
			t.Errorf("row %+v", row)
		}
		seen[row.Name] = true
		if v := row.Of(&m); v != v && row.Name != "noise" {
			t.Errorf("%s is NaN", row.Name)
		}
	}
	for _, name := range strings.Fields("max_abs mean_abs p99_abs rmse max_rel rel_l2 cos sqnr_db calc_diff nan inf ulp_max noise argmax count") {
		if !seen[name] {
			t.Errorf("no metric %s", name)
		}
	}
	if !math.IsNaN(m.Value("no_such")) {
		t.Error("a metric that is not there has a value")
	}
}

func BenchmarkMetrics(b *testing.B) {
	p := noisy(b, 128, 8192, 4)
	b.SetBytes(8 << 20)
	for b.Loop() {
		metrics(b, p)
	}
}

func BenchmarkTop(b *testing.B) {
	p := noisy(b, 128, 8192, 4)
	b.SetBytes(8 << 20)
	for b.Loop() {
		if _, err := p.Top(ctx, 100, Abs); err != nil {
			b.Fatal(err)
		}
	}
}

func TestQuantileAgainstSort(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {1, 100}, {1, 101}, {9, 70001}} {
		p := noisy(t, size[0], size[1], 9)
		var abs []float64
		for c := range p.chunks() {
			p.elements(c, func(i int) {
				if d := p.signed(i); d == d {
					abs = append(abs, math.Abs(d))
				}
			})
		}
		slices.Sort(abs)
		for _, q := range []float64{0, 0.25, 0.5, 0.99, 1} {
			want := abs[max(int(math.Ceil(q*float64(len(abs))))-1, 0)]
			if got, err := p.absQuantile(ctx, q, int64(len(abs))); err != nil || got != want {
				t.Errorf("%v q %v: %v, want %v (%v)", size, q, got, want, err)
			}
		}
	}
}
