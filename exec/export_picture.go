package exec

import (
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"fp4tui/exec/language"
	"fp4tui/inspect/checkpoint"
)

// The maps that leave the terminal have more pixels than one can show, and few enough
// that a browser draws a report of many at once.
var (
	pictureSize = language.Size{W: 320, H: 200}
	reportSize  = language.Size{W: 160, H: 100}
)

// Report is what export writes as HTML: the session as it was recorded, and what its
// handles look like.
type Report struct {
	Title   string
	Cells   []ReportCell
	Figures []Figure
}

// ReportCell is one recorded command with its canonical output.
type ReportCell struct {
	Command string
	Lines   []string
	Note    bool // Lines are the author's words
}

// Figure is a finding list, a histogram or a map under the command that shows it.
type Figure struct {
	Command string
	Result  Result
}

// isPicture says whether a file name asks for a drawing.
func isPicture(path string) bool { return strings.EqualFold(filepath.Ext(path), ".png") }

// isReport says whether a file name asks for a report.
func isReport(path string) bool { return strings.EqualFold(filepath.Ext(path), ".html") }

// exportPicture writes a map of a handle as an image.
// Exact zeros, NaN and padding are classes of their own in it.
func (c *call) exportPicture(cmd *ExportCmd, path string) (Result, error) {
	if c.s.opt.Picture == nil {
		return nil, fmt.Errorf("%w: export %s: this front end draws no pictures", ErrNotReady, cmd.Path)
	}
	m := &MapCmd{E: cmd.X, Size: pictureSize, Metric: cmd.Metric, Agg: cmd.Agg}
	r, err := m.run(c)
	if err != nil {
		return nil, err
	}
	h, ok := r.(Heat)
	if !ok {
		return nil, fmt.Errorf("%w: export %s: %s is no map", ErrUsage, cmd.Path, cmd.X)
	}
	if err := checkpoint.WriteFile(path, func(w io.Writer) error { return c.s.opt.Picture(w, h) }); err != nil {
		return nil, err
	}
	return written(string(cmd.Path), path, fmt.Sprintf("picture of %s %s, %d×%d pixels of %d×%d", cmd.X, h.Metric, h.H, h.W, h.M, h.N), "")
}

// exportReport writes the whole session as one HTML file.
func (c *call) exportReport(name, path string) (Result, error) {
	if c.s.opt.Report == nil {
		return nil, fmt.Errorf("%w: export %s: this front end writes no reports", ErrNotReady, name)
	}
	r := Report{Title: strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))}
	for _, cell := range c.s.Recorded() {
		n, note := cell.Result.(Note)
		rc := ReportCell{Command: cell.Command, Note: note}
		if note {
			rc.Lines = []string{n.Text}
		} else {
			rc.Lines = c.s.opt.text(cell.Result)
		}
		r.Cells = append(r.Cells, rc)
	}
	var err error
	if r.Figures, err = c.figures(); err != nil {
		return nil, err
	}
	if err := checkpoint.WriteFile(path, func(w io.Writer) error { return c.s.opt.Report(w, r) }); err != nil {
		return nil, err
	}
	return written(name, path, fmt.Sprintf("report, %s, %s", plural(len(r.Cells), "cell"), plural(len(r.Figures), "figure")), "")
}

// figures looks at every handle, in the order of their names, as a reader would.
func (c *call) figures() ([]Figure, error) {
	var all []Figure
	handles := c.s.snapshot().handles
	for _, name := range slices.Sorted(maps.Keys(handles)) {
		ref := language.Ref{Name: name}
		var look interface{ run(*call) (Result, error) }
		var command string
		switch handles[name].(type) {
		case *checkpointValue:
			look, command = &LintCmd{C: &ref}, "lint "+name
		case *weightsValue:
			scales := language.Ref{Name: name, Attrs: []string{"scale"}}
			look, command = &HistCmd{X: scales}, "hist "+name+".scale"
		case *diffValue:
			look, command = &MapCmd{E: ref, Size: reportSize}, "map "+name
		default:
			continue
		}
		r, err := look.run(c)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", command, err)
		}
		all = append(all, Figure{Command: command, Result: r})
	}
	return all, nil
}
