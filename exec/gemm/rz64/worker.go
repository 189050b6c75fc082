package rz64

import (
	"math"
	"math/bits"
	"unsafe"

	"fp4tui/inspect/fp4"
)

// Worker computes parts of a product; it owns buffers and belongs to one goroutine.
type Worker struct {
	p        *Product
	fraction int // fraction bits of a group sum
	disputed int

	plan    plan
	panel   []byte // unpacked w: a block of the plan's columns
	block   int    // its number along K; -1 for none
	stage   []byte // raw bytes of w where a block is not whole
	scratch []byte // of the assembly
	call    tileCall
	edge    edge
	xs, ws  [][blockGroups]group // decoded rows, for step
	decoded int                  // the block of ws; -1 for none
}

// plan is what stays the same while the accumulators of a panel are continued: its
// tiles, and what bounds their sums.
type plan struct {
	m0, m1, n, cols int
	bound           line // of the columns
	tiles           []piece
}

// piece is a tile of a panel: rows of x that lie in one packed tile.
type piece struct {
	row   int // first row of x
	r     int // its place in the tile
	rows  int
	bound line    // of the rows
	data  []byte  // packed x; nil when step has to do
	limit float32 // |c| may not reach it
}

// edge is the buffer of outputs that do not fill a panel.
type edge struct{ c, abs []float32 }

// outputs is the part of c and abs under a panel: row-major with stride.
type outputs struct {
	c, abs []float32 // abs may be nil
	stride int
	cols   int // columns that count; the vector code writes 32
}

// NewWorker makes the buffers of one goroutine, about 30 KB.
func (p *Product) NewWorker() *Worker {
	w := &Worker{p: p, fraction: 2 + 2*p.format.man, block: -1, decoded: -1}
	w.xs, w.ws = make([][blockGroups]group, tileRows), make([][blockGroups]group, panelCols)
	if p.path.tile != nil {
		w.panel, w.stage = aligned(panelBytes), make([]byte, stagedLen)
		w.scratch = aligned(scratchLen)
	}
	return w
}

// aligned allocates whole cache lines: half of the loads of a vector that straddle
// two of them would cost double.
func aligned(n int) []byte {
	const line = 64
	b := make([]byte, n+line-1)
	skip := -uintptr(unsafe.Pointer(unsafe.SliceData(b))) % line
	return b[skip : int(skip)+n]
}

// Disputed counts the results, since the worker was made, that are +0 here after a
// negative sum: published models disagree about their sign.
func (w *Worker) Disputed() int { return w.disputed }

// Run continues the accumulators c of rows [m0,m1) of x and rows [n0,n1) of w through
// the instructions [step0,step1) in ascending K. c is row-major, (m1-m0)·(n1-n0) long,
// and may start at any words: NaN and a NaN scale within the instructions give 0x7fffffff,
// an infinity stays. Where abs is not nil it has the same shape, and |s| of each
// instruction is added to it, rounded up, s being the exact sum of its four groups; it
// becomes NaN with c.
func (w *Worker) Run(m0, m1, n0, n1, step0, step1 int, c, abs []float32) {
	if m0 >= m1 || n0 >= n1 || step0 >= step1 {
		return
	}
	stride := n1 - n0
	for n := n0; n < n1; n += panelCols {
		o := outputs{c: c[n-n0:], stride: stride, cols: min(panelCols, n1-n)}
		if abs != nil {
			o.abs = abs[n-n0:]
		}
		if o.cols < panelCols {
			w.runEdge(m0, m1, n, step0, step1, o)
		} else {
			w.runPanel(m0, m1, n, step0, step1, o)
		}
	}
}

// runEdge is runPanel for fewer than 32 columns, by way of a buffer of 32.
func (w *Worker) runEdge(m0, m1, n, step0, step1 int, o outputs) {
	rows := m1 - m0
	narrow := o
	if len(w.edge.c) < rows*panelCols {
		w.edge = edge{c: make([]float32, rows*panelCols), abs: make([]float32, rows*panelCols)}
	}
	clear(w.edge.c)
	o.c, o.stride = w.edge.c[:rows*panelCols], panelCols
	if o.abs != nil {
		clear(w.edge.abs)
		o.abs = w.edge.abs[:rows*panelCols]
	}
	for r := range rows {
		copy(o.c[r*panelCols:], narrow.c[r*narrow.stride:][:o.cols])
		if o.abs != nil {
			copy(o.abs[r*panelCols:], narrow.abs[r*narrow.stride:][:o.cols])
		}
	}
	w.runPanel(m0, m1, n, step0, step1, o)
	for r := range rows {
		copy(narrow.c[r*narrow.stride:][:o.cols], o.c[r*panelCols:])
		if o.abs != nil {
			copy(narrow.abs[r*narrow.stride:][:o.cols], o.abs[r*panelCols:])
		}
	}
}

