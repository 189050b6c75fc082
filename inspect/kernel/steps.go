package kernel

import (
	"fmt"

	"fp4tui/inspect"
	"fp4tui/inspect/layout"
)

// Step is one thing done to the weights on the way to a kernel. Rows and columns
// that it names are those of the codes.
type Step struct {
	Name     string // "pad N", "shuffle rows"
	Required string // "rows to ×128"

	codes, scales func(layout.Dims) (layout.Map, error) // nil: untouched
	layOut        bool                                  // rows and columns are none any more after it
	pads          bool                                  // it adds rows or columns that the kernel takes for weights
	encode        bool                                  // it re-encodes the scale bytes
	global        bool                                  // it changes the global scale
	unpacks       bool                                  // it puts the even element in the low nibble
}

// StepReport is what one step required and changed.
type StepReport struct {
	Name     string
	Required string
	Changed  string  // "1000→1024, 24 rows of zeros"
	None     bool    // nothing to do: the requirement was met
	Before   int64   // bytes of codes and scales
	After    int64   //
	Padded   float64 // elements that the step added over those before; 0 when it added none
}

// rule makes the map of a named layout.
func rule(name string, of layout.Operand) func(layout.Dims) (layout.Map, error) {
	return func(d layout.Dims) (layout.Map, error) {
		r, err := layout.Lookup(name, of)
		if err != nil {
			return layout.Map{}, err
		}
		return r.Make(d)
	}
}

// PadStep pads the rows to a multiple n and the columns to a multiple k; halves
// pads each half of the rows. A multiple below 2 leaves its side alone.
func PadStep(n, k, block int, halves bool) Step {
	s := Step{Name: "pad N", Required: fmt.Sprintf("rows to ×%d", n), pads: true}
	if halves {
		s.Required = fmt.Sprintf("rows of each half to ×%d", n)
	}
	switch {
	case n > 1 && k > 1:
		s.Name, s.Required = "pad", fmt.Sprintf("%s, K to ×%d", s.Required, k)
	case k > 1:
		s.Name, s.Required = "pad K", fmt.Sprintf("K/%d to ×%d", block, max(k/block, 1))
	}
	to := func(columns int) func(layout.Dims) (layout.Map, error) {
		return func(d layout.Dims) (layout.Map, error) {
			if k > 1 && k%block != 0 {
				return layout.Map{}, fault(inspect.ErrUnsupported, fmt.Sprintf("cannot pad K to ×%d", k), fmt.Sprintf("a row is blocks of %d", block),
					fmt.Sprintf("pad to ×%d", layout.Up(k, block)))
			}
			if halves {
				return layout.PadHalves(d, layout.Dims{Rows: n, Cols: columns})
			}
			return layout.Pad(d, layout.Dims{Rows: n, Cols: columns})
		}
	}
	s.codes, s.scales = to(k), to(k/block)
	return s
}

// RowStep reorders whole rows of codes and scales by a row layout: "shuffle128",
// "swap-halves", "interleave", "deinterleave", "group64", …
func RowStep(name string) Step {
	titles := map[string][2]string{
		"shuffle128":   {"shuffle rows", "tile 128: rows in 32s"},
		"shuffle64":    {"shuffle rows", "tile 64: rows in 16s"},
		"swap-halves":  {"swap halves", "[up; gate]"},
		"interleave":   {"interleave halves", "row by row"},
		"deinterleave": {"separate halves", "[gate; up]"},
		"group64":      {"interleave halves", "64 rows by 64"},
		"group32":      {"interleave halves", "32 rows by 32"},
	}
	s := Step{Name: name, Required: name, codes: rule(name, layout.Codes), scales: rule(name, layout.Scales)}
	if t, ok := titles[name]; ok {
		s.Name, s.Required = t[0], t[1]
	}
	return s
}

// CodeStep lays out the codes, ScaleStep the block scales.
func CodeStep(name string) Step {
	return Step{Name: "repack codes", Required: name, codes: rule(name, layout.Codes), layOut: true}
}

// ScaleStep lays out the block scales: "128x4", "8x4", "marlin", …
func ScaleStep(name string) Step {
	return Step{Name: "swizzle scales", Required: name, scales: rule(name, layout.Scales), layOut: true}
}

