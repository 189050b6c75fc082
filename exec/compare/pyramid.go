package compare

import (
	"context"
	"math"
	"sync"
)

// baseShift is the zoom from which pixels are stored: below 2^8 elements a pixel, the
// elements behind a whole screen of pixels are read faster than a store is looked after.
const baseShift = 8

// atOnce is how many elements are taken in while the pyramid is locked: a few
// hundredths of a second.
const atOnce = 1 << 22

// Pyramid makes maps of one matrix and keeps what they had in common. A pixel of 256
// elements or more is made once, from the two halves of it at the zoom before; finer
// pixels are made of the elements of the window each time. Only rows of pixels that a
// window touches are made, so a map of a band costs the band, and moving and zooming costs
// what is visible, whatever the size of the matrix. All that is ever kept is about a
// sixteenth of a cell (32 bytes) an element, and a fourth of that for one ratio of
// zooms. Safe for concurrent use: a map that takes long lets others in between.
//
// A map has the same bits whether it comes from HeatOf or from a Pyramid that
// has made any others before.
type Pyramid struct {
	matrix Matrix

	counting sync.Mutex // held by maps of counts: two bounds would undo each other's work

	mu    sync.Mutex
	bound float64 // what the stored cells count against
	grids map[zoom]*store
}

// store is the pixels of a zoom with the rows of them that have been made.
type store struct {
	grid
	done []bool
}

// missing is the first run of rows in r that is not there yet, at most so long; it is
// empty at the end of r when there is none.
func (g *store) missing(r Range, most int) Range {
	lo := r.Lo
	for lo < r.Hi && g.done[lo] {
		lo++
	}
	hi := lo
	for hi < r.Hi && hi-lo < most && !g.done[hi] {
		hi++
	}
	return Range{lo, hi}
}

// NewPyramid reads nothing yet. The matrix must not change afterwards.
func NewPyramid(a Matrix) *Pyramid { return &Pyramid{matrix: a, grids: map[zoom]*store{}} }

// Map is HeatOf with memory. The error is that of ctx; what was finished before is kept.
func (p *Pyramid) Map(ctx context.Context, o MapOptions) (*Heat, error) {
	if o.Agg == Count {
		p.counting.Lock()
		defer p.counting.Unlock()
	}
	s := surface{matrix: p.matrix, bound: o.Bound}
	return s.heat(ctx, o, func(ctx context.Context, z zoom, r rect) (grid, error) {
		if z.row+z.col < baseShift {
			return s.build(ctx, z, r)
		}
		return p.window(ctx, &s, o.Agg == Count, z, r)
	})
}

// window copies pixels out of the store, after making what lacks a piece at a time.
func (p *Pyramid) window(ctx context.Context, s *surface, counts bool, z zoom, r rect) (grid, error) {
	m, n := p.matrix.Size()
	step := max(atOnce/max(n, 1)>>z.row, 1)
	for {
		if err := ctx.Err(); err != nil {
			return grid{}, err
		}
		p.mu.Lock()
		if counts && s.bound != p.bound {
			p.grids, p.bound = map[zoom]*store{}, s.bound
		}
		held := p.held(s, z)
		lack := held.missing(r.rows, step)
		var err error
		if lack.Hi > lack.Lo {
			here := surface{matrix: p.matrix, bound: p.bound}
			err = p.fill(ctx, &here, z, Range{lack.Lo << z.row, min(lack.Hi<<z.row, m)})
		} else {
			g := held.copy(r)
			p.mu.Unlock()
			return g, nil
		}
		p.mu.Unlock()
		if err != nil {
			return grid{}, err
		}
	}
}

func (p *Pyramid) held(s *surface, z zoom) *store {
	held := p.grids[z]
	if held == nil {
		whole := s.whole(z)
		held = &store{newGrid(whole), make([]bool, whole.rows.Hi)}
		p.grids[z] = held
	}
	return held
}

// fill makes the rows of pixels of a zoom that cover a run of the matrix's rows.
func (p *Pyramid) fill(ctx context.Context, s *surface, z zoom, elements Range) error {
	held := p.held(s, z)
	rows := pixels(elements, z.row)
	m, _ := p.matrix.Size()
	for {
		lack := held.missing(rows, rows.Hi-rows.Lo)
		if lack.Hi == lack.Lo {
			return nil
		}
		part := rect{lack, held.rect.cols}
		var g grid
		var err error
		if z.row+z.col == baseShift {
			g, err = s.direct(ctx, z, part)
		} else {
			from := z.finer()
			behind := Range{lack.Lo << z.row, min(lack.Hi<<z.row, m)}
			if err = p.fill(ctx, s, from, behind); err == nil {
				finer := p.grids[from]
				g = join(finer.copy(rect{pixels(behind, from.row), finer.rect.cols}), z, part)
			}
		}
		if err != nil {
			return err
		}
		for row := lack.Lo; row < lack.Hi; row++ {
			copy(held.row(row), g.row(row))
			held.done[row] = true
		}
	}
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

// row is the cells of one row of pixels, given by its place in the whole matrix.
func (g *grid) row(row int) []cell {
	w := g.rect.cols.Hi - g.rect.cols.Lo
	at := (row - g.rect.rows.Lo) * w
	return g.cells[at : at+w]
}

// copy takes a rectangle out, which shares nothing with g.
func (g *grid) copy(r rect) grid {
	out := newGrid(r)
	for row := r.rows.Lo; row < r.rows.Hi; row++ {
		from := g.row(row)
		copy(out.row(row), from[r.cols.Lo-g.rect.cols.Lo:r.cols.Hi-g.rect.cols.Lo])
	}
	return out
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
