package gemm

import (
	"cmp"
	"context"
	"strings"

	"fp4tui/inspect"
	"fp4tui/inspect/layer"
)

// comparer is a Runner that compares two of its kernels where they ran.
type comparer interface {
	Compare(ctx context.Context, job layer.Job, against string, progress layer.Progress) (layer.Comparison, error)
}

// Beside says whether another backend is a kernel of the same device, so that Compare can
// be asked.
func (d Device) Beside(name string) bool {
	_, able := d.Runner.(comparer)
	return able && d.Place != "" && (name == d.Place || strings.HasPrefix(name, d.Place+":"))
}

// Compare computes y = x·Wᵀ by this kernel and by that of a backend beside it, and compares
// there: the outputs are never here. Errors are those of Forward.
func (d Device) Compare(ctx context.Context, f layer.Forward, against string, progress layer.Progress) (layer.Comparison, error) {
	var c layer.Comparison
	if !d.Beside(against) {
		return c, fault(inspect.ErrUnsupported, d.Label+" cannot be compared with "+against+" where it runs", "that is no kernel of the same device", "")
	}
	p, err := d.problem(f)
	if err != nil {
		return c, err
	}
	if p.M == 0 || p.N == 0 {
		return c, fault(inspect.ErrMismatch, "a product without outputs has nothing to compare", "", "")
	}
	var out layer.Output // what is said of x and w; y stays on the device
	job, err := p.job(ctx, &out)
	if err != nil {
		return c, err
	}
	job.Kernel = d.Kernel
	kernel := strings.TrimPrefix(strings.TrimPrefix(against, d.Place), ":")
	if c, err = d.Runner.(comparer).Compare(ctx, job, kernel, progress); err != nil {
		return layer.Comparison{}, err
	}
	c.Notes = append(out.Notes, c.Notes...)
	for i, name := range []string{d.Label, against} {
		c.Kernels[i] = cmp.Or(c.Kernels[i], name)
	}
	return c, c.Check(p.M, p.N)
}
