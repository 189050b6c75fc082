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
func zeroIsPositive(b *fp4.Blocks, row int, dst []float32) {
	codes := b.Codes[row*(b.Cols/2) : (row+1)*(b.Cols/2)]
	for i, v := range codes {
		if v&15 == 8 {
			dst[2*i] = -dst[2*i]
		}
		if v>>4 == 8 {
			dst[2*i+1] = -dst[2*i+1]
		}
	}
}

// topScaleIsInf redoes blocks of scale 0xff: compressed-tensors computes 2^128 in
// bfloat16, which is infinity, and infinity times code 0 is NaN.
func topScaleIsInf(b *fp4.Blocks, row int, dst []float32) { redoTop(b, row, dst, math.Inf(1)) }

// topScaleIs2p128 redoes blocks of scale 0xff: transformers calls ldexp, so 0.5 is
// 2^127, zero stays zero and the other codes overflow.
func topScaleIs2p128(b *fp4.Blocks, row int, dst []float32) { redoTop(b, row, dst, 0x1p128) }

// redoTop gives the blocks of scale 0xff the factor that the library uses.
func redoTop(b *fp4.Blocks, row int, dst []float32, factor float64) {
	cols := b.ScaleCols()
	for block, scale := range b.Scales[row*cols : (row+1)*cols] {
		if scale != topScale {
			continue
		}
		for c := block * b.Block; c < min((block+1)*b.Block, b.Cols); c++ {
			dst[c] = float32(float64(fp4.DecodeE2M1(b.Code(row, c))) * factor)
		}
	}
}
