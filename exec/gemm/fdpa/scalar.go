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

// Step is one step of one output by the plain rule: at most L bf16 words of either
// operand, zeros beyond, and the FP32 words c and d. underflow reports a negative sum
// cut to zero: published models dispute its sign, and it is +0 here.
func (p Params) Step(x, w *[16]uint16, c uint32) (d uint32, underflow bool) {
	const bias = 127 + 127
	var terms [maxL]float64
	e := int32(p.EZero) + bias
	if c&^wordSign != 0 {
		e = max(e, exponent(c>>23)+127)
	}
	special := c&wordInf == wordInf
	for i := range maxL {
		a, b := uint32(x[i]), uint32(w[i])
		special = special || a&0x7f80 == 0x7f80 || b&0x7f80 == 0x7f80
		terms[i] = float64(math.Float32frombits(a<<16)) * float64(math.Float32frombits(b<<16))
		if terms[i] != 0 {
			e = max(e, exponent(a>>7)+exponent(b>>7))
		}
	}
	if special {
		return specialStep(x, w, c), false
	}
	// Products and their multiples by powers of two are exact in float64, and the
	// conversion cuts toward zero.
	perUnit := power(int32(p.F) + bias - e)
	units := int64(float64(math.Float32frombits(c)) * perUnit)
	for _, t := range terms {
		units += int64(t * perUnit)
	}
	d = toZero(float64(units) * power(e-bias-int32(p.F)))
	return d, d == 0 && units < 0
}

// exponent is the biased exponent in the low eight bits, which subnormals share with
// the smallest normal numbers.
func exponent(field uint32) int32 { return max(int32(field&0xff), 1) }

// power is 2^n, in the range of normal float64 numbers.
func power(n int32) float64 { return math.Float64frombits(uint64(1023+n) << 52) }

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

// specialStep is a step that holds a NaN or an infinity. NaN comes from NaN, from infinity
// times zero and from infinities of both signs.
func specialStep(x, w *[maxL]uint16, c uint32) uint32 {
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
