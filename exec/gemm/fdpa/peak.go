package fdpa

// PeakLen is the stretch of K after which a peak looks at the accumulators.
const PeakLen = 64

// runPeaks is run with a look at the accumulators after every PeakLen elements of K:
// peak keeps the largest magnitude of each, NaN aside. Whoever needs more
// than these points knows how far a sum can wander between them.
func (w *Worker) runPeaks(t part, peak []float32) {
	every := max(1, PeakLen/w.p.L)
	whole := t
	for s := 0; s < len(whole.panel); s += every {
		t.panel, t.step0 = whole.panel[s:min(s+every, len(whole.panel))], whole.step0+s
		w.run(w, &t)
		maxAbs(peak, t.c)
	}
}

// maxAbsPlain raises peak[i] to |c[i]|. A NaN is left out.
func maxAbsPlain(peak, c []float32) {
	for i, v := range c {
		if v < 0 {
			v = -v
		}
		if v > peak[i] {
			peak[i] = v
		}
	}
}
