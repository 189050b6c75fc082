package fp4

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

// detect asks for VBMI beside the parts that came with AVX-512 first: processors that
// lack it are slow with 512 bits, and AVX2 keeps memory busy there too.
func detect() []path {
	var list []path
	if cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512VL && cpu.X86.HasAVX512VBMI {
		list = append(list, avx512)
	}
	if cpu.X86.HasAVX2 {
		list = append(list, avx2)
	}
	return append(list, portable)
}

// expand writes the values of a run. Blocks that are no multiple of 16 codes are
// nobody's format and not worth a kernel.
func (p path) expand(r run, dst []float32) {
	if p == portable || r.half%8 != 0 || len(r.scales) == 0 {
		expandPortable(r, dst)
		return
	}
	// A store past the caches has to be aligned.
	stream := r.stream && uintptr(unsafe.Pointer(&dst[0]))%64 == 0
	if p == avx512 {
		expandAVX512(&dst[0], &r.codes[0], &r.scales[0], len(r.scales), r.half/8, r.values, r.order == HighFirst, stream)
		return
	}
	expandAVX2(&dst[0], &r.codes[0], &r.scales[0], len(r.scales), r.half/8, r.values, r.order == HighFirst, stream)
}

// expandAVX512 expands blocks of words·16 codes each; all slices hold that much.
//
//go:noescape
func expandAVX512(dst *float32, codes, scales *byte, blocks, words int, v *Values, highFirst, stream bool)

// expandAVX2 is expandAVX512 with 8 codes at a time.
//
//go:noescape
func expandAVX2(dst *float32, codes, scales *byte, blocks, words int, v *Values, highFirst, stream bool)

// amax is amaxPortable.
func (p path) amax(dst, x []float32, size int, dropNaN bool) {
	switch {
	case p == portable || size%16 != 0 || len(dst) == 0:
		amaxPortable(dst, x, size, dropNaN)
	case p == avx512:
		amaxAVX512(&dst[0], &x[0], len(dst), size/16, dropNaN)
	default:
		amaxAVX2(&dst[0], &x[0], len(dst), size/16, dropNaN)
	}
}

// roundBF16 is roundPortable; dst is at least as long as x.
func (p path) roundBF16(dst, x []float32) {
	whole := len(x) &^ 15
	switch {
	case p == portable || whole == 0:
		whole = 0
	case p == avx512:
		roundAVX512(&dst[0], &x[0], whole/16)
	default:
		roundAVX2(&dst[0], &x[0], whole/16)
	}
	roundPortable(dst[whole:], x[whole:])
}

// encode is encodePortable.
func (p path) encode(codes []byte, x, by []float32, size int, e elements) {
	switch {
	case p == portable || size%16 != 0 || len(by) == 0:
		encodePortable(codes, x, by, size, e)
	case p == avx512:
		encodeAVX512(&codes[0], &x[0], &by[0], len(by), size/16, e, e.nan())
	default:
		encodeAVX2(&codes[0], &x[0], &by[0], len(by), size/16, e, e.nan())
	}
}

// amaxAVX512 reduces blocks of words·16 values.
//
//go:noescape
func amaxAVX512(dst, x *float32, blocks, words int, dropNaN bool)

//go:noescape
func amaxAVX2(dst, x *float32, blocks, words int, dropNaN bool)

// roundAVX512 rounds words·16 values to bfloat16.
//
//go:noescape
func roundAVX512(dst, x *float32, words int)

//go:noescape
func roundAVX2(dst, x *float32, words int)

// encodeAVX512 packs the codes of blocks of words·16 values.
//
//go:noescape
func encodeAVX512(codes *byte, x, by *float32, blocks, words int, e elements, nan uint8)

//go:noescape
func encodeAVX2(codes *byte, x, by *float32, blocks, words int, e elements, nan uint8)
