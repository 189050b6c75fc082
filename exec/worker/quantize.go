package worker

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// quantizer is an Engine that quantizes, too.
type quantizer interface {
	Quantize(ctx context.Context, job layer.QuantJob, progress layer.Progress) (layer.QuantResult, error)
}

// quantWire is layer.QuantJob without X, the one blob: bf16 words.
type quantWire struct {
	Format string `json:"format"`
	Rows   int    `json:"rows"`
	Cols   int    `json:"cols"`
	Global uint32 `json:"global"` // the bits of a float32: it may be NaN, which JSON has not
}

// quantizedWire is layer.QuantResult without codes and scales, the two blobs.
type quantizedWire struct {
	Kernel string `json:"kernel"`
	Device string `json:"device"`
}

// wordBytes are 16-bit words as they travel.
func wordBytes(words []uint16) []byte {
	b := make([]byte, 2*len(words))
	for i, w := range words {
		binary.LittleEndian.PutUint16(b[2*i:], w)
	}
	return b
}

func words(b []byte) []uint16 {
	w := make([]uint16, len(b)/2)
	for i := range w {
		w[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	return w
}

// exactRecipe is what quantizes by the same rule without a worker.
const exactRecipe = "recipe=" + fp4.FlashinferExact

// Quantize quantizes a matrix in the worker. It starts, cancels and loses workers as Run
// does.
func (c *Client) Quantize(ctx context.Context, job layer.QuantJob, progress layer.Progress) (r layer.QuantResult, err error) {
	if err := job.Check(); err != nil {
		return r, err
	}
	codes, scales := job.Sizes()
	err = c.ask(ctx, &request{kind: kindQuantize, body: quantWire{job.Format, job.Rows, job.Cols, math.Float32bits(job.Global)}, blobs: [][]byte{wordBytes(job.X)},
		most: int64(codes) + int64(scales), answer: kindQuantized, instead: exactRecipe,
		read: func(f frame) error { return decodeQuantized(f, codes, scales, &r) }}, progress)
	return r, err
}

// decodeQuantized reads codes and scales.
func decodeQuantized(f frame, codes, scales int, r *layer.QuantResult) error {
	var w quantizedWire
	if err := json.Unmarshal(f.Body, &w); err != nil || len(f.blobs) != 2 || len(f.blobs[0]) != codes || len(f.blobs[1]) != scales {
		return fmt.Errorf("%w: a quantized matrix of %d blobs", errFrame, len(f.blobs))
	}
	*r = layer.QuantResult{Codes: f.blobs[0], Scales: f.blobs[1], Kernel: inspect.Printable(w.Kernel), Device: inspect.Printable(w.Device)}
	return nil
}

// Quantize quantizes with the worker's own choice of a kernel.
func (o Offer) Quantize(ctx context.Context, job layer.QuantJob, progress layer.Progress) (layer.QuantResult, error) {
	r, err := o.Client.Quantize(ctx, job, progress)
	r.Device += o.at()
	return r, err
}

// quantize answers a quantize frame.
func (s *server) quantize(ctx context.Context, f frame) error {
	var w quantWire
	if err := json.Unmarshal(f.Body, &w); err != nil {
		return fmt.Errorf("%w: %w", errFrame, err)
	}
	q, able := s.engine.(quantizer)
	if !able {
		return s.send(kindError, f.Job, &fault{Class: "unsupported", What: "this worker does not quantize", Cure: exactRecipe})
	}
	if len(f.blobs) != 1 || len(f.blobs[0])%2 != 0 {
		return s.send(kindError, f.Job, &fault{Class: "malformed", What: "a matrix that is none", Why: fmt.Sprintf("%d blobs", len(f.blobs))})
	}
	job := layer.QuantJob{Format: w.Format, Rows: w.Rows, Cols: w.Cols, X: words(f.blobs[0]), Global: math.Float32frombits(w.Global)}
	if err := job.Check(); err != nil {
		return s.send(kindError, f.Job, toFault(err))
	}
	return s.compute(ctx, f.Job, func(ctx context.Context, progress layer.Progress) (answer, error) {
		r, err := q.Quantize(ctx, job, progress)
		return answer{kindQuantized, quantizedWire{r.Kernel, r.Device}, [][]byte{r.Codes, r.Scales}}, err
	})
}
