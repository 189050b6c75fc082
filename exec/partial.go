package exec

import (
	"context"
	"sync"

	"fp4tui/exec/compare"
	"fp4tui/inspect/layer"
)

// partial is a product that is being computed: which of its outputs are final.
type partial struct {
	by string

	mu     sync.Mutex
	m, n   int
	step   int // every step-th row and column is looked at
	y      []float32
	done   [][]layer.Rect // finished rectangles by bands of partialBand rows
	filled int64
}

// partialBand is how many rows share a list of rectangles: the rows of a tile.
const partialBand = 128

// tell notes finished outputs.
func (p *partial) tell(r layer.Rect, y []float32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.y = y
	for b := r.M0 / partialBand; b*partialBand < r.M1; b++ {
		p.done[b] = append(p.done[b], r)
	}
	p.filled += int64(r.M1-r.M0) * int64(r.N1-r.N0)
}

// Size and Read make a partial product a compare.Matrix: what isn't final has no
// value. Of a large product only some rows and columns are looked at, so that a look
// takes no longer than that at a small one.
func (p *partial) Size() (rows, cols int) {
	return (p.m + p.step - 1) / p.step, (p.n + p.step - 1) / p.step
}

func (p *partial) Read(row, col int, values []float64, cells []compare.Cell) {
	for j := range cells {
		cells[j] = compare.NoCell
	}
	m := row * p.step
	for _, r := range p.done[m/partialBand] {
		if m < r.M0 || m >= r.M1 {
			continue
		}
		first := max(col, (r.N0+p.step-1)/p.step)
		for j := first; j < min(col+len(values), (r.N1+p.step-1)/p.step); j++ {
			v := float64(p.y[m*p.n+j*p.step])
			values[j-col], cells[j-col] = v, compare.Data
			if v != v {
				cells[j-col] = compare.NaNCell
			}
		}
	}
}

// partialLook bounds the outputs of one look.
const partialLook = 1 << 20

// Watcher is an engine whose products can be looked at while they are computed.
type Watcher interface {
	// Partial is a map of the outputs that are final, with at most width × height
	// pixels; false when no product is being computed.
	Partial(width, height int) (Heat, bool)
	// Look says which outputs are wanted first of the products to come: rows [m0,m1),
	// columns [n0,n1).
	Look(m0, m1, n0, n1 int)
}

// Partial is Watcher's.
func (s *Session) Partial(width, height int) (Heat, bool) {
	s.mu.RLock()
	p := s.partial
	s.mu.RUnlock()
	if p == nil || width < 1 || height < 1 {
		return Heat{}, false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.filled == 0 {
		return Heat{}, false
	}
	picture, err := compare.HeatOf(context.Background(), p, compare.MapOptions{Width: width, Height: height})
	if err != nil {
		return Heat{}, false
	}
	h := heat(Heat{Subject: "y", Metric: "value", Agg: compare.Max.String(), RowAxis: "m", ColAxis: "n", By: p.by}, picture)
	h.M, h.N, h.RowStep, h.ColStep = p.m, p.n, h.RowStep*p.step, h.ColStep*p.step
	return h, true
}

// Look is Watcher's.
func (s *Session) Look(m0, m1, n0, n1 int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.look = layer.Rect{M0: m0, M1: m1, N0: n0, N1: n1}
}

// watch lets front ends see a product grow; end takes it away again.
func (s *Session) watch(f *layer.Forward, by string) (end func()) {
	m, _ := f.X.Rows()
	n := 0
	switch {
	case f.Dense != nil && len(f.Dense.Shape) == 2:
		n = f.Dense.Shape[0]
	case f.Weights != nil && len(f.Weights.Blocks) > 0:
		n = f.Weights.Blocks[0].Rows
	}
	p := &partial{by: by, m: m, n: n, step: 1, done: make([][]layer.Rect, m/partialBand+1)}
	for (m/p.step)*(n/p.step) > partialLook {
		p.step *= 2
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.partial = p
	f.Watch = &layer.Watch{First: s.look, Done: p.tell}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.partial = nil
	}
}
