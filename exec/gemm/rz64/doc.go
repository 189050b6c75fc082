// Package rz64 multiplies block-scaled FP4 matrices as the K = 64 tensor-core
// instruction does (NVFP4 and MXFP4), bit for bit and at the speed of vector units.
//
// One instruction is c ← RZ(c + s): s is the sum of four group sums of 16, each exact
// and scaled by two block scales. All addends are first cut below 2^(E-35), E being
// the largest exponent among them. The method rests on two facts:
//
//   - Where E-35 does not exceed the exponent of the unit that all addends are
//     multiples of, nothing is cut. Units follow from the scale bytes of a row and
//     a column, and c is watched while it grows.
//   - Four small integers times scale products of at most 8 significant bits nearly
//     always sum exactly in float32, and the processor's own inexact flag says when they
//     do not. Then one addition with rounding toward zero is the instruction.
//
// Steps whose sum is not a float32 are added in float64 and cut to float32; a block
// whose window is too narrow goes through the int64 arithmetic of the definition. So
// every path, vector or portable, returns the same words for every input, and neither
// the processor nor the shape of the tiles changes any of them.
package rz64
