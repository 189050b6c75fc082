package compare

import "math"

// stripCols is how many columns are folded together: a multiple of every pixel that is made from
// elements, and few enough for the first cache.
const stripCols = 512

// columns is what is known of the columns of a strip within one row of pixels. A pixel adds up its
// columns from the left, each of them from the top: neighbours never meet before, so
// that vectors of columns give the bits of a plain loop. Assembly knows the order of the fields.
type columns struct {
	sum   [stripCols]float64
	max   [stripCols]float32 // of greatest magnitude
	data  [stripCols]uint32
	above [stripCols]uint32
	nan   [stripCols]uint32
	pad   [stripCols]uint32

	values []float64 // room for what a matrix reads; made when needed
	cells  []Cell
}

// fold is what is known of rows of a strip of the surface.
func (c *columns) fold(way path, s *surface, rows, cols Range) {
	n := cols.Hi - cols.Lo
	clear(c.sum[:n])
	clear(c.max[:n])
	for _, count := range []*[stripCols]uint32{&c.data, &c.above, &c.nan, &c.pad} {
		clear(count[:n])
	}
	pair, ok := s.matrix.(pairMatrix)
	for row := rows.Lo; row < rows.Hi; row++ {
		done := 0
		if ok {
			done = pair.fold(way, c, row, cols, s.bound)
		}
		if done < n {
			c.read(s, row, cols, done)
		}
	}
}

// read takes one row in from the column done of the strip.
func (c *columns) read(s *surface, row int, cols Range, done int) {
	if c.values == nil {
		c.values, c.cells = make([]float64, stripCols), make([]Cell, stripCols)
	}
	n := cols.Hi - cols.Lo
	s.matrix.Read(row, cols.Lo+done, c.values[done:n], c.cells[done:n])
	for j := done; j < n; j++ {
		c.add(j, c.values[j], c.cells[j], s.bound)
	}
}

// add takes one element of column j in.
func (c *columns) add(j int, v float64, kind Cell, bound float64) {
	switch kind {
	case Data:
		if c.data[j] == 0 {
			c.max[j] = float32(v)
		} else {
			c.max[j] = greater(c.max[j], float32(v))
		}
		c.data[j]++
		c.sum[j] += v
		if math.Abs(v) > bound {
			c.above[j]++
		}
	case NaNCell:
		c.nan[j]++
	case PadCell:
		c.pad[j]++
	}
}

// pixel adds up columns lo to hi.
func (c *columns) pixel(lo, hi int) cell {
	sum := cell{c.sum[lo], c.max[lo], c.data[lo], c.nan[lo], c.pad[lo], c.above[lo]}
	for j := lo + 1; j < hi; j++ {
		switch {
		case c.data[j] == 0:
		case sum.data == 0:
			sum.max = c.max[j]
		default:
			sum.max = greater(sum.max, c.max[j])
		}
		sum.sum += c.sum[j]
		sum.data += c.data[j]
		sum.nan += c.nan[j]
		sum.pad += c.pad[j]
		sum.above += c.above[j]
	}
	return sum
}

// fold is what vectors can do of a row: errors without padding, whole groups of eight. It returns
// how many columns that is.
func (a pairMatrix) fold(way path, c *columns, row int, cols Range, bound float64) int {
	p := a.pair
	if a.by != Abs && a.by != Signed || p.padRow != nil || p.padCol != nil {
		return 0
	}
	at := row * p.N
	return way.fold(c, p.got[at+cols.Lo:at+cols.Hi], p.want[at+cols.Lo:at+cols.Hi], bound, a.by == Signed)
}
