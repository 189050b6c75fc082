package exec

import (
	"testing"

	"fp4tui/inspect/fp4"
)

// TestScaleSteps: a scale that is NaN differs and is no number of codes apart; signs of E4M3
// are on both sides of zero, and E8M0 has none.
func TestScaleSteps(t *testing.T) {
	for _, test := range []struct {
		scale fp4.Format
		block int
		a, b  byte
		step  int
	}{
		{fp4.E4M3, 16, 0x38, 0x3a, 2}, {fp4.E4M3, 16, 0x02, 0x81, 3}, {fp4.E4M3, 16, 0x7f, 0x38, 0}, {fp4.E4M3, 16, 0x7e, 0xff, 0},
		{fp4.E8M0, 32, 0x80, 0x7e, 2}, {fp4.E8M0, 32, 0xff, 0x7e, 0},
	} {
		blocks := func(scale byte) *fp4.Blocks {
			return &fp4.Blocks{Rows: 1, Cols: test.block, Block: test.block, ScaleType: test.scale, Codes: make([]byte, test.block/2), Scales: []byte{scale}}
		}
		if d := compareBytes(blocks(test.a), blocks(test.b)); d.ScalesDiffer != 1 || d.ScaleStep != test.step || d.Codes != 0 {
			t.Errorf("%s %#x and %#x: %+v, want a step of %d", test.scale, test.a, test.b, *d, test.step)
		}
	}
}
