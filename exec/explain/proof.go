package explain

import (
	"math"

	"fp4tui/exec/gemm"
)

var nan = math.NaN()

func word(w uint32) Value { return valueOf(float64(math.Float32frombits(w))) }

// Proof is the certificate of one output: whether every order and split of whole
// instructions gives these bits. It holds when all addends of all instructions are whole
// multiples of some 2^Low, and the sum of the magnitudes of the instructions' sums lies
// below 2^(Low+24): every partial sum is then a 24-bit number, whoever takes part in it.
type Proof struct {
	Exact bool
	Bits  int // that the sum of magnitudes spans above the lowest bit; at most 24 for a proof
	Low   Mark
	High  Mark
	Cut   Mark   // the addend that reaches furthest below an instruction's quantum; Len 0: none
	Why   string // what stands against a proof; empty when there is one
}

// Mark is a run of elements and an exponent in it.
type Mark struct {
	First, Len int
	Exp        int // of the lowest bit of Low and Cut, of the highest bit of High
}

// proofOf computes the certificate from the instructions of a replay. The claim is
// about the sum before the epilogue's factor.
func proofOf(r *gemm.Replay) Proof {
	var p Proof
	var total Exact
	top := r.Model.EZero
	first := true
	for _, part := range r.Parts {
		for _, s := range part.Steps {
			if s.Special != "" {
				p.Why = s.Special
				return p
			}
			for _, t := range s.Terms {
				if t.Len > 0 && t.Counts {
					top = max(top, t.Align)
				}
			}
			sum := stepSum(s)
			if sum.Sign() == 0 {
				continue
			}
			total = total.Add(sum.Abs())
			if low := sum.low(); first || low < p.Low.Exp {
				p.Low = Mark{s.First, s.Len, low}
			}
			if high := sum.top(); first || high > p.High.Exp {
				p.High = Mark{s.First, s.Len, high}
			}
			first = false
		}
	}
	if total.Sign() == 0 {
		p.Exact = true
		return p
	}
	p.Bits = total.top() - p.Low.Exp + 1
	quantum := max(top, total.top()) - r.Model.F
	p.Cut = lowestTerm(r, quantum)
	switch {
	case p.Bits > 24:
		p.Why = "the sums of the instructions span more bits than an FP32 accumulator holds"
	case p.Cut.Len > 0:
		p.Why = "an instruction may cut addends that lie far below its largest"
	case p.Low.Exp < -149 || total.top() >= 128:
		p.Why = "the sums leave the range of FP32"
	default:
		p.Exact = true
	}
	return p
}

// lowestTerm is the addend with the lowest bit below the quantum.
func lowestTerm(r *gemm.Replay, quantum int) Mark {
	var m Mark
	for _, part := range r.Parts {
		for _, s := range part.Steps {
			for _, t := range s.Terms {
				if t.Len == 0 || t.P == 0 || t.M == 0 {
					continue
				}
				if low := termValue(t).low(); low < quantum && (m.Len == 0 || low < m.Exp) {
					m = Mark{t.First, t.Len, low}
				}
			}
		}
	}
	return m
}
