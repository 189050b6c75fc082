package layer

import (
	"slices"
	"strings"
)

// Experts returns the layers whose activations an engine quantizes with one scale for
// all experts of a mixture: those of the same projection in every expert under one
// parent, and of the projections fused with it, because they read the same input. They
// are in the order of layers; l is one of them. It is nil when l isn't an expert that
// is stored as a layer of its own.
func Experts(layers []*Layer, l *Layer) []*Layer {
	parent, last, ok := splitExpert(l.Name)
	if !ok {
		return nil
	}
	same := []string{last}
	if row := fusionOf(last); row >= 0 {
		same = fusions[row].members
	}
	var list []*Layer
	for _, m := range layers {
		if p, name, ok := splitExpert(m.Name); ok && p == parent && slices.Contains(same, name) {
			list = append(list, m)
		}
	}
	return list
}

// splitExpert cuts "model.layers.1.mlp.experts.7.up_proj" into
// "model.layers.1.mlp.experts" and "up_proj".
func splitExpert(name string) (parent, last string, ok bool) {
	rest, last := split(name)
	parent, number := split(rest)
	_, list := split(parent)
	ok = list == "experts" && number != "" && strings.Trim(number, "0123456789") == ""
	return parent, last, ok
}

// Widest returns the layer whose stored activation scale covers the largest values: the
// smallest divisor or the largest multiplier. That is the one scale that vLLM, SGLang
// and TensorRT-LLM give to all experts of a mixture. The layers have such a scale, in
// one direction; a scale that isn't a number is taken first.
func Widest(layers []*Layer) *Layer {
	best := layers[0]
	for _, l := range layers[1:] {
		a, b := l.Input.Multiplier(), best.Input.Multiplier()
		if b == b && !(a <= b) {
			best = l
		}
	}
	return best
}
