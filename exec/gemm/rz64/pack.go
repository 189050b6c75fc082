package rz64

import (
	"encoding/binary"
	"math"
)

// A packed tile of x has one record a group of 16 columns: the doubled codes of eight
// rows, 16 signed bytes each; then for each row an int32, the float32 word of
// 1.5·2^23 less 12 times the sum of its codes; then for each row its scale over 4.
//
// The order of the 16 codes is that in which the nibbles of w come out: low nibbles of
// bytes 0-3, high nibbles of bytes 0-3, and the same of bytes 4-7. In a sum of 16 exact
// products no order matters.
//
// The codes of w are used as w+12, unsigned, because the byte products of x86 are unsigned
// times signed. What that adds to a sum, 12 times the codes of x, is taken off by
// the int32, which also makes the sum a float32 without a conversion.
const (
	recordCodes  = 0
	recordStart  = tileRows * groupLen
	recordScale  = recordStart + 4*tileRows
	recordLen    = recordScale + 4*tileRows
	magic        = 0x4b400000 // 1.5·2^23
	unsignedBias = 12
)

// tile returns rows 8i … 8i+7 of x, packed. Rows beyond the last are zero.
func (p *Product) tile(i int) []byte {
	t := &p.tiles[i]
	t.once.Do(func() {
		t.data = make([]byte, p.steps*stepGroups*recordLen)
		rows := min(tileRows, p.x.Rows-i*tileRows)
		n := p.x.ScaleCols()
		for g := 0; g*recordLen < len(t.data); g++ {
			rec := (*[recordLen]byte)(t.data[g*recordLen:])
			for r := range tileRows {
				if r >= rows || g*groupLen >= p.x.Cols {
					binary.LittleEndian.PutUint32(rec[recordStart+4*r:], magic)
					continue
				}
				row := i*tileRows + r
				codes := p.x.Codes[row*(p.x.Cols/2) : (row+1)*(p.x.Cols/2)]
				p.packGroup(rec, r, codes[g*groupLen/2:], p.x.Scales[row*n+g*groupLen/p.x.Block])
			}
		}
	})
	return t.data
}

// packGroup packs the codes at the front of codes, 16 or all that there are, as row r
// of a record.
func (p *Product) packGroup(rec *[recordLen]byte, r int, codes []byte, scale byte) {
	var word uint64
	if len(codes) >= 8 {
		word = binary.LittleEndian.Uint64(codes)
	} else {
		var tail [8]byte
		copy(tail[:], codes)
		word = binary.LittleEndian.Uint64(tail[:])
	}
	low, high := doubleNibbles(word), doubleNibbles(word>>4)
	if p.x.Order != p.w.Order {
		low, high = high, low
	}
	at := rec[recordCodes+r*groupLen:]
	binary.LittleEndian.PutUint64(at[0:], low&0xffffffff|high<<32)
	binary.LittleEndian.PutUint64(at[8:], low>>32|high&^0xffffffff)
	binary.LittleEndian.PutUint32(rec[recordStart+4*r:], uint32(magic-unsignedBias*(sumBytes(low)+sumBytes(high))))
	binary.LittleEndian.PutUint32(rec[recordScale+4*r:], math.Float32bits(p.format.value[scale]/4))
}

// doubleNibbles replaces the E2M1 code in the low nibble of each byte by twice its value,
// as a signed byte.
func doubleNibbles(v uint64) uint64 {
	const ones = 0x0101010101010101
	m := v & (7 * ones)
	large := m >> 2 & ones // codes 4-7 are 4, 6, 8, 12: m + (m&3), and 2 more for 7
	d := m + m&(large*3) + (m & (m >> 1) & large << 1)
	negative := v >> 3 & (m | m>>1 | m>>2) & ones // not -0
	return d ^ negative*255 + negative
}

// sumBytes adds the eight signed bytes, each at least -12 and at most 12.
func sumBytes(v uint64) int32 {
	const low, lanes = 0x00ff00ff00ff00ff, 0x0001000100010001
	b := (v & 0x7f7f7f7f7f7f7f7f) + 0x0c0c0c0c0c0c0c0c ^ v&0x8080808080808080 // v + 12 a byte
	return int32((b&low+b>>8&low)*lanes>>48) - 8*12
}

// The unpacked block of w: blockGroups records of 32 columns. Four quads of 128 bytes,
// byte 4j+b of quad q being column j, element b of the quad; then 32 float32 block
// scales s and 32 times -1.5·2^23·s.
const (
	panelScale  = groupLen * panelCols
	panelShift  = panelScale + 4*panelCols
	panelRecord = panelShift + 4*panelCols
	panelBytes  = blockGroups * panelRecord
)

// A staged block is a copy of the bytes of w where a whole block would reach beyond
// the rows or columns of w: 32 rows of codes, then 32 rows of scales, zero elsewhere.
const (
	stagedCodes  = blockLen / 2
	stagedScales = blockGroups
	stagedLen    = panelCols * (stagedCodes + stagedScales)
)

// locate finds rows n0 … n0+cols-1 of w from instruction step on, a block long, by way
// of stage where the block is not whole.
func (p *Product) locate(stage []byte, n0, cols, step int) (codes, scales []byte, codeStride, scaleStride int) {
	w := p.w
	rowLen, scaleLen := w.Cols/2, w.ScaleCols()
	k := step * StepLen
	if cols == panelCols && k+blockLen <= w.Cols {
		return w.Codes[n0*rowLen+k/2:], w.Scales[n0*scaleLen+k/w.Block:], rowLen, scaleLen
	}
	clear(stage)
	codes, scales = stage[:panelCols*stagedCodes], stage[panelCols*stagedCodes:]
	for c := range cols {
		copy(codes[c*stagedCodes:][:stagedCodes], w.Codes[(n0+c)*rowLen+k/2:(n0+c+1)*rowLen])
		copy(scales[c*stagedScales:][:blockLen/w.Block], w.Scales[(n0+c)*scaleLen+k/w.Block:(n0+c+1)*scaleLen])
	}
	return codes, scales, stagedCodes, stagedScales
}

// unpackScales fills in the scales of a panel.
func unpackScales(panel, scales []byte, stride int, format *scaleFormat, perScale int) {
	for c := range panelCols {
		row := scales[c*stride:][:blockGroups/perScale]
		for g := range blockGroups {
			s := format.value[row[g/perScale]]
			rec := panel[g*panelRecord+4*c:][:panelShift+4]
			binary.LittleEndian.PutUint32(rec[panelScale:], math.Float32bits(s))
			binary.LittleEndian.PutUint32(rec[panelShift:], math.Float32bits(s*-0x1.8p23))
		}
	}
}
