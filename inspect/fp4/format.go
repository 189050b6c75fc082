// Package fp4 knows number formats as bits: E2M1, E4M3FN, UE4M3, E8M0, E5M2,
// bfloat16 and binary16; their rounding, their packing, and the recipes by which
// real quantizers turn floats into codes and scales.
package fp4

// Format is a number format of at most 16 bits. Its codes are the bit patterns.
type Format uint8

const (
	E2M1  Format = iota + 1 // 4 bits: ±{0, .5, 1, 1.5, 2, 3, 4, 6}; no NaN, no infinity
	E4M3                    // OCP E4M3 ("fn"): bias 7, max 448, NaN 0x7f and 0xff, no infinity
	UE4M3                   // E4M3 as a scale operand: bit 7 ignored
	E8M0                    // 2^(b-127), 0xff is NaN
	E5M2                    // bias 15, max 57344, infinities and NaN as in IEEE
	BF16
	FP16
)
