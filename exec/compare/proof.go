package compare

import (
	"context"
	"math"
)

// SetProof gives the certificate of a product that is one side of the pair: proven(i)
// says of element i, row-major, that no order of accumulation changes its word. judge
// says that the other side claims to be the same product, so that a proven element
// that differs is a bug for certain.
func (p *Pair) SetProof(proven func(i int) bool, judge bool) {
	p.proven, p.judged = proven, judge
}

// HasProof says whether the metrics proven and unproven are there; Judged, whether
// proven_mismatch is.
func (p *Pair) HasProof() bool { return p.proven != nil }

// Judged says that a proven element has to be equal.
func (p *Pair) Judged() bool { return p.proven != nil && p.judged }

// proofCounts are the metrics of a certificate.
type proofCounts struct{ proven, unproven, mismatch int64 }

func (p *Pair) countProof(ctx context.Context) (proofCounts, error) {
	if p.proven == nil {
		return proofCounts{}, nil
	}
	parts := make([]proofCounts, p.chunks())
	err := parallel(ctx, len(parts), func(c int) {
		s := &parts[c]
		p.spans(c, func(r span) {
			for n := r.lo; n < r.hi; n++ {
				i := r.m*p.N + n
				switch {
				case p.padding(r.m, n):
				case !p.proven(i):
					s.unproven++
				default:
					s.proven++
					if p.differs(i) {
						s.mismatch++
					}
				}
			}
		})
	})
	var sum proofCounts
	for _, s := range parts {
		sum.proven, sum.unproven, sum.mismatch = sum.proven+s.proven, sum.unproven+s.unproven, sum.mismatch+s.mismatch
	}
	return sum, err
}

// differs compares words that have been proven: NaN equals NaN, whose payload no
// kernel promises, and 0 equals -0, whose sign published models dispute.
func (p *Pair) differs(i int) bool {
	g, w := p.got[i], p.want[i]
	return g != w && (g == g || w == w)
}

// unproven is the measure of that name.
func (p *Pair) unproven(i int) float64 {
	switch {
	case p.proven == nil:
		return math.NaN()
	case p.proven(i):
		return 0
	}
	return 1
}

// provenMismatch is the measure of that name: |got-want| of proven elements, where one
// NaN is an infinite mismatch.
func (p *Pair) provenMismatch(i int) float64 {
	switch {
	case !p.Judged() || !p.proven(i):
		return math.NaN()
	case !p.differs(i):
		return 0
	}
	if d := math.Abs(p.signed(i)); d == d {
		return d
	}
	return math.Inf(1)
}
