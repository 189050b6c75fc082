package language

import (
	"slices"
	"strconv"
	"strings"
)

// Expr is the expression of expect or let: a subset of Python's, without names other
// than handles.
//
//	or  and  not   < <= > >= == !=   + -   * /   unary -   **   ( )
//	abs(x)  min(x, …)  max(x, …)   1e-3  nan  inf  "text"
//	e.max_abs  e[48,994]  e[@max]  e.mismatched(1e-3, 1e-3)
//
// Arithmetic is float64; division by zero gives an infinity or NaN, and a comparison
// with a NaN is false, except !=. Comparisons do not chain.
type Expr struct {
	Text string // canonical
	Why  string // the text after the comma; empty when none
}

// ParseExpr reads an expression, optionally followed by a comma and a string.
func ParseExpr(s string) (Expr, error) {
	t, e := newText(Pos{}, s)
	if e != nil {
		return Expr{}, e
	}
	p, m := parseExpr(t.flat, 0, true)
	if m != nil {
		return Expr{}, t.fail(m)
	}
	return p.expr(), nil
}

// String writes the canonical form, the reason included.
func (e Expr) String() string {
	if e.Why == "" {
		return e.Text
	}
	return e.Text + ", " + strconv.Quote(e.Why)
}

// nodeKind says what a node of the tree is.
type nodeKind uint8

const (
	numNode    nodeKind = iota // num
	strNode                    // text
	refNode                    // ref; args when it is called
	unaryNode                  // op "-" or "not"
	binaryNode                 // op, two args
	funcNode                   // op is abs, min or max
)

type node struct {
	kind   nodeKind
	off    int
	op     string
	num    float64
	text   string
	ref    Ref
	called bool // a refNode with parentheses
	args   []*node
}

// precedences, loosest first.
const (
	precOr = iota + 1
	precAnd
	precNot
	precCompare
	precAdd
	precMul
	precUnary
	precPower
	precAtom
)

// infix lists the operators between two operands; longer ones first, so that the
// first match is the right one.
var infix = [...]struct {
	op   string
	prec int
}{
	{"**", precPower}, {"<=", precCompare}, {">=", precCompare}, {"==", precCompare}, {"!=", precCompare},
	{"<", precCompare}, {">", precCompare}, {"+", precAdd}, {"-", precAdd}, {"*", precMul}, {"/", precMul},
	{"and", precAnd}, {"or", precOr},
}

// functions are the calls that need no handle, with their least and most arguments.
var functions = [...]struct {
	name     string
	min, max int
}{{"abs", 1, 1}, {"min", 2, 16}, {"max", 2, 16}}

func precOf(op string) int {
	for _, o := range infix {
		if o.op == op {
			return o.prec
		}
	}
	return precAtom
}

// isBool reports whether a node is a truth, not a value.
func (n *node) isBool() bool {
	switch n.kind {
	case binaryNode:
		return precOf(n.op) <= precCompare
	case unaryNode:
		return n.op == "not"
	}
	return false
}

// maxOps bounds the operators of one expression.
const maxOps = 1000

// parser reads one expression from s, starting at i. A comment ends it.
type parser struct {
	s     string
	i     int
	depth int
	ops   int
	uses  []use // every reference, in order
	root  *node
	why   string
}

// parseExpr reads all of s from i on. A check must be a truth and may have a reason;
// otherwise the expression must be a value.
func parseExpr(s string, i int, check bool) (*parser, *mistake) {
	p := &parser{s: s, i: i}
	var m *mistake
	if p.root, m = p.parse(precOr); m != nil {
		return nil, m
	}
	if check && p.peek() == ',' {
		p.i = skip(s, p.i+1)
		if p.i >= len(s) || s[p.i] != '"' {
			return nil, wrong(p.i, "a reason in double quotes is expected after the comma")
		}
		if p.why, p.i, m = scanString(s, p.i); m != nil {
			return nil, m
		}
	}
	if c := p.peek(); c != 0 {
		return nil, p.leftover()
	}
	switch {
	case check && !p.root.isBool():
		return nil, wrong(p.root.off, "this is a value, not a comparison").with("compare it, as in e.max_abs < 1e-3")
	case !check && p.root.isBool():
		return nil, wrong(p.root.off, "this is a comparison, not a value")
	}
	return p, nil
}

func (p *parser) expr() Expr { return Expr{Text: p.root.format(0), Why: p.why} }

// peek is the next byte that is not blank; 0 at the end or at a comment.
func (p *parser) peek() byte {
	p.i = skip(p.s, p.i)
	if p.i >= len(p.s) || p.s[p.i] == '#' {
		return 0
	}
	return p.s[p.i]
}

