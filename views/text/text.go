// Package text writes results as plain lines: for notebooks, pipes, screen readers
// and the line REPL. Labels come before values, numbers are tokens of their own, and
// nothing needs colour, a box or a particular terminal.
//
//	text.Render(result, text.Options{})                     // a notebook: 100 columns, 6 digits
//	text.Render(result, text.Options{Width: 80, Digits: 4}) // a terminal
//	text.Failure(err, text.Options{Width: 80})              // what: why, then a hint
//	text.Line(result, text.Options{Digits: 4})              // one line of at most 60 columns
//
// The same result and options give the same lines on every machine. A line is never
// wider than Width and never ends in a blank; text that came from a file is made safe
// for a terminal here, whatever the result holds.
package text

import (
	"fmt"
	"reflect"
	"strings"

	"fp4tui/exec"
)

// Options says how results are written. The zero value is the canonical form of
// notebooks.
type Options struct {
	Width  int // columns at most: 0 is 100, less than 40 counts as 40
	Digits int // significant digits of floats: 0 is 6
	// Portable leaves out what only this machine has: for notebooks.
	Portable bool
	ASCII    bool // nothing but ASCII: × is x, … is ~, other characters are escaped
}

const (
	notebookWidth  = 100
	leastWidth     = 40
	notebookDigits = 6
	lineWidth      = 60 // of Line
)

// filled replaces what was left out by the values of a notebook.
func (o Options) filled() Options {
	if o.Width <= 0 {
		o.Width = notebookWidth
	}
	if o.Digits <= 0 {
		o.Digits = notebookDigits
	}
	o.Width = max(o.Width, leastWidth)
	return o
}

// Render writes a result as lines without line ends. A nil result has none.
func Render(r exec.Result, opt Options) []string {
	if r == nil {
		return nil
	}
	p := page{opt: opt.filled()}
	rendererOf(r).lines(&p, r)
	return p.lines
}

// Line is a result in at most 60 columns, for the right side of a log line. What does
// not fit is left out from the end. A nil result is "".
func Line(r exec.Result, opt Options) string {
	if r == nil {
		return ""
	}
	opt = opt.filled()
	opt.Width = min(opt.Width, lineWidth)
	p := page{opt: opt}
	line := ""
	for _, part := range rendererOf(r).line(opt, r) {
		part = single(p.clean(part))
		switch next := line + p.clean(" · ") + part; {
		case part == "":
		case line == "":
			line = p.middle(part, opt.Width)
		case width(next) <= opt.Width:
			line = next
		default:
			return strings.TrimRight(line, " ")
		}
	}
	return strings.TrimRight(line, " ")
}

// renderer is how one kind of result is written.
type renderer struct {
	of    reflect.Type
	lines func(*page, exec.Result)
	line  func(Options, exec.Result) []string // parts of the summary, most important first
}

// kind makes a row of the table from functions of the concrete type.
func kind[R exec.Result](lines func(*page, R), line func(Options, R) []string) renderer {
	return renderer{
		of:    reflect.TypeFor[R](),
		lines: func(p *page, r exec.Result) { lines(p, r.(R)) },
		line:  func(o Options, r exec.Result) []string { return line(o, r.(R)) },
	}
}

// renderers is the one table of result kinds. It is a function because source writes
// the results of other commands.
func renderers() []renderer {
	return []renderer{
		kind(opened, openedLine), kind(layerList, layerListLine), kind(layerInfo, layerInfoLine), kind(tensorInfo, tensorInfoLine),
		kind(statistics, statisticsLine), kind(histogram, histogramLine), kind(codeUse, codeUseLine), kind(dump, dumpLine),
		kind(lintReport, lintReportLine), kind(quantized, quantizedLine), kind(product, productLine), kind(mma, mmaLine),
		kind(diff, diffLine), kind(heat, heatLine), kind(worst, worstLine), kind(matches, matchesLine), kind(element, elementLine), kind(explained, explainedLine),
		kind(check, checkLine), kind(exported, exportedLine), kind(setting, settingLine), kind(sourced, sourcedLine),
		kind(snapshot, snapshotLine), kind(note, noteLine), kind(help, helpLine), kind(undone, undoneLine), kind(quit, quitLine),
		kind(prepared, preparedLine), kind(place, placeLine), kind(identified, identifiedLine), kind(planned, plannedLine), kind(poisoned, poisonedLine), kind(verdict, verdictLine), kind(diagnosed, diagnosedLine),
		kind(activationsOf, activationsLine), kind(backends, backendsLine), kind(compared, comparedLine),
	}
}

// rendererOf panics for a kind without a row: the set is closed and a test holds it.
func rendererOf(r exec.Result) renderer {
	t := reflect.TypeOf(r)
	for _, row := range renderers() {
		if row.of == t {
			return row
		}
	}
	panic(fmt.Sprintf("text: no renderer for %v", t))
}
