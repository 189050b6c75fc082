package language

import (
	"math"
)

// Value is what a reference in an expression stands for: a number or a text.
type Value struct {
	Num    float64
	Text   string
	IsText bool
}

// Lookup answers a reference. Args are the numbers of a call such as
// e.mismatched(1e-3, 1e-3); nil when the reference is not called.
type Lookup func(ref Ref, args []float64) (Value, error)

// Term is one comparison of a check, turned so that the side without handles is the
// bound: "0.001 > e.max_abs" has Actual e.max_abs and Op "<".
type Term struct {
	Text   string // as written, canonical: "e.max_abs < 0.001"
	Name   string // the side that is measured: "e.max_abs"
	Actual Value
	Op     Op
	Bound  Value
	OK     bool // what the term adds to the verdict; under not, the comparison is false
	Negate bool // the term stands under an odd number of nots

	// Margin is how far the comparison is from its bound, as a factor: actual/bound
	// for < and <=, bound/actual for > and >=; 437 is 437 times over, 1 or less
	// passes. NaN when the two are texts or not both positive, infinite for bound 0.
	Margin float64
	// Passing is the bound nearest to the one asked for that this actual value would
	// meet; NaN when there is none. Both are NaN under not.
	Passing float64
}

// Verdict is the outcome of a check with every comparison it made. All terms are
// evaluated, whatever the ones before them said.
type Verdict struct {
	OK    bool
	Terms []Term
}

// Eval computes a check. Its error is an *Error with the column in e.Text, or the one
// that get returned, wrapped.
func (e Expr) Eval(get Lookup) (Verdict, error) {
	ev, err := e.evaluator(get, true)
	if err != nil {
		return Verdict{}, err
	}
	ok := ev.truth(ev.root, false)
	if ev.err != nil {
		return Verdict{}, ev.err
	}
	return Verdict{OK: ok, Terms: ev.terms}, nil
}

// Value computes the expression of a let.
func (e Expr) Value(get Lookup) (Value, error) {
	ev, err := e.evaluator(get, false)
	if err != nil {
		return Value{}, err
	}
	v := ev.value(ev.root)
	return v, ev.err
}

// EvalError is a Lookup that failed, with the reference that asked.
type EvalError struct {
	Ref Ref
	Err error
}

// Error is "w.scale: why".
func (e *EvalError) Error() string { return e.Ref.String() + ": " + e.Err.Error() }

// Unwrap gives the error of the Lookup.
func (e *EvalError) Unwrap() error { return e.Err }

// evaluator walks a tree once; after the first error it computes nothing.
type evaluator struct {
	root  *node
	src   text
	get   Lookup
	terms []Term
	err   error
}

func (e Expr) evaluator(get Lookup, check bool) (*evaluator, error) {
	t, bad := newText(Pos{}, e.Text)
	if bad != nil {
		return nil, bad
	}
	p, m := parseExpr(t.flat, 0, check)
	if m != nil {
		return nil, t.fail(m)
	}
	return &evaluator{root: p.root, src: t, get: get}, nil
}

func (ev *evaluator) fail(m *mistake) {
	if ev.err == nil {
		ev.err = ev.src.fail(m)
	}
}

// truth evaluates a node that isBool.
func (ev *evaluator) truth(n *node, negate bool) bool {
	if ev.err != nil {
		return false
	}
	switch n.op {
	case "not":
		return !ev.truth(n.args[0], !negate)
	case "and", "or":
		a, b := ev.truth(n.args[0], negate), ev.truth(n.args[1], negate)
		if n.op == "and" {
			return a && b
		}
		return a || b
	}
	return ev.compare(n, negate)
}

// mirrored is the comparison with its sides exchanged.
var mirrored = map[Op]Op{Less: Greater, Greater: Less, LessEqual: GreaterEqual, GreaterEqual: LessEqual, Equal: Equal, NotEqual: NotEqual}

func (ev *evaluator) compare(n *node, negate bool) bool {
	left, right, op := n.args[0], n.args[1], Op(n.op)
	a, b := ev.value(left), ev.value(right)
	if ev.err != nil {
		return false
	}
	if left.constant() && !right.constant() {
		left, a, b, op = right, b, a, mirrored[op]
	}
	t := Term{Text: n.format(0), Name: left.format(0), Actual: a, Op: op, Bound: b, Negate: negate,
		Margin: math.NaN(), Passing: math.NaN()}
	var holds bool
	switch {
	case a.IsText != b.IsText:
		ev.fail(wrong(n.off, "a text and a number do not compare"))
	case a.IsText && op != Equal && op != NotEqual:
		ev.fail(wrong(n.off, "%s takes numbers; these are texts", op))
	case a.IsText:
		holds = (a.Text == b.Text) == (op == Equal)
	default:
		holds = op.Holds(a.Num, b.Num)
		if !negate {
			t.Margin, t.Passing = margin(op, a.Num, b.Num), passing(op, a.Num)
		}
	}
	t.OK = holds != negate
	ev.terms = append(ev.terms, t)
	return holds
}

func margin(op Op, actual, bound float64) float64 {
	if op == Greater || op == GreaterEqual {
		actual, bound = bound, actual
	} else if op != Less && op != LessEqual {
		return math.NaN()
	}
	if !(actual > 0 && bound >= 0) {
		return math.NaN()
	}
	return actual / bound
}

func passing(op Op, actual float64) float64 {
	switch op {
	case Less:
		return math.Nextafter(actual, math.Inf(1))
	case Greater:
		return math.Nextafter(actual, math.Inf(-1))
	case NotEqual:
		return math.NaN()
	}
	return actual
}

// value evaluates a node that is not a truth.
func (ev *evaluator) value(n *node) Value {
	if ev.err != nil {
		return Value{}
	}
	switch n.kind {
	case numNode:
		return Value{Num: n.num}
	case strNode:
		return Value{Text: n.text, IsText: true}
	case refNode:
		var args []float64
		if n.called {
			args = ev.numbers(n.args)
		}
		if ev.err != nil {
			return Value{}
		}
		v, err := ev.get(n.ref, args)
		if err != nil {
			ev.err = &EvalError{Ref: n.ref, Err: err}
		}
		return v
	}
	x := ev.numbers(n.args)
	if ev.err != nil {
		return Value{}
	}
	return Value{Num: arithmetic(n, x)}
}

// numbers evaluates operands that must be numbers.
func (ev *evaluator) numbers(args []*node) []float64 {
	out := make([]float64, len(args))
	for i, a := range args {
		v := ev.value(a)
		if v.IsText {
			ev.fail(wrong(a.off, "%s is a text, not a number", a.format(0)))
		}
		out[i] = v.Num
	}
	return out
}

func arithmetic(n *node, x []float64) float64 {
	if n.kind == unaryNode {
		return -x[0]
	}
	switch n.op {
	case "abs":
		return math.Abs(x[0])
	case "min", "max":
		v := x[0]
		for _, y := range x[1:] {
			if n.op == "min" {
				v = min(v, y)
			} else {
				v = max(v, y)
			}
		}
		return v
	case "+":
		return x[0] + x[1]
	case "-":
		return x[0] - x[1]
	case "*":
		return float64(x[0] * x[1])
	}
	return x[0] / x[1]
}
