package gemm

import (
	"fmt"
	"strconv"
	"strings"

	"fp4tui/inspect"
)

// Operands are one row of A, one column of B and one accumulator, as bits.
type Operands struct {
	A, B     []uint32 // one code an element, k ascending, in the low bits; TF32 as whole FP32 words
	SFA, SFB []uint8  // one scale byte a block, k ascending; empty for kinds without scales
	C        uint32   // accumulator: FP32 word, or FP16 for kinds with FP16 results
}

// ParseHexOperands reads operands as they are typed: codes and scales in K order,
// most significant digit first within a code, one digit an FP4 element, two an FP8 or
// FP6 one, four a 16-bit one, eight a TF32 word, two a scale; c is an 8-digit FP32
// word (4 digits, FP16, for kinds with FP16 results), or empty for an instruction
// without accumulator (c = 0). "0x" in front and
// "_" anywhere are ignored. Errors (ErrMalformed, ErrMismatch) name the operand.
func ParseHexOperands(kind, a, b, sfa, sfb, c string) (Operands, error) {
	m, err := lookupKind(kind)
	if err != nil {
		return Operands{}, err
	}
	var op Operands
	if op.A, err = parseCodes("a", a, m.A); err != nil {
		return Operands{}, err
	}
	if op.B, err = parseCodes("b", b, m.B); err != nil {
		return Operands{}, err
	}
	if op.SFA, err = parseScales("sfa", sfa); err != nil {
		return Operands{}, err
	}
	if op.SFB, err = parseScales("sfb", sfb); err != nil {
		return Operands{}, err
	}
	if op.C, err = parseWord("c", c, m.Acc); err != nil {
		return Operands{}, err
	}
	return op, m.checkLengths(op)
}

// bareHex drops what people type around hex digits.
func bareHex(s string) string {
	s = strings.ReplaceAll(strings.TrimSpace(s), "_", "")
	return strings.TrimPrefix(strings.TrimPrefix(s, "0x"), "0X")
}

// parseDigits reads consecutive words of width hex digits each.
func parseDigits(name, s, unit string, width int) ([]uint32, error) {
	s = bareHex(s)
	if len(s)%width != 0 {
		return nil, fault(inspect.ErrMalformed, fmt.Sprintf("%s= has %d hex digits", name, len(s)),
			fmt.Sprintf("%s takes %d digits", unit, width), fmt.Sprintf("give a multiple of %d digits", width))
	}
	words := make([]uint32, len(s)/width)
	for i := range words {
		digits := s[i*width : (i+1)*width]
		w, err := strconv.ParseUint(digits, 16, 32)
		if err != nil || strings.ContainsAny(digits, "+-") {
			return nil, fault(inspect.ErrMalformed, fmt.Sprintf("%s= is not hex at digit %d", name, i*width),
				fmt.Sprintf("%q", digits), "digits are 0-9 and a-f")
		}
		words[i] = uint32(w)
	}
	return words, nil
}

func parseCodes(name, s string, e Element) ([]uint32, error) {
	codes, err := parseDigits(name, s, "one "+e.String()+" element", e.hexDigits())
	if err != nil {
		return nil, err
	}
	if len(codes) == 0 {
		return nil, fault(inspect.ErrMalformed, name+"= is empty",
			fmt.Sprintf("one %s element takes %d hex digits", e, e.hexDigits()), "give one row of operand codes in K order")
	}
	for i, v := range codes {
		if v>>e.Bits() != 0 {
			return nil, fault(inspect.ErrMalformed, fmt.Sprintf("%s= element %d is %02x", name, i, v),
				fmt.Sprintf("%s has %d bits, in the low end of its two digits", e, e.Bits()), "clear the high bits")
		}
	}
	return codes, nil
}

