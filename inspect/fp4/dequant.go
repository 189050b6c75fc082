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
