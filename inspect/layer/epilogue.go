package layer

// AlphaPlace is where the global scales meet the accumulator.
type AlphaPlace uint8

const (
	AlphaF32  AlphaPlace = iota // FP32 alpha times the FP32 accumulator, then one rounding to the output type
	AlphaBF16                   // alpha itself rounded to bf16 first, as where it was folded into a bf16 tensor
	AlphaOut                    // the accumulator is rounded to the output type, then multiplied in it by alpha in it: two roundings, and fp16 may overflow before the global scale (older Marlin)
)

// BiasPlace is where the bias is added.
type BiasPlace uint8

const (
	BiasNone BiasPlace = iota // not at all: y = alpha·acc
	BiasF32                   // to the FP32 product, before the rounding to the output type
	BiasOut                   // to the rounded output, in the output type: a second rounding
)

// Epilogue is what a kernel does between accumulator and output. The zero Epilogue is
// CUTLASS's linear combination without bias: round(alpha·acc).
type Epilogue struct {
	Alpha AlphaPlace
	Bias  BiasPlace
}

// String is the word of the command language: the value of epilogue=.
func (a AlphaPlace) String() string { return [...]string{"f32", "bf16-alpha", "out"}[a] }

// String is the word of the command language: the value of bias=.
func (b BiasPlace) String() string { return [...]string{"none", "f32", "out"}[b] }

// String is both words, alpha's then bias's when there is one: "f32", "out+bias-f32".
func (e Epilogue) String() string {
	if e.Bias == BiasNone {
		return e.Alpha.String()
	}
	return e.Alpha.String() + "+bias-" + e.Bias.String()
}
