package compare

import (
	"context"
	"math"
)

// Metrics are the numbers of a whole pair. Table defines each one.
type Metrics struct {
	Count int64 // elements; padding is none
	NaN   int64
	Inf   int64

	MaxAbs, MeanAbs, P99Abs, RMSE float64
	MaxRel, RelL2, Cos            float64
	SQNR                          float64 // dB
	CalcDiff                      float64
	ULPMax                        float64 // an integer, or +Inf
	Noise                         float64 // NaN without an expected noise

	// Of the certificate; zero without one.
	Proven, Unproven, ProvenMismatch int64

	ArgMax   [2]int  // [m,n] of MaxAbs, the first one; [-1,-1] when every element is NaN
	ArgNoise [2]int  // [m,n] of Noise; [-1,-1] without
	FirstNaN [2]int  // [-1,-1] when there is none
	Floor    float64 // of relative error
	M, N     int
}

// Metrics measures the pair. The error is that of ctx.
func (p *Pair) Metrics(ctx context.Context) (Metrics, error) {
	parts := make([]partial, p.chunks())
	err := parallel(ctx, len(parts), func(c int) { parts[c] = p.chunkPartial(fastest, c) })
	if err != nil {
		return Metrics{}, err
	}
	if len(parts) == 0 {
		parts = []partial{newPartial()}
	}
	sum := tree(parts, partial.join)
	sum.locate(p)
	m := sum.metrics(p)
	if m.Count > m.NaN {
		if m.P99Abs, err = p.absQuantile(ctx, 0.99, m.Count-m.NaN); err != nil {
			return m, err
		}
	}
	proof, err := p.countProof(ctx)
	m.Proven, m.Unproven, m.ProvenMismatch = proof.proven, proof.unproven, proof.mismatch
	return m, err
}

// partial is what one chunk adds up to.
type partial struct {
	count, nan, inf               int64
	abs, d2, g2, w2, gw           float64 // sums over finite elements
	maxAbs, maxRel, maxULP, noise float64
	atAbs, atNoise, atNaN         int // flat indices; -1 for none. Chunks in atAbs and atNaN before locate
}

func newPartial() partial {
	return partial{maxAbs: -1, maxRel: -1, noise: -1, atAbs: -1, atNoise: -1, atNaN: -1}
}

// chunkPartial adds up one chunk. Its places are chunks until they are located.
func (p *Pair) chunkPartial(way path, c int) partial {
	l := newLanes()
	lo := c * chunkSize
	hi := min(lo+chunkSize, len(p.got))
	count := int64(hi - lo)
	if p.padRow == nil && p.padCol == nil {
		l.run(way, p.got[lo:hi], p.want[lo:hi], p.Floor, p.ulp)
	} else {
		count = 0
		p.elements(c, func(i int) {
			count++
			l.add(i, p.got[i], p.want[i], p.Floor)
			l.ulps(i, p.got[i], p.want[i], p.ulp.index)
		})
	}
	s := l.partial(count, c)
	if p.sigma != nil {
		p.elements(c, func(i int) { s.addNoise(p, i) })
	}
	return s
}

// elements calls use with the index of each element of a chunk that is not padding.
func (p *Pair) elements(c int, use func(i int)) {
	p.spans(c, func(r span) {
		if p.padRow != nil && p.padRow[r.m] {
			return
		}
		for n := r.lo; n < r.hi; n++ {
			if p.padCol == nil || !p.padCol[n] {
				use(r.m*p.N + n)
			}
		}
	})
}

func (s *partial) addNoise(p *Pair, i int) {
	if d := p.signed(i); d == d {
		if z := p.noise(i, d); z > s.noise {
			s.noise, s.atNoise = z, i
		}
	}
}

// locate turns the chunks of the greatest error and the first NaN into elements.
func (s *partial) locate(p *Pair) {
	s.atAbs = p.first(s.atAbs, func(d float64) bool { return math.Abs(d) == s.maxAbs })
	s.atNaN = p.first(s.atNaN, func(d float64) bool { return d != d })
}

// first is the first element of a chunk whose error is so; -1 in no chunk.
func (p *Pair) first(c int, so func(d float64) bool) int {
	at := -1
	if c >= 0 {
		p.elements(c, func(i int) {
			if at < 0 && so(p.signed(i)) {
				at = i
			}
		})
	}
	return at
}

