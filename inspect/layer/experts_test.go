package layer

import (
	"math"
	"testing"

	"fp4tui/inspect/fp4"
)

func TestExperts(t *testing.T) {
	var layers []*Layer
	for _, name := range []string{
		"m.0.experts.0.gate_proj", "m.0.experts.0.up_proj", "m.0.experts.0.down_proj", "m.0.experts.11.gate_proj", "m.0.experts.11.up_proj",
		"m.1.experts.0.gate_proj", "m.0.shared.up_proj", "m.0.experts.x.up_proj", "experts.3.w2", "experts.4.w2", "m.0.myexperts.0.up_proj",
	} {
		layers = append(layers, &Layer{Name: name})
	}
	for name, want := range map[string]int{
		"m.0.experts.0.gate_proj": 4, "m.0.experts.11.up_proj": 4, "m.0.experts.0.down_proj": 1, "m.1.experts.0.gate_proj": 1,
		"m.0.shared.up_proj": 0, "m.0.experts.x.up_proj": 0, "experts.3.w2": 2, "m.0.myexperts.0.up_proj": 0,
	} {
		l, err := Resolve(layers, name)
		if err != nil {
			t.Fatal(err)
		}
		if got := Experts(layers, l); len(got) != want {
			t.Errorf("%s: %d experts, want %d", name, len(got), want)
		}
	}
}

func TestWidest(t *testing.T) {
	make := func(use fp4.GlobalUse, values ...float32) (layers []*Layer) {
		for _, v := range values {
			layers = append(layers, &Layer{Input: fp4.GlobalScale{Use: use, Value: v}})
		}
		return layers
	}
	nan := float32(math.NaN())
	for _, c := range []struct {
		layers []*Layer
		want   int
	}{
		{make(fp4.Divides, 100, 20, 300), 1},
		{make(fp4.Multiplies, 0.1, 0.2, 0.05), 1},
		{make(fp4.Divides, 7, 7), 0},
		{make(fp4.Divides, 100, nan, 20), 1},
		{make(fp4.Multiplies, nan, 5), 0},
	} {
		if got := Widest(c.layers); got != c.layers[c.want] {
			t.Errorf("%v: %v", c.layers[c.want].Input, got.Input)
		}
	}
}
