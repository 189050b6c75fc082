package gemm

import (
	"fmt"
	"math"
	"sync/atomic"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// epilogue turns accumulators into outputs. It is monotone in the accumulator for a
// positive alpha, which the certificate relies on.
type epilogue struct {
	layer.Epilogue
	alpha []float32 // by row of x; one value serves all
	bias  []float32 // by column; nil without
	out   inspect.DType

	overflowed atomic.Int64 // accumulators that left the output type before the global scale
}

// epilogue resolves what was asked for against the layer. There is one alpha for all
// rows of x, or one each.
func (p *problem) epilogue(alpha ...float32) (*epilogue, error) {
	e := &epilogue{Epilogue: p.Epilogue, alpha: alpha, out: p.Out}
	var err error
	e.bias, err = p.bias()
	return e, err
}

// bias is the bias of the chosen expert, if it is to be added.
func (p *problem) bias() ([]float32, error) {
	if p.Epilogue.Bias == layer.BiasNone {
		return nil, nil
	}
	if p.Weights == nil || p.Weights.Bias == nil {
		return nil, fault(inspect.ErrMissing, "no bias to add", "the layer stores none", "bias=none")
	}
	b := p.Weights.Bias.Data
	if len(b) == p.N*len(p.Weights.Blocks) {
		b = b[p.Expert*p.N:][:p.N]
	}
	if len(b) != p.N {
		return nil, fault(inspect.ErrMismatch, fmt.Sprintf("bias of %d values", len(b)), fmt.Sprintf("the layer has N %d", p.N), "bias=none")
	}
	return b, nil
}

// row writes the outputs of accumulators acc, which begin at column n0 of row m.
func (e *epilogue) row(y, acc []float32, m, n0 int) {
	alpha := e.alpha[min(m, len(e.alpha)-1)]
	if e.Epilogue == (layer.Epilogue{}) {
		roundRow(y, acc, alpha, e.out)
		return
	}
	overflowed := int64(0)
	for j, a := range acc {
		y[j] = e.apply(a, alpha, n0+j)
		if e.Alpha == layer.AlphaOut && math.IsInf(float64(roundFloat32(a, e.out)), 0) && !math.IsInf(float64(a), 0) {
			overflowed++
		}
	}
	if overflowed > 0 {
		e.overflowed.Add(overflowed)
	}
}

// apply is the general epilogue of one output. A product of two 16-bit numbers is
// exact in float32 or rounds there as it would directly, so AlphaOut is their own
// product in the output type.
func (e *epilogue) apply(acc, alpha float32, n int) float32 {
	var v float32
	switch e.Alpha {
	case layer.AlphaF32:
		v = float32(alpha * acc)
	case layer.AlphaBF16:
		v = float32(fp4.RoundBF16(alpha) * acc)
	case layer.AlphaOut:
		v = roundFloat32(float32(roundFloat32(alpha, e.out)*roundFloat32(acc, e.out)), e.out)
	}
	switch e.Bias {
	case layer.BiasF32:
		v = float32(v + e.bias[n])
	case layer.BiasOut:
		v = float32(roundFloat32(v, e.out) + roundFloat32(e.bias[n], e.out))
	}
	return roundFloat32(v, e.out)
}

// notes tell what the place of alpha cost; to be read after the last row.
func (e *epilogue) notes() []string {
	var notes []string
	place := map[layer.AlphaPlace]inspect.DType{layer.AlphaF32: inspect.F32, layer.AlphaBF16: inspect.BF16, layer.AlphaOut: e.out}[e.Alpha]
	worst, at := 0.0, float32(0)
	for _, a := range e.alpha {
		if d := math.Abs(float64(roundFloat32(a, place))/float64(a) - 1); d > worst {
			worst, at = d, a
		}
	}
	if worst > 0 {
		notes = append(notes, fmt.Sprintf("alpha %.6g is %.6g as %s, off by %.2g", at, roundFloat32(at, place), place, worst))
	}
	if n := e.overflowed.Load(); n > 0 {
		notes = append(notes, fmt.Sprintf("%d accumulators overflowed %s before the global scale was applied", n, e.out))
	}
	return notes
}
