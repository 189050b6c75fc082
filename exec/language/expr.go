package language

import (
	"slices"
	"strconv"
	"strings"
)

// Expr is the expression of expect or let: the grammar is Starlark's, less whatever is
// not below, and the names are handles.
//
//	or  and  not   < <= > >= == !=   + -   * /   unary + -   ( )
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

// precedences, loosest first, as in Starlark.
const (
	precOr = iota + 1
	precAnd
	precNot
	precCompare
	precAdd
	precMul
	precUnary
	precAtom
)

// infix lists the operators between two operands; longer ones first, so that the
// first match is the right one.
var infix = [...]struct {
	op   string
	prec int
}{
	{"<=", precCompare}, {">=", precCompare}, {"==", precCompare}, {"!=", precCompare},
	{"<", precCompare}, {">", precCompare}, {"+", precAdd}, {"-", precAdd}, {"*", precMul}, {"/", precMul},
	{"and", precAnd}, {"or", precOr},
}

// function is a call that needs no handle, with its least and most arguments.
type function struct {
	name     string
	min, max int
}

var functions = [...]function{{"abs", 1, 1}, {"min", 2, 16}, {"max", 2, 16}}

// functionAt finds the function that is called at off.
func functionAt(off int, name string) (function, *mistake) {
	names := make([]string, len(functions))
	for i, f := range functions {
		if f.name == name {
			return f, nil
		}
		names[i] = f.name
	}
	return function{}, wrong(off, "unknown function %q", name).with(meant(name, names))
}

func precOf(op string) int {
	for _, o := range infix {
		if o.op == op {
			return o.prec
		}
	}
	return precAtom
}

// infixAt is the operator that s starts with; empty when none does.
func infixAt(s string) string {
	for _, o := range infix {
		if strings.HasPrefix(s, o.op) {
			return o.op
		}
	}
	return ""
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
		left := own
		if own == precCompare {
			left++ // they do not chain
		}
		s = n.args[0].format(left) + " " + n.op + " " + n.args[1].format(own+1)
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
