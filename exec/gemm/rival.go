package gemm

// rival is a published model of an instruction whose results differ from ours for some
// operands. step is one fused sum of it; why is what a result that depends on the
// choice is marked with.
type rival struct {
	why  string
	step func(m *Model, op Operands, first, n int, c uint32) uint32
}

// source is who published or measured the parameters of a row, and who says otherwise.
type source struct {
	who    string
	rivals []rival
}

// What a result in a corner is marked with.
const (
	unverifiedZero = "unverified corner: published models disagree whether this zero is +0 or -0; +0 is shown"

	unverifiedFloor = "unverified corner: published models disagree about sums this small: MMA-Sim aligns no lower than a " +
		"smallest exponent, sf-tensor/tcgen05 has none; MMA-Sim's result is shown"
	unverifiedHalf = "unverified corner: releases of MMA-Sim disagree about the smallest alignment exponent of FP16 results, " +
		"and this one depends on it; release 2.1.1's is shown"
	unverifiedSums = "unverified corner: MMA-Sim and sf-tensor/tcgen05 disagree about this result; MMA-Sim's is shown"
)

// earlier are the releases of MMA-Sim before 2.1.1: zeros that keep a minus sign, and
// other smallest exponents for FP16 results.
var earlier = []rival{
	{unverifiedZero, func(m *Model, op Operands, first, n int, c uint32) uint32 {
		s := m.stepRef(op, first, n, c)
		if s.zeroCorner() {
			return m.Acc.signWord()
		}
		return s.D
	}},
	{unverifiedHalf, func(m *Model, op Operands, first, n int, c uint32) uint32 {
		return m.withFloor(m.earlierFloor(0)).stepRef(op, first, n, c).D
	}},
	{unverifiedHalf, func(m *Model, op Operands, first, n int, c uint32) uint32 {
		return m.withFloor(m.earlierFloor(1)).stepRef(op, first, n, c).D
	}},
}

// earlierFloor is a smallest exponent of FP16 results in earlier releases: that of mma.sync,
// and that of wgmma and tcgen05. Volta's has not changed.
func (m *Model) earlierFloor(which int) int {
	switch m.EZero {
	case turing16h.EZero:
		return -21
	case hopper16h.EZero:
		return [...]int{-22, -133}[which]
	}
	return m.EZero
}

// sfTensor is sf-tensor/tcgen05 (2026), a model of the B200: no smallest alignment
// exponent, c handed on where all scaled products are zero, and windows of its own for FP4.
var sfTensor = append(earlier[:len(earlier):len(earlier)],
	rival{unverifiedZero, func(m *Model, op Operands, first, n int, c uint32) uint32 {
		s := m.stepRef(op, first, n, c)
		if s.Special == "" && m.scale != noScale && !s.anyProduct() {
			return c
		}
		return s.D
	}},
	rival{unverifiedFloor, func(m *Model, op Operands, first, n int, c uint32) uint32 {
		if m.Group > 1 {
			return m.stepRef(op, first, n, c).D
		}
		return m.withFloor(noFloor).stepRef(op, first, n, c).D
	}},
	rival{unverifiedSums, func(m *Model, op Operands, first, n int, c uint32) uint32 {
		s := m.stepRef(op, first, n, c)
		if s.Special != "" || m.Group == 1 || !s.anyProduct() {
			return s.D
		}
		return m.windows(op, first, n, c)
	}},
)

// noFloor is below every alignment exponent.
const noFloor = -1000

// dispute says why a published model returns another word than d; empty when all agree.
func (m *Model) dispute(op Operands, d uint32) string {
	for _, r := range m.rivals {
		if r.why == unverifiedHalf && m.Rho != RNEFP16 {
			continue
		}
		c := op.C
		for k := 0; k < len(op.A); k += m.L {
			c = r.step(m, op, k, min(m.L, len(op.A)-k), c)
		}
		if c != d {
			return r.why
		}
	}
	return ""
}

func (m *Model) withFloor(e int) *Model {
	other := *m
	other.EZero = e
	return &other
}

// anyProduct reports a nonzero product under nonzero scales.
func (s *Step) anyProduct() bool {
	for _, t := range s.Terms {
		if t.Counts && t.Len > 0 {
			return true
		}
	}
	return false
}

// bunch is a few consecutive FP4 products: their exact sum and its unit, the largest
// exponents of its nonzero products with and without the elements'.
type bunch struct {
	sum, unit      int
	product, scale int
}

// bunches cuts one instruction's products into runs of the given length.
func (m *Model) bunches(op Operands, first, n, length int) []bunch {
	var all []bunch
	for k := first; k < first+n; k += length {
		t := m.term(op, k/m.Group*m.Group) // for its scales
		b := bunch{unit: t.Exp, product: noFloor, scale: noFloor}
		for i := k; i < k+length; i++ {
			x, y := m.A.decode(op.A[i]), m.B.decode(op.B[i])
			if p := int(x.sig * y.sig * t.M); p != 0 {
				b.sum += p << (x.exp + y.exp)
				b.product, b.scale = max(b.product, t.Align+x.exp+y.exp), t.Align
			}
		}
		all = append(all, b)
	}
	return all
}

// windows is sf-tensor/tcgen05's rule for block-scaled FP4, for finite operands with a
// nonzero product: the quantum follows c alone where c reaches the largest product (35
// bits below it), and else the largest product (39 bits), the largest pair of scales (35)
// and c (39).
func (m *Model) windows(op Operands, first, n int, c uint32) uint32 {
	acc := accumulator(c, m.Acc)
	groups := m.bunches(op, first, n, m.Group)
	top := bunch{product: noFloor, scale: noFloor}
	for _, g := range groups {
		top.product, top.scale = max(top.product, g.product), max(top.scale, g.scale)
	}
	if acc.Counts && acc.Align >= top.product {
		return m.addBunches(groups, acc, top.scale, acc.Align-35, noFloor)
	}
	q := max(top.product-39, top.scale-35)
	if acc.Counts {
		q = max(q, acc.Align-39)
	}
	if m.scale == ue4m3 {
		return m.addBunches(m.bunches(op, first, n, 4), acc, top.scale, q, noFloor)
	}
	return m.addBunches(groups, acc, top.scale, q, m.EZero-35)
}

// addBunches cuts every bunch and c to the quantum 2^q, adds and rounds. With a floor, as
// for UE8M0 scales, a bunch that c reaches is cut 35 bits below c, and a subnormal
// result is taken again without the bunches under smaller scales that lie below the floor.
func (m *Model) addBunches(all []bunch, acc Term, topScale, q, floor int) uint32 {
	units, _ := shiftToZero(acc.P, acc.Exp-q)
	kept := units
	for _, b := range all {
		own := q
		if floor != noFloor && acc.Counts && b.product != noFloor && acc.Align >= b.product {
			own = max(own, acc.Align-35)
		}
		v, _ := shiftToZero(int64(b.sum), b.unit-own)
		v <<= own - q
		units += v
		if b.scale == noFloor || b.scale == topScale || max(v, -v) >= 1<<min(max(floor-q, 0), 62) {
			kept += v
		}
	}
	word, _ := m.Rho.round(units, q)
	if size := word &^ m.Acc.signWord(); floor != noFloor && size > 0 && size < 1<<elements[m.Acc].man {
		word, _ = m.Rho.round(kept, q)
	}
	return word
}
