package gemm

import (
	"context"
	"math"
	"sync"

	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// clipFactor is the multiple of a block scale beyond which a value is clipped: the
// largest code is 6, and half the gap below it further out no rounding leads there.
const clipFactor = 7

// actReport measures what quantizing did to x.
func (p *problem) actReport(ctx context.Context, out *layer.Output) (*layer.ActReport, error) {
	b := out.XBlocks
	r := &layer.ActReport{Policy: p.Act, Per: p.ActPer, EncodeMin: 1, EncodeMax: 1, ScaleType: b.ScaleType,
		Blocks: int64(len(b.Scales)), Elements: int64(len(p.X.Data))}
	if b.Global.Use != fp4.NoGlobal {
		r.EncodeMin, r.EncodeMax = encodeRange(out)
	}
	for s, n := range histogram(b) {
		r.Scales[s] = int64(n)
		switch b.ScaleType.Class(uint16(s)) {
		case fp4.Zero:
			r.ZeroScale += int64(n)
		case fp4.NaN:
			r.NaNScale += int64(n)
		case fp4.Saturated:
			r.Saturated += int64(n)
		}
	}
	// By row, so that the sum is the same however many workers there are.
	signal, noise := make([]float64, p.M), make([]float64, p.M)
	var mu sync.Mutex
	err := eachRows(ctx, p.M, p.K, func(r0, r1 int) error {
		c := actCounter{values: make([]float32, p.K)}
		for m := r0; m < r1; m++ {
			signal[m], noise[m] = c.row(p.X.Data[m*p.K:(m+1)*p.K], out.XRow(m))
		}
		mu.Lock()
		defer mu.Unlock()
		r.Lost += c.lost
		r.Clipped += c.clipped
		r.Flushed += c.flushed
		r.NonFinite += c.nonFinite
		return nil
	})
	r.SQNR = sqnr(signal, noise)
	return r, err
}

// encodeRange is the smallest and the largest global scale over the rows; NaN when one
// of them is.
func encodeRange(out *layer.Output) (lo, hi float32) {
	if out.XGlobals == nil {
		return out.XBlocks.Global.Value, out.XBlocks.Global.Value
	}
	lo, hi = out.XGlobals[0], out.XGlobals[0]
	for _, g := range out.XGlobals {
		lo, hi = min(lo, g), max(hi, g)
	}
	return lo, hi
}

// sqnr is the ratio of two energies, given by row, in dB.
func sqnr(signal, noise []float64) float64 {
	s, n := 0.0, 0.0
	for m := range signal {
		s += signal[m]
		n += noise[m]
	}
	if n == 0 {
		return math.Inf(1)
	}
	return 10 * math.Log10(s/n)
}

// actCounter counts over some rows.
type actCounter struct {
	values                            []float32 // a row, dequantized
	lost, clipped, flushed, nonFinite int64
}

// row counts over one row of x, and returns its energy and that of its error.
func (c *actCounter) row(x []float32, b fp4.Blocks) (signal, noise float64) {
	b.DequantRow(0, c.values)
	for k := 0; k < len(x); k += b.Block {
		scale := b.Scale(0, k)
		limit := clipFactor * float64(b.Effective(scale))
		zero := b.ScaleType.Class(uint16(scale)) == fp4.Zero
		lost := false
		values := c.values[k:min(k+b.Block, len(x))]
		for i, v32 := range x[k:][:len(values)] {
			v, q := float64(v32), float64(values[i])
			if v-v != 0 {
				lost = lost || zero
				c.nonFinite++
				continue
			}
			if q == 0 && v != 0 {
				lost = lost || zero
				c.flushed++
			}
			if math.Abs(v) > limit && !zero {
				c.clipped++
			}
			signal += float64(v * v)
			noise += float64((v - q) * (v - q))
		}
		if lost {
			c.lost++
		}
	}
	return signal, noise
}
