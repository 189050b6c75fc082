package compare

import (
	"math"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
)

// ulpType counts the steps of a type: index numbers its values in order. 0 is zero, each step
// to the next representable value adds 1, negative values mirror positive ones. The distance of
// two values in ULPs is the difference of their numbers, as in gonum's EqualWithinULP; a
// value that the type can't hold is first rounded to it, nearest even.
type ulpType struct {
	index func(float32) int64
	lanes ulpLanes
}

// ulpLanes says which index vectors compute; assembly knows the numbers.
type ulpLanes uint8

const (
	noULP ulpLanes = iota // none: one at a time
	laneF32
	laneBF16
)

// ulpsOf counts in steps of a type. F64 data was rounded to float32 when read and counts in
// float32 steps, as do types that are no floats.
func ulpsOf(d inspect.DType) ulpType {
	switch d {
	case inspect.BF16:
		return ulpType{ulpBF16, laneBF16}
	case inspect.F16:
		return ulpType{ulpOf(fp4.FP16, 0x7fff), noULP}
	case inspect.F8E4M3:
		return ulpType{ulpOf(fp4.E4M3, 0x7f), noULP}
	case inspect.F8E5M2:
		return ulpType{ulpOf(fp4.E5M2, 0x7f), noULP}
	case inspect.F4:
		return ulpType{ulpOf(fp4.E2M1, 0x7), noULP}
	}
	return ulpType{ulpF32, laneF32}
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
