package exec

import (
	"context"
	"fmt"
	"math"
	"slices"

	"fp4tui/exec/language"
	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/kernel"
	"fp4tui/inspect/layer"
	"fp4tui/inspect/layout"
)

// preparedValue is a weight on its way to a kernel.
type preparedValue struct {
	prepared *kernel.Prepared
	from     *weightsValue
	subject  string // the weight as typed
	poison   string // what its padding was filled with; empty for zeros
}

func (*preparedValue) kind() string { return kindPrepared }
func (v *preparedValue) describe() string {
	p := v.prepared
	return fmt.Sprintf("%s for %s, %d×%d", v.subject, first(p.Kernel.Name, "hand-made layout"), p.PadN, p.PadK)
}

// PrepCmd does all that a kernel's engine does to the weights.
type PrepCmd struct {
	W      language.Ref `arg:"W" kind:"layer|quantized" window:"none" doc:"a layer or a quantized tensor"`
	For    string       `key:"for,required" doc:"a kernel: trtllm, cutlass, marlin, mm_bf16_fp4 …"`
	Gated  bool         `key:"gated" doc:"the rows are gate and up stacked"`
	Act    string       `key:"act" enum:"bf16|fp16" default:"bf16" doc:"activations of a 16-bit kernel: Marlin encodes scales for them"`
	Steps  *int         `key:"steps" min:"0" max:"64" doc:"do only the first so many steps"`
	Expert *int         `key:"expert" min:"0" doc:"which expert of a 3-D layer, when not that of the handle"`
}

var prepSpec = language.Spec{
	Verb: "prep", Group: "layout", Binds: kindPrepared,
	Enums:    map[string][]string{"for": kernel.Names()},
	Summary:  "everything that is done to the weights before a kernel: pad, reorder, shuffle, swizzle, re-encode",
	Detail:   "A shape that the kernel cannot take is refused with the rule it breaks and what would satisfy it. gemm takes the result in place of the layer and reads it back as the kernel would. An engine that runs this kernel (gemm x p backend=flashinfer:trtllm) is given the bytes themselves; its result says how many of them are others than the engine's own preparation makes. So are steps put together by hand (pad, shuffle, swizzle), for any engine to try.",
	Examples: []string{"p = prep w for=trtllm", "p = prep w for=marlin steps=2"},
	New:      func() any { return new(PrepCmd) },
}

func (cmd *PrepCmd) run(c *call) (Result, error) {
	w, err := as[*weightsValue](c, cmd.W, "layer or quantized tensor")
	if err != nil {
		return nil, err
	}
	if err := w.oneGlobal(cmd.W); err != nil {
		return nil, err
	}
	k, err := kernel.Lookup(cmd.For)
	if err != nil {
		return nil, err
	}
	expert, err := w.pick(cmd.Expert)
	if err != nil {
		return nil, err
	}
	if expert != w.expert {
		w = w.forExpert(expert)
	}
	o := kernel.Options{Expert: w.expert, Gated: cmd.Gated, Act: outType(first(cmd.Act, "bf16"))}
	p, err := kernel.Prepare(c.ctx, w.weights, k, o)
	if err != nil {
		return nil, err
	}
	if cmd.Steps != nil {
		if p, err = p.First(c.ctx, min(*cmd.Steps, p.All())); err != nil {
			return nil, err
		}
	}
	return c.bindPrepared(&preparedValue{prepared: p, from: w, subject: cmd.W.String()})
}

func (c *call) bindPrepared(v *preparedValue) (Result, error) {
	c.bind(v)
	return preparedResult(c.name, v), nil
}

func preparedResult(name string, v *preparedValue) Prepared {
	p := v.prepared
	r := Prepared{
		Bind: Bind{name}, Subject: v.subject, Kernel: p.Kernel.Name, Engine: p.Kernel.Engine, Doc: p.Kernel.Doc, Format: p.Format,
		N: p.N, K: p.K, PadN: p.PadN, PadK: p.PadK, Block: p.Block, Gated: p.Gated, Steps: []PrepStep{}, Undone: p.All() - len(p.Steps),
		CodesBytes: int64(len(p.Codes)), ScalesBytes: int64(len(p.Scales)), Global: Float(p.Global), Rescale: Float(p.Rescale), Lost: p.Lost,
		Warnings: append([]string{}, p.Warnings...),
	}
	if p.Kernel.Name != "" {
		r.Activations, r.Output = p.Kernel.Activations(), p.Kernel.Output()
	}
	for _, s := range p.Steps {
		r.Steps = append(r.Steps, PrepStep{Name: s.Name, Required: s.Required, Changed: s.Changed, None: s.None, Before: s.Before, After: s.After, Padded: Float(s.Padded)})
	}
	if v.poison != "" {
		r.Warnings = append(r.Warnings, "the padding holds "+v.poison)
	}
	return r
}

