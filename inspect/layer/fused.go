package layer

import (
	"math"
	"strings"
)

// fusions are the modules that engines stack into one matrix with one global
// scale, by the last part of their names. The first three rows are
// llm-compressor's list; the others are the same modules under other names.
var fusions = [...]struct {
	label   string
	members []string
}{
	{"q|k|v", []string{"q_proj", "k_proj", "v_proj"}},
	{"gate|up", []string{"gate_proj", "up_proj"}},
	{"q_a|kv_a", []string{"q_a_proj", "kv_a_proj_with_mqa"}},
	{"q|k|v", []string{"query", "key", "value"}},
	{"gate|up", []string{"w1", "w3"}},
}

// Group is a set of layers that an engine fuses: at least two members of a fusion
// under one parent.
type Group struct {
	Label   string   // "q|k|v", "gate|up", "q_a|kv_a"
	Parent  string   // module path of the parent: "encoder.layer.0.attention.self"
	Members []*Layer // in the engine's order
}

// Fused returns the groups among layers, in the order of their first layers.
func Fused(layers []*Layer) []Group {
	byName := make(map[string]*Layer, len(layers))
	for _, l := range layers {
		byName[l.Name] = l
	}
	type key struct {
		parent string
		row    int
	}
	seen := map[key]bool{}
	var groups []Group
	for _, l := range layers {
		parent, last := split(l.Name)
		row := fusionOf(last)
		if row < 0 || seen[key{parent, row}] {
			continue
		}
		seen[key{parent, row}] = true
		g := Group{Label: fusions[row].label, Parent: parent}
		for _, member := range fusions[row].members {
			if m := byName[join(parent, member)]; m != nil && m.Format == l.Format {
				g.Members = append(g.Members, m)
			}
		}
		if len(g.Members) > 1 {
			groups = append(groups, g)
		}
	}
	return groups
}

// Differ reports that the members' global scales are not bit-equal. An engine that
// fuses them with one global scale then reads the others wrong. Formats without a
// global scale never differ.
func (g Group) Differ() bool {
	for _, m := range g.Members[1:] {
		if math.Float32bits(m.Global.Value) != math.Float32bits(g.Members[0].Global.Value) {
			return true
		}
	}
	return false
}

// Ratio is the largest global scale over the smallest: the factor by which the
// worst member is off when one global scale serves all. It is 1 when they agree,
// and NaN when one of them is not a positive number.
func (g Group) Ratio() float64 {
	if !g.Differ() {
		return 1
	}
	low, high := math.Inf(1), 0.0
	for _, m := range g.Members {
		v := float64(m.Global.Value)
		if !(v > 0) || math.IsInf(v, 1) {
			return math.NaN()
		}
		low, high = min(low, v), max(high, v)
	}
	return high / low
}

func fusionOf(last string) int {
	for row := range fusions {
		for _, member := range fusions[row].members {
			if member == last {
				return row
			}
		}
	}
	return -1
}

// split cuts a module path before its last part.
func split(name string) (parent, last string) {
	cut := strings.LastIndexByte(name, '.')
	return name[:max(cut, 0)], name[cut+1:]
}

func join(parent, last string) string {
	if parent == "" {
		return last
	}
	return parent + "." + last
}
