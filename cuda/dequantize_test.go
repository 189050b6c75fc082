//go:build cuda && cgo && linux

package cuda_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"fp4tui/cuda"
	"fp4tui/inspect/fp4"
)

func TestDequantize(t *testing.T) {
	e := engine(t, cuda.Options{})
	r := rand.New(rand.NewPCG(9, 10))
	for _, s := range []struct {
		format fp4.Format
		block  int
	}{{fp4.E4M3, 16}, {fp4.E8M0, 32}} {
		b := fp4.Blocks{Rows: 33, Cols: 256, Block: s.block, ScaleType: s.format, Codes: make([]byte, 33*128), Scales: make([]byte, 33*256/s.block),
			Global: fp4.GlobalScale{Use: fp4.Multiplies, Value: 0.37}}
		for i := range b.Codes {
			b.Codes[i] = byte(r.Uint32())
		}
		for i := range b.Scales {
			b.Scales[i] = byte(i)
		}
		got, err := e.Dequantize(&b)
		if err != nil {
			t.Fatal(err)
		}
		for i, g := range got {
			row, col := i/b.Cols, i%b.Cols
			want := float32(float32(fp4.DecodeE2M1(b.Code(row, col))*s.format.Decode(uint16(b.Scale(row, col)))) * 0.37)
			if math.Float32bits(g) != math.Float32bits(want) && !(g != g && want != want) {
				t.Fatalf("%s: value %d is %g, must be %g", s.format, i, g, want)
			}
		}
	}
}
