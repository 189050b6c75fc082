package checkpoint

import (
	"fmt"
	"strconv"
	"strings"

	"fp4tui/inspect"
)

// npyParser reads the header of a .npy file: a Python dictionary with exactly the
// keys descr, fortran_order and shape. It is a parser of these three literals and
// nothing is evaluated.
type npyParser struct {
	text string
	pos  int
	base int64 // offset of text in the file
}

func (p *npyParser) fault(why string) *inspect.Fault {
	return npyFault(p.base+int64(p.pos), "header is not a .npy dictionary", why, "save it again with numpy.save")
}

func (p *npyParser) space() {
	for p.pos < len(p.text) && strings.IndexByte(" \t\n\r", p.text[p.pos]) >= 0 {
		p.pos++
	}
}

// take consumes a token if it comes next.
func (p *npyParser) take(token string) bool {
	p.space()
	if !strings.HasPrefix(p.text[p.pos:], token) {
		return false
	}
	p.pos += len(token)
	return true
}

func (p *npyParser) parse(h *npyHeader) *inspect.Fault {
	if !p.take("{") {
		return p.fault("it does not begin with '{'")
	}
	seen := map[string]bool{}
	for !p.take("}") {
		key, ok := p.str()
		switch {
		case !ok:
			return p.fault("expected a key")
		case seen[key]:
			return p.fault("key " + key + " appears twice")
		case !p.take(":"):
			return p.fault("expected ':' after " + key)
		}
		seen[key] = true
		if fault := p.value(key, h); fault != nil {
			return fault
		}
		if !p.take(",") {
			if !p.take("}") {
				return p.fault("expected ',' or '}'")
			}
			break
		}
	}
	p.space()
	if p.pos < len(p.text) {
		return p.fault("text after the closing brace")
	}
	for _, key := range [...]string{"descr", "fortran_order", "shape"} {
		if !seen[key] {
			return p.fault("key " + key + " is missing")
		}
	}
	return nil
}

func (p *npyParser) value(key string, h *npyHeader) *inspect.Fault {
	switch key {
	case "descr":
		return p.descr(h)
	case "fortran_order":
		h.fortran = p.take("True")
		if !h.fortran && !p.take("False") {
			return p.fault("fortran_order is neither True nor False")
		}
		return nil
	case "shape":
		return p.shape(h)
	}
	return p.fault("unknown key " + strconv.Quote(shortened(key)))
}

// str consumes a quoted string; the names in a .npy header need no escapes.
func (p *npyParser) str() (string, bool) {
	p.space()
	if p.pos >= len(p.text) || p.text[p.pos] != '\'' && p.text[p.pos] != '"' {
		return "", false
	}
	n := strings.IndexByte(p.text[p.pos+1:], p.text[p.pos])
	if n < 0 {
		return "", false
	}
	v := p.text[p.pos+1 : p.pos+1+n]
	p.pos += n + 2
	return v, !strings.ContainsAny(v, "\\\n")
}

func (p *npyParser) descr(h *npyHeader) *inspect.Fault {
	if p.take("[") {
		f := p.fault("descr is a list of fields")
		f.Class, f.What, f.Cure = inspect.ErrUnsupported, "structured array", "save one field of it as an array"
		return f
	}
	descr, ok := p.str()
	if !ok {
		return p.fault("descr is not a string")
	}
	if len(descr) > 1 {
		for _, d := range npyDTypes {
			wide := d.dtype.Bits() > 8 && d.code[0] != 'V'
			if d.code == descr[1:] && strings.IndexByte("<>|", descr[0]) >= 0 && (descr[0] != '|' || !wide) {
				h.dtype, h.bigEndian = d.dtype, descr[0] == '>'
				return nil
			}
		}
	}
	f := p.fault(fmt.Sprintf("descr is %q", shortened(descr)))
	f.Class, f.What, f.Cure = inspect.ErrUnsupported, "unsupported array type", "convert it to float32 before saving"
	return f
}

// shape consumes a tuple of natural numbers: (), (3,), (3, 4). NumPy of Python 2
// wrote 3L.
func (p *npyParser) shape(h *npyHeader) *inspect.Fault {
	if !p.take("(") {
		return p.fault("shape is not a tuple")
	}
	h.shape = []int{}
	comma := true
	for ; !p.take(")"); comma = p.take(",") {
		if !comma {
			return p.fault("expected ',' or ')' in shape")
		}
		p.space()
		begin := p.pos
		for p.pos < len(p.text) && p.text[p.pos]-'0' <= 9 {
			p.pos++
		}
		digits := p.text[begin:p.pos]
		d, err := strconv.Atoi(digits)
		switch {
		case digits == "":
			return p.fault("expected a natural number in shape")
		case err != nil:
			return p.fault("dimension " + shortened(digits) + " is too large")
		case len(h.shape) == maxRank:
			return p.fault(fmt.Sprintf("more than %d dimensions", maxRank))
		}
		p.take("L")
		h.shape = append(h.shape, d)
	}
	if len(h.shape) == 1 && !comma {
		return p.fault("shape is a number in brackets, not a tuple")
	}
	return nil
}
