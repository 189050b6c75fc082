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
