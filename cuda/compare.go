//go:build cuda && cgo && linux

package cuda

import (
	"context"
	"fmt"
	"slices"

	"fp4tui/inspect"
	"fp4tui/inspect/layer"
)

// compareBand is how many outputs of each kernel are on the device at once.
const compareBand = 1 << 26

// Compare computes a job by its kernel and by another, and compares the outputs on the
// device: cells come back, never the outputs, however many there are. It stops with
// ctx.Err() between two launches when ctx ends. Errors are those of Run.
func (e *Engine) Compare(ctx context.Context, job layer.Job, against string, progress layer.Progress) (c layer.Comparison, err error) {
	if err = e.Ready(); err != nil {
		return c, err
	}
	if err = checkJob(&job); err != nil {
		return c, err
	}
	if job.M == 0 || job.N == 0 {
		return c, &inspect.Fault{Class: inspect.ErrMismatch, Offset: -1, What: "a product without outputs has nothing to compare"}
	}
	if job.Key == nil {
		job.Key = new(layer.Key) // bands ask for it
	}
	other := job
	other.Kernel = against
	var specs [2]*kernelSpec
	for i, j := range []*layer.Job{&job, &other} {
		if specs[i], err = kernelFor(j); err != nil {
			return c, err
		}
	}
	e.do(func() {
		for _, spec := range specs {
			if _, err = e.verify(ctx, spec); err != nil {
				return
			}
		}
		c, err = e.compare(ctx, specs, &job, progress)
	})
	return c, err
}

// compare runs both kernels on bands of rows. It runs on the device's thread.
func (e *Engine) compare(ctx context.Context, specs [2]*kernelSpec, job *layer.Job, progress layer.Progress) (c layer.Comparison, err error) {
	defer func() { e.settle(err) }()
	s := &scope{memory: &e.state.memory}
	defer s.close()
	g, err := s.grid(int64(job.M), int64(job.N))
	if err != nil {
		return c, err
	}
	c = layer.Comparison{Kernels: [2]string{specs[0].name, specs[1].name}, Device: e.name()}
	for m0, rows := range bandsOf(job) {
		notes, err := e.compareRows(ctx, specs, rowsOf(job, m0, rows), g, int64(m0/layer.CellStep))
		if err != nil {
			return c, err
		}
		for _, n := range notes {
			if !slices.Contains(c.Notes, n) {
				c.Notes = append(c.Notes, n)
			}
		}
		if progress != nil {
			progress(int64(m0+rows)*int64(job.N)*int64(job.K), int64(job.M)*int64(job.N)*int64(job.K))
		}
	}
	c.Rows, c.Cols, c.Step = layer.Grid(job.M, job.N)
	for g.down != int64(c.Rows) || g.across != int64(c.Cols) {
		if g, err = e.halve(s, g); err != nil {
			return c, err
		}
	}
	if c.Cells, err = readAs[layer.Cell](g.cells); err != nil {
		return c, err
	}
	for i, cell := range c.Cells {
		if cell.Unwritten > 0 {
			return c, &inspect.Fault{Class: ErrDevice, Offset: -1, What: fmt.Sprintf("%s or %s did not write %d outputs from y[%d,%d] on", specs[0].name, specs[1].name,
				cell.Unwritten, i/c.Cols*c.Step, i%c.Cols*c.Step), Cure: "report this; backend=emu computes on the CPU"}
		}
	}
	return c, nil
}

// bandsOf yields the first row and the rows of each band of a job: whole cells, and none so
// short that a kernel would take another shape, and perhaps another order, than for the whole.
func bandsOf(job *layer.Job) func(yield func(m0, rows int) bool) {
	return func(yield func(m0, rows int) bool) {
		band := min(max(1, compareBand/job.N/layer.CellStep)*layer.CellStep, maxBandRows)
		for m0 := 0; m0 < job.M; {
			rows := min(band, job.M-m0)
			if job.M-m0-rows < layer.CellStep {
				rows = job.M - m0
			}
			if !yield(m0, rows) {
				return
			}
			m0 += rows
		}
	}
}

// rowsOf is a job of some rows of x.
func rowsOf(job *layer.Job, m0, rows int) *layer.Job {
	part := *job
	part.M = rows
	if job.Mode == layer.W4A4 {
		blocks := (job.K + job.Block - 1) / job.Block
		part.XCodes, part.XScales = job.XCodes[m0*(job.K/2):][:rows*(job.K/2)], job.XScales[m0*blocks:][:rows*blocks]
	} else {
		part.XWords = job.XWords[m0*job.K:][:rows*job.K]
	}
	if len(job.Alphas) != 1 {
		part.Alphas = job.Alphas[m0:][:rows]
	}
	return &part
}

// compareRows runs both kernels on a part of a job and compares them into a grid, from a row
// of cells on.
func (e *Engine) compareRows(ctx context.Context, specs [2]*kernelSpec, part *layer.Job, g grid, first int64) (notes []string, err error) {
	var sides [2]*product
	for i, spec := range specs {
		if e.state.broken != nil {
			return nil, e.state.broken
		}
		p := e.product(part)
		defer p.release()
		if err := p.prepare(spec, ""); err != nil {
			return nil, err
		}
		if _, err := p.bands(ctx, spec.name, nil); err != nil {
			return nil, err
		}
		notes = append(notes, p.remarks(spec)...)
		sides[i] = p
	}
	return notes, e.diff(g, first, sides[0].y.at(), sides[1].y.at(), int64(part.M), int64(part.N), part.Out)
}
