package notebook

import (
	"bufio"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"fp4tui/inspect"
)

// WriteOptions steer the writers of reports.
type WriteOptions struct {
	Stable     bool // no durations
	Verbose    bool // text: the cells that passed too
	FailOnSkip bool // for the exit code that is written
}

// diffLimit is how many lines of a difference a report shows.
const diffLimit = 12

// Totals counts cells over files; every mistake that kept a file from running is a
// failure, every file that was skipped as a whole is a skip.
func Totals(reports []Report) (passed, failed, skipped int) {
	for _, r := range reports {
		passed += r.Count(OK)
		failed += r.Count(Failed) + r.Count(Changed) + r.Count(Errored) + len(r.Usage) + len(r.Faults)
		skipped += r.Count(Skipped)
		if r.Skip != "" {
			skipped++
		}
	}
	return passed, failed, skipped
}

// printer writes text that is safe for a terminal and remembers the first error.
type printer struct {
	w *bufio.Writer
}

func (p printer) line(format string, args ...any) {
	s := fmt.Sprintf(format, args...)
	for l := range strings.SplitSeq(strings.TrimSuffix(s, "\n"), "\n") {
		p.w.WriteString(inspect.Printable(l) + "\n")
	}
}

// WriteText writes what failed and was skipped, and last "12 passed, 1 failed, 2
// skipped".
func WriteText(w io.Writer, reports []Report, opt WriteOptions) error {
	p := printer{bufio.NewWriter(w)}
	for _, r := range reports {
		for _, e := range r.Usage {
			p.line("%s", e.Error())
			if e.Source != "" {
				p.line("%s", e.Caret())
			}
		}
		for _, f := range r.Faults {
			p.line("%s:%d: %s", r.File, f.Line, f.Msg)
			p.hint(f.Hint)
		}
		if r.Skip != "" {
			p.line("%s: SKIP %s", r.File, r.Skip)
		}
		for _, c := range r.Cells {
			p.cell(r, c, opt)
		}
	}
	passed, failed, skipped := Totals(reports)
	if ExitCode(reports, opt.FailOnSkip) == ExitUnchecked && skipped == 0 {
		p.line("nothing was checked: no cell has an out fence or an expect")
	}
	p.line("%d passed, %d failed, %d skipped", passed, failed, skipped)
	return p.w.Flush()
}

func (p printer) hint(s string) {
	if s != "" {
		p.line("    %s", s)
	}
}

func (p printer) cell(r Report, c CellResult, opt WriteOptions) {
	if c.Status == OK && !opt.Verbose {
		return
	}
	p.line("%s:%d: %s %s", r.File, c.Line, c.Status, title(c))
	if c.Reason != "" {
		p.line("    %s", strings.ReplaceAll(c.Reason, "\n", "\n    "))
	}
	p.hint(c.Hint)
	for _, l := range c.lines() {
		p.line("    %s", l)
	}
}

// title is the id and the command of a cell, on one line.
func title(c CellResult) string {
	s := strings.Join(strings.Fields(strings.ReplaceAll(c.Command, "\\\n", " ")), " ")
	if c.ID != "" {
		return c.ID + ": " + s
	}
	return s
}

// lines are those that differ.
func (c CellResult) lines() []string {
	switch {
	case c.Status == Changed && c.Diff != nil:
		return DiffLines(c.Want, c.Got, c.tol, diffLimit)
	case c.Status == Failed:
		return lastLines(c.Got, diffLimit)
	}
	return nil
}

func lastLines(s string, n int) []string {
	l := splitLines(s)
	return l[max(0, len(l)-n):]
}

// event is one line of the JSON report.
type event struct {
	V         int      `json:"v"`
	Event     string   `json:"ev"` // "start", "error", "cell", "end"
	File      string   `json:"file,omitempty"`
	Backend   string   `json:"backend,omitempty"`
	Line      int      `json:"line,omitempty"`
	ID        string   `json:"id,omitempty"`
	Command   string   `json:"cmd,omitempty"`
	Status    string   `json:"status,omitempty"`
	Reason    string   `json:"reason,omitempty"`
	Hint      string   `json:"hint,omitempty"`
	Diff      []string `json:"diff,omitempty"`
	Got       string   `json:"got,omitempty"`
	Want      string   `json:"want,omitempty"`
	Checks    *int     `json:"checks,omitempty"`
	ElapsedMS *int64   `json:"elapsed_ms,omitempty"`
	Passed    *int     `json:"passed,omitempty"`
	Failed    *int     `json:"failed,omitempty"`
	Skipped   *int     `json:"skipped,omitempty"`
	Exit      *int     `json:"exit,omitempty"`
}

// WriteJSON writes one object a line: a start for every file, its errors and cells,
// and one end.
func WriteJSON(w io.Writer, reports []Report, opt WriteOptions) error {
	b := bufio.NewWriter(w)
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	emit := func(e event) error {
		e.V = Version
		return enc.Encode(e)
	}
	elapsed := func(d time.Duration) *int64 {
		if ms := d.Milliseconds(); !opt.Stable {
			return &ms
		}
		return nil
	}
	for _, r := range reports {
		events := []event{{Event: "start", File: r.File, Backend: r.Backend, Reason: r.Skip}}
		if r.Skip != "" {
			events[0].Status = string(Skipped)
		}
		for _, e := range r.Usage {
			events = append(events, event{Event: "error", File: r.File, Line: e.Line, Status: "usage", Reason: e.Msg, Hint: e.Hint})
		}
		for _, f := range r.Faults {
			events = append(events, event{Event: "error", File: r.File, Line: f.Line, Status: "environment", Reason: f.Msg, Hint: f.Hint})
		}
		for _, c := range r.Cells {
			e := event{Event: "cell", File: r.File, Line: c.Line, ID: c.ID, Command: c.Command, Status: string(c.Status),
				Reason: c.Reason, Hint: c.Hint, Diff: c.lines(), Checks: &c.Checks, ElapsedMS: elapsed(c.Elapsed)}
			if c.Status != OK {
				e.Got, e.Want = c.Got, c.Want
			}
			events = append(events, e)
		}
		for _, e := range events {
			if err := emit(e); err != nil {
				return err
			}
		}
	}
	passed, failed, skipped := Totals(reports)
	exit := ExitCode(reports, opt.FailOnSkip)
	if err := emit(event{Event: "end", Passed: &passed, Failed: &failed, Skipped: &skipped, Exit: &exit}); err != nil {
		return err
	}
	return b.Flush()
}

