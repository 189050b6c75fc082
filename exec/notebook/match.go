package notebook

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// Tolerance is how far a float may be from the one stored: |got-want| ≤ Abs or
// ≤ Rel·|want|. The zero value asks for the precision written.
type Tolerance struct {
	Abs, Rel float64
}

// set reads tol=1e-6, tol=1% (relative) or rtol=1e-2; the answer is what is wrong.
func (t *Tolerance) set(name, value string) string {
	num, percent := strings.CutSuffix(value, "%")
	v, err := strconv.ParseFloat(num, 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) || v < 0 {
		return name + " is a number that is not negative, like 1e-6 or 1%"
	}
	switch {
	case percent:
		t.Rel = v / 100
	case name == "rtol":
		t.Rel = v
	default:
		t.Abs = v
	}
	return ""
}

// Difference is the first place where an output is not the stored one. Lines count
// from 1 within the two texts; 0 says that the text has no such line.
type Difference struct {
	WantLine, GotLine int
	Want, Got         string
	Reason            string // "0.4375 is not 0.5 ± 0.05"
}

// Match compares an output with the stored one and returns nil when it fits. A line
// of "..." alone stands for any number of lines, [..] within a line for any text.
// Text and whole numbers must be equal. A float (with a point or a signed exponent) fits
// within half a unit of the last digit written, or within tol when that is wider, or
// within its own bound: 1.23e-4±5% or 0.5±0.01. When tol is given, a whole number
// also fits a float within it. nan fits only nan. Blanks beside a float may differ in
// number, blanks at the end of a line do not count.
func Match(want, got string, tol Tolerance) *Difference {
	w, g := splitLines(want), splitLines(got)
	i, j := 0, 0
	dots, mark := -1, 0 // the last "..." and how far it reaches
	var first *Difference
	for i < len(w) || j < len(g) {
		switch {
		case i < len(w) && strings.TrimSpace(w[i]) == "...":
			dots, mark = i, j
			i++
			continue
		case i < len(w) && j < len(g):
			reason := matchLine(w[i], g[j], tol)
			if reason == "" {
				i, j = i+1, j+1
				continue
			}
			first = later(first, &Difference{i + 1, j + 1, w[i], g[j], reason})
		case i < len(w):
			return later(first, &Difference{WantLine: i + 1, Want: w[i], Reason: "the output ends before this line"})
		default:
			first = later(first, &Difference{GotLine: j + 1, Got: g[j], Reason: "the stored output ends before this line"})
		}
		if dots < 0 || mark >= len(g) {
			return first
		}
		mark++
		i, j = dots+1, mark
	}
	return nil
}

// later keeps the difference that came furthest in the stored text: after a "..." the
// earlier ones are only attempts. Running off its end is furthest of all.
func later(a, b *Difference) *Difference {
	if a == nil || b.WantLine == 0 || (a.WantLine != 0 && b.WantLine >= a.WantLine) {
		return b
	}
	return a
}

func splitLines(s string) []string {
	s = strings.TrimSuffix(strings.ReplaceAll(s, "\r\n", "\n"), "\n")
	if s == "" {
		return nil
	}
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " \t")
	}
	return lines
}

// token is a piece of a stored line.
type token struct {
	kind  tokenKind
	text  string // as written, the bound of a float included
	value float64
	unit  float64 // of the last digit written
	abs   float64 // own bound; -1 none
	rel   float64
	whole bool
}

type tokenKind uint8

const (
	literal tokenKind = iota
	float             // a number that may be off by a bound
	wild              // [..]
	blanks            // beside a float: one or more
)

var (
	// number is a decimal with optional thousands commas, point and exponent. Without
	// a point the exponent has a sign: 1e-05 is a number, 1e05 may be a hex word.
	number = regexp.MustCompile(`^[+-]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+(?:[eE][+-]?\d{1,4})?|[eE][+-]\d{1,4})?`)
	bound  = regexp.MustCompile(`^±(\d+(?:\.\d+)?(?:[eE][+-]?\d{1,4})?)(%?)`)
)

// tokenize cuts a stored line. With tol, whole numbers are floats too.
func tokenize(s string, tol Tolerance) []token {
	var out []token
	start := 0
	flush := func(end int) {
		if end > start {
			out = append(out, token{kind: literal, text: s[start:end]})
		}
	}
	for i := 0; i < len(s); {
		if strings.HasPrefix(s[i:], "[..]") {
			flush(i)
			out = append(out, token{kind: wild, text: "[..]"})
			i += len("[..]")
			start = i
			continue
		}
		n := numberAt(s, i)
		if n == 0 {
			i++
			continue
		}
		t, end := newNumber(s, i, n, tol)
		if t.kind == float {
			flush(i)
			out = append(out, t)
			start = end
		}
		i = end
	}
	flush(len(s))
	return spread(out)
}

// spread cuts the blanks beside floats out of the literals around them.
func spread(in []token) []token {
	var out []token
	for i, t := range in {
		if t.kind != literal {
			out = append(out, t)
			continue
		}
		s := t.text
		body := s
		var before, after bool
		if i > 0 && in[i-1].kind == float {
			body = strings.TrimLeft(body, " ")
			before = body != s
		}
		if i+1 < len(in) && in[i+1].kind == float {
			trimmed := strings.TrimRight(body, " ")
			after = trimmed != body
			body = trimmed
		}
		if before {
			out = append(out, token{kind: blanks, text: " "})
		}
		if body != "" {
			out = append(out, token{kind: literal, text: body})
		}
		if after {
			out = append(out, token{kind: blanks, text: " "})
		}
	}
	return out
}

