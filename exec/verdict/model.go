package verdict

import (
	"math"

	"fp4tui/inspect/fp4"
)

// cells are the magnitudes of E2M1 with the numbers that round to them, in units of the
// block scale. The last cell has no end of its own: it ends where the block does.
var cells = [8]struct{ value, lo, hi float64 }{
	{0, 0, 0.25}, {0.5, 0.25, 0.75}, {1, 0.75, 1.25}, {1.5, 1.25, 1.75},
	{2, 1.75, 2.5}, {3, 2.5, 3.5}, {4, 3.5, 5}, {6, 5, 6},
}

// top is the code that clips.
const top = 7

// Model is the expected squared error of the elements of one quantized matrix, from its
// own codes and scales. Inside the cell of a code numbers are taken to be spread
// as the counts of the codes beside it say; the largest number of a block is off by the
// rounding of the block's scale alone.
type Model struct {
	square [8]float64   // of a code, in units of the squared scale; square[top] is that of a code that is not the block's largest
	peak   [256]float64 // of the largest number of a block, by scale byte
	reach  [256]float64 // how far above 6 scales it can lie
	short  [256]float64 // and how far below
	rule   string
}

// unit is what moments are rounded to: logarithms of different processors differ in
// their last bits, and a result may not.
const unit = 1 << 20

func rounded(v float64) float64 { return math.Round(v*unit) / unit }

// NewModel counts the codes of b and makes its model.
func NewModel(b *fp4.Blocks) *Model {
	count, largest := census(b)
	m := &Model{}
	var density [8]float64
	for c := range density {
		n := float64(count[c])
		if c == top {
			n -= float64(largest[top])
		}
		density[c] = max(n, 0.5) / (cells[c].hi - cells[c].lo)
	}
	for c, cell := range cells {
		m.square[c] = rounded(meanSquare(cell.lo, cell.hi, cell.value, slope(density, c)))
	}
	if b.ScaleType == fp4.E8M0 {
		m.powers(count, largest, density)
		return m
	}
	m.rule = "E4M3 scale of amax/6"
	for s := range m.peak {
		m.peak[s], m.reach[s], m.short[s] = e4m3Peak(uint8(s))
	}
	return m
}

// census counts the magnitudes of all codes and of the largest code of each block.
func census(b *fp4.Blocks) (count, largest [8]int64) {
	for r := range b.Rows {
		for k := 0; k < b.Cols; k += b.Block {
			most := uint8(0)
			for j := k; j < min(k+b.Block, b.Cols); j++ {
				c := b.Code(r, j) & 7
				count[c]++
				most = max(most, c)
			}
			largest[most]++
		}
	}
	return count, largest
}

// slope is the logarithmic slope of the density in a cell, from the cells beside it.
func slope(density [8]float64, c int) float64 {
	if c == 0 {
		return 0
	}
	lo, hi := c-1, min(c+1, top)
	mid := func(c int) float64 { return (cells[c].lo + cells[c].hi) / 2 }
	s := (math.Log(density[hi]) - math.Log(density[lo])) / (mid(hi) - mid(lo))
	return min(max(s, -4), 4)
}

// meanSquare is the mean of (x-v)² over [lo,hi] where the density of x is exp(s·x).
func meanSquare(lo, hi, v, s float64) float64 {
	const steps = 64
	var sum, norm float64
	for i := range steps {
		x := lo + (hi-lo)*(float64(i)+0.5)/steps
		w := math.Exp(s * (x - lo))
		sum += w * (x - v) * (x - v)
		norm += w
	}
	return sum / norm
}

// e4m3Peak is the mean squared error of a block's largest number where the scale is
// amax/6 rounded to nearest E4M3, and how far beyond and short of 6 scales that number may be. The
// scale has the significand f; amax/6 is up to half a step away.
func e4m3Peak(s uint8) (square, reach, short float64) {
	field, f := s>>3&15, float64(s&7)
	below, above := 0.5, 0.5
	if field > 0 {
		if f == 0 && field > 1 {
			below = 0.25 // the steps below a power of two are half as long
		}
		f += 8
	}
	if f == 0 {
		return 0, 0, 1
	}
	if s&0x7f == 0x7e {
		above = 0 // 448 is the scale that the tensor's own amax has
	}
	mean := (above*above*above + below*below*below) / 3 / (above + below)
	return rounded(36 * mean / (f * f)), 6 * above / f, 6 * below / f
}

