package rz64

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"fp4tui/inspect/fp4"
)

// operand makes a random matrix. Scales are drawn by kind: "layer" as quantizers make
// them, "outlier" with a few large columns, "raw" any byte but NaN, "any" any byte,
// "tiny" and "huge" at the ends of the range, "edge" some of both, "zero" with zero scales and zero blocks.
func operand(r *rand.Rand, rows, cols, block int, e8m0 bool, kind string, order fp4.NibbleOrder) *fp4.Blocks {
	b := &fp4.Blocks{Rows: rows, Cols: cols, Block: block, Order: order, ScaleType: fp4.E4M3}
	b.Codes = make([]byte, rows*cols/2)
	for i := range b.Codes {
		b.Codes[i] = byte(r.Uint32())
	}
	b.Scales = make([]byte, rows*b.ScaleCols())
	if e8m0 {
		b.ScaleType = fp4.E8M0
	}
	for i := range b.Scales {
		b.Scales[i] = scaleByte(r, e8m0, kind, i%b.ScaleCols())
	}
	if kind == "zero" {
		for i := range b.Scales {
			row, col := i/b.ScaleCols(), i%b.ScaleCols()*block
			if r.IntN(3) == 0 {
				for k := col; k < min(col+block, cols); k += 2 {
					b.Codes[row*cols/2+k/2] &= 0x88
				}
			}
		}
	}
	return b
}

func scaleByte(r *rand.Rand, e8m0 bool, kind string, col int) byte {
	top := byte(0x7e)
	if e8m0 {
		top = 0xfe
	}
	switch kind {
	case "raw":
		return byte(r.UintN(uint(top) + 1))
	case "any":
		if r.IntN(40) == 0 {
			return 0xff
		}
		return byte(r.Uint32())
	case "edge": // sums leave the window of a few small scales
		lo, hi := byte(0x08), byte(0x70)
		if e8m0 {
			lo, hi = 114, 143
		}
		if r.IntN(30) == 0 {
			return lo
		}
		return hi
	case "tiny":
		return byte(r.UintN(12))
	case "huge":
		return top - byte(r.UintN(12))
	case "zero":
		if r.IntN(4) == 0 {
			return 0
		}
	case "outlier":
		if !e8m0 && col%37 == 5 {
			return 0x7e
		}
		if !e8m0 {
			return 0x30 + byte(r.UintN(10))
		}
		if col%37 == 5 {
			return 130
		}
		return 121 + byte(r.UintN(4))
	}
	if e8m0 {
		return 121 + byte(r.UintN(3))
	}
	return 0x60 + byte(r.UintN(24))
}

var kinds = []string{"layer", "outlier", "raw", "any", "tiny", "huge", "zero", "edge"}

// starts fills accumulators: zero, or words of any kind.
func starts(r *rand.Rand, kind int, n int) []float32 {
	c := make([]float32, n)
	special := []uint32{0x7f800000, 0xff800000, 0x7fc00000, 0x7f800001, 0xffffffff, 1, 0x80000000, 0x80000001, 0x7f7fffff, 0x00800000}
	for i := range c {
		switch kind {
		case 1:
			c[i] = float32(r.IntN(1<<20)-1<<19) / 16
		case 2:
			if r.IntN(50) == 0 {
				c[i] = math.Float32frombits(special[r.IntN(len(special))])
			}
		case 3:
			c[i] = math.Float32frombits(r.Uint32())
		}
	}
	return c
}

// run computes all of a product on one path with the given cuts.
func run(t testing.TB, path Path, x, w *fp4.Blocks, c0 []float32, ms, ns, steps []int) (c, abs []float32, disputed int) {
	t.Helper()
	p, err := NewOn(path, x, w)
	if err != nil {
		t.Fatal(err)
	}
	worker := p.NewWorker()
	c, abs = append([]float32(nil), c0...), make([]float32, len(c0))
	for i := 1; i < len(ms); i++ {
		for j := 1; j < len(ns); j++ {
			rows, cols := ms[i]-ms[i-1], ns[j]-ns[j-1]
			pc, pa := make([]float32, rows*cols), make([]float32, rows*cols)
			for r := range rows {
				copy(pc[r*cols:(r+1)*cols], c[(ms[i-1]+r)*w.Rows+ns[j-1]:])
			}
			for s := 1; s < len(steps); s++ {
				worker.Run(ms[i-1], ms[i], ns[j-1], ns[j], steps[s-1], steps[s], pc, pa)
			}
			for r := range rows {
				copy(c[(ms[i-1]+r)*w.Rows+ns[j-1]:], pc[r*cols:(r+1)*cols])
				copy(abs[(ms[i-1]+r)*w.Rows+ns[j-1]:], pa[r*cols:(r+1)*cols])
			}
		}
	}
	return c, abs, worker.Disputed()
}

