package layer

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	"fp4tui/inspect"
	"fp4tui/inspect/checkpoint"
	"fp4tui/inspect/fp4"
)

// Load reads codes, block scales and bias into memory. A layer whose tensors are
// absent, cut or of shapes that do not fit gives the *inspect.Fault that says so;
// a global scale that is missing or not a number does not stop it.
func (l *Layer) Load(ctx context.Context) (*Weights, error) {
	if fault := l.unloadable(); fault != nil {
		return nil, fault
	}
	row := producerOf(l.Producer)
	entries := []*checkpoint.Entry{l.Parts.Codes, l.Parts.Scales}
	views, err := l.Checkpoint.Layer(ctx, entries...)
	if err != nil {
		return nil, err
	}
	w := &Weights{Layer: l, Blocks: make([]fp4.Blocks, max(l.Experts, 1))}
	if l.Parts.Bias != nil {
		bias, err := l.Checkpoint.Tensor(ctx, l.Parts.Bias)
		if err != nil {
			return nil, err
		}
		w.Bias = &bias
	}
	codes, scales := views[l.Parts.Codes.Name].Data(), views[l.Parts.Scales.Name].Data()
	n, s := len(codes)/len(w.Blocks), len(scales)/len(w.Blocks)
	for e := range w.Blocks {
		b := &w.Blocks[e]
		*b = fp4.Blocks{
			Rows: l.N, Cols: l.K, Block: l.Block,
			Codes: codes[e*n : (e+1)*n], Scales: scales[e*s : (e+1)*s],
			Order: fp4.LowFirst, ScaleType: row.scale, Global: l.Global,
		}
		if err := b.Check(); err != nil {
			return nil, l.fault(inspect.ErrMismatch, l.Parts.Codes, "codes and scales do not fit", err.Error(), "quantize the layer again")
		}
	}
	return w, nil
}

// unloadable is the fault that keeps the data of a layer from being used at all.
func (l *Layer) unloadable() *inspect.Fault {
	if l.blocked != nil {
		return l.blocked
	}
	if l.Parts.Codes == nil || l.Parts.Scales == nil || l.Checkpoint == nil || producerOf(l.Producer) == nil {
		return &inspect.Fault{Class: inspect.ErrMissing, Tensor: l.Name, Offset: -1, What: "layer is not in a checkpoint",
			Why: "it has no stored codes or no scales"}
	}
	return nil
}

// fault is a violation at one stored tensor of the layer.
func (l *Layer) fault(class error, e *checkpoint.Entry, what, why, cure string) *inspect.Fault {
	return &inspect.Fault{Class: class, File: e.File.Path, Tensor: e.Name, Offset: e.Begin, What: what, Why: why, Cure: cure}
}

// rowsPerTask is how many rows a goroutine dequantizes between two looks at the
// context.
const rowsPerTask = 64

// streamFrom is the number of weights from which they are written past the caches: 32 MiB
// of them are more than most caches hold.
const streamFrom = 8 << 20

// Dequantize returns the weights [N, K] of one expert (0 for a plain layer) as the
// producer's own library does: the same operations in the same order, so the same
// bits, as float32 or rounded once to bfloat16. A NaN is a NaN; its payload is not
// promised.
//
//	compressed-tensors nvfp4  code · float32(scale / global)
//	modelopt nvfp4            code · float32(scale · global), and code 8 is +0
//	mxfp4                     code · 2^(scale-127), exact
//
// as is inspect.F32 or inspect.BF16; another type gives ErrUnsupported, an expert
// that is not there and a layer without its global scale ErrMissing.
func (w *Weights) Dequantize(ctx context.Context, expert int, as inspect.DType) (inspect.Tensor, error) {
	if expert < 0 || expert >= len(w.Blocks) {
		return inspect.Tensor{}, &inspect.Fault{Class: inspect.ErrMissing, Tensor: w.name(), Offset: -1,
			What: fmt.Sprintf("no expert %d", expert), Why: fmt.Sprintf("the layer has %d", len(w.Blocks))}
	}
	b := &w.Blocks[expert]
	data := make([]float32, b.Rows*b.Cols)
	if err := w.DequantizeRows(ctx, expert, 0, b.Rows, as, data); err != nil {
		return inspect.Tensor{}, err
	}
	return inspect.Tensor{DType: as, Shape: []int{b.Rows, b.Cols}, Data: data}, nil
}

// DequantizeRows is Dequantize for rows from to to of an expert, written row-major
// to dst, which has (to-from)·K elements. Expert and rows must be in range.
func (w *Weights) DequantizeRows(ctx context.Context, expert, from, to int, as inspect.DType, dst []float32) error {
	if as != inspect.F32 && as != inspect.BF16 {
		return &inspect.Fault{Class: inspect.ErrUnsupported, Tensor: w.name(), Offset: -1,
			What: "cannot dequantize to " + as.String(), Why: "the producers' libraries give F32 and BF16", Cure: "use BF16 or F32"}
	}
	if fault := w.globalMissing(); fault != nil {
		return fault
	}
	b, values := &w.Blocks[expert], w.values(expert)
	if as == inspect.BF16 {
		values.RoundBF16()
	}
	stream := (to-from)*b.Cols >= streamFrom
	return spread(ctx, from, to, func(row, end int) {
		b.Expand(row, end, values, dst[(row-from)*b.Cols:], stream)
	})
}

// spread runs task over the rows in pieces, on all processors. The pieces are
// independent, so their order does not show.
func spread(ctx context.Context, from, to int, task func(row, end int)) error {
	pieces := make(chan int)
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), (to-from+rowsPerTask-1)/rowsPerTask) {
		workers.Go(func() {
			for row := range pieces {
				task(row, min(row+rowsPerTask, to))
			}
		})
	}
	for row := from; row < to && ctx.Err() == nil; row += rowsPerTask {
		pieces <- row
	}
	close(pieces)
	workers.Wait()
	return ctx.Err()
}

// globalMissing reports a layer whose format has a global scale that is not
// stored. One that is stored takes part in the arithmetic, whatever its value.
func (w *Weights) globalMissing() *inspect.Fault {
	l := w.Layer
	if l == nil || l.Global.Use == fp4.NoGlobal || l.Parts.Global != nil || l.Global.Value == l.Global.Value {
		return nil
	}
	return &inspect.Fault{Class: inspect.ErrMissing, Tensor: l.Name, Offset: -1, What: "cannot dequantize",
		Why: "its global scale is not stored", Cure: "export the layer again with its global scale"}
}

// values are what codes mean under scales in the producer's own arithmetic.
func (w *Weights) values(expert int) *fp4.Values {
	v := w.Blocks[expert].Values()
	if w.Layer == nil {
		return v
	}
	if row := producerOf(w.Layer.Producer); row != nil && row.repair != nil {
		row.repair(v)
	}
	return v
}

func (w *Weights) name() string {
	if w.Layer == nil {
		return ""
	}
	return w.Layer.Name
}

// BitsPerWeight is what a weight costs on disk: bits of codes, block scales and
// global scale over logical elements; bias and activation scale do not count.
func (l *Layer) BitsPerWeight() float64 {
	var bytes int64
	for _, e := range []*checkpoint.Entry{l.Parts.Codes, l.Parts.Scales, l.Parts.Global} {
		if e != nil {
			bytes += e.Bytes()
		}
	}
	weights := float64(max(l.Experts, 1)) * float64(l.N) * float64(l.K)
	if weights == 0 {
		return 0
	}
	return 8 * float64(bytes) / weights
}
