package lint

import (
	"context"
	"errors"
	"slices"
	"strings"

	"fp4tui/inspect"
	"fp4tui/inspect/checkpoint"
	"fp4tui/inspect/layer"
)

// Check looks at a checkpoint: layers and faults as layer.Find returned them. Only one
// layer's block scales are in memory at a time. progress counts stored bytes of block
// scales; it may be nil. The error is that of ctx, and then the report is empty: half a
// lint is no answer. Everything else that goes wrong is a finding.
func Check(ctx context.Context, c *checkpoint.Checkpoint, layers []*layer.Layer, faults []inspect.Fault, progress layer.Progress) (Report, error) {
	k := &checker{checkpoint: c, layers: layers, told: map[string]bool{}}
	k.Checked = Checked{Files: len(c.Files), Tensors: c.Len(), Layers: len(layers)}
	for _, l := range layers {
		k.scalars(l)
		k.partial(l)
	}
	k.config()
	k.groups()
	k.inputGaps()
	k.inputAbsent()
	k.notQuantized()
	if err := k.blockScales(ctx, progress); err != nil {
		return Report{}, err
	}
	k.faults("layer", faults)
	k.faults("file", c.Faults)
	k.sort()
	return k.Report, nil
}

// checker is one run of Check.
type checker struct {
	Report
	checkpoint *checkpoint.Checkpoint
	layers     []*layer.Layer
	told       map[string]bool // tensors whose fault is reported by a finding that says more
}

// report completes a finding from the table of rules and keeps it. The result is valid until
// the next one: to make the severity milder.
func (k *checker) report(rule string, f Finding) *Finding {
	r, ok := LookupRule(rule)
	if !ok {
		panic("lint: no rule " + rule)
	}
	f.Rule, f.Severity, f.Seen = r.Name, r.Severity, r.Seen
	k.Findings = append(k.Findings, f)
	return &k.Findings[len(k.Findings)-1]
}

// of starts a finding about a stored tensor of a layer.
func of(l *layer.Layer, e *checkpoint.Entry) Finding {
	return Finding{Layer: l.Name, Tensor: e.Name, File: e.File.Path, Offset: e.Begin, Count: 1}
}

// faults turns violations that reading found into findings, leaving out those that are told
// already: of a scalar by a rule about its value, and of the file by the layer that
// misses the tensor for it and names the cause.
func (k *checker) faults(kind string, faults []inspect.Fault) {
	for i := range faults {
		f := &faults[i]
		if k.told[f.Tensor] {
			continue
		}
		l := k.layerOf(f.Tensor)
		finding := Finding{
			Tensor: f.Tensor, File: f.File, Offset: f.Offset, Count: 1,
			What: f.What, Why: f.Why, Cure: f.Cure,
		}
		if l != nil {
			finding.Layer = l.Name
		}
		k.report(ruleOf(kind, f, l), finding)
	}
	for i := range faults {
		if f := &faults[i]; kind == "layer" && errors.Is(f, inspect.ErrMissing) && f.Tensor != "" {
			k.told[f.Tensor] = true
		}
	}
}

func ruleOf(kind string, f *inspect.Fault, l *layer.Layer) string {
	if kind == "layer" && l != nil && l.Parts.Scales != nil {
		switch {
		case errors.Is(f, inspect.ErrMissing): // codes and scales are there: a scalar is not
			return "scalar-missing"
		case errors.Is(f, inspect.ErrMismatch) && f.Tensor == l.Parts.Scales.Name:
			return "block-shape"
		}
	}
	for _, c := range classes {
		if errors.Is(f, c.class) {
			return kind + "-" + c.name
		}
	}
	return kind + "-malformed"
}

// layerOf finds the layer that a tensor name belongs to, stored or not: the longest module
// path that the name starts with.
func (k *checker) layerOf(tensor string) *layer.Layer {
	for cut := len(tensor); cut > 0; cut = strings.LastIndexAny(tensor[:cut], "._") {
		i, ok := slices.BinarySearchFunc(k.layers, tensor[:cut], func(l *layer.Layer, name string) int {
			return strings.Compare(l.Name, name)
		})
		if ok {
			return k.layers[i]
		}
	}
	return nil
}
