package notebook

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"fp4tui/exec/language"
)

// Runner parses and runs commands; a session is one.
type Runner interface {
	// Check parses every command and checks its names, in order, as one program. It
	// runs nothing. Errors carry the place of their source.
	Check(sources []language.Source) []*language.Error
	// Run carries out one command that Check accepted.
	Run(ctx context.Context, source language.Source) (Ran, error)
}

// Ran is what one command did. It comes with an error too: a failed expect has both.
type Ran struct {
	Text    string // output as in a notebook, not yet cut
	Command string // canonical form
	Checks  int    // 1 for an expect
	Quit    bool   // the session is over: nothing after it runs
	Failure string // the error in lines, with its hint; "" when Text says it, as that of a failed expect
}

// Class is what an error of a Runner means for the exit code.
type Class uint8

// The classes of error.
const (
	EnvironmentError Class = iota // exit 3
	CheckFailed                   // exit 1: an expect does not hold
	UsageError                    // exit 2: a mistake that only showed while running
	Interrupted                   // exit 130
)

// Options steer a replay. The zero value replays everything on the notebook's backend.
type Options struct {
	Backend   string                                                 // overrides the front matter
	Filter    string                                                 // glob of cell ids: the only ones checked; those before them run unchecked
	KeepGoing bool                                                   // go on in the file after an ERROR
	Timeout   time.Duration                                          // of a cell that has none of its own; 0: none
	Access    Access                                                 // where inputs are looked for
	Classify  func(error) Class                                      // nil: all are the environment's
	Has       func(requirement string) (ok bool, why string)         // nil: only file: is known
	Hash      func(ctx context.Context, path string) (string, error) // nil: HashPath
	Now       func() time.Time                                       // nil: no elapsed times
}

// DefaultBackend computes where neither the options nor the front matter name one.
const DefaultBackend = "emu"

// BackendOf is the backend that a replay computes with.
func (d *Document) BackendOf(override string) string {
	for _, b := range []string{override, d.Front.Backend} {
		if b != "" {
			return b
		}
	}
	return DefaultBackend
}

// Replay runs a notebook. Nothing runs when the file has a mistake (errs are those of
// Parse), when a requirement is unmet or when an input is not the one named. A check
// that fails does not stop the rest; an error does, unless KeepGoing.
func Replay(ctx context.Context, d *Document, errs []*language.Error, opt Options, run Runner) Report {
	r := &replay{doc: d, opt: opt, run: run, report: Report{File: d.File, Backend: d.BackendOf(opt.Backend), Usage: errs}}
	start := r.now()
	r.all(ctx)
	r.report.Elapsed = r.now().Sub(start)
	return r.report
}

type replay struct {
	doc    *Document
	opt    Options
	run    Runner
	report Report
	skip   map[int]string // cells that do not run, and why
	last   int            // index of the last cell that matters
	quit   int            // line of the quit that ran; 0: none
}

func (r *replay) now() time.Time {
	if r.opt.Now == nil {
		return time.Time{}
	}
	return r.opt.Now()
}

func (r *replay) all(ctx context.Context) {
	if r.report.Usage != nil || !r.filter() {
		return
	}
	if why := r.unmet(r.doc.Front.Requires); why != "" {
		// Checked all the same: a typing error must not hide behind a skip.
		r.report.Usage = r.run.Check(r.sources(nil))
		r.report.Skip = why
		return
	}
	if r.report.Usage = r.plan(); r.report.Usage != nil {
		return
	}
	if !r.inputs(ctx) {
		return
	}
	stopped := ""
	for i, c := range r.doc.Cells[:r.last+1] {
		why, skip := r.skip[i]
		if stopped != "" {
			why, skip = stopped, true
		}
		res := CellResult{Cell: i, Out: -1, Line: c.First, ID: c.ID, Command: r.firstCommand(c), tol: c.Tol}
		if skip {
			res.Status, res.Reason = Skipped, why
		} else {
			r.cell(ctx, c, &res)
		}
		r.report.Cells = append(r.report.Cells, res)
		if r.report.Interrupted {
			return
		}
		if r.quit > 0 && stopped == "" {
			stopped = fmt.Sprintf("not run: line %d quits", r.quit)
		}
		if res.Status == Errored && stopped == "" && !r.opt.KeepGoing {
			stopped = fmt.Sprintf("not run: line %d failed", res.Line)
		}
	}
}

