package layout

import (
	"fmt"

	"fp4tui/inspect"
)

// Up is n rounded up to a multiple; multiples below 2 leave it as it is.
func Up(n, multiple int) int {
	if multiple < 2 {
		return n
	}
	return (n + multiple - 1) / multiple * multiple
}

// Up is d with each side rounded up to its multiple.
func (d Dims) Up(multiple Dims) Dims {
	return Dims{Up(d.Rows, multiple.Rows), Up(d.Cols, multiple.Cols)}
}

// Pad appends rows and columns until both are multiples. A multiple below 2 leaves
// its side alone.
func Pad(d, multiple Dims) (Map, error) { return PadTo(d, d.Up(multiple)) }

// PadTo appends rows and columns up to a size. Errors are *inspect.Fault: a size
// that is no matrix, or one smaller than d.
func PadTo(d, to Dims) (Map, error) {
	if err := d.check(); err != nil {
		return Map{}, err
	}
	if err := to.check(); err != nil {
		return Map{}, err
	}
	if to.Rows < d.Rows || to.Cols < d.Cols {
		return Map{}, fault(inspect.ErrUnsupported, "padding cannot shrink a matrix", fmt.Sprintf("%v does not fit into %v", d, to), "")
	}
	return single(d, to, []digit{
		{axis: colAxis, unit: 1, size: d.Cols, stride: 1, last: true},
		{axis: rowAxis, unit: 1, size: d.Rows, stride: to.Cols, last: true},
	}), nil
}

// PadHalves pads each half of the rows to a multiple, as fused gate and up
// projections need it: padding at the tail would move the up half against its
// scales and its output columns. Columns are padded as by Pad.
func PadHalves(d, multiple Dims) (Map, error) {
	if err := d.check(); err != nil {
		return Map{}, err
	}
	if d.Rows%2 != 0 {
		return Map{}, unfit("gate and up halves", d, Dims{2, 1})
	}
	half := d.Rows / 2
	to := Dims{2 * Up(half, multiple.Rows), Up(d.Cols, multiple.Cols)}
	if err := to.check(); err != nil {
		return Map{}, err
	}
	return single(d, to, []digit{
		{axis: colAxis, unit: 1, size: d.Cols, stride: 1, last: true},
		{axis: rowAxis, unit: 1, size: half, stride: to.Cols},
		{axis: rowAxis, unit: half, size: 2, stride: to.Len() / 2, last: true},
	}), nil
}

func single(in, out Dims, digits []digit) Map {
	return Map{In: in, Out: out, stages: []stage{{in: in, out: out, digits: digits}}}
}

// unfit says which side of d is not the multiple that a rule needs, and what would do.
func unfit(rule string, d, need Dims) error {
	side, have, multiple := "rows", d.Rows, need.Rows
	if d.Rows%max(need.Rows, 1) == 0 {
		side, have, multiple = "columns", d.Cols, need.Cols
	}
	return fault(inspect.ErrUnsupported, fmt.Sprintf("%s does not take %v", rule, d),
		fmt.Sprintf("%s must be a multiple of %d: %d is not", side, multiple, have),
		fmt.Sprintf("pad to %d", Up(have, multiple)))
}

// fits reports whether both sides of d are multiples.
func (d Dims) fits(need Dims) bool {
	return d.Rows%max(need.Rows, 1) == 0 && d.Cols%max(need.Cols, 1) == 0
}