// join adds b, whose elements all lie after those of a: on a tie the first one stays.
func (a partial) join(b partial) partial {
	a.count, a.nan, a.inf = a.count+b.count, a.nan+b.nan, a.inf+b.inf
	a.abs, a.d2, a.g2, a.w2, a.gw = a.abs+b.abs, a.d2+b.d2, a.g2+b.g2, a.w2+b.w2, a.gw+b.gw
	if b.maxAbs > a.maxAbs {
		a.maxAbs, a.atAbs = b.maxAbs, b.atAbs
	}
	if b.noise > a.noise {
		a.noise, a.atNoise = b.noise, b.atNoise
	}
	a.maxRel, a.maxULP = max(a.maxRel, b.maxRel), max(a.maxULP, b.maxULP)
	if a.atNaN < 0 {
		a.atNaN = b.atNaN
	}
	return a
}

func (s *partial) metrics(p *Pair) Metrics {
	n := float64(s.count - s.nan - s.inf)
	m := Metrics{
		Count: s.count, NaN: s.nan, Inf: s.inf,
		MaxAbs: max(s.maxAbs, 0), MaxRel: s.maxRel, ULPMax: s.maxULP,
		MeanAbs: ratio(s.abs, n), RMSE: math.Sqrt(ratio(s.d2, n)),
		RelL2:    math.Sqrt(ratio(s.d2, s.w2)),
		SQNR:     decibel(1 / ratio(s.d2, s.w2)),
		CalcDiff: ratio(s.d2, s.g2+s.w2),
		Cos:      s.cosine(),
		Noise:    s.noise,
		ArgMax:   p.position(s.atAbs), ArgNoise: p.position(s.atNoise), FirstNaN: p.position(s.atNaN),
		Floor: p.Floor, M: p.M, N: p.N,
	}
	if s.maxRel < 0 { // nothing above the floor to be relative to
		m.MaxRel = ratio(m.MaxAbs, 0)
	}
	if s.atNoise < 0 {
		m.Noise = math.NaN()
	}
	m.unknown()
	return m
}

// unknown takes back what nothing stands behind, so that no bound on it holds: sums without
// a finite element, and every error where all elements are NaN.
func (m *Metrics) unknown() {
	var empty []*float64
	if m.Count > 0 && m.Count == m.NaN+m.Inf {
		empty = append(empty, &m.MeanAbs, &m.RMSE, &m.RelL2, &m.Cos, &m.SQNR, &m.CalcDiff)
	}
	if m.Count > 0 && m.Count == m.NaN {
		empty = append(empty, &m.MaxAbs, &m.P99Abs, &m.MaxRel, &m.ULPMax, &m.Noise)
	}
	for _, v := range empty {
		*v = math.NaN()
	}
}

// ratio is a/b for a, b ≥ 0 with the two cases that all metrics share: 0/0 is 0 (no error
// of nothing is no error), and a/0 is +Inf (an error of nothing is all error).
func ratio(a, b float64) float64 {
	if a == 0 {
		return 0
	}
	return a / b
}

// decibel is rounded to 1e-9 dB: the logarithms of different processors differ in their
// last bits, and a result may not.
func decibel(ratio float64) float64 {
	db := 10 * math.Log10(ratio)
	if math.IsInf(db, 0) {
		return db
	}
	return math.Round(db*1e9) / 1e9
}

// cosine is exactly 1 for two finite tensors that are equal, whatever their sums round to.
func (s *partial) cosine() float64 {
	if s.d2 == 0 {
		return 1
	}
	return cosine(s.gw, s.g2, s.w2)
}

func cosine(gw, g2, w2 float64) float64 {
	switch {
	case g2 == 0 && w2 == 0:
		return 1
	case g2 == 0 || w2 == 0:
		return 0
	}
	return min(max(gw/(math.Sqrt(g2)*math.Sqrt(w2)), -1), 1)
}

func (p *Pair) position(i int) [2]int {
	if i < 0 {
		return [2]int{-1, -1}
	}
	return [2]int{i / p.N, i % p.N}
}

// Mismatched counts the elements that are not close: |got-want| > atol + rtol·|want|, the
// rule of numpy.isclose and torch.testing.assert_close. NaN is never close; the same
// infinity twice is.
func (p *Pair) Mismatched(ctx context.Context, atol, rtol float64) (int64, error) {
	parts := make([]int64, p.chunks())
	err := parallel(ctx, len(parts), func(c int) {
		p.spans(c, func(r span) {
			for n := r.lo; n < r.hi; n++ {
				if i := r.m*p.N + n; !p.padding(r.m, n) && !p.close(i, atol, rtol) {
					parts[c]++
				}
			}
		})
	})
	var sum int64
	for _, n := range parts {
		sum += n
	}
	return sum, err
}

func (p *Pair) close(i int, atol, rtol float64) bool {
	if p.got[i] == p.want[i] {
		return true
	}
	w := math.Abs(float64(p.want[i]))
	if math.IsInf(w, 0) {
		return false
	}
	return math.Abs(p.signed(i)) <= atol+float64(rtol*w)
}
