// Package sweep makes operands to compare an implementation of a tensor-core
// instruction with another one: MMA-Sim's simulator, a GPU. They are a pure function
// of a seed and a number, computed in integers alone, so that a program in another
// language (testdata/generate_sweep.py of package gemm) draws the same ones and only
// hashes of results have to be kept.
package sweep

import "math/bits"

// Format is an operand's bit layout: a sign, exp exponent bits and man mantissa bits
// above drop bits that the hardware ignores.
type Format struct {
	Bits, Exp, Man, Drop int
	Reserved             int // the largest exponent field holds NaN: 1 (all of it or a part), else 0
}

// FormatOf returns the layout of a type by its PTX name; ok is false for a name that
// is none. "f32" is for accumulators.
func FormatOf(name string) (f Format, ok bool) {
	switch name {
	case "f16":
		return Format{16, 5, 10, 0, 1}, true
	case "bf16":
		return Format{16, 8, 7, 0, 1}, true
	case "tf32":
		return Format{32, 8, 10, 13, 1}, true
	case "f32":
		return Format{32, 8, 23, 0, 1}, true
	case "e4m3":
		return Format{8, 4, 3, 0, 1}, true
	case "e5m2":
		return Format{8, 5, 2, 0, 1}, true
	case "e3m2":
		return Format{6, 3, 2, 0, 0}, true
	case "e2m3":
		return Format{6, 2, 3, 0, 0}, true
	case "e2m1":
		return Format{4, 2, 1, 0, 0}, true
	}
	return Format{}, false
}

// The kinds of data; case i has shape i % Shapes.
const (
	Raw        = iota // every bit random
	Narrow            // exponents near one
	Sparse            // three of four elements are zero, of either sign
	Tiny              // subnormals and the smallest normal numbers
	Cancelling        // each odd product undoes the even one before it
	Special           // NaN and infinities here and there
	Wide              // every finite exponent
	Layer             // bell-shaped values with outliers, c zero half of the time
	Huge              // the largest exponents: sums that overflow
	Ladder            // products up to thirty binary places below the largest
	Zeros             // all products are -0, c is zero or tiny
	Remainder         // what is left when all but the last products cancel
	Floor             // a sum at the smallest result, and one product far below it
	Shapes
)

// Source says what a family of cases is made of.
type Source struct {
	Seed    uint64 // below 2^20
	A, B, C Format
	Scale   string // "ue4m3", "ue8m0", or empty
}

// Case holds the operands of one case; its slices are reused by Fill.
type Case struct {
	A, B     []uint32
	SFA, SFB []uint8
	C        uint32
}

// Words that one case may use; case numbers are below 2^32.
const perCase = 1 << 11