// runPanel computes up to 32 columns from n on. o has stride ≥ 32 where the path has
// vector code.
func (w *Worker) runPanel(m0, m1, n, step0, step1 int, o outputs) {
	w.setPlan(m0, m1, n, o.cols)
	nan := w.bind(o)
	for step := step0; step < step1; {
		first := step / blockSteps
		end := min(step1, (first+1)*blockSteps)
		for i := range w.plan.tiles {
			t := &w.plan.tiles[i]
			part := o.from((t.row - m0) * o.stride)
			if t.data == nil || !w.vector(t, step, end, part) {
				w.byStep(t, step, end, part)
			}
		}
		step = end
	}
	if nan {
		w.spreadNaN(step0, step1, o)
	}
}

// from is the outputs that begin at an offset.
func (o outputs) from(at int) outputs {
	o.c = o.c[at:]
	if o.abs != nil {
		o.abs = o.abs[at:]
	}
	return o
}

// setPlan lists the tiles of a panel, unless they are those of the last call.
func (w *Worker) setPlan(m0, m1, n, cols int) {
	pl := &w.plan
	if pl.tiles != nil && pl.m0 == m0 && pl.m1 == m1 && pl.n == n && pl.cols == cols {
		return
	}
	if pl.n != n || pl.cols != cols {
		w.block, w.decoded = -1, -1
	}
	*pl = plan{m0: m0, m1: m1, n: n, cols: cols, bound: emptyLine, tiles: pl.tiles[:0]}
	for c := range cols {
		pl.bound.include(w.p.cols.at(n + c))
	}
	for m := m0; m < m1; {
		t := piece{row: m, r: m % tileRows, bound: emptyLine}
		t.rows = min(tileRows-t.r, m1-m)
		for r := range t.rows {
			t.bound.include(w.p.rows.at(m + r))
		}
		pl.tiles = append(pl.tiles, t)
		m += t.rows
	}
}

// emptyLine is the line of nothing.
var emptyLine = line{unit: noUnit, top: noTop, raw: noTop}

// include widens l by another line.
func (l *line) include(o *line) {
	l.unit, l.top, l.raw, l.nan = min(l.unit, o.unit), max(l.top, o.top), max(l.raw, o.raw), l.nan || o.nan
}

// bind says which tiles vector code may compute, given the words that c starts at:
// those whose addends are never cut while |c| stays below limit. nan is true when some
// word of the panel is or may become NaN.
func (w *Worker) bind(o outputs) (nan bool) {
	nan = w.plan.bound.nan
	for i := range w.plan.tiles {
		t := &w.plan.tiles[i]
		t.data = nil
		part := o.from((t.row - w.plan.m0) * o.stride)
		limit, ok, startsNaN := w.window(t, part)
		if ok && w.p.path.tile != nil {
			t.limit, t.data = limit, w.p.tile(t.row/tileRows)
		}
		nan = nan || t.bound.nan || startsNaN
	}
	return nan
}

// Exponents up to which the float32 intermediates of the vector code cannot overflow:
// 1.5·2^23 times a scale of w, and a scaled group sum.
const (
	maxRaw = 100
	maxTop = 100
)

// window decides whether addends of a tile could be cut. All are multiples of 2^unit,
// the words of c included; nothing is cut while E-35 ≤ unit for the exponents of all
// scale products and of c.
func (w *Worker) window(t *piece, o outputs) (limit float32, ok, nan bool) {
	cols := &w.plan.bound
	top, unit := t.bound.top+cols.top, min(t.bound.unit+cols.unit, maxTop)
	start := startOther
	if w.p.path.start != nil && unit >= minUnit {
		start = w.p.path.start(&o.c[0], uintptr(4*o.stride), uintptr(t.rows), float32(pow2(unit+23)))
	}
	if start != startFits {
		var c int
		c, nan = unitOf(o, t.rows)
		unit = min(unit, c)
	}
	ok = unit >= minUnit && max(top, zeroAlign) <= unit+windowBits && top <= maxTop && max(cols.raw, t.bound.raw) <= maxRaw
	if !ok {
		return 0, false, nan
	}
	return float32(pow2(min(unit+windowBits+1, maxExponent))), true, nan
}

