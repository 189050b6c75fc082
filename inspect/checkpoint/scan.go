package checkpoint

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth is how deep JSON may nest; serde_json stops there too.
const maxDepth = 128

// scanner walks JSON text in place. It builds no values: strings without escapes
// are slices of the text, and what nobody asked for is skipped.
type scanner struct {
	text string
	pos  int
}

// syntaxError says where the text stops being JSON, and why.
type syntaxError struct {
	pos int
	why string
}

func (e *syntaxError) Error() string { return e.why }

func (s *scanner) fail(pos int, why string) error { return &syntaxError{pos: pos, why: why} }

// peek skips white space and returns the next byte; 0 at the end of the text.
func (s *scanner) peek() byte {
	for s.pos < len(s.text) {
		switch c := s.text[s.pos]; c {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return c
		}
	}
	return 0
}

// expect consumes one punctuation byte.
func (s *scanner) expect(want byte) error {
	if s.peek() != want || s.pos == len(s.text) {
		return s.fail(s.pos, "expected '"+string(rune(want))+"', found "+s.here())
	}
	s.pos++
	return nil
}

// here describes the byte at the current position for an error text.
func (s *scanner) here() string {
	if s.pos >= len(s.text) {
		return "the end of the header"
	}
	return strconv.QuoteToASCII(s.text[s.pos : s.pos+1])
}

// object calls member for every key of the object at the current position. member
// must consume the value; at is the position of the key.
func (s *scanner) object(member func(key string, at int) error) error {
	return s.sequence('{', '}', func() error {
		s.peek()
		at := s.pos
		key, err := s.str()
		if err != nil {
			return err
		}
		if err := s.expect(':'); err != nil {
			return err
		}
		return member(key, at)
	})
}

// array calls element for every element of the array at the current position.
func (s *scanner) array(element func() error) error { return s.sequence('[', ']', element) }

func (s *scanner) sequence(begin, end byte, item func() error) error {
	if err := s.expect(begin); err != nil {
		return err
	}
	if s.peek() == end {
		s.pos++
		return nil
	}
	for {
		if err := item(); err != nil {
			return err
		}
		if s.peek() == end {
			s.pos++
			return nil
		}
		if err := s.expect(','); err != nil {
			return err
		}
	}
}

// str consumes a string. Invalid UTF-8 passes: the caller knows what it names.
func (s *scanner) str() (string, error) {
	if err := s.expect('"'); err != nil {
		return "", err
	}
	for i := s.pos; i < len(s.text); i++ {
		switch c := s.text[i]; {
		case c == '"':
			v := s.text[s.pos:i]
			s.pos = i + 1
			return v, nil
		case c == '\\':
			return s.escaped(i)
		case c < ' ':
			return "", s.fail(i, "control character in a string")
		}
	}
	return "", s.fail(len(s.text), "string without an end")
}

// escaped consumes the rest of a string whose first backslash is at position i.
func (s *scanner) escaped(i int) (string, error) {
	var b strings.Builder
	b.WriteString(s.text[s.pos:i])
	for i < len(s.text) {
		switch c := s.text[i]; {
		case c == '"':
			s.pos = i + 1
			return b.String(), nil
		case c == '\\':
			n, err := s.escape(&b, i)
			if err != nil {
				return "", err
			}
			i += n
		case c < ' ':
			return "", s.fail(i, "control character in a string")
		default:
			b.WriteByte(c)
			i++
		}
	}
	return "", s.fail(len(s.text), "string without an end")
}

// escape decodes the escape sequence at position i and returns its length.
func (s *scanner) escape(b *strings.Builder, i int) (int, error) {
	const from, to = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	if i+1 < len(s.text) {
		if k := strings.IndexByte(from, s.text[i+1]); k >= 0 {
			b.WriteByte(to[k])
			return 2, nil
		}
	}
	r, ok := s.unicodeEscape(i)
	if !ok {
		return 0, s.fail(i, "invalid escape in a string")
	}
	if !utf16.IsSurrogate(r) {
		b.WriteRune(r)
		return 6, nil
	}
	low, ok := s.unicodeEscape(i + 6)
	pair := utf16.DecodeRune(r, low)
	if !ok || pair == utf8.RuneError {
		return 0, s.fail(i, "half of a surrogate pair in a string")
	}
	b.WriteRune(pair)
	return 12, nil
}

// unicodeEscape reads \uXXXX at position i.
func (s *scanner) unicodeEscape(i int) (rune, bool) {
	if i+6 > len(s.text) || s.text[i] != '\\' || s.text[i+1] != 'u' {
		return 0, false
	}
	v, err := strconv.ParseUint(s.text[i+2:i+6], 16, 16)
	return rune(v), err == nil
}

// number consumes a number and returns its text.
func (s *scanner) number() (string, error) {
	s.peek()
	begin := s.pos
	if s.pos < len(s.text) && s.text[s.pos] == '-' {
		s.pos++
	}
	leading := s.pos
	if s.digits() == 0 {
		return "", s.fail(begin, "expected a number, found "+s.here())
	}
	if s.text[leading] == '0' && s.pos > leading+1 {
		return "", s.fail(begin, "number with a leading zero")
	}
	if s.pos < len(s.text) && s.text[s.pos] == '.' {
		s.pos++
		if s.digits() == 0 {
			return "", s.fail(s.pos, "number without digits after the point")
		}
	}
	if s.pos < len(s.text) && s.text[s.pos]|0x20 == 'e' {
		s.pos++
		if s.pos < len(s.text) && (s.text[s.pos] == '+' || s.text[s.pos] == '-') {
			s.pos++
		}
		if s.digits() == 0 {
			return "", s.fail(s.pos, "number without digits in its exponent")
		}
	}
	return s.text[begin:s.pos], nil
}

func (s *scanner) digits() int {
	begin := s.pos
	for s.pos < len(s.text) && s.text[s.pos]-'0' <= 9 {
		s.pos++
	}
	return s.pos - begin
}

// skip consumes any value.
func (s *scanner) skip(depth int) error {
	if depth > maxDepth {
		return s.fail(s.pos, "nested deeper than "+strconv.Itoa(maxDepth)+" levels")
	}
	switch s.peek() {
	case '{':
		return s.object(func(string, int) error { return s.skip(depth + 1) })
	case '[':
		return s.array(func() error { return s.skip(depth + 1) })
	case '"':
		_, err := s.str()
		return err
	}
	for _, word := range [...]string{"null", "true", "false"} {
		if strings.HasPrefix(s.text[s.pos:], word) {
			s.pos += len(word)
			return nil
		}
	}
	_, err := s.number()
	return err
}

// end checks that nothing but white space is left.
func (s *scanner) end() error {
	s.peek()
	if s.pos < len(s.text) {
		return s.fail(s.pos, "text after the closing brace: "+s.here())
	}
	return nil
}
