package compare

import (
	"context"
	"math"
	"sync"
)

// baseShift is the zoom from which pixels are stored: below 2^6 elements a pixel, the
// elements behind a whole screen of pixels are read faster than a store is looked after.
const baseShift = 6

// Pyramid makes maps of one matrix and keeps what they had in common. A pixel of 64
// elements or more is made once for the whole matrix, from the two halves of it at
// the zoom before; finer pixels are made of the elements of the window each time.
// So moving and zooming costs what is visible, whatever the size of the matrix. All that
// is ever kept is about a quarter of a cell (32 bytes) an element, and about a
// thirtieth for one ratio of zooms. Safe for concurrent use.
//
// A map has the same bits whether it comes from HeatOf or from a Pyramid that
// has made any others before.
type Pyramid struct {
	matrix Matrix

	mu    sync.Mutex
	bound float64 // what the stored cells count against
	grids map[zoom]grid
}

// NewPyramid reads nothing yet. The matrix must not change afterwards.
func NewPyramid(a Matrix) *Pyramid { return &Pyramid{matrix: a, grids: map[zoom]grid{}} }

// Map is HeatOf with memory. The error is that of ctx; what was finished before is kept.
func (p *Pyramid) Map(ctx context.Context, o MapOptions) (*Heat, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if o.Agg == Count && o.Bound != p.bound {
		p.grids, p.bound = map[zoom]grid{}, o.Bound
	}
	s := surface{matrix: p.matrix, bound: p.bound}
	return s.heat(ctx, o, func(ctx context.Context, z zoom, r rect) (grid, error) {
		return p.stored(ctx, &s, z, r)
	})
}

func (p *Pyramid) stored(ctx context.Context, s *surface, z zoom, r rect) (grid, error) {
	if z.row+z.col < baseShift {
		return s.build(ctx, z, r)
	}
	if g, ok := p.grids[z]; ok {
		return g, nil
	}
	whole := s.whole(z)
	var g grid
	var err error
	if z.row+z.col == baseShift {
		g, err = s.direct(ctx, z, whole)
	} else {
		from := z.finer()
		if g, err = p.stored(ctx, s, from, s.whole(from)); err == nil {
			g = join(g, z, whole)
		}
	}
	if err == nil {
		p.grids[z] = g
	}
	return g, err
}

// zoom is a pixel of 2^row × 2^col elements.
type zoom struct{ row, col int }

// finer is the zoom that a stored pixel is made of: the longer side halved. This one path
// to every zoom is what makes sums the same bits each time.
func (z zoom) finer() zoom {
	if z.row >= z.col {
		return zoom{z.row - 1, z.col}
	}
	return zoom{z.row, z.col - 1}
}

// rect is a rectangle of pixels.
type rect struct{ rows, cols Range }

// cell is what is known of the elements of a pixel.
type cell struct {
	sum   float64
	max   float32 // of greatest magnitude
	data  uint32
	nan   uint32
	pad   uint32
	above uint32 // magnitude above the bound
}

// value is what a pixel shows; NaN without data.
func (c *cell) value(agg Agg) float32 {
	if c.data == 0 {
		return float32(math.NaN())
	}
	switch agg {
	case Mean:
		if c.sum != c.sum { // infinities of both signs
			return float32(math.Inf(1))
		}
		return float32(c.sum / float64(c.data))
	case Count:
		return float32(c.above)
	}
	return c.max
}

func (c *cell) merge(d *cell) {
	switch {
	case d.data == 0:
	case c.data == 0:
		c.max = d.max
	default:
		c.max = greater(c.max, d.max)
	}
	c.sum += d.sum
	c.data, c.nan, c.pad, c.above = c.data+d.data, c.nan+d.nan, c.pad+d.pad, c.above+d.above
}

// greater is the value of greater magnitude; of v and -v the positive one, so that order
// doesn't matter.
func greater(a, b float32) float32 {
	x, y := math.Float32bits(a)&^(1<<31), math.Float32bits(b)&^(1<<31)
	if y > x || x == y && a < b {
		return b
	}
	return a
}

// grid is the cells of a rectangle of pixels, row-major.
type grid struct {
	rect  rect
	cells []cell
}

func newGrid(r rect) grid {
	return grid{r, make([]cell, (r.rows.Hi-r.rows.Lo)*(r.cols.Hi-r.cols.Lo))}
}

// at returns the cell of a pixel given by its place in the whole matrix.
func (g *grid) at(row, col int) *cell {
	return &g.cells[(row-g.rect.rows.Lo)*(g.rect.cols.Hi-g.rect.cols.Lo)+col-g.rect.cols.Lo]
}

func (s *surface) whole(z zoom) rect {
	m, n := s.matrix.Size()
	return rect{pixels(Range{0, m}, z.row), pixels(Range{0, n}, z.col)}
}

// build makes a rectangle of pixels from the elements behind it, by the same path as a
// Pyramid but without keeping anything.
func (s *surface) build(ctx context.Context, z zoom, r rect) (grid, error) {
	if z.row+z.col <= baseShift {
		return s.direct(ctx, z, r)
	}
	from := z.finer()
	all := s.whole(from)
	finer := rect{
		double(r.rows, z.row-from.row, all.rows.Hi),
		double(r.cols, z.col-from.col, all.cols.Hi),
	}
	g, err := s.build(ctx, from, finer)
	if err != nil {
		return grid{}, err
	}
	return join(g, z, r), nil
}

// double is the same run in pixels half as long when by is 1.
func double(r Range, by, end int) Range { return Range{r.Lo << by, min(r.Hi<<by, end)} }

// join makes the pixels r of zoom z from the grid one step finer.
func join(from grid, z zoom, r rect) grid {
	f := z.finer()
	byRow, byCol := z.row-f.row, z.col-f.col
	g := newGrid(r)
	for row := from.rect.rows.Lo; row < from.rect.rows.Hi; row++ {
		for col := from.rect.cols.Lo; col < from.rect.cols.Hi; col++ {
			g.at(row>>byRow, col>>byCol).merge(from.at(row, col))
		}
	}
	return g
}

// direct reads the elements, a row of pixels a task.
func (s *surface) direct(ctx context.Context, z zoom, r rect) (grid, error) {
	m, n := s.matrix.Size()
	g := newGrid(r)
	first, end := r.cols.Lo<<z.col, min(r.cols.Hi<<z.col, n)
	err := parallel(ctx, r.rows.Hi-r.rows.Lo, func(i int) {
		pixel := r.rows.Lo + i
		rows := Range{pixel << z.row, min((pixel+1)<<z.row, m)}
		var c columns
		for col := first; col < end; col += stripCols {
			c.fold(fastest, s, rows, Range{col, min(col+stripCols, end)})
			width := min(stripCols, end-col)
			for j := 0; j < width; j += 1 << z.col {
				*g.at(pixel, (col+j)>>z.col) = c.pixel(j, min(j+1<<z.col, width))
			}
		}
	})
	return g, err
}
