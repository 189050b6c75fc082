package views

import (
	"math"
	"testing"
)

// TestCodesOfBlock: Tab counts the block under the cursor, which moves on with it.
func TestCodesOfBlock(t *testing.T) {
	d := opened(t, 80, 24, ProfileNever).keys("enter g c").sees("whole layer", "gauss", "13.4", "589,824")
	d.keys("tab")
	d.exact()
	d.sees("this block", "of all 16", "in 1 of 1 blocks")
	d.keys("tab").sees("whole layer")
	for _, block := range []int{16, 32} {
		shares, known := gauss(block)
		sum := 0.0
		for _, v := range shares {
			sum += v
		}
		if !known || math.Abs(sum-100) > 0.3 {
			t.Errorf("the shares of blocks of %d sum to %.1f %%", block, sum)
		}
	}
	if _, known := gauss(7); known {
		t.Error("blocks of 7 are known")
	}
}