func parseScales(name, s string) ([]uint8, error) {
	words, err := parseDigits(name, s, "one scale", 2)
	if err != nil || len(words) == 0 {
		return nil, err
	}
	scales := make([]uint8, len(words))
	for i, w := range words {
		scales[i] = uint8(w)
	}
	return scales, nil
}

func parseWord(name, s string, e Element) (uint32, error) {
	width, unit := e.hexDigits(), strings.ToUpper(strings.Replace(e.String(), "f", "fp", 1))+" word"
	words, err := parseDigits(name, s, "an "+unit, width)
	if err != nil || len(words) == 0 {
		return 0, err
	}
	if len(words) > 1 {
		return 0, fault(inspect.ErrMalformed, fmt.Sprintf("%s= has %d hex digits", name, width*len(words)),
			fmt.Sprintf("it is one %s of %d digits", unit, width), fmt.Sprintf("give %d digits", width))
	}
	return words[0], nil
}

// checkLengths compares the operands with each other: same K, and one scale a block.
func (m *Model) checkLengths(op Operands) error {
	if len(op.A) != len(op.B) {
		return fault(inspect.ErrMismatch, fmt.Sprintf("a= has %d elements, b= has %d", len(op.A), len(op.B)),
			"they are one row of A and one column of B along the same K", "make them the same length")
	}
	for _, s := range []struct {
		name   string
		scales []uint8
	}{{"sfa", op.SFA}, {"sfb", op.SFB}} {
		if err := m.checkScales(s.name, len(s.scales), len(op.A)); err != nil {
			return err
		}
	}
	if len(op.SFA) != len(op.SFB) {
		return fault(inspect.ErrMismatch, fmt.Sprintf("sfa= has %d scales, sfb= has %d", len(op.SFA), len(op.SFB)),
			"one instruction has one block size", "give both the same number of scales")
	}
	return nil
}

// checkScales says what a wrong number of scales should have been.
func (m *Model) checkScales(name string, have, k int) error {
	if m.scale == noScale {
		if have != 0 {
			return fault(inspect.ErrMismatch, fmt.Sprintf("%s= has %d scales", name, have),
				"kind "+m.Kind+" has no block scales", "leave "+name+"= out")
		}
		return nil
	}
	var want []string
	for _, block := range m.blocks {
		if k%block == 0 && have == k/block {
			return nil
		}
		n := (k + block - 1) / block
		want = append(want, fmt.Sprintf("%d hex digits (%d scales, block %d)", 2*n, n, block))
	}
	return fault(inspect.ErrMismatch, fmt.Sprintf("%s= has %d hex digits (%d scales)", name, 2*have, have),
		fmt.Sprintf("kind %s with K %d expects %s", m.Kind, k, strings.Join(want, " or ")), "give two digits a scale, one scale a block")
}

// check is checkLengths and what only the architecture's row knows: the K of its
// instructions; and that codes fit their type, for operands not made by a parser.
func (m *Model) check(op Operands) error {
	if err := m.checkLengths(op); err != nil {
		return err
	}
	if k := len(op.A); k == 0 || k%m.Step != 0 {
		return fault(inspect.ErrMismatch, fmt.Sprintf("a= and b= have %d elements", k),
			fmt.Sprintf("a %s instruction on %s takes a multiple of %d", m.Kind, m.Arch, m.Step),
			fmt.Sprintf("pad with zeros to %d elements", (k/m.Step+1)*m.Step))
	}
	if op.C>>m.Acc.Bits() != 0 {
		return fault(inspect.ErrMalformed, "c does not fit its type", fmt.Sprintf("it is %s", m.Acc), "the word lies in the low bits")
	}
	for k := range op.A {
		if op.A[k]>>m.A.Bits() != 0 || op.B[k]>>m.B.Bits() != 0 {
			return fault(inspect.ErrMalformed, fmt.Sprintf("element %d does not fit its type", k),
				fmt.Sprintf("a is %s, b is %s", m.A, m.B), "codes lie in the low bits")
		}
	}
	return nil
}
