package lint

import (
	"fmt"
	"strings"

	"fp4tui/inspect/checkpoint"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// groups reports modules that engines fuse into one matrix and whose global scales differ.
// A group with a scale that is missing or unusable has been reported for that.
func (k *checker) groups() {
	for _, g := range layer.Fused(k.layers) {
		if !g.Differ() || g.Ratio() != g.Ratio() {
			continue
		}
		values := make([]string, len(g.Members))
		for i, m := range g.Members {
			values[i] = stored(m.Global.Value)
		}
		ratio := number(g.Ratio())
		k.report("fused-globals-differ", Finding{
			Layer: strings.TrimSpace(g.Parent + " " + g.Label), Offset: -1, Count: int64(len(g.Members)),
			What:   fmt.Sprintf("%s have global scales %s, %s× apart", g.Label, strings.Join(values, ", "), ratio),
			Effect: fmt.Sprintf("an engine that keeps one global scale for the fused matrix reads the others up to %s× wrong; most only warn", ratio),
			Why:    "they were quantized one by one",
			Cure:   "quantize them with one global scale, from the amax of all; or use an engine that keeps one a shard",
		})
	}
}

// inputGaps reports layers without an activation scale among layers alike that have one:
// experts that calibration never reached.
func (k *checker) inputGaps() {
	type family struct {
		have int
		lack []*layer.Layer
	}
	families := map[string]*family{}
	var order []*family
	for _, l := range k.layers {
		key := l.Format + " " + withoutNumbers(l.Name)
		f := families[key]
		if f == nil {
			f = &family{}
			families[key] = f
			order = append(order, f)
		}
		if l.Parts.Input != nil {
			f.have++
		} else if l.Input.Use == fp4.NoGlobal { // declared and not stored is scalar-missing
			f.lack = append(f.lack, l)
		}
	}
	for _, f := range order {
		if f.have == 0 || len(f.lack) == 0 {
			continue
		}
		l := f.lack[0]
		k.report("input-scale-gaps", Finding{
			Layer: l.Name, Offset: -1, Count: int64(len(f.lack)),
			What:   fmt.Sprintf("%d of %d layers like this have no activation scale", len(f.lack), f.have+len(f.lack)),
			Effect: "an engine that takes a missing scale for 0 divides by it: infinite activations in these layers",
			Why:    "calibration sent no token to these experts",
			Cure:   "calibrate with more data, or give these layers the largest activation scale of the others",
		})
	}
}

// withoutNumbers makes layers alike equal: "layers.3.experts.17.w1" becomes
// "layers.#.experts.#.w1".
func withoutNumbers(name string) string {
	parts := strings.Split(name, ".")
	for i, p := range parts {
		if p != "" && strings.Trim(p, "0123456789") == "" {
			parts[i] = "#"
		}
	}
	return strings.Join(parts, ".")
}

func (k *checker) inputAbsent() {
	n := 0
	for _, l := range k.layers {
		if l.Mode == layer.W4A16 {
			n++
		}
	}
	if n == 0 {
		return
	}
	k.report("input-scale-absent", Finding{
		Offset: -1, Count: int64(n),
		What:   fmt.Sprintf("%s: w4a16, activations stay bf16", plural(n, "layer")),
		Effect: "a kernel that quantizes activations has to find their scale itself",
		Cure:   "none needed; calibrate activations to run w4a4",
	})
}

// kinds sort what is not quantized by name, first match first.
var kinds = []struct{ name, contains string }{
	{"norm", "norm"}, {"embedding", "embed"}, {"bias", ".bias"}, {"lm_head", "lm_head"},
	{"router", "router"}, {"router", "gate.weight"}, {"pooler", "pooler"}, {"scale", "_scale"},
}

func (k *checker) notQuantized() {
	used := map[string]bool{}
	for _, l := range k.layers {
		for _, e := range []*checkpoint.Entry{l.Parts.Codes, l.Parts.Scales, l.Parts.Global, l.Parts.Input, l.Parts.Bias} {
			if e == nil {
				continue
			}
			used[e.Name] = true
		}
	}
	counts := map[string]int{}
	total := 0
	entries := k.checkpoint.Entries()
	for i := range entries {
		if !used[entries[i].Name] {
			counts[kindOf(entries[i].Name)]++
			total++
		}
	}
	if total == 0 {
		return
	}
	var text []string
	for _, name := range append(kindNames(), "other") {
		if n := counts[name]; n > 0 {
			text = append(text, fmt.Sprintf("%s %d", name, n))
			delete(counts, name)
		}
	}
	k.report("not-quantized", Finding{
		Offset: -1, Count: int64(total),
		What: fmt.Sprintf("%s in no FP4 layer: %s", plural(total, "tensor"), strings.Join(text, ", ")),
		Cure: "none needed when these were left out on purpose",
	})
}

func kindOf(name string) string {
	lower := strings.ToLower(name)
	for _, kind := range kinds {
		if strings.Contains(lower, kind.contains) {
			return kind.name
		}
	}
	return "other"
}

func kindNames() []string {
	var names []string
	for _, kind := range kinds {
		names = append(names, kind.name)
	}
	return names
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return count(int64(n)) + " " + noun + "s"
}
