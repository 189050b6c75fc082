// Package inspect holds what every part of fp4tui says about a file: element
// types, dense tensors and faults. Its sub-packages own the formats (fp4), the
// containers (checkpoint), the quantized layers (layer), their distributions
// (stats) and the rules they break (lint). Nothing here draws and nothing here
// computes a product.
package inspect

// DType is the element type of a stored tensor, named as in a safetensors header.
type DType uint8

// The element types of safetensors 0.8, in the order in which its writer sorts them.
const (
	Invalid DType = iota
	BOOL
	F4 // E2M1, two elements a byte; the header's shape counts elements
	F6E2M3
	F6E3M2
	U8
	I8
	F8E5M2
	F8E4M3
	F8E8M0
	F8E4M3FNUZ
	F8E5M2FNUZ
	I16
	U16
	F16
	BF16
	I32
	U32
	F32
	C64
	F64
	I64
	U64
)

// dtypes is the one table of element types: header name and width in bits.
var dtypes = [...]struct {
	name string
	bits int
}{
	Invalid: {"invalid", 0},
	BOOL:    {"BOOL", 8}, F4: {"F4", 4}, F6E2M3: {"F6_E2M3", 6}, F6E3M2: {"F6_E3M2", 6},
	U8: {"U8", 8}, I8: {"I8", 8}, F8E5M2: {"F8_E5M2", 8}, F8E4M3: {"F8_E4M3", 8}, F8E8M0: {"F8_E8M0", 8},
	F8E4M3FNUZ: {"F8_E4M3FNUZ", 8}, F8E5M2FNUZ: {"F8_E5M2FNUZ", 8},
	I16: {"I16", 16}, U16: {"U16", 16}, F16: {"F16", 16}, BF16: {"BF16", 16},
	I32: {"I32", 32}, U32: {"U32", 32}, F32: {"F32", 32},
	C64: {"C64", 64}, F64: {"F64", 64}, I64: {"I64", 64}, U64: {"U64", 64},
}

// ParseDType returns the type with this safetensors name; ok is false for an unknown one.
func ParseDType(name string) (d DType, ok bool) {
	for i, t := range dtypes {
		if i != int(Invalid) && t.name == name {
			return DType(i), true
		}
	}
	return Invalid, false
}

// String returns the safetensors name, for example "F8_E4M3".
func (d DType) String() string {
	if int(d) < len(dtypes) {
		return dtypes[d].name
	}
	return dtypes[Invalid].name
}

// Bits is the width of one element in bits; 0 for Invalid.
func (d DType) Bits() int {
	if int(d) < len(dtypes) {
		return dtypes[d].bits
	}
	return 0
}
