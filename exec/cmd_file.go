package exec

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"fp4tui/exec/language"
	"fp4tui/inspect"
	"fp4tui/inspect/checkpoint"
	"fp4tui/inspect/layer"
)

// LoadCmd opens a checkpoint or a plain tensor file.
type LoadCmd struct {
	Path language.Path `arg:"PATH" doc:"a .safetensors file, a directory of shards, a cached hub id org/name, a .npy file, or tour:NAME for a built-in sample"`
}

var loadSpec = language.Spec{
	Verb: "load", Group: "open", Binds: "checkpoint|tensor",
	Summary:  "open a checkpoint or a plain tensor file",
	Detail:   "Only headers are read. Violations are listed, what is readable stays usable (see lint). A file with one tensor that is not quantized, and any .npy, binds that tensor.",
	Examples: []string{"c = load tour:minilm-w4a16", "x = load tour:minilm-x.npy"},
	New:      func() any { return new(LoadCmd) },
}

func (cmd *LoadCmd) run(c *call) (Result, error) {
	path, err := c.s.readPath(string(cmd.Path))
	if err != nil {
		return nil, err
	}
	name := named{path: string(cmd.Path), opened: path}
	if strings.EqualFold(filepath.Ext(path), ".npy") {
		t, err := checkpoint.ReadNPY(path)
		if err != nil {
			return nil, name.renamed(err)
		}
		c.s.remembersReading(path)
		v := &tensorValue{tensor: t, source: "file " + string(cmd.Path)}
		c.bind(v)
		return c.tensorInfo(string(cmd.Path), v)
	}
	ck, err := checkpoint.Open(c.ctx, path)
	if err != nil {
		return nil, name.renamed(err)
	}
	if ck.Root != "" {
		name.opened = ck.Root // of a hub id: where its snapshot lies
	}
	c.s.remembersReading(filesOf(ck)...)
	v := &checkpointValue{named: name, ckpt: ck}
	found, faults := layer.Find(c.ctx, ck)
	if err := c.ctx.Err(); err != nil {
		return nil, err
	}
	v.layers, v.faults, v.groups = found, slices.Concat(ck.Faults, faults), layer.Fused(found)
	v.declared = layer.Declared(ck)
	if ck.Len() == 1 && len(v.layers)+len(v.faults) == 0 {
		return c.bindTensor(v, &ck.Entries()[0], "file "+string(cmd.Path))
	}
	c.bind(v)
	return opened(c.name, v), nil
}

// bindTensor reads a tensor of a checkpoint and binds it.
func (c *call) bindTensor(ck *checkpointValue, e *checkpoint.Entry, source string) (Result, error) {
	t, err := ck.ckpt.Tensor(c.ctx, e)
	if err != nil {
		return nil, ck.renamed(err)
	}
	v := &tensorValue{tensor: t, source: source, ckpt: ck, entry: e}
	c.bind(v)
	return c.tensorInfo(e.Name, v)
}

// maxFaultsShown bounds the violations that a load prints; lint has them all.
const maxFaultsShown = 8

func opened(name string, v *checkpointValue) Opened {
	r := Opened{
		Bind: Bind{name}, Path: v.path, Files: len(v.ckpt.Files), Tensors: v.ckpt.Len(),
		Layers: len(v.layers), FaultsN: len(v.faults), Formats: []string{}, Producer: []string{}, Faults: []Fault{},
	}
	formats, producers := map[string]bool{}, map[string]bool{}
	for _, l := range v.layers {
		r.Weights += int64(l.N) * int64(l.K) * int64(max(l.Experts, 1))
		formats[l.Format], producers[l.Producer] = true, true
	}
	r.Formats, r.Producer = sortedKeys(formats), sortedKeys(producers)
	for _, f := range v.ckpt.Files {
		r.Bytes += f.Size
		if f.Damaged {
			r.Damaged++
		}
	}
	for i := range v.faults {
		if i == maxFaultsShown {
			break
		}
		r.Faults = append(r.Faults, v.faultOf(&v.faults[i]))
	}
	return r
}

func (n named) faultOf(f *inspect.Fault) Fault {
	return Fault{
		Code: f.Class.Error(), File: n.shown(f.File), Tensor: inspect.Printable(f.Tensor), Offset: f.Offset,
		What: inspect.Printable(f.What), Why: inspect.Printable(f.Why), Cure: f.Hint(),
	}
}

// TensorCmd binds a raw tensor of a checkpoint.
type TensorCmd struct {
	C    language.Ref  `arg:"C" kind:"checkpoint" window:"none" doc:"a checkpoint"`
	Name language.Path `arg:"NAME" complete:"tensor" doc:"tensor name, or any suffix of it that is unique"`
}

var tensorSpec = language.Spec{
	Verb: "tensor", Group: "open", Binds: kindTensor,
	Summary:  "a raw tensor of a checkpoint",
	Examples: []string{"o = tensor c encoder.layer.0.intermediate.dense.weight"},
	New:      func() any { return new(TensorCmd) },
}

func (cmd *TensorCmd) run(c *call) (Result, error) {
	ck, err := c.checkpoint(cmd.C)
	if err != nil {
		return nil, err
	}
	e, err := findTensor(ck, string(cmd.Name))
	if err != nil {
		return nil, err
	}
	return c.bindTensor(ck, e, fmt.Sprintf("%s %s", cmd.C, inspect.Printable(e.Name)))
}

// findTensor resolves a tensor name or a unique dotted suffix of one.
func findTensor(ck *checkpointValue, name string) (*checkpoint.Entry, error) {
	if e, ok := ck.ckpt.Lookup(name); ok {
		return e, nil
	}
	switch found := ck.ckpt.Suffix(name); len(found) {
	case 1:
		return found[0], nil
	case 0:
		return nil, &inspect.Fault{Class: inspect.ErrMissing, File: ck.path, Tensor: name, Offset: -1, What: "no such tensor", Cure: nearest(name, entryNames(ck))}
	default:
		list := make([]string, 0, 4)
		for _, e := range found[:min(len(found), 4)] {
			list = append(list, e.Name)
		}
		return nil, &inspect.Fault{Class: inspect.ErrMissing, File: ck.path, Tensor: name, Offset: -1,
			What: fmt.Sprintf("%d tensors end in this name", len(found)), Cure: "say more of it: " + strings.Join(list, ", ")}
	}
}

func entryNames(ck *checkpointValue) []string {
	entries := ck.ckpt.Entries()
	out := make([]string, len(entries))
	for i := range entries {
		out[i] = entries[i].Name
	}
	return out
}

// nearest is the "did you mean" of a name; empty when nothing is close.
func nearest(name string, among []string) string {
	if s := language.Closest(name, among); s != "" {
		return fmt.Sprintf("did you mean %s?", s)
	}
	return ""
}

// shapeOf is the shape for a result: never nil, so that JSON has [] for a scalar.
func shapeOf(s []int) []int { return append([]int{}, s...) }
