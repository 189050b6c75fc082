package language

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"fp4tui/inspect"
)

// Limits on hostile input.
const (
	MaxLine  = 64 << 10 // bytes of one command, continuation lines included
	maxDepth = 64       // nested parentheses
)

// Pos is where a command stands.
type Pos struct {
	File string // empty at a prompt
	Line int    // first line, from 1; 0 at a prompt
}

// text is one command as written, with the place of its first byte.
type text struct {
	pos  Pos
	raw  string // as written, continuation lines included
	flat string // raw with every continuation (backslash to line break) as blanks: same length
}

// newText checks the bytes of a command. Blanks, tabs and continued lines are the
// only white space; whatever a terminal would not print is refused.
func newText(pos Pos, raw string) (text, *Error) {
	t := text{pos: pos, raw: raw, flat: raw}
	if len(raw) > MaxLine {
		return t, t.fail(wrong(0, "the command has %d bytes", len(raw)).with("at most " + strconv.Itoa(MaxLine) + " are read"))
	}
	t.flat = flatten(raw)
	if m := checkBytes(t.flat); m != nil {
		return t, t.fail(m)
	}
	if s := strings.TrimRight(t.flat, " \t"); strings.HasSuffix(s, `\`) {
		return t, t.fail(wrong(len(s)-1, `the line ends in \ and nothing follows`))
	}
	return t, nil
}

// flatten blanks out every backslash that stands before a line break.
func flatten(raw string) string {
	if !strings.Contains(raw, "\n") {
		return raw
	}
	b := []byte(raw)
	for i := range b {
		if b[i] != '\n' {
			continue
		}
		if from := continuation(raw[:i]); from >= 0 {
			for j := from; j <= i; j++ {
				b[j] = ' '
			}
		}
	}
	return string(b)
}

// continuation is the offset of the backslash that continues a line, -1 when it is
// not continued. Blanks after the backslash do not count: nobody sees them.
func continuation(line string) int {
	s := strings.TrimRight(line, " \t\r")
	if strings.HasSuffix(s, `\`) {
		return len(s) - 1
	}
	return -1
}

func checkBytes(s string) *mistake {
	for i, r := range s {
		switch {
		case r == '\t' || (r >= ' ' && r < 0x7F):
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD"):
			return wrong(i, "byte 0x%02x is not UTF-8", s[i])
		case r == '\n' || r == '\r':
			return wrong(i, "a line break inside a command").with(`end the line in \ to continue it`)
		case r == '\u00a0':
			return wrong(i, "a no-break space").with("use a plain space")
		case inspect.Printable(string(r)) != string(r):
			return wrong(i, "character %U cannot be seen", r).with("inside a string write it as an escape")
		}
	}
	return nil
}

// fail places a mistake: its physical line and the column in it.
func (t text) fail(m *mistake) *Error {
	off := min(max(m.off, 0), len(t.raw))
	start := strings.LastIndexByte(t.raw[:off], '\n') + 1
	end := len(t.raw)
	if n := strings.IndexByte(t.raw[start:], '\n'); n >= 0 {
		end = start + n
	}
	e := &Error{File: t.pos.File, Msg: m.msg, Hint: m.hint,
		Source: strings.TrimSuffix(t.raw[start:end], "\r"),
		Col:    utf8.RuneCountInString(t.raw[start:off]) + 1}
	if t.pos.Line > 0 {
		e.Line = t.pos.Line + strings.Count(t.raw[:start], "\n")
	}
	return e
}

// word is one operand or key=value.
type word struct {
	off    int    // of the first byte, the key's when there is one
	key    string // "" for an operand
	valOff int    // of the value, the opening quote included
	end    int    // after the last byte
	val    string // unquoted
	quoted bool
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// skip is the offset of the next byte that is not blank.
func skip(s string, i int) int {
	for i < len(s) && isBlank(s[i]) {
		i++
	}
	return i
}

// ident is the end of the name that starts at i; i when there is none.
func ident(s string, i int) int {
	j := i
	for j < len(s) {
		c := s[j]
		letter := c == '_' || (c|0x20 >= 'a' && c|0x20 <= 'z')
		if !letter && (j == i || c < '0' || c > '9') {
			break
		}
		j++
	}
	return j
}

// keyEnd is the offset after "key=" at i, or i when no key stands there. "==" is an
// operator, not a key.
func keyEnd(s string, i int) int {
	j := ident(s, i)
	if j > i && j < len(s) && s[j] == '=' && !strings.HasPrefix(s[j:], "==") {
		return j + 1
	}
	return i
}

// scanWord reads the word at i, which is not blank.
func scanWord(s string, i int) (word, *mistake) {
	w := word{off: i, valOff: keyEnd(s, i)}
	if w.valOff > i {
		w.key = s[i : w.valOff-1]
	}
	var m *mistake
	if w.valOff < len(s) && s[w.valOff] == '"' {
		w.quoted = true
		w.val, w.end, m = scanString(s, w.valOff)
	} else {
		w.end, m = scanBare(s, w.valOff)
		w.val = s[w.valOff:w.end]
	}
	if m == nil && w.end < len(s) && !isBlank(s[w.end]) {
		m = wrong(w.end, "a space is missing after the string")
	}
	return w, m
}

// scanBare is the end of an unquoted word: the next blank outside of brackets.
func scanBare(s string, i int) (int, *mistake) {
	depth, open := 0, 0
	for ; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return i, wrong(i, "a quote inside a word").with("quote the whole word")
		case c == '[':
			if depth == 0 {
				open = i
			}
			if depth++; depth > maxDepth {
				return i, wrong(i, "brackets nest deeper than %d", maxDepth)
			}
		case c == ']' && depth > 0:
			depth--
		case isBlank(c) && depth == 0:
			return i, nil
		}
	}
	if depth > 0 {
		return i, wrong(open, "[ is not closed")
	}
	return i, nil
}

// scanString reads the string whose quote stands at i.
func scanString(s string, i int) (val string, end int, m *mistake) {
	for j := i + 1; j < len(s); j++ {
		switch s[j] {
		case '\\':
			j++
		case '"':
			v, err := strconv.Unquote(s[i : j+1])
			if err != nil {
				return "", j + 1, wrong(i, "a bad escape in the string").with(`known: \" \\ \n \t \r \xNN \uNNNN`)
			}
			return v, j + 1, nil
		}
	}
	return "", len(s), wrong(i, "the string is not closed")
}

// bare reports whether a value can stand unquoted: read alone, or first after a
// verb, it is one word without a key and not the = of a binding.
func bare(v string) bool {
	if v == "" || v[0] == '#' || strings.HasSuffix(v, `\`) || checkBytes(v) != nil || isBlank(v[0]) {
		return false
	}
	if v[0] == '=' && !strings.HasPrefix(v, "==") {
		return false
	}
	w, m := scanWord(v, 0)
	return m == nil && !w.quoted && w.key == "" && w.end == len(v)
}

// quoteWord writes a value as one word, quoted only where it must be.
func quoteWord(v string) string {
	if bare(v) {
		return v
	}
	return strconv.Quote(v)
}
