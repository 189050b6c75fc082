package views

import (
	"testing"

	"fp4tui/exec"
)

func TestLayerFilter(t *testing.T) {
	l := exec.LayerRow{Name: "model.layers.3.mlp.down_proj", Producer: "modelopt", Format: "nvfp4", Mode: "w4a4", N: 4096, K: 4096, Experts: 2, Level: "warn"}
	tests := []struct {
		filter string
		want   bool
	}{
		{"", true}, {"  ", true}, {"down", true}, {"DOWN nvfp4", true}, {"mxfp4", false}, {"w4a4", true}, {"w4a16", false}, {"modelopt", true}, {"compressed", false},
		{"warn", true}, {"bad", false}, {"ok", false}, {">33M", true}, {">34M", false}, {"<34m", true}, {"<1k", false}, {">0.01G down", true}, {"lay3down", true}, {"dwn", true}, {"nwd", false}, {"up_proj", false}, {">", false},
	}
	for _, test := range tests {
		if got := layerFilter(test.filter).match(&l); got != test.want {
			t.Errorf("%q: %v", test.filter, got)
		}
	}
}

// TestNarrow: F leaves only the layers that fit, unfolded; F again brings all back.
func TestNarrow(t *testing.T) {
	d := opened(t, 80, 24, ProfileNever)
	d.keys("F").types("layer.1 query").keys("enter")
	d.exact()
	d.sees("filter layer.1 query", "query", "encoder.layer.1").misses("encoder.layer.0", "output.dense")
	d.keys("enter").sees("[Weight]")
	d.keys("g l F F").types("nothing-of-the-kind").keys("enter").sees("no such layer")
	d.keys("F")
	d.sees("filter none", "encoder.layer.0")
}

// TestLongList: a checkpoint with more layers than the first answer holds is listed whole.
func TestLongList(t *testing.T) {
	s := &scene{at: &place{checkpoints: []string{"c"}}, data: newCache()}
	p := newLayersPane()
	s.data.put("ls c", answer{exec.LayerList{Path: "x", Total: 3, Rows: []exec.LayerRow{{Name: "a.0.q"}}}, nil})
	if wants := p.wants(s); len(wants) != 2 || wants[1] != "ls c limit=100000" {
		t.Fatalf("asks for %q", wants)
	}
	if rows := p.rows(s); len(rows) != 3 {
		t.Errorf("%d rows of the first answer", len(rows))
	}
	s.data.put("ls c limit=100000", answer{exec.LayerList{Path: "x", Total: 3, Rows: []exec.LayerRow{{Name: "a.0.q"}, {Name: "a.1.q"}, {Name: "a.2.q"}}}, nil})
	if rows := p.rows(s); len(rows) != 7 {
		t.Errorf("%d rows of the whole", len(rows))
	}
	if a, b := p.rows(s), p.rows(s); &a[0] != &b[0] {
		t.Error("the same list is made twice")
	}
}
