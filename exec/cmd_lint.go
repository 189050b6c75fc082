package exec

import (
	"fp4tui/exec/language"
	"fp4tui/inspect"
	"fp4tui/inspect/lint"
)

// LintCmd checks a whole checkpoint.
type LintCmd struct {
	C *language.Ref `arg:"C,optional" kind:"checkpoint" window:"none" doc:"a checkpoint; the only one open when not said"`
}

var lintSpec = language.Spec{
	Verb: "lint", Group: "look",
	Summary:  "check a whole checkpoint: index, scalars, NaN scales, block sizes, fused shards …",
	Examples: []string{"lint c"},
	New:      func() any { return new(LintCmd) },
}

// maxFindings bounds a lint report; the counts are of all.
const maxFindings = 200

func (cmd *LintCmd) run(c *call) (Result, error) {
	ck, err := c.oneCheckpoint(cmd.C)
	if err != nil {
		return nil, err
	}
	report, err := lint.Check(c.ctx, ck.ckpt, ck.layers, ck.faults[len(ck.ckpt.Faults):], c.progress)
	if err != nil {
		return nil, err
	}
	r := LintReport{Path: ck.path, Layers: report.Checked.Layers, Tensors: report.Checked.Tensors, Scales: report.Checked.Scales, Findings: []Finding{}}
	for i, f := range report.Findings {
		switch f.Severity {
		case lint.Error:
			r.Errors++
		case lint.Warning:
			r.Warnings++
		default:
			r.Infos++
		}
		if i < maxFindings {
			r.Findings = append(r.Findings, ck.finding(f))
		}
	}
	return r, nil
}

// finding is a finding of lint with its file as the checkpoint's path was typed.
func (n named) finding(f lint.Finding) Finding {
	return Finding{
		Severity: f.Severity.String(), Rule: f.Rule, Layer: inspect.Printable(f.Layer), Tensor: inspect.Printable(f.Tensor), File: n.shown(f.File), At: f.Coordinates,
		Count: f.Count, What: inspect.Printable(f.What), Effect: f.Effect, Why: inspect.Printable(f.Why), Cure: inspect.Printable(f.Cure), Seen: f.Seen,
	}
}
