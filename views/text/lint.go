package text

import (
	"fmt"
	"strings"

	"fp4tui/exec"
	"fp4tui/views/number"
)

func lintReport(p *page, r exec.LintReport) {
	p.list(either(r.Path, "checkpoint"), plural(r.Layers, "layer"), plural(r.Tensors, "tensor"), plural(r.Scales, "block scale"))
	p.list("lint", plural(r.Errors, "error"), plural(r.Warnings, "warning"), plural(r.Infos, "info"))
	p.findings(r.Findings)
	if more := r.Errors + r.Warnings + r.Infos - len(r.Findings); more > 0 {
		p.say("and %s more", number.Count(int64(more)))
	}
}

func lintReportLine(_ Options, r exec.LintReport) []string {
	parts := []string{fmt.Sprintf("%d BAD", r.Errors), fmt.Sprintf("%d warn", r.Warnings), fmt.Sprintf("%d info", r.Infos)}
	if r.Errors > 0 {
		parts = append(parts, "exit 1 in CI")
	}
	return parts
}

// severities are the groups of findings, worst first; others follow as they come.
var severities = []string{"error", "warn", "info"}

// findings writes broken rules, worst first. What a finding says in the same words as
// the one before it is not said again.
func (p *page) findings(findings []exec.Finding) {
	var before exec.Finding
	write := func(f exec.Finding) {
		p.finding(f, before)
		before = f
	}
	for _, severity := range severities {
		for _, f := range findings {
			if f.Severity == severity {
				write(f)
			}
		}
	}
	for _, f := range findings {
		if !strings.Contains(" error warn info ", " "+f.Severity+" ") || f.Severity == "" {
			write(f)
		}
	}
}

func (p *page) finding(f, before exec.Finding) {
	at := make([]string, 0, len(f.At))
	for _, c := range f.At {
		at = append(at, fmt.Sprintf("[%d,%d]", c[0], c[1]))
	}
	p.list(strings.TrimSpace(level(f.Severity)+" "+f.Rule), f.Layer, labelled("tensor", f.Tensor), labelled("file", fileOf(f)), labelled("at", strings.Join(at, " ")), counted("count", f.Count))
	p.within(func() {
		p.details([]detail{{"what", unsaid(f, before, f.What, before.What)}, {"effect", unsaid(f, before, f.Effect, before.Effect)},
			{"why", unsaid(f, before, f.Why, before.Why)}, {"cure", unsaid(f, before, f.Cure, before.Cure)}, {"seen", unsaid(f, before, f.Seen, before.Seen)}})
	})
}

// fileOf is the file of a finding that is about one; elsewhere the tensor tells which.
func fileOf(f exec.Finding) string {
	if strings.HasPrefix(f.Rule, "file-") || f.Tensor == "" {
		return f.File
	}
	return ""
}

// unsaid is a text, or nothing when the finding of the same rule before has said it.
func unsaid(f, before exec.Finding, text, said string) string {
	if f.Rule == before.Rule && text == said {
		return ""
	}
	return text
}
