package fdpa

import (
	"math"
	"math/bits"

	"golang.org/x/sys/cpu"

	"fp4tui/inspect/fp4"
)

// Paths lists the paths of this processor, the best last.
func Paths() []Path {
	paths := []Path{Portable}
	x := &cpu.X86
	if x.HasAVX2 && x.HasFMA {
		paths = append(paths, AVX2)
	}
	if x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL && x.HasAVX512BF16 && x.HasBMI1 {
		paths = append(paths, AVX512)
	}
	return paths
}

// call is the arguments of a kernel and its working memory. The kernels know the
// offsets.
type call struct {
	x      *rowStep // of the first row, at step 0
	w      *colStep // step 0
	c      *float32 // rows × panelCols
	stride uintptr  // bytes from a row at one step to the same at the next
	rows   int
	steps  int
	step   int // where to begin; where it stopped
	resume int // 1: with the rest of the failed rows
	half   int // 1 where steps have 8 products
	row    int // that needs the scalar rule at step; -1 when all is done

	_     [2]int // of the failed rows: the next, and how many
	f     int32
	below int32 // (F-23)<<23

	peak *float32 // like c: the largest |c| that a step began with
	_    [2]int64

	// The kernel's own memory: weights of a step and their exponents, exponents of a
	// row's x, rows of the step that failed, and their c.
	_ [maxL][panelCols]float32
	_ [maxL][panelCols]int32
	_ [maxL]float32
	_ [maxL]int32
	_ [chunkRows + 16]int32
	_ [chunkRows + 1][panelCols]float32
}

// steps512 runs steps until all are done or one needs the scalar rule.
//
//go:noescape
func steps512(c *call)

// packing is the arguments of pack512, which knows the offsets.
type packing struct {
	to       *colStep
	codes    *byte
	rowBytes int
	scales   *byte
	lines    int // of 128 codes
	half     int // 1 where steps have 8 products
	swap     int // 1 where the high half of a byte is first
	perLine  int // scale bytes of 128 codes: 4 or 8
	repeat   int // steps that share a scale
	ahead    int // bytes from a load to the one that will follow after a while

	shift       uint32 // a scale byte's magnitude to where FP32 has its exponent
	factor      float32
	magnitude   uint32
	sign        uint32
	zero        [2]int32 // limit and floor of a zero
	least, span int32    // sane exponents
	rows        [panelCols]int32
	limit       [panelCols]int32
	floor       [panelCols]int32
}

// pack512 packs whole lines.
//
//go:noescape
func pack512(a *packing)

// newPacking is nil where the weight has blocks that pack512 does not know.
func newPacking(p *Product) *packing {
	if p.w.Block != 16 && p.w.Block != 32 {
		return nil
	}
	a := &packing{rowBytes: p.w.Cols / 2, half: 1 - p.L/maxL, swap: int(p.w.Order), perLine: 128 / p.w.Block, repeat: p.w.Block / p.L}
	zero := newLane(p.Params, 0)
	switch p.w.ScaleType {
	case fp4.E8M0:
		a.shift, a.factor, a.magnitude, a.zero = 23, 0.5, 0xff, [2]int32{never, 0}
	case fp4.E4M3:
		a.shift, a.factor, a.magnitude, a.sign, a.zero = 20, 0x1p119, 0x7f, 0x80, [2]int32{zero.limit, zero.floor}
	default:
		a.shift, a.factor, a.magnitude, a.zero = 20, 0x1p119, 0x7f, [2]int32{zero.limit, zero.floor}
	}
	a.least, a.span = wordOf(-saneExp-1), 2*saneExp<<23
	for i := range a.rows {
		a.rows[i] = int32(i * p.w.ScaleCols())
		l := newLane(p.Params, 1+float32(i%8)/8)
		a.limit[i], a.floor[i] = l.limit-wordOf(-1), l.floor-wordOf(-1)
	}
	return a
}

