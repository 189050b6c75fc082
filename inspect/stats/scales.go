package stats

import (
	"cmp"
	"math"
	"slices"

	"fp4tui/inspect/fp4"
)

// Scales is the distribution of block scale bytes. NaN, Zero, Subnormal, Normal and
// Saturated are disjoint and add up to Count; Negative overlaps them.
type Scales struct {
	Format    fp4.Format
	Count     int64
	NaN       int64 // E4M3: 0x7f, 0xff; E8M0: 0xff
	Zero      int64 // E4M3: 0x00, 0x80; E8M0 has none (its 0x00 is 2^-127, a Normal)
	Subnormal int64 // E4M3: magnitude below 2^-6; E8M0: none
	Normal    int64
	Saturated int64 // the greatest finite magnitude: E4M3 448 (0x7e, 0xfe), E8M0 2^127 (0xfe)
	Negative  int64 // E4M3 with the sign bit set, NaN and zero included; 0 for UE4M3 and E8M0

	Min, P1, P50, P99, Max Scale // by value, NaN left out; all NaN when there is no other
	ByCode                 [256]int64
}

// Scale is one scale byte with the value it stands for.
type Scale struct {
	Code  uint8
	Value float64
}

// ScaleStats counts the scale bytes of one tensor (any shape) in format f: E4M3, UE4M3
// or E8M0.
func ScaleStats(scales []byte, f fp4.Format) Scales {
	return ScalesOf(byteCount(scales), f)
}

// ScalesOf is ScaleStats of bytes that are counted already; adding up the ByCode of
// several tensors (experts, shards) gives their joint distribution.
func ScalesOf(byCode [256]int64, f fp4.Format) Scales {
	s := Scales{Format: f, ByCode: byCode}
	for code, n := range byCode {
		s.Count += n
		*s.class(uint8(code)) += n
		if f.Negative(uint16(code)) {
			s.Negative += n
		}
	}
	s.quantiles()
	return s
}

// class returns the counter that a code belongs to.
func (s *Scales) class(code uint8) *int64 {
	switch s.Format.Class(uint16(code)) {
	case fp4.NaN:
		return &s.NaN
	case fp4.Zero:
		return &s.Zero
	case fp4.Subnormal:
		return &s.Subnormal
	case fp4.Saturated:
		return &s.Saturated
	}
	return &s.Normal
}

// quantiles walks the codes in order of value.
func (s *Scales) quantiles() {
	none := Scale{Value: math.NaN()}
	s.Min, s.P1, s.P50, s.P99, s.Max = none, none, none, none, none
	n := s.Count - s.NaN
	if n == 0 {
		return
	}
	want := []struct {
		q  float64
		to *Scale
	}{{0, &s.Min}, {0.01, &s.P1}, {0.50, &s.P50}, {0.99, &s.P99}, {1, &s.Max}}
	var seen int64
	for _, code := range codesByValue(s.Format) {
		seen += s.ByCode[code]
		for len(want) > 0 && Rank(want[0].q, n) < seen {
			*want[0].to = Scale{code, value(code, s.Format)}
			want = want[1:]
		}
	}
}

// codesByValue lists the codes that are not NaN from the least value to the greatest,
// codes of one value in order of code.
func codesByValue(f fp4.Format) []uint8 {
	codes := make([]uint8, 0, 256)
	for c := range 256 {
		if f.Class(uint16(c)) != fp4.NaN {
			codes = append(codes, uint8(c))
		}
	}
	slices.SortStableFunc(codes, func(a, b uint8) int {
		return cmp.Compare(value(a, f), value(b, f))
	})
	return codes
}

func value(code uint8, f fp4.Format) float64 { return float64(f.Decode(uint16(code))) }