// filter finds the last cell that the filter names; without a filter it is the last.
func (r *replay) filter() bool {
	r.last = len(r.doc.Cells) - 1
	if r.opt.Filter == "" {
		return true
	}
	if _, err := path.Match(r.opt.Filter, ""); err != nil {
		r.usage(fmt.Sprintf("filter %q is not a glob", r.opt.Filter), "")
		return false
	}
	for ; r.last >= 0; r.last-- {
		if r.checked(r.doc.Cells[r.last]) {
			return true
		}
	}
	var ids []string
	for _, c := range r.doc.Cells {
		if c.ID != "" {
			ids = append(ids, c.ID)
		}
	}
	hint := "no cell has an id"
	if ids != nil {
		hint = "ids: " + strings.Join(ids, ", ")
	}
	r.usage(fmt.Sprintf("no cell matches the filter %q", r.opt.Filter), hint)
	return false
}

func (r *replay) usage(msg, hint string) {
	r.report.Usage = append(r.report.Usage, &language.Error{File: r.doc.File, Line: 1, Col: 1, Msg: msg, Hint: hint})
}

func (r *replay) checked(c Cell) bool {
	if r.opt.Filter == "" {
		return true
	}
	ok, err := path.Match(r.opt.Filter, c.ID)
	return ok && err == nil && c.ID != ""
}

// unmet is the first requirement that is not met, with the reason.
func (r *replay) unmet(requires []string) string {
	for _, q := range requires {
		ok, why := false, "unknown requirement"
		if name, is := strings.CutPrefix(q, "file:"); is {
			ok, why = r.hasFile(name)
		} else if r.opt.Has != nil {
			ok, why = r.opt.Has(q)
		}
		if !ok {
			return strings.TrimSuffix("requires "+q+": "+why, ": ")
		}
	}
	return ""
}

func (r *replay) hasFile(name string) (bool, string) {
	p, err := r.access().Read(name)
	if err != nil {
		return false, err.Error()
	}
	if _, err := os.Stat(p); err != nil {
		return false, "the file is not here"
	}
	return true, ""
}

func (r *replay) access() Access {
	a := r.opt.Access
	a.Inputs = r.doc.Front.Inputs
	return a
}

// sources lists the commands of all cells but those skipped.
func (r *replay) sources(skip map[int]string) []language.Source {
	var out []language.Source
	for i, c := range r.doc.Cells {
		if _, skipped := skip[i]; !skipped {
			out = append(out, r.doc.Commands(c)...)
		}
	}
	return out
}

// plan checks the whole file, then once more without the cells whose requirements are
// unmet: what then lacks a name depends on a skipped cell and is skipped too.
func (r *replay) plan() []*language.Error {
	if errs := r.run.Check(r.sources(nil)); len(errs) > 0 {
		return errs
	}
	r.skip = map[int]string{}
	for i, c := range r.doc.Cells {
		if why := r.unmet(c.Requires); why != "" {
			r.skip[i] = why
		}
	}
	for n := len(r.skip); n > 0; {
		for _, e := range r.run.Check(r.sources(r.skip)) {
			if i := r.cellAt(e.Line); i >= 0 && r.skip[i] == "" {
				r.skip[i] = "needs a skipped cell: " + e.Msg
			}
		}
		if len(r.skip) == n {
			break
		}
		n = len(r.skip)
	}
	return nil
}

func (r *replay) cellAt(line int) int {
	for i, c := range slices.Backward(r.doc.Cells) {
		if line >= c.First {
			return i
		}
	}
	return -1
}

// inputs verifies the hashes of the front matter.
func (r *replay) inputs(ctx context.Context) bool {
	hash := r.opt.Hash
	if hash == nil {
		hash = HashPath
	}
	for _, in := range r.doc.Front.Inputs {
		if in.SHA256 == "" {
			continue
		}
		sum, err := hash(ctx, r.access().input(in))
		f := Fault{Line: in.Line}
		switch {
		case ctx.Err() != nil:
			r.report.Interrupted = true
			return false
		case err != nil:
			f.Msg = fmt.Sprintf("input %s: %s", in.Name, err)
			f.Hint = "paths are relative to the notebook"
		case sum != in.SHA256:
			f.Msg = fmt.Sprintf("input %s: %s is not the file that was recorded: sha256 %s, recorded %s", in.Name, in.Path, sum, in.SHA256)
			f.Hint = "restore the file, or record the session again"
		default:
			continue
		}
		r.report.Faults = append(r.report.Faults, f)
	}
	return r.report.Faults == nil
}

