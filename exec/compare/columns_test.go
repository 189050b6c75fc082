package compare

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"fp4tui/inspect"
)

// TestFoldPaths holds every path against the portable one: errors of all kinds, widths that
// are no multiple of eight, runs that begin anywhere.
func TestFoldPaths(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	const rows, cols = 5, 531
	for name, draw := range pools(r) {
		x, y := make([]float32, rows*cols), make([]float32, rows*cols)
		for i := range x {
			x[i], y[i] = draw(i), draw(i)
			if r.IntN(3) == 0 {
				x[i] = y[i]
			}
		}
		shape := []int{rows, cols}
		p, err := New(inspect.Tensor{DType: inspect.F32, Shape: shape, Data: x}, inspect.Tensor{DType: inspect.F32, Shape: shape, Data: y})
		if err != nil {
			t.Fatal(err)
		}
		for _, by := range []Measure{Abs, Signed} {
			for _, strip := range []Range{{0, 512}, {0, 1}, {3, 11}, {7, 8}, {19, 531}, {512, 531}} {
				s := surface{matrix: p.Matrix(by), bound: 0.75}
				var want columns
				want.fold(portable, &s, Range{0, rows}, strip)
				for _, way := range paths {
					var got columns
					got.max[0] = 5 // of a strip before
					got.fold(way, &s, Range{0, rows}, strip)
					for j := range strip.Hi - strip.Lo {
						a, b := got.pixel(j, j+1), want.pixel(j, j+1)
						if fmt.Sprint(a) != fmt.Sprint(b) || math.Float32bits(a.max) != math.Float32bits(b.max) {
							t.Fatalf("%s %v %v %v: column %d is %+v, want %+v", name, by, way, strip, j, a, b)
						}
					}
				}
			}
		}
	}
}

// TestPixelAddsColumns holds the order of a pixel's sum.
func TestPixelAddsColumns(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 5))
	at := make([]float64, 64)
	for i := range at {
		at[i] = r.NormFloat64() * math.Exp2(float64(r.IntN(30)))
	}
	s := surface{matrix: Values(8, 8, func(row, col int) float64 { return at[row*8+col] })}
	g, err := s.direct(ctx, zoom{3, 3}, s.whole(zoom{3, 3}))
	if err != nil {
		t.Fatal(err)
	}
	want := 0.0
	for col := range 8 {
		sum := 0.0
		for row := range 8 {
			sum += at[row*8+col]
		}
		want += sum
	}
	if got := g.at(0, 0).sum; got != want {
		t.Errorf("sum %v, want %v", got, want)
	}
}

// TestReadSaysWhatIsThere holds every measure's cells against measured.
func TestReadSaysWhatIsThere(t *testing.T) {
	p := noisy(t, 6, 50, 30)
	p.SetProof(func(i int) bool { return i%3 > 0 }, true)
	if err := p.SetPadding([]bool{5: true}, nil); err != nil {
		t.Fatal(err)
	}
	values, cells := make([]float64, p.N), make([]Cell, p.N)
	for _, by := range []Measure{Abs, Signed, Rel, ULP, Noise, Unproven, ProvenMismatch} {
		for m := range p.M {
			p.Matrix(by).Read(m, 0, values, cells)
			for n := range p.N {
				v, want := p.measured(by, m*p.N+n), Data
				switch {
				case m == 5:
					want = PadCell
				case v == v:
				case by < Unproven && math.IsNaN(p.signed(m*p.N+n)):
					want = NaNCell
				default:
					want = NoCell
				}
				if cells[n] != want || want == Data && values[n] != v {
					t.Fatalf("%v [%d,%d]: %v %v, want %v %v", by, m, n, cells[n], values[n], want, v)
				}
			}
		}
	}
}
