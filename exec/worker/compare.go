package worker

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"

	"fp4tui/inspect"
	"fp4tui/inspect/layer"
)

// comparer is an Engine that compares two of its kernels where they ran.
type comparer interface {
	Compare(ctx context.Context, job layer.Job, against string, progress layer.Progress) (layer.Comparison, error)
}

// comparedWire is layer.Comparison without its cells, the one blob: six words each.
type comparedWire struct {
	Kernels [2]string `json:"kernels"`
	Device  string    `json:"device"`
	Rows    int       `json:"rows"`
	Cols    int       `json:"cols"`
	Step    int       `json:"step"`
	Notes   []string  `json:"notes,omitempty"`
}

// cellBytes is a cell on the wire.
const cellBytes = 24

func encodeCells(cells []layer.Cell) []byte {
	b := make([]byte, 0, cellBytes*len(cells))
	for _, c := range cells {
		for _, w := range []uint32{math.Float32bits(c.Largest), math.Float32bits(c.Squares), math.Float32bits(c.Norm), c.Different, c.NaN, c.Unwritten} {
			b = binary.LittleEndian.AppendUint32(b, w)
		}
	}
	return b
}

func decodeCells(b []byte) []layer.Cell {
	cells := make([]layer.Cell, len(b)/cellBytes)
	for i := range cells {
		word := func(k int) uint32 { return binary.LittleEndian.Uint32(b[cellBytes*i+4*k:]) }
		cells[i] = layer.Cell{Largest: math.Float32frombits(word(0)), Squares: math.Float32frombits(word(1)), Norm: math.Float32frombits(word(2)),
			Different: word(3), NaN: word(4), Unwritten: word(5)}
	}
	return cells
}

// Compare computes a job by its kernel and by another in the worker, and returns how the
// outputs differ. It starts, cancels and loses workers as Run does.
func (c *Client) Compare(ctx context.Context, job layer.Job, against string, progress layer.Progress) (r layer.Comparison, err error) {
	if err := job.Check(); err != nil {
		return r, err
	}
	w, blobs := encodeJob(&job)
	w.Compare, w.Against = true, against
	err = c.ask(ctx, &request{kind: kindRun, body: w, blobs: blobs, job: &job, most: cellBytes * layer.MaxCells, answer: kindCompared,
		read: func(f frame) error { return decodeComparison(f, &job, &r) }}, progress)
	return r, err
}

// decodeComparison reads the cells of a comparison.
func decodeComparison(f frame, job *layer.Job, r *layer.Comparison) error {
	var w comparedWire
	if err := json.Unmarshal(f.Body, &w); err != nil || len(f.blobs) != 1 || len(f.blobs[0])%cellBytes != 0 {
		return fmt.Errorf("%w: a comparison of %d blobs", errFrame, len(f.blobs))
	}
	c := layer.Comparison{Device: inspect.Printable(w.Device), Rows: w.Rows, Cols: w.Cols, Step: w.Step, Cells: decodeCells(f.blobs[0]), Notes: printables(w.Notes)}
	for i, k := range w.Kernels {
		c.Kernels[i] = inspect.Printable(k)
	}
	if err := c.Check(job.M, job.N); err != nil {
		return fmt.Errorf("%w: %w", errFrame, err)
	}
	*r = c
	return nil
}

// Compare compares with another kernel of the worker.
func (o Offer) Compare(ctx context.Context, job layer.Job, against string, progress layer.Progress) (layer.Comparison, error) {
	job.Kernel = o.Kernel
	r, err := o.Client.Compare(ctx, job, against, progress)
	r.Device += o.at()
	return r, err
}

// compare answers a run frame that asks for cells.
func (s *server) compare(ctx context.Context, id uint64, job layer.Job, against string) error {
	e, able := s.engine.(comparer)
	if !able {
		return s.send(kindError, id, &fault{Class: "unsupported", What: "this worker does not compare kernels", Cure: "run both, and diff"})
	}
	return s.compute(ctx, id, func(ctx context.Context, progress layer.Progress) (answer, error) {
		r, err := e.Compare(ctx, job, against, progress)
		return answer{kindCompared, comparedWire{r.Kernels, r.Device, r.Rows, r.Cols, r.Step, r.Notes}, [][]byte{encodeCells(r.Cells)}}, err
	})
}
