package gemm

import (
	"fmt"

	"fp4tui/exec/gemm/rz64"
	"fp4tui/inspect/fp4"
)

// chainFP4 accumulates block-scaled FP4 instructions of K = 64.
type chainFP4 struct {
	model   Model
	x, w    *fp4.Blocks
	product *rz64.Product
}

// stepGroups is the number of exact sums, of 16 products each, in one instruction.
const stepGroups = 4

func newChainFP4(m Model, x, w *fp4.Blocks) (*chainFP4, error) {
	p, err := rz64.New(x, w)
	if err != nil {
		return nil, fmt.Errorf("w4a4: %w", err)
	}
	return &chainFP4{model: m, x: x, w: w, product: p}, nil
}

// dotsFP4 is one worker and its tile.
type dotsFP4 struct {
	*rz64.Worker
	tile   tile
	before int // results disputed before the tile was loaded
}

func (c *chainFP4) newDots() dots { return &dotsFP4{Worker: c.product.NewWorker()} }

func (d *dotsFP4) load(t tile) { d.tile, d.before = t, d.Disputed() }

func (d *dotsFP4) run(step0, step1 int, c, abs []float32) {
	d.Run(d.tile.m0, d.tile.m1, d.tile.n0, d.tile.n1, step0, step1, c, abs)
}

func (d *dotsFP4) disputed() int { return d.Disputed() - d.before }

// shape counts instructions of K = 64.
func (c *chainFP4) shape() (steps, perTile int) {
	return c.product.Steps(), kTileFP4 / rz64.StepLen
}
