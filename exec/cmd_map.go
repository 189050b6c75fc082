package exec

import (
	"fmt"

	"fp4tui/exec/compare"
	"fp4tui/exec/language"
	"fp4tui/inspect"
)

// maxPixels bounds a map: wider than any terminal, small enough for one JSON line.
const maxPixels = 1 << 16

func (cmd *MapCmd) run(c *call) (Result, error) {
	v, err := c.resolve(cmd.E)
	if err != nil {
		return nil, err
	}
	o := compare.MapOptions{Width: 48, Height: 16, Bound: float64(cmd.Bound)}
	if cmd.Size.W > 0 {
		o.Width, o.Height = cmd.Size.W, cmd.Size.H
	}
	if o.Width*o.Height > maxPixels {
		return nil, fmt.Errorf("%w: size=%dx%d: more than %d pixels", ErrUsage, o.Width, o.Height, maxPixels)
	}
	agg, _ := compare.ParseAgg(first(cmd.Agg, "max"))
	o.Agg = agg
	h := Heat{Subject: cmd.E.Base().String(), Agg: agg.String(), Metric: "value", RowAxis: "m", ColAxis: "n"}
	var picture *compare.Heat
	switch v := v.(type) {
	case *diffValue:
		var by compare.Measure
		if by, err = v.measure(first(cmd.Metric, "abs")); err != nil {
			return nil, err
		}
		if o.Rows, o.Cols, err = mapWindow(cmd.E, v.pair.M, v.pair.N); err != nil {
			return nil, err
		}
		h.Metric, h.By = by.String(), v.gotBy
		picture, err = v.maps[by].Map(c.ctx, o)
	case *comparedValue:
		return c.comparedMap(cmd, v, h, o)
	default:
		picture, err = c.plainMap(cmd.E, v, &h, o)
	}
	if err != nil {
		return nil, err
	}
	return heat(h, picture), nil
}

// plainMap maps anything that is a matrix: scales, codes, a tensor, a product.
func (c *call) plainMap(ref language.Ref, v value, h *Heat, o compare.MapOptions) (*compare.Heat, error) {
	var matrix compare.Matrix
	switch v := v.(type) {
	case *weightsValue:
		matrix, h.RowAxis, h.ColAxis, h.Subject = compare.ScaleMatrix(v.blocks()), "n", "K block", ref.Base().String()+".scale"
		h.Expert, h.Experts = v.which()
	case scaleValue:
		matrix, h.RowAxis, h.ColAxis = compare.ScaleMatrix(v.blocks()), "n", "K block"
		h.Expert, h.Experts = v.w.which()
	case codesValue:
		t := v.decoded()
		matrix, h.RowAxis, h.ColAxis = tensorMatrix(t), "n", "k"
		h.Expert, h.Experts = v.w.which()
	default:
		t, err := c.tensorOf(ref, v)
		if err != nil {
			return nil, err
		}
		matrix = tensorMatrix(t)
		h.By = c.by(ref)
	}
	m, n := matrix.Size()
	var err error
	if o.Rows, o.Cols, err = mapWindow(ref, m, n); err != nil {
		return nil, err
	}
	return compare.HeatOf(c.ctx, matrix, o)
}

func tensorMatrix(t inspect.Tensor) compare.Matrix {
	rows, cols := t.Rows()
	return compare.Values(rows, cols, func(r, c int) float64 { return float64(t.Data[r*cols+c]) })
}

// mapWindow is the window of a reference over an M × N matrix.
func mapWindow(ref language.Ref, m, n int) (rows, cols compare.Range, err error) {
	rows, cols = compare.Range{Lo: 0, Hi: m}, compare.Range{Lo: 0, Hi: n}
	if ref.At != "" || len(ref.Window) > 2 {
		return rows, cols, fmt.Errorf("%w: %s: a map takes a window [rows, columns]", ErrUsage, ref)
	}
	for i, d := range []struct {
		r    *compare.Range
		size int
	}{{&rows, m}, {&cols, n}} {
		if i >= len(ref.Window) {
			break
		}
		lo, hi, ok := ref.Window[i].Range(d.size)
		if !ok {
			return rows, cols, outside(ref, i, d.size)
		}
		*d.r = compare.Range{Lo: lo, Hi: hi}
	}
	return rows, cols, nil
}

// outside is the error of a window that leaves its tensor.
func outside(ref language.Ref, dim, size int) error {
	return fmt.Errorf("%w: %s: dimension %d has %d elements, 0 to %d", ErrShape, ref, dim, size, size-1)
}

func heat(h Heat, p *compare.Heat) Heat {
	h.M, h.N, h.Row0, h.Col0, h.RowStep, h.ColStep, h.H, h.W = p.M, p.N, p.Row0, p.Col0, p.RowStep(), p.ColStep(), p.H, p.W
	h.NaNs, h.NaN, h.Lo, h.Hi = p.NaNs, p.NaN, Float(p.Lo), Float(p.Hi)
	if h.Pad = p.Pad; p.Pad > 0 {
		h.Pads = p.Pads
	}
	h.Values, h.RowMax, h.ColMax = float32s(p.Values), float32s(p.RowMax), float32s(p.ColMax)
	return h
}

func float32s(v []float32) []Float32 {
	out := make([]Float32, len(v))
	for i, x := range v {
		out[i] = Float32(x)
	}
	return out
}

// window cuts a tensor to a reference's window. Fewer dimensions than the tensor has
// leave the last ones whole; a single index drops its dimension.
func window(t inspect.Tensor, ref language.Ref) (inspect.Tensor, error) {
	if ref.At != "" {
		return t, fmt.Errorf("%w: %s: @%s is a position of a comparison", ErrUsage, ref, ref.At)
	}
	if ref.Window == nil {
		return t, nil
	}
	if len(ref.Window) > len(t.Shape) {
		return t, fmt.Errorf("%w: %s: %d indices into a tensor of %d dimensions, %s", ErrShape, ref, len(ref.Window), len(t.Shape), inspect.ShapeString(t.Shape))
	}
	out := inspect.Tensor{DType: t.DType, Rounded: t.Rounded}
	offsets := []int{0}
	for dim, size := range t.Shape {
		lo, hi := 0, size
		if dim < len(ref.Window) {
			s := ref.Window[dim]
			var ok bool
			if lo, hi, ok = s.Range(size); !ok {
				return t, outside(ref, dim, size)
			}
			if !s.Index {
				out.Shape = append(out.Shape, hi-lo)
			}
		} else {
			out.Shape = append(out.Shape, size)
		}
		next := make([]int, 0, len(offsets)*(hi-lo))
		for _, o := range offsets {
			for i := lo; i < hi; i++ {
				next = append(next, o*size+i)
			}
		}
		offsets = next
	}
	out.Data = make([]float32, len(offsets))
	for i, o := range offsets {
		out.Data[i] = t.Data[o]
	}
	return out, nil
}
