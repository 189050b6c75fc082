package fdpa

import (
	"encoding/binary"

	"fp4tui/inspect/fp4"
)

// lanes is the number of columns that a panel holds.
const panelCols = 16

// colStep is the weights of one step of a panel.
type colStep struct {
	codes [2][panelCols]uint32 // of elements 0-7 and 8-15: eight codes, the first lowest
	s     [panelCols]float32
	limit [panelCols]int32
	floor [panelCols]int32
}

// pack gathers the steps [step0,step0+len(to)) of columns [n0,n1); what the panel has
// room for beyond is zero.
func (p *Product) pack(to []colStep, n0, n1, step0 int) {
	if n1-n0 < panelCols {
		none := newLane(p.Params, 0)
		for i := range to {
			for j := n1 - n0; j < panelCols; j++ {
				to[i].put(j, 0, none)
			}
		}
	}
	rowBytes, perScale := p.w.Cols/2, p.w.ScaleCols()
	for j := range n1 - n0 {
		codes := p.w.Codes[(n0+j)*rowBytes:][:rowBytes]
		scales := p.w.Scales[(n0+j)*perScale:][:perScale]
		for i := range to {
			k := (step0 + i) * p.L
			to[i].put(j, p.codesAt(codes, k), p.lanes[scales[k/p.w.Block]])
		}
	}
}

func (s *colStep) put(j int, codes uint64, l lane) {
	s.codes[0][j], s.codes[1][j] = uint32(codes), uint32(codes>>32)
	s.s[j], s.limit[j], s.floor[j] = l.s, l.limit, l.floor
}

// codesAt is the codes of the step that begins with element k of a row, the first in
// the lowest bits, zeros past its end.
func (p *Product) codesAt(row []byte, k int) uint64 {
	var v uint64
	if at := k / 2; at+8 <= len(row) {
		v = binary.LittleEndian.Uint64(row[at:])
	} else {
		for i, b := range row[at:] {
			v |= uint64(b) << (8 * i)
		}
	}
	if p.L < maxL {
		v &= 1<<(4*p.L) - 1
	}
	if p.w.Order == fp4.HighFirst {
		v = v>>4&0x0f0f0f0f0f0f0f0f | v&0x0f0f0f0f0f0f0f0f<<4
	}
	return v
}

// column is the bf16 words of one step of a column, in the order of place.
func (p *Product) column(n, step int) (words [maxL]uint16) {
	k := step * p.L
	if !p.uniform {
		for i := range min(p.L, p.k-k) {
			words[place(i)] = p.words[p.w.Scale(n, k+i)][p.w.Code(n, k+i)]
		}
		return words
	}
	rowBytes := p.w.Cols / 2
	codes, of := p.codesAt(p.w.Codes[n*rowBytes:][:rowBytes], k), &p.words[p.w.Scale(n, k)]
	for i := range min(p.L, p.k-k) {
		words[place(i)] = of[codes>>(4*i)&15]
	}
	return words
}
