package fp4

import "math"

// The tables are derived from Format.decode once, at start, and only read.
var (
	e2m1Values = e2m1Table()
	e4m3Values = e4m3Table()
	e2m1Pairs  = [...]*[256][2]float32{LowFirst: pairTable(0, 4), HighFirst: pairTable(4, 0)}
)

func e2m1Table() (t [16]float32) {
	for i := range t {
		t[i] = E2M1.decode(uint16(i))
	}
	return t
}

func e4m3Table() (t [256]float32) {
	for i := range t {
		t[i] = E4M3.decode(uint16(i))
	}
	return t
}

// pairTable holds the two values of each byte of packed codes in element order:
// one load for two weights.
func pairTable(first, second uint) *[256][2]float32 {
	t := new([256][2]float32)
	for i := range t {
		t[i] = [2]float32{E2M1.decode(uint16(i >> first & 15)), E2M1.decode(uint16(i >> second & 15))}
	}
	return t
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
// saturating, -0 and tiny negatives 0x8, NaN 0x7.
func EncodeE2M1(x float32) uint8 {
	b := math.Float32bits(x)
	sign := uint8(b >> 28 & 8)
	a := math.Float32frombits(b &^ (1 << 31))
	switch {
	case a <= 2.5:
		switch {
		case a <= 0.25:
			return sign
		case a < 0.75:
			return sign | 1
		case a <= 1.25:
			return sign | 2
		case a < 1.75:
			return sign | 3
		}
		return sign | 4
	case a < 3.5:
		return sign | 5
	case a <= 5:
		return sign | 6
	case a != a:
		return 7
	}
	return sign | 7
}
