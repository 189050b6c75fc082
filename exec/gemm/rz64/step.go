package rz64

import (
	"math"
	"math/bits"

	"fp4tui/inspect/fp4"
)

// FP32 words of specials.
const (
	wordNaN  = 0x7fffffff
	wordInf  = 0x7f800000
	wordSign = 1 << 31
)

// group is 16 elements of one operand, decoded: value = q·sig·2^exp up to a constant
// power of two. sig is 0 for a zero scale.
type group struct {
	sig, exp int16
	nonzero  uint16         // bit i: element i is not zero
	q        [groupLen]int8 // codes doubled, so that they are integers
}

// doubled is twice the value of each E2M1 code.
var doubled = [16]int8{0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12}

// decodeGroups decodes consecutive groups of a row, the first at column k. What lies
// beyond the last column is zero.
func decodeGroups(dst []group, b *fp4.Blocks, format *scaleFormat, row, k int) {
	for i := range dst {
		dst[i] = group{}
		if at := k + i*groupLen; at < b.Cols {
			v := &format.bytes[b.Scale(row, at)]
			dst[i].sig, dst[i].exp = v.sig, v.exp
			dst[i].decode(b, row, at)
		}
	}
}

func (g *group) decode(b *fp4.Blocks, row, k int) {
	codes := b.Codes[row*(b.Cols/2)+k/2 : row*(b.Cols/2)+min(k+groupLen, b.Cols)/2]
	first, second := uint(0), uint(4)
	if b.Order == fp4.HighFirst {
		first, second = 4, 0
	}
	for i, c := range codes {
		q0, q1 := doubled[c>>first&15], doubled[c>>second&15]
		g.q[2*i], g.q[2*i+1] = q0, q1
		if q0 != 0 {
			g.nonzero |= 1 << (2 * i)
		}
		if q1 != 0 {
			g.nonzero |= 2 << (2 * i)
		}
	}
}

// step is one instruction by its definition, for operands without NaN; an infinite or
// NaN c stays. fraction is the number of fraction bits of a group sum. disputed
// reports a zero result of a negative sum, whose sign published models dispute.
func step(a, b *[stepGroups]group, fraction int, c uint32) (d uint32, disputed bool) {
	if c&wordInf == wordInf {
		if c<<9 != 0 {
			c = wordNaN
		}
		return c, false
	}
	sig, exp := significand(c)
	e := zeroAlign
	if sig != 0 {
		e = max(e, exp)
	}
	var sums [stepGroups]int64
	var exps [stepGroups]int
	for g := range stepGroups {
		x, w := &a[g], &b[g]
		scale := int64(x.sig) * int64(w.sig)
		if x.nonzero&w.nonzero == 0 || scale == 0 {
			continue
		}
		sums[g], exps[g] = int64(x.dot(w))*scale, int(x.exp)+int(w.exp)
		e = max(e, exps[g])
	}
	q := e - windowBits
	units := alignToZero(sig, exp-23-q)
	for g := range stepGroups {
		units += alignToZero(sums[g], exps[g]-fraction-q)
	}
	d = roundToZero(units, q)
	return d, d == 0 && units < 0
}

// dot is the exact sum of 16 products in quarters.
func (g *group) dot(w *group) int32 {
	p := int32(0)
	for i := range groupLen {
		p += int32(g.q[i]) * int32(w.q[i])
	}
	return p
}

// magnitude adds |s| of one instruction to a, rounded up, with s the sum of the four
// groups: exactly rounded where s is a float64, and never below elsewhere.
func magnitude(a, b *[stepGroups]group, fraction int, abs float32) float32 {
	s, slack := 0.0, 0.0
	for g := range stepGroups {
		v := math.Ldexp(float64(a[g].dot(&b[g]))*float64(a[g].sig)*float64(b[g].sig), int(a[g].exp)+int(b[g].exp)-fraction)
		sum := s + v
		slack += math.Abs(lost(s, v, sum))
		s = sum
	}
	if slack != 0 { // scales so far apart that float64 rounds
		s = math.Abs(s) + 2*slack
	}
	return addUp(abs, math.Abs(s))
}

// lost is what the rounded sum of x and y lacks: x + y = sum + lost, exactly.
func lost(x, y, sum float64) float64 {
	y1 := sum - x
	return float64(x-float64(sum-y1)) + float64(y-y1)
}

// addUp is a + v rounded up to float32; neither is negative.
func addUp(a float32, v float64) float32 {
	if a != a {
		return a
	}
	sum := float64(a) + v
	if lost(float64(a), v, sum) > 0 {
		sum = math.Nextafter(sum, math.Inf(1))
	}
	r := float32(sum)
	if float64(r) < sum {
		r = math.Nextafter32(r, float32(math.Inf(1)))
	}
	return r
}

// significand splits a finite word: value = sig·2^(exp-23).
func significand(c uint32) (sig int64, exp int) {
	sig, exp = int64(c&0x7fffff), int(c>>23&0xff)-127
	if exp == -127 {
		exp = -126
	} else {
		sig |= 1 << 23
	}
	if c&wordSign != 0 {
		sig = -sig
	}
	return sig, exp
}

// alignToZero is v·2^n cut toward zero. Nothing is lost at the top: v is zero, or its
// unit lies at most 35 bits above the quantum.
func alignToZero(v int64, n int) int64 {
	if n >= 0 {
		return v << uint(n)
	}
	n = min(-n, 63)
	sign := v >> 63
	return ((v^sign)-sign)>>uint(n) ^ sign - sign
}

// roundToZero converts u·2^q to float32 toward zero: subnormals keep the quantum of
// the smallest normal number, 2^128 and above is infinity, and zero is +0.
func roundToZero(u int64, q int) uint32 {
	if u == 0 {
		return 0
	}
	sign, mag := uint32(0), uint64(u)
	if u < 0 {
		sign, mag = wordSign, -mag
	}
	top := bits.Len64(mag) - 1 + q
	if top > maxExponent {
		return sign | wordInf
	}
	quantum := max(top, -126) - 23
	if drop := quantum - q; drop >= 0 {
		mag >>= uint(min(drop, 63)) // u is below 2^63
	} else {
		mag <<= uint(-drop)
	}
	switch {
	case mag == 0:
		return 0
	case mag>>23 == 0:
		return sign | uint32(mag)
	}
	return sign | uint32(max(top, -126)+127)<<23 | uint32(mag&0x7fffff)
}
