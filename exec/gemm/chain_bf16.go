package gemm

import (
	"context"

	"fp4tui/exec/gemm/fdpa"
	"fp4tui/inspect/fp4"
)

// chainBF16 accumulates bf16 instructions: x as it is, the weight as code·scale.
type chainBF16 struct {
	model   Model
	x       []uint16 // M×K bf16 words
	k       int
	w       *fp4.Blocks
	word    *[256][16]uint16 // bf16 word of code·scale, by scale byte, then code
	product *fdpa.Product
}

// newChainBF16 tabulates the weight; prepare it before newDots.
func newChainBF16(m Model, x []uint16, w *fp4.Blocks, k int) *chainBF16 {
	p := fdpa.NewProduct(fdpa.Params{L: m.L, F: m.F, EZero: m.EZero}, len(x)/max(k, 1), k, w)
	return &chainBF16{model: m, x: x, k: k, w: w, word: p.Words(), product: p}
}

// prepare hands the rows of x to the product.
func (c *chainBF16) prepare(ctx context.Context) error {
	return eachRows(ctx, len(c.x)/max(c.k, 1), c.k, func(r0, r1 int) error {
		for r := r0; r < r1; r++ {
			c.product.SetRow(r, c.x[r*c.k:][:c.k])
		}
		return nil
	})
}

// dotsBF16 is one worker.
type dotsBF16 struct {
	worker *fdpa.Worker
	t      tile
	before int  // disputed results of earlier tiles
	agreed bool // hardware has answered what published models dispute
}

func (c *chainBF16) newDots() dots {
	return &dotsBF16{worker: c.product.NewWorker(), agreed: len(c.model.rivals) == 0}
}

func (d *dotsBF16) load(t tile) { d.t, d.before = t, d.worker.Disputed() }

func (d *dotsBF16) disputed() int {
	if d.agreed {
		return 0
	}
	return d.worker.Disputed() - d.before
}

// run continues the accumulators of the tile.
func (d *dotsBF16) run(step0, step1 int, c, peak []float32) {
	d.worker.Run(d.t.m0, d.t.m1, d.t.n0, d.t.n1, step0, step1, c, peak)
}

// shape counts fused sums of L elements.
func (c *chainBF16) shape() (steps, perTile int) {
	return (c.k + c.model.L - 1) / c.model.L, kTileBF16 / c.model.L
}
