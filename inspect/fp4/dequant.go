package fp4

import (
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
	s := b.ScaleType.Decode(uint16(scale))
	switch b.Global.Use {
	case Divides:
		return s / b.Global.Value
	case Multiplies:
		return s * b.Global.Value
	}
	return s
}

// DequantRow writes the values of one row to dst[:Cols]: the float32 product of
// code and Effective scale. Without a global scale that is exact.
func (b *Blocks) DequantRow(row int, dst []float32) { b.expandRow(row, dst, b.Effective) }

// LocalRow writes code·scale of one row to dst[:Cols], without the global scale:
// at most 6 significant bits, so exact. Up to the global scale these are the
// numbers that a tensor core adds up.
func (b *Blocks) LocalRow(row int, dst []float32) {
	b.expandRow(row, dst, func(scale uint8) float32 { return b.ScaleType.Decode(uint16(scale)) })
}

// expandRow multiplies the codes of each block of a row by factor(its scale byte).
func (b *Blocks) expandRow(row int, dst []float32, factor func(uint8) float32) {
	cols := b.ScaleCols()
	codes := b.Codes[row*(b.Cols/2) : (row+1)*(b.Cols/2)]
	pairs := e2m1Pairs[b.Order]
	dst = dst[:b.Cols]
	for _, scale := range b.Scales[row*cols : (row+1)*cols] {
		n := min(b.Block/2, len(codes))
		expand(dst, codes[:n], factor(scale), pairs)
		codes, dst = codes[n:], dst[2*n:]
	}
}

// expand writes the values of codes times s. Eight bytes at a time: with arrays of
// known length the compiler drops the bounds checks.
func expand(dst []float32, codes []byte, s float32, pairs *[256][2]float32) {
	for len(codes) >= 8 && len(dst) >= 16 {
		c, d := (*[8]byte)(codes), (*[16]float32)(dst)
		for i := range 8 {
			p := &pairs[c[i]]
			d[2*i], d[2*i+1] = p[0]*s, p[1]*s
		}
		codes, dst = codes[8:], dst[16:]
	}
	for i, v := range codes {
		p := &pairs[v]
		dst[2*i], dst[2*i+1] = p[0]*s, p[1]*s
	}
}
