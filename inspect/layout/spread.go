package layout

import "encoding/binary"

// Kernels for Hopper that multiply in 16 bits want the magnitude of a code in bits
// 6 to 8 of a half word and its sign in bit 15, where a bfloat16 has its exponent
// and sign; three codes fit interleaved, shifted by 0, 3 and 6, and the fourth
// takes the bits left over. The low nibbles of four bytes go to the low half, the
// high ones to the high half.
//
// Source: triton_kernels HopperMXValueLayout (_pack_bits) and the SM90 mixed-input
// GEMM of TensorRT-LLM and flashinfer, which agree bit for bit.

// spreadBits is where bits 0 to 3 of nibble n of a word go.
func spreadBits(n int) [4]int {
	half := n % 2 * 16
	if n/2 == 3 {
		return [4]int{half + 13, half + 10, half + 11, half + 14}
	}
	shift := half - n/2*3
	return [4]int{shift + 6, shift + 7, shift + 8, shift + 15}
}

// spread interleaves the bits of a word of 8 nibbles.
func spread(x uint32) uint32 {
	fourth := halves(x >> 24)
	return place(halves(x)) | place(halves(x>>8))>>3 | place(halves(x>>16))>>6 |
		fourth&0x00080008<<11 | fourth&0x00060006<<9 | fourth&0x00010001<<13
}

// halves puts the two nibbles of the lowest byte at the bottom of the half words.
func halves(x uint32) uint32 { return x&0xf | x&0xf0<<12 }

// place moves nibbles at the bottom of the half words to bits 6-8 and 15.
func place(x uint32) uint32 { return x&0x00070007<<6 | x&0x00080008<<12 }

// gather undoes spread.
func gather(x uint32) uint32 {
	fourth := x>>11&0x00080008 | x>>9&0x00060006 | x>>13&0x00010001
	return lift(x) | lift(x<<3)<<8 | lift(x<<6)<<16 | (fourth&0xf|fourth>>12&0xf0)<<24
}

// lift undoes place and halves.
func lift(x uint32) uint32 {
	x = x>>6&0x00070007 | x>>12&0x00080008
	return x&0xf | x>>12&0xf0
}

// eachWord replaces the little-endian words of src into dst, which may be src. A
// spreading layout's buffer is whole words.
func eachWord(dst, src []byte, f func(uint32) uint32) []byte {
	for i := 0; i+4 <= len(src); i += 4 {
		binary.LittleEndian.PutUint32(dst[i:], f(binary.LittleEndian.Uint32(src[i:])))
	}
	return dst
}
