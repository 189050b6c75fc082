package exec

import (
	"fmt"
	"math"
	"strconv"

	"fp4tui/exec/compare"
	"fp4tui/exec/language"
	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
	"fp4tui/inspect/stats"
)

// QuantCmd quantizes a tensor as a real quantizer does.
type QuantCmd struct {
	X      language.Ref `arg:"X" kind:"tensor|product" doc:"a float tensor; its last dimension is K"`
	Format string       `key:"format" enum:"nvfp4|mxfp4" default:"nvfp4" doc:"the block-scaled format"`
	Recipe string       `key:"recipe" enum:"compressed-tensors|flashinfer|flashinfer-exact|modelopt|ocp|torchao|vllm" default:"compressed-tensors" doc:"whose arithmetic; flashinfer: its default build, with the approximate reciprocal of the GPU of backend=cuda"`
	Global GlobalArg    `key:"global" default:"dynamic" doc:"nvfp4 global scale: dynamic, none, or a value in the recipe's own direction"`
}

var quantSpec = language.Spec{
	Verb: "quant", Group: "run", Binds: kindQuantized,
	Summary: "quantize as a real quantizer does, bit for bit",
	Detail: "recipe=flashinfer runs on a GPU, here or behind ssh (--device), because its approximate reciprocal is the GPU's own; the result names who computed. " +
		"x has to hold bf16 numbers. recipe=flashinfer-exact is the same rule with IEEE division, on the CPU; diff of both says how many scales and codes differ.",
	Examples: []string{"q = quant x recipe=modelopt", "q = quant o format=mxfp4 recipe=ocp"},
	New:      func() any { return new(QuantCmd) },
}

// GlobalArg is the value of quant's global=: dynamic, none or a positive number.
type GlobalArg string

// UnmarshalText accepts dynamic, none or a positive number.
func (g *GlobalArg) UnmarshalText(text []byte) error {
	s := string(text)
	if s == "dynamic" || s == "none" {
		*g = GlobalArg(s)
		return nil
	}
	v, err := strconv.ParseFloat(s, 32)
	if err != nil || !(v > 0) || math.IsInf(v, 0) {
		return fmt.Errorf("global=%s: want dynamic, none or a positive number", s)
	}
	*g = GlobalArg(strconv.FormatFloat(v, 'g', -1, 32))
	return nil
}

// MarshalText writes what UnmarshalText reads.
func (g GlobalArg) MarshalText() ([]byte, error) { return []byte(g), nil }

func (g GlobalArg) policy() fp4.GlobalPolicy {
	switch g {
	case "", "dynamic":
		return fp4.GlobalPolicy{Kind: fp4.GlobalDynamic}
	case "none":
		return fp4.GlobalPolicy{Kind: fp4.GlobalNone}
	}
	v, err := strconv.ParseFloat(string(g), 32)
	if err != nil {
		panic(fmt.Sprintf("exec: GlobalArg %q was not checked", string(g)))
	}
	return fp4.GlobalPolicy{Kind: fp4.GlobalGiven, Value: float32(v)}
}

func (cmd *QuantCmd) run(c *call) (Result, error) {
	x, err := c.dense(cmd.X)
	if err != nil {
		return nil, err
	}
	rows, cols := x.Rows()
	opt := fp4.QuantOptions{
		Recipe: first(cmd.Recipe, "compressed-tensors"), Format: first(cmd.Format, fp4.NVFP4),
		Global: cmd.Global.policy(), InputBF16: x.DType == inspect.BF16,
	}
	v := &weightsValue{format: opt.Format, source: fmt.Sprintf("quant %s recipe=%s", cmd.X, opt.Recipe)}
	var b fp4.Blocks
	var by, device string
	if opt.Recipe == recipeOfDevice {
		b, by, device, err = c.quantOnDevice(x.Data, rows, cols, opt)
		v.source += " (" + by + ")"
	} else {
		b, err = fp4.Quantize(x.Data, rows, cols, opt)
	}
	if err != nil {
		return nil, err
	}
	v.weights = &layer.Weights{Blocks: []fp4.Blocks{b}}
	c.bind(v)
	r := quantizedResult(c.name, cmd.X.String(), opt.Recipe, v)
	r.By, r.Device = by, device
	err = c.quantError(&r, x, v)
	return r, err
}

