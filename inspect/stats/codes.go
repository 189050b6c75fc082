package stats

import (
	"encoding/binary"

	"fp4tui/inspect/fp4"
)

// Codes is the use of the 16 E2M1 codes. Index 0…7 is 0, .5, 1, 1.5, 2, 3, 4, 6 and
// 8…15 the same with the sign bit set; code 8 is -0.
type Codes struct {
	Total    int64
	Count    [16]int64
	Used     int   // how many of the 16 occur
	Positive int64 // codes 1…7
	Negative int64 // codes 9…15
}

// CodeUse counts packed codes, two a byte: a row, a block or a whole layer. The count
// is the same in either nibble order.
func CodeUse(packed []byte) Codes {
	c := Codes{Total: 2 * int64(len(packed))}
	for b, n := range byteCount(packed) {
		c.Count[b&15] += n
		c.Count[b>>4] += n
	}
	for code, n := range c.Count {
		switch {
		case n == 0:
			continue
		case code&7 == 0:
		case code < 8:
			c.Positive += n
		default:
			c.Negative += n
		}
		c.Used++
	}
	return c
}

// Add joins the counts of two ranges.
func (c Codes) Add(d Codes) Codes {
	sum := Codes{Total: c.Total + d.Total, Positive: c.Positive + d.Positive, Negative: c.Negative + d.Negative}
	for i := range sum.Count {
		sum.Count[i] = c.Count[i] + d.Count[i]
		if sum.Count[i] > 0 {
			sum.Used++
		}
	}
	return sum
}

// Magnitude is how many codes have this magnitude, of either sign; m is 0…7.
func (c Codes) Magnitude(m int) int64 { return c.Count[m] + c.Count[m+8] }

// Balance is the share of positive codes among those that are not ±0; 0.5 when all are zero.
func (c Codes) Balance() float64 {
	if c.Positive+c.Negative == 0 {
		return 0.5
	}
	return float64(c.Positive) / float64(c.Positive+c.Negative)
}

// BlockMaxima counts blocks by the greatest magnitude code in them: element 7 is the
// blocks that reach |6|, element 0 the blocks of nothing but ±0. A short last block of a
// row counts as a block. A plain quantizer puts every block that is not zero in 7 or, when its
// scale was rounded up, in 6; blocks below waste range.
func BlockMaxima(b *fp4.Blocks) [8]int64 {
	rowBytes, blockBytes := b.Cols/2, b.Block/2
	if blockBytes == 0 {
		return [8]int64{}
	}
	return inParts(b.Rows, partRows, func(lo, hi int) (out [8]int64) {
		for row := lo; row < hi; row++ {
			codes := b.Codes[row*rowBytes : (row+1)*rowBytes]
			for len(codes) > 0 {
				n := min(blockBytes, len(codes))
				out[maxMagnitude(codes[:n])]++
				codes = codes[n:]
			}
		}
		return out
	}, func(a, b [8]int64) [8]int64 {
		for i, n := range b {
			a[i] += n
		}
		return a
	})
}

// maxMagnitude looks at 16 codes at a time: where some have the upper bit of a magnitude, only
// those can be the greatest.
func maxMagnitude(packed []byte) uint8 {
	const ones = 0x1111111111111111
	var m uint8
	for ; len(packed) >= 8; packed = packed[8:] {
		w := binary.LittleEndian.Uint64(packed)
		top := uint64(0)
		for bit := 2; bit >= 0; bit-- {
			has := w >> bit & ones
			some := (has | -has) >> 63 // 1 unless has is 0
			top |= some << bit
			w &= has*15 | (some - 1)
		}
		m = max(m, uint8(top))
	}
	for _, b := range packed {
		m = max(m, b&7, b>>4&7)
	}
	return m
}
