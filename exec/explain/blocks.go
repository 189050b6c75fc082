package explain

import (
	"math"
	"slices"

	"fp4tui/inspect/fp4"
)

// Blocks is the K axis of one element, at the granularity of block scales.
type Blocks struct {
	Size    int     // elements in a block
	ByError bool    // ranked by the error of the operands; otherwise by what they add to the output
	All     []Block // in K order
	Order   []int   // indices of All, the largest contribution first
	Total   Value   // of Err when ByError, else of Sum
}

// Block is what one K block does.
type Block struct {
	First, Len      int
	Sum             Value // Σ x·w of got's operands
	Weight          Value // error that the weight makes: Σ x·Δw
	Activation      Value // error that the activations make: Σ Δx·w
	Err             Value // Weight + Activation
	Scale, XScale   int   // scale bytes; -1 without
	ScaleV, XScaleV float64
}

// Rank is what the block is ranked by.
func (b *Blocks) Rank(i int) Value {
	if b.ByError {
		return b.All[i].Err
	}
	return b.All[i].Sum
}

// plainBlock is the size where no operand has blocks.
const plainBlock = 16

// blocksOf adds the products of each block, and its share of the error that operands
// make.
func (e *Explanation) blocks() Blocks {
	x, wt, x0, w0 := e.operands()
	weights := e.weights()
	out := Blocks{Size: plainBlock}
	if weights != nil {
		out.Size = weights.Block
	}
	k := max(len(x), len(wt), len(x0), len(w0))
	for lo := 0; lo < k; lo += out.Size {
		hi := min(lo+out.Size, k)
		b := Block{First: lo, Len: hi - lo, Sum: dotRange(x, wt, lo, hi), Scale: -1, XScale: -1, ScaleV: math.NaN(), XScaleV: math.NaN()}
		middle := dotRange(x0, wt, lo, hi)
		b.Weight = middle.sub(dotRange(x0, w0, lo, hi))
		b.Activation = b.Sum.sub(middle)
		b.Err = b.Weight.plus(b.Activation)
		if weights != nil && lo < weights.Cols {
			b.Scale, b.ScaleV = scaleAt(weights, e.n, lo)
		}
		if xq := e.got.Out.XBlocks; xq != nil && lo < xq.Cols {
			b.XScale, b.XScaleV = scaleAt(xq, e.m, lo)
		}
		out.ByError = out.ByError || !b.Err.Finite() || b.Err.x.Sign() != 0
		out.All = append(out.All, b)
	}
	for i := range out.All {
		out.Order = append(out.Order, i)
		out.Total = out.Total.plus(out.Rank(i))
	}
	slices.SortStableFunc(out.Order, func(a, b int) int { return -byMagnitude(out.Rank(a), out.Rank(b)) })
	return out
}

// operands are the factors of got, and those that want had in their place.
func (e *Explanation) operands() (x, w, x0, w0 []float64) {
	x, w = e.g.factors()
	if e.w == nil {
		return x, w, x, w
	}
	x0, w0 = e.w.factors()
	return x, w, x0, w0
}

// weights is the quantized weight whose blocks are told, got's before want's.
func (e *Explanation) weights() *fp4.Blocks {
	for _, s := range []*Side{&e.got, &e.want} {
		if s.Made != nil && s.Made.Weights != nil {
			return &s.Made.Weights.Blocks[s.Made.Expert]
		}
	}
	return nil
}

func scaleAt(b *fp4.Blocks, row, k int) (int, float64) {
	s := b.Scale(row, k)
	return int(s), float64(b.ScaleType.Decode(uint16(s)))
}

// Factor is one product of a block.
type Factor struct {
	K         int
	X         float64 // as given
	Used      float64 // as multiplied
	XCode     int     // of quantized activations; -1 without
	W         float64 // as multiplied
	Code      int     // of the weight; -1 when it is not quantized
	Original  float64 // the reference's weight when it is not the same; NaN otherwise
	Product   float64 // Used·W
	Err       float64 // what the operands of this element add to the error
	HalfSteps float64 // |W - Original| in half steps of the code's grid, at the original's side; NaN without
}

// Factors are the products of block i of Blocks.All, the largest contribution first.
func (e *Explanation) Factors(i int) []Factor {
	x, w, x0, w0 := e.operands()
	weights := e.weights()
	var out []Factor
	b := e.Blocks.All[i]
	for k := b.First; k < b.First+b.Len; k++ {
		f := Factor{K: k, X: at(e.g.x[0].values, k), Used: at(x, k), XCode: -1, W: at(w, k), Code: -1, Original: math.NaN(), HalfSteps: math.NaN()}
		f.Product = f.Used * f.W
		f.Err = valueOf(f.Product).sub(valueOf(at(x0, k) * at(w0, k))).Float64()
		if xq := e.got.Out.XBlocks; xq != nil && k < xq.Cols {
			f.XCode = int(xq.Code(e.m, k))
		}
		if weights != nil && k < weights.Cols {
			f.Code = int(weights.Code(e.n, k))
			if e.want.Made != nil && e.want.Made.Dense != nil {
				f.Original = at(w0, k)
				f.HalfSteps = halfSteps(weights, e.n, k, f.Original)
			}
		}
		out = append(out, f)
	}
	key := func(f Factor) Value {
		if e.Blocks.ByError {
			return valueOf(f.Err)
		}
		return valueOf(f.Product)
	}
	slices.SortStableFunc(out, func(a, b Factor) int { return -byMagnitude(key(a), key(b)) })
	return out
}

// grid is the magnitudes of E2M1 and what would follow.
var grid = [...]float64{0, 0.5, 1, 1.5, 2, 3, 4, 6, 8}

// halfSteps is how far the original lies from the value of its code, in halves of the gap
// to the neighbour on that side: at most 1 for a weight that was rounded to nearest.
func halfSteps(b *fp4.Blocks, n, k int, original float64) float64 {
	scale := math.Abs(float64(b.Effective(b.Scale(n, k))))
	if !(scale > 0) {
		return math.NaN()
	}
	code := b.Code(n, k)
	i := int(code & 7)
	v := original / scale
	if code&8 != 0 {
		v = -v
	}
	d := v - grid[i]
	gap := grid[i+1] - grid[i]
	if d < 0 && i > 0 {
		gap = grid[i] - grid[i-1]
	}
	return math.Abs(d) / (gap / 2)
}
