package language

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// Ref names a handle, an attribute of it, or a window of either: w.scale[0:128,4].
type Ref struct {
	Name   string
	Attrs  []string // nil when none
	Window []Slice  // nil: everything
	At     string   // "max": the position of the maximum, instead of Window
}

// Open is the Hi of a slice without an upper end.
const Open = -1

// Slice is one dimension of a window: Lo included, Hi excluded or Open. Index says
// that it was written as a single index; Hi is then Lo+1.
type Slice struct {
	Lo, Hi int
	Index  bool
}

// At1 is the slice that is one index.
func At1(i int) Slice { return Slice{Lo: i, Hi: i + 1, Index: true} }

// Range is the slice within a dimension of n elements; ok is false when it leaves it.
func (s Slice) Range(n int) (lo, hi int, ok bool) {
	lo, hi = s.Lo, s.Hi
	if hi == Open {
		hi = n
	}
	return lo, hi, lo >= 0 && lo < hi && hi <= n
}

// String writes the shortest form: "4", "0:128", "128:", ":".
func (s Slice) String() string {
	switch {
	case s.Index:
		return strconv.Itoa(s.Lo)
	case s.Hi == Open && s.Lo == 0:
		return ":"
	case s.Hi == Open:
		return strconv.Itoa(s.Lo) + ":"
	}
	return strconv.Itoa(s.Lo) + ":" + strconv.Itoa(s.Hi)
}

// Point reports whether the window picks one element: @max, or an index in every
// dimension written.
func (r Ref) Point() bool {
	if r.At != "" {
		return true
	}
	return len(r.Window) > 0 && !slices.ContainsFunc(r.Window, func(s Slice) bool { return !s.Index })
}

// Base is the reference without its window.
func (r Ref) Base() Ref { return Ref{Name: r.Name, Attrs: r.Attrs} }

// String writes the canonical form: "w.scale[0:128,4]".
func (r Ref) String() string {
	var b strings.Builder
	b.WriteString(r.Name)
	for _, a := range r.Attrs {
		b.WriteByte('.')
		b.WriteString(a)
	}
	switch {
	case r.At != "":
		b.WriteString("[@" + r.At + "]")
	case r.Window != nil:
		b.WriteByte('[')
		for i, s := range r.Window {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(s.String())
		}
		b.WriteByte(']')
	}
	return b.String()
}

// MarshalText is String.
func (r Ref) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// ParseRef reads one reference and nothing after it.
func ParseRef(s string) (Ref, error) {
	r, end, m := scanRef(s, 0)
	if m == nil && end != len(s) {
		m = wrong(end, "%q after the reference", s[end:])
	}
	if m != nil {
		return Ref{}, text{raw: s, flat: s}.fail(m)
	}
	return r, nil
}

// positions are the names that may follow @ in a window.
var positions = []string{"max"}

// reserved cannot name a handle: they mean something inside an expression.
var reserved = []string{"and", "or", "not", "nan", "inf", "abs", "min", "max"}

// checkName says why a word cannot name a handle.
func checkName(off int, name string) *mistake {
	switch {
	case name == "" || ident(name, 0) != len(name):
		return wrong(off, "%q cannot name a handle", name).with("a name is letters, digits and _ and starts with a letter")
	case slices.Contains(reserved, name):
		return wrong(off, "%s is a word of expressions and cannot name a handle", name)
	}
	return nil
}

// maxDims bounds the dimensions of a window.
const maxDims = 16

// scanRef reads the reference that starts at i of s; offsets are those of s.
func scanRef(s string, i int) (Ref, int, *mistake) {
	end := ident(s, i)
	if end == i {
		return Ref{}, i, wrong(i, "a handle is expected here")
	}
	r := Ref{Name: s[i:end]}
	if m := checkName(i, r.Name); m != nil {
		return r, i, m
	}
	for end < len(s) && s[end] == '.' {
		stop := ident(s, end+1)
		if stop == end+1 {
			return r, end, wrong(end+1, "an attribute is expected after the dot")
		}
		if len(r.Attrs) == maxDims {
			return r, end, wrong(end, "more than %d attributes", maxDims)
		}
		r.Attrs = append(r.Attrs, s[end+1:stop])
		end = stop
	}
	if end < len(s) && s[end] == '[' {
		stop, m := scanWindow(s, end, &r)
		return r, stop, m
	}
	return r, end, nil
}

// scanWindow reads the window whose bracket stands at i.
func scanWindow(s string, i int, r *Ref) (int, *mistake) {
	j := skip(s, i+1)
	if j < len(s) && s[j] == '@' {
		end := ident(s, j+1)
		if at := s[j+1 : end]; slices.Contains(positions, at) {
			r.At = at
		} else {
			return j, wrong(j, "unknown position @%s", at).with(meant(at, positions))
		}
		j = skip(s, end)
	} else {
		for {
			sl, end, m := scanSlice(s, j)
			if m != nil {
				return j, m
			}
			r.Window = append(r.Window, sl)
			if j = skip(s, end); j >= len(s) || s[j] != ',' {
				break
			}
			if len(r.Window) == maxDims {
				return j, wrong(j, "a window of more than %d dimensions", maxDims)
			}
			j = skip(s, j+1)
		}
	}
	if j >= len(s) {
		return j, wrong(i, "[ is not closed")
	}
	if s[j] != ']' {
		return j, wrong(j, "%q in a window", string([]rune(s[j:])[:1])).with("a window is like [4], [0:128], [:,4] or [@max]")
	}
	return j + 1, nil
}

// scanSlice reads "4", "0:128", "0:", ":128" or ":".
func scanSlice(s string, i int) (Slice, int, *mistake) {
	lo, end, hasLo, m := scanIndex(s, i)
	if m != nil {
		return Slice{}, i, m
	}
	j := skip(s, end)
	if j >= len(s) || s[j] != ':' {
		if !hasLo {
			return Slice{}, i, wrong(i, "an index is expected here").with("a window is like [4], [0:128], [:,4] or [@max]")
		}
		return At1(lo), end, nil
	}
	j = skip(s, j+1)
	hi, end, hasHi, m := scanIndex(s, j)
	if m != nil {
		return Slice{}, i, m
	}
	if !hasHi {
		return Slice{Lo: lo, Hi: Open}, j, nil
	}
	if hi <= lo {
		return Slice{}, i, wrong(i, "window %d:%d is empty", lo, hi).with("the upper end is excluded")
	}
	return Slice{Lo: lo, Hi: hi}, end, nil
}

func scanIndex(s string, i int) (n, end int, ok bool, m *mistake) {
	if i < len(s) && s[i] == '-' {
		return 0, i, false, wrong(i, "an index cannot be negative").with("use [@max] or count from 0")
	}
	for end = i; end < len(s) && s[end] >= '0' && s[end] <= '9'; end++ {
	}
	if end == i {
		return 0, i, false, nil
	}
	v, err := strconv.Atoi(s[i:end])
	if err != nil || v > math.MaxInt32<<16 {
		return 0, i, false, wrong(i, "index %s is too large", s[i:end])
	}
	return v, end, true, nil
}
