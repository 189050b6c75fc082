package exec

import (
	"fmt"

	"fp4tui/exec/language"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layout"
)

// WhereisCmd finds one element of a weight in the file and in a prepared buffer.
type WhereisCmd struct {
	P language.Ref `arg:"P" kind:"prepared|layer|quantized" doc:"one element: p[n,k]"`
}

var whereisSpec = language.Spec{
	Verb: "whereis", Group: "layout",
	Summary:  "logical element to byte and nibble: in the file and in a prepared buffer",
	Examples: []string{"whereis p[994,37]", "whereis w[994,37]"},
	New:      func() any { return new(WhereisCmd) },
}

func (cmd *WhereisCmd) run(c *call) (Result, error) {
	v, err := c.resolve(cmd.P)
	if err != nil {
		return nil, err
	}
	p, w, err := weightOf(cmd.P, v)
	if err != nil {
		return nil, err
	}
	b := w.blocks()
	if len(cmd.P.Window) != 2 || !cmd.P.Point() || cmd.P.At != "" {
		return nil, fmt.Errorf("%w: %s: name one element, as in %s[0,0]", ErrUsage, cmd.P, cmd.P.Base())
	}
	for i, size := range []int{b.Rows, b.Cols} {
		if _, _, ok := cmd.P.Window[i].Range(size); !ok {
			return nil, outside(cmd.P, i, size)
		}
	}
	return place(cmd.P.Base().String(), p, w, cmd.P.Window[0].Lo, cmd.P.Window[1].Lo)
}

// AtCmd says what one byte of a prepared buffer holds.
type AtCmd struct {
	P      language.Ref `arg:"P" kind:"prepared" window:"none" doc:"a prepared weight"`
	Offset int64        `arg:"OFFSET" doc:"a byte of its buffer"`
	Of     string       `key:"of" enum:"codes|scales" default:"codes" doc:"which buffer"`
	High   bool         `key:"high" doc:"the high nibble of the byte"`
}

var atSpec = language.Spec{
	Verb: "at", Group: "layout",
	Summary:  "byte of a prepared buffer to logical element, or padding",
	Examples: []string{"at p 193554", "at p 193554 high=yes", "at p 21774 of=scales"},
	New:      func() any { return new(AtCmd) },
}

func (cmd *AtCmd) run(c *call) (Result, error) {
	p, err := as[*preparedValue](c, cmd.P, "prepared weight")
	if err != nil {
		return nil, err
	}
	of := layout.Codes
	if cmd.Of == "scales" {
		of = layout.Scales
	}
	held, err := p.prepared.At(of, cmd.Offset)
	if err != nil {
		return nil, err
	}
	e := held[0]
	if cmd.High && len(held) == 2 {
		e = held[1]
	}
	if !e.Padding {
		return place(cmd.P.String(), p, p.from, e.N, e.K)
	}
	r := Place{Subject: cmd.P.String(), Kernel: p.prepared.Kernel.Name, Padding: true, N: -1, K: -1, Block: -1, Code: -1, CodeValue: nan(), Scale: -1, ScaleV: nan(),
		Deq: nan(), FileByte: -1, FileScale: -1, Byte: -1, ScaleByte: -1, Stored: -1, Row: -1, Col: -1}
	if of == layout.Scales {
		r.ScaleByte, r.Stored = cmd.Offset, int(e.Bits)
	} else {
		r.Byte, r.High, r.Code = cmd.Offset, cmd.High, int(e.Bits)
	}
	return r, nil
}

// weightOf is the weight that a value speaks of, and its prepared buffer when it has one.
func weightOf(ref language.Ref, v value) (*preparedValue, *weightsValue, error) {
	switch v := v.(type) {
	case *preparedValue:
		return v, v.from, nil
	case *weightsValue:
		return nil, v, nil
	}
	return nil, nil, fmt.Errorf("%w: %s is a %s, not a weight", ErrUsage, ref.Base(), v.kind())
}

