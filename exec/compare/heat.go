package compare

import (
	"context"
	"math"
)

// Agg says what a pixel shows of its elements.
type Agg uint8

// The aggregations.
const (
	Max   Agg = iota // the value of greatest magnitude, with its sign; of ±v (equal as float32) the positive
	Mean             // the mean value
	Count            // how many are above MapOptions.Bound in magnitude
)

var aggNames = [...]string{Max: "max", Mean: "mean", Count: "count"}

// String is the word of the command language: "max", "mean", "count".
func (a Agg) String() string { return aggNames[a] }

// ParseAgg returns the aggregation with this name.
func ParseAgg(name string) (Agg, bool) {
	for i, n := range aggNames {
		if n == name {
			return Agg(i), true
		}
	}
	return 0, false
}

// Range is a half-open run of rows or columns. The zero Range is all of them.
type Range struct{ Lo, Hi int }

func (r Range) in(n int) Range {
	if r == (Range{}) {
		return Range{0, n}
	}
	lo := min(max(r.Lo, 0), n)
	return Range{lo, min(max(r.Hi, lo), n)}
}

// MapOptions chooses the window and the zoom. A pixel is 2^RowShift × 2^ColShift
// elements on a fixed grid, so the window grows outward to whole pixels. With Height or
// Width above 0 that shift is chosen: the smallest with which the window
// has at most so many rows or columns of pixels.
type MapOptions struct {
	Rows, Cols         Range
	RowShift, ColShift int
	Height, Width      int
	Agg                Agg
	Bound              float64 // for Count
}

// Heat is a map of H × W pixels.
type Heat struct {
	M, N               int // size of the whole matrix
	Row0, Col0         int // element at the upper left corner
	RowShift, ColShift int
	H, W               int

	Values []float32 // H×W row-major; NaN where a pixel has no data. 0 is exactly 0
	NaNs   []int32   // NaN elements in each pixel, whatever its value
	Pads   []int32   // padding elements in each pixel
	Lo, Hi float32   // least and greatest magnitude of the pixels that are neither zero nor infinite; 0, 0 without

	RowMax, ColMax []float32 // greatest magnitude of each row and column of pixels; NaN without data
	NaN            int64     // NaN elements in the window
	Pad            int64     // padding elements in the window
}

// RowStep is how many rows a pixel covers.
func (h *Heat) RowStep() int { return 1 << h.RowShift }

// ColStep is how many columns a pixel covers.
func (h *Heat) ColStep() int { return 1 << h.ColShift }

// Element returns the first element of a pixel.
func (h *Heat) Element(row, col int) (m, n int) {
	return h.Row0 + row<<h.RowShift, h.Col0 + col<<h.ColShift
}

// Pixel returns the pixel that holds an element; ok is false outside the window.
func (h *Heat) Pixel(m, n int) (row, col int, ok bool) {
	row, col = (m-h.Row0)>>h.RowShift, (n-h.Col0)>>h.ColShift
	return row, col, m >= h.Row0 && n >= h.Col0 && row < h.H && col < h.W
}

// At is the value of a pixel.
func (h *Heat) At(row, col int) float32 { return h.Values[row*h.W+col] }

// Map makes one map of the pair. For many maps of the same pair use a Pyramid.
func (p *Pair) Map(ctx context.Context, by Measure, o MapOptions) (*Heat, error) {
	return HeatOf(ctx, p.Matrix(by), o)
}

// HeatOf makes one map of any matrix. The error is that of ctx.
func HeatOf(ctx context.Context, a Matrix, o MapOptions) (*Heat, error) {
	s := surface{matrix: a, bound: o.Bound}
	return s.heat(ctx, o, s.build)
}

// surface is a matrix with the bound that its cells count against.
type surface struct {
	matrix Matrix
	bound  float64
}

// builder returns the cells of one rectangle of pixels at one zoom.
type builder func(context.Context, zoom, rect) (grid, error)

func (s *surface) heat(ctx context.Context, o MapOptions, build builder) (*Heat, error) {
	m, n := s.matrix.Size()
	rows, cols := o.Rows.in(m), o.Cols.in(n)
	z := zoom{
		fit(rows, o.RowShift, o.Height),
		fit(cols, o.ColShift, o.Width),
	}
	r := rect{pixels(rows, z.row), pixels(cols, z.col)}
	g, err := build(ctx, z, r)
	if err != nil {
		return nil, err
	}
	h := &Heat{
		M: m, N: n, Row0: r.rows.Lo << z.row, Col0: r.cols.Lo << z.col,
		RowShift: z.row, ColShift: z.col,
		H: r.rows.Hi - r.rows.Lo, W: r.cols.Hi - r.cols.Lo,
	}
	h.fill(g, r, o.Agg)
	h.marginals()
	return h, nil
}

// fit is the wanted shift, or the smallest that brings the range to size pixels.
func fit(r Range, shift, size int) int {
	const most = 30
	shift = min(max(shift, 0), most)
	if size <= 0 {
		return shift
	}
	for shift = 0; shift < most; shift++ {
		if p := pixels(r, shift); p.Hi-p.Lo <= size {
			break
		}
	}
	return shift
}

// pixels is the run of pixels that covers a run of elements.
func pixels(r Range, shift int) Range {
	if r.Hi <= r.Lo {
		return Range{r.Lo >> shift, r.Lo >> shift}
	}
	return Range{r.Lo >> shift, (r.Hi-1)>>shift + 1}
}

func (h *Heat) fill(g grid, r rect, agg Agg) {
	h.Values = make([]float32, h.H*h.W)
	h.NaNs, h.Pads = make([]int32, h.H*h.W), make([]int32, h.H*h.W)
	for i := range h.Values {
		c := g.at(r.rows.Lo+i/h.W, r.cols.Lo+i%h.W)
		h.Values[i] = c.value(agg)
		h.NaNs[i], h.Pads[i] = clamp(c.nan), clamp(c.pad)
		h.NaN += int64(c.nan)
		h.Pad += int64(c.pad)
	}
}

func clamp(n uint32) int32 { return int32(min(n, math.MaxInt32)) }

func (h *Heat) marginals() {
	nan := float32(math.NaN())
	h.RowMax, h.ColMax = make([]float32, h.H), make([]float32, h.W)
	for i := range h.RowMax {
		h.RowMax[i] = nan
	}
	for j := range h.ColMax {
		h.ColMax[j] = nan
	}
	for i, v := range h.Values {
		if v != v {
			continue
		}
		a := float32(math.Abs(float64(v)))
		if row := &h.RowMax[i/h.W]; !(*row >= a) {
			*row = a
		}
		if col := &h.ColMax[i%h.W]; !(*col >= a) {
			*col = a
		}
		if a > 0 && a <= math.MaxFloat32 {
			if h.Hi == 0 || a < h.Lo {
				h.Lo = a
			}
			h.Hi = max(h.Hi, a)
		}
	}
}
