package gemm

import (
	"fmt"
	"slices"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// problem is a checked Forward: y[M,N] = x[M,K]·w[N,K]ᵀ.
type problem struct {
	layer.Forward
	M, N, K int
	w       *fp4.Blocks // the chosen expert; nil for a dense weight
}

// newProblem checks the shapes, and that everything named exists.
func newProblem(f layer.Forward) (problem, error) {
	p := problem{Forward: f}
	if len(f.X.Shape) == 0 {
		return p, fault(inspect.ErrMismatch, "x is a scalar", "x is […,K]", "give x at least one dimension")
	}
	p.M, p.K = f.X.Rows()
	if len(f.X.Data) != p.M*p.K {
		return p, fault(inspect.ErrMalformed, fmt.Sprintf("x %s holds %d values", inspect.ShapeString(f.X.Shape), len(f.X.Data)), "", "")
	}
	if !slices.Contains([]inspect.DType{inspect.BF16, inspect.F16, inspect.F32}, f.Out) {
		return p, fault(inspect.ErrUnsupported, "no output type "+f.Out.String(), "there are BF16, F16 and F32", "out=bf16")
	}
	var err error
	if f.Dense != nil {
		err = p.setDense()
	} else {
		err = p.setBlocks()
	}
	return p, err
}

func (p *problem) setDense() error {
	d := p.Dense
	if len(d.Shape) != 2 || len(d.Data) != inspect.Numel(d.Shape) {
		return fault(inspect.ErrMismatch, fmt.Sprintf("weight %s holds %d values", inspect.ShapeString(d.Shape), len(d.Data)),
			"a dense weight is N×K", "")
	}
	p.N = d.Shape[0]
	return p.matchK("weight", d.Shape[1], 1)
}

func (p *problem) setBlocks() error {
	if p.Weights == nil || len(p.Weights.Blocks) == 0 {
		return fault(inspect.ErrMissing, "no weight", "gemm takes a layer, a quantized weight or a dense N×K tensor", "")
	}
	if n := len(p.Weights.Blocks); p.Expert < 0 || p.Expert >= n {
		return fault(inspect.ErrMissing, fmt.Sprintf("no expert %d", p.Expert), fmt.Sprintf("the layer has %d, numbered from 0", n),
			fmt.Sprintf("expert=0 … expert=%d", n-1))
	}
	p.w = &p.Weights.Blocks[p.Expert]
	if err := p.w.Check(); err != nil {
		return fmt.Errorf("weight: %w", err)
	}
	p.N = p.w.Rows
	return p.matchK("layer", p.w.Cols, p.w.Block)
}

// matchK compares the two K and says what to do.
func (p *problem) matchK(what string, k, block int) error {
	if k == p.K {
		return nil
	}
	text := fmt.Sprintf("x %s has K %d, %s has K %d", inspect.ShapeString(p.X.Shape), p.K, what, k)
	cure := fmt.Sprintf("pad x with %d zero columns", k-p.K)
	if p.K > k {
		cure = fmt.Sprintf("pad the %s with %d zero columns (whole blocks of %d), or cut x to K %d", what, p.K-k, block, k)
	}
	return fault(inspect.ErrMismatch, text, "products run along K", cure)
}

// format says which of the two formats the weight has.
func (p *problem) format() (string, error) {
	switch {
	case p.w.Block == 16 && p.w.ScaleType != fp4.E8M0:
		return fp4.NVFP4, nil
	case p.w.Block == 32 && p.w.ScaleType == fp4.E8M0:
		return fp4.MXFP4, nil
	}
	return "", fault(inspect.ErrUnsupported, fmt.Sprintf("blocks of %d with %s scales", p.w.Block, p.w.ScaleType),
		"FP4 instructions take blocks of 16 with E4M3 scales or blocks of 32 with E8M0 scales", "backend=ref takes any")
}

// output allocates y: the leading dimensions of x, then N.
func (p *problem) output() layer.Output {
	shape := slices.Clone(p.X.Shape)
	shape[len(shape)-1] = p.N
	return layer.Output{Alpha: 1, Y: inspect.Tensor{DType: p.Out, Shape: shape, Data: make([]float32, p.M*p.N)}}
}
