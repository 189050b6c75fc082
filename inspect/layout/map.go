// Package layout says where kernels keep the elements of a quantized matrix.
//
// A layout is a value: a Map takes every logical element (row, column) to one
// position of a buffer and back, and knows which positions are padding. For codes
// the elements are nibbles and columns count k; for scales they are bytes and
// columns count blocks along k. Positions count elements of the buffer from its
// first byte, the low nibble of a byte before its high one.
//
// Every layout of the field is a rearrangement of digits: the row and the column
// are written in mixed radix, and each digit gets a stride of its own in the
// buffer. So a layout is one row of a table (Rules), and To, From, Apply and Undo
// are written once for all of them.
package layout

import (
	"fmt"

	"fp4tui/inspect"
)

// Dims is a matrix size in elements.
type Dims struct{ Rows, Cols int }

// Len is the number of elements.
func (d Dims) Len() int { return d.Rows * d.Cols }

// Bytes is the size of a buffer of elements of this many bits.
func (d Dims) Bytes(bits int) int { return (d.Len()*bits + 7) / 8 }

// String is "rows×cols".
func (d Dims) String() string { return fmt.Sprintf("%d×%d", d.Rows, d.Cols) }

// maxSide and maxLen bound what a header can ask for: positions in bits stay far
// inside an int, and no product of two sides overflows.
const (
	maxSide = 1 << 31
	maxLen  = 1 << 48
)

// Map is a bijection of the elements of In into the row-major positions of Out.
// Positions without an element are padding. Maps are immutable and made by Rules,
// Pad, PadTo, PadHalves, Linear and Compose.
type Map struct {
	In, Out Dims
	stages  []stage
}

// stage is one rearrangement: position = Σ digit·stride.
type stage struct {
	in, out Dims
	digits  []digit // by stride, smallest first
	spread  bool    // the bits of each 8 nibbles are spread over their word
}

type axis uint8

const (
	rowAxis axis = iota
	colAxis
)

// digit is one digit of a row or column index: (index / unit) mod size. It moves
// its element by stride; flip counts it downwards.
type digit struct {
	axis       axis
	unit, size int
	stride     int
	flip       bool
	last       bool // the axis's most significant digit: no mod needed
}

// of is the part of an element's position that this digit gives.
func (d *digit) of(index int) int {
	v := index / d.unit
	if !d.last {
		v %= d.size
	}
	if d.flip {
		v = d.size - 1 - v
	}
	return v * d.stride
}

// offset is the part of a position that a row or a column gives.
func (s *stage) offset(a axis, index int) int {
	at := 0
	for i := range s.digits {
		if s.digits[i].axis == a {
			at += s.digits[i].of(index)
		}
	}
	return at
}

// from is the element at a position; ok is false for padding.
func (s *stage) from(pos int) (row, col int, ok bool) {
	var index [2]int
	for i := len(s.digits) - 1; i >= 0; i-- {
		d := &s.digits[i]
		v := pos / d.stride
		pos -= v * d.stride
		if v >= d.size {
			return 0, 0, false
		}
		if d.flip {
			v = d.size - 1 - v
		}
		index[d.axis] += v * d.unit
	}
	row, col = index[rowAxis], index[colAxis]
	return row, col, row < s.in.Rows && col < s.in.Cols
}

// keepsAxes reports whether rows stay whole: the stage moves rows among rows and
// columns among columns.
func (s *stage) keepsAxes() bool {
	for _, d := range s.digits {
		if d.axis == rowAxis && d.stride%s.out.Cols != 0 || d.axis == colAxis && d.stride*d.size > s.out.Cols {
			return false
		}
	}
	return true
}

// To is the position of an element of In. It panics outside In.
func (m Map) To(row, col int) (pos int) {
	if row < 0 || row >= m.In.Rows || col < 0 || col >= m.In.Cols {
		panic(fmt.Sprintf("layout: element %d,%d outside %v", row, col, m.In))
	}
	for i := range m.stages {
		s := &m.stages[i]
		pos = s.offset(rowAxis, row) + s.offset(colAxis, col)
		row, col = pos/s.out.Cols, pos%s.out.Cols
	}
	return pos
}

// From is the element at a position; ok is false for padding. It panics outside Out.
func (m Map) From(pos int) (row, col int, ok bool) {
	if pos < 0 || pos >= m.Out.Len() {
		panic(fmt.Sprintf("layout: position %d outside %v", pos, m.Out))
	}
	for i := len(m.stages) - 1; i >= 0; i-- {
		if row, col, ok = m.stages[i].from(pos); !ok {
			return 0, 0, false
		}
		pos = row*m.stages[i].in.Cols + col
	}
	return row, col, true
}

// Bits says where the bits of the code at a position are: bit i of the code, bit 0
// first, is bit Bits[i] of the buffer, counted from bit 0 of byte 0. They are four
// neighbours, 4·pos and on, but in the layouts that spread them over a word of 32.
func (m Map) Bits(pos int) [4]int {
	bits := [4]int{4 * pos, 4*pos + 1, 4*pos + 2, 4*pos + 3}
	if m.Spreads() {
		for i, b := range spreadBits(pos % 8) {
			bits[i] = pos/8*32 + b
		}
	}
	return bits
}

// Spreads reports whether the four bits of a code are apart: see Bits.
func (m Map) Spreads() bool { return len(m.stages) > 0 && m.stages[len(m.stages)-1].spread }

// Padding is the number of positions without an element.
func (m Map) Padding() int { return m.Out.Len() - m.In.Len() }

// Place is where a position is in a buffer of elements of bits: its byte offset
// and, for nibbles, the shift of its first bit in that byte.
func Place(pos, bits int) (offset, shift int) { return pos * bits / 8, pos * bits % 8 }

// Compose is the map that applies maps from first to last. Each takes in what the
// one before gives out; the error is a *inspect.Fault of class ErrMismatch.
func Compose(maps ...Map) (Map, error) {
	if len(maps) == 0 {
		return Map{}, fault(inspect.ErrMismatch, "nothing to compose", "a map is made of one map or more", "")
	}
	m := Map{In: maps[0].In, Out: maps[0].Out}
	for i, next := range maps {
		if i > 0 && next.In != m.Out {
			return Map{}, fault(inspect.ErrMismatch, "layouts do not follow each other",
				fmt.Sprintf("one gives out %v, the next takes in %v", m.Out, next.In), "")
		}
		if m.Spreads() {
			return Map{}, fault(inspect.ErrUnsupported, "nothing can follow this layout", "it spreads the bits of a code, which are no element then", "")
		}
		m.stages = append(m.stages, next.stages...)
		m.Out = next.Out
	}
	return m, nil
}

// Linear is the layout of every checkpoint: row-major, no padding. The error is a
// *inspect.Fault for a size that is no matrix.
func Linear(d Dims) (Map, error) { return PadTo(d, d) }

// fault is a violation that has no place in a file.
func fault(class error, what, why, cure string) *inspect.Fault {
	return &inspect.Fault{Class: class, Offset: -1, What: what, Why: why, Cure: cure}
}

// check refuses sizes that are no matrix.
func (d Dims) check() error {
	if d.Rows < 1 || d.Cols < 1 {
		return fault(inspect.ErrUnsupported, "empty matrix", fmt.Sprintf("%v has no elements", d), "")
	}
	if d.Rows > maxSide || d.Cols > maxSide || d.Len() > maxLen {
		return fault(inspect.ErrUnsupported, "matrix too large", fmt.Sprintf("%v has more than 2^48 elements", d), "")
	}
	return nil
}