// leftover names what stands where an operator should.
func (p *parser) leftover() *mistake {
	rest := p.s[p.i:]
	if strings.HasPrefix(rest, "=") {
		return wrong(p.i, "= does not compare").with("use ==")
	}
	if end := ident(rest, 0); end > 0 {
		return wrong(p.i, "%q where an operator is expected", rest[:end])
	}
	return wrong(p.i, "%q where an operator is expected", string([]rune(rest)[:1]))
}

// operator is the infix operator at the cursor, if any.
func (p *parser) operator() (op string, prec int) {
	if p.peek() == 0 {
		return "", 0
	}
	for _, o := range infix {
		if strings.HasPrefix(p.s[p.i:], o.op) {
			if end := ident(p.s, p.i); end > p.i && p.s[p.i:end] != o.op {
				continue
			}
			return o.op, o.prec
		}
	}
	return "", 0
}

// parse reads operators that bind at least as tightly as prec.
func (p *parser) parse(prec int) (*node, *mistake) {
	if p.depth++; p.depth > maxDepth {
		return nil, wrong(p.i, "the expression nests deeper than %d", maxDepth)
	}
	defer func() { p.depth-- }()
	left, m := p.unary(prec)
	for m == nil {
		op, at := p.operator()
		if op == "" || at < prec {
			return left, nil
		}
		if p.ops++; p.ops > maxOps {
			return nil, wrong(p.i, "the expression has more than %d operators", maxOps)
		}
		off := p.i
		p.i += len(op)
		next := at + 1
		if at == precPower {
			next = precUnary // right to left; 2**-1 is allowed
		}
		var right *node
		if right, m = p.parse(next); m != nil {
			return nil, m
		}
		n := &node{kind: binaryNode, off: off, op: op, args: []*node{left, right}}
		if m = n.checkOperands(); m != nil {
			return nil, m
		}
		left = n
		if at == precCompare {
			if again, prec := p.operator(); prec == precCompare {
				return nil, wrong(p.i, "comparisons do not chain").with("write a < b and b " + again + " c")
			}
		}
	}
	return nil, m
}

// unary reads a prefix operator or an atom.
func (p *parser) unary(prec int) (*node, *mistake) {
	c, off := p.peek(), p.i
	switch {
	case c == '-' || c == '+':
		p.i++
		x, m := p.parse(precUnary)
		if m != nil || c == '+' {
			return x, m
		}
		n := &node{kind: unaryNode, off: off, op: "-", args: []*node{x}}
		return n, n.checkOperands()
	case c == 'n' && p.s[p.i:ident(p.s, p.i)] == "not":
		if prec > precNot {
			return nil, wrong(off, "not cannot stand here").with("put it in parentheses")
		}
		p.i += len("not")
		x, m := p.parse(precNot)
		if m != nil {
			return nil, m
		}
		n := &node{kind: unaryNode, off: off, op: "not", args: []*node{x}}
		return n, n.checkOperands()
	}
	return p.atom()
}

// checkOperands holds truths and values apart.
func (n *node) checkOperands() *mistake {
	logic := n.op == "and" || n.op == "or" || n.op == "not"
	compare := n.kind == binaryNode && precOf(n.op) == precCompare
	for _, x := range n.args {
		switch {
		case logic && !x.isBool():
			return wrong(x.off, "%s joins comparisons; this is a value", n.op).with("compare it, as in e.max_abs < 1e-3")
		case !logic && x.isBool():
			return wrong(x.off, "%s takes values; this is a comparison", n.op)
		case !logic && x.kind == strNode && (!compare || (n.op != "==" && n.op != "!=")):
			return wrong(x.off, "%s takes numbers; this is a text", n.op)
		}
	}
	return nil
}

func (p *parser) atom() (*node, *mistake) {
	c, off := p.peek(), p.i
	switch {
	case c == 0:
		return nil, wrong(p.i, "the expression ends here; a value is expected")
	case c == '(':
		p.i++
		n, m := p.parse(precOr)
		if m != nil {
			return nil, m
		}
		if p.peek() != ')' {
			return nil, p.unclosed(off)
		}
		p.i++
		return n, nil
	case c == '"':
		s, end, m := scanString(p.s, off)
		p.i = end
		return &node{kind: strNode, off: off, text: s}, m
	case c == '.' || (c >= '0' && c <= '9'):
		return p.number()
	}
	return p.name()
}

