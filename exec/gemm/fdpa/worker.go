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

// Sizes of the work that stays in the first cache; one call of a kernel takes at most
// callSteps row-steps and cannot be preempted for that long, some 30 µs.
const (
	chunkSteps = 64
	chunkRows  = 128
	callSteps  = 2048
)

// Worker computes tiles of a Product for one goroutine.
type Worker struct {
	p         *Product
	run       func(w *Worker, t *part)
	pack      func(w *Worker, to []colStep, n0, n1, step0 int)
	panel     []colStep
	c         []float32 // chunkRows × panelCols
	peak      []float32 // likewise, of the accumulators
	call      *call
	packing   *packing
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
	w := &Worker{p: p, run: (*Worker).portable, pack: (*Worker).portablePack, panel: make([]colStep, chunkSteps), c: make([]float32, chunkRows*panelCols)}
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
// not nil, it keeps the largest magnitude of each accumulator, seen after every PeakLen
// elements of K.
func (w *Worker) Run(m0, m1, n0, n1, step0, step1 int, c, peak []float32) {
	stride := n1 - n0
	for n := n0; n < n1; n += panelCols {
		cols := min(panelCols, n1-n)
		for s := step0; s < step1; s += chunkSteps {
			panel := w.panel[:min(chunkSteps, step1-s)]
			w.pack(w, panel, n, n+cols, s)
			for m := m0; m < m1; m += chunkRows {
				rows := min(chunkRows, m1-m)
				t := part{panel: panel, c: w.c[:rows*panelCols], m0: m, n0: n, cols: cols, step0: s}
				for i := range rows {
					for j, v := range c[(m-m0+i)*stride+n-n0:][:cols] {
						if v == 0 {
							v = 0 // -0 starts as +0 does, and the kernels would keep its sign
						}
						t.c[i*panelCols+j] = v
					}
				}
				if peak == nil {
					w.run(w, &t)
				} else {
					w.peak = w.peak[:0]
					for range rows * panelCols {
						w.peak = append(w.peak, 0)
					}
					w.runPeaks(t, w.peak)
				}
				for i := range rows {
					at := (m-m0+i)*stride + n - n0
					copy(c[at:][:cols], t.c[i*panelCols:])
					if peak != nil {
						maxAbsPlain(peak[at:][:cols], w.peak[i*panelCols:][:cols])
					}
				}
			}
		}
	}
}
