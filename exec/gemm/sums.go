package gemm

import "fp4tui/inspect"

// A panel is sumCols columns of y: their rows of w, K-major, so that one vector holds
// neighbouring columns. sumRows rows of x go through it at once.
const (
	sumRows = 4
	sumCols = 16
)

// sumKernel adds x·w in ascending k to a block of sumRows × sumCols sums, row-major:
// in float64 each product is rounded, then each sum, as float64(x*w) and + do. x has sumRows rows
// of k values, ld apart.
type sumKernel func(sums *[sumRows * sumCols]float64, x []float64, ld int, panel []float32, k int)

// sumPlain is the kernel of machines without vectors of float64, and what the others
// are held against. The conversion keeps a compiler from fusing multiply and add.
func sumPlain(sums *[sumRows * sumCols]float64, x []float64, ld int, panel []float32, k int) {
	for i := range k {
		w := (*[sumCols]float32)(panel[i*sumCols:])
		for r := range sumRows {
			v := x[r*ld+i]
			s := (*[sumCols]float64)(sums[r*sumCols:])
			for j := range sumCols {
				s[j] += float64(v * float64(w[j]))
			}
		}
	}
}

// kChunk is how much of a panel goes through all columns at once: it stays in the
// first cache.
const kChunk = 256

// summer computes the outputs of a tile as float64 sums in ascending k.
type summer struct {
	kernel sumKernel
	k      int
	xs     []float64 // rows of x, whole groups of sumRows
	ws     []float32 // panels
	rows   []float32
	sums   [][sumRows * sumCols]float64 // of one group of rows, by panel
	loaded tile
}

// load takes the operands of a tile. Rows and columns that fill up the last group and
// the last panel are zeros.
func (s *summer) load(x, w matrix, t tile) {
	if s.xs == nil || s.loaded.m0 != t.m0 || s.loaded.m1 != t.m1 {
		rows := (t.m1 - t.m0 + sumRows - 1) / sumRows * sumRows
		s.xs = zeroed(s.xs, rows*s.k)
		s.rows = zeroed(s.rows, (t.m1-t.m0)*s.k)
		x.read(t.m0, t.m1, s.rows)
		for i, v := range s.rows {
			s.xs[i] = float64(v)
		}
	}
	n := t.n1 - t.n0
	s.loaded, s.sums = t, zeroed(s.sums, (n+sumCols-1)/sumCols)
	s.ws = zeroed(s.ws, len(s.sums)*sumCols*s.k)
	s.rows = zeroed(s.rows, n*s.k)
	w.read(t.n0, t.n1, s.rows)
	for k0 := 0; k0 < s.k; k0 += kChunk {
		for j := range n {
			panel := s.ws[(j/sumCols*s.k+k0)*sumCols+j%sumCols:]
			for i, v := range s.rows[j*s.k+k0:][:min(kChunk, s.k-k0)] {
				panel[i*sumCols] = v
			}
		}
	}
}

// sum fills sums for the rows m to m+sumRows-1 of the tile.
func (s *summer) sum(m int) {
	clear(s.sums)
	for k := 0; k < s.k; k += kChunk {
		for p := range s.sums {
			s.kernel(&s.sums[p], s.xs[m*s.k+k:], s.k, s.ws[(p*s.k+k)*sumCols:], min(kChunk, s.k-k))
		}
	}
}

// round writes the outputs of row r of the group; the first is column n0.
func (s *summer) round(y []float32, r int, bias []float32, n0 int, out inspect.DType) {
	for j := range y {
		v := s.sums[j/sumCols][r*sumCols+j%sumCols]
		if bias != nil {
			v += float64(bias[n0+j])
		}
		y[j] = roundFloat64(v, out)
	}
}