// vectorPack is Product.pack with its whole lines vectorized.
func (w *Worker) vectorPack(to []colStep, n0, n1, step0 int) {
	p, a, k := w.p, w.packing, step0*w.p.L
	lines := 0
	if a != nil && n1-n0 == panelCols && k%p.w.Block == 0 {
		lines = min(len(to)*p.L, p.w.Cols-k) / 128
	}
	if lines > 0 {
		a.to, a.lines = &to[0], lines
		a.codes, a.scales = &p.w.Codes[n0*a.rowBytes+k/2], &p.w.Scales[n0*p.w.ScaleCols()+k/p.w.Block]
		switch a.ahead = chunkSteps * p.L / 2; {
		case w.across:
			a.ahead = panelCols * a.rowBytes
		case k/2+lines*64+a.ahead > a.rowBytes: // the next panel
			a.ahead += (panelCols - 1) * a.rowBytes
		}
		pack512(a)
	}
	done := lines * 128 / p.L
	p.pack(to[done:], n0, n1, step0+done)
}

func (w *Worker) vector(path Path) {
	if path == AVX2 {
		a := new(call256)
		w.run = func(w *Worker, t *part) { w.halves(t, a) }
		return
	}
	w.call, w.packing = new(call), newPacking(w.p)
	w.run, w.pack, w.peaks = (*Worker).vectorPart, (*Worker).vectorPack, (*Worker).vectorPart
}

// vectorPart cuts a part into calls.
func (w *Worker) vectorPart(t *part) {
	a, rows := w.call, len(t.c)/panelCols
	a.c, a.peak, a.rows, a.f = &t.c[0], &w.peak[0], rows, int32(w.p.F)
	a.below = a.f<<23 - 23<<23
	a.half = 1 - w.p.L/maxL
	a.stride = uintptr(w.p.m) * 64
	most := max(1, callSteps/rows)
	for i := 0; i < len(t.panel); i += most {
		a.x, a.w = &w.p.rows[(t.step0+i)*w.p.m+t.m0], &t.panel[i]
		a.steps, a.step, a.resume = min(most, len(t.panel)-i), 0, 0
		for steps512(a); a.row >= 0; steps512(a) {
			w.scalarRow(t, i+a.step, a.row)
			a.resume = 1
		}
	}
}

// scalarRow is one step of one row by the plain rule.
func (w *Worker) scalarRow(t *part, i, row int) {
	x := &w.p.rows[(t.step0+i)*w.p.m+t.m0+row].x
	for j, c := range t.c[row*panelCols:][:t.cols] {
		words := w.p.column(t.n0+j, t.step0+i)
		t.c[row*panelCols+j] = w.scalar(x, &words, math.Float32bits(c))
	}
}

// call256 is the arguments of step256, which knows the offsets.
type call256 struct {
	x    *rowStep
	w    *colStep
	c    *float32 // rows × panelCols
	rows int
	any  uint32 // of bad
	_    [7]uint32
	_    [maxL][panelCols]float32 // doubled codes, by place: the kernel's own
	bad  [chunkRows]uint32        // a bit for each column left to the scalar rule
}

// step256 is one step where no term is cut.
//
//go:noescape
func step256(c *call256)

// halves is the steps of a part by step256.
func (w *Worker) halves(t *part, a *call256) {
	a.c, a.rows = &t.c[0], len(t.c)/panelCols
	for i := range t.panel {
		x := w.p.rows[(t.step0+i)*w.p.m+t.m0:]
		a.x, a.w = &x[0], &t.panel[i]
		step256(a)
		if a.any &= 1<<t.cols - 1; a.any == 0 {
			continue
		}
		for row, bad := range a.bad[:a.rows] {
			for bad &= a.any; bad != 0; bad &= bad - 1 {
				j := bits.TrailingZeros32(bad)
				words, c := w.p.column(t.n0+j, t.step0+i), &t.c[row*panelCols+j]
				*c = w.scalar(&x[row].x, &words, math.Float32bits(*c))
			}
		}
	}
}
