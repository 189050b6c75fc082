// Package fdpa multiplies bf16 activations by FP4 weights with the bits of a tensor
// core: chains of truncated fused dot-product-adds.
//
// One step takes L products x·w and the accumulator c. With E the largest exponent
// among them (a product has the sum of its factors' encoded exponents, zeros do not
// count), every term is cut toward zero to multiples of 2^(E-F), the terms are added
// exactly, and the sum is rounded toward zero to FP32.
//
// A weight is code·scale, and all weights of a column share their scale within a
// step. So a step that cuts no term is
//
//	c = RZ(c + S·Σ x·q)      q = 2·code, S = scale/2
//
// with an exact sum: one fused multiply-add that rounds toward zero. Whether a term is
// cut follows from the lowest bit of the step's x, the lowest bit that the scale can
// give a product, and the exponent and lowest bit of c. Steps that cut terms take a
// slower vector step, and those with NaN, infinity or extreme exponents a scalar one.
// All paths give the same words.
package fdpa
