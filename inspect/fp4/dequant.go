package fp4

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Check reports whether the sizes, the scale type and the global scale's direction
// fit together; every other method takes that for granted. The error is an *Error
// of class ErrShape, ErrRecipe (scale type) or ErrGlobal (direction).
func (b *Blocks) Check() error {
	size := fmt.Sprintf("%d×%d in blocks of %d", b.Rows, b.Cols, b.Block)
	switch {
	case b.Rows < 0 || b.Cols < 0 || b.Block <= 0:
		return &Error{ErrShape, "impossible size " + size, "sizes are positive", ""}
	case b.Cols%2 != 0 || b.Block%2 != 0:
		return &Error{ErrShape, "odd size " + size, "two codes share a byte, so columns and block are even", "pad the columns by one"}
	case b.Cols > 0 && b.Rows > math.MaxInt/b.Cols:
		return &Error{ErrShape, "impossible size " + size, "more elements than can be counted", ""}
	case len(b.Codes) != b.Rows*(b.Cols/2):
		return &Error{ErrShape, "codes do not fill " + size,
			fmt.Sprintf("that is %d bytes, there are %d", b.Rows*(b.Cols/2), len(b.Codes)), "the packed shape is rows × columns/2"}
	case len(b.Scales) != b.Rows*b.ScaleCols():
		return &Error{ErrShape, "scales do not fill " + size,
			fmt.Sprintf("that is %d×%d, there are %d bytes", b.Rows, b.ScaleCols(), len(b.Scales)),
			"unswizzle a padded scale matrix first, or correct the block size"}
	case b.ScaleType != E4M3 && b.ScaleType != UE4M3 && b.ScaleType != E8M0:
		return &Error{ErrRecipe, "block scales of type " + b.ScaleType.String(), "they are E4M3, UE4M3 or E8M0", ""}
	case b.Global.Use > Multiplies:
		return &Error{ErrGlobal, fmt.Sprintf("global scale of direction %d", b.Global.Use), "it divides, multiplies or is absent", ""}
	case b.Order > HighFirst:
		return &Error{ErrShape, fmt.Sprintf("nibble order %d", b.Order), "an element is in the low or in the high half first", ""}
	}
	return nil
}

// Effective is the factor between code and value that a scale byte stands for, in
// the arithmetic of the producer: float32(scale)/global as one float32 division,
// float32(scale·global), or the scale alone.
func (b *Blocks) Effective(scale uint8) float32 {
	return b.Global.apply(b.ScaleType.scaleValues()[scale])
}

// apply combines a block scale with the global scale.
func (g GlobalScale) apply(scale float32) float32 {
	switch g.Use {
	case Divides:
		return scale / g.Value
	case Multiplies:
		return scale * g.Value
	}
	return scale
}

// DequantRow writes the values of one row to dst[:Cols]: the float32 product of
// code and Effective scale. Without a global scale that is LocalRow.
func (b *Blocks) DequantRow(row int, dst []float32) { b.expandRow(row, dst, b.Global) }

// LocalRow writes code·scale of one row to dst[:Cols], without the global scale:
// at most 6 significant bits, so exact (beside E8M0 scales of 2^126 and 2^127, with
// which a product can pass float32 and be infinite). Up to the global scale these
// are the numbers that a tensor core adds up.
func (b *Blocks) LocalRow(row int, dst []float32) { b.expandRow(row, dst, GlobalScale{}) }

// expandRow multiplies the codes of each block of a row by its scale under g.
func (b *Blocks) expandRow(row int, dst []float32, g GlobalScale) {
	cols := b.ScaleCols()
	codes := b.Codes[row*(b.Cols/2) : (row+1)*(b.Cols/2)]
	pairs, values := e2m1Pairs[b.Order], b.ScaleType.scaleValues()
	dst = dst[:b.Cols]
	for _, scale := range b.Scales[row*cols : (row+1)*cols] {
		n := min(b.Block/2, len(codes))
		expand(dst, codes[:n], g.apply(values[scale]), pairs)
		codes, dst = codes[n:], dst[2*n:]
	}
}

// expand writes the values of codes times s, a block of 16 at a time: with an array
// of known length the compiler drops the bounds checks.
func expand(dst []float32, codes []byte, s float32, pairs *[256][2]float32) {
	for len(codes) >= 8 && len(dst) >= 16 {
		expand8((*[16]float32)(dst), binary.LittleEndian.Uint64(codes), s, pairs)
		codes, dst = codes[8:], dst[16:]
	}
	for i, v := range codes {
		p := &pairs[v]
		dst[2*i], dst[2*i+1] = p[0]*s, p[1]*s
	}
}

// expand8 writes the values of eight bytes of codes times s.
func expand8(d *[16]float32, codes uint64, s float32, pairs *[256][2]float32) {
	p := &pairs[codes&0xff]
	d[0], d[1] = p[0]*s, p[1]*s
	p = &pairs[codes>>8&0xff]
	d[2], d[3] = p[0]*s, p[1]*s
	p = &pairs[codes>>16&0xff]
	d[4], d[5] = p[0]*s, p[1]*s
	p = &pairs[codes>>24&0xff]
	d[6], d[7] = p[0]*s, p[1]*s
	p = &pairs[codes>>32&0xff]
	d[8], d[9] = p[0]*s, p[1]*s
	p = &pairs[codes>>40&0xff]
	d[10], d[11] = p[0]*s, p[1]*s
	p = &pairs[codes>>48&0xff]
	d[12], d[13] = p[0]*s, p[1]*s
	p = &pairs[codes>>56]
	d[14], d[15] = p[0]*s, p[1]*s
}