// PadCmd, ShuffleCmd and SwizzleCmd are the single steps.
type PadCmd struct {
	W language.Ref `arg:"W" kind:"layer|quantized|prepared" window:"none" doc:"a weight, or one that other steps have begun to prepare"`
	N int          `key:"n" default:"1" min:"1" max:"1048576" doc:"rows to a multiple of this"`
	K int          `key:"k" default:"1" min:"1" max:"1048576" doc:"columns to a multiple of this"`
}

var padSpec = language.Spec{
	Verb: "pad", Group: "layout", Binds: kindPrepared,
	Summary:  "pad a weight with zero rows, zero codes and zero scales",
	Examples: []string{"p = pad w n=128 k=64"},
	New:      func() any { return new(PadCmd) },
}

func (cmd *PadCmd) run(c *call) (Result, error) {
	if cmd.N < 2 && cmd.K < 2 {
		return nil, fmt.Errorf("%w: pad needs n= or k=", ErrUsage)
	}
	return c.step(cmd.W, func(p *kernel.Prepared) kernel.Step {
		return kernel.PadStep(max(cmd.N, 1), max(cmd.K, 1), p.Block, p.Gated)
	})
}

// ShuffleCmd moves rows.
type ShuffleCmd struct {
	W    language.Ref `arg:"W" kind:"layer|quantized|prepared" window:"none" doc:"a weight, or one that other steps have begun to prepare"`
	Tile int          `key:"tile" min:"64" max:"128" default:"128" doc:"epilogue tile: 64 or 128"`
	Rows string       `key:"layout" enum:"shuffle128|shuffle64|swap-halves|interleave|deinterleave|group32|group64" default:"shuffle128" doc:"the order of rows, when it is not the shuffle of a tile"`
}

var shuffleSpec = language.Spec{
	Verb: "shuffle", Group: "layout", Binds: kindPrepared,
	Summary:  "move whole rows of codes and scales: shuffle_matrix_a of flashinfer, gate and up reorders",
	Examples: []string{"p = shuffle w tile=128", "p = shuffle p layout=swap-halves"},
	New:      func() any { return new(ShuffleCmd) },
}

func (cmd *ShuffleCmd) run(c *call) (Result, error) {
	name := first(cmd.Rows, "shuffle128")
	if cmd.Tile != 0 {
		if cmd.Rows != "" || cmd.Tile != 64 && cmd.Tile != 128 {
			return nil, fmt.Errorf("%w: shuffle takes tile=64, tile=128 or layout=", ErrUsage)
		}
		name = fmt.Sprintf("shuffle%d", cmd.Tile)
	}
	return c.step(cmd.W, func(*kernel.Prepared) kernel.Step { return kernel.RowStep(name) })
}

// SwizzleCmd lays out the block scales, or the codes.
type SwizzleCmd struct {
	W      language.Ref `arg:"W" kind:"layer|quantized|prepared" window:"none" doc:"a weight, or one that other steps have begun to prepare"`
	Layout string       `key:"layout" default:"128x4" doc:"a scale layout"`
	Of     string       `key:"of" enum:"scales|codes" default:"scales" doc:"which buffer"`
}

var swizzleSpec = language.Spec{
	Verb: "swizzle", Group: "layout", Binds: kindPrepared,
	Enums:    map[string][]string{"layout": layoutNames()},
	Summary:  "lay out the block scales (128x4, 8x4, …) or the codes",
	Examples: []string{"p = swizzle w layout=8x4", "p = swizzle w layout=marlin of=codes"},
	New:      func() any { return new(SwizzleCmd) },
}