// clip is the largest magnitude, in scales, that a power-of-two scale leaves: OCP's floor
// takes amax/scale up to 8.
const clip = 8

// powers is the top code of power-of-two scales. Numbers up to 8 scales are clipped to
// it, how many and how far depends on the rule and on where amax lies between powers of
// two. The count of the top code tells: beyond 5 the density goes on from the cell below, and
// falls off so that it holds as many numbers as there are.
func (m *Model) powers(count, largest [8]int64, density [8]float64) {
	total := 0.0
	for _, n := range largest[1:] {
		total += float64(n)
	}
	switch {
	case float64(largest[5]) > 0.08*total:
		m.rule = "power of two, amax/scale in 3 to 6 (ceil)"
	case float64(largest[top]) > 0.585*total:
		m.rule = "power of two, amax/scale in 4 to 8 (floor)"
	default:
		m.rule = "power of two, amax/scale in 3.5 to 7 (even)"
	}
	edge := density[6] * math.Exp(slope(density, 5)*(cells[top].lo-4.25))
	mass := float64(count[top]) / edge
	lo, hi := -4.0, 40.0 // of the rate of decay
	for range 50 {
		if rate := (lo + hi) / 2; weight(rate) > mass {
			lo = rate
		} else {
			hi = rate
		}
	}
	m.square[top] = rounded(meanSquare(cells[top].lo, clip, cells[top].value, -lo))
	for s := range m.peak {
		m.peak[s], m.reach[s], m.short[s] = m.square[top], clip-cells[top].value, 1
	}
}

// weight is the integral of exp(-rate·u) over the clipped range.
func weight(rate float64) float64 {
	const width = clip - 5
	if math.Abs(rate) < 1e-9 {
		return width
	}
	return (1 - math.Exp(-rate*width)) / rate
}

// Rule says how the block scales were chosen, as far as the codes tell.
func (m *Model) Rule() string { return m.rule }

// Block writes the expected squared error of one block to dst, in units of the squared
// effective scale. Of the codes with the largest magnitude one is the block's peak;
// which of them nothing tells, so they share.
func (m *Model) Block(codes []uint8, scale uint8, dst []float64) {
	tops := 0
	for i, c := range codes {
		dst[i] = m.square[c&7]
		if c&7 == top {
			tops++
		}
	}
	if tops == 0 {
		return
	}
	each := (m.peak[scale] + float64(float64(tops-1)*m.square[top])) / float64(tops)
	for i, c := range codes {
		if c&7 == top {
			dst[i] = each
		}
	}
}

// Bound is the largest error that rounding to the nearest code leaves, in units of the
// effective scale: half the gap to the next code, and above the last one the reach of
// the scale's own rounding.
func (m *Model) Bound(code, scale uint8) (towards, beyond float64) {
	c := cells[code&7]
	if code&7 == top {
		return c.value - c.lo, m.reach[scale]
	}
	return c.value - c.lo, c.hi - c.value
}

// Variance writes the expected squared error of every element of row r of b, in units
// of the weights squared. A block whose scale is zero or not finite has 0.
func (m *Model) Variance(b *fp4.Blocks, r int, dst []float64) {
	var codes [64]uint8
	for k := 0; k < b.Cols; k += b.Block {
		n := min(b.Block, b.Cols-k)
		for j := range n {
			codes[j] = b.Code(r, k+j)
		}
		scale := b.Scale(r, k)
		m.Block(codes[:n], scale, dst[k:k+n])
		s := float64(b.Effective(scale))
		if s-s != 0 {
			s = 0
		}
		for j := range n {
			dst[k+j] *= float64(s * s)
		}
	}
}
