package exec

import (
	"fmt"
	"math"
	"slices"

	"fp4tui/exec/language"
	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
)

// bytesDiff compares two quantized matrices as bytes, when both references are such, and
// returns the tensors to compare as values: what they dequantize to. Other references come
// back as they are. The error is of class ErrShape: matrices of two formats or sizes.
func (c *call) bytesDiff(got, want language.Ref) (*BytesDiff, [2]language.Ref, error) {
	refs := [2]language.Ref{got, want}
	var sides [2]*weightsValue
	for i, ref := range refs {
		v, err := c.resolve(ref)
		if err != nil {
			return nil, refs, err
		}
		w, quantized := v.(*weightsValue)
		if !quantized || ref.Window != nil || ref.At != "" {
			return nil, refs, nil
		}
		sides[i] = w
	}
	a, b := sides[0].blocks(), sides[1].blocks()
	if a.Block != b.Block || a.ScaleType != b.ScaleType || a.Rows != b.Rows || a.Cols != b.Cols {
		return nil, refs, fmt.Errorf("%w: %s is %s, %s is %s: bytes have nothing in common; diff %s.dequant %s.dequant compares values",
			ErrShape, got, sides[0].describe(), want, sides[1].describe(), got, want)
	}
	for i := range refs {
		refs[i].Attrs = append(slices.Clone(refs[i].Attrs), "dequant")
	}
	d := compareBytes(a, b)
	if sides[0].globals != nil || sides[1].globals != nil { // one a row
		d.Globals, d.GlobalsDiffer = true, !sameWords(sides[0].globals, sides[1].globals)
	}
	return d, refs, nil
}

// compareBytes counts scales and codes that differ. Both matrices have one format and size.
func compareBytes(a, b *fp4.Blocks) *BytesDiff {
	d := &BytesDiff{Scales: int64(len(a.Scales)), Globals: a.Global.Use != fp4.NoGlobal || b.Global.Use != fp4.NoGlobal,
		GlobalsDiffer: math.Float32bits(a.Global.Multiplier()) != math.Float32bits(b.Global.Multiplier())}
	for row := range a.Rows {
		for col0 := 0; col0 < a.Cols; col0 += a.Block {
			if p, q := a.Scale(row, col0), b.Scale(row, col0); p != q {
				d.ScalesDiffer++
				if isNumber(p, a.ScaleType) && isNumber(q, a.ScaleType) {
					d.ScaleStep = max(d.ScaleStep, stepOf(p, q, signOf(a.ScaleType)))
				}
				continue
			}
			for col := col0; col < min(col0+a.Block, a.Cols); col++ {
				d.Codes++
				if p, q := a.Code(row, col), b.Code(row, col); p != q {
					d.CodesDiffer++
					d.CodeStep = max(d.CodeStep, stepOf(p, q, 8))
				}
			}
		}
	}
	return d
}

// isNumber says that a scale's byte is no NaN, which is no distance from anything.
func isNumber(scale uint8, f fp4.Format) bool {
	v := f.Decode(uint16(scale))
	return v == v
}

// signOf is the sign bit of a scale's byte: E8M0 has none.
func signOf(f fp4.Format) uint8 {
	if f == fp4.E8M0 {
		return 0
	}
	return 0x80
}

// stepOf is how many codes apart two are, in the order of their values.
func stepOf(a, b, sign uint8) int {
	rank := func(v uint8) int {
		if v&sign != 0 {
			return -int(v &^ sign)
		}
		return int(v)
	}
	d := rank(a) - rank(b)
	return max(d, -d)
}

// bytesAttributes are the numbers of a comparison of two quantized matrices.
func bytesAttributes() []attribute {
	rows := []struct {
		name, doc string
		get       func(d *BytesDiff) float64
	}{
		{"scales_differ", "of two quantized matrices: block scales that are not the same byte", func(d *BytesDiff) float64 { return float64(d.ScalesDiffer) }},
		{"scale_step", "the most codes that two block scales are apart, NaN left out", func(d *BytesDiff) float64 { return float64(d.ScaleStep) }},
		{"codes_differ", "codes that are not the same in blocks with the same scale", func(d *BytesDiff) float64 { return float64(d.CodesDiffer) }},
		{"code_step", "the most codes that two of those are apart", func(d *BytesDiff) float64 { return float64(d.CodeStep) }},
	}
	out := make([]attribute, 0, len(rows))
	for _, row := range rows {
		out = append(out, attribute{row.name, row.doc, kindNumber, of(func(_ *call, v *diffValue) (value, error) {
			if v.bytes == nil {
				return nil, fmt.Errorf("%w: %s and %s are not two quantized matrices", inspect.ErrMissing, v.got, v.want)
			}
			return number(row.get(v.bytes))
		})})
	}
	return out
}
