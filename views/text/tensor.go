package text

import (
	"fmt"
	"strings"

	"fp4tui/exec"
	"fp4tui/inspect"
	"fp4tui/views/number"
)

func tensorInfo(p *page, r exec.TensorInfo) {
	p.list(either(r.Handle, either(r.Name, "tensor")), tensorShape(r.DType, r.Shape), "min "+p.opt.num(r.Min), "max "+p.opt.num(r.Max),
		"mean "+p.opt.num(r.Mean), counted("nan", r.NaN), counted("inf", r.Inf))
	if r.Rounded {
		p.say("rounded: its type holds values that float32 does not")
	}
	if r.Handle != "" {
		return
	}
	if r.Source != "" && r.Source != r.Name {
		p.say("from %s", r.Source)
	}
	if r.File != "" {
		p.list("file "+r.File, "offset "+number.Offset(r.Offset))
	}
}

func tensorInfoLine(_ Options, r exec.TensorInfo) []string {
	parts := []string{tensorShape(r.DType, r.Shape)}
	if r.NaN > 0 {
		parts = append(parts, number.Count(r.NaN)+" NaN")
	}
	if r.Inf > 0 {
		parts = append(parts, number.Count(r.Inf)+" inf")
	}
	return append(parts, r.Source)
}

// tensorShape is "bf16 128×384".
func tensorShape(dtype string, shape []int) string {
	return strings.TrimSpace(fmt.Sprintf("%s %s", dtype, inspect.ShapeString(shape)))
}
