package layout

import (
	"fmt"
	"strings"

	"fp4tui/inspect"
)

// Operand says what a rule lays out.
type Operand uint8

const (
	Codes   Operand = iota // E2M1 nibbles [N, K]
	Scales                 // block scale bytes [N, K/block]
	Vector                 // one value an output channel [N, 1]: bias, channel scales
	LowRank                // 16-bit factors of a low-rank branch: up [N, rank], down [rank, K]
)

// String names the operand: "codes", "scales", "vector", "low-rank".
func (o Operand) String() string { return [...]string{"codes", "scales", "vector", "low-rank"}[o] }

// Bits is the width of an element: 4 for codes, 8 for scales. Elements of a vector
// are of any width; 16 (bfloat16) stands for them.
func (o Operand) Bits() int { return [...]int{4, 8, 16, 16}[o] }

// Rule is one row of the table of layouts.
type Rule struct {
	Name   string // as written in layout=, "128x4"
	Of     Operand
	Doc    string // what it does, one line
	Source string // who lays it out so
	Need   Dims   // multiples that rows and columns must be; 0 or 1: any
	Pads   Dims   // multiples that it pads them to by itself; 0 or 1: none

	terms  func(Dims) []term // the digits, first in the buffer first; nil for a chain
	out    func(Dims) Dims   // shape of the buffer as its users see it; nil: the padded shape
	chain  []string          // rules of the same operand, first applied first
	spread bool              // the bits of each 8 nibbles are spread over their word
}

// term is a digit whose stride follows from its place in the list.
type term struct {
	axis       axis
	unit, size int // size 0: all that is left of the axis
	flip       bool
}

func r(unit, size int) term { return term{axis: rowAxis, unit: unit, size: size} }
func k(unit, size int) term { return term{axis: colAxis, unit: unit, size: size} }

func (t term) flipped() term { t.flip = true; return t }

// always is a digit list that does not depend on the shape.
func always(terms ...term) func(Dims) []term { return func(Dims) []term { return terms } }

// Lookup finds a rule. The error is a *inspect.Fault that lists the names there are.
func Lookup(name string, of Operand) (Rule, error) {
	var names []string
	for _, rule := range table {
		if rule.Of == of {
			if rule.Name == name {
				return rule, nil
			}
			names = append(names, rule.Name)
		}
	}
	return Rule{}, fault(inspect.ErrUnsupported, fmt.Sprintf("no layout %q for %s", name, of), "there are "+strings.Join(names, ", "), "")
}

// Make is the rule for a shape. The error is a *inspect.Fault of class
// ErrUnsupported that names the multiple broken and the size that would do.
func (rule Rule) Make(d Dims) (Map, error) {
	if err := d.check(); err != nil {
		return Map{}, err
	}
	if !d.fits(rule.Need) {
		return Map{}, unfit(rule.Name, d, rule.Need)
	}
	if rule.chain != nil {
		return rule.makeChain(d)
	}
	padded := d.Up(rule.Pads)
	if err := padded.check(); err != nil {
		return Map{}, err
	}
	out := padded
	if rule.out != nil {
		out = rule.out(padded)
	}
	return Map{In: d, Out: out, stages: []stage{{d, out, lay(padded, rule.terms(padded)), rule.spread}}}, nil
}

func (rule Rule) makeChain(d Dims) (Map, error) {
	maps := make([]Map, 0, len(rule.chain))
	for _, name := range rule.chain {
		link, err := Lookup(name, rule.Of)
		if err != nil {
			return Map{}, err
		}
		m, err := link.Make(d)
		if err != nil {
			return Map{}, err
		}
		maps, d = append(maps, m), m.Out
	}
	return Compose(maps...)
}

// lay gives the terms their sizes and strides. A list that does not cover a
// padded matrix exactly is a broken table.
func lay(padded Dims, terms []term) []digit {
	sides := [2]int{padded.Rows, padded.Cols}
	digits := make([]digit, 0, len(terms))
	stride := 1
	for _, t := range terms {
		if t.size == 0 {
			t.size = sides[t.axis] / t.unit
		}
		digits = append(digits, digit{axis: t.axis, unit: t.unit, size: t.size, stride: stride, flip: t.flip,
			last: t.unit*t.size == sides[t.axis]})
		stride *= t.size
	}
	if stride != padded.Len() {
		panic(fmt.Sprintf("layout: digits cover %d of %v", stride, padded))
	}
	return digits
}
