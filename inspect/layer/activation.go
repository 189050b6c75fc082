package layer

import "fp4tui/inspect/fp4"

// Factor is one factor of an epilogue's alpha: a global scale and its origin. Alpha
// takes Scale.Multiplier().
type Factor struct {
	Name   string          // "x.global", "w.global", "alpha"
	Scale  fp4.GlobalScale // value and direction, as stored or as the policy makes it
	Origin string          // how it came about: "stored", "448·6/amax(x)", "invented from the weight's global scale"
	Tensor string          // the stored tensor it was read from; "" when there is none
	File   string          // that holds Tensor
}

// ActReport is what quantizing the activations of a w4a4 run did to them. Counts of
// blocks and elements are over all rows of x.
type ActReport struct {
	Policy ActPolicy
	Per    ActPer
	// The smallest and the largest encode scale over the rows: what x is multiplied by
	// before its block scales are taken. Both are 1 in a format without global scales.
	EncodeMin, EncodeMax float32

	ScaleType fp4.Format
	Scales    [256]int64 // blocks by scale byte
	Blocks    int64
	ZeroScale int64 // blocks whose scale is zero …
	Lost      int64 // … though they held values that are not
	NaNScale  int64
	Saturated int64 // blocks whose scale is the largest finite one

	Elements  int64
	Clipped   int64   // |x| above 7·scale: farther from the largest code than any rounding
	Flushed   int64   // values that are not zero and became zero
	NonFinite int64   // NaN and infinities of x: not in SQNR
	SQNR      float64 // of the quantized x against x, in dB; +Inf when nothing was lost
}
