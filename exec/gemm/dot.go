package gemm

import (
	"fmt"
	"math/bits"
)

// Dot computes one output of the instruction on raw bits, with every step. K may
// be any multiple of Params.Step: beyond L the result of one fused sum is the
// accumulator of the next, in ascending K. Errors are *inspect.Fault of class
// ErrMismatch or ErrMalformed that name the operand.
func (m Model) Dot(op Operands) (Trace, error) {
	if err := m.check(op); err != nil {
		return Trace{}, err
	}
	t := Trace{Instruction: m.Instruction, Params: m.Params, A: m.A, B: m.B, Acc: m.Acc, Scale: m.scale.String(),
		Source: m.Source, Unverified: m.Unverified, C: op.C, D: op.C}
	t.Steps, t.D = m.chain(op)
	t.Corner = m.dispute(op, t.D)
	return t, nil
}

// chain is the arithmetic of Dot.
func (m *Model) chain(op Operands) (steps []Step, d uint32) {
	d = op.C
	steps = make([]Step, 0, (len(op.A)+m.L-1)/m.L)
	for k := 0; k < len(op.A); k += m.L {
		s := m.stepRef(op, k, min(m.L, len(op.A)-k), d)
		steps, d = append(steps, s), s.D
	}
	return steps, d
}

// stepRef is one fused sum over elements first … first+n-1, written for reading.
// The optimised steps of the GEMM are tested against it.
func (m *Model) stepRef(op Operands, first, n int, c uint32) Step {
	s := Step{First: first, Len: n, C: c}
	var word uint32
	if word, s.Special = m.special(op, first, n, c); s.Special != "" {
		s.D = word
		return s
	}
	s.E = m.EZero
	s.Terms = make([]Term, 0, n/m.Group+1)
	for k := first; k < first+n; k += m.Group {
		s.Terms = append(s.Terms, m.term(op, k))
	}
	s.Terms = append(s.Terms, accumulator(c, m.Acc))
	for _, t := range s.Terms {
		if t.Counts {
			s.E = max(s.E, t.Align)
		}
	}
	s.Quantum = s.E - m.F
	for i := range s.Terms {
		t := &s.Terms[i]
		t.Units, t.Cut = shiftToZero(t.P*t.M, t.Exp-s.Quantum)
		s.Sum += t.Units
	}
	s.D, s.Rounded = m.Rho.round(s.Sum, s.Quantum)
	return s
}

// special decides a sum that holds a NaN or an infinity; the text is empty when it
// holds neither. NaN comes from a NaN operand or scale, from infinity times zero and
// from infinities of both signs.
func (m *Model) special(op Operands, first, n int, c uint32) (word uint32, why string) {
	var pos, neg string
	note := func(negative bool, where string) {
		if negative {
			neg = where
		} else {
			pos = where
		}
	}
	isNaN, infinity := m.Acc.nanWord(), m.Acc.infWord()
	switch acc := m.Acc.decode(c); acc.class {
	case nan:
		return isNaN, "c is NaN"
	case infinite:
		note(acc.neg, "c")
	}
	for k := first; k < first+n; k++ {
		if m.scale != noScale {
			if _, _, bad := m.scale.decode(op.SFA[k*len(op.SFA)/len(op.A)]); bad {
				return isNaN, fmt.Sprintf("the scale of a[%d] is NaN", k)
			}
			if _, _, bad := m.scale.decode(op.SFB[k*len(op.SFB)/len(op.B)]); bad {
				return isNaN, fmt.Sprintf("the scale of b[%d] is NaN", k)
			}
		}
		a, b := m.A.decode(op.A[k]), m.B.decode(op.B[k])
		switch {
		case a.class == nan || b.class == nan:
			return isNaN, fmt.Sprintf("a[%d] or b[%d] is NaN", k, k)
		case a.class == finite && b.class == finite:
		case a.class == finite && a.sig == 0, b.class == finite && b.sig == 0:
			return isNaN, fmt.Sprintf("a[%d]·b[%d] is infinity times zero", k, k)
		default:
			note(a.neg != b.neg, fmt.Sprintf("a[%d]·b[%d]", k, k))
		}
	}
	switch {
	case pos != "" && neg != "":
		return isNaN, pos + " is +infinity and " + neg + " is -infinity"
	case pos != "":
		return infinity, pos + " is +infinity"
	case neg != "":
		return infinity | m.Acc.signWord(), neg + " is -infinity"
	}
	return 0, ""
}