// numberAt is the length of the number at i, 0 when none begins there: a number does
// not begin inside a word, nor is it part of a dotted name or of a hex word.
func numberAt(s string, i int) int {
	if i > 0 && (wordByte(s[i-1]) || s[i-1] == '.') {
		return 0
	}
	if s[i] == '+' || s[i] == '-' {
		if i > 0 && (s[i-1] == ')' || s[i-1] == ']' || s[i-1] == '+' || s[i-1] == '-') {
			return 0
		}
	}
	m := number.FindString(s[i:])
	if m == "" {
		return 0
	}
	end := i + len(m)
	if end < len(s) && (s[end] == '_' || (s[end] >= '0' && s[end] <= '9') || end+1 < len(s) && s[end] == '.' && wordByte(s[end+1])) {
		return 0
	}
	return len(m)
}

func wordByte(b byte) bool {
	return b == '_' || b >= '0' && b <= '9' || b|0x20 >= 'a' && b|0x20 <= 'z' || b >= 0x80
}

// newNumber reads the number of n bytes at i and the bound behind it.
func newNumber(s string, i, n int, tol Tolerance) (token, int) {
	text := s[i : i+n]
	t := token{kind: float, text: text, abs: -1, whole: !strings.ContainsAny(text, ".eE")}
	t.value, t.unit = decimal(text)
	end := i + n
	if m := bound.FindStringSubmatch(s[end:]); m != nil {
		v, _ := strconv.ParseFloat(m[1], 64)
		end += len(m[0])
		t.text = s[i:end]
		if m[2] == "%" {
			t.abs, t.rel = 0, v/100
		} else {
			t.abs = v
		}
	} else if t.whole && tol == (Tolerance{}) {
		t.kind = literal
	}
	return t, end
}

// decimal is the value of a number and the unit of its last digit.
func decimal(text string) (value, unit float64) {
	text = strings.ReplaceAll(text, ",", "")
	value, _ = strconv.ParseFloat(text, 64)
	mantissa, exponent, _ := strings.Cut(strings.ToLower(text), "e")
	e, _ := strconv.Atoi(exponent)
	if _, frac, ok := strings.Cut(mantissa, "."); ok {
		e -= len(frac)
	}
	unit, _ = strconv.ParseFloat("1e"+strconv.Itoa(e), 64)
	return value, unit
}

// fits compares a number of the output with a stored one.
func (t token) fits(text string, tol Tolerance) (within float64, ok bool) {
	got, _ := decimal(text)
	if t.whole && t.abs < 0 && !strings.ContainsAny(text, ".eE") {
		return 0, strings.TrimPrefix(text, "+") == strings.TrimPrefix(t.text, "+")
	}
	within = t.unit / 2
	switch {
	case t.whole:
		within = 0
		fallthrough
	case t.abs < 0:
		within = max(within, tol.Abs, tol.Rel*math.Abs(t.value))
	}
	if t.abs >= 0 {
		within = max(t.abs, t.rel*math.Abs(t.value))
	}
	// Both sides are decimals rounded to binary: allow for that rounding.
	slack := 4 * math.Max(math.Abs(got), math.Abs(t.value)) * 0x1p-53
	return within, got == t.value || math.Abs(got-t.value) <= within+slack
}

// matchLine says why a line does not fit, "" when it does.
func matchLine(want, got string, tol Tolerance) string {
	if want == got {
		return ""
	}
	tokens := tokenize(want, tol)
	reason := ""
	k, j := 0, 0
	star, mark := -1, 0
	for k < len(tokens) || j < len(got) {
		if k < len(tokens) && tokens[k].kind == wild {
			star, mark = k, j
			k++
			continue
		}
		n, why := -1, fmt.Sprintf("%q is left over", got[j:])
		if k < len(tokens) {
			n, why = tokens[k].eat(got, j, tol)
		}
		if n >= 0 {
			k, j = k+1, j+n
			continue
		}
		if reason == "" || star < 0 {
			reason = why
		}
		if star < 0 || mark >= len(got) {
			return reason
		}
		mark++
		k, j = star+1, mark
	}
	return ""
}

// eat matches one token at j of an output line: the bytes it takes, or -1 and why.
func (t token) eat(got string, j int, tol Tolerance) (int, string) {
	rest := got[j:]
	switch t.kind {
	case literal:
		if strings.HasPrefix(rest, t.text) {
			return len(t.text), ""
		}
		return -1, fmt.Sprintf("%q where %q is stored", excerptOf(rest), excerptOf(t.text))
	case blanks:
		if n := len(rest) - len(strings.TrimLeft(rest, " ")); n > 0 {
			return n, ""
		}
		return -1, "a blank is missing"
	}
	n := 0
	if j < len(got) {
		n = numberAt(got, j)
	}
	if n == 0 {
		return -1, fmt.Sprintf("%q where %s is stored", excerptOf(rest), t.text)
	}
	within, ok := t.fits(rest[:n], tol)
	if ok {
		return n, ""
	}
	if within == 0 {
		return -1, fmt.Sprintf("%s is not %s", rest[:n], t.text)
	}
	return -1, fmt.Sprintf("%s is not %s within %.3g", rest[:n], t.text, within)
}

// excerptOf is the beginning of a text, for a reason.
func excerptOf(s string) string {
	if r := []rune(s); len(r) > 24 {
		return string(r[:24]) + "…"
	}
	return s
}
