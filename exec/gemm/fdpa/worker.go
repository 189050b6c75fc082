package fdpa

// Path is a way to compute; the words are the same on every one.
type Path uint8

const (
	Portable Path = iota // Go alone
	AVX2                 // 16 columns in two halves, what cuts left to Go; needs FMA
	AVX512               // 16 columns at once; needs AVX512BW and AVX512_BF16
)

// String names the path.
func (p Path) String() string { return [...]string{"portable", "avx2", "avx512"}[p] }

// The x of chunkRows × chunkSteps stays in the second cache for the columns of a group.
// One call of a kernel takes at most callSteps row-steps and cannot be preempted for
// that long, 30 µs where most steps cut.
const (
	chunkSteps = 64
	chunkRows  = 128
	groupCols  = 256
	callSteps  = 1024
)

// Worker computes tiles of a Product for one goroutine.
type Worker struct {
	p         *Product
	run       func(w *Worker, t *part)
	peaks     func(w *Worker, t *part) // run that raises peak before each step
	pack      func(w *Worker, to []colStep, n0, n1, step0 int)
	panel     []colStep
	c         []float32 // chunkRows × panelCols
	peak      []float32 // likewise, the largest accumulators
	call      *call
	packing   *packing
	across    bool // the next panel is of other columns, not further along K
	underflow int
}

// part is the work that one packed piece of the weight is for.
type part struct {
	panel  []colStep
	c      []float32 // rows × panelCols
	m0, n0 int
	cols   int
	step0  int
}

// NewWorker returns a worker on the best path of this processor.
func (p *Product) NewWorker() *Worker {
	paths := Paths()
	return p.NewWorkerOn(paths[len(paths)-1])
}

// NewWorkerOn returns a worker on one of Paths.
func (p *Product) NewWorkerOn(path Path) *Worker {
	w := &Worker{p: p, run: (*Worker).portable, peaks: (*Worker).stepwise, pack: (*Worker).portablePack, panel: make([]colStep, chunkSteps), c: make([]float32, chunkRows*panelCols), peak: make([]float32, chunkRows*panelCols)}
	if path != Portable && p.uniform {
		w.vector(path)
	}
	return w
}

// Disputed counts the negative sums that were cut to zero so far: published models
// give them different signs.
func (w *Worker) Disputed() int { return w.underflow }

// Run continues the accumulators c of rows [m0,m1) and columns [n0,n1), row-major,
// through the steps [step0,step1) in ascending K. Any words may be in c. Where peak is
// not nil, it keeps the largest magnitude of each accumulator, after each step
// and before the first.
func (w *Worker) Run(m0, m1, n0, n1, step0, step1 int, c, peak []float32) {
	group := groupCols
	if w.across = m1-m0 > panelCols; !w.across {
		group = panelCols
	}
	in := tile{m0: m0, n0: n0, stride: n1 - n0, c: c, peak: peak}
	for m := m0; m < m1; m += chunkRows {
		for g := n0; g < n1; g += group {
			for s := step0; s < step1; s += chunkSteps {
				for n := g; n < min(g+group, n1); n += panelCols {
					t := part{panel: w.panel[:min(chunkSteps, step1-s)], m0: m, n0: n, cols: min(panelCols, n1-n), step0: s}
					t.c = w.c[:min(chunkRows, m1-m)*panelCols]
					w.pack(w, t.panel, n, n+t.cols, s)
					w.runPart(&t, &in)
				}
			}
		}
	}
}

// tile is the accumulators of a Run.
type tile struct {
	m0, n0, stride int
	c, peak        []float32
}

// runPart runs a part on its accumulators of the tile.
func (w *Worker) runPart(t *part, in *tile) {
	at, rows := (t.m0-in.m0)*in.stride+t.n0-in.n0, len(t.c)/panelCols
	for i := range rows {
		for j, v := range in.c[at+i*in.stride:][:t.cols] {
			if v == 0 {
				v = 0 // -0 starts as +0 does, and the kernels would keep its sign
			}
			t.c[i*panelCols+j] = v
		}
	}
	if in.peak == nil {
		w.run(w, t)
	} else {
		w.peak = w.peak[:len(t.c)]
		clear(w.peak)
		w.peaks(w, t)
		maxAbs(w.peak, t.c)
	}
	for i := range rows {
		copy(in.c[at+i*in.stride:][:t.cols], t.c[i*panelCols:])
		if in.peak != nil {
			maxAbsPlain(in.peak[at+i*in.stride:][:t.cols], w.peak[i*panelCols:][:t.cols])
		}
	}
}
