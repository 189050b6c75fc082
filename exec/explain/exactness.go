package explain

import (
	"math"

	"fp4tui/exec/gemm"
)

var nan = math.NaN()

func word(w uint32) Value { return valueOf(float64(math.Float32frombits(w))) }

// Exactness says whether one output's partial sums are exact in every order and split of
// whole instructions, as the certificate of a product does (layer.ExactSum); but it reads
// every instruction, so that it proves more and can say which bits are in the way. The
// sums of the instructions are whole multiples of some 2^Low, and a partial sum lies
// between the sum of all negative ones and that of all positive ones. When neither exceeds
// 2^(Low+24) every partial sum is an FP32 number, whoever takes part in it; and when no
// instruction cuts an addend, none is rounded.
type Exactness struct {
	Holds bool
	Bits  int // that the largest possible partial sum spans above the lowest bit; at most 24 where it holds
	Low   Mark
	High  Mark
	Cut   Mark   // the addend that reaches furthest below an instruction's quantum; Len 0: none
	Why   string // what stands against it; empty where it holds
}

// Mark is a run of elements and an exponent in it.
type Mark struct {
	First, Len int
	Exp        int // of the lowest bit of Low and Cut, of the highest bit of High
}

// exactnessOf reads the instructions of a replay: it is about the sum before the
// epilogue's factor.
func exactnessOf(r *gemm.Replay) Exactness {
	var p Exactness
	var positive, negative Exact
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
			if sum.Sign() > 0 {
				positive = positive.Add(sum)
			} else {
				negative = negative.Sub(sum)
			}
			if low := sum.low(); first || low < p.Low.Exp {
				p.Low = Mark{s.First, s.Len, low}
			}
			if high := sum.top(); first || high > p.High.Exp {
				p.High = Mark{s.First, s.Len, high}
			}
			first = false
		}
	}
	most := positive
	if positive.Sub(negative).Sign() < 0 {
		most = negative
	}
	if most.Sign() == 0 {
		p.Holds = true
		return p
	}
	p.Bits = most.top() - p.Low.Exp + 1
	if most.low() == most.top() && p.Bits > 1 {
		p.Bits-- // 2^(Low+24) itself is an FP32 number
	}
	quantum := max(top, most.top()) - r.Model.F
	p.Cut = lowestTerm(r, quantum)
	switch {
	case p.Bits > 24:
		p.Why = "the sums of the instructions span more bits than an FP32 accumulator holds"
	case p.Cut.Len > 0:
		p.Why = "an instruction may cut addends that lie far below its largest"
	case p.Low.Exp < -149 || most.top() >= 127:
		p.Why = "the sums leave the range of FP32"
	default:
		p.Holds = true
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