// The elements of a JUnit file that CI systems read.
type (
	junitSuites struct {
		XMLName xml.Name     `xml:"testsuites"`
		Suites  []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name       string          `xml:"name,attr"`
		Tests      int             `xml:"tests,attr"`
		Failures   int             `xml:"failures,attr"`
		Errors     int             `xml:"errors,attr"`
		Skipped    int             `xml:"skipped,attr"`
		Time       string          `xml:"time,attr,omitempty"`
		Properties []junitProperty `xml:"properties>property"`
		Cases      []junitCase     `xml:"testcase"`
	}
	junitProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	junitCase struct {
		Name    string     `xml:"name,attr"`
		Class   string     `xml:"classname,attr"`
		File    string     `xml:"file,attr"`
		Line    int        `xml:"line,attr,omitempty"`
		Time    string     `xml:"time,attr,omitempty"`
		Failure *junitNote `xml:"failure"`
		Error   *junitNote `xml:"error"`
		Skipped *junitNote `xml:"skipped"`
	}
	junitNote struct {
		Message string `xml:"message,attr"`
		Body    string `xml:",chardata"`
	}
)

// WriteJUnit writes a suite for every file and a case for every cell.
func WriteJUnit(w io.Writer, reports []Report, opt WriteOptions) error {
	seconds := func(d time.Duration) string {
		if opt.Stable {
			return ""
		}
		return fmt.Sprintf("%.3f", d.Seconds())
	}
	var out junitSuites
	for _, r := range reports {
		s := junitSuite{Name: r.File, Time: seconds(r.Elapsed), Properties: []junitProperty{{"backend", r.Backend}}}
		for _, c := range points(r) {
			k := junitCase{Name: inspect.Printable(c.name), Class: r.File, File: r.File, Line: c.line, Time: seconds(c.elapsed)}
			note := &junitNote{Message: inspect.Printable(c.reason)}
			for _, l := range c.detail {
				note.Body += inspect.Printable(l) + "\n"
			}
			s.Tests++
			switch c.status {
			case Failed, Changed:
				s.Failures, k.Failure = s.Failures+1, note
			case Errored:
				s.Errors, k.Error = s.Errors+1, note
			case Skipped:
				s.Skipped, k.Skipped = s.Skipped+1, note
			}
			s.Cases = append(s.Cases, k)
		}
		out.Suites = append(out.Suites, s)
	}
	b := bufio.NewWriter(w)
	b.WriteString(xml.Header)
	enc := xml.NewEncoder(b)
	enc.Indent("", "  ")
	if err := enc.Encode(out); err != nil {
		return err
	}
	b.WriteString("\n")
	return b.Flush()
}

// point is one line of a report that has nothing but test points.
type point struct {
	name    string
	line    int
	status  Status
	reason  string
	detail  []string
	elapsed time.Duration
}

// points turns a report into test points: its mistakes, then its cells.
func points(r Report) []point {
	var out []point
	for _, e := range r.Usage {
		out = append(out, point{name: fmt.Sprintf("line %d", e.Line), line: e.Line, status: Errored, reason: e.Message(), detail: strings.Split(e.Caret(), "\n")})
	}
	for _, f := range r.Faults {
		out = append(out, point{name: fmt.Sprintf("line %d", f.Line), line: f.Line, status: Errored, reason: f.Msg, detail: []string{f.Hint}})
	}
	if r.Skip != "" {
		out = append(out, point{name: "all cells", line: 1, status: Skipped, reason: r.Skip})
	}
	for _, c := range r.Cells {
		out = append(out, point{name: fmt.Sprintf("line %d %s", c.Line, title(c)), line: c.Line, status: c.Status, reason: c.Reason, detail: c.lines(), elapsed: c.Elapsed})
	}
	return out
}

// WriteTAP writes the Test Anything Protocol, version 13.
func WriteTAP(w io.Writer, reports []Report, _ WriteOptions) error {
	p := printer{bufio.NewWriter(w)}
	n := 0
	for _, r := range reports {
		n += len(points(r))
	}
	p.line("TAP version 13")
	p.line("1..%d", n)
	n = 0
	for _, r := range reports {
		for _, c := range points(r) {
			n++
			// A # would start a directive.
			name := strings.ReplaceAll(r.File+": "+c.name, "#", `\#`)
			switch c.status {
			case OK:
				p.line("ok %d - %s", n, name)
			case Skipped:
				p.line("ok %d - %s # SKIP %s", n, name, strings.ReplaceAll(c.reason, "\n", " "))
			default:
				p.line("not ok %d - %s", n, name)
				p.line("# %s", strings.ReplaceAll(c.reason, "\n", "\n# "))
				for _, l := range c.detail {
					p.line("# %s", l)
				}
			}
		}
	}
	return p.w.Flush()
}
