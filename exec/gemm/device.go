package gemm

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// Runner computes jobs: a GPU in this process, or one behind a worker process.
type Runner interface {
	// Ready says why nothing can run there; nil when it can.
	Ready() error
	// Run computes one job. It stops early with ctx.Err() when ctx ends.
	Run(ctx context.Context, job layer.Job, progress layer.Progress) (layer.JobResult, error)
}

// Device is a backend whose products a Runner computes. What an engine's CPU code does
// before its kernel (quantizing activations, folding global scales into alpha) happens
// here, by the same code as for Emu, so that a difference between both is the kernel's.
type Device struct {
	Label  string // the name after backend=
	Kernel string // which kernel; empty: the runner's choice
	Runner Runner
	Text   string // what it is, in a few words
	Place  string // what its kernels have in common, the "cuda" of cuda:KERNEL, where two of them can be compared; else empty
	// Buffers are the kernels whose prepared weights its own reads, bytes as they are; so it does with
	// those that were put together by hand. A weight prepared for another one is read back first.
	Buffers []string
	// Foreign says that its arithmetic is another than the instruction's that Emu is the
	// bits of: no certificate speaks of its outputs.
	Foreign bool
}

// unknownArch is of a device that does not say whose instruction it used: it has no row in the
// table, so that no certificate of bf16 words speaks of them.
const unknownArch = "unknown"

// Describe says what it is.
func (Ref) Describe() string { return "the dequantized reference: float64, one rounding" }

// Describe says what it is.
func (Emu) Describe() string { return "the bits of a tensor core, on the CPU" }

// Name is what stands after backend=.
func (d Device) Name() string { return d.Label }

// Ready is the runner's.
func (d Device) Ready() error { return d.Runner.Ready() }

// Start is Ready that ends with ctx: a runner may have to start a process first.
func (d Device) Start(ctx context.Context) error {
	if s, ok := d.Runner.(interface{ Start(context.Context) error }); ok {
		return s.Start(ctx)
	}
	return d.Runner.Ready()
}

// Describe says what it is.
func (d Device) Describe() string { return d.Text }

// Forward computes y = x·Wᵀ on the device. Errors are *inspect.Fault or *fp4.Error,
// the runner's, and ctx.Err().
func (d Device) Forward(ctx context.Context, f layer.Forward, progress layer.Progress) (layer.Output, error) {
	p, err := d.problem(f)
	if err != nil {
		return layer.Output{}, err
	}
	out := p.output()
	job, err := p.job(ctx, &out)
	if err != nil || p.M == 0 || p.N == 0 {
		return out, err
	}
	job.Kernel = d.Kernel
	switch b := f.Buffers; {
	case b == nil || len(d.Buffers) == 0:
	case b.For == "" || slices.Contains(d.Buffers, b.For):
		job.Buffers = b
	default:
		out.Notes = append(out.Notes, fmt.Sprintf("the weight is %s, which %s does not read: it was read back, and its engine prepared it", b, d.Label))
	}
	r, err := d.Runner.Run(ctx, job, progress)
	if err != nil {
		return layer.Output{}, err
	}
	if len(r.Y) != len(out.Y.Data) {
		return layer.Output{}, fault(inspect.ErrMismatch, fmt.Sprintf("%s returned %d outputs", d.Label, len(r.Y)),
			fmt.Sprintf("the product has %d", len(out.Y.Data)), "")
	}
	out.Y.Data = r.Y
	out.Foreign = d.Foreign
	out.By, out.Device, out.Arch = r.Kernel, r.Device, cmp.Or(r.Arch, unknownArch)
	out.Notes = append(out.Notes, r.Notes...)
	return out, nil
}

// problem is a checked Forward that a kernel can take.
func (d Device) problem(f layer.Forward) (problem, error) {
	if f.Dense != nil {
		return problem{}, fault(inspect.ErrUnsupported, d.Label+" takes no dense weight",
			"its kernels read FP4 layers", "backend=ref, or quantize the weight first")
	}
	if f.Order != (layer.Order{}) {
		return problem{}, fault(inspect.ErrUnsupported, fmt.Sprintf("%s has no order %s", d.Label, f.Order),
			"its kernels walk K as they were built", "backend=emu, or leave order= out")
	}
	if f.Arch == "" {
		f.Arch = "sm100"
	}
	return newProblem(f)
}

// job prepares the operands and fills in all of the output but y.
func (p *problem) job(ctx context.Context, out *layer.Output) (layer.Job, error) {
	c, err := p.chain(ctx, out)
	if err != nil {
		return layer.Job{}, err
	}
	j := layer.Job{Mode: p.Mode, Arch: p.Arch, M: p.M, N: p.N, K: p.K, Block: p.w.Block, Scale: p.w.ScaleType,
		Alphas: p.setAlpha(out), Epilogue: p.Epilogue, Out: p.Out}
	if j.Bias, err = p.bias(); err != nil {
		return layer.Job{}, err
	}
	j.WCodes, j.WScales, j.Key = lowFirst(p.w), p.w.Scales, p.Weights.Key(p.Expert)
	switch {
	case p.M == 0:
	case p.Mode == layer.W4A4:
		j.XCodes, j.XScales = lowFirst(out.XBlocks), out.XBlocks.Scales
	default:
		j.XWords = c.(*chainBF16).x
	}
	out.Notes = append(out.Notes, weightNotes(p.w)...)
	return j, j.Check()
}

// lowFirst is the codes with element 2i in the low nibble.
func lowFirst(b *fp4.Blocks) []byte {
	if b.Order == fp4.LowFirst {
		return b.Codes
	}
	swapped := make([]byte, len(b.Codes))
	for i, c := range b.Codes {
		swapped[i] = c<<4 | c>>4
	}
	return swapped
}
