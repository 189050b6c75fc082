package notebook

import (
	"time"

	"fp4tui/exec/language"
)

// Exit codes of a replay.
const (
	ExitOK          = 0
	ExitFailed      = 1   // a check failed
	ExitUsage       = 2   // usage, parse or name error: nothing ran
	ExitEnvironment = 3   // file missing or malformed, hash mismatch, GPU fault
	ExitUnchecked   = 4   // nothing was checked, or a skip under FailOnSkip
	ExitInterrupted = 130 // the user stopped it
)

// Status is the outcome of a cell.
type Status string

// The outcomes, as they are written.
const (
	OK      Status = "ok"
	Changed Status = "CHANGED" // the output is not the stored one
	Failed  Status = "FAIL"    // an expect does not hold
	Skipped Status = "SKIP"    // did not run, or not all of it
	Errored Status = "ERROR"   // a command could not be carried out
)

// CellResult is what became of one cell.
type CellResult struct {
	Cell    int    // index into Cells
	Out     int    // index into its Outs of the one compared; -1 none
	Line    int    // where to look: the failed command or the line that differs
	ID      string // may be empty
	Command string // the failed command, else the first
	Status  Status
	Reason  string // one line; empty when ok
	Hint    string // a cure, where one is known
	Got     string // canonical output of the cell
	Want    string // stored output; empty when none was compared
	Diff    *Difference
	Checks  int // comparisons made: the stored output and every expect
	Elapsed time.Duration
	Err     error // of an ERROR or a FAIL

	tol Tolerance
}

// Report is what became of one file.
type Report struct {
	File        string
	Backend     string
	Cells       []CellResult
	Usage       []*language.Error // with any of these nothing ran
	Faults      []Fault           // failures of the environment outside of a cell
	Skip        string            // why the whole file was skipped; "" it was not
	Interrupted bool
	Elapsed     time.Duration
}

// Fault is a failure of the environment, with its place in the file.
type Fault struct {
	Line int
	Msg  string
	Hint string
}

// Count is the number of cells with a status.
func (r Report) Count(s Status) int {
	n := 0
	for _, c := range r.Cells {
		if c.Status == s {
			n++
		}
	}
	return n
}

// Checks is the number of comparisons made.
func (r Report) Checks() int {
	n := 0
	for _, c := range r.Cells {
		n += c.Checks
	}
	return n
}

// ExitCode is the exit code of this file alone.
func (r Report) ExitCode() int { return ExitCode([]Report{r}, false) }

// ExitCode is the exit code of a run over several files: the gravest wins, in the
// order interrupted, usage, environment, failed, unchecked.
func ExitCode(reports []Report, failOnSkip bool) int {
	var usage, fault, failed, skipped, checks int
	for _, r := range reports {
		if r.Interrupted {
			return ExitInterrupted
		}
		usage += len(r.Usage)
		fault += len(r.Faults) + r.Count(Errored)
		failed += r.Count(Failed) + r.Count(Changed)
		skipped += r.Count(Skipped)
		if r.Skip != "" {
			skipped++
		}
		checks += r.Checks()
	}
	switch {
	case usage > 0:
		return ExitUsage
	case fault > 0:
		return ExitEnvironment
	case failed > 0:
		return ExitFailed
	case checks == 0 || failOnSkip && skipped > 0:
		return ExitUnchecked
	}
	return ExitOK
}
