package cuda

import (
	"encoding/binary"
	"fmt"
	"math"

	"fp4tui/inspect"
	"fp4tui/inspect/layer"
)

// paddedWords returns rows of k words as rows of `to` words, zeros behind.
func paddedWords(x []uint16, rows, k, to int) []uint16 {
	if k == to {
		return x
	}
	out := make([]uint16, rows*to)
	for r := range rows {
		copy(out[r*to:], x[r*k:(r+1)*k])
	}
	return out
}

// swizzled puts rows of scales into the 128×4 layout of FP4 tensor cores.
func swizzled(scales []byte, rows, blocks int) []byte {
	across := (blocks + 3) / 4
	out := make([]byte, (rows+127)/128*across*512)
	for r := range rows {
		for b := range blocks {
			out[(r/128*across+b/4)*512+r%32*16+r%128/32*4+b%4] = scales[r*blocks+b]
		}
	}
	return out
}

func outBytes(out inspect.DType) int64 {
	if out == inspect.F32 {
		return 4
	}
	return 2
}

// decode turns what a kernel wrote into float32. Two bytes, or four, of poison are a
// place that it did not write: its NaN is another word.
func decode(y []float32, b []byte, job *layer.Job, kernel string) error {
	for i := range y {
		missed := false
		switch job.Out {
		case inspect.F32:
			w := binary.LittleEndian.Uint32(b[4*i:])
			missed, y[i] = w == 0xffffffff, math.Float32frombits(w)
		case inspect.BF16:
			w := binary.LittleEndian.Uint16(b[2*i:])
			missed, y[i] = w == 0xffff, math.Float32frombits(uint32(w)<<16)
		default:
			w := binary.LittleEndian.Uint16(b[2*i:])
			missed, y[i] = w == 0xffff, halfFloat(w)
		}
		if missed {
			return &inspect.Fault{Class: ErrDevice, Offset: -1, What: fmt.Sprintf("%s did not write y[%d,%d]", kernel, i/job.N, i%job.N),
				Cure: "report this; backend=emu computes on the CPU"}
		}
	}
	return nil
}

// halfFloat is an FP16 word as float32, NaN with its payload.
func halfFloat(w uint16) float32 {
	sign, exp, frac := uint32(w>>15)<<31, uint32(w>>10&31), uint32(w&0x3ff)
	switch exp {
	case 0:
		v := float32(frac) * 0x1p-24
		return math.Float32frombits(math.Float32bits(v) | sign)
	case 31:
		return math.Float32frombits(sign | 0x7f800000 | frac<<13)
	}
	return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
}
