package compare

import (
	"math"
	"math/rand/v2"
	"testing"

	"fp4tui/inspect"
)

// faulty is what a healthy layer makes of m × n elements, rows and columns of very different size
// among them, with a relative error of noise, and then a fault.
func faulty(t *testing.T, m, n int, seed uint64, noise float64, fault func(m, n int, got, want float32) float32) *Pair {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 9))
	rows, cols := make([]float64, m), make([]float64, n)
	for i := range rows {
		rows[i] = math.Exp(r.NormFloat64())
	}
	for i := range cols {
		cols[i] = math.Exp(r.NormFloat64() / 2)
	}
	rows[m/2], cols[n/2] = 20, 12 // an outlier token and an outlier channel
	got := inspect.Tensor{DType: inspect.F32, Shape: []int{m, n}, Data: make([]float32, m*n)}
	want := got
	want.Data = make([]float32, m*n)
	for i := range want.Data {
		size := rows[i/n] * cols[i%n]
		want.Data[i] = float32(size * r.NormFloat64())
		got.Data[i] = fault(i/n, i%n, want.Data[i]+float32(noise*size*r.NormFloat64()), want.Data[i])
	}
	p, err := New(got, want)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func structureOf(t *testing.T, p *Pair) string {
	t.Helper()
	m, err := p.Metrics(ctx)
	if err != nil {
		t.Fatal(err)
	}
	s, err := p.Structure(ctx, &m)
	if err != nil {
		t.Fatal(err)
	}
	return s.String()
}

func TestStructureIsSilentAboutHealthyNoise(t *testing.T) {
	healthy := func(_, _ int, got, _ float32) float32 { return got }
	for seed := range uint64(150) {
		for _, size := range [][2]int{{1, 384}, {2, 256}, {16, 384}, {128, 96}} {
			if got := structureOf(t, faulty(t, size[0], size[1], seed, 0.1, healthy)); got != "" {
				t.Errorf("%v, seed %d: %s", size, seed, got)
			}
		}
	}
}

func TestStructure(t *testing.T) {
	for _, c := range []struct {
		name  string
		noise float64
		fault func(m, n int, got, want float32) float32
		want  string
	}{
		{"NaN column", 0.1, func(_, n int, got, _ float32) float32 {
			if n == 5 {
				return nan
			}
			return got
		}, "of the 32 elements that are NaN: all in 1 of 96 columns: n 5"},
		{"column of zeros against an exact rest", 0, func(_, n int, got, _ float32) float32 {
			if n == 5 {
				return 0
			}
			return got
		}, "of the 32 elements that differ: all in 1 of 96 columns: n 5"},
		{"tail of rows", 0, func(m, _ int, got, _ float32) float32 {
			if m >= 20 {
				return -got
			}
			return got
		}, "of the 1152 elements that differ: all from m 20 on (12 of the last 12 rows), none before"},
		{"column with a false bias, in noise", 0.1, func(_, n int, got, _ float32) float32 {
			if n == 5 {
				return got + 4000
			}
			return got
		}, "of the 32 elements with |err| >= 2000: all in 1 of 96 columns: n 5"},
		{"sound", 0, func(_, _ int, got, _ float32) float32 { return got }, ""},
		{"all wrong", 0, func(_, _ int, got, _ float32) float32 { return got * 2 }, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := structureOf(t, faulty(t, 32, 96, 1, c.noise, c.fault)); got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}
