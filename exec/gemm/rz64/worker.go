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

	panel   []byte  // unpacked w
	stage   []byte  // raw bytes of w where a block is not whole
	scratch []byte  // of the assembly
	tiles   []piece // the tiles of the current panel
	edge    edge
	xs, ws  [][blockGroups]group // decoded rows, for step
}

// piece is a tile of the current panel: rows of x that lie in one packed tile.
type piece struct {
	data  []byte // packed x; nil when step has to do
	row   int    // first row of x
	r     int    // its place in the tile
	rows  int
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
	w := &Worker{p: p, fraction: 2 + 2*p.format.man}
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
	w.spreadNaN(m0, m1, n0, n1, step0, step1, c, abs)
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
	vector := w.plan(m0, m1, n, o)
	for step := step0; step < step1; step += blockSteps {
		steps := min(blockSteps, step1-step)
		decoded := false
		if vector {
			w.unpack(n, o.cols, step, steps)
		}
		for i := range w.tiles {
			t := &w.tiles[i]
			at := (t.row - m0) * o.stride
			part := o
			part.c = o.c[at:]
			if o.abs != nil {
				part.abs = o.abs[at:]
			}
			if t.data != nil && w.vector(t, step, steps, part) {
				continue
			}
			if !decoded {
				w.decode(w.ws[:o.cols], w.p.w, n, step, steps)
				decoded = true
			}
			w.byStep(t, n, step, steps, part)
		}
	}
}

// plan lists the tiles of a panel and says which of them vector code may compute: those
// whose addends are never cut while |c| stays below limit. vector is false when
// there is none.
func (w *Worker) plan(m0, m1, n int, o outputs) (vector bool) {
	p := w.p
	w.tiles = w.tiles[:0]
	cols := line{unit: noUnit, top: noTop, raw: noTop}
	if p.path.tile != nil {
		for c := range o.cols {
			cols.include(p.cols.at(n + c))
		}
	}
	for m := m0; m < m1; {
		t := piece{row: m, r: m % tileRows}
		t.rows = min(tileRows-t.r, m1-m)
		if p.path.tile != nil {
			if limit, ok := w.window(&t, cols, o, (m-m0)*o.stride); ok {
				t.limit, t.data = limit, p.tile(m/tileRows)
				vector = true
			}
		}
		w.tiles = append(w.tiles, t)
		m += t.rows
	}
	return vector
}

// include widens l by another line.
func (l *line) include(o *line) {
	l.unit, l.top, l.raw = min(l.unit, o.unit), max(l.top, o.top), max(l.raw, o.raw)
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
func (w *Worker) window(t *piece, cols line, o outputs, at int) (limit float32, ok bool) {
	all := line{unit: noUnit, top: noTop, raw: noTop}
	for r := range t.rows {
		all.include(w.p.rows.at(t.row + r))
	}
	top := all.top + cols.top
	unit := min(all.unit+cols.unit, maxTop)
	for r := range t.rows {
		unit = min(unit, unitOf(o.c[at+r*o.stride:][:o.cols]))
	}
	if unit < minUnit || max(top, zeroAlign) > unit+windowBits || top > maxTop || cols.raw > maxRaw || all.raw > maxRaw {
		return 0, false
	}
	return float32(pow2(min(unit+windowBits+1, maxExponent))), true
}

// unitOf is the exponent of the lowest bit of all words; NaN has none, and the unit
// of an infinity is below every other.
func unitOf(c []float32) int {
	any := uint32(0)
	for _, v := range c {
		any |= math.Float32bits(v)
	}
	if any<<1 == 0 {
		return noUnit
	}
	unit := noUnit
	for _, v := range c {
		b := math.Float32bits(v) &^ wordSign
		switch {
		case b == 0 || b > wordInf:
		case b == wordInf:
			return -noUnit
		default:
			sig, exp := significand(b)
			unit = min(unit, exp-23+bits.TrailingZeros64(uint64(sig)))
		}
	}
	return unit
}

// unpack fills the panel with a block of w.
func (w *Worker) unpack(n, cols, step, steps int) {
	codes, scales, codeStride, scaleStride := w.p.locate(w.stage, n, cols, step, steps)
	w.p.path.unpack(w.panel, codes, scales, codeStride, scaleStride, w.p.format, w.p.w.Block/groupLen)
}

// wholeRows is the number of rows from which eight at once are faster than one by one.
const wholeRows = 6

// vector runs a tile through a block; false when it takes step.
func (w *Worker) vector(t *piece, step, steps int, o outputs) bool {
	rec := t.data[step*stepGroups*recordLen:]
	call := tileCall{
		panel:   unsafe.Pointer(&w.panel[0]),
		codes:   unsafe.Pointer(&rec[recordCodes+t.r*groupLen]),
		starts:  unsafe.Pointer(&rec[recordStart+4*t.r]),
		c:       unsafe.Pointer(&o.c[0]),
		scratch: unsafe.Pointer(&w.scratch[0]),
		ldc:     uintptr(4 * o.stride),
		rows:    uintptr(t.rows),
		steps:   uintptr(steps),
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
	s := w.p.path.tile(&call)
	if s == inexact && w.p.path.wide != nil {
		s = w.p.path.wide(&call)
	}
	return s == done
}

// byStep runs a tile through a block by the definition.
func (w *Worker) byStep(t *piece, n, step0, steps int, o outputs) {
	w.decode(w.xs[:t.rows], w.p.x, t.row, step0, steps)
	for r := range t.rows {
		nanRow := w.p.rows.nanIn(t.row+r, step0, step0+steps)
		for col := range o.cols {
			if nanRow || w.p.cols.nanIn(n+col, step0, step0+steps) {
				continue // spreadNaN writes it
			}
			at := r*o.stride + col
			word := math.Float32bits(o.c[at])
			for s := range steps {
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

// decode unpacks rows for step.
func (w *Worker) decode(dst [][blockGroups]group, b *fp4.Blocks, row, step, steps int) {
	for i := range dst {
		decodeGroups(dst[i][:steps*stepGroups], b, w.p.format, row+i, step*StepLen)
	}
}

// spreadNaN makes all NaN the one word of the hardware, and outputs NaN that have a
// NaN scale within the instructions.
func (w *Worker) spreadNaN(m0, m1, n0, n1, step0, step1 int, c, abs []float32) {
	stride := n1 - n0
	nan := math.Float32frombits(wordNaN)
	set := func(i int) {
		c[i] = nan
		if abs != nil {
			abs[i] = nan
		}
	}
	for i, v := range c[:(m1-m0)*stride] {
		if v != v {
			set(i)
		}
	}
	for m := m0; m < m1; m++ {
		if w.p.rows.nanIn(m, step0, step1) {
			for i := range stride {
				set((m-m0)*stride + i)
			}
		}
	}
	for n := n0; n < n1; n++ {
		if w.p.cols.nanIn(n, step0, step1) {
			for i := range m1 - m0 {
				set(i*stride + n - n0)
			}
		}
	}
}
