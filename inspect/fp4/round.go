package fp4

import "math"

// Rounding is the rule for a value between two neighbours of a format.
type Rounding uint8

const (
	// NearestEven takes the nearer neighbour, and of two equally near ones that
	// with the even code. The hardware conversions do this. In E8M0, where every
	// significand is 1 and so odd, ties go up, as in torch.
	NearestEven       Rounding = iota
	TowardZero                 // truncate
	Up                         // toward +infinity; with E8M0 that is cvt.rp
	NearestTiesToZero          // nearest, ties to the smaller magnitude: ModelOpt MXFP4, llama.cpp
	NearestAway                // nearest, ties to the larger magnitude: microxcaling's "nearest"
)

// String is the name of the rule.
func (r Rounding) String() string {
	if int(r) < len(roundingNames) {
		return roundingNames[r]
	}
	return "invalid"
}

var roundingNames = [...]string{
	NearestEven: "nearest, ties to even", TowardZero: "toward zero", Up: "up",
	NearestTiesToZero: "nearest, ties to zero", NearestAway: "nearest, ties away",
}

// Encode returns the code of x rounded by r.
//
// Out of range, formats without infinity (E2M1, E4M3, UE4M3, E8M0) saturate at the
// largest finite code, infinities included; E5M2, BF16 and FP16 follow IEEE 754,
// which gives infinity when r rounds away from zero there and the largest finite
// code when it does not.
//
// The sign is kept, also that of zero: -0 and negatives that round to zero become
// E2M1 code 0x8. UE4M3 and E8M0 have no sign and encode |x|. NaN becomes the
// format's quiet NaN with the sign of x; in E2M1, which has none, code 0x7 (+6)
// whatever its sign, as in hardware. E8M0 encodes 0 and all below 2^-127 as 0x00.
func (f Format) Encode(x float32, r Rounding) uint16 {
	if math.IsInf(float64(x), 0) && f.spec().infinite != noCode {
		return f.spec().infinite | f.signOf(x)
	}
	return f.encode(x, r, false)
}

// EncodeSat is Encode with every overflow, infinities included, saturated at the
// largest finite code: the satfinite forms of the conversion instructions.
func (f Format) EncodeSat(x float32, r Rounding) uint16 { return f.encode(x, r, true) }

// signOf is the sign bit that x has in the format.
func (f Format) signOf(x float32) uint16 {
	if math.Signbit(float64(x)) {
		return f.spec().sign
	}
	return 0
}

// encode rounds on integers: |x| = m·2^e is cut to the format's fraction width,
// and because codes of one sign are consecutive integers in the order of their
// values, a carry out of the fraction is the carry into the exponent.
func (f Format) encode(x float32, r Rounding, saturate bool) uint16 {
	s := f.spec()
	sign := f.signOf(x)
	if x != x {
		if f == E2M1 {
			return s.nan
		}
		return s.nan | sign
	}
	negative := math.Signbit(float64(x)) && s.sign != 0
	m, e := split(x)
	switch {
	case math.IsInf(float64(x), 0):
		return s.largest | sign
	case f == E8M0 && (m == 0 || e+23 < -127):
		return 0
	case m == 0:
		return sign
	}
	// After normalizing, x lies in [2^(e+23), 2^(e+24)). A binade of the format
	// below its normal range has the step of the smallest normal binade.
	exp := e + 23 + s.bias
	if f == E8M0 {
		exp++ // codes start at 2^-127 itself: there is no field for zero
	}
	field := max(exp, 1)
	cut := 23 - s.man + field - exp // fraction bits to drop; at least 13
	code := uint32(field-1)<<s.man + shiftRound(m, cut, r, negative)
	if f == E8M0 {
		code-- // the hidden bit of a format that has no fraction
	}
	if code > uint32(s.largest) {
		return f.overflow(r, negative, saturate) | sign
	}
	return uint16(code) | sign
}

// overflow is the code of a finite magnitude that rounds beyond the largest.
func (f Format) overflow(r Rounding, negative, saturate bool) uint16 {
	s := f.spec()
	inward := r == TowardZero || (r == Up && negative)
	if saturate || inward || s.infinite == noCode {
		return s.largest
	}
	return s.infinite
}

// split writes finite |x| as m·2^e with 2^23 <= m < 2^24; m is 0 for zero.
func split(x float32) (m uint32, e int) {
	b := math.Float32bits(x) &^ (1 << 31)
	if b == 0 {
		return 0, 0
	}
	exp, m := int(b>>23), b&(1<<23-1)
	if exp == 0 {
		exp = 1
	} else {
		m |= 1 << 23
	}
	for ; m < 1<<23; m <<= 1 {
		exp--
	}
	return m, exp - 150
}

// shiftRound drops the low n bits of m by the rounding rule.
func shiftRound(m uint32, n int, r Rounding, negative bool) uint32 {
	n = min(n, 26) // m < 2^24: beyond that all is below half
	kept, rest, half := m>>n, m&(1<<n-1), uint32(1)<<(n-1)
	var up bool
	switch r {
	case NearestEven:
		up = rest > half || (rest == half && kept&1 == 1)
	case NearestTiesToZero:
		up = rest > half
	case NearestAway:
		up = rest >= half
	case Up:
		up = rest != 0 && !negative
	}
	if up {
		kept++
	}
	return kept
}

// RoundBF16 returns x rounded to bfloat16, nearest even; overflow gives infinity,
// NaN is returned as it is.
func RoundBF16(x float32) float32 {
	b := math.Float32bits(x)
	if x != x {
		return x
	}
	return math.Float32frombits((b + 0x7fff + b>>16&1) &^ 0xffff)
}

// RoundFP16 returns x rounded to binary16, nearest even; overflow gives infinity,
// NaN is returned as it is.
func RoundFP16(x float32) float32 {
	const minNormal, overflow = 0x1p-14, 65520
	a := float32(math.Abs(float64(x)))
	switch {
	case x != x:
		return x
	case a >= overflow:
		return float32(math.Copysign(math.Inf(1), float64(x)))
	case a < minNormal: // one float32 rounding at the ulp of [0.5, 1), which is 2^-24
		return float32(math.Copysign(float64(float32(a+0.5)-0.5), float64(x)))
	}
	b := math.Float32bits(x)
	return math.Float32frombits((b + 0xfff + b>>13&1) &^ 0x1fff)
}
