package fdpa

// stepwise is run, one step at a time, with a look at the accumulators before each.
func (w *Worker) stepwise(t *part) {
	one := *t
	for s := range t.panel {
		one.panel, one.step0 = t.panel[s:s+1], t.step0+s
		maxAbs(w.peak, t.c)
		w.run(w, &one)
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