// Word is the random word j (below 2048) of case i.
func Word(seed, i, j uint64) uint64 {
	z := (seed<<43 + i*perCase + j) * 0x9E3779B97F4A7C15
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

// Fill draws case i: k elements a side and scales block scales a side.
func (s *Source) Fill(op *Case, i uint64, k, scales int) {
	shape := int(i % Shapes)
	own := Word(s.Seed, i, perCase-1)
	if shape == Floor {
		s.floor(op, own, k, scales)
		return
	}
	op.A, op.B, op.SFA, op.SFB = op.A[:0], op.B[:0], op.SFA[:0], op.SFB[:0]
	for n := range uint64(k) {
		a := s.A.Code(Word(s.Seed, i, n), own, shape)
		b := s.B.Code(Word(s.Seed, i, uint64(k)+n), own, shape)
		switch {
		case shape == Cancelling && n%2 == 1, shape == Remainder && n%2 == 1 && n+2 < uint64(k):
			a, b = op.A[n-1]^s.A.sign(), op.B[n-1]
		case shape == Zeros:
			a = ^b >> (s.B.Bits - 1) & 1 << (s.A.Bits - 1)
		}
		op.A, op.B = append(op.A, a), append(op.B, b)
	}
	op.C = s.C.accumulator(Word(s.Seed, i, uint64(2*k)), shape)
	for n := range uint64(scales) {
		op.SFA = append(op.SFA, scaleByte(Word(s.Seed, i, uint64(2*k)+1+n), shape, s.Scale))
		op.SFB = append(op.SFB, scaleByte(Word(s.Seed, i, uint64(2*k+scales)+1+n), shape, s.Scale))
	}
}

// floor puts ±1 or ±1.5 times the smallest result (half of it where results are rounded to
// nearest) into the first product and a power of two below it into the last one: whether
// that reaches the result tells the smallest alignment exponent. Elements that
// cannot be so small are zero.
func (s *Source) floor(op *Case, own uint64, k, scales int) {
	op.A, op.B, op.SFA, op.SFB = op.A[:0], op.B[:0], op.SFA[:0], op.SFB[:0]
	for range k {
		op.A, op.B = append(op.A, 0), append(op.B, 0)
	}
	smallest := -149
	if s.C.Exp < 8 {
		smallest = -25
	}
	below := int(own >> 8 % 30)
	first, last := smallest, smallest-1-below
	if scales > 0 {
		first, last = 0, 0
		if scales < 2 {
			last = -1 - below
		}
	}
	op.A[0] = s.A.power(first>>1) | uint32(own&1)<<(s.A.Man+s.A.Drop-1)
	op.B[0] = s.B.power(first - first>>1)
	op.A[k-1] = s.A.power(last >> 1)
	op.B[k-1] = s.B.power(last - last>>1)
	op.A[0] |= uint32(own>>1&1) * s.A.sign()
	op.A[k-1] |= uint32(own>>2&1) * s.A.sign()
	op.C = uint32(own>>3&1) * s.C.sign()
	for n := range scales {
		e := smallest - 1 - below
		if n == 0 || last != 0 {
			e = smallest
		}
		op.SFA, op.SFB = append(op.SFA, scalePower(e>>1, s.Scale)), append(op.SFB, scalePower(e-e>>1, s.Scale))
	}
}

// power is the code of 2^e; zero where the type has none.
func (f Format) power(e int) uint32 {
	if field := e + f.bias(); field > 0 {
		return uint32(field) << (f.Man + f.Drop)
	}
	if n := f.Man + e + f.bias() - 1; n >= 0 {
		return 1 << (n + f.Drop)
	}
	return 0
}

// scalePower is the scale byte of 2^e; the smallest where the type has none.
func scalePower(e int, scale string) uint8 {
	if scale == "ue8m0" {
		return uint8(max(e+127, 0))
	}
	return 1
}

func (f Format) sign() uint32 { return 1 << (f.Bits - 1) }

// fields puts an exponent field in place of that of raw.
func (f Format) fields(raw, field uint64) uint32 {
	mask := uint64(1<<f.Exp-1) << (f.Man + f.Drop)
	return uint32(raw&^mask | field<<(f.Man+f.Drop))
}

// largest is the largest exponent field without NaN.
func (f Format) largest() int { return 1<<f.Exp - 1 - f.Reserved }

func (f Format) bias() int { return 1<<(f.Exp-1) - 1 }

// Code is one element from one random word; own is a word of the whole case.
func (f Format) Code(r, own uint64, shape int) uint32 {
	raw := r & (1<<f.Bits - 1)
	pick := int(r >> 40)
	field := max(f.bias()-4, 0) + pick%min(8, 1<<f.Exp-1)
	switch shape {
	case Raw:
		return uint32(raw)
	case Sparse:
		if r>>34%4 != 0 {
			return uint32(raw) & f.sign()
		}
	case Tiny:
		field = pick % 2
	case Special:
		if r>>34%32 == 0 && f.Exp >= 4 {
			field = 1<<f.Exp - 1
		}
	case Wide, Remainder:
		field = pick % (f.largest() + 1)
	case Layer:
		return f.bell(r)
	case Huge:
		field = f.largest() - pick%min(4, f.largest())
	case Ladder:
		field = max(f.bias()+2-pick%4-int(r>>34&1*(own%16)), 0)
	}
	return f.fields(raw, uint64(field))
}

// bell sums four bytes to a value with a bell-shaped distribution below 8 and encodes
// it toward zero; one in 64 is 32 times as large where the type can hold it.
func (f Format) bell(r uint64) uint32 {
	g := int(r&0xff+r>>8&0xff+r>>16&0xff+r>>24&0xff) - 510
	sign, m := uint32(0), uint32(g)
	if g < 0 {
		sign, m = f.sign(), uint32(-g)
	}
	if m == 0 {
		return sign
	}
	top := bits.Len32(m) - 1
	field := top - 6 + f.bias()
	if field < 1 { // subnormal: the unit is 2^(1-bias-man)
		return sign | shift(m, f.Man+f.bias()-7)<<f.Drop
	}
	if r>>34%64 == 0 && f.Exp >= 4 {
		field += 5
	}
	man := shift(m, f.Man-top) & (1<<f.Man - 1)
	return sign | (uint32(field)<<f.Man|man)<<f.Drop
}

// shift is m·2^n without its fraction.
func shift(m uint32, n int) uint32 {
	if n < 0 {
		return m >> -n
	}
	return m << n
}

// accumulator is c: as wild as its shape, and a zero of either sign in a quarter of cases.
func (f Format) accumulator(r uint64, shape int) uint32 {
	raw, pick := r&(1<<f.Bits-1), int(r>>40)&0xfffff
	spread := min(20, 2*f.bias()-14)
	field := f.bias() - spread/2 + pick%spread
	switch {
	case shape == Raw:
		return uint32(raw)
	case r>>60%4 == 0, shape == Layer && r>>60%2 == 0:
		return uint32(raw) & f.sign()
	case shape == Tiny, shape == Zeros, shape == Remainder:
		field = pick % 8
		if f.Exp < 8 {
			field = pick % 3
		}
	case shape == Special && pick%16 == 0:
		field = 1<<f.Exp - 1
	case shape == Wide:
		field = pick % (f.largest() + 1)
	case shape == Huge:
		field = f.largest() - pick%4
	case shape == Ladder:
		field = max(f.bias()+6-pick%40, 0)
	}
	return f.fields(raw, uint64(field))
}

// scaleByte is one block scale.
func scaleByte(r uint64, shape int, scale string) uint8 {
	raw, wide := r&0xff, scale == "ue8m0"
	switch {
	case shape == Raw, shape == Special && r>>50%16 == 0:
		return uint8(raw)
	case shape == Tiny:
		return uint8(raw % 12)
	case shape == Wide && wide:
		return uint8(raw % 255)
	case shape == Wide:
		return uint8(raw&0x80 | r>>8%127)
	case shape == Huge && wide:
		return uint8(240 + raw%15)
	case shape == Huge:
		return uint8(0x70 + raw%15)
	case shape == Ladder && wide:
		return uint8(127 - raw%40)
	case shape == Ladder:
		return uint8(raw % 0x7f)
	case wide:
		return uint8(119 + raw%16)
	}
	return uint8(0x28 + raw%0x30)
}
