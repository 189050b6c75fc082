// Package lint checks a whole checkpoint for what makes FP4 layers go wrong in an
// engine: damaged files, scales that are missing, zero, infinite or NaN, scales that no
// calibration produces, modules that will be fused and disagree.
//
// It reads headers, scalars and block scales, one layer's scales at a time; of the codes it
// reads only blocks whose scale is NaN, to say whether anything is lost. What it can't see is
// layout: swizzled scales or swapped nibbles have the same statistics as sound ones.
package lint

import (
	"cmp"
	"slices"

	"fp4tui/inspect"
)

// Severity is how bad a finding is.
type Severity uint8

// The severities. An Error makes `fp4tui lint` exit 1.
const (
	Error   Severity = iota // an engine will compute garbage, NaN, or refuse the file
	Warning                 // an engine may, depending on how it fuses or decodes
	Info                    // good to know
)

// String is the word of the command line: "error", "warn", "info".
func (s Severity) String() string {
	return [...]string{Error: "error", Warning: "warn", Info: "info"}[s]
}

// Finding is one violation, or many of the same kind in one tensor. Names and texts may
// hold untrusted text: see inspect.Printable.
type Finding struct {
	Severity Severity
	Rule     string // a name of Rules
	Layer    string // module path, or "PARENT LABEL" of a fused group; empty for the file or the whole checkpoint
	Tensor   string // empty when it isn't about one
	File     string // path; empty when it isn't about one
	Offset   int64  // of the first byte concerned in File; -1 when unknown

	// Coordinates are the first few [row, block] of the block scales concerned, in order;
	// in a layer of experts the row is expert·N + n. Empty when it isn't about block scales.
	Coordinates [][2]int
	Count       int64 // how many: scales, tensors, layers, members of a group

	What, Effect, Why, Cure string // Effect and Why may be empty
	Seen                    string // public issues of the same fault: "vllm 45212, 45320"
}

// Checked says what was looked at.
type Checked struct {
	Files, Tensors, Layers int
	Scales                 int64 // block scales read
}

// Report is the result of Check. Findings are ordered by severity, rule, layer, tensor, offset.
type Report struct {
	Findings []Finding
	Checked  Checked
}

// Count is the number of findings of a severity.
func (r *Report) Count(s Severity) int {
	n := 0
	for i := range r.Findings {
		if r.Findings[i].Severity == s {
			n++
		}
	}
	return n
}

// Of returns the findings about one layer, in order.
func (r *Report) Of(layer string) []Finding {
	var out []Finding
	for _, f := range r.Findings {
		if f.Layer == layer {
			out = append(out, f)
		}
	}
	return out
}

func (r *Report) sort() {
	slices.SortStableFunc(r.Findings, func(a, b Finding) int {
		return cmp.Or(
			cmp.Compare(a.Severity, b.Severity),
			cmp.Compare(a.Rule, b.Rule),
			cmp.Compare(a.Layer, b.Layer),
			cmp.Compare(a.Tensor, b.Tensor),
			cmp.Compare(a.File, b.File),
			cmp.Compare(a.Offset, b.Offset),
		)
	})
}

// classes name the rules of faults by their class: "file-missing", "layer-mismatch".
// What we merely don't handle is no error of the file.
var classes = []struct {
	class    error
	name     string
	severity Severity
}{
	{inspect.ErrMalformed, "malformed", Error},
	{inspect.ErrMissing, "missing", Error},
	{inspect.ErrMismatch, "mismatch", Error},
	{inspect.ErrUnreadable, "unreadable", Error},
	{inspect.ErrUnsupported, "unsupported", Warning},
}
