package exec

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"fp4tui/exec/language"
)

// ExpectCmd checks a condition; a failed one fails the notebook.
type ExpectCmd struct {
	Expr language.Expr `arg:"EXPR,rest" doc:"a condition over numbers and attributes of handles, then optionally a reason"`
}

var expectSpec = language.Spec{
	Verb: "expect", Group: "check",
	Summary: "check a condition; on failure: actual, bound, margin, worst index, smallest passing bound",
	Detail:  "and, or, not, < <= > >= == !=, + - * /, abs, min, max; NaN makes every comparison but != false.",
	Examples: []string{
		"expect e.max_abs < 0.001 and e.cos >= 0.9999",
		`expect w.scale.nan == 0, "a NaN scale makes its output column NaN"`,
	},
	New: func() any { return new(ExpectCmd) },
}

func (cmd *ExpectCmd) run(c *call) (Result, error) {
	var used []language.Ref
	verdict, err := cmd.Expr.Eval(func(ref language.Ref, args []float64) (language.Value, error) {
		used = append(used, ref)
		return c.lookup(ref, args)
	})
	if err != nil {
		return nil, err
	}
	r := Check{Expr: cmd.Expr.Text, Why: cmd.Expr.Why, OK: verdict.OK, Terms: []CheckTerm{}}
	for _, t := range verdict.Terms {
		r.Terms = append(r.Terms, CheckTerm{Text: t.Text, OK: t.OK, Negate: t.Negate, Name: t.Name, Actual: Float(t.Actual.Num), Op: string(t.Op),
			Bound: Float(t.Bound.Num), Margin: Float(t.Margin), Passing: Float(t.Passing)})
		if !t.OK {
			c.locate(&r, t.Name)
		}
	}
	c.distrustNaN(&r, used)
	if !r.OK {
		return r, ErrCheckFailed
	}
	return r, nil
}

// distrustNaN fails a check that passed on the elements of a comparison that are left
// while others are NaN: metrics leave NaN out, so a bound alone would call a layer of
// NaN columns healthy. Naming .nan in the expression says that they are known.
func (c *call) distrustNaN(r *Check, used []language.Ref) {
	named, metrics := map[string]bool{}, map[string]*diffValue{}
	for _, ref := range used {
		d, ok := c.s.snapshot().handles[ref.Name].(*diffValue)
		if !ok || len(ref.Attrs) != 1 {
			continue
		}
		metrics[ref.Name] = d
		named[ref.Name] = named[ref.Name] || ref.Attrs[0] == "nan"
	}
	for _, name := range slices.Sorted(maps.Keys(metrics)) {
		if n := metrics[name].metrics.NaN; n > 0 && !named[name] {
			r.OK = false
			r.Terms = append(r.Terms, CheckTerm{Text: name + ".nan == 0 (not asked)", Name: name + ".nan", Op: "==", Actual: Float(n),
				Margin: Float(math.NaN()), Passing: Float(n)})
		}
	}
}

// locate says where a failed comparison of a diff went wrong.
func (c *call) locate(r *Check, name string) {
	ref, err := language.ParseRef(name)
	if err != nil {
		return
	}
	v, ok := c.s.snapshot().handles[ref.Name].(*diffValue)
	if !ok || r.At != nil || v.pair.M*v.pair.N == 0 {
		return
	}
	if at := v.metrics.ArgMax; at[0] >= 0 && v.metrics.MaxAbs > 0 {
		r.At = []int{at[0], at[1]}
	}
	r.Mismatched = float64(v.mismatched) / float64(v.pair.M*v.pair.N)
	r.Pattern = v.pattern
}

// lookup answers a reference of an expression: a number, an attribute, an element.
func (c *call) lookup(ref language.Ref, args []float64) (language.Value, error) {
	if d, tolerances, ok := c.mismatchedCall(ref, args); ok {
		n, err := d.pair.Mismatched(c.ctx, tolerances[0], tolerances[1])
		return language.Value{Num: float64(n)}, err
	}
	if args != nil {
		return language.Value{}, fmt.Errorf("%w: only mismatched(atol, rtol) takes arguments", ErrUsage)
	}
	v, err := c.resolve(ref.Base())
	if err != nil {
		return language.Value{}, err
	}
	if d, ok := v.(*diffValue); ok && ref.Point() {
		m, n, err := d.position(ref)
		return language.Value{Num: d.pair.At(m, n).Err}, err
	}
	if n, ok := v.(numberValue); ok && ref.Window == nil && ref.At == "" {
		return language.Value{Num: n.value}, nil
	}
	t, err := c.dense(ref)
	if err != nil {
		return language.Value{}, err
	}
	if len(t.Data) != 1 {
		return language.Value{}, fmt.Errorf("%w: %s is a %s, not one number", ErrUsage, ref, v.kind())
	}
	return language.Value{Num: float64(t.Data[0])}, nil
}

// mismatchedCall recognises e.mismatched(atol, rtol).
func (c *call) mismatchedCall(ref language.Ref, args []float64) (d *diffValue, tolerances [2]float64, ok bool) {
	if len(args) != 2 || len(ref.Attrs) != 1 || ref.Attrs[0] != "mismatched" {
		return nil, tolerances, false
	}
	d, ok = c.s.snapshot().handles[ref.Name].(*diffValue)
	return d, [2]float64{args[0], args[1]}, ok
}

// position is the element that e[m,n] or e[@max] picks.
func (d *diffValue) position(ref language.Ref) (m, n int, err error) {
	if ref.At != "" {
		if d.metrics.ArgMax[0] < 0 {
			return 0, 0, fmt.Errorf("%w: %s: the comparison has no element that can be compared", ErrShape, ref)
		}
		return d.metrics.ArgMax[0], d.metrics.ArgMax[1], nil
	}
	if len(ref.Window) != 2 {
		return 0, 0, fmt.Errorf("%w: %s: an element is e[m,n], leading dimensions folded into m", ErrUsage, ref)
	}
	for i, size := range []int{d.pair.M, d.pair.N} {
		if _, _, ok := ref.Window[i].Range(size); !ok {
			return 0, 0, outside(ref, i, size)
		}
	}
	return ref.Window[0].Lo, ref.Window[1].Lo, nil
}
