package text

import (
	"strings"
	"testing"

	"fp4tui/exec"
)

// TestOddProduct: the one line of a product says what its output is when it is none.
func TestOddProduct(t *testing.T) {
	for want, r := range map[string]exec.Product{
		"2×3 · ALL ZEROS":   {Zero: 6},
		"2×3 · 4 UNWRITTEN": {NaN: 5, Unwritten: 4},
		"2×3 · 5 NaN":       {NaN: 5, Zero: 1},
		"2×3 · emu":         {Zero: 5},
	} {
		r.Backend, r.Out, r.Shape = "emu", "bf16", []int{2, 3}
		if line := Line(r, Options{}); !strings.Contains(line, want) {
			t.Errorf("%q lacks %q", line, want)
		}
	}
	if line := Line(exec.Product{Backend: "emu", Out: "bf16", Shape: []int{0, 3}}, Options{}); strings.Contains(line, "ZEROS") {
		t.Error(line)
	}
}
