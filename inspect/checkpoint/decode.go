package checkpoint

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"slices"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
)

// decoder turns little-endian elements into values. It reports whether a value was
// rounded: only in types that float32 cannot hold.
type decoder func(dst []float32, raw []byte) (rounded bool)

// decoders has a row for every dtype that can be read as numbers.
var decoders = map[inspect.DType]decoder{
	inspect.BOOL: bytewise(func(b byte) float32 { return float32(min(b, 1)) }),
	inspect.U8:   bytewise(func(b byte) float32 { return float32(b) }),
	inspect.I8:   bytewise(func(b byte) float32 { return float32(int8(b)) }),

	inspect.F4:     decodeF4,
	inspect.F8E4M3: bytewise(func(b byte) float32 { return fp4.E4M3.Decode(uint16(b)) }),
	inspect.F8E5M2: bytewise(func(b byte) float32 { return fp4.E5M2.Decode(uint16(b)) }),
	inspect.F8E8M0: bytewise(func(b byte) float32 { return fp4.E8M0.Decode(uint16(b)) }),

	inspect.I16:  words16(func(w uint16) float32 { return float32(int16(w)) }),
	inspect.U16:  words16(func(w uint16) float32 { return float32(w) }),
	inspect.F16:  words16(halfValue),
	inspect.BF16: words16(func(w uint16) float32 { return math.Float32frombits(uint32(w) << 16) }),

	inspect.I32: words32(func(w uint32) (float32, bool) { return signedValue(int64(int32(w))) }),
	inspect.U32: words32(func(w uint32) (float32, bool) { return unsignedValue(uint64(w)) }),
	inspect.F32: words32(func(w uint32) (float32, bool) { return math.Float32frombits(w), false }),

	inspect.F64: words64(func(w uint64) (float32, bool) { return doubleValue(math.Float64frombits(w)) }),
	inspect.I64: words64(func(w uint64) (float32, bool) { return signedValue(int64(w)) }),
	inspect.U64: words64(unsignedValue),
}

// Decode turns the stored bytes of a tensor into values. raw is row-major and
// little-endian; F4 is E2M1 with the even element in the low bits, as PyTorch's
// float4_e2m1fn_x2. Types that have no decoder (F6, FNUZ, C64) are ErrUnsupported.
func Decode(dtype inspect.DType, shape []int, raw []byte) (inspect.Tensor, error) {
	decode, ok := decoders[dtype]
	if !ok {
		return inspect.Tensor{}, &inspect.Fault{Class: inspect.ErrUnsupported, Offset: -1,
			What: "no values", Why: dtype.String() + " has no decoder", Cure: "look at its bytes"}
	}
	t := inspect.Tensor{DType: dtype, Shape: slices.Clone(shape)}
	n, ok := storedBytes(dtype, shape)
	if !ok || n != int64(len(raw)) {
		return inspect.Tensor{}, &inspect.Fault{Class: inspect.ErrMismatch, Offset: -1,
			What: "shape and data disagree", Why: fmt.Sprintf("%s of %s does not fit %s bytes", inspect.ShapeString(shape), dtype, grouped(int64(len(raw))))}
	}
	t.Data = make([]float32, inspect.Numel(shape))
	t.Rounded = decode(t.Data, raw)
	return t, nil
}

// storedBytes is the size of a tensor; ok is false when a dimension is negative or
// the size is no whole number of bytes below 2^63.
func storedBytes(dtype inspect.DType, shape []int) (n int64, ok bool) {
	width := uint64(dtype.Bits())
	for _, d := range shape {
		over, low := bits.Mul64(width, uint64(d))
		if d < 0 || over != 0 {
			return 0, false
		}
		width = low
	}
	return int64(width / 8), width%8 == 0 && width/8 <= math.MaxInt64
}

// bytewise decodes 8-bit types through a table of their 256 values.
func bytewise(value func(byte) float32) decoder {
	return func(dst []float32, raw []byte) bool {
		var table [256]float32
		for i := range table {
			table[i] = value(byte(i))
		}
		for i, b := range raw {
			dst[i] = table[b]
		}
		return false
	}
}

func decodeF4(dst []float32, raw []byte) bool {
	for i, b := range raw {
		dst[2*i] = fp4.E2M1.Decode(uint16(b & 15))
		dst[2*i+1] = fp4.E2M1.Decode(uint16(b >> 4))
	}
	return false
}

func words16(value func(uint16) float32) decoder {
	return func(dst []float32, raw []byte) bool {
		for i := range dst {
			dst[i] = value(binary.LittleEndian.Uint16(raw[2*i:]))
		}
		return false
	}
}

func words32(value func(uint32) (float32, bool)) decoder {
	return func(dst []float32, raw []byte) (rounded bool) {
		for i := range dst {
			v, lost := value(binary.LittleEndian.Uint32(raw[4*i:]))
			dst[i], rounded = v, rounded || lost
		}
		return rounded
	}
}

func words64(value func(uint64) (float32, bool)) decoder {
	return func(dst []float32, raw []byte) (rounded bool) {
		for i := range dst {
			v, lost := value(binary.LittleEndian.Uint64(raw[8*i:]))
			dst[i], rounded = v, rounded || lost
		}
		return rounded
	}
}

// halfValue is the value of a binary16: fp4.FP16.Decode without its generality.
func halfValue(w uint16) float32 {
	sign, exp, man := uint32(w>>15)<<31, uint32(w>>10&31), uint32(w&0x3ff)
	switch {
	case exp == 31 && man != 0:
		return float32(math.NaN())
	case exp == 31:
		return math.Float32frombits(sign | 0x7f800000)
	case exp == 0:
		return math.Float32frombits(sign | math.Float32bits(float32(man)*0x1p-24))
	}
	return math.Float32frombits(sign | (exp+112)<<23 | man<<13)
}

// signedValue converts an integer; more than 24 significant bits are rounded.
func signedValue(v int64) (float32, bool) {
	_, lost := unsignedValue(uint64(max(v, -v)))
	return float32(v), lost
}

func unsignedValue(v uint64) (float32, bool) {
	return float32(v), bits.Len64(v)-bits.TrailingZeros64(v) > 24
}

// doubleValue converts a float64. Every NaN becomes the same one: what the CPUs do
// with its payload differs.
func doubleValue(v float64) (float32, bool) {
	if math.IsNaN(v) {
		return float32(math.NaN()), false
	}
	return float32(v), float64(float32(v)) != v
}