// unitOf is the exponent of the lowest bit of all words of some rows; NaN has none, and
// the unit of an infinity is below every other.
func unitOf(o outputs, rows int) (unit int, nan bool) {
	unit = noUnit
	for r := range rows {
		for _, v := range o.c[r*o.stride:][:o.cols] {
			b := math.Float32bits(v) &^ wordSign
			switch {
			case b == 0:
			case b > wordInf:
				nan = true
			case b == wordInf:
				unit = -noUnit
			default:
				sig, exp := significand(b)
				unit = min(unit, exp-23+bits.TrailingZeros64(uint64(sig)))
			}
		}
	}
	return unit, nan
}

// unpack fills the panel with a block of w, unless it is there already.
func (w *Worker) unpack(block int) {
	if w.block == block {
		return
	}
	w.block = block
	codes, scales, codeStride, scaleStride := w.p.locate(w.stage, w.plan.n, w.plan.cols, block*blockSteps)
	w.p.path.unpack(w.panel, codes, scales, codeStride, scaleStride, w.p.format, w.p.w.Block/groupLen)
}

// wholeRows is the number of rows from which eight at once are faster than one by one.
const wholeRows = 6

// vector runs a tile through instructions of one block; false when it takes step.
func (w *Worker) vector(t *piece, step0, step1 int, o outputs) bool {
	block := step0 / blockSteps
	w.unpack(block)
	rec := t.data[step0*stepGroups*recordLen:]
	call := &w.call // not a local: it would escape to the heap
	*call = tileCall{
		panel:   unsafe.Pointer(&w.panel[(step0-block*blockSteps)*stepGroups*panelRecord]),
		codes:   unsafe.Pointer(&rec[recordCodes+t.r*groupLen]),
		starts:  unsafe.Pointer(&rec[recordStart+4*t.r]),
		c:       unsafe.Pointer(&o.c[0]),
		scratch: unsafe.Pointer(&w.scratch[0]),
		ldc:     uintptr(4 * o.stride),
		rows:    uintptr(t.rows),
		steps:   uintptr(step1 - step0),
		limit:   t.limit,
	}
	if t.r == 0 && t.rows >= wholeRows {
		call.whole = 1
	}
	_ = o.c[(t.rows-1)*o.stride+panelCols-1]
	if o.abs != nil {
		_ = o.abs[(t.rows-1)*o.stride+panelCols-1]
		call.abs = unsafe.Pointer(&o.abs[0])
	}
	s := w.p.path.tile(call)
	if s == inexact {
		s = w.p.path.wide(call)
	}
	return s == done
}

// byStep runs a tile through instructions of one block by the definition.
func (w *Worker) byStep(t *piece, step0, step1 int, o outputs) {
	n, block := w.plan.n, step0/blockSteps
	if w.decoded != block {
		w.decoded = block
		w.decode(w.ws[:o.cols], w.p.w, n, block)
	}
	w.decode(w.xs[:t.rows], w.p.x, t.row, block)
	for r := range t.rows {
		for col := range o.cols {
			if w.p.rows.nanIn(t.row+r, step0, step1) || w.p.cols.nanIn(n+col, step0, step1) {
				continue // spreadNaN writes it
			}
			at := r*o.stride + col
			word := math.Float32bits(o.c[at])
			for s := step0 % blockSteps; s < step1-block*blockSteps; s++ {
				a := (*[stepGroups]group)(w.xs[r][s*stepGroups:])
				b := (*[stepGroups]group)(w.ws[col][s*stepGroups:])
				var disputed bool
				if word, disputed = step(a, b, w.fraction, word); disputed {
					w.disputed++
				}
				if o.abs != nil {
					o.abs[at] = magnitude(a, b, w.fraction, o.abs[at])
				}
			}
			o.c[at] = math.Float32frombits(word)
		}
	}
}

// decode unpacks a block of some rows for step.
func (w *Worker) decode(dst [][blockGroups]group, b *fp4.Blocks, row, block int) {
	for i := range dst {
		decodeGroups(dst[i][:], b, w.p.format, row+i, block*blockLen)
	}
}

// spreadNaN makes all NaN of the panel the one word of the hardware, and outputs NaN that
// have a NaN scale within the instructions.
func (w *Worker) spreadNaN(step0, step1 int, o outputs) {
	pl, nan := &w.plan, math.Float32frombits(wordNaN)
	var cols [panelCols]bool
	for i := range o.cols {
		cols[i] = w.p.cols.nanIn(pl.n+i, step0, step1)
	}
	for r := range pl.m1 - pl.m0 {
		row := w.p.rows.nanIn(pl.m0+r, step0, step1)
		for i := range o.cols {
			at := r*o.stride + i
			if row || cols[i] || o.c[at] != o.c[at] {
				o.c[at] = nan
				if o.abs != nil {
					o.abs[at] = nan
				}
			}
		}
	}
}