// quantizedResult describes a quantized matrix that the session made.
func quantizedResult(name, subject, recipe string, v *weightsValue) Quantized {
	b := v.blocks()
	s := stats.ScaleStats(b.Scales, b.ScaleType)
	r := Quantized{
		Bind: Bind{name}, Subject: subject, Format: v.format, Recipe: recipe, Rows: b.Rows, Cols: b.Cols, Block: b.Block,
		GlobalUse: b.Global.Use.String(), Global: Float(b.Global.Value), Health: pills(s.Health()), SQNR: nan(), MaxAbs: nan(),
	}
	if b.Global.Use == fp4.NoGlobal {
		r.Global = nan()
	}
	return r
}

// quantError fills in how far the dequantized result is from its input.
func (c *call) quantError(r *Quantized, x inspect.Tensor, v *weightsValue) error {
	back, err := v.dequantized(c.ctx)
	if err != nil {
		return err
	}
	x.Shape = back.Shape
	pair, err := compare.New(back, x)
	if err != nil {
		return err
	}
	m, err := pair.Metrics(c.ctx)
	if err != nil {
		return err
	}
	r.SQNR, r.MaxAbs = Float(m.SQNR), Float(m.MaxAbs)
	return nil
}

// DequantCmd goes back to float.
type DequantCmd struct {
	Q      language.Ref `arg:"Q" kind:"layer|quantized" doc:"a layer or a quantized tensor"`
	Out    string       `key:"out" enum:"f32|bf16" default:"f32" doc:"type of the result; bf16 is what the producer's own code returns"`
	Expert *int         `key:"expert" min:"0" doc:"which expert of a 3-D layer, when not that of the handle"`
}

var dequantSpec = language.Spec{
	Verb: "dequant", Group: "run", Binds: kindTensor,
	Summary:  "dequantize, in the producer's own order of operations",
	Examples: []string{"d = dequant w", "d = dequant w out=bf16"},
	New:      func() any { return new(DequantCmd) },
}

func (cmd *DequantCmd) run(c *call) (Result, error) {
	w, err := as[*weightsValue](c, cmd.Q, "quantized weight")
	if err != nil {
		return nil, err
	}
	if err := noWindow(cmd.Q); err != nil {
		return nil, err
	}
	if err := w.oneGlobal(cmd.Q); err != nil {
		return nil, err
	}
	expert, err := w.pick(cmd.Expert)
	if err != nil {
		return nil, err
	}
	out := inspect.F32
	if cmd.Out == "bf16" {
		out = inspect.BF16
	}
	t, err := w.weights.Dequantize(c.ctx, expert, out)
	if err != nil {
		return nil, err
	}
	v := &tensorValue{tensor: t, source: "dequant " + cmd.Q.String(), codes: w.forExpert(expert).blocks()}
	if expert, experts := w.forExpert(expert).which(); experts > 0 {
		v.source += fmt.Sprintf(", expert %d of %d", expert, experts)
	}
	c.bind(v)
	return c.tensorInfo(cmd.Q.String(), v)
}

// quantizedActivations makes the activations of a w4a4 product a value of their own.
func quantizedActivations(v *productValue) *weightsValue {
	format := fp4.NVFP4
	if v.out.XBlocks.ScaleType == fp4.E8M0 {
		format = fp4.MXFP4
	}
	return &weightsValue{weights: &layer.Weights{Blocks: []fp4.Blocks{*v.out.XBlocks}}, format: format, mode: layer.W4A4,
		source: "activations of " + v.x, globals: v.out.XGlobals}
}