// term is one product, or one group of products under one pair of scales. A plain
// product aligns by its own exponent and its block scales; a group by its scales
// alone: the exponents of its elements play no part, and a group that cancels to
// zero still counts.
func (m *Model) term(op Operands, k int) Term {
	t := Term{First: k, Len: m.Group, M: 1, negative: true}
	fraction := elements[m.A].man + elements[m.B].man
	for i := k; i < k+m.Group; i++ {
		a, b := m.A.decode(op.A[i]), m.B.decode(op.B[i])
		p := a.sig * b.sig
		t.Counts = t.Counts || p != 0
		t.negative = t.negative && a.neg != b.neg
		if m.Group > 1 { // small formats: put every product on the unit of the smallest
			t.P += p << (a.exp + b.exp)
		} else {
			t.P, t.Align = p, a.exp+b.exp
		}
	}
	if m.scale != noScale {
		t.SFA, t.SFB = op.SFA[k*len(op.SFA)/len(op.A)], op.SFB[k*len(op.SFB)/len(op.B)]
		sa, ea, _ := m.scale.decode(t.SFA)
		sb, eb, _ := m.scale.decode(t.SFB)
		t.M = sa * sb
		t.Align += ea + eb
		fraction += 2 * m.scale.man()
		t.Counts = t.Counts && t.M != 0
	}
	t.Exp = t.Align - fraction
	t.negative = t.P < 0 || t.P == 0 && t.negative
	return t
}

// accumulator is c as a term.
func accumulator(c uint32, e Element) Term {
	n := e.decode(c)
	return Term{P: n.sig, M: 1, Exp: n.exp - elements[e].man, Align: n.exp, Counts: n.sig != 0, negative: n.neg}
}

// zeroCorner reports the results whose sign published models dispute: the output is
// zero, and every addend is -0 or a negative number cut to nothing, or the sum is
// negative and below the smallest output.
func (s *Step) zeroCorner() bool {
	if s.Special != "" || s.D != 0 {
		return false
	}
	for _, t := range s.Terms {
		if s.Sum == 0 && (!t.negative || t.Units != 0) {
			return false
		}
	}
	return s.Sum <= 0
}

// shiftToZero is v·2^n cut toward zero; |v| is below 2^63 and nothing is lost at
// the top, because v is zero or its unit lies at most F bits above the quantum. cut
// reports dropped bits.
func shiftToZero(v int64, n int) (shifted int64, cut bool) {
	if n >= 0 {
		return v << n, false
	}
	if n <= -63 {
		return 0, v != 0
	}
	q := v / (1 << -n)
	return q, q<<-n != v
}

// round converts u·2^q to an output word; inexact reports dropped bits.
func (r Rounding) round(u int64, q int) (word uint32, inexact bool) {
	if r == RNEFP16 {
		return roundToFP16(u, q)
	}
	return roundToZero(u, q, r.precision())
}

// roundToFP16 converts u·2^q to the nearest FP16 word, ties to even: 65,520 and above
// is infinity, and zero is +0 whatever its sign was.
func roundToFP16(u int64, q int) (word uint32, inexact bool) {
	if u == 0 {
		return 0, false
	}
	sign, mag := uint32(0), uint64(u)
	if u < 0 {
		sign, mag = F16.signWord(), -uint64(u)
	}
	top := bits.Len64(mag) - 1 + q
	if top >= 16 {
		return sign | F16.infWord(), false
	}
	field := max(top, -14) + 14 // exponent field less one: the leading bit carries into it
	drop := max(top, -14) - 10 - q
	man := mag
	switch {
	case drop > 63:
		return 0, true
	case drop > 0:
		man = mag >> drop
		rest, half := mag-man<<drop, uint64(1)<<(drop-1)
		inexact = rest != 0
		if rest > half || rest == half && man&1 == 1 {
			man++
		}
	default:
		man = mag << -drop
	}
	if man == 0 {
		return 0, true
	}
	return sign | uint32(field)<<10 + uint32(man), inexact
}

// roundToZero converts u·2^q to an FP32 word with p significant bits, toward zero:
// subnormals keep the quantum of the smallest normal number, 2^128 and above is
// infinity (not the largest number), and zero is +0. inexact reports dropped bits.
func roundToZero(u int64, q, p int) (word uint32, inexact bool) {
	if u == 0 {
		return 0, false
	}
	sign, mag := uint32(0), uint64(u)
	if u < 0 {
		sign, mag = wordNegZero, -uint64(u)
	}
	top := bits.Len64(mag) - 1 + q
	if top >= 128 {
		return sign | wordInf, false
	}
	quantum := max(top, -126) - (p - 1)
	man := mag
	switch drop := quantum - q; {
	case drop >= 64:
		man, inexact = 0, true
	case drop > 0:
		man = mag >> drop
		inexact = man<<drop != mag
	default:
		man = mag << -drop
	}
	if man == 0 {
		return 0, true
	}
	man <<= 24 - p
	if man>>23 == 0 {
		return sign | uint32(man), inexact
	}
	return sign | uint32(max(top, -126)+127)<<23 | uint32(man&0x7fffff), inexact
}
