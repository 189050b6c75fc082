package text

import (
	"fmt"

	"fp4tui/exec"
	"fp4tui/inspect"
	"fp4tui/views/number"
)

func quantized(p *page, r exec.Quantized) {
	p.list(either(r.Handle, "quantized "+r.Subject), r.Format, labelled("recipe", r.Recipe), fmt.Sprintf("N %d", r.Rows), fmt.Sprintf("K %d", r.Cols),
		fmt.Sprintf("block %d", r.Block), p.opt.global(r.GlobalUse, r.Global))
	p.list("", "sqnr "+p.opt.num(r.SQNR)+" dB", "max_abs "+p.opt.num(r.MaxAbs)+" against the input")
	p.health(r.Health)
}

func quantizedLine(o Options, r exec.Quantized) []string {
	return []string{fmt.Sprintf("%s %d×%d", r.Format, r.Rows, r.Cols), "sqnr " + o.num(r.SQNR) + " dB", r.Recipe}
}

func product(p *page, r exec.Product) {
	who := "backend " + by(r.Backend, r.Arch)
	if r.Backend == "ref" {
		who += ", dequantized reference"
	}
	p.list(either(r.Handle, "product"), tensorShape(r.Out, r.Shape), who, expertOf(r.Expert, r.Experts), labelled("mode", r.Mode), activations(r), p.opt.alpha(r))
	p.list("", "min "+p.opt.num(r.Min), "max "+p.opt.num(r.Max), counted("nan", r.NaN), counted("inf", r.Inf), counted("zero", r.Zero))
	if r.Handle == "" {
		p.list("", fmt.Sprintf("x %s %s", r.X, inspect.ShapeString(r.XShape)), "w "+r.W, plural(r.MACs, "multiply-add"))
	}
	p.notes(r.Notes)
}

// activations says how x was quantized, when it was.
func activations(r exec.Product) string {
	if r.Mode != "w4a4" {
		return ""
	}
	return labelled("activations", r.Act)
}

// alpha is the factor of the epilogue; 0 and 1 are none.
func (o Options) alpha(r exec.Product) string {
	if r.Alpha == 0 || r.Alpha == 1 {
		return ""
	}
	return "alpha " + o.num(r.Alpha)
}

// by is who computed something: "emu sm100".
func by(backend, arch string) string {
	if arch == "" {
		return backend
	}
	return backend + " " + arch
}

func productLine(_ Options, r exec.Product) []string {
	nan := ""
	if r.NaN > 0 {
		nan = number.Count(r.NaN) + " NaN"
	}
	return []string{tensorShape(r.Out, r.Shape), nan, by(r.Backend, r.Arch), r.Mode}
}
