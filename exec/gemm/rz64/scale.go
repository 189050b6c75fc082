package rz64

import (
	"math"
	"math/bits"
	"sync"

	"fp4tui/inspect/fp4"
)

// The numbers of the instruction (MMA-Sim's GST-FDPA) and of float32.
const (
	windowBits  = 35   // bits kept below the largest exponent E
	zeroAlign   = -139 // smallest E
	minUnit     = -149 // exponent of the smallest float32
	maxExponent = 127  // of the largest float32
)

// scaleFormat is a type of block scale: value = sig·2^(exp-man).
type scaleFormat struct {
	man   int // fraction bits
	mask  uint8
	nan   uint8 // the largest byte under mask
	bytes [256]scaleValue
	units *[128]byte // unit - lowUnit of each byte, 255 for no unit; nil where it is byte - 128
	// What the vector paths read: 2^30 ≥ value·4 ≥ 2^-151, exact.
	value [256]float32
}

// scaleValue is one decoded scale byte. unit is the exponent of the lowest bit of
// (E2M1 element)·scale; zero and NaN have sig 0 and no unit.
type scaleValue struct {
	sig, exp, unit int16
	nan            bool
}

var (
	ue4m3 = newUE4M3()
	ue8m0 = newUE8M0()
)

func newUE4M3() *scaleFormat {
	f := &scaleFormat{man: 3, mask: 0x7f, nan: 0x7f}
	for b := range f.bytes {
		field, frac := b>>3&15, int16(b&7)
		v := scaleValue{sig: frac, exp: int16(max(field, 1) - 7), nan: b&0x7f == 0x7f}
		if field > 0 {
			v.sig |= 8
		}
		f.value[b] = float32(math.Ldexp(float64(v.sig), int(v.exp)-3))
		v.unit = v.exp - 4 + int16(bits.TrailingZeros16(uint16(v.sig|1<<10)))
		f.bytes[b] = v
	}
	f.units = new([128]byte)
	for b := range f.units {
		f.units[b] = 255
		if v := &f.bytes[b]; v.sig != 0 && !v.nan {
			f.units[b] = byte(v.unit - lowUnit)
		}
	}
	return f
}

// lowUnit is below every unit of UE4M3.
const lowUnit = -16

func newUE8M0() *scaleFormat {
	f := &scaleFormat{mask: 0xff, nan: 0xff}
	for b := range f.bytes {
		exp := int16(b - 127)
		f.bytes[b] = scaleValue{sig: 1, exp: exp, unit: exp - 1, nan: b == 0xff}
		f.value[b] = float32(math.Ldexp(1, int(exp)))
	}
	return f
}

// line is what bounds the sums of one row of an operand.
type line struct {
	unit int  // every element·scale is a multiple of 2^unit
	top  int  // largest scale exponent of a group with a nonzero element
	raw  int  // largest scale exponent of any group
	nan  bool // some scale is NaN
}

// No group at all: any unit, no exponent.
const (
	noUnit = 1 << 10
	noTop  = -1 << 10
)

// lines holds the line of each row of an operand, found 32 rows at a time when first
// asked for.
type lines struct {
	b      *fp4.Blocks
	format *scaleFormat
	scan   func(scales []byte, table *[128]byte) (low, high uint8)
	once   []sync.Once
	found  []line
}

func (l *lines) init(b *fp4.Blocks, format *scaleFormat, scan func([]byte, *[128]byte) (uint8, uint8)) {
	l.b, l.format, l.scan = b, format, scan
	l.once = make([]sync.Once, (b.Rows+panelCols-1)/panelCols)
	l.found = make([]line, b.Rows)
}

// at returns the line of one row.
func (l *lines) at(row int) *line {
	part := row / panelCols
	l.once[part].Do(func() {
		for r := part * panelCols; r < min((part+1)*panelCols, l.b.Rows); r++ {
			l.found[r] = l.find(r)
		}
	})
	return &l.found[row]
}

// wide is the spread of exponents beyond which a line is worth a look at its codes.
const wide = 24

// find looks at the scales of a row. Blocks of zeros bound nothing, but to know them
// takes all codes of the row; they are asked only where scales of such blocks (MXFP4
// gives them 2^-127) would spoil the bound.
func (l *lines) find(row int) line {
	n := l.b.ScaleCols()
	scales := l.b.Scales[row*n : (row+1)*n]
	all := l.bound(scales)
	all.raw = all.top
	if all.top-all.unit <= wide {
		return all
	}
	some := line{unit: noUnit, top: noTop, raw: all.raw, nan: all.nan}
	codes := l.b.Codes[row*(l.b.Cols/2) : (row+1)*(l.b.Cols/2)]
	for i, s := range scales {
		if !zeroCodes(codes[i*l.b.Block/2 : min((i+1)*l.b.Block/2, len(codes))]) {
			some.add(&l.format.bytes[s])
		}
	}
	return some
}

// bound is the line of some scales.
func (l *lines) bound(scales []byte) line {
	if l.scan != nil && len(scales) > 0 {
		if low, high := l.scan(scales, l.format.units); high != l.format.nan {
			return l.format.between(low, high)
		}
	}
	var seen [256]bool
	for _, s := range scales {
		seen[s] = true
	}
	all := line{unit: noUnit, top: noTop}
	for s := range seen {
		if seen[s] {
			all.add(&l.format.bytes[s])
		}
	}
	return all
}

// between is the line of scales whose least unit and whose largest byte are known.
func (f *scaleFormat) between(low, high uint8) line {
	all := line{unit: noUnit, top: noTop}
	switch {
	case f.units == nil:
		all.add(&f.bytes[low])
		all.add(&f.bytes[high])
	case high != 0:
		all.unit, all.top = int(low)+lowUnit, int(f.bytes[high].exp)
	}
	return all
}

func (l *line) add(v *scaleValue) {
	switch {
	case v.nan:
		l.nan = true
	case v.sig != 0:
		l.unit = min(l.unit, int(v.unit))
		l.top = max(l.top, int(v.exp))
	}
}

// zeroCodes says whether all codes are +0 or -0.
func zeroCodes(codes []byte) bool {
	for _, c := range codes {
		if c&0x77 != 0 {
			return false
		}
	}
	return true
}

// nanIn says whether a row has a NaN scale within some instructions.
func (l *lines) nanIn(row, step0, step1 int) bool {
	if !l.at(row).nan {
		return false
	}
	n := l.b.ScaleCols()
	first := step0 * StepLen / l.b.Block
	last := min((step1*StepLen+l.b.Block-1)/l.b.Block, n)
	for _, s := range l.b.Scales[row*n+min(first, last) : row*n+last] {
		if l.format.bytes[s].nan {
			return true
		}
	}
	return false
}

// pow2 is 2^e for a normal e.
func pow2(e int) float64 { return math.Float64frombits(uint64(e+1023) << 52) }
