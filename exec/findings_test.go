package exec

import (
	"slices"
	"testing"
)

// TestRowsOfUnsoundLayers: a list does not call a layer ok that lint calls an error.
func TestRowsOfUnsoundLayers(t *testing.T) {
	for sample, want := range map[string][]string{
		"tour:broken/config-mismatch":           {"config: format mxfp4-pack-quantized", "config: 8 bits", "config: blocks of 32"},
		"tour:broken/partial-block.safetensors": {"block of 8"},
	} {
		r := newRig(t, "c = load "+sample)
		row := r.do("ls c").(LayerList).Rows[0]
		if row.Level != "bad" || !slices.Equal(row.Findings, want) {
			t.Errorf("%s: %s %q", sample, row.Level, row.Findings)
		}
	}
}
