package exec

import (
	"fmt"
	"slices"
	"strings"

	"fp4tui/inspect"
	"fp4tui/inspect/kernel"
)

// unfit is the error of an output that has not the shape it should have. Name is the
// output's, want the leading dimensions of x and N. Shapes that known mistakes leave behind are
// called by their cause. The error is an *inspect.Fault of class ErrShape.
func unfit(name string, got, want []int, why string) error {
	f := &inspect.Fault{Class: ErrShape, Offset: -1, What: ErrShape.Error(), Why: why}
	if len(got) == 0 || len(want) == 0 {
		return f
	}
	n, real := got[len(got)-1], want[len(want)-1]
	rows, lead := inspect.Numel(got[:len(got)-1]), want[:len(want)-1]
	switch {
	case n > real && paddingOf(real, n) > 0:
		f.Why += fmt.Sprintf("; %d is N %d padded to ×%d: the output was not sliced", n, real, paddingOf(real, n))
		f.Cure = fmt.Sprintf("%s[%s0:%d] leaves the padded columns out", name, strings.Repeat(":,", len(got)-1), real)
	case n == real && len(lead) > 1 && rows == lead[0]:
		f.Why += fmt.Sprintf("; %d is x.shape[0]: x has %d dimensions and was taken for 2-D", rows, len(want))
		f.Cure = "the output of this x has the shape " + inspect.ShapeString(want) + ": fold the leading dimensions of x before the kernel and unfold them after it"
	case n == real && len(lead) > 1 && slices.Contains(lead, rows):
		f.Why += fmt.Sprintf("; %d is one of the leading dimensions of x, %s: x was taken for 2-D", rows, inspect.ShapeString(lead))
		f.Cure = "the output of this x has the shape " + inspect.ShapeString(want)
	}
	return f
}

// paddingOf is the first of the kernels' tiles that pads n to size; 0 when none does.
func paddingOf(n, size int) int {
	for _, tile := range kernel.Tiles() {
		if (n+tile-1)/tile*tile == size {
			return tile
		}
	}
	return 0
}

// outputShape is that of a product of x with n weight rows.
func outputShape(x []int, n int) []int { return append(slices.Clone(x[:max(len(x)-1, 0)]), n) }
