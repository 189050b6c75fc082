package fdpa

import (
	"math"

	"fp4tui/inspect/fp4"
)

func (w *Worker) portablePack(to []colStep, n0, n1, step0 int) { w.p.pack(to, n0, n1, step0) }

// portable is the steps of a part without vector instructions.
func (w *Worker) portable(t *part) {
	var codes [16]float32
	for i := range codes {
		codes[i] = 2 * fp4.DecodeE2M1(uint8(i))
	}
	for i := range t.panel {
		for j := range t.cols {
			w.portableColumn(t, i, j, &codes)
		}
	}
}

// portableColumn is one step of one column.
func (w *Worker) portableColumn(t *part, i, j int, codes *[16]float32) {
	p, cs := w.p, &t.panel[i]
	s, limit, floor := cs.s[j], cs.limit[j], cs.floor[j]
	if !p.uniform {
		limit = never
	}
	var q [maxL]float32
	for k := range q {
		q[place(k)] = codes[cs.codes[k/8][j]>>(4*(k%8))&15]
	}
	var words [maxL]uint16
	decoded := false
	rows := p.rows[(t.step0+i)*p.m+t.m0:]
	for m := range len(t.c) / panelCols {
		at, r := m*panelCols+j, &rows[m]
		c := math.Float32bits(t.c[at])
		if whole(c, limit+r.low, floor+r.top) {
			t.c[at] = math.Float32frombits(toZero(float64(t.c[at]) + float64(s)*float64(dot(&r.x, &q))))
			continue
		}
		if !decoded {
			words, decoded = p.column(t.n0+j, t.step0+i), true
		}
		t.c[at] = w.scalar(&r.x, &words, c)
	}
}

// whole reports that a step cuts no term: |c| is below what cuts a product, and no
// bit of c lies so low that a product may cut it.
func whole(c uint32, limit, floor int32) bool {
	abs := int32(c &^ wordSign)
	if abs >= limit {
		return false
	}
	if abs >= floor || abs == 0 {
		return true
	}
	n := floor>>23 - abs>>23 // low bits of c that may be cut
	return n < 24 && (abs|1<<23)&(1<<n-1) == 0
}

// dot is Σ x·q, which is exact in float32 for a step that is not wide.
func dot(x *[maxL]uint16, q *[maxL]float32) float32 {
	var sum [4]float32
	for i := 0; i < maxL; i += 4 {
		sum[0] += float32(math.Float32frombits(uint32(x[i])<<16) * q[i])
		sum[1] += float32(math.Float32frombits(uint32(x[i+1])<<16) * q[i+1])
		sum[2] += float32(math.Float32frombits(uint32(x[i+2])<<16) * q[i+2])
		sum[3] += float32(math.Float32frombits(uint32(x[i+3])<<16) * q[i+3])
	}
	return sum[0] + sum[1] + (sum[2] + sum[3])
}

// scalar is a step of one output by the plain rule.
func (w *Worker) scalar(x, words *[maxL]uint16, c uint32) float32 {
	d, underflow := w.p.Step(x, words, c)
	if underflow {
		w.underflow++
	}
	return math.Float32frombits(d)
}
