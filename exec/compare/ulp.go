package compare

import (
	"math"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
)

// ulpIndex returns the function that numbers the values of a type in order: 0 is zero,
// each step to the next representable value adds 1, negative values mirror positive ones.
// The distance of two values in ULPs is the difference of their numbers, as in
// gonum's EqualWithinULP; a value that the type can't hold is first rounded to it,
// nearest even. F64 data was rounded to float32 when read and counts in float32 steps, as
// do types that are no floats.
func ulpIndex(d inspect.DType) func(float32) int64 {
	switch d {
	case inspect.BF16:
		return ulpBF16
	case inspect.F16:
		return ulpOf(fp4.FP16, 0x7fff)
	case inspect.F8E4M3:
		return ulpOf(fp4.E4M3, 0x7f)
	case inspect.F8E5M2:
		return ulpOf(fp4.E5M2, 0x7f)
	case inspect.F4:
		return ulpOf(fp4.E2M1, 0x7)
	}
	return ulpF32
}

func ulpF32(x float32) int64 {
	b := math.Float32bits(x)
	return mirror(int64(b&^(1<<31)), b>>31 != 0)
}

// ulpBF16 is ulpOf(fp4.BF16, …) without the general encoder: bfloat16 is the high half of
// a float32, so rounding is one addition.
func ulpBF16(x float32) int64 {
	b := math.Float32bits(x)
	a := b &^ (1 << 31)
	return mirror(int64((a+0x7fff+a>>16&1)>>16), b>>31 != 0)
}

// ulpOf numbers by the format's own codes: magnitudes of a float format are in order of
// their bit patterns.
func ulpOf(f fp4.Format, magnitude uint16) func(float32) int64 {
	return func(x float32) int64 {
		return mirror(int64(f.Encode(x, fp4.NearestEven)&magnitude), math.Signbit(float64(x)))
	}
}

func mirror(i int64, negative bool) int64 {
	if negative {
		return -i
	}
	return i
}
