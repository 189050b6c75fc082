package text

import (
	"fmt"
	"slices"
	"strings"

	"fp4tui/exec"
	"fp4tui/inspect"
	"fp4tui/views/number"
)

// backends writes how far each two products are apart: as a matrix, then in words, proven
// mismatches first; then who computed what, and last what did not run.
func backends(p *page, r exec.Backends) {
	if p.opt.Portable {
		p.portableBackends(r)
		return
	}
	p.list(either(r.Handle, "backends"), tensorShape(r.Out, r.Shape), modeOf(r.Mode, r.Act), "x "+r.X, "w "+r.W)
	m := matrixOf(r)
	p.matrix(m)
	for _, pair := range r.Pairs {
		if pair.ProvenMismatch > 0 {
			p.pair(pair)
		}
	}
	for _, g := range absent(r.Rows, "failed") {
		p.say("%s", g.text)
	}
	again := p.alike(m)
	for _, pair := range r.Pairs {
		says := pair.Mismatched != 0 && (pair.Certified || !again[pair.Got] && !again[pair.Want])
		if says && pair.ProvenMismatch <= 0 {
			p.pair(pair)
		}
	}
	p.proof(r.Proof)
	for _, row := range r.Rows {
		if row.Status == "ran" {
			p.contender(row, r.Shape)
		}
	}
	for _, g := range absent(r.Rows, "absent") {
		p.say("%s", g.text)
	}
}

// portableBackends writes what is the same on every machine: what a notebook keeps, whose
// recorded lines these are.
func (p *page) portableBackends(r exec.Backends) {
	p.list(either(r.Handle, "backends"), tensorShape(r.Out, r.Shape), modeOf(r.Mode, r.Act), "x "+r.X, "w "+r.W)
	for _, row := range r.Rows {
		if row.Status == "ran" && row.Portable() {
			p.within(func() { p.contender(row, r.Shape) })
		}
	}
	for _, g := range absent(r.Rows, "failed", "absent") {
		if g.portable {
			p.within(func() { p.say("%s", g.text) })
		}
	}
	p.proof(r.Proof)
	for _, pair := range r.Pairs {
		if pair.Portable() {
			p.pair(pair)
		}
	}
	p.say("other backends are compared where they are ready, and not kept here")
}

// pair writes how far two products are apart.
func (p *page) pair(pair exec.BackendPair) {
	p.list(pair.Got+" - "+pair.Want, provenApart(pair.Apart), "max_abs "+p.opt.num(pair.MaxAbs), "rel_l2 "+p.opt.num(pair.RelL2),
		fmt.Sprintf("mismatched %s of %s", number.Count(pair.Mismatched), number.Count(pair.Elements)))
}

// modeOf is "mode w4a4, activations dynamic"; only w4a4 quantizes activations.
func modeOf(mode, act string) string {
	if mode != "w4a4" {
		return labelled("mode", mode)
	}
	return labelled("mode", mode) + ", activations " + act
}

// why is a reason that several backends share.
type why struct {
	text     string
	portable bool
}

// absent groups the backends of each status, of those that made no product, by their reason.
func absent(rows []exec.BackendRow, statuses ...string) []why {
	var out []why
	for _, status := range statuses {
		var names [][]string
		var first []exec.BackendRow
		for _, row := range rows {
			if row.Status != status {
				continue
			}
			i := slices.IndexFunc(first, func(f exec.BackendRow) bool { return f.Why == row.Why && f.Cure == row.Cure })
			if i < 0 {
				i, first, names = len(first), append(first, row), append(names, nil)
			}
			names[i] = append(names[i], row.Name)
		}
		for i, f := range first {
			text := families(names[i]) + ": " + map[string]string{"failed": "FAILED, ", "absent": "not here, "}[status] + f.Why
			if f.Cure != "" {
				text += "; " + f.Cure
			}
			out = append(out, why{text, f.Portable()})
		}
	}
	return out
}

