// Package kernel says what each FP4 kernel does to the weights before it runs:
// which sizes it takes, who pads, which rows move, how the block scales are laid
// out and re-encoded, and where the global scale goes.
//
// A kernel is a row of one table (Kernels). Prepare runs the row's steps on a
// layer; the result reads back as the kernel would read it (Unpack), so a product
// through a prepared buffer is a test of the layout and not of its description.
// Plan says beforehand which slices of a layer a kernel takes, Identify which
// layout an unknown buffer is in, and Poison which padding a result depends on.
//
// Nothing here multiplies matrices.
package kernel

import (
	"fmt"
	"slices"
	"strings"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// Side is what a kernel requires of one side of a weight.
type Side struct {
	Multiple int  // 0 or 1: any size
	Pads     bool // the engine pads to the multiple; else its assert fires
}

// Gate is what a kernel does with the stacked gate and up halves of one matrix.
type Gate struct {
	N, K    Side     // N is that of each half
	Reorder []string // row layouts from [gate; up] on, first applied first; none: it takes [gate; up]
	Wants   string   // "[up; gate]"
}

// Kernel is one row of the table: a kernel as one engine feeds it.
type Kernel struct {
	Name    string // as written in for=: "trtllm", "trtllm.vllm"
	Engine  string // who prepares the weights so
	Doc     string
	Source  string     // where the rule is stated
	Formats []string   // "nvfp4", "mxfp4"
	Mode    layer.Mode // W4A4 kernels quantize their activations
	Arches  []string   // rows of the architecture table it runs on

	N, K   Side     // a plain matrix [N, K], K in elements
	Gated  *Gate    // a matrix of stacked halves; nil: it knows none
	Rows   string   // row layout of codes and scales alike; empty: rows stay
	Codes  string   // layout of the codes; empty: row-major
	Scales string   // layout of the block scales; empty: row-major
	Encode Encoding // what the scale bytes become
	Global Global   // where the global scale goes
	Bias   string   // layout of the bias; empty: in order
	Assert string   // the check that fires where a side is no multiple and nobody pads
}

// Takes reports whether the kernel reads a format: "nvfp4", "mxfp4".
func (k Kernel) Takes(format string) bool { return slices.Contains(k.Formats, format) }

// Needs writes what the kernel requires of N and K: "N,K ×32", "N×128 K×64",
// "N×128, no pad", "mxfp4 only".
func (k Kernel) Needs() string { return needs(k.N, k.K) }

func needs(n, k Side) string {
	text := ""
	switch a, b := max(n.Multiple, 1), max(k.Multiple, 1); {
	case a == 1 && b == 1:
		text = "any"
	case a == b:
		text = fmt.Sprintf("N,K ×%d", a)
	case b == 1:
		text = fmt.Sprintf("N×%d", a)
	case a == 1:
		text = fmt.Sprintf("K×%d", b)
	default:
		text = fmt.Sprintf("N×%d K×%d", a, b)
	}
	if n.Multiple > 1 && !n.Pads {
		text += ", no pad"
	}
	return text
}

// Activations says what happens to x before the product.
func (k Kernel) Activations() string {
	if k.Mode == layer.W4A4 {
		return "quantized, then zero codes and zero scales up to the padded K"
	}
	return "16 bits, zeros up to the padded K"
}

// Output says what happens to y.
func (k Kernel) Output() string { return "the columns of padded rows are dropped" }

// Lookup finds a kernel by name. The error is a *inspect.Fault of class
// ErrUnsupported that names what comes close.
func Lookup(name string) (Kernel, error) {
	var names, near []string
	for _, k := range Kernels() {
		if k.Name == name {
			return k, nil
		}
		names = append(names, k.Name)
		if distance(name, k.Name) <= 2 || name != "" && strings.Contains(k.Name, name) || strings.HasPrefix(name, k.Name) {
			near = append(near, k.Name)
		}
	}
	f := fault(inspect.ErrUnsupported, fmt.Sprintf("no kernel %q", name), "there are "+strings.Join(names, ", "), "")
	if len(near) > 0 {
		f.Cure = "did you mean " + strings.Join(near, ", ")
	}
	return Kernel{}, f
}

// Names lists the kernels in table order.
func Names() []string {
	var names []string
	for _, k := range Kernels() {
		names = append(names, k.Name)
	}
	return names
}

// distance is the number of single-letter edits between two names.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, diagonal+1, row[j]+1)
		}
	}
	return row[len(b)]
}

// FormatOf names the format of a matrix by its block size and scale type; empty
// when it is neither NVFP4 nor MXFP4.
func FormatOf(b *fp4.Blocks) string {
	switch {
	case b.Block == 16 && b.ScaleType != fp4.E8M0:
		return "nvfp4"
	case b.Block == 32 && b.ScaleType == fp4.E8M0:
		return "mxfp4"
	}
	return ""
}

// fault is a refusal; it has no place in a file.
func fault(class error, what, why, cure string) *inspect.Fault {
	return &inspect.Fault{Class: class, Offset: -1, What: what, Why: why, Cure: cure}
}
