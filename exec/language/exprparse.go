package language

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"go.starlark.net/syntax"
)

// maxTokens bounds the names, values, operators and brackets of one expression.
const maxTokens = 2000

// parser reads the expression of s that starts at start; a comment ends it.
//
// Starlark's parser reads what holds the atoms together. The atoms themselves are
// spelt as everywhere in a command (w.global[0:4,2], "a\xff"), which Starlark is not:
// its keywords would forbid the attribute global, and it has no such windows. So each
// of them becomes the name _ among blanks, and offsets stay true.
type parser struct {
	s     string
	start int
	end   int // of the expression
	check bool

	plain  []byte        // s up to end and a blank, every atom replaced
	atoms  map[int]*node // by the offset of its _
	tokens []int         // where each begins
	open   []int         // offsets of the parentheses that are open
	comma  bool          // the comma before the reason was seen
	uses   []use         // every reference, in order
	root   *node
	why    string
}

// parseExpr reads all of s from i on. A check must be a truth and may have a reason;
// otherwise the expression must be a value.
func parseExpr(s string, i int, check bool) (*parser, *mistake) {
	p := &parser{s: s, start: skip(s, i), check: check, plain: []byte(s), atoms: map[int]*node{}}
	for p.end = p.start; p.end < len(s) && s[p.end] != '#'; p.end = skip(s, p.end) {
		if p.tokens = append(p.tokens, p.end); len(p.tokens) > maxTokens {
			return nil, wrong(p.end, "the expression has more than %d words and operators", maxTokens)
		}
		var m *mistake
		if p.end, m = p.token(p.end); m != nil {
			return nil, m
		}
	}
	p.plain = append(p.plain[:p.end], ' ')
	from := skip(string(p.plain), p.start) // Starlark takes blanks before it for indentation
	src := syntax.FilePortion{Content: p.plain[from:], FirstLine: 1, FirstCol: int32(from) + 1}
	x, err := (&syntax.FileOptions{}).ParseExpr("", src, 0)
	if err != nil {
		return nil, p.refused(err)
	}
	if m := p.top(x); m != nil {
		return nil, m
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

// token reads the atom, operator or bracket at i. Nothing else reaches Starlark: a
// byte that is not in the language is refused here.
func (p *parser) token(i int) (end int, m *mistake) {
	switch c := p.s[i]; {
	case c == '"':
		text, end, m := scanString(p.s, i)
		return p.atom(&node{kind: strNode, off: i, text: text}, end, m)
	case c == '.' || (c >= '0' && c <= '9'):
		v, end, m := scanNumber(p.s, i)
		return p.atom(&node{kind: numNode, off: i, num: v}, end, m)
	case ident(p.s, i) > i:
		return p.word(i)
	case c == '(':
		if len(p.open) == maxDepth {
			return i, wrong(i, "the expression nests deeper than %d", maxDepth)
		}
		p.open = append(p.open, i)
		return i + 1, nil
	case c == ')' && len(p.open) > 0:
		p.open = p.open[:len(p.open)-1]
		return i + 1, nil
	case c == ',' && len(p.open) > 0:
		return i + 1, nil
	case c == ',' && p.check && !p.comma:
		p.comma = true
		if j := skip(p.s, i+1); j >= len(p.s) || p.s[j] != '"' {
			return i, wrong(j, "a reason in double quotes is expected after the comma")
		}
		return i + 1, nil
	}
	op := infixAt(p.s[i:])
	joined := i > p.start && strings.IndexByte("+-*/<>=", p.plain[i-1]) >= 0 // as in ** and //
	if op == "" || joined && op != "+" && op != "-" {
		return i, p.unexpected(i)
	}
	return i + len(op), nil
}

// atom replaces what n was read from, up to end, by a name. The name of a string or of
// .5 stands one further, lest it grow into the word before: and"x".
func (p *parser) atom(n *node, end int, m *mistake) (int, *mistake) {
	if m != nil {
		return n.off, m
	}
	for i := n.off; i < end; i++ {
		p.plain[i] = ' '
	}
	at := n.off
	if c := p.s[at]; c == '"' || c == '.' {
		at++
	}
	p.plain[at], p.atoms[at] = '_', n
	return end, nil
}

// scanNumber reads the number at i with everything that sticks to it.
func scanNumber(s string, i int) (v float64, end int, m *mistake) {
	for end = i; end < len(s); end++ {
		c := s[end]
		sign := (c == '+' || c == '-') && s[end-1]|0x20 == 'e'
		if c != '.' && c != '_' && !sign && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			break
		}
	}
	v, ok := parseFloat(s[i:end])
	if !ok {
		m = wrong(i, "%q is not a number", s[i:end])
	}
	return v, end, m
}

// word reads an operator, nan, inf, the name of a function or a reference.
func (p *parser) word(i int) (int, *mistake) {
	end := ident(p.s, i)
	id := p.s[i:end]
	switch {
	case id == "not" && p.operand(i):
		return i, p.unexpected(i)
	case id == "not" || id == "and" || id == "or":
		return end, nil
	}
	if v, ok := parseFloat(id); ok {
		return p.atom(&node{kind: numNode, off: i, num: v}, end, nil)
	}
	if next := skip(p.s, end); next < len(p.s) && p.s[next] == '(' {
		_, m := functionAt(i, id)
		return p.atom(&node{kind: funcNode, off: i, op: id}, end, m)
	}
	ref, end, m := scanRef(p.s, i)
	return p.atom(&node{kind: refNode, off: i, ref: ref}, end, m)
}

// operand reports whether what stands before off ends an operand.
func (p *parser) operand(off int) bool {
	before := bytes.TrimRight(p.plain[p.start:off], " \t")
	return bytes.HasSuffix(before, []byte("_")) || bytes.HasSuffix(before, []byte(")"))
}

// unexpected says why what stands at off cannot stand there.
func (p *parser) unexpected(off int) *mistake {
	rest, operand := p.s[off:], p.operand(off)
	what := rest[:ident(rest, 0)]
	switch {
	case rest == "" || rest[0] == '#':
		if operand && len(p.open) > 0 {
			return wrong(p.open[len(p.open)-1], "( is not closed")
		}
		return wrong(off, "the expression ends here; a value is expected")
	case operand && strings.HasPrefix(rest, "="):
		return wrong(off, "= does not compare").with("use ==")
	case !operand && what == "not":
		return wrong(off, "not cannot stand here").with("put it in parentheses")
	case what == "":
		what = string([]rune(rest)[:1])
	}
	if operand {
		return wrong(off, "%q where an operator is expected", what)
	}
	return wrong(off, "%q where a value is expected", what)
}

// refused translates an error of Starlark's parser. Its position is the end of the
// token that it did not expect; where it wanted an operand, the beginning.
func (p *parser) refused(err error) *mistake {
	var e syntax.Error
	if !errors.As(err, &e) {
		return wrong(p.start, "%v", err)
	}
	off := offset(e.Pos)
	if strings.HasSuffix(e.Msg, "primary expression") {
		off++
	}
	if off > p.end {
		return p.unexpected(p.end)
	}
	next, _ := slices.BinarySearch(p.tokens, off)
	off = p.tokens[next-1]
	switch op := infixAt(p.s[off:]); {
	case strings.HasSuffix(e.Msg, "nesting"):
		return wrong(off, "the expression nests too deep")
	case precOf(op) == precCompare:
		return wrong(off, "comparisons do not chain").with("write a < b and b " + op + " c")
	}
	return p.unexpected(off)
}

// offset is the place in the command of a position; one line of ASCII has one column
// a byte.
func offset(p syntax.Position) int { return int(p.Col) - 1 }

// top converts the whole: an expression, or one with a reason after a comma.
func (p *parser) top(x syntax.Expr) (m *mistake) {
	if t, ok := x.(*syntax.TupleExpr); ok && p.comma && len(t.List) == 2 {
		why, m := p.convert(t.List[1])
		if m != nil {
			return m
		}
		if why.kind != strNode {
			return wrong(why.off, "a reason is one text")
		}
		p.why, x = why.text, t.List[0]
	}
	p.root, m = p.convert(x)
	return m
}

// convert makes a node of what the language has, and refuses the rest of Starlark.
func (p *parser) convert(x syntax.Expr) (*node, *mistake) {
	switch x := x.(type) {
	case *syntax.ParenExpr:
		return p.convert(x.X)
	case *syntax.Ident:
		n := p.atoms[offset(x.NamePos)]
		if n.kind == refNode {
			p.uses = append(p.uses, use{ref: n.ref, off: n.off, expr: true})
		}
		return n, nil
	case *syntax.UnaryExpr:
		switch x.Op {
		case syntax.PLUS:
			return p.convert(x.X)
		case syntax.MINUS, syntax.NOT:
			return p.operation(unaryNode, x.OpPos, x.Op, x.X)
		}
	case *syntax.BinaryExpr:
		return p.operation(binaryNode, x.OpPos, x.Op, x.X, x.Y)
	case *syntax.CallExpr:
		return p.call(x)
	}
	return nil, wrong(offset(syntax.Start(x)), "one value is expected here")
}

func (p *parser) operation(kind nodeKind, pos syntax.Position, op syntax.Token, operands ...syntax.Expr) (*node, *mistake) {
	n := &node{kind: kind, off: offset(pos), op: op.String()}
	for _, x := range operands {
		arg, m := p.convert(x)
		if m != nil {
			return nil, m
		}
		n.args = append(n.args, arg)
	}
	return n, n.checkOperands()
}

// call converts abs(x), min(x, …), max(x, …) or e.mismatched(1e-3, 1e-3).
func (p *parser) call(x *syntax.CallExpr) (n *node, m *mistake) {
	paren := offset(x.Lparen)
	fn, ok := x.Fn.(*syntax.Ident)
	if !ok {
		return nil, p.unexpected(paren)
	}
	if n, m = p.convert(fn); m != nil {
		return nil, m
	}
	f := function{max: 8}
	switch {
	case n.kind == funcNode:
		f, _ = functionAt(n.off, n.op)
	case len(n.ref.Attrs) > 0 && n.ref.Window == nil && n.ref.At == "":
		n.called = true
		u := &p.uses[len(p.uses)-1]
		u.called, u.args = true, len(x.Args)
	default:
		return nil, p.unexpected(paren)
	}
	for _, a := range x.Args {
		arg, m := p.convert(a)
		if m != nil {
			return nil, m
		}
		if arg.isBool() || arg.kind == strNode {
			return nil, wrong(arg.off, "an argument is a number")
		}
		n.args = append(n.args, arg)
	}
	if len(x.Args) < f.min || len(x.Args) > f.max {
		return nil, wrong(paren, "%d arguments; %d to %d are expected", len(x.Args), f.min, f.max)
	}
	return n, nil
}