// families joins names of backends; three and more of one kind are that kind: "cuda (6)".
func families(names []string) string {
	of := func(backend string) string { kind, _, _ := strings.Cut(backend, ":"); return kind }
	count := map[string]int{}
	for _, n := range names {
		count[of(n)]++
	}
	var out []string
	for _, n := range names {
		if many := count[of(n)]; many > 2 {
			n = fmt.Sprintf("%s (%d)", of(n), many)
		}
		if !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return strings.Join(out, ", ")
}

// contender is what one backend returned.
func (p *page) contender(row exec.BackendRow, shape []int) {
	all := int64(inspect.Numel(shape))
	odd := ""
	switch {
	case row.Unwritten == all && all > 0:
		odd = "UNWRITTEN: not one output was written"
	case row.Unwritten > 0:
		odd = fmt.Sprintf("UNWRITTEN: %s of %s outputs still hold the guard", number.Count(row.Unwritten), number.Count(all))
	case row.Zero == all && all > 0:
		odd = "ALL ZEROS"
	case row.NaN == all && all > 0:
		odd = "ALL NaN"
	}
	by := strings.TrimSpace(strings.TrimPrefix(row.By, row.Name))
	by = p.ran(strings.TrimSuffix(strings.TrimPrefix(by, "("), ")"), row.Device)
	p.list(row.Name, odd, by, counted("nan", row.NaN), counted("inf", row.Inf), counted("zero", row.Zero))
}

// provenApart says what a certificate says of two products; empty where it says nothing.
func provenApart(a exec.Apart) string {
	switch {
	case a.ProvenMismatch > 0:
		return fmt.Sprintf("BUG: %s of %s proven outputs differ", number.Count(a.ProvenMismatch), number.Count(a.Proven))
	case a.Certified:
		return "all " + number.Count(a.Proven) + " proven outputs agree"
	}
	return ""
}

func backendsLine(o Options, r exec.Backends) []string {
	m := matrixOf(r)
	worst, proven, odd := exec.Float(0), int64(0), ""
	for i, row := range m.rows {
		if odd == "" && m.odd[i] != "" {
			odd = row.Name + " " + m.odd[i]
		}
	}
	for _, p := range r.Pairs {
		worst, proven = max(worst, p.MaxAbs), max(proven, p.ProvenMismatch)
	}
	bug := ""
	if proven > 0 {
		bug = "BUG: proven outputs differ"
	}
	return []string{bug, odd, plural(len(m.rows), "backend"), "max_abs " + o.num(worst)}
}

// compared writes how two backends differ.
func compared(p *page, r exec.Compared) {
	on := ""
	if r.Device != "" && !p.opt.Portable {
		on = "compared on " + r.Device
	}
	p.list(either(r.Handle, "comparison"), fmt.Sprintf("%s %d×%d", r.Out, r.M, r.N), r.Kernels[0]+" - "+r.Kernels[1], on, modeOf(r.Mode, r.Act), labelled("arch", r.Arch))
	p.list("", "words differ in "+part(r.Differ, r.Outputs), "max_abs "+p.opt.num(r.MaxAbs)+p.opt.cellAt(r), "rmse "+p.opt.num(r.RMSE), "rel_l2 "+p.opt.num(r.RelL2), counted("nan", r.NaN))
	if r.Differ > 0 {
		p.say("they are in %s of %d×%d outputs", plural(int64(r.Cells), "cell"), r.Step, r.Step)
	}
	p.list("", either(provenApart(r.Apart), "no certificate speaks of both, proven_mismatch is nan"))
	if r.Handle == "" {
		p.list("", "x "+r.X, "w "+r.W, r.Backend+" against "+r.Against)
	}
	p.notes(r.Notes)
}

// cellAt names the cell of the largest error.
func (o Options) cellAt(r exec.Compared) string {
	if !(r.MaxAbs > 0) {
		return ""
	}
	return fmt.Sprintf(" in [%d:%d,%d:%d]", r.At[0], min(r.At[0]+r.Step, r.M), r.At[1], min(r.At[1]+r.Step, r.N))
}

func comparedLine(o Options, r exec.Compared) []string {
	bug := ""
	if r.ProvenMismatch > 0 {
		bug = "BUG: proven outputs differ"
	}
	return []string{bug, "words differ " + part(r.Differ, r.Outputs), "max " + o.num(r.MaxAbs) + o.cellAt(r), r.Kernels[0] + " - " + r.Kernels[1]}
}
