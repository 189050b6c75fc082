package fp4

import "math"

// The tables are derived from Format.decode once, at start, and only read.
var (
	e2m1Values  = e2m1Table()
	e4m3Values  = byteTable(E4M3.decode)
	ue4m3Values = byteTable(UE4M3.decode)
	e8m0Values  = byteTable(func(code uint16) float32 { return DecodeE8M0(uint8(code)) })
)

func e2m1Table() (t [16]float32) {
	for i := range t {
		t[i] = E2M1.decode(uint16(i))
	}
	return t
}

func byteTable(decode func(uint16) float32) *[256]float32 {
	t := new([256]float32)
	for i := range t {
		t[i] = decode(uint16(i))
	}
	return t
}

// scaleValues is the table of a scale type; E4M3 and UE4M3 differ in bit 7.
func (f Format) scaleValues() *[256]float32 {
	switch f {
	case UE4M3:
		return ue4m3Values
	case E8M0:
		return e8m0Values
	}
	return e4m3Values
}

// DecodeE2M1 returns the value of a code; its high four bits are ignored.
func DecodeE2M1(code uint8) float32 { return e2m1Values[code&15] }

// DecodeE4M3 returns the value of an E4M3 byte, negative when bit 7 is set, as
// torch, compressed-tensors and ModelOpt read scales. Hardware reads them as UE4M3.
func DecodeE4M3(b uint8) float32 { return e4m3Values[b] }

// DecodeE8M0 returns 2^(b-127); 0 gives 2^-127, a float32 subnormal, and 0xff NaN.
func DecodeE8M0(b uint8) float32 {
	switch b {
	case 0:
		return 0x1p-127
	case 0xff:
		return float32(math.NaN())
	}
	return math.Float32frombits(uint32(b) << 23)
}

// EncodeE2M1 is E2M1.Encode(x, NearestEven) for hot loops: nearest even,
// saturating, -0 and tiny negatives 0x8, NaN 0x7. It has no branch that depends on
// ordinary data.
func EncodeE2M1(x float32) uint8 {
	const one, six, infinity = 127 << 23, 0x40c00000, 0x7f800000
	bits := math.Float32bits(x)
	a := bits &^ (1 << 31)
	if a > infinity {
		return 7
	}
	a = min(a, six)
	// Added to 2^23 steps, |x| is rounded to whole steps; the step is 1/2 below 2,
	// 1 below 4, then 2. Each binade above the first holds two codes.
	binade := max(a, one) &^ (1<<23 - 1)
	base := binade + 22<<23
	steps := math.Float32bits(math.Float32frombits(a)+math.Float32frombits(base)) - base
	return uint8((binade-one)>>22+steps) | uint8(bits>>28&8)
}
