// Package explain takes one element of a comparison, got - want, apart: which operation
// made which part of the difference, which K blocks it came through, what the accumulator
// did at every instruction, and which bits stand against exact sums in any order.
//
// Everything between the two numbers is one chain of exact values:
//
//	want ← its rounding ← its sum ← x·w as the reference saw them
//	  → the weight as quantized → as the prepared buffer holds it → x as quantized
//	  → global scales as one factor → the accumulator → the epilogue → got
//
// Neighbours differ by one operation, so that the parts add up to got - want exactly: they
// are kept as integers times powers of two and never rounded. What no known operation
// explains (got comes from elsewhere and differs from our emulation) is a part of its own.
package explain

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"fp4tui/exec/gemm"
	"fp4tui/inspect"
)

// Kind names an operation of the chain.
type Kind string

// The operations, in the order of the chain.
const (
	Weight       Kind = "weight"       // another weight: quantized instead of original
	Layout       Kind = "layout"       // the weight as a prepared buffer's kernel reads it
	Activation   Kind = "activation"   // other activations: quantized, rounded to bf16, different ones
	Scales       Kind = "scales"       // the global scales as one factor behind the sum
	Accumulation Kind = "accumulation" // the sum as the accumulator makes it
	Epilogue     Kind = "epilogue"     // FP32 operations behind the accumulator
	Bias         Kind = "bias"         // the bias itself
	Rounding     Kind = "rounding"     // to the output type
	Unexplained  Kind = "unexplained"  // got or want is not what was made of its operands here
)

// Part is one part of got - want.
type Part struct {
	Kind      Kind
	Text      string // "weight quantization", "accumulation, 24 steps of K=16"
	Reference bool   // it is of want's own making: its sign is that of got - want
	Part      Value  // what it adds to got - want; NaN where a value beside it is not finite
	After     Value  // the value behind the operation; before it, for a Reference part
}

// Explanation is everything known of one element.
type Explanation struct {
	Got, Want float32
	Err       Value    // got - want
	Budget    []Part   // from the operands to got, then want's own
	Adds      bool     // the parts are finite and their exact sum is Err
	Broke     string   // the first operation whose result is not finite, with its elements where they are why; empty when none
	Missing   []string // what is not known, and what would tell
	Exact     Value    // the exact product behind got
	Alpha     float32  // the factor of the epilogue; 1 without
	Replay    *gemm.Replay
	Trace     Trace
	Exactness Exactness
	Blocks    Blocks

	got, want Side
	g, w      *making // w is nil when want comes from elsewhere
	m, n      int
}

// Element explains output m,n of a comparison. One side at least has its making known;
// otherwise the error is an *inspect.Fault of class ErrMissing that says what to compare.
func Element(got, want Side, m, n int) (*Explanation, error) {
	if got.Made == nil && want.Made == nil {
		return nil, &inspect.Fault{Class: inspect.ErrMissing, Offset: -1, What: "nothing to explain with",
			Why:  "neither " + named(got) + " nor " + named(want) + " is a whole product of this session, so that operands are unknown",
			Cure: "make the product that it should be, y = gemm x w, and name it: explain E[m,n] as=y; compare products whole, not windows of them"}
	}
	e := &Explanation{Got: got.Value, Want: want.Value, Err: valueOf(float64(got.Value)).sub(valueOf(float64(want.Value))), Alpha: 1}
	var g, w *making
	var err error
	if got.Made == nil { // taken for what the reference's operands give on a tensor core
		taken := want
		taken.Value, taken.By, taken.Ref, taken.Foreign = got.Value, got.By, false, true
		got = taken
	}
	if g, err = got.make(m, n); err != nil {
		return nil, err
	}
	if want.Made != nil {
		if w, err = want.make(m, n); err != nil {
			return nil, err
		}
	}
	e.budget(g, w, got, want)
	if g.why != "" {
		e.Missing = append(e.Missing, "got is not emulated: "+g.why)
	}
	if g.replay != nil {
		e.Replay, e.Alpha = g.replay, g.replay.Used
		e.Trace, e.Exactness = traceOf(g.replay), exactnessOf(g.replay)
	}
	e.got, e.want, e.g, e.w, e.m, e.n = got, want, g, w, m, n
	e.Blocks = e.blocks()
	e.Broke = e.broken()
	return e, nil
}

// Row is the row m of the element.
func (e *Explanation) Row() int { return e.m }

func named(s Side) string {
	if s.By == "" {
		return "a tensor"
	}
	return s.By
}

