// Package number writes the numbers of fp4tui: one format for screens (4 significant
// digits), line output and notebooks (6). It knows nothing of terminals or results.
//
//	number.Format(-0.69376, 4) // "-0.6938"
//	number.Format(7.0512e-8, 4) // "7.051e-08"
//	number.Count(196608)        // "196,608"
package number

import (
	"math"
	"strconv"
	"strings"
)

// Fixed notation holds from 1e-3 to 99999: exponents -3 to 4 of the rounded value.
const (
	fixedLow  = -3
	fixedHigh = 4
)

// Format writes v with the given number of significant digits (at least 1): fixed
// notation from 1e-3 to 99999, otherwise the exponent form 7.051e-08. Trailing zeros
// stay, so that columns line up. Zero of either sign is "0", which stands for exactly
// zero and nothing else; the specials are "nan", "inf" and "-inf".
func Format(v float64, digits int) string {
	if text, ok := special(v); ok {
		return text
	}
	digits = max(digits, 1)
	scientific := strconv.FormatFloat(v, 'e', digits-1, 64)
	mark := strings.LastIndexByte(scientific, 'e')
	exponent, err := strconv.Atoi(scientific[mark+1:])
	if err != nil || exponent < fixedLow || exponent > fixedHigh {
		return scientific
	}
	return strconv.FormatFloat(v, 'f', max(0, digits-1-exponent), 64)
}

// Short is Format without the zeros that end a fraction: 448 and 0.5, not 448.0 and
// 0.5000. It is for values that a small format stores exactly: scales, codes, globals.
func Short(v float64, digits int) string {
	text := Format(v, digits)
	mantissa, exponent, scientific := strings.Cut(text, "e")
	if !strings.Contains(mantissa, ".") {
		return text
	}
	mantissa = strings.TrimRight(strings.TrimRight(mantissa, "0"), ".")
	if scientific {
		return mantissa + "e" + exponent
	}
	return mantissa
}

// Signed is Format with a sign in front of every value but zero and NaN: errors and
// contributions.
func Signed(v float64, digits int) string {
	text := Format(v, digits)
	if v > 0 {
		return "+" + text
	}
	return text
}

// Fit is Format with as many digits, at most the given number, as width cells hold.
// It never drops below one digit, so the text can still be wider than width.
func Fit(v float64, digits, width int) string {
	text := Format(v, digits)
	for d := digits - 1; d >= 1 && len(text) > width; d-- {
		text = Format(v, d)
	}
	return text
}

// Exact is the shortest decimal that reads back as the same float64: what the focused
// value shows beside its bits.
func Exact(v float64) string {
	if text, ok := special(v); ok {
		return text
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// Exact32 is Exact for a value that came from float32.
func Exact32(v float64) string {
	if text, ok := special(v); ok {
		return text
	}
	return strconv.FormatFloat(v, 'g', -1, 32)
}

func special(v float64) (string, bool) {
	switch {
	case math.IsNaN(v):
		return "nan", true
	case math.IsInf(v, 1):
		return "inf", true
	case math.IsInf(v, -1):
		return "-inf", true
	case v == 0:
		return "0", true
	}
	return "", false
}

// Count writes an integer with thousands commas.
func Count(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	var b strings.Builder
	b.WriteString(sign)
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// Share writes a fraction as a percentage with two decimals: 0.0935 is "9.35%".
func Share(fraction float64) string {
	switch {
	case math.IsNaN(fraction) || math.IsInf(fraction, 0):
		return "—"
	case fraction == 0:
		return "0.00%"
	}
	return strconv.FormatFloat(fraction*100, 'f', 2, 64) + "%"
}

// Of is the share of part in whole; "—" when whole is 0.
func Of(part, whole int64) string {
	if whole == 0 {
		return "—"
	}
	return Share(float64(part) / float64(whole))
}

// Hex writes a code or a byte: lowercase, with at least the given number of digits
// after 0x. Negative values are unknown: "—".
func Hex(v int64, digits int) string {
	if v < 0 {
		return "—"
	}
	text := strconv.FormatInt(v, 16)
	return "0x" + strings.Repeat("0", max(0, digits-len(text))) + text
}

// Offset writes a file offset: eight hexadecimal digits, more when it needs them.
func Offset(v int64) string { return Hex(v, 8) }

// Shape joins extents with ×: 1536×384. No extents is a scalar, "1".
func Shape(extents ...int) string {
	if len(extents) == 0 {
		return "1"
	}
	parts := make([]string, len(extents))
	for i, n := range extents {
		parts[i] = strconv.Itoa(n)
	}
	return strings.Join(parts, "×")
}

// wholeLimit is where doubles stop to hold every integer.
const wholeLimit = 1 << 53

// Whole writes a count that travels as a float: without decimals, infinities by name, and
// what is no count as Format does.
func Whole(v float64, digits int) string {
	if v != math.Trunc(v) || math.Abs(v) >= wholeLimit {
		return Format(v, digits)
	}
	return Count(int64(v))
}

// Log2 is the logarithm of a positive number to 24 binary places, by squaring: the same
// bits on every machine, which math.Log2 does not promise.
func Log2(v float64) float64 {
	fraction, exponent := math.Frexp(v)
	m, sum := 2*fraction, float64(exponent-1)
	for bit := 0.5; bit >= 1.0/(1<<24); bit /= 2 {
		if m *= m; m >= 2 {
			m, sum = m/2, sum+bit
		}
	}
	return sum
}
