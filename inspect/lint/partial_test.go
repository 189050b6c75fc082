package lint_test

import (
	"slices"
	"strings"
	"testing"
)

// Rows that end inside a block are an error that says what padding cures, for whom.
func TestPartialBlock(t *testing.T) {
	cut := func(cols, scales int) []stored {
		list := nvfp4("m.down", nil, 4328)
		list[0].shape, list[0].data = []int{4, cols / 2}, filled(4*cols/2, 0x37)
		list[1].shape, list[1].data = []int{4, scales}, filled(4*scales, 0x68)
		return list
	}
	for _, c := range []struct {
		cols, scales int
		want         []string
	}{{64, 4, nil}, {62, 4, []string{"error partial-block"}}, {60, 4, []string{"error partial-block"}}, {48, 3, nil}, {60, 3, []string{"error block-shape"}}} {
		r := checkTensors(t, cut(c.cols, c.scales))
		if got := serious(r); !slices.Equal(got, c.want) {
			t.Errorf("K %d with %d scales: %q", c.cols, c.scales, got)
		}
	}
	f := checkTensors(t, cut(60, 4)).Findings[0]
	if f.Tensor != "m.down.weight_scale" || f.Layer != "m.down" || f.File == "" || !strings.Contains(f.What, "a block of 12 instead of 16") {
		t.Errorf("%+v", f)
	}
	// 4 rows of 64: cutlass pads N to 32, trtllm as vLLM feeds it does not to 128.
	if !strings.HasPrefix(f.Cure, "pad K to 64 ") || !strings.Contains(f.Cure, "cutlass") || strings.Contains(f.Cure, "trtllm.vllm") {
		t.Errorf("cure %q", f.Cure)
	}
}