// budget walks from want back to its operands, over to got's operands and on to got.
func (e *Explanation) budget(g, w *making, got, want Side) {
	var own []Part // want's, from want down
	at := valueOf(float64(want.Value))
	x, wt := g.factors()
	if w == nil { // all of want's distance from got's exact product
		own = append(own, Part{Unexplained, "distance of want from the exact product", true, dot(x, wt).sub(at), at})
	} else {
		stages := w.stages
		if last := w.last(); !equal(last, at) {
			own = append(own, Part{Unexplained, "unexplained: want is not what is emulated", true, last.sub(at), at})
			at = last
		}
		wx, ww := w.factors()
		base := dot(wx, ww)
		for i := len(stages) - 1; i >= 0; i-- {
			before := base
			if i > 0 {
				before = stages[i-1].after
			}
			own = append(own, Part{stages[i].kind, stages[i].text, true, before.sub(at), at})
			at = before
		}
	}
	e.Budget = append(e.Budget, hops(g, w)...)
	e.Exact = dot(x, wt)
	at = e.Exact
	for _, s := range g.stages {
		e.Budget = append(e.Budget, Part{s.kind, s.text, false, s.after.sub(at), s.after})
		at = s.after
	}
	if final := valueOf(float64(got.Value)); !equal(final, at) || got.Foreign {
		text := "unexplained: got is not what is emulated"
		switch {
		case len(g.stages) == 0:
			text = "distance of got from the exact product"
		case equal(final, at):
			text = "nothing unexplained: the bits emulated here"
		}
		e.Budget = append(e.Budget, Part{Unexplained, text, false, final.sub(at), final})
	}
	slices.Reverse(own)
	e.Budget = append(e.Budget, own...)
	e.check()
}

// last is what the making leads to.
func (m *making) last() Value {
	if n := len(m.stages); n > 0 {
		return m.stages[n-1].after
	}
	return dot(m.factors())
}

// equal compares values; NaN equals NaN, since both are the same news.
func equal(a, b Value) bool {
	if !a.Finite() || !b.Finite() {
		return a.special == b.special || math.IsNaN(a.special) && math.IsNaN(b.special)
	}
	return a.x.Sub(b.x).Sign() == 0
}

// hops go from the factors of want to those of got, one version of one operand at a
// time: weights first, then activations.
func hops(g, w *making) []Part {
	if w == nil {
		return nil
	}
	var rows []Part
	x, wt := w.factors()
	at := dot(x, wt)
	step := func(v operand, reference bool) {
		after := dot(x, wt)
		rows = append(rows, Part{v.kind, v.text, reference, after.sub(at), after})
		at = after
	}
	walk(w.w, g.w, "weight", func(v operand, values []float64, reference bool) {
		wt = values
		step(v, reference)
	})
	walk(w.x, g.x, "activations", func(v operand, values []float64, reference bool) {
		x = values
		step(v, reference)
	})
	return rows
}

// walk goes from the last version of from to its first, and over to those of to.
func walk(from, to []operand, name string, visit func(v operand, values []float64, reference bool)) {
	last := to[len(to)-1].values
	if same(from[len(from)-1].values, last) {
		visit(operand{kind: to[0].kind, text: "same " + name + " on both sides"}, last, false)
		return
	}
	for i := len(from) - 1; i > 0; i-- {
		visit(from[i], from[i-1].values, true)
	}
	for i, v := range to {
		if i == 0 {
			if same(from[0].values, v.values) {
				continue
			}
			v.text = from[0].becomes(v)
		}
		visit(v, v.values, false)
	}
}

// becomes says what makes one given operand the other.
func (v operand) becomes(next operand) string {
	switch {
	case v.kind != Weight:
		return "other activations"
	case !v.quantized && next.quantized:
		return "weight quantization"
	case v.quantized && !next.quantized:
		return "weight not quantized"
	}
	return "another weight"
}

// same compares operands; NaN is NaN.
func same(a, b []float64) bool {
	for k := range max(len(a), len(b)) {
		if x, y := at(a, k), at(b, k); x != y && (x == x || y == y) {
			return false
		}
	}
	return true
}

// broken names the place too when operands are what is not finite.
func (e *Explanation) broken() string {
	if e.Broke == "" || e.Exact.Finite() {
		return e.Broke
	}
	text := e.Broke
	if strings.HasPrefix(text, "same ") {
		text = "the product of the operands"
	}
	for _, b := range e.Blocks.All {
		if !b.Sum.Finite() {
			return fmt.Sprintf("%s, in k %d-%d", text, b.First, b.First+b.Len-1)
		}
	}
	return text
}

// check adds the parts up, and finds where the chain stops being finite.
func (e *Explanation) check() {
	total := Value{}
	for _, r := range e.Budget {
		total = total.plus(r.Part)
		if !r.After.Finite() && e.Broke == "" {
			e.Broke = r.Text
		}
	}
	e.Adds = total.Finite() && e.Err.Finite() && equal(total, e.Err)
}
