package compare

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestTopAgainstSort(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {7, 11}, {40, 1000}, {3, 17000}} {
		p := noisy(t, size[0], size[1], uint64(size[1]))
		for _, by := range []Measure{Abs, Signed, Rel, ULP} {
			var all []int
			key := func(i int) float64 { return math.Abs(p.measured(by, i)) }
			for i := range p.got {
				if key(i) > 0 {
					all = append(all, i)
				}
			}
			slices.SortStableFunc(all, func(a, b int) int { return cmp.Compare(key(b), key(a)) })
			for _, n := range []int{1, 3, 100, len(p.got) + 1} {
				top, err := p.Top(ctx, n, by)
				if err != nil {
					t.Fatal(err)
				}
				var got []int
				for _, e := range top {
					got = append(got, e.M*p.N+e.N)
				}
				if want := all[:min(n, len(all))]; !slices.Equal(got, want) {
					t.Fatalf("%v by %v, %d: got %v, want %v", size, by, n, got, want)
				}
			}
		}
	}
	if top, err := noisy(t, 3, 3, 1).Top(ctx, 0, Abs); top != nil || err != nil {
		t.Errorf("none asked: %v %v", top, err)
	}
}

func TestElementValues(t *testing.T) {
	top, _ := row(t, []float32{1, 3}, []float32{1, 2}).Top(ctx, 5, Abs)
	want := Element{M: 0, N: 1, Got: 3, Want: 2, Err: 1, Rel: 0.5, ULP: 64}
	if len(top) != 1 || top[0].Noise == top[0].Noise {
		t.Fatalf("%+v", top)
	}
	if top[0].Noise = 0; top[0] != want {
		t.Errorf("%+v", top[0])
	}
}

func TestWhere(t *testing.T) {
	p := row(t, []float32{0, 1, 2, nan, -2, inf}, []float32{0, 0, 0, 1, 0, inf})
	for _, c := range []struct {
		q    Query
		want []int
	}{
		{Query{By: Abs, Op: Greater, Bound: 1}, []int{2, 4}},
		{Query{By: Signed, Op: Greater, Bound: 1}, []int{2}},
		{Query{By: Signed, Op: Less}, []int{4}},
		{Query{By: Abs, Op: GreaterEqual, Bound: 1}, []int{1, 2, 4}},
		{Query{By: Abs, Op: LessEqual, Bound: 1}, []int{0, 1, 5}},
		{Query{By: Abs, Op: Equal, Bound: 2}, []int{2, 4}},
		{Query{By: Abs, Op: NotEqual}, []int{1, 2, 4}},
		{Query{By: Abs, Op: IsNaN}, []int{3}},
	} {
		c.q.Limit = 10
		w, err := p.Where(ctx, c.q)
		if err != nil {
			t.Fatal(err)
		}
		var got []int
		for _, e := range w.First {
			got = append(got, e.N)
		}
		if !slices.Equal(got, c.want) || w.Count != int64(len(c.want)) || w.Of != 6 || w.NaN != 1 {
			t.Errorf("%v %v %v: %v of %d, nan %d", c.q.By, c.q.Op, c.q.Bound, got, w.Of, w.NaN)
		}
	}
	w, _ := p.Where(ctx, Query{Op: GreaterEqual, Limit: 2})
	if len(w.First) != 2 || w.Count != 5 {
		t.Errorf("limit: %+v", w)
	}
}

