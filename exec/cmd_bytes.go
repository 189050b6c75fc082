package exec

import (
	"encoding/hex"
	"fmt"

	"fp4tui/exec/language"
	"fp4tui/inspect/checkpoint"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layout"
)

// BytesCmd shows raw bytes with their file offsets.
type BytesCmd struct {
	X language.Ref `arg:"X" kind:"layer|quantized|prepared|prepared scales|scales|codes|tensor" doc:"the codes of a layer, its scales (w.scale) or a stored tensor; a window counts logical elements [n, k]"`
}

var bytesSpec = language.Spec{
	Verb: "bytes", Group: "look",
	Summary:  "raw bytes with their file offsets, decoded when the window is within one block",
	Examples: []string{"bytes w[994,32:48]", "bytes w.scale[0:4,0:8]"},
	New:      func() any { return new(BytesCmd) },
}

// maxDumpRows bounds a dump; a row holds at most 16 bytes.
const maxDumpRows = 64

// source is a row-major byte matrix with the place of its first byte in a file.
type source struct {
	role       string
	raw        []byte
	rows, cols int               // logical elements
	bits       int               // a logical element: 4 or a multiple of 8
	entry      *checkpoint.Entry // nil when it is not in a file
	owner      *checkpointValue  // of entry
	base       int64             // offset of raw within the entry: that of the expert
	held       func(i int) int   // of a prepared buffer: n·K + k of the first element of a byte, -1 padding
}

func (cmd *BytesCmd) run(c *call) (Result, error) {
	v, err := c.resolve(cmd.X)
	if err != nil {
		return nil, err
	}
	src, w, err := c.bytesOf(cmd.X, v)
	if err != nil {
		return nil, err
	}
	rows, cols, err := mapWindow(cmd.X, src.rows, src.cols)
	if err != nil {
		return nil, err
	}
	if cmd.X.Window == nil {
		rows.Hi = min(rows.Hi, 16)
	}
	r := Dump{Subject: cmd.X.String(), Role: src.role, Total: int64(len(src.raw)), Rows: []DumpRow{}, Values: []DumpElement{}}
	if src.entry != nil {
		r.File = src.owner.shown(src.entry.File.Path)
	}
	for n := rows.Lo; n < rows.Hi; n++ {
		lo, hi := (n*src.cols+cols.Lo)*src.bits/8, ((n*src.cols+cols.Hi)*src.bits+7)/8
		r.Bytes += int64(hi - lo)
		for at := lo; at < hi && len(r.Rows) < maxDumpRows; at += 16 {
			end := min(at+16, hi)
			r.Rows = append(r.Rows, DumpRow{Offset: src.offset(at), Row: n, Col: at*8/src.bits - n*src.cols, Hex: hex.EncodeToString(src.raw[at:end]), From: src.from(at, end)})
		}
	}
	if src.role == "codes" && rows.Hi == rows.Lo+1 && cols.Hi-cols.Lo <= w.blocks().Block {
		for k := cols.Lo; k < cols.Hi; k++ {
			r.Values = append(r.Values, src.element(w.blocks(), rows.Lo, k))
		}
	}
	return r, nil
}

// from is what the bytes of a prepared buffer hold; nil for others.
func (s *source) from(lo, hi int) []int {
	if s.held == nil {
		return nil
	}
	out := make([]int, 0, hi-lo)
	for i := lo; i < hi; i++ {
		out = append(out, s.held(i))
	}
	return out
}

// offset is where byte i lies in the file, or in the buffer when there is none.
func (s *source) offset(i int) int64 {
	if s.entry == nil {
		return int64(i)
	}
	return s.entry.Begin + s.base + int64(i)
}

func (s *source) element(b *fp4.Blocks, n, k int) DumpElement {
	code, scale := b.Code(n, k), b.Scale(n, k)
	return DumpElement{
		N: n, K: k, Code: int(code), Value: Float(fp4.DecodeE2M1(code)), Scale: Float(b.ScaleType.Decode(uint16(scale))),
		Deq: Float(fp4.DecodeE2M1(code) * b.Effective(scale)), Byte: s.offset((n*s.cols + k) / 2), High: (k&1 == 1) == (b.Order == fp4.LowFirst),
	}
}

// bytesOf finds the bytes behind a reference.
func (c *call) bytesOf(ref language.Ref, v value) (source, *weightsValue, error) {
	switch v := v.(type) {
	case *weightsValue:
		return codeBytes(v), v, nil
	case codesValue:
		return codeBytes(v.w), v.w, nil
	case scaleValue:
		return scaleBytes(v.w), v.w, nil
	case *preparedValue:
		return preparedBytes(v, layout.Codes), v.from, nil
	case preparedScales:
		return preparedBytes(v.p, layout.Scales), v.p.from, nil
	case *tensorValue:
		if v.entry == nil {
			break
		}
		raw, err := v.ckpt.ckpt.Read(c.ctx, v.entry)
		rows, cols := v.tensor.Rows()
		return source{role: "raw", raw: raw, rows: rows, cols: cols, bits: v.entry.DType.Bits(), entry: v.entry, owner: v.ckpt}, nil, err
	}
	return source{}, nil, fmt.Errorf("%w: %s: only what lies in a file or is quantized has bytes to show", ErrUsage, ref)
}

func codeBytes(w *weightsValue) source {
	b := w.blocks()
	s := source{role: "codes", raw: b.Codes, rows: b.Rows, cols: b.Cols, bits: 4, base: int64(w.expert) * int64(len(b.Codes))}
	if l := w.weights.Layer; l != nil {
		s.entry, s.owner = l.Parts.Codes, w.owner
	}
	return s
}

func scaleBytes(w *weightsValue) source {
	b := w.blocks()
	s := source{role: "scales", raw: b.Scales, rows: b.Rows, cols: b.ScaleCols(), bits: 8, base: int64(w.expert) * int64(len(b.Scales))}
	if l := w.weights.Layer; l != nil {
		s.entry, s.owner = l.Parts.Scales, w.owner
	}
	return s
}
