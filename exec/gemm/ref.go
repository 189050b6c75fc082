package gemm

import (
	"context"
	"fmt"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// Ref is the dequantized reference of what was asked: the operands as numbers,
// products and sums in float64 in ascending K, one rounding to the output type
// (nearest even). In w4a16 the operands are x as given, unrounded, and the
// dequantized weight; in w4a4 they are the dequantized quantized activations and the
// dequantized weight, so that a difference from the emulator is arithmetic alone.
// A dequantized number is float32(code·scale·global) with code·scale exact and one
// rounding for the global scale, whichever way that works. A bias that the epilogue
// asks for is added to the float64 sum, wherever it asks for it.
type Ref struct{}

// Name is "ref".
func (Ref) Name() string { return "ref" }

// Ready is nil: the reference runs anywhere.
func (Ref) Ready() error { return nil }

// Forward computes y = x·Wᵀ. Errors are *inspect.Fault or *fp4.Error, and ctx.Err().
func (Ref) Forward(ctx context.Context, f layer.Forward, progress layer.Progress) (layer.Output, error) {
	p, err := newProblem(f)
	if err != nil {
		return layer.Output{}, err
	}
	if p.Order != (layer.Order{}) || p.Epilogue.Alpha != layer.AlphaF32 || p.Global != nil || p.Alpha != nil {
		return layer.Output{}, fault(inspect.ErrUnsupported, fmt.Sprintf("the reference has no order %s, no epilogue %s and no alpha", p.Order, p.Epilogue),
			"it dequantizes each number, sums in float64 and rounds once", "backend=emu, or leave order=, epilogue= and alpha= out")
	}
	bias, err := p.bias()
	if err != nil {
		return layer.Output{}, err
	}
	out := p.output()
	x := matrix(denseMatrix{p.X.Data, p.K})
	if p.Mode == layer.W4A4 {
		if x, err = p.quantizedRef(ctx, &out); err != nil {
			return layer.Output{}, err
		}
	}
	var w matrix
	if p.Dense != nil {
		w = denseMatrix{p.Dense.Data, p.K}
	} else {
		w = newBlockMatrix(p.w)
		out.Notes = append(out.Notes, weightNotes(p.w)...)
	}
	err = runTiles(ctx, &p, progress, func() worker {
		var xs, ws []float64
		return func(t tile, tick func(int64) error) error {
			xs, ws = expand(x, xs, t.m0, t.m1, p.K), expand(w, ws, t.n0, t.n1, p.K)
			for m := t.m0; m < t.m1; m++ {
				row := xs[(m-t.m0)*p.K:][:p.K]
				y := out.Y.Data[m*p.N+t.n0 : m*p.N+t.n1]
				sums(y, row, ws, bias, t.n0, p.Out)
				if err := tick(int64(len(y)) * int64(p.K)); err != nil {
					return err
				}
			}
			return nil
		}
	})
	if err != nil {
		return layer.Output{}, err
	}
	return out, nil
}

// quantizedRef quantizes x for the reference of a w4a4 run.
func (p *problem) quantizedRef(ctx context.Context, out *layer.Output) (matrix, error) {
	if p.Dense != nil {
		return nil, fault(inspect.ErrUnsupported, "mode=w4a4 with a dense weight", "w4a4 has a quantized weight", "quantize the weight, or mode=w4a16")
	}
	format, err := p.format()
	if err != nil || p.M == 0 {
		return denseMatrix{}, err
	}
	if err := p.quantizeX(ctx, format, out); err != nil {
		return nil, err
	}
	out.Factors = nil // the reference has no alpha
	if out.XGlobals != nil {
		return newTokenMatrix(out), nil
	}
	return newBlockMatrix(out.XBlocks), nil
}

// matrix gives the rows of an operand as numbers.
type matrix interface{ row(i int, dst []float64) }

type denseMatrix struct {
	data []float32
	k    int
}

func (d denseMatrix) row(i int, dst []float64) {
	for k, v := range d.data[i*d.k:][:d.k] {
		dst[k] = float64(v)
	}
}

// blockMatrix looks its numbers up: they depend on code and scale byte alone.
type blockMatrix struct {
	*fp4.Blocks
	value *[256][16]float64 // by scale byte, then code
}

// newBlockMatrix dequantizes every pair of code and scale by the definition in Ref.
func newBlockMatrix(b *fp4.Blocks) blockMatrix {
	m := blockMatrix{b, new([256][16]float64)}
	for s := range m.value {
		for c := range m.value[s] {
			v := float64(fp4.DecodeE2M1(uint8(c))) * float64(b.ScaleType.Decode(uint16(s)))
			switch b.Global.Use {
			case fp4.Divides:
				v /= float64(b.Global.Value)
			case fp4.Multiplies:
				v *= float64(b.Global.Value)
			}
			m.value[s][c] = float64(float32(v))
		}
	}
	return m
}

func (b blockMatrix) row(i int, dst []float64) {
	for k := 0; k < len(dst); k += b.Block {
		value := &b.value[b.Scale(i, k)]
		for j := k; j < min(k+b.Block, len(dst)); j++ {
			dst[j] = value[b.Code(i, j)]
		}
	}
}

// tokenMatrix is a blockMatrix whose rows have global scales of their own.
type tokenMatrix struct {
	*fp4.Blocks
	local   blockMatrix // without a global scale
	globals []float32   // divisors by row
}

func newTokenMatrix(out *layer.Output) tokenMatrix {
	b := *out.XBlocks
	b.Global = fp4.GlobalScale{}
	return tokenMatrix{&b, newBlockMatrix(&b), out.XGlobals}
}

func (t tokenMatrix) row(i int, dst []float64) {
	t.local.row(i, dst)
	g := float64(t.globals[i])
	for k, v := range dst {
		dst[k] = float64(float32(v / g))
	}
}

// expand writes rows [i0,i1) of m to buf, grown as needed.
func expand(m matrix, buf []float64, i0, i1, k int) []float64 {
	n := (i1 - i0) * k
	if cap(buf) < n {
		buf = make([]float64, n)
	}
	buf = buf[:n]
	for i := i0; i < i1; i++ {
		m.row(i, buf[(i-i0)*k:][:k])
	}
	return buf
}

// sums computes y[j] = x·w[j]. Each sum is in ascending K; four go on at once
// because they do not depend on each other. The conversions keep a compiler from
// fusing multiply and add. The bias, if any, is that of columns n0 and on.
func sums(y []float32, x, w []float64, bias []float32, n0 int, out inspect.DType) {
	plus := func(s float64, j int) float64 {
		if bias != nil {
			s += float64(bias[n0+j])
		}
		return s
	}
	k, j := len(x), 0
	for ; j+4 <= len(y); j += 4 {
		w0, w1, w2, w3 := w[j*k:][:k], w[(j+1)*k:][:k], w[(j+2)*k:][:k], w[(j+3)*k:][:k]
		var s0, s1, s2, s3 float64
		for i, v := range x {
			s0 += float64(v * w0[i])
			s1 += float64(v * w1[i])
			s2 += float64(v * w2[i])
			s3 += float64(v * w3[i])
		}
		for i, s := range [...]float64{s0, s1, s2, s3} {
			y[j+i] = roundFloat64(plus(s, j+i), out)
		}
	}
	for ; j < len(y); j++ {
		s := 0.0
		for i, v := range x {
			s += float64(v * w[j*k+i])
		}
		y[j] = roundFloat64(plus(s, j), out)
	}
}
