package text

import (
	"fmt"
	"strings"

	"fp4tui/exec"
	"fp4tui/inspect"
	"fp4tui/views/number"
)

func quantized(p *page, r exec.Quantized) {
	p.list(either(r.Handle, "quantized "+r.Subject), r.Format, labelled("recipe", r.Recipe), p.ran(r.By, r.Device), fmt.Sprintf("N %d", r.Rows), fmt.Sprintf("K %d", r.Cols),
		fmt.Sprintf("block %d", r.Block), p.opt.global(r.GlobalUse, r.Global))
	p.list("", "sqnr "+p.opt.num(r.SQNR)+" dB", "max_abs "+p.opt.num(r.MaxAbs)+" against the input")
	p.health(r.Health)
}

// ran says which kernel ran where: the device is of this machine alone.
func (p *page) ran(by, device string) string {
	if device == "" || p.opt.Portable {
		return by
	}
	return strings.TrimSpace(by + " on " + device)
}

func quantizedLine(o Options, r exec.Quantized) []string {
	return []string{fmt.Sprintf("%s %d×%d", r.Format, r.Rows, r.Cols), "sqnr " + o.num(r.SQNR) + " dB", r.Recipe}
}

func product(p *page, r exec.Product) {
	who := "backend " + by(r.Backend, r.Arch)
	if r.Backend == "ref" {
		who += ", dequantized reference"
	}
	if ran := p.ran(r.By, r.Device); ran != "" {
		who += ", " + ran
	}
	p.list(either(r.Handle, "product"), tensorShape(r.Out, r.Shape), who, expertOf(r.Expert, r.Experts), labelled("mode", r.Mode), activations(r),
		labelled("order", r.Order), labelled("epilogue", r.Epilogue), labelled("bias", r.Bias), p.opt.alpha(r))
	p.list("", "min "+p.opt.num(r.Min), "max "+p.opt.num(r.Max), counted("nan", r.NaN), counted("inf", r.Inf), counted("zero", r.Zero))
	p.proof(r.Proof)
	if r.Handle == "" {
		p.list("", fmt.Sprintf("x %s %s", r.X, inspect.ShapeString(r.XShape)), "w "+r.W, plural(r.MACs, "multiply-add"))
	}
	if r.Handle == "" || r.AlphaOf != "" {
		p.alphaOf(r.Alpha, r.AlphaMin, r.AlphaMax, r.Factors)
	}
	if r.Activations.Blocks > 0 {
		p.quantizing(r.Activations)
	}
	p.notes(r.Notes)
}

// proof says how many outputs are the same bits whatever the kernel's order.
func (p *page) proof(r *exec.Proof) {
	if r == nil {
		return
	}
	all := r.Exact + r.SameWord + r.Unproven
	text := fmt.Sprintf("proven %d of %d", all-r.Unproven, all)
	if r.SameWord > 0 && r.Exact > 0 {
		text += fmt.Sprintf(" (%d exact, %d the same word)", r.Exact, r.SameWord)
	}
	p.list("", text+": same bits in "+r.Claim)
}

// activations says how x was quantized, when it was.
func activations(r exec.Product) string {
	if r.Mode != "w4a4" {
		return ""
	}
	text := labelled("activations", r.Act)
	if per := r.Activations.Per; per != "" && per != "tensor" {
		text += " per " + per
	}
	return text
}

// alpha is the factor of the epilogue; 0 and 1 are none.
func (o Options) alpha(r exec.Product) string {
	text := "alpha " + o.num(r.Alpha)
	switch {
	case r.AlphaMin != 0 || r.AlphaMax != 0:
		text = fmt.Sprintf("alpha %s to %s by row", o.num(r.AlphaMin), o.num(r.AlphaMax))
	case r.Alpha == 0 || r.Alpha == 1:
		return ""
	}
	if r.AlphaOf == "fused-max" || r.AlphaOf == "fused-first" {
		text += " " + r.AlphaOf
	}
	return text
}

// by is who computed something: "emu sm100".
func by(backend, arch string) string {
	if arch == "" {
		return backend
	}
	return backend + " " + arch
}

// oddProduct names an output that is no product: zeros, what a kernel never wrote, NaN.
func oddProduct(r exec.Product) string {
	switch all := int64(inspect.Numel(r.Shape)); {
	case all > 0 && r.Zero == all:
		return "ALL ZEROS"
	case r.Unwritten > 0:
		return number.Count(r.Unwritten) + " UNWRITTEN"
	case r.NaN > 0:
		return number.Count(r.NaN) + " NaN"
	}
	return ""
}

func productLine(_ Options, r exec.Product) []string {
	return []string{tensorShape(r.Out, r.Shape), oddProduct(r), by(r.Backend, r.Arch), r.Mode, labelled("order", r.Order), labelled("epilogue", r.Epilogue),
		labelled("bias", r.Bias), labelled("alpha", r.AlphaOf)}
}
