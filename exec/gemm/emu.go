package gemm

import (
	"context"
	"fmt"
	"math"
	"sync/atomic"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// Emu returns the bits of a tensor core: chains of instructions along K in the order
// asked for (Forward.Order; the zero Order is one chain in ascending K, the first
// instruction with c = 0), and the epilogue asked for (Forward.Epilogue; the zero
// Epilogue is D = round(alpha·acc): one float32 multiplication, one rounding to the
// output type).
//
//	w4a4   x is quantized like the weight (NVFP4 as flashinfer does with IEEE division,
//	       MXFP4 with scales rounded up); K = 64 block-scaled FP4 instructions;
//	       alpha is the float32 product of the two decode scales
//	w4a16  x is bf16, rounded to it where it is not; the weight is code·scale as bf16
//	       without its global scale (exact); bf16 instructions; alpha is the global
//	       scale; Act plays no part
type Emu struct{}

// Name is "emu".
func (Emu) Name() string { return "emu" }

// Ready is nil: the emulator runs anywhere.
func (Emu) Ready() error { return nil }

// Forward computes y = x·Wᵀ as f.Arch does; no Arch is "sm100". Errors are
// *inspect.Fault or *fp4.Error, and ctx.Err().
func (Emu) Forward(ctx context.Context, f layer.Forward, progress layer.Progress) (layer.Output, error) {
	if f.Dense != nil {
		return layer.Output{}, fault(inspect.ErrUnsupported, "emu takes no dense weight",
			"it emulates FP4 layers", "backend=ref, or quantize the weight first")
	}
	if f.Arch == "" {
		f.Arch = "sm100"
	}
	p, err := newProblem(f)
	if err != nil {
		return layer.Output{}, err
	}
	out := p.output()
	c, err := p.chain(ctx, &out)
	if err != nil {
		return layer.Output{}, err
	}
	alpha := p.setAlpha(&out)
	out.Notes = append(out.Notes, weightNotes(p.w)...)
	if p.M == 0 {
		return out, nil
	}
	end, err := p.epilogue(alpha...)
	if err != nil {
		return layer.Output{}, err
	}
	cert, err := p.certificate(ctx, c, &out)
	if err != nil {
		return layer.Output{}, err
	}
	var disputed atomic.Int64
	err = runTiles(ctx, &p, out.Y.Data, progress, func() worker {
		w := accumulator32{dots: c.newDots(), walk: newWalk(&p, c), prove: cert != nil}
		return func(t tile, tick func(int64) error) error {
			acc, abs := w.accumulate(t)
			n := t.n1 - t.n0
			for m := t.m0; m < t.m1; m++ {
				row, at := acc[(m-t.m0)*n:][:n], m*p.N+t.n0
				end.row(out.Y.Data[at:][:n], row, m, t.n0)
				if cert != nil {
					end.certify(out.Proof.Of[at:][:n], cert, row, abs[(m-t.m0)*n:][:n], m, t.n0)
				}
			}
			disputed.Add(int64(w.dots.disputed()))
			return tick(int64(len(acc)) * int64(p.K))
		}
	})
	if err != nil {
		return layer.Output{}, err
	}
	out.Notes = append(out.Notes, end.notes()...)
	if n := disputed.Load(); n > 0 {
		out.Notes = append(out.Notes, fmt.Sprintf("%d sums underflowed to zero from below: %s", n, unverifiedZero))
	}
	return out, nil
}

// certificate prepares the proof that was asked for.
func (p *problem) certificate(ctx context.Context, c chain, out *layer.Output) (certificate, error) {
	if !p.Prove {
		return nil, nil
	}
	cert, err := c.certificate(ctx, p.Order)
	if err != nil {
		return nil, err
	}
	out.Proof = &layer.Proof{Of: make([]layer.Certainty, len(out.Y.Data)), Claim: cert.claim()}
	return cert, nil
}

// chain is the instructions of a product, before anybody has chosen their order.
type chain interface {
	// newDots returns the state of one worker.
	newDots() dots
	// shape is the number of instructions along K, and how many of them make one K
	// tile: what split-K and its kin deal out.
	shape() (steps, perTile int)
	// certificate is what is known of the outputs whatever the order.
	certificate(ctx context.Context, order layer.Order) (certificate, error)
}

// dots accumulates the outputs of a tile.
type dots interface {
	load(t tile)
	// run continues the accumulators c of the loaded tile, row-major, through the
	// instructions [step0,step1) in ascending K. Where abs is not nil it takes what the
	// chain's certificate is made from: FP4 adds the magnitude of what each instruction
	// adds, rounded up; bf16 keeps the largest magnitude of an accumulator after an
	// instruction.
	run(step0, step1 int, c, abs []float32)
	disputed() int // results since load whose sign published models dispute
}

// chain prepares the operands, and fills in all of the output but y and alpha.
func (p *problem) chain(ctx context.Context, out *layer.Output) (chain, error) {
	if p.Mode == layer.W4A16 {
		return p.chainBF16(ctx, out)
	}
	format, err := p.format()
	if err != nil {
		return nil, err
	}
	kind := fp4Kinds[format]
	m, err := Lookup(kind, p.Arch)
	if err != nil {
		return nil, err
	}
	out.Notes = m.notes()
	if m.Arch == "sm103" {
		out.Notes = append(out.Notes, "sm103 kernels may use the K=96 instruction instead of the K=64 one emulated here")
	}
	if p.M == 0 {
		return nil, nil
	}
	if err := p.quantizeX(ctx, format, out); err != nil {
		return nil, err
	}
	return newChainFP4(m, out.XBlocks, p.w)
}

// chainBF16 prepares w4a16.
func (p *problem) chainBF16(ctx context.Context, out *layer.Output) (chain, error) {
	m, err := Lookup("bf16", p.Arch)
	if err != nil {
		return nil, err
	}
	out.Notes = m.notes()
	x := make([]uint16, len(p.X.Data))
	var rounded atomic.Int64
	err = eachRows(ctx, p.M, p.K, func(r0, r1 int) error {
		n := 0
		for i := r0 * p.K; i < r1*p.K; i++ {
			v := p.X.Data[i]
			r := fp4.RoundBF16(v)
			x[i] = uint16(math.Float32bits(r) >> 16)
			switch {
			case v != v: // the payload may lie in the lower half alone
				x[i] = wordNaN >> 16
			case r != v:
				n++
			}
		}
		rounded.Add(int64(n))
		return nil
	})
	if err != nil {
		return nil, err
	}
	if n := rounded.Load(); n > 0 {
		out.Notes = append(out.Notes, fmt.Sprintf("%d of %d values of x (%s) were rounded to bf16, which is what a w4a16 kernel reads", n, len(x), p.X.DType))
	}
	out.Notes = append(out.Notes, overflowNotes(p.w)...)
	c := newChainBF16(m, x, p.w, p.K)
	return c, c.prepare(ctx)
}
