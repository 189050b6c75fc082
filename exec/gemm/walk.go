package gemm

import (
	"math"

	"fp4tui/inspect/layer"
)

// The K tile is what libraries deal out when they split K: 256 FP4 elements in
// CUTLASS's SM100 kernels, 64 bf16 elements in the usual bf16 ones. Stream-K also
// needs the size of an output tile.
const (
	kTileFP4, kTileBF16 = 256, 64
	outputTile          = 128
)

// span is a run of instructions [first,last) in ascending K.
type span struct{ first, last int }

// walk is an order, resolved for one product: which instructions each accumulator of
// an output takes. Accumulators meet by FP32 additions in the order of parts.
type walk struct {
	layer.Order
	steps, perTile int
	tilesK         int
	tilesM, tilesN int // output tiles, for stream-K
}

func newWalk(p *problem, c chain) walk {
	steps, perTile := c.shape()
	tiles := func(n, size int) int { return (n + size - 1) / size }
	return walk{Order: p.Order, steps: steps, perTile: perTile,
		tilesK: tiles(steps, perTile), tilesM: tiles(p.M, outputTile), tilesN: tiles(p.N, outputTile)}
}

// kTiles is the run of instructions in the K tiles [a,b).
func (w *walk) kTiles(a, b int) span {
	return span{min(a*w.perTile, w.steps), min(b*w.perTile, w.steps)}
}

// parts are the accumulators of the outputs of t, each with its runs in order. No
// part is empty, but that there is always one.
func (w *walk) parts(t tile) [][]span {
	switch w.Kind {
	case layer.OrderReverse:
		var down []span
		for s := w.steps; s > 0; s-- {
			down = append(down, span{s - 1, s})
		}
		return [][]span{down}
	case layer.OrderSplit:
		return w.cutAt(func(i int) int { return i * w.tilesK / w.Parts }, w.Parts)
	case layer.OrderSliced:
		parts := make([][]span, max(1, min(w.Parts, w.tilesK)))
		for k := range w.tilesK {
			p := k % len(parts)
			parts[p] = append(parts[p], w.kTiles(k, k+1))
		}
		return parts
	case layer.OrderStream:
		return w.stream(t)
	}
	return [][]span{{{0, w.steps}}}
}

// cutAt makes one part of each of count contiguous slices; slice i begins at K tile
// begin(i).
func (w *walk) cutAt(begin func(i int) int, count int) [][]span {
	var parts [][]span
	for i := range count {
		if s := w.kTiles(begin(i), begin(i+1)); s.first < s.last {
			parts = append(parts, []span{s})
		}
	}
	if parts == nil {
		return [][]span{nil}
	}
	return parts
}

// stream deals all pairs of output tile and K tile to the workers, evenly and in one
// line with output tiles along N first: worker i ends where i+1 parts of the line end.
// An output tile is cut where a worker ends inside it.
func (w *walk) stream(t tile) [][]span {
	line := int64(w.tilesM) * int64(w.tilesN) * int64(w.tilesK)
	first := int64(t.m0/outputTile*w.tilesN+t.n0/outputTile) * int64(w.tilesK)
	cuts := []int{0}
	for i := first * int64(w.Parts) / max(line, 1); i < int64(w.Parts); i++ {
		at := int((i+1)*line/int64(w.Parts) - first)
		if at >= w.tilesK {
			break
		}
		if at > cuts[len(cuts)-1] {
			cuts = append(cuts, at)
		}
	}
	cuts = append(cuts, w.tilesK)
	return w.cutAt(func(i int) int { return cuts[i] }, len(cuts)-1)
}

// accumulator32 accumulates the outputs of a tile in the order of its walk.
type accumulator32 struct {
	dots  dots
	walk  walk
	prove bool
	sum   []float32
	part  []float32
	abs   []float32
}

// accumulate returns the FP32 accumulators of t, row-major, and the magnitudes that
// went into them (zeros where the chain reports none, nil unless proving). The next
// call overwrites both.
func (a *accumulator32) accumulate(t tile) (acc, abs []float32) {
	n := (t.m1 - t.m0) * (t.n1 - t.n0)
	a.dots.load(t)
	a.sum = zeroed(a.sum, n)
	if a.prove {
		a.abs = zeroed(a.abs, n)
	}
	for i, runs := range a.walk.parts(t) {
		c := a.sum
		if i > 0 {
			a.part = zeroed(a.part, n)
			c = a.part
		}
		for _, s := range runs {
			a.dots.run(s.first, s.last, c, a.abs)
		}
		if i > 0 {
			addTo(a.sum, c)
		}
	}
	return a.sum, a.abs
}

// addTo adds FP32 numbers, rounded to nearest, with the hardware's one NaN.
func addTo(sum, c []float32) {
	for i, v := range c {
		s := float32(sum[i] + v)
		if s != s {
			s = math.Float32frombits(wordNaN)
		}
		sum[i] = s
	}
}

// zeroed is buf with n zeros, grown as needed.
func zeroed[T any](buf []T, n int) []T {
	if cap(buf) < n {
		return make([]T, n)
	}
	buf = buf[:n]
	clear(buf)
	return buf
}