func layoutNames() []string {
	var names []string
	for _, r := range layout.Rules() {
		if r.Of == layout.Codes || r.Of == layout.Scales {
			names = append(names, r.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (cmd *SwizzleCmd) run(c *call) (Result, error) {
	name := first(cmd.Layout, "128x4")
	of, step := layout.Scales, kernel.ScaleStep
	if cmd.Of == "codes" {
		of, step = layout.Codes, kernel.CodeStep
	}
	if _, err := layout.Lookup(name, of); err != nil {
		return nil, err
	}
	return c.step(cmd.W, func(*kernel.Prepared) kernel.Step { return step(name) })
}

// step adds one step to a weight or to what steps have made of it.
func (c *call) step(ref language.Ref, make func(*kernel.Prepared) kernel.Step) (Result, error) {
	v, err := c.resolve(ref)
	if err != nil {
		return nil, err
	}
	next := &preparedValue{subject: ref.String()}
	var p *kernel.Prepared
	switch v := v.(type) {
	case *preparedValue:
		p, next.from, next.subject = v.prepared, v.from, v.subject
	case *weightsValue:
		next.from = v
		if p, err = kernel.Start(v.weights, kernel.Options{Expert: v.expert}); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("%w: %s is a %s, not a weight", ErrUsage, ref, v.kind())
	}
	if next.prepared, err = p.Then(c.ctx, make(p)); err != nil {
		return nil, err
	}
	return c.bindPrepared(next)
}

// UnswizzleCmd reads a prepared buffer back.
type UnswizzleCmd struct {
	P language.Ref `arg:"P" kind:"prepared" window:"none" doc:"a prepared weight"`
}

var unswizzleSpec = language.Spec{
	Verb: "unswizzle", Group: "layout", Binds: kindQuantized,
	Summary:  "read a prepared buffer back as its kernel would: row-major codes and scales, padding included",
	Examples: []string{"q = unswizzle p"},
	New:      func() any { return new(UnswizzleCmd) },
}

func (cmd *UnswizzleCmd) run(c *call) (Result, error) {
	p, err := as[*preparedValue](c, cmd.P, "prepared weight")
	if err != nil {
		return nil, err
	}
	v, err := p.unpacked(c.ctx)
	if err != nil {
		return nil, err
	}
	v.source, v.weights.Layer, v.owner = "unswizzle "+cmd.P.String(), nil, nil
	c.bind(v)
	return quantizedResult(c.name, cmd.P.String(), first(p.prepared.Kernel.Name, "by hand"), v), nil
}

// unpacked is the prepared buffer as its kernel reads it: a weight of the padded size.
func (v *preparedValue) unpacked(context.Context) (*weightsValue, error) {
	b, err := v.prepared.Unpack()
	if err != nil {
		return nil, err
	}
	return &weightsValue{weights: oneMatrix(v.from.weights, b), format: v.prepared.Format, mode: v.from.mode, source: v.describe(), owner: v.from.owner}, nil
}

// oneMatrix is a weight with its matrix replaced: the layer's scalars stay.
func oneMatrix(w *layer.Weights, b fp4.Blocks) *layer.Weights {
	return &layer.Weights{Layer: w.Layer, Blocks: []fp4.Blocks{b}}
}

// throughPrepared is a forward run through a prepared buffer: activations padded in K, the weight as its
// kernel reads it, and beside it the buffer itself for devices that run that kernel.
func (v *preparedValue) throughPrepared(ctx context.Context, f layer.Forward) (layer.Forward, error) {
	w, err := v.unpacked(ctx)
	if err != nil {
		return f, err
	}
	_, k := f.X.Rows()
	if len(f.X.Shape) == 0 || k != v.prepared.K {
		return f, fmt.Errorf("%w: x %s has K %d, the layer has K %d", ErrShape, inspect.ShapeString(f.X.Shape), k, v.prepared.K)
	}
	if f.X, err = kernel.PadActivations(f.X, v.prepared.PadK); err != nil {
		return f, err
	}
	f.Weights, f.Expert = w.weights, 0
	f.Buffers = &layer.Buffers{For: v.prepared.Kernel.Name, Codes: v.prepared.Codes, Scales: v.prepared.Scales}
	return f, nil
}

// nan is what stands where there is no number.
func nan() Float { return Float(math.NaN()) }
