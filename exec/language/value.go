package language

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Number is a real number. It is written as the shortest decimal that reads back,
// whole numbers below 1e15 without an exponent; "nan", "inf" and "-inf" are numbers.
type Number float64

// String writes the canonical form.
func (n Number) String() string {
	v := float64(n)
	switch {
	case math.IsNaN(v):
		return "nan"
	case math.IsInf(v, 1):
		return "inf"
	case math.IsInf(v, -1):
		return "-inf"
	case v == math.Trunc(v) && math.Abs(v) < 1e15:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// MarshalText is String.
func (n Number) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// UnmarshalText reads a decimal number, "nan", "inf" or "-inf".
func (n *Number) UnmarshalText(b []byte) error {
	v, ok := parseFloat(string(b))
	if !ok {
		return fmt.Errorf("%q is not a number", b)
	}
	*n = Number(v)
	return nil
}

// parseFloat reads a decimal float64. Go's other spellings (hexadecimal, underscores,
// "Infinity") are refused, and so is a decimal that overflows.
func parseFloat(s string) (float64, bool) {
	switch s {
	case "nan":
		return math.NaN(), true
	case "inf", "+inf":
		return math.Inf(1), true
	case "-inf":
		return math.Inf(-1), true
	}
	if s == "" || strings.Trim(s, "0123456789.eE+-") != "" {
		return 0, false
	}
	v, err := strconv.ParseFloat(s, 64)
	return v, err == nil
}

// Size is a width and a height: 48x16.
type Size struct{ W, H int }

// MarshalText writes "48x16".
func (s Size) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%dx%d", s.W, s.H), nil }

// UnmarshalText reads "48x16"; both are at least 1.
func (s *Size) UnmarshalText(b []byte) error {
	w, h, ok := strings.Cut(string(b), "x")
	nw, err1 := parseInt(w)
	nh, err2 := parseInt(h)
	if !ok || err1 != nil || err2 != nil || nw < 1 || nh < 1 || nw > math.MaxInt32 || nh > math.MaxInt32 {
		return fmt.Errorf("%q is not a size like 48x16", b)
	}
	*s = Size{int(nw), int(nh)}
	return nil
}

// parseInt reads a decimal or 0x-hexadecimal whole number.
func parseInt(s string) (int64, error) {
	if h, ok := strings.CutPrefix(s, "0x"); ok && h != "" && h[0] != '+' && h[0] != '-' {
		return strconv.ParseInt(h, 16, 64)
	}
	return strconv.ParseInt(s, 10, 64)
}

// Op is a comparison.
type Op string

// The comparisons of where and of expressions.
const (
	Less         Op = "<"
	LessEqual    Op = "<="
	Greater      Op = ">"
	GreaterEqual Op = ">="
	Equal        Op = "=="
	NotEqual     Op = "!="
)

var ops = []string{">", ">=", "<", "<=", "==", "!="}

// MarshalText writes the operator.
func (o Op) MarshalText() ([]byte, error) { return []byte(o), nil }

// UnmarshalText reads one of > >= < <= == !=.
func (o *Op) UnmarshalText(b []byte) error {
	if !slices.Contains(ops, string(b)) {
		return fmt.Errorf("%q is not a comparison (> >= < <= == !=)", b)
	}
	*o = Op(b)
	return nil
}

// Holds compares two numbers; with a NaN only != holds.
func (o Op) Holds(a, b float64) bool {
	switch o {
	case Less:
		return a < b
	case LessEqual:
		return a <= b
	case Greater:
		return a > b
	case GreaterEqual:
		return a >= b
	case Equal:
		return a == b
	}
	return a != b
}

// HexBits is a string of hexadecimal digits, lower case, first element first.
type HexBits string

// MarshalText writes the digits.
func (h HexBits) MarshalText() ([]byte, error) { return []byte(h), nil }

// UnmarshalText reads digits of either case; 0x is not part of them.
func (h *HexBits) UnmarshalText(b []byte) error {
	s := strings.ToLower(string(b))
	if s == "" || strings.Trim(s, "0123456789abcdef") != "" {
		return fmt.Errorf("%q is not a string of hex digits", b)
	}
	*h = HexBits(s)
	return nil
}

// Outliers asks for Count channels multiplied by Factor: 3@20.
type Outliers struct {
	Count  int
	Factor float64
}

// MarshalText writes "3@20".
func (o Outliers) MarshalText() ([]byte, error) {
	return fmt.Appendf(nil, "%d@%s", o.Count, Number(o.Factor)), nil
}

// UnmarshalText reads "3@20": at least one channel, a finite factor.
func (o *Outliers) UnmarshalText(b []byte) error {
	c, f, ok := strings.Cut(string(b), "@")
	n, err := parseInt(c)
	v, good := parseFloat(f)
	if !ok || err != nil || !good || n < 1 || n > math.MaxInt32 || math.IsNaN(v) || math.IsInf(v, 0) {
		return fmt.Errorf("%q is not COUNT@FACTOR, like 3@20", b)
	}
	*o = Outliers{int(n), v}
	return nil
}

// Path is a file name as written; relative ones are relative to the notebook.
type Path string

// MarshalText writes the path.
func (p Path) MarshalText() ([]byte, error) { return []byte(p), nil }

// UnmarshalText takes any name that is not empty and holds no NUL.
func (p *Path) UnmarshalText(b []byte) error {
	if len(b) == 0 || strings.Contains(string(b), "\x00") {
		return fmt.Errorf("%q is not a path", b)
	}
	*p = Path(b)
	return nil
}

// Text is the rest of a line, # included. A text that could be read otherwise is
// written as a string.
type Text string

// Assign is NAME = EXPR, the rest of a let line.
type Assign struct {
	Name  string
	Value Expr // a value, not a comparison
}

// Macro is NAME = COMMAND, the rest of an alias line. Any spec with a field of this
// type defines aliases.
type Macro struct {
	Name string
	Text string
}
