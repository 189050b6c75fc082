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
	err = runTiles(ctx, &p, out.Y.Data, progress, func() worker {
		s := summer{kernel: sumKernels()[0], k: p.K}
		return func(t tile, tick func(int64) error) error {
			s.load(x, w, t)
			for m := t.m0; m < t.m1; m += sumRows {
				rows := min(sumRows, t.m1-m)
				s.sum(m - t.m0)
				for r := range rows {
					s.round(out.Y.Data[(m+r)*p.N:][t.n0:t.n1], r, bias, t.n0, p.Out)
				}
				if err := tick(int64(rows) * int64(t.n1-t.n0) * int64(p.K)); err != nil {
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
type matrix interface {
	read(from, to int, dst []float32)
}

type denseMatrix struct {
	data []float32
	k    int
}

func (d denseMatrix) read(from, to int, dst []float32) { copy(dst, d.data[from*d.k:to*d.k]) }

// blockMatrix looks its numbers up: they depend on code and scale byte alone.
type blockMatrix struct {
	*fp4.Blocks
	value *fp4.Values
}

// newBlockMatrix dequantizes every pair of code and scale by the definition in Ref.
func newBlockMatrix(b *fp4.Blocks) blockMatrix {
	m := blockMatrix{b, new(fp4.Values)}
	for s := range m.value {
		for c := range m.value[s] {
			v := float64(fp4.DecodeE2M1(uint8(c))) * float64(b.ScaleType.Decode(uint16(s)))
			switch b.Global.Use {
			case fp4.Divides:
				v /= float64(b.Global.Value)
			case fp4.Multiplies:
				v *= float64(b.Global.Value)
			}
			m.value[s][c] = float32(v)
		}
	}
	return m
}

func (b blockMatrix) read(from, to int, dst []float32) { b.Expand(from, to, b.value, dst, false) }

// tokenMatrix is a blockMatrix whose rows have global scales of their own.
type tokenMatrix struct {
	local   blockMatrix // without a global scale: its numbers are exact
	globals []float32   // divisors by row
}

func newTokenMatrix(out *layer.Output) tokenMatrix {
	b := *out.XBlocks
	b.Global = fp4.GlobalScale{}
	return tokenMatrix{newBlockMatrix(&b), out.XGlobals}
}

func (t tokenMatrix) read(from, to int, dst []float32) {
	t.local.read(from, to, dst)
	for i := from; i < to; i++ {
		g := float64(t.globals[i])
		row := dst[(i-from)*t.local.Cols:][:t.local.Cols]
		for k, v := range row {
			row[k] = float32(float64(v) / g)
		}
	}
}
