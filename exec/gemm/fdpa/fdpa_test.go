package fdpa

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"fp4tui/inspect/fp4"
)

// Hopper and Ampere.
var instructions = []Params{{L: 16, F: 25, EZero: -133}, {L: 8, F: 24, EZero: -132}}

// kinds of x; each meets other branches of the kernels.
var kinds = []struct {
	name string
	x    func(*rand.Rand) float64
}{
	{"gauss", (*rand.Rand).NormFloat64},
	{"laplace", func(r *rand.Rand) float64 { return r.ExpFloat64() * float64(1-2*r.IntN(2)) }},
	{"outliers", func(r *rand.Rand) float64 { return r.NormFloat64() * outlier(r, 20, 500) }},
	{"bits", func(r *rand.Rand) float64 { return float64(math.Float32frombits(r.Uint32())) }},
	{"wide", func(r *rand.Rand) float64 { return r.NormFloat64() * math.Ldexp(1, r.IntN(60)-30) }},
	{"tiny", func(r *rand.Rand) float64 { return r.NormFloat64() * math.Ldexp(1, -r.IntN(135)) }},
	{"huge", func(r *rand.Rand) float64 { return r.NormFloat64() * math.Ldexp(1, 40+r.IntN(86)) }},
	{"sparse", func(r *rand.Rand) float64 { return r.NormFloat64() * outlier(r, 30, 0) * float64(r.IntN(2)) }},
	{"near", func(r *rand.Rand) float64 {
		if r.IntN(20) == 0 {
			return math.Ldexp(float64(r.IntN(20)), -11)
		}
		return 255.0 / 8
	}},
	{"lonely", func(r *rand.Rand) float64 { return r.NormFloat64() * math.Ldexp(1, -r.IntN(2)*(100+r.IntN(25))) }},
	{"few bits", func(r *rand.Rand) float64 { return float64(r.IntN(9) - 4) }},
	{"special", func(r *rand.Rand) float64 {
		if r.IntN(200) > 0 {
			return r.NormFloat64()
		}
		return []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1)}[r.IntN(4)]
	}},
}

// outlier is factor once in n, else 1.
func outlier(r *rand.Rand, n int, factor float64) float64 {
	if r.IntN(n) == 0 {
		return factor
	}
	return 1
}

func bf16(v float64) uint16 {
	return uint16(math.Float32bits(fp4.RoundBF16(float32(v))) >> 16)
}

// scales are sets of scale bytes.
var scales = []struct {
	name string
	of   func(r *rand.Rand, t fp4.Format) uint8
}{
	{"alike", func(r *rand.Rand, t fp4.Format) uint8 {
		if t == fp4.E8M0 {
			return uint8(120 + r.IntN(4))
		}
		return uint8(0x68 + r.IntN(16))
	}},
	{"mixed", func(r *rand.Rand, t fp4.Format) uint8 {
		if t == fp4.E8M0 {
			return uint8(90 + r.IntN(80))
		}
		return uint8(r.IntN(0x7f))
	}},
	{"any", func(r *rand.Rand, _ fp4.Format) uint8 { return uint8(r.Uint32()) }},
}

func weight(r *rand.Rand, n, k, block int, t fp4.Format, order fp4.NibbleOrder, scale func(*rand.Rand, fp4.Format) uint8) *fp4.Blocks {
	w := &fp4.Blocks{Rows: n, Cols: k, Block: block, Order: order, ScaleType: t, Codes: make([]byte, n*k/2)}
	some := r.IntN(4) // random codes, all 6, or mostly zeros
	for i := range w.Codes {
		w.Codes[i] = uint8(r.Uint32())
		switch {
		case some == 2 && i%5 > 0:
			w.Codes[i] = 0
		case some == 3 && i%5 > 0:
			w.Codes[i] = 0x77
		}
	}
	w.Scales = make([]byte, n*w.ScaleCols())
	for i := range w.Scales {
		w.Scales[i] = scale(r, t)
	}
	return w
}

// start is an accumulator to continue from.
func start(r *rand.Rand) float32 {
	switch r.IntN(14) {
	case 0:
		return math.Float32frombits(r.Uint32())
	case 1:
		return float32(math.Inf(1 - 2*r.IntN(2)))
	case 2:
		return float32(math.NaN())
	case 3:
		return float32(math.Copysign(0, -1))
	case 4:
		return math.Float32frombits(r.Uint32() & 0x807fffff)
	case 5: // powers of two are where limits lie
		return float32(math.Ldexp(float64(1-2*r.IntN(2)), r.IntN(50)-20))
	case 6:
		return float32((r.NormFloat64() + 1) * math.Ldexp(1, r.IntN(250)-125))
	case 7, 8, 9:
		return float32(r.NormFloat64() * math.Ldexp(1, r.IntN(60)-30))
	}
	return 0
}

