package gemm

import (
	"math"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
)

// The NaN that every output type holds: what the hardware's conversions return,
// as the float32 with that value.
var canonicalNaN = map[inspect.DType]float32{
	inspect.F32:  math.Float32frombits(wordNaN),
	inspect.BF16: math.Float32frombits(0x7fff0000),
	inspect.F16:  math.Float32frombits(0x7fffe000),
}

// roundFloat32 rounds an epilogue's result to the output type, nearest even.
func roundFloat32(x float32, out inspect.DType) float32 {
	if x != x {
		return canonicalNaN[out]
	}
	switch out {
	case inspect.BF16:
		return fp4.RoundBF16(x)
	case inspect.F16:
		return fp4.RoundFP16(x)
	}
	return x
}

// roundRow is the plain epilogue of a row: one multiplication, one rounding.
func roundRow(y, acc []float32, alpha float32, out inspect.DType) {
	y = y[:len(acc)]
	if out != inspect.BF16 {
		for j, a := range acc {
			y[j] = roundFloat32(float32(alpha*a), out)
		}
		return
	}
	for j, a := range acc {
		v := float32(alpha * a)
		b := math.Float32bits(v)
		y[j] = math.Float32frombits((b + 0x7fff + b>>16&1) &^ 0xffff)
		if v != v {
			y[j] = canonicalNaN[out]
		}
	}
}

// roundFloat64 rounds the reference's sum to the output type in one step, nearest
// even: by way of float32 it would round twice.
func roundFloat64(x float64, out inspect.DType) float32 {
	if x != x {
		return canonicalNaN[out]
	}
	switch out {
	case inspect.BF16:
		return nearest(x, 7, -126, 0x1.fep127)
	case inspect.F16:
		return nearest(x, 10, -14, 0x1.ffcp15)
	}
	return float32(x)
}

// nearest rounds x to man fraction bits; minExp is the smallest normal exponent,
// largest the largest finite value.
func nearest(x float64, man, minExp int, largest float64) float32 {
	if x == 0 || math.IsInf(x, 0) {
		return float32(x)
	}
	if a := math.Abs(x); a >= pow2(minExp) && a < largest {
		// A normal number below the largest: add half a step on the bits, less one where
		// what stays is even, and cut.
		drop := 52 - man
		u := math.Float64bits(x)
		u += 1<<(drop-1) - 1 + u>>drop&1
		return float32(math.Float64frombits(u &^ (1<<drop - 1)))
	}
	exp := max(math.Ilogb(x), minExp) - man
	y := math.Ldexp(math.RoundToEven(math.Ldexp(x, -exp)), exp)
	if math.Abs(y) > largest {
		y = math.Copysign(math.Inf(1), x)
	}
	return float32(y)
}
