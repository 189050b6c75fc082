package fdpa

import (
	"math"
	"math/bits"
)

const (
	wordInf  = 0x7f800000
	wordNaN  = 0x7fffffff
	wordSign = 0x80000000
)

// factors is L bf16 words decoded: value = sig·2^(exp-7).
type factors struct {
	sig, exp [maxL]int32
	special  bool // one of them is NaN or infinite
}

// noExp is the exponent of a zero: with another's added it is below all that align.
const noExp = -1 << 12

func (f *factors) decode(words *[maxL]uint16) {
	f.special = false
	for i, w := range words {
		field, sig := int32(w>>7&0xff), int32(w&0x7f)
		switch {
		case field == 0xff:
			f.special = true
		case field != 0:
			sig |= 0x80
		}
		exp := max(field, 1) - 127
		if sig == 0 {
			exp = noExp
		}
		if w>>15 != 0 {
			sig = -sig
		}
		f.sig[i], f.exp[i] = sig, exp
	}
}

// Step is one step of one output by the plain rule: at most L bf16 words of either
// operand, zeros beyond, and the FP32 words c and d. underflow reports a negative sum
// cut to zero: published models dispute its sign, and it is +0 here.
func (p Params) Step(x, w *[16]uint16, c uint32) (d uint32, underflow bool) {
	var a, b factors
	a.decode(x)
	b.decode(w)
	if a.special || b.special || c&wordInf == wordInf {
		return special(x, w, c), false
	}
	csig, cexp := int64(c&0x7fffff), int32(c>>23&0xff)
	if cexp != 0 {
		csig |= 1 << 23
	}
	cexp = max(cexp, 1) - 127
	e := int32(p.EZero)
	if csig != 0 {
		e = max(e, cexp)
	}
	for i := range maxL {
		e = max(e, a.exp[i]+b.exp[i])
	}
	if c&wordSign != 0 {
		csig = -csig
	}
	// c has 23 bits below its exponent and a product 14, of F bits kept.
	units := cut(csig<<(p.F-23), e-cexp)
	for i := range maxL {
		units += cut(int64(a.sig[i]*b.sig[i])<<(p.F-14), e-a.exp[i]-b.exp[i])
	}
	d = toZero(float64(units) * math.Ldexp(1, int(e)-p.F))
	return d, d == 0 && units < 0
}

// cut is v·2^-down toward zero.
func cut(v int64, down int32) int64 {
	sign := v >> 63
	return ((v^sign)-sign)>>min(uint32(down), 63) ^ sign - sign
}

// toZero rounds to FP32 toward zero: subnormals are kept, 2^128 and above is infinity,
// zero is +0.
func toZero(v float64) uint32 {
	b := math.Float64bits(v)
	sign := uint32(b>>32) & wordSign
	abs := math.Float64frombits(b &^ (1<<63 | 1<<29 - 1))
	switch {
	case abs >= 0x1p128:
		return sign | wordInf
	case abs < 0x1p-126:
		if n := uint32(abs * 0x1p149); n != 0 {
			return sign | n
		}
		return 0
	}
	return sign | math.Float32bits(float32(abs))
}

// special is a step that holds a NaN or an infinity. NaN comes from NaN, from infinity
// times zero and from infinities of both signs.
func special(x, w *[maxL]uint16, c uint32) uint32 {
	if c&^wordSign > wordInf {
		return wordNaN
	}
	signs := 0 // bit 0: +infinity was met, bit 1: -infinity
	if c&wordInf == wordInf {
		signs |= 1 << (c >> 31)
	}
	for i := range maxL {
		a, b := x[i]&0x7fff, w[i]&0x7fff
		switch {
		case a > 0x7f80 || b > 0x7f80:
			return wordNaN
		case a < 0x7f80 && b < 0x7f80:
		case a == 0 || b == 0:
			return wordNaN
		default:
			signs |= 1 << ((x[i] ^ w[i]) >> 15)
		}
	}
	switch bits.OnesCount(uint(signs)) {
	case 2:
		return wordNaN
	default:
		return wordInf | uint32(signs>>1)<<31
	}
}