// TestPaths compares every path with the rule, one output at a time.
func TestPaths(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, in := range instructions {
		for _, kind := range kinds {
			for _, scale := range scales {
				for range 8 {
					format, block := fp4.E4M3, 16
					switch r.IntN(5) {
					case 0, 1:
						format, block = fp4.E8M0, 32
					case 2:
						block = 2 * (1 + r.IntN(20))
					}
					m, n, k := 1+r.IntN(9), 1+r.IntN(40), 2*(1+r.IntN(400))
					w := weight(r, n, k, block, format, fp4.NibbleOrder(r.IntN(2)), scale.of)
					name := fmt.Sprintf("L=%d %s %s %d×%d×%d block %d", in.L, kind.name, scale.name, m, n, k, block)
					comparePaths(t, r, name, NewProduct(in, m, k, w), kind.x, start)
				}
			}
		}
	}
}

// TestLimits begins single steps at and beside the limit of a column, the others at
// zero: they would hide its mistakes.
func TestLimits(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for i := range 8000 {
		in, kind := instructions[i%2], kinds[[]int{0, 8, 9, 10}[i/2%4]]
		w := weight(r, 16, in.L, 16, fp4.E4M3, fp4.LowFirst, scales[r.IntN(2)].of)
		p, n := NewProduct(in, 1, in.L, w), -1
		odd := r.IntN(16)
		beside := func(r *rand.Rand) float32 {
			if n++; n != odd {
				return 0
			}
			limit := max(0, p.lanes[w.Scales[n]].limit+p.rows[0].low) + int32(r.IntN(4))<<23
			return math.Float32frombits(uint32(limit+int32(r.IntN(3)*r.IntN(2))-1+int32(r.IntN(2))) | r.Uint32()&wordSign)
		}
		comparePaths(t, r, fmt.Sprintf("L=%d %s case %d", in.L, kind.name, i), p, kind.x, beside)
	}
}

// comparePaths sets random rows and continues random accumulators through two
// ranges of steps.
func comparePaths(t *testing.T, r *rand.Rand, name string, p *Product, value func(*rand.Rand) float64, start func(*rand.Rand) float32) {
	t.Helper()
	m, n := p.m, p.w.Rows
	for i := range m {
		row := make([]uint16, p.k)
		for j := range row {
			row[j] = bf16(value(r))
		}
		p.SetRow(i, row)
	}
	m0, n0 := 0, 0
	if p.steps > 1 {
		m0, n0 = r.IntN(m), r.IntN(n)
	}
	c := make([]float32, (m-m0)*(n-n0))
	if p.steps == 1 || r.IntN(2) == 0 {
		for i := range c {
			c[i] = start(r)
		}
	}
	mid := r.IntN(p.steps + 1)
	want, disputed := oracle(p, m0, n0, c)
	for _, path := range Paths() {
		w, got := p.NewWorkerOn(path), append([]float32(nil), c...)
		w.Run(m0, m, n0, n, 0, mid, got, nil)
		w.Run(m0, m, n0, n, mid, p.steps, got, nil)
		for i := range got {
			if g := math.Float32bits(got[i]); g != want[i] {
				t.Fatalf("%s, %s: y[%d,%d] from %08x is %08x, the rule gives %08x", path, name,
					m0+i/(n-n0), n0+i%(n-n0), math.Float32bits(c[i]), g, want[i])
			}
		}
		checkPeaks(t, p, w, m0, n0, c)
		if w.Disputed() != 2*disputed {
			t.Fatalf("%s, %s: %d disputed results of two runs, the rule gives %d of one", path, name, w.Disputed(), disputed)
		}
	}
}

// checkPeaks runs everything again with an eye on the largest accumulators, and holds
// them to those that shorter runs end with.
func checkPeaks(t *testing.T, p *Product, w *Worker, m0, n0 int, start []float32) {
	t.Helper()
	m, n := p.m, p.w.Rows
	c, peak := append([]float32(nil), start...), make([]float32, len(start))
	w.Run(m0, m, n0, n, 0, p.steps, c, peak)
	d, want := append([]float32(nil), start...), make([]float32, len(start))
	before := w.Disputed()
	maxAbsPlain(want, d)
	for s := range p.steps {
		w.Run(m0, m, n0, n, s, s+1, d, nil)
		maxAbsPlain(want, d)
	}
	w.underflow = before
	for i := range peak {
		if peak[i] != want[i] || math.Float32bits(c[i]) != math.Float32bits(d[i]) {
			t.Fatalf("peak of %08x is %v, shorter runs give %08x and %v", math.Float32bits(c[i]), peak[i], math.Float32bits(d[i]), want[i])
		}
	}
}

// oracle is the scalar rule alone; the tests of package gemm compare that with the
// instruction model.
func oracle(p *Product, m0, n0 int, c []float32) (words []uint32, disputed int) {
	cols := p.w.Rows - n0
	for i := range c {
		d := math.Float32bits(c[i])
		for s := range p.steps {
			w := p.column(n0+i%cols, s)
			var under bool
			if d, under = p.Step(&p.rows[s*p.m+m0+i/cols].x, &w, d); under {
				disputed++
			}
		}
		words = append(words, d)
	}
	return words, disputed
}