// place is where element [n,k] of a weight lies.
func place(subject string, p *preparedValue, w *weightsValue, n, k int) (Result, error) {
	b := w.blocks()
	code, scale := b.Code(n, k), b.Scale(n, k)
	r := Place{
		Subject: fmt.Sprintf("%s[%d,%d]", subject, n, k), N: n, K: k, Block: k / b.Block, Code: int(code), CodeValue: Float(fp4.DecodeE2M1(code)),
		Scale: int(scale), ScaleV: Float(b.ScaleType.Decode(uint16(scale))), Deq: Float(fp4.DecodeE2M1(code) * b.Effective(scale)),
		FileByte: -1, FileScale: -1, Byte: -1, ScaleByte: -1, Stored: -1, Row: -1, Col: -1,
	}
	codes, scales := codeBytes(w), scaleBytes(w)
	if codes.entry != nil {
		r.File = codes.owner.shown(codes.entry.File.Path)
		r.FileByte, r.FileHigh = codes.offset((n*b.Cols+k)/2), (k&1 == 1) == (b.Order == fp4.LowFirst)
		r.FileScale = scales.offset(n*b.ScaleCols() + k/b.Block)
	}
	if p == nil {
		return r, nil
	}
	at, err := p.prepared.Where(n, k)
	if err != nil {
		return nil, err
	}
	r.Kernel, r.Byte, r.High, r.ScaleByte, r.Stored = p.prepared.Kernel.Name, at.Byte, at.High, at.ScaleByte, int(at.Scale)
	if width := int64(p.prepared.PadK) / 2; width > 0 {
		r.Row, r.Col = int(at.Byte/width), int(at.Byte%width)*2
		if at.High {
			r.Col++
		}
	}
	return r, nil
}

// preparedBytes is a prepared buffer as bytes to show; its rows are those of the padded
// matrix, whatever the layout made of them.
func preparedBytes(v *preparedValue, of layout.Operand) source {
	p := v.prepared
	if of == layout.Scales {
		cols := p.PadK / p.Block
		return source{role: "prepared scales", raw: p.Scales, rows: len(p.Scales) / max(cols, 1), cols: cols, bits: 8, held: v.holds(of)}
	}
	return source{role: "prepared codes", raw: p.Codes, rows: 2 * len(p.Codes) / max(p.PadK, 1), cols: p.PadK, bits: 4, held: v.holds(of)}
}

// holds answers what the first element of a byte is: n·K + k, or -1 for padding.
func (v *preparedValue) holds(of layout.Operand) func(offset int) int {
	return func(offset int) int {
		held, err := v.prepared.At(of, int64(offset))
		if err != nil || len(held) == 0 || held[0].Padding {
			return -1
		}
		return held[0].N*v.prepared.K + held[0].K
	}
}

// preparedScales is p.scale: the scale buffer of a prepared weight.
type preparedScales struct{ p *preparedValue }

func (preparedScales) kind() string       { return kindPreparedScales }
func (v preparedScales) describe() string { return fmt.Sprintf("%d bytes", len(v.p.prepared.Scales)) }

// kindPreparedScales cannot be bound to a name.
const kindPreparedScales = "prepared scales"

func preparedAttributes() []attribute {
	rows := []struct {
		name, doc string
		get       func(*preparedValue) float64
	}{
		{"n", "output features", func(v *preparedValue) float64 { return float64(v.prepared.N) }},
		{"k", "input features", func(v *preparedValue) float64 { return float64(v.prepared.K) }},
		{"padded_n", "rows as the kernel is told", func(v *preparedValue) float64 { return float64(v.prepared.PadN) }},
		{"padded_k", "K as the kernel is told", func(v *preparedValue) float64 { return float64(v.prepared.PadK) }},
		{"bytes", "codes and scales", func(v *preparedValue) float64 { return float64(v.prepared.Bytes()) }},
		{"lost", "block scales that re-encoding does not keep", func(v *preparedValue) float64 { return float64(v.prepared.Lost) }},
		{"global", "the factor that the kernel is given", func(v *preparedValue) float64 { return float64(v.prepared.Global) }},
	}
	out := []attribute{{"scale", "the scale buffer", kindPreparedScales, of(func(_ *call, v *preparedValue) (value, error) { return preparedScales{v}, nil })}}
	for _, row := range rows {
		out = append(out, attribute{row.name, row.doc, kindNumber, of(func(_ *call, v *preparedValue) (value, error) { return number(row.get(v)) })})
	}
	return out
}
