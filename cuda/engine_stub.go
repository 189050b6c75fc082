//go:build !(cuda && cgo && linux)

package cuda

import (
	"context"

	"fp4tui/inspect/layer"
)

// Engine computes jobs on a GPU; in this build it refuses with ErrNotBuilt.
type Engine struct{}

// NewEngine returns an engine that says that it is not built.
func NewEngine(Options) *Engine { return &Engine{} }

// Ready is ErrNotBuilt, as an *inspect.Fault with the cure.
func (*Engine) Ready() error { return Report{}.fault() }

// Run refuses with Ready's error.
func (e *Engine) Run(context.Context, layer.Job, layer.Progress) (layer.JobResult, error) {
	return layer.JobResult{}, e.Ready()
}

// Quantize refuses with Ready's error.
func (e *Engine) Quantize(context.Context, layer.QuantJob, layer.Progress) (layer.QuantResult, error) {
	return layer.QuantResult{}, e.Ready()
}

// Compare refuses with Ready's error.
func (e *Engine) Compare(context.Context, layer.Job, string, layer.Progress) (layer.Comparison, error) {
	return layer.Comparison{}, e.Ready()
}

// About names no device; every kernel says that it is not built.
func (e *Engine) About() (device string, kernels []Kernel) {
	return "", nowhere("not in this program", "")
}

// Close does nothing.
func (*Engine) Close() {}
