package layer

import (
	"math"

	"fp4tui/inspect/fp4"
)

// topScale is the E8M0 byte that the format reserves for NaN. Libraries that
// compute 2^(byte-127) instead of decoding it get something else.
const topScale = 0xff

// zeroIsPositive undoes the sign of code 8: the value table of ModelOpt's
// NVFP4QTensor has +0 there, so the product has the sign of the scale alone.
func zeroIsPositive(v *fp4.Values) {
	for scale := range v {
		v[scale][8] = -v[scale][8]
	}
}

// topScaleIsInf redoes scale 0xff: compressed-tensors computes 2^128 in bfloat16,
// which is infinity, and infinity times code 0 is NaN.
func topScaleIsInf(v *fp4.Values) { redoTop(v, math.Inf(1)) }

// topScaleIs2p128 redoes scale 0xff: transformers calls ldexp, so 0.5 is 2^127, zero
// stays zero and the other codes overflow.
func topScaleIs2p128(v *fp4.Values) { redoTop(v, 0x1p128) }

// redoTop gives scale 0xff the factor that the library uses.
func redoTop(v *fp4.Values, factor float64) {
	for code := range v[topScale] {
		v[topScale][code] = float32(float64(fp4.DecodeE2M1(uint8(code))) * factor)
	}
}
