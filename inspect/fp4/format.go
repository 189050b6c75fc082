// Package fp4 knows number formats as bits: E2M1, E4M3FN, UE4M3, E8M0, E5M2,
// bfloat16 and binary16; their rounding, their packing, and the recipes by which
// real quantizers turn floats into codes and scales.
//
// It is not a matrix library: a Blocks value is what a checkpoint stores or a
// quantizer returns, and its only arithmetic is the dequantization that defines
// its values.
package fp4

import "math"

// Format is a number format of at most 16 bits. Its codes are the bit patterns,
// in the low Bits bits of a uint16; the bits above are ignored.
//
// A code with sign s, exponent field e and fraction f is
//
//	(-1)^s · 2^(e-bias) · (1 + f/2^man)      e > 0
//	(-1)^s · 2^(1-bias) · (f/2^man)          e = 0
//
// except E8M0, which is 2^(code-127) for every code but the NaN 0xff.
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

// noCode marks a code that a format does not have.
const noCode = 0xffff

// spec is one row of the table of formats. Codes are those of positive values.
type spec struct {
	name     string
	bits     int    // width of a code
	sign     uint16 // the sign bit; 0 when the format has none
	man      int    // fraction bits
	bias     int
	largest  uint16 // the largest finite code
	infinite uint16 // noCode when the format has no infinity
	nan      uint16 // what NaN encodes to
}

// specs follows the OCP 8-bit and MX specifications and IEEE 754. NaN becomes the
// code that torch writes, except in E2M1, which has none: +6, as the hardware
// conversion (cvt.rn.satfinite.e2m1x2) does.
var specs = [...]spec{
	0:     {"invalid", 0, 0, 0, 0, 0, noCode, 0},
	E2M1:  {"E2M1", 4, 0x8, 1, 1, 0x7, noCode, 0x7},
	E4M3:  {"E4M3", 8, 0x80, 3, 7, 0x7e, noCode, 0x7f},
	UE4M3: {"UE4M3", 8, 0, 3, 7, 0x7e, noCode, 0x7f},
	E8M0:  {"E8M0", 8, 0, 0, 127, 0xfe, noCode, 0xff},
	E5M2:  {"E5M2", 8, 0x80, 2, 15, 0x7b, 0x7c, 0x7f},
	BF16:  {"BF16", 16, 0x8000, 7, 127, 0x7f7f, 0x7f80, 0x7fc0},
	FP16:  {"FP16", 16, 0x8000, 10, 15, 0x7bff, 0x7c00, 0x7e00},
}

// spec returns the row of a format; that of "invalid" for an unknown one.
func (f Format) spec() *spec {
	if int(f) < len(specs) {
		return &specs[f]
	}
	return &specs[0]
}

// String is the name of the format: "E2M1", "E4M3", "UE4M3", "E8M0", "E5M2",
// "BF16", "FP16".
func (f Format) String() string { return f.spec().name }

// Bits is the width of a code: 4, 8 or 16. UE4M3 is stored in 8.
func (f Format) Bits() int { return f.spec().bits }

// Max is the largest finite value: 6, 448, 448, 2^127, 57344, about 3.39e38, 65504.
func (f Format) Max() float32 { return f.Decode(f.spec().largest) }

// Negative says whether the sign bit of a code is set, also for -0 and NaN. It is
// false for UE4M3 and E8M0, which have no sign.
func (f Format) Negative(code uint16) bool { return code&f.spec().sign != 0 }

// magnitude strips the sign (for UE4M3: bit 7) and the bits above the format.
func (f Format) magnitude(code uint16) uint16 {
	switch s := f.spec(); f {
	case UE4M3:
		return code & 0x7f
	case E8M0:
		return code & 0xff
	default:
		return code & (s.sign - 1)
	}
}

// Decode returns the value of a code. It is exact: every value of every format is
// a float32 (2^-127, E8M0 code 0, is a subnormal one). NaN codes give a quiet
// float32 NaN.
func (f Format) Decode(code uint16) float32 {
	switch f {
	case E2M1:
		return e2m1Values[code&15]
	case E4M3:
		return e4m3Values[code&0xff]
	case UE4M3:
		return e4m3Values[code&0x7f]
	case E8M0:
		return DecodeE8M0(uint8(code))
	}
	return f.decode(code)
}

// decode is the definition that the tables are made from. It does not know E8M0.
func (f Format) decode(code uint16) float32 {
	s := f.spec()
	m := f.magnitude(code)
	var v float32
	switch {
	case m == s.infinite:
		v = float32(math.Inf(1))
	case m > s.largest:
		return float32(math.NaN())
	default:
		exp, sig := int(m>>s.man), int(m&(1<<s.man-1))
		if exp == 0 {
			exp = 1
		} else {
			sig |= 1 << s.man
		}
		v = float32(math.Ldexp(float64(sig), exp-s.bias-s.man))
	}
	if f.Negative(code) {
		return float32(math.Copysign(float64(v), -1))
	}
	return v
}

// Class sorts the codes of a format by what they can say about a tensor's health.
type Class uint8

const (
	Zero      Class = iota // +0 or -0
	Subnormal              // below the smallest normal magnitude
	Normal
	Saturated // the largest finite magnitude: exact, or clipped to it
	Infinite
	NaN
)

// String is the lower-case name of the class.
func (c Class) String() string {
	if int(c) < len(classNames) {
		return classNames[c]
	}
	return "invalid"
}

var classNames = [...]string{
	Zero: "zero", Subnormal: "subnormal", Normal: "normal",
	Saturated: "saturated", Infinite: "infinite", NaN: "nan",
}

// Class returns the class of a code. E8M0 has neither zero nor subnormals.
func (f Format) Class(code uint16) Class {
	s := f.spec()
	m := f.magnitude(code)
	switch {
	case m == s.infinite:
		return Infinite
	case m > s.largest:
		return NaN
	case m == s.largest:
		return Saturated
	case f == E8M0:
		return Normal
	case m == 0:
		return Zero
	case m>>s.man == 0:
		return Subnormal
	}
	return Normal
}
