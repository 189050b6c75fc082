package fp4

import "math"

// elements says how a recipe turns values into codes: by multiplication with the factor
// of their block, then nearest even with the sign kept and NaN as +6, as the hardware converts; or
// with these differences.
type elements uint8

// The vector code tests bits 0 to 2 and 4; nanIsZero is in the code that it gets for NaN.
const (
	divides elements = 1 << iota // IEEE division by the factor
	// roundsBF16: the quotient of bfloat16 values is rounded to it where no global scale
	// made the arithmetic float32.
	roundsBF16
	// plusZero takes the sign from a comparison with zero: -0 gives code 0, a negative that rounds
	// to zero code 8.
	plusZero
	// nanIsZero: a NaN survives the rounding and is then packed as a zero.
	nanIsZero
	// tiesDown counts the midpoints below the magnitude, so ties go toward zero, and NaN to zero; and
	// it sets the sign bit of all that is not above zero.
	tiesDown
)

// nan is the code of NaN.
func (e elements) nan() uint8 {
	switch {
	case e&nanIsZero != 0:
		return 0
	case e&tiesDown != 0:
		return 8
	}
	return 7
}

// code is the definition.
func (e elements) code(x, by float32) uint8 {
	q := x * by
	if e&divides != 0 {
		q = x / by
	}
	if e&roundsBF16 != 0 {
		q = RoundBF16(q)
	}
	switch {
	case isNaN(q):
		return e.nan()
	case e&tiesDown != 0:
		return codeTiesDown(q)
	case q == 0 && e&plusZero != 0:
		return 0
	}
	return EncodeE2M1(q)
}

func codeTiesDown(q float32) uint8 {
	code := EncodeE2M1(q) & 7
	switch math.Abs(float64(q)) {
	case 0.75, 1.75, 3.5: // the ties that go up to an even code
		code--
	}
	if q > 0 {
		return code
	}
	return code | 8
}

// encodePortable packs the codes of blocks of size values, low nibble first.
func encodePortable(codes []byte, x, by []float32, size int, e elements) {
	for _, f := range by {
		for i := range size / 2 {
			codes[i] = e.code(x[2*i], f) | e.code(x[2*i+1], f)<<4
		}
		codes, x = codes[size/2:], x[size:]
	}
}

// amaxPortable reduces blocks of size values to their largest magnitudes: NaN when there is one,
// or with dropNaN when there is nothing else, as the maximum instruction of the quantization
// kernels does.
func amaxPortable(dst, x []float32, size int, dropNaN bool) {
	for i := range dst {
		dst[i] = math.Float32frombits(topMagnitude(x[i*size:(i+1)*size], dropNaN))
	}
}

// topMagnitude compares magnitudes as integers, where NaN is above infinity.
func topMagnitude(x []float32, dropNaN bool) uint32 {
	const infinity = 0x7f800000
	var top uint32
	found := false
	for _, v := range x {
		if a := math.Float32bits(v) &^ (1 << 31); !dropNaN || a <= infinity {
			top, found = max(top, a), true
		}
	}
	if !found && len(x) > 0 {
		return 1<<32 - 1 // a NaN
	}
	return top
}

// roundPortable is RoundBF16 of every element of x.
func roundPortable(dst, x []float32) {
	for i, v := range x {
		dst[i] = RoundBF16(v)
	}
}
