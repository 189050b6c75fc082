package kernel

import (
	"fmt"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layout"
)

// Encoding says what a kernel makes of an E4M3 scale byte. E8M0 bytes stay.
type Encoding uint8

const (
	Keep            Encoding = iota // the byte as stored
	S0E5M3                          // 5 exponent bits and 3 of fraction of fp16(scale·2^7·factor), the factor chosen for bf16
	S0E5M3NoRescale                 // the same with factor 1
	HalfHigh                        // bits 7 to 14 of fp16(scale), exact
)

// String names the encoding.
func (e Encoding) String() string {
	return [...]string{"as stored", "S0E5M3", "S0E5M3 without rescale", "bits 7-14 of fp16"}[e]
}

// Global says where the FP32 global scale goes.
type Global uint8

const (
	Alpha       Global = iota // alpha = weight multiplier · activation multiplier, one FP32 factor after accumulation
	AlphaWeight               // alpha = weight multiplier: the activations have none
	Biased                    // Marlin: multiplier · 2^(bias-7) / factor, because codes and scales sit at the wrong exponent
)

// String says what the kernel is given.
func (g Global) String() string {
	return [...]string{
		"alpha = weight multiplier · activation multiplier",
		"alpha = weight multiplier",
		"multiplier · 2^119 with bf16, · 2^7 with fp16, over the rescale factor",
	}[g]
}

// exponent is the power of two that a kernel adds to the global scale of a matrix
// with block scales of that type.
func (g Global) exponent(scales fp4.Format, act inspect.DType) int {
	if g != Biased || scales == fp4.E8M0 {
		return 0
	}
	if act == inspect.F16 {
		return 7
	}
	return 119
}

// pass is what a re-encoding does to scale bytes: to gives the stored byte of an E4M3
// one, back the E4M3 byte whose value the kernel makes of a stored one.
type pass struct {
	to, back [256]byte
	factor   float32 // the power of two that the scales were multiplied by first
	lost     [256]bool
	used     bool
}

// identity keeps every byte.
func identity() *pass {
	p := &pass{factor: 1}
	for i := range p.to {
		p.to[i], p.back[i] = byte(i), byte(i)
	}
	return p
}

// encoder is the re-encoding of scale bytes under activations of type act. seen
// counts the bytes of all matrices that share one factor.
func (e Encoding) encoder(scales fp4.Format, act inspect.DType, seen *[256]int64) *pass {
	if e == Keep || scales == fp4.E8M0 {
		return identity()
	}
	f := e.format(act == inspect.F16, seen)
	p := &pass{factor: 1, used: true}
	if e != HalfHigh {
		p.factor = f.Factor()
	}
	for i := range 256 {
		p.to[i] = f.Encode(byte(i))
		p.back[i] = byte(fp4.E4M3.Encode(f.Decode(byte(i)), fp4.NearestEven))
		p.lost[i] = f.Loss(byte(i)).Any()
	}
	return p
}

// format is the scale byte of the encoding. Marlin picks it by the scales.
func (e Encoding) format(half bool, seen *[256]int64) layout.S0E5M3 {
	switch e {
	case S0E5M3:
		var scales []byte
		for i, n := range seen {
			if n > 0 {
				scales = append(scales, byte(i))
			}
		}
		return layout.Marlin(scales, half)
	case S0E5M3NoRescale:
		return layout.Marlin(nil, half)
	}
	return layout.MMBF16FP4()
}

// loss counts the scales that a re-encoding does not keep.
func (p *pass) loss(scales []byte) (lost int64, smallest, largest float32) {
	var count [256]int64
	for _, s := range scales {
		count[s]++
	}
	for i, n := range count {
		if n == 0 || !p.lost[i] {
			continue
		}
		v := fp4.DecodeE4M3(byte(i))
		if lost == 0 {
			smallest, largest = v, v
		}
		smallest, largest = min(smallest, v), max(largest, v)
		lost += n
	}
	return lost, smallest, largest
}

// warnLoss says what a re-encoding does to the scales of one matrix.
func (p *pass) warnLoss(scales []byte) (lost int64, text string) {
	lost, low, high := p.loss(scales)
	if lost == 0 {
		return 0, ""
	}
	return lost, fmt.Sprintf("%d of %d block scales do not survive the re-encoding (%g to %g)", lost, len(scales), low, high)
}