func same(a, b []float32) int {
	for i := range a {
		if math.Float32bits(a[i]) != math.Float32bits(b[i]) {
			return i
		}
	}
	return -1
}

// cuts splits 0 … n at random places.
func cuts(r *rand.Rand, n, most int) []int {
	at := []int{0}
	for at[len(at)-1] < n {
		at = append(at, min(n, at[len(at)-1]+1+r.IntN(most)))
	}
	return at
}

// TestPaths compares every path with the portable one, over ragged shapes, all kinds
// of scales and starts, and other tiles.
func TestPaths(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	cases := 600
	if testing.Short() {
		cases = 120
	}
	for i := range cases {
		rows, cols, k := 1+r.IntN(20), 1+r.IntN(70), 2*(1+r.IntN(300))
		if i%3 == 0 {
			rows, cols, k = 8*(1+r.IntN(2)), 32*(1+r.IntN(2)), 256*(1+r.IntN(3))
		}
		e8m0 := r.IntN(2) == 0
		block := 16
		if r.IntN(4) != 0 == e8m0 {
			block = 32
		}
		kx, kw, kc := kinds[i%len(kinds)], kinds[i/len(kinds)%len(kinds)], r.IntN(4)
		if r.IntN(2) == 0 {
			kx = kw
		}
		x := operand(r, rows, k, block, e8m0, kx, fp4.NibbleOrder(r.IntN(2)))
		w := operand(r, cols, k, block, e8m0, kw, fp4.NibbleOrder(r.IntN(2)))
		c0 := starts(r, kc, rows*cols)
		steps := (k + StepLen - 1) / StepLen
		want, wantAbs, wantN := run(t, Portable, x, w, c0, []int{0, rows}, []int{0, cols}, []int{0, steps})
		name := fmt.Sprintf("case %d: %d×%d×%d block %d e8m0 %v x %s w %s start %d", i, rows, cols, k, block, e8m0, kx, kw, kc)
		for _, path := range Paths() {
			for _, whole := range []bool{true, false} {
				ms, ns, ss := []int{0, rows}, []int{0, cols}, []int{0, steps}
				if !whole {
					ms, ns, ss = cuts(r, rows, 11), cuts(r, cols, 40), cuts(r, steps, 5)
				}
				c, abs, n := run(t, path, x, w, c0, ms, ns, ss)
				if at := same(c, want); at >= 0 {
					t.Fatalf("%s: %s %v %v %v: c[%d] = %08x, portable %08x", name, path, ms, ns, ss, at, math.Float32bits(c[at]), math.Float32bits(want[at]))
				}
				if at := same(abs, wantAbs); at >= 0 {
					t.Fatalf("%s: %s %v %v %v: abs[%d] = %g, portable %g", name, path, ms, ns, ss, at, abs[at], wantAbs[at])
				}
				if n != wantN && whole {
					t.Fatalf("%s: %s: %d disputed, portable %d", name, path, n, wantN)
				}
			}
		}
	}
}

// TestUnit checks that every group sum is a multiple of the unit of its output, and
// that no group cuts it where it is said to hold.
func TestUnit(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	for i := range 400 {
		e8m0 := i%2 == 0
		x, w := operand(r, 3, 320, 16, e8m0, kinds[i%len(kinds)], fp4.LowFirst), operand(r, 3, 320, 16, e8m0, kinds[i/8%len(kinds)], fp4.LowFirst)
		p, err := NewOn(Portable, x, w)
		if err != nil {
			t.Fatal(err)
		}
		for row := range 3 {
			a := make([]group, 20)
			decodeGroups(a, x, p.format, row, 0)
			for col := range 3 {
				b := make([]group, 20)
				decodeGroups(b, w, p.format, col, 0)
				at, wt := p.rows.at(row), p.cols.at(col)
				exp := at.unit + wt.unit
				ok := exp >= minUnit && at.top+wt.top <= exp+windowBits
				if at.nan || wt.nan {
					continue
				}
				for g := range a {
					sum := math.Ldexp(float64(a[g].dot(&b[g]))*float64(a[g].sig)*float64(b[g].sig), int(a[g].exp)+int(b[g].exp)-2-2*p.format.man-exp)
					if sum != math.Trunc(sum) {
						t.Fatalf("case %d: group %d is %g units of 2^%d", i, g, sum, exp)
					}
					if top := int(a[g].exp) + int(b[g].exp); ok && a[g].nonzero&b[g].nonzero != 0 && a[g].sig*b[g].sig != 0 && top-windowBits > exp {
						t.Fatalf("case %d: group %d with exponent %d cuts units of 2^%d", i, g, top, exp)
					}
				}
			}
		}
	}
}