func (p *parser) unclosed(open int) *mistake {
	if p.peek() == 0 {
		return wrong(open, "( is not closed")
	}
	return p.leftover()
}

func (p *parser) number() (*node, *mistake) {
	off := p.i
	for p.i < len(p.s) {
		c := p.s[p.i]
		sign := (c == '+' || c == '-') && p.i > off && p.s[p.i-1]|0x20 == 'e'
		if c != '.' && !sign && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			break
		}
		p.i++
	}
	v, ok := parseFloat(p.s[off:p.i])
	if !ok {
		return nil, wrong(off, "%q is not a number", p.s[off:p.i])
	}
	return &node{kind: numNode, off: off, num: v}, nil
}

// name reads nan, inf, a function call, or a reference with an optional call.
func (p *parser) name() (*node, *mistake) {
	off, end := p.i, ident(p.s, p.i)
	if end == off {
		return nil, wrong(off, "%q where a value is expected", string([]rune(p.s[off:])[:1]))
	}
	id := p.s[off:end]
	if v, ok := parseFloat(id); ok {
		p.i = end
		return &node{kind: numNode, off: off, num: v}, nil
	}
	if skipped := skip(p.s, end); skipped < len(p.s) && p.s[skipped] == '(' {
		return p.call(id, off, skipped)
	}
	ref, end, m := scanRef(p.s, off)
	if m != nil {
		return nil, m
	}
	p.i = end
	n := &node{kind: refNode, off: off, ref: ref}
	p.uses = append(p.uses, use{ref: ref, off: off, expr: true})
	at := len(p.uses) - 1
	if len(ref.Attrs) > 0 && ref.Window == nil && ref.At == "" && p.i < len(p.s) && p.s[p.i] == '(' {
		if n.args, m = p.arguments(p.i, 0, 8); m != nil {
			return nil, m
		}
		n.called = true
		p.uses[at].called, p.uses[at].args = true, len(n.args)
	}
	return n, nil
}

func (p *parser) call(id string, off, paren int) (*node, *mistake) {
	names := make([]string, 0, len(functions))
	for _, f := range functions {
		if f.name == id {
			args, m := p.arguments(paren, f.min, f.max)
			n := &node{kind: funcNode, off: off, op: id, args: args}
			if m == nil {
				m = n.checkOperands()
			}
			return n, m
		}
		names = append(names, f.name)
	}
	return nil, wrong(off, "unknown function %q", id).with(meant(id, names))
}

// arguments reads a parenthesised list whose bracket stands at i.
func (p *parser) arguments(i, least, most int) ([]*node, *mistake) {
	var args []*node
	p.i = i + 1
	for p.peek() != ')' {
		x, m := p.parse(precOr)
		if m != nil {
			return nil, m
		}
		if x.isBool() || x.kind == strNode {
			return nil, wrong(x.off, "an argument is a number")
		}
		args = append(args, x)
		if p.peek() == ',' {
			p.i++
			continue
		}
		if p.peek() != ')' {
			return nil, p.unclosed(i)
		}
	}
	p.i++
	if len(args) < least || len(args) > most {
		return nil, wrong(i, "%d arguments; %d to %d are expected", len(args), least, most)
	}
	return args, nil
}

// format writes a node; parentheses stand only where prec asks for them.
func (n *node) format(prec int) string {
	switch n.kind {
	case numNode:
		return Number(n.num).String()
	case strNode:
		return strconv.Quote(n.text)
	case refNode:
		if n.called {
			return n.ref.String() + formatArgs(n.args)
		}
		return n.ref.String()
	case funcNode:
		return n.op + formatArgs(n.args)
	}
	own, s := precNot, ""
	switch {
	case n.op == "not":
		s = "not " + n.args[0].format(precNot)
	case n.kind == unaryNode:
		own, s = precUnary, "-"+n.args[0].format(precUnary)
	default:
		own = precOf(n.op)
		left, right := own, own+1
		if own == precCompare {
			left = own + 1
		} else if own == precPower {
			left, right = precAtom, precUnary
		}
		s = n.args[0].format(left) + " " + n.op + " " + n.args[1].format(right)
	}
	if own < prec {
		return "(" + s + ")"
	}
	return s
}

func formatArgs(args []*node) string {
	parts := make([]string, len(args))
	for i, a := range args {
		parts[i] = a.format(0)
	}
	return "(" + strings.Join(parts, ", ") + ")"
}

// constant reports whether a node reads no handle.
func (n *node) constant() bool {
	return n.kind != refNode && !slices.ContainsFunc(n.args, func(a *node) bool { return !a.constant() })
}
