package gemm

import (
	"context"
	"fmt"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// Compute is the emulator's answer to a job that was made for a device: the words of
// Job.Arch, K walked in the order given. Errors are *inspect.Fault, and ctx.Err().
func Compute(ctx context.Context, j layer.Job, order layer.Order) ([]float32, error) {
	if err := j.Check(); err != nil {
		return nil, err
	}
	p := problem{Forward: layer.Forward{Mode: j.Mode, Arch: j.Arch, Out: j.Out, Order: order, Epilogue: j.Epilogue}, M: j.M, N: j.N, K: j.K,
		w: &fp4.Blocks{Rows: j.N, Cols: j.K, Block: j.Block, Codes: j.WCodes, Scales: j.WScales, ScaleType: j.Scale}}
	c, err := p.jobChain(ctx, &j)
	if err != nil {
		return nil, err
	}
	end := &epilogue{Epilogue: j.Epilogue, alpha: j.Alphas, bias: j.Bias, out: j.Out}
	if j.Epilogue.Bias != layer.BiasNone && j.Bias == nil {
		return nil, fault(inspect.ErrMissing, "no bias to add", "the job has none", "")
	}
	y := make([]float32, j.M*j.N)
	tiles := &tiler{m: p.M, n: p.N, k: p.K, rows: tileSize(tileRows, p.K), cols: tileSize(tileCols, p.K)}
	err = tiles.run(ctx, func() worker {
		w := accumulator32{dots: c.newDots(), walk: newWalk(&p, c)}
		return func(t tile, tick func(int64) error) error {
			acc, _ := w.accumulate(t)
			n := t.n1 - t.n0
			for m := t.m0; m < t.m1; m++ {
				end.row(y[m*p.N+t.n0:][:n], acc[(m-t.m0)*n:][:n], m, t.n0)
			}
			return tick(int64(len(acc)) * int64(p.K))
		}
	})
	return y, err
}

// jobChain is the chain of a job, whose operands are prepared.
func (p *problem) jobChain(ctx context.Context, j *layer.Job) (chain, error) {
	kind := "bf16"
	if j.Mode == layer.W4A4 {
		format, err := p.format()
		if err != nil {
			return nil, err
		}
		kind = fp4Kinds[format]
	}
	m, err := Lookup(kind, p.Arch)
	if err != nil {
		return nil, fmt.Errorf("job: %w", err)
	}
	if j.Mode == layer.W4A4 {
		x := &fp4.Blocks{Rows: j.M, Cols: j.K, Block: j.Block, Codes: j.XCodes, Scales: j.XScales, ScaleType: j.Scale}
		return newChainFP4(m, x, p.w)
	}
	c := newChainBF16(m, j.XWords, p.w, p.K)
	return c, c.prepare(ctx)
}
