package stats

import (
	"slices"

	"fp4tui/inspect/fp4"
)

// Level says how bad a count is.
type Level uint8

// The levels, from good to bad.
const (
	OK Level = iota
	Warn
	Bad
)

// String is the word on the screen: "ok", "warn", "BAD".
func (l Level) String() string { return [...]string{OK: "ok", Warn: "warn", Bad: "BAD"}[l] }

// Part is one segment of a health line: what was counted, how many, what share of all.
type Part struct {
	Name  string
	Count int64
	Share float64 // 0…1
	Level Level
}

// Shares of block scales from which a count is more than chance.
const (
	ManySaturated = 0.01 // a fitting global scale saturates only the blocks that hold the tensor's amax
	MostSaturated = 0.50
	ManyZero      = 0.50
)

// Health is the health line of scales: nan, zero, subnormal, normal, saturated, and
// negative when there are any.
//
// E8M0 has neither zero nor subnormals; in their place stands 0x00, the scale 2^-127,
// which is what a buffer looks like that was never loaded.
//
// A NaN scale is bad at once: it makes its output column NaN. All zero is bad, half zero a warning.
// A subnormal scale is a warning: kernels that rebuild scales by shifting (Marlin)
// flush what is below 2^-6. A sign bit is a warning: decoders disagree about it.
func (s *Scales) Health() []Part {
	if s.Count == 0 {
		return nil
	}
	parts := []Part{
		{"nan", s.NaN, 0, worse(s.NaN > 0, Bad)},
		s.zeroPart(),
		{"subnormal", s.Subnormal, 0, worse(s.Subnormal > 0, Warn)},
		{"normal", s.Normal, 0, OK},
		{"saturated", s.Saturated, 0, max(worse(s.share(s.Saturated) >= ManySaturated, Warn), worse(s.share(s.Saturated) >= MostSaturated, Bad))},
	}
	if s.Negative > 0 {
		parts = append(parts, Part{"negative", s.Negative, 0, Warn})
	}
	if s.Format == fp4.E8M0 {
		parts = slices.Delete(parts, 2, 3)
	}
	for i := range parts {
		parts[i].Share = s.share(parts[i].Count)
	}
	return parts
}

func (s *Scales) zeroPart() Part {
	p := Part{Name: "zero", Count: s.Zero}
	if s.Format == fp4.E8M0 {
		p = Part{Name: "0x00", Count: s.ByCode[0]}
	}
	p.Level = max(worse(s.share(p.Count) >= ManyZero, Warn), worse(p.Count == s.Count, Bad))
	return p
}

func (s *Scales) share(n int64) float64 { return float64(n) / float64(s.Count) }

// Health is the health line of a float tensor: nan, inf, zero, subnormal, normal.
func (f *Floats) Health() []Part {
	if f.Count == 0 {
		return nil
	}
	inf := f.PosInf + f.NegInf
	parts := []Part{
		{"nan", f.NaN, 0, worse(f.NaN > 0, Bad)},
		{"inf", inf, 0, worse(inf > 0, Bad)},
		{"zero", f.Zero, 0, worse(f.Zero == f.Count, Warn)},
		{"subnormal", f.Subnormal, 0, OK},
		{"normal", f.Normal, 0, OK},
	}
	for i := range parts {
		parts[i].Share = float64(parts[i].Count) / float64(f.Count)
	}
	return parts
}

// Worst is the worst level of a health line.
func Worst(parts []Part) Level {
	l := OK
	for _, p := range parts {
		l = max(l, p.Level)
	}
	return l
}

func worse(is bool, l Level) Level {
	if is {
		return l
	}
	return OK
}