func (r *replay) firstCommand(c Cell) string {
	if s := r.doc.Commands(c); len(s) > 0 {
		return s[0].Text
	}
	return ""
}

// cell runs the commands of one cell and compares its output.
func (r *replay) cell(ctx context.Context, c Cell, res *CellResult) {
	start := r.now()
	defer func() { res.Elapsed = r.now().Sub(start) }()
	timeout := c.Timeout
	if timeout == 0 {
		timeout = r.opt.Timeout
	}
	inner := ctx
	if timeout > 0 {
		var cancel context.CancelFunc
		inner, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	res.Status = OK
	var text strings.Builder
	for _, s := range r.doc.Commands(c) {
		ran, err := r.run.Run(inner, s)
		text.WriteString(endLine(ran.Text))
		if r.checked(c) {
			res.Checks += ran.Checks
		}
		if ran.Quit {
			r.quit = s.Pos.Line
			break
		}
		if err == nil {
			continue
		}
		if ctx.Err() == nil && inner.Err() != nil {
			err = fmt.Errorf("no result within %v: %w", timeout, err)
		}
		if ran.Command == "" {
			ran.Command = s.Text
		}
		if r.failed(ctx, c, res, s, ran.Command, err) {
			break
		}
		if c.AllowError {
			text.WriteString(endLine(ran.Failure))
		}
	}
	res.Got = Canonical(text.String())
	if r.checked(c) && res.Status != Errored && !r.report.Interrupted {
		r.compare(c, res)
	}
}

func endLine(s string) string {
	if s == "" || strings.HasSuffix(s, "\n") {
		return s
	}
	return s + "\n"
}

// failed files an error under its class; the answer is whether the cell ends here.
func (r *replay) failed(ctx context.Context, c Cell, res *CellResult, s language.Source, command string, err error) bool {
	class := EnvironmentError
	if r.opt.Classify != nil {
		class = r.opt.Classify(err)
	}
	if ctx.Err() != nil {
		class = Interrupted
	}
	switch {
	case class == Interrupted:
		res.Status, res.Reason = Skipped, "interrupted"
		r.report.Interrupted = true
		return true
	case c.AllowError:
		return false
	case class == CheckFailed && (!r.checked(c) || res.Status == Failed):
		return false
	}
	res.Line, res.Command, res.Reason, res.Err = s.Pos.Line, command, err.Error(), err
	var hinted interface{ Hint() string }
	if errors.As(err, &hinted) {
		res.Hint = hinted.Hint()
	}
	if class == CheckFailed {
		res.Status = Failed
		return false
	}
	res.Status = Errored
	if class == UsageError {
		r.report.Usage = append(r.report.Usage, &language.Error{File: r.doc.File, Line: s.Pos.Line, Col: 1, Msg: err.Error(), Hint: res.Hint, Source: s.Text})
	}
	return true
}

// Stored is the index of the output that is compared on a backend: the one for it, else
// the one for all; -1 when there is none.
func (c Cell) Stored(backend string) int {
	at := slices.IndexFunc(c.Outs, func(o Out) bool { return o.Backend == backend })
	if at < 0 {
		at = slices.IndexFunc(c.Outs, func(o Out) bool { return o.Backend == "" })
	}
	return at
}

// compare holds the output of a cell against the stored one for this backend.
func (r *replay) compare(c Cell, res *CellResult) {
	at := c.Stored(r.report.Backend)
	if at < 0 || c.Outs[at].Ignore {
		return
	}
	o := c.Outs[at]
	res.Out, res.Want = at, o.Text
	res.Checks++
	if res.Status == Failed {
		return // the expect says more than the text of its failure
	}
	switch diff := Match(o.Text, res.Got, c.Tol); {
	case o.Stale:
		res.Status, res.Reason, res.Line = Changed, "the stored output is marked stale", o.Line
		res.Diff = diff
	case diff != nil:
		res.Status, res.Reason, res.Diff = Changed, diff.Reason, diff
		res.Line = o.Line + max(diff.WantLine, 1)
		if diff.WantLine == 0 {
			res.Line = o.Line + 1 + len(splitLines(o.Text))
		}
	}
}

// Fresh lists the outputs that were compared, for Update. Those of a failed expect are
// not among them: no stored text makes it hold.
func (r Report) Fresh() []Fresh {
	var out []Fresh
	for _, c := range r.Cells {
		if c.Out >= 0 && c.Status != Failed {
			out = append(out, Fresh{Cell: c.Cell, Out: c.Out, Text: c.Got})
		}
	}
	return out
}
