package kernel

import (
	"fmt"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layout"
)

// Place is where one element of the matrix is in a prepared buffer.
type Place struct {
	Byte      int64  // of the code in Codes
	High      bool   // it is the high nibble; meaningless when Spread
	Bits      [4]int // where its bits are, bit 0 first, counted from bit 0 of byte 0
	Spread    bool   // the layout keeps the four bits apart: only Bits says where
	ScaleByte int64  // of the block's scale in Scales
	Row, Col  int    // in the padded matrix
	Code      uint8
	Scale     uint8   // as stored in Scales
	Value     float32 // code · scale as the kernel reads them, without the global scale
}

// Element is what one position of a buffer holds.
type Element struct {
	N, K    int  // of the code; of the first code of the block for a scale
	Padding bool // zeros that belong to no element: N and K mean nothing
	Bits    uint8
}

// Where is the place of logical element n,k. The error is a *inspect.Fault of class
// ErrMissing outside the matrix.
func (p *Prepared) Where(n, k int) (Place, error) {
	if n < 0 || n >= p.N || k < 0 || k >= p.K {
		return Place{}, fault(inspect.ErrMissing, fmt.Sprintf("no element %d,%d", n, k), fmt.Sprintf("the matrix is %d×%d", p.N, p.K), "")
	}
	pos := p.CodeMap.To(n, k)
	at := Place{Byte: int64(pos / 2), High: pos%2 == 1, Bits: p.CodeMap.Bits(pos), Spread: p.CodeMap.Spreads(),
		ScaleByte: int64(p.ScaleMap.To(n, k/p.Block)), Row: p.Column(n), Col: k}
	at.Code = p.code4(pos)
	at.Scale = p.Scales[at.ScaleByte]
	at.Value = fp4.DecodeE2M1(at.Code) * p.src.blocks.ScaleType.Decode(uint16(p.read(at.Scale)))
	return at, nil
}

// read is the scale byte that the kernel makes of a stored one.
func (p *Prepared) read(stored byte) byte {
	if p.pass.used {
		return p.pass.back[stored]
	}
	return stored
}

// code4 is the code at a position of the buffer.
func (p *Prepared) code4(pos int) (code uint8) {
	for i, bit := range p.CodeMap.Bits(pos) {
		code |= p.Codes[bit/8] >> (bit % 8) & 1 << i
	}
	return code
}

// At says what a byte of Codes or Scales holds: two codes, the low nibble first, or
// one scale. In a layout that spreads the bits of codes over words of 32 it is the
// eight codes of the word, in the order of their elements' positions. The error is
// a *inspect.Fault of class ErrMissing outside the buffer.
func (p *Prepared) At(of layout.Operand, offset int64) ([]Element, error) {
	buffer := p.Codes
	if of == layout.Scales {
		buffer = p.Scales
	} else if of != layout.Codes {
		return nil, fault(inspect.ErrUnsupported, "no buffer of "+of.String(), "there are codes and scales", "")
	}
	if offset < 0 || offset >= int64(len(buffer)) {
		return nil, fault(inspect.ErrMissing, fmt.Sprintf("no byte %d", offset), fmt.Sprintf("the %s take %d bytes", of, len(buffer)), "")
	}
	if of == layout.Scales {
		n, block, ok := p.ScaleMap.From(int(offset))
		return []Element{{N: n, K: block * p.Block, Padding: !ok, Bits: p.Scales[offset]}}, nil
	}
	first, count := int(offset)*2, 2
	if p.CodeMap.Spreads() {
		first, count = int(offset)/4*8, 8
	}
	list := make([]Element, count)
	for i := range list {
		n, k, ok := p.CodeMap.From(first + i)
		list[i] = Element{N: n, K: k, Padding: !ok, Bits: p.code4(first + i)}
	}
	return list, nil
}

// PaddedCodes and PaddedScales count the positions of the buffers without an element.
func (p *Prepared) PaddedCodes() int { return p.CodeMap.Padding() }

// PaddedScales is PaddedCodes for the scales.
func (p *Prepared) PaddedScales() int { return p.ScaleMap.Padding() }

// Bytes is the size of both buffers.
func (p *Prepared) Bytes() int64 { return int64(len(p.Codes) + len(p.Scales)) }

// Lossless reports whether Unpack gives back the scales and the global scale that
// went in.
func (p *Prepared) Lossless() bool { return p.Lost == 0 && p.global() == p.src.blocks.Global }

// Alpha is the FP32 factor of the kernel's epilogue when its activations have the
// global scale x: for kernels that quantize them the product of both multipliers,
// for the others the weights' alone.
func (p *Prepared) Alpha(x fp4.GlobalScale) float32 {
	if p.Kernel.Global == Alpha {
		return float32(x.Multiplier() * p.Global)
	}
	return p.Global
}