// bad makes a pair of m×n that is wrong by 1 where at says so.
func bad(t testing.TB, m, n int, at func(m, n int) bool) *Pair {
	t.Helper()
	got, want := make([]float32, m*n), make([]float32, m*n)
	for i := range got {
		want[i], got[i] = 1, 1
		if at(i/n, i%n) {
			got[i] = 2
		}
	}
	p, err := New(tensor([]int{m, n}, got...), tensor([]int{m, n}, want...))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestGroups(t *testing.T) {
	p := bad(t, 6, 40, func(m, n int) bool { return m == 4 || n == 17 && m < 3 })
	w, _ := p.Where(ctx, Query{Op: Greater})
	if g := w.Rows[0]; g != (Group{4, 5, 40, 40.0 / 43, true}) {
		t.Errorf("row %+v", g)
	}
	if g := w.Cols[0]; g != (Group{17, 18, 4, 4.0 / 43, false}) {
		t.Errorf("column %+v", g)
	}
	if g := w.Blocks[0]; g.Lo != 16 || g.Hi != 32 || g.Count != 19 {
		t.Errorf("block %+v", g)
	}
	if len(w.Rows) != 4 || len(w.Cols) != maxGroups || len(w.Blocks) != 3 || w.Blocks[2].Hi != 40 {
		t.Errorf("%d rows, %d columns, blocks %+v", len(w.Rows), len(w.Cols), w.Blocks)
	}
}

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		name string
		m, n int
		at   func(m, n int) bool
		want []string
	}{
		{"one column", 128, 64, func(_, n int) bool { return n == 7 }, []string{"all in 1 of 64 columns: n 7"}},
		{"one row", 64, 64, func(m, _ int) bool { return m == 7 }, []string{"all in 1 of 64 rows: m 7"}},
		{"tail of rows", 128, 64, func(m, _ int) bool { return m >= 96 }, []string{"all from m 96 on (32 of the last 32 rows), none before"}},
		{"short solid tail", 8, 64, func(m, _ int) bool { return m >= 4 }, []string{"all from m 4 on (4 of the last 4 rows), none before"}},
		{"nibble pairs", 16, 256, func(_, n int) bool { return n%2 == 1 }, []string{"all in columns with n mod 2 = 1"}},
		{"every 16th", 16, 256, func(_, n int) bool { return n%16 == 5 }, []string{"all in columns with n mod 16 = 5"}},
		{"quarters of 128", 16, 1024, func(_, n int) bool { return n%128 == 3 || n%128 == 70 }, []string{"all in columns with n mod 128 = 3, 70"}},
		{"everything", 32, 64, func(m, n int) bool { return true }, nil},
		{"nothing", 32, 64, func(m, n int) bool { return false }, nil},
		{"three in a row", 32, 64, func(m, n int) bool { return m == 3 && n < 3 }, nil},
		{"seven in a row", 32, 64, func(m, n int) bool { return m == 3 && n < 7 }, []string{"all in 1 of 32 rows: m 3"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, err := bad(t, c.m, c.n, c.at).Where(ctx, Query{Op: Greater})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range w.Patterns {
				got = append(got, p.Text)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q", got)
			}
		})
	}
}

// Scattered errors, thin or thick, and heavy columns as outlier channels make them, are no structure.
func TestPatternsSayNothingAboutNoise(t *testing.T) {
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 5))
		rate := math.Exp2(-float64(r.IntN(10)))
		weight := make([]float64, 96)
		for i := range weight {
			weight[i] = rate * math.Exp(r.NormFloat64()/2)
		}
		p := bad(t, 8+r.IntN(60), 96, func(_, n int) bool { return r.Float64() < weight[n] })
		w, err := p.Where(ctx, Query{Op: Greater})
		if err != nil {
			t.Fatal(err)
		}
		if len(w.Patterns) != 0 {
			t.Errorf("seed %d, rate %v: %+v", seed, rate, w.Patterns)
		}
	}
}

func TestWorstPattern(t *testing.T) {
	at := func(mn ...int) (out []Element) {
		for i := 0; i < len(mn); i += 2 {
			out = append(out, Element{M: mn[i], N: mn[i+1]})
		}
		return out
	}
	for _, c := range []struct {
		worst []Element
		want  string
	}{
		{at(48, 994, 72, 994, 114, 1006, 108, 994, 26, 994, 116, 1313), "4 of 6 share column n 994"},
		{at(3, 1, 3, 2, 3, 4, 9, 9), "3 of 4 share row m 3"},
		{at(3, 1, 3, 2, 9, 9), ""},
		{at(1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 9, 9, 10, 9), ""},
		{nil, ""},
	} {
		if got := WorstPattern(c.worst); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestPatternNumbers(t *testing.T) {
	w, _ := bad(t, 16, 256, func(_, n int) bool { return n%32 == 9 }).Where(ctx, Query{Op: Greater})
	p := w.Patterns[0]
	if p.Kind != Periodic || p.Axis != ColAxis || p.Period != 32 || !slices.Equal(p.Index, []int{9}) || p.Share != 1 {
		t.Errorf("%+v", p)
	}
	if !strings.HasPrefix(p.Text, "all in columns") {
		t.Errorf("text %q", p.Text)
	}
}
