package layout

import (
	"math"

	"fp4tui/inspect/fp4"
)

// S0E5M3 is the scale byte of the kernels that multiply in 16 bits: bits 7 to 14
// of the E4M3 scale times 2^Power in binary16. The sign has no bit left.
//
// Sources: vLLM nvfp4_marlin_process_scales, flashinfer mm_bf16_fp4 (cute-dsl on
// SM12x).
type S0E5M3 struct {
	Power int  // the power of two that scales are multiplied by
	Half  bool // the kernel computes in binary16; else in bfloat16
	Based bool // a bfloat16 kernel takes the top bit for granted: Marlin
}

// MMBF16FP4 is the scale format of flashinfer's mm_bf16_fp4 on SM12x.
func MMBF16FP4() S0E5M3 { return S0E5M3{} }

// infinite is the byte of an infinite binary16. A bfloat16 kernel reads it as 2^16.
const infinite = 0xf8

// marlinPower makes the top bit of S0E5M3 set for every scale from 2^-6: the
// kernel puts bits 0 to 6 and the top bit where a bfloat16 has them, and a byte
// without its top bit falls to 2^-113 and below.
const marlinPower = 7

// Marlin is the scale format that vLLM picks for these E4M3 scales. For a bfloat16
// kernel it is one power of two more for each that the smallest scale above zero
// lies below 2^-6; a binary16 kernel needs none and would overflow. The experts of
// one layer share a format: pass all their scales.
func Marlin(scales []byte, half bool) S0E5M3 {
	m := S0E5M3{Power: marlinPower, Half: half, Based: true}
	if half {
		return m
	}
	smallest := byte(0x7f)
	for _, s := range scales {
		if s != 0 && s < smallest {
			smallest = s
		}
	}
	for s := fp4.DecodeE4M3(smallest); smallest < 0x08 && s < 0x1p-6; s *= 2 {
		m.Power++
	}
	return m
}

// Factor is what the scales are multiplied by on top of Marlin's 2^7, and the
// global scale divided by.
func (f S0E5M3) Factor() float32 { return float32(math.Ldexp(1, f.Power-marlinPower)) }

// Encode is the byte of an E4M3 scale. It is lossy for negative scales and for
// those that overflow binary16: see Loss.
func (f S0E5M3) Encode(scale byte) byte {
	if scale&0x7f == 0x7f {
		return 0xff // NaN keeps every bit
	}
	x := math.Ldexp(float64(fp4.DecodeE4M3(scale)), f.Power)
	return byte(fp4.FP16.Encode(float32(x), fp4.NearestEven) >> 7)
}

// Decode is the scale that the kernel takes a byte for, as a multiplier of codes
// next to the unchanged global scale.
func (f S0E5M3) Decode(b byte) float32 {
	bits := uint16(b) << 7
	x := fp4.FP16.Decode(bits)
	if f.Based && !f.Half {
		x = fp4.BF16.Decode(uint16(b)&0x80<<7 | uint16(b)&0x7f<<4)
	}
	return float32(math.Ldexp(float64(x), -f.Power))
}

// Scale is the E4M3 scale of a byte; ok is false for a byte that no scale has.
func (f S0E5M3) Scale(b byte) (scale byte, ok bool) {
	for s := range 128 {
		if f.Encode(byte(s)) == b {
			return byte(s), true
		}
	}
	return 0, false
}

// Apply encodes src into dst, which may be src, and says what was lost.
func (f S0E5M3) Apply(dst, src []byte) Loss {
	var table [256]byte
	var losses [256]Loss
	for s := range table {
		table[s] = f.Encode(byte(s))
		losses[s] = f.Loss(byte(s))
	}
	var count [256]int
	for i, s := range src {
		count[s]++
		dst[i] = table[s]
	}
	var total Loss
	for s, n := range count {
		total.add(losses[s], n)
	}
	return total
}

// Undo decodes bytes into E4M3 scales and counts those that no scale has. Of two
// scales with one byte (only where Loss counts one) it gives the smaller.
func (f S0E5M3) Undo(dst, src []byte) (unknown int) {
	var table [256]byte
	var known [256]bool
	for b := range table {
		table[b], known[b] = f.Scale(byte(b))
	}
	for i, b := range src {
		if !known[b] {
			unknown++
		}
		dst[i] = table[b]
	}
	return unknown
}

// Loss counts scales whose byte does not mean them any more.
type Loss struct {
	Negative int // sign dropped
	Vanished int // above zero, read by the kernel as (almost) zero
	Overflow int // beyond binary16: infinite, or by a bfloat16 kernel read as 2^16
	NaN      int // read as a number by a bfloat16 kernel
}

// Any reports whether anything was lost.
func (l Loss) Any() bool { return l != Loss{} }

func (l *Loss) add(m Loss, times int) {
	l.Negative += m.Negative * times
	l.Vanished += m.Vanished * times
	l.Overflow += m.Overflow * times
	l.NaN += m.NaN * times
}

// Loss says what Encode loses of one scale.
func (f S0E5M3) Loss(scale byte) Loss {
	want := fp4.DecodeE4M3(scale)
	got := f.Decode(f.Encode(scale))
	switch {
	case want != want && got != got:
		return Loss{}
	case want != want:
		return Loss{NaN: 1}
	case want < 0:
		return Loss{Negative: 1}
	case got == want:
		return Loss{}
	case f.Encode(scale) == infinite:
		return Loss{Overflow: 1}
	}
	return Loss{Vanished: 1}
}

// MarlinGlobal is the global scale that Marlin is given for a weight's multiplier
// (1 for MXFP4's none): it carries the exponent bias that the kernel leaves out
// when it drops the bits of E2M1 under a 16-bit exponent, less the power that the
// scales carry. It can overflow for multipliers from 512 on in bfloat16.
//
// Source: vLLM nvfp4_marlin_process_global_scale.
func (f S0E5M3) MarlinGlobal(multiplier float32) float32 {
	bias := 126 // 2^7 - 2^1
	if f.Half {
		bias = 14 // 2^4 - 2^1
	}
	return float32(math.Ldexp(1, bias-marlinPower)) * multiplier / f.Factor()
}

// MarlinE8M0 is the MXFP4 scale byte that Marlin is given: converted to the dtype
// of the layer's other parameters and back. bfloat16 keeps all of them; binary16
// makes those under 2^-24 byte 0 and those from 2^16 on NaN. A bfloat16 kernel then
// reads byte 0 as zero, not as 2^-127, and NaN as infinity.
//
// Source: vLLM prepare_fp4_layer_for_marlin, mxfp4_marlin_process_scales.
func MarlinE8M0(scale byte, half bool) byte {
	const least, most = 127 - 24, 127 + 15
	switch {
	case half && scale < least:
		return 0
	case half && scale > most:
		return 0xff
	}
	return scale
}
