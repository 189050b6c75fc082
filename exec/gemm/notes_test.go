package gemm

import (
	"testing"

	"fp4tui/inspect/fp4"
)

// TestOrdinary puts each byte at each place among plain ones.
func TestOrdinary(t *testing.T) {
	for _, format := range []fp4.Format{fp4.E4M3, fp4.UE4M3, fp4.E8M0} {
		for b := range 256 {
			for at := range 19 {
				scales := make([]byte, 19)
				scales[at] = byte(b)
				want := b < 0x7f
				if format == fp4.E8M0 {
					want = b != 0xff
				}
				if got := ordinary(scales, format); got != want {
					t.Fatalf("%s %02x at %d: %v", format, b, at, got)
				}
			}
		}
	}
}
