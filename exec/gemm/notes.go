package gemm

import (
	"encoding/binary"
	"fmt"

	"fp4tui/inspect/fp4"
)

// histogram counts the scale bytes of b.
func histogram(b *fp4.Blocks) *[256]int {
	h := new([256]int)
	for _, s := range b.Scales {
		h[s]++
	}
	return h
}

// weightNotes counts the scale bytes of a weight that make NaN, or that backends
// read differently.
func weightNotes(b *fp4.Blocks) []string {
	if ordinary(b.Scales, b.ScaleType) {
		return nil
	}
	negative, nan := 0, 0
	for s, n := range histogram(b) {
		switch {
		case b.ScaleType.Class(uint16(s)) == fp4.NaN:
			nan += n
		case b.ScaleType == fp4.E4M3 && s > 0x80:
			negative += n
		}
	}
	var notes []string
	if nan > 0 {
		notes = append(notes, fmt.Sprintf("%d of %d weight block scales are NaN: their columns of y are NaN", nan, len(b.Scales)))
	}
	if negative > 0 {
		notes = append(notes, fmt.Sprintf("%d of %d weight block scales are negative: ref and w4a16 use the sign, FP4 tensor cores ignore it", negative, len(b.Scales)))
	}
	return notes
}

// ordinary reports that no scale byte can be NaN or negative: none is 0xff in E8M0, and
// none is 0x7f or has bit 7 set elsewhere. A large layer has millions of scales, and
// one token should not wait for their count.
func ordinary(scales []byte, format fp4.Format) bool {
	const low, ones = 0x7f7f7f7f7f7f7f7f, 0x0101010101010101
	found := uint64(0) // bit 7 of a byte
	look := func(v uint64) {
		if full := v&low + ones; format == fp4.E8M0 {
			found |= v & full
		} else {
			found |= v | full
		}
	}
	for ; len(scales) >= 8; scales = scales[8:] {
		look(binary.LittleEndian.Uint64(scales))
	}
	for _, s := range scales {
		look(uint64(s))
	}
	return found&^low == 0
}

// overflowNotes counts the E8M0 scales under which the largest code leaves bf16.
func overflowNotes(b *fp4.Blocks) []string {
	h := histogram(b)
	if n := h[253] + h[254]; n > 0 && b.ScaleType == fp4.E8M0 {
		return []string{fmt.Sprintf("%d of %d weight block scales are 2^126 or more: code·scale overflows bf16 to infinity", n, len(b.Scales))}
	}
	return nil
}

// notes says what is not certain about a row of the table.
func (m *Model) notes() []string {
	if m.Unverified == "" {
		return nil
	}
	return []string{"unverified: " + m.Unverified}
}