// steps are what a kernel does to a matrix, first to last.
func (k Kernel) steps(src *source) []Step {
	var list []Step
	n, kk := k.sides(src.gated)
	if src.highFirst {
		list = append(list, Step{Name: "swap nibbles", Required: "even k in the low nibble", unpacks: true})
	}
	if src.gated && src.interleaved {
		list = append(list, RowStep("deinterleave"))
	}
	if n.Pads && n.Multiple > 1 {
		list = append(list, PadStep(n.Multiple, 1, src.block, src.gated))
	}
	if kk.Pads && kk.Multiple > 1 {
		list = append(list, PadStep(1, kk.Multiple, src.block, false))
	}
	if src.gated && k.Gated != nil {
		for _, name := range k.Gated.Reorder {
			list = append(list, RowStep(name))
		}
	}
	if k.Rows != "" {
		list = append(list, RowStep(k.Rows))
	}
	if k.Codes != "" {
		list = append(list, CodeStep(k.Codes))
	}
	if k.Scales != "" {
		list = append(list, ScaleStep(k.Scales))
	}
	if k.Encode != Keep && src.format == nvfp4 {
		list = append(list, Step{Name: "re-encode scales", Required: k.Encode.String(), encode: true})
	}
	if k.Global == Biased && src.format == nvfp4 {
		list = append(list, Step{Name: "fold global", Required: "codes and scales below their exponent", global: true})
	}
	return list
}

// sides are the requirements on a plain or a gated matrix.
func (k Kernel) sides(gated bool) (n, kk Side) {
	if gated && k.Gated != nil {
		return k.Gated.N, k.Gated.K
	}
	return k.N, k.K
}

// Refuses says why a kernel does not take a matrix of n×k of a format; nil when it
// does. The *inspect.Fault of class ErrUnsupported names the rule that breaks and
// what would satisfy it.
func (k Kernel) Refuses(format string, block, n, kk int, gated bool) error {
	what := fmt.Sprintf("%s does not take %d×%d", k.Name, n, kk)
	if !k.Takes(format) {
		return fault(inspect.ErrUnsupported, fmt.Sprintf("%s does not take %s", k.Name, orNone(format)), "it reads "+joined(k.Formats), "try "+joined(kernelsFor(format, gated)))
	}
	if gated && k.Gated == nil {
		return fault(inspect.ErrUnsupported, what+" as gate and up", "it knows no stacked halves", "leave out gated, or try "+joined(kernelsFor(format, true)))
	}
	if kk%block != 0 {
		return fault(inspect.ErrUnsupported, what, fmt.Sprintf("K must be whole blocks of %d: %d = %d·%d + %d", block, kk, kk/block, block, kk%block),
			fmt.Sprintf("split K at multiples of %d", block))
	}
	if gated && n%2 != 0 {
		return fault(inspect.ErrUnsupported, what+" as gate and up", fmt.Sprintf("two halves need an even number of rows, %d is odd", n), "")
	}
	needN, needK := k.sides(gated)
	rows, side := n, "N"
	if gated {
		rows, side = n/2, "N of each half"
	}
	if err := k.breaks(what, side, rows, needN); err != nil {
		return err
	}
	return k.breaks(what, "K", kk, needK)
}

// breaks is the refusal of one side; nil when the size fits or is padded.
func (k Kernel) breaks(what, side string, size int, need Side) error {
	if need.Pads || need.Multiple < 2 || size%need.Multiple == 0 {
		return nil
	}
	why := fmt.Sprintf("%s must be a multiple of %d: %d mod %d = %d", side, need.Multiple, size, need.Multiple, size%need.Multiple)
	if k.Assert != "" {
		why += " (" + k.Assert + ")"
	}
	return fault(inspect.ErrUnsupported, what, why, fmt.Sprintf("pad %s to %d", side, layout.Up(size, need.Multiple)))
}

// kernelsFor lists the kernels that take a format.
func kernelsFor(format string, gated bool) (names []string) {
	for _, k := range Kernels() {
		if k.Takes(format) && (!gated || k.Gated != nil) {
			names = append(names, k.Name)
		}
	}
	return names
}

func joined(list []string) string {
	text := ""
	for i, s := range list {
		if i > 0 {
			text += ", "
		}
		text += s
	}
	return orNone(text)
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
