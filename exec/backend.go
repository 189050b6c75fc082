package exec

import (
	"context"

	"fp4tui/inspect/layer"
)

// Backend computes one forward run of one layer. ref, emu and the GPU satisfy it;
// package cuda does so without importing exec.
type Backend interface {
	// Name is what the user types after backend= and what stands in the badge.
	Name() string
	// Ready says why the backend cannot run here; nil when it can.
	Ready() error
	// Forward computes y = x·Wᵀ. It stops early with ctx.Err() when ctx ends.
	Forward(ctx context.Context, f layer.Forward, progress layer.Progress) (layer.Output, error)
}

// Starter is a backend that has to start something before it knows whether it is
// ready: a worker process, the driver of a GPU. Start is Ready with a way out.
type Starter interface {
	Start(ctx context.Context) error
}

// Described is a backend that says in a few words what it computes with.
type Described interface {
	Describe() string
}

// Quantizer is a backend that quantizes, too, by arithmetic that only it has: a GPU with its
// own approximate reciprocal.
type Quantizer interface {
	// Quantize makes codes and scales of a checked job, with lengths of job.Sizes. It stops
	// early with ctx.Err() when ctx ends.
	Quantize(ctx context.Context, job layer.QuantJob, progress layer.Progress) (layer.QuantResult, error)
}

// Comparer is a backend that compares its outputs with those of another where both are
// computed, so that outputs of any size stay there.
type Comparer interface {
	// Beside says whether the backend named computes in the same place.
	Beside(name string) bool
	// Compare runs f as this backend does and as the one named does. The cells fit the
	// shape of the product.
	Compare(ctx context.Context, f layer.Forward, against string, progress layer.Progress) (layer.Comparison, error)
}
