package worker

import (
	"context"
	"strings"

	"fp4tui/inspect"
	"fp4tui/inspect/layer"
)

// Offer is one kernel of a worker as a runner. It satisfies gemm.Runner.
type Offer struct {
	*Client
	Kernel string // "": the worker's own choice
	At     string // where the worker is, when not on this machine: "ssh:gpu1"
}

// Ready starts the worker if it isn't running and says why the kernel can't run there.
func (o Offer) Ready() error { return o.Start(context.Background()) }

// Start is Ready that ends with ctx.
func (o Offer) Start(ctx context.Context) error {
	program, _, kernels, err := o.About(ctx)
	if err != nil || o.Kernel == "" {
		return err
	}
	var names []string
	for _, k := range kernels {
		switch {
		case k.Name != o.Kernel:
			names = append(names, k.Name)
		case k.Ready:
			return nil
		default:
			return &inspect.Fault{Class: inspect.ErrUnsupported, Offset: -1, What: k.Why, Cure: k.Cure}
		}
	}
	return &inspect.Fault{Class: inspect.ErrUnsupported, Offset: -1, What: "no such kernel in " + inspect.Printable(program),
		Why: "it offers " + inspect.Printable(strings.Join(names, ", ")), Cure: "use the same fp4tui on both sides"}
}

// Run computes a job with the kernel.
func (o Offer) Run(ctx context.Context, job layer.Job, progress layer.Progress) (layer.JobResult, error) {
	job.Kernel = o.Kernel
	r, err := o.Client.Run(ctx, job, progress)
	r.Device += o.at()
	return r, err
}

// at is what the device's name ends with when the worker is on another machine.
func (o Offer) at() string {
	if o.At == "" {
		return ""
	}
	return " at " + o.At
}
