package gemm

import "math"

// Element is an operand type of a tensor-core instruction.
type Element uint8

// The operand types, by their PTX names.
const (
	F16 Element = iota + 1
	BF16
	TF32
	E4M3
	E5M2
	E3M2
	E2M3
	E2M1
	F32 // accumulators only
)

// special says what the codes with the largest exponent field mean.
type special uint8

const (
	allFinite special = iota // every code is a number: FP6, FP4
	onlyNaN                  // magnitude bits all ones are NaN, there is no infinity: E4M3
	ieee                     // largest exponent is infinity (mantissa 0) or NaN
)

// elements is the one table of operand types. A code is bits wide and lies at the
// low end of its word; drop low bits of a code are ignored by the hardware
// (TF32 is an FP32 word whose low 13 bits do not count).
var elements = [...]struct {
	name           string
	bits, exp, man int
	drop           int
	special        special
}{
	F16: {"f16", 16, 5, 10, 0, ieee}, BF16: {"bf16", 16, 8, 7, 0, ieee}, TF32: {"tf32", 32, 8, 10, 13, ieee},
	E4M3: {"e4m3", 8, 4, 3, 0, onlyNaN}, E5M2: {"e5m2", 8, 5, 2, 0, ieee},
	E3M2: {"e3m2", 6, 3, 2, 0, allFinite}, E2M3: {"e2m3", 6, 2, 3, 0, allFinite}, E2M1: {"e2m1", 4, 2, 1, 0, allFinite},
	F32: {"f32", 32, 8, 23, 0, ieee},
}

// String returns the PTX name, for example "e4m3".
func (e Element) String() string {
	if int(e) < len(elements) && elements[e].name != "" {
		return elements[e].name
	}
	return "invalid"
}

// Bits is the width of a code; 0 for an invalid type.
func (e Element) Bits() int {
	if int(e) < len(elements) {
		return elements[e].bits
	}
	return 0
}

// hexDigits is how many hex digits write one code.
func (e Element) hexDigits() int { return (e.Bits() + 3) / 4 }

// The special words of an accumulator type. NaN is what every tensor core returns.
func (e Element) nanWord() uint32  { return 1<<(elements[e].bits-1) - 1 }
func (e Element) infWord() uint32  { return (1<<elements[e].exp - 1) << elements[e].man }
func (e Element) signWord() uint32 { return 1 << (elements[e].bits - 1) }

// value is the number that a code stands for; its sign bit is kept for zero.
func (e Element) value(code uint32) float64 {
	n := e.decode(code)
	v := math.Ldexp(math.Abs(float64(n.sig)), n.exp-elements[e].man)
	switch n.class {
	case nan:
		return math.NaN()
	case infinite:
		v = math.Inf(1)
	}
	if n.neg {
		v = -v
	}
	return v
}

// class is what a code stands for.
type class uint8

const (
	finite class = iota
	infinite
	nan
)

// number is a decoded code: value = sig · 2^(exp-man) with man the mantissa bits
// of its type and exp the encoded exponent, which for subnormals (and zero) is that
// of the smallest normal number. neg keeps the sign of zero and of infinity.
type number struct {
	sig   int64
	exp   int
	neg   bool
	class class
}

// decode reads one code. Bits above the code's width are ignored.
func (e Element) decode(code uint32) number {
	t := &elements[e]
	code >>= t.drop
	width := 1 + t.exp + t.man
	man := int64(code & (1<<t.man - 1))
	field := int(code >> t.man & (1<<t.exp - 1))
	n := number{sig: man, exp: field - (1<<(t.exp-1) - 1), neg: code>>(width-1)&1 == 1}
	top := field == 1<<t.exp-1
	switch {
	case top && t.special == ieee && man == 0:
		n.class = infinite
	case top && t.special == ieee, top && t.special == onlyNaN && man == 1<<t.man-1:
		n.class = nan
	case field == 0:
		n.exp++
	default:
		n.sig |= 1 << t.man
	}
	if n.neg {
		n.sig = -n.sig
	}
	return n
}

// scaleFormat is the type of block scale bytes.
type scaleFormat uint8

const (
	noScale scaleFormat = iota
	ue4m3
	ue8m0
)

// String returns the PTX name; "" without block scales.
func (s scaleFormat) String() string { return [...]string{"", "ue4m3", "ue8m0"}[s] }

// man is the number of fraction bits of a scale's significand.
func (s scaleFormat) man() int { return [...]int{0, 3, 0}[s] }

// decode reads a scale byte: value = sig · 2^(exp-man). As a scale operand E4M3
// has no sign: bit 7 is ignored (numerics of ue4m3, PTX ISA).
func (s scaleFormat) decode(b uint8) (sig int64, exp int, isNaN bool) {
	if s == ue8m0 {
		return 1, int(b) - 127, b == 0xff
	}
	n := E4M3.decode(uint32(b & 0x7f))
	return n.sig, n.exp, n.class == nan
}
