package gemm

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"

	"fp4tui/inspect/layer"
)

// tile is a rectangle of outputs: rows [m0,m1) of x against rows [n0,n1) of w.
type tile struct{ m0, m1, n0, n1 int }

// The largest tile. A worker unpacks the operands of a tile once, so both sides
// are worth their unpacking; tileElements bounds that work, and with it the time
// to notice cancellation, for very long K.
const (
	tileRows, tileCols = 128, 32
	tileElements       = 1 << 22
	minTile            = 4

	sliceElements = 1 << 18 // of an operand that is worked on by rows
)

// tileSize shrinks a side of a tile for a long K. It is a power of two, so that no
// tile lies across the output tiles of stream-K.
func tileSize(most, k int) int {
	size := most
	for size > minTile && size*k > tileElements {
		size /= 2
	}
	return size
}

// tiler hands out the tiles of one problem and keeps count. Which worker computes a
// tile, and how many there are, changes nothing in any output.
type tiler struct {
	m, n, k    int
	rows, cols int     // of a full tile
	order      []int32 // of the tiles, where it is not their own
	done       func(t tile)
	next       atomic.Int64

	mu       sync.Mutex // progress is called from one goroutine at a time
	macs     int64
	progress layer.Progress
}

// worker computes tiles; it owns its buffers. After each row of a tile it calls
// tick with the multiply-adds of that row, and stops on its error.
type worker func(t tile, tick func(macs int64) error) error

// runTiles computes all tiles of y on GOMAXPROCS workers. It returns ctx.Err() when
// cancelled.
func runTiles(ctx context.Context, p *problem, y []float32, progress layer.Progress, newWorker func() worker) error {
	t := &tiler{m: p.M, n: p.N, k: p.K, rows: tileSize(tileRows, p.K), cols: tileSize(tileCols, p.K), progress: progress}
	t.watch(p.Watch, y)
	return t.run(ctx, newWorker)
}

// watch puts the tiles that somebody looks at before the others, and tells him of all.
func (t *tiler) watch(w *layer.Watch, y []float32) {
	if w == nil {
		return
	}
	rect := func(t tile) layer.Rect { return layer.Rect{M0: t.m0, M1: t.m1, N0: t.n0, N1: t.n1} }
	if w.Done != nil {
		t.done = func(t tile) { w.Done(rect(t), y) }
	}
	if w.First == (layer.Rect{}) {
		return
	}
	var others []int32
	for j := range t.count() {
		if w.First.Overlaps(rect(t.at(j))) {
			t.order = append(t.order, int32(j))
		} else {
			others = append(others, int32(j))
		}
	}
	t.order = append(t.order, others...)
}

// count is how many tiles there are.
func (t *tiler) count() int {
	return (t.m + t.rows - 1) / t.rows * ((t.n + t.cols - 1) / t.cols)
}

// eachRows calls work for slices of the rows of an m×k operand, in parallel.
func eachRows(ctx context.Context, m, k int, work func(r0, r1 int) error) error {
	t := &tiler{m: m, n: 1, k: k, rows: max(1, sliceElements/max(k, 1)), cols: 1}
	return t.run(ctx, func() worker {
		return func(t tile, _ func(int64) error) error { return work(t.m0, t.m1) }
	})
}

func (t *tiler) run(ctx context.Context, newWorker func() worker) error {
	count := int64(t.count())
	errs := make([]error, max(1, min(int64(runtime.GOMAXPROCS(0)), count)))
	tick := func(macs int64) error {
		t.add(macs)
		return ctx.Err()
	}
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			work := newWorker()
			for errs[i] == nil {
				j := t.next.Add(1) - 1
				if j >= count {
					return
				}
				if errs[i] = ctx.Err(); errs[i] == nil {
					errs[i] = t.compute(t.at(t.place(int(j))), work, tick)
				}
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// place is which tile comes j-th.
func (t *tiler) place(j int) int {
	if t.order != nil {
		return int(t.order[j])
	}
	return j
}

// compute does a tile and tells who watches.
func (t *tiler) compute(at tile, work worker, tick func(int64) error) error {
	err := work(at, tick)
	if err == nil && t.done != nil {
		t.done(at)
	}
	return err
}

// at is the j-th tile: rows of x vary fastest, so that w streams through once.
func (t *tiler) at(j int) tile {
	down := (t.m + t.rows - 1) / t.rows
	m0, n0 := j%down*t.rows, j/down*t.cols
	return tile{m0: m0, m1: min(m0+t.rows, t.m), n0: n0, n1: min(n0+t.cols, t.n)}
}

// add counts multiply-adds and reports them.
func (t *tiler) add(macs int64) {
	if t.progress == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.macs += macs
	t.progress(t.macs, int64(t.m)*int64(t.n)*int64(t.k))
}
