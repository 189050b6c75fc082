package exec

import (
	"fmt"
	"math"
	"strings"

	"fp4tui/exec/language"
	"fp4tui/inspect"
	"fp4tui/inspect/layer"
)

// GemmCmd runs one layer.
type GemmCmd struct {
	X       language.Ref `arg:"X" kind:"tensor|product" doc:"activations of any rank, […,K]"`
	W       language.Ref `arg:"W" kind:"layer|quantized|prepared|tensor|checkpoint" doc:"a layer, a quantized or prepared weight, or a dense [N,K] tensor (backend=ref only)"`
	Backend BackendArg   `key:"backend" complete:"backend" values:"ref|emu|cuda|cuda:KERNEL|ENGINE|all" default:"emu" doc:"who computes: the dequantized reference, the bit-exact emulator, a GPU (its own choice of a kernel, or one by name), an engine in a Python environment (torch, flashinfer:trtllm, …), or all that are ready"`
	Against BackendArg   `key:"against" complete:"backend" values:"ref|emu|cuda|cuda:KERNEL|ENGINE" doc:"another backend to compare with: how both differ comes back instead of outputs; two kernels of a GPU are compared there, a layer of any size"`
	Mode    string       `key:"mode" enum:"layer|w4a16|w4a4" default:"layer" doc:"quantize activations: as the layer says, never, always"`
	Arch    string       `key:"arch" enum:"sm80|sm86|sm89|sm90|sm100|sm103|sm110|sm120|sm121" default:"sm100" doc:"whose tensor core emu is"`
	Act     ActArg       `key:"act" doc:"w4a4 activation global scale: dynamic, static, unit, none, 1/weight or a divisor"`
	ActPer  string       `key:"actper" enum:"tensor|token|expert" default:"tensor" doc:"what shares one activation global scale: all of x (and, with act=static, all experts), each row of x, or one expert"`
	Out     string       `key:"out" enum:"bf16|fp16|f32" default:"bf16" doc:"type of the output"`
	Expert  *int         `key:"expert" min:"0" doc:"which expert of a 3-D layer, when not that of the handle"`

	Order    OrderArg `key:"order" default:"sequential" doc:"how emu walks K: sequential, reverse, split:S slices, sliced:S (interleaved) or stream:W workers"`
	Epilogue string   `key:"epilogue" enum:"f32|bf16-alpha|out" default:"f32" doc:"where emu multiplies by alpha: in FP32, alpha rounded to bf16 first, or in the output type after rounding to it"`
	Bias     string   `key:"bias" enum:"none|f32|out" default:"none" doc:"add the layer's bias: not, in FP32 before the output rounding, or to the rounded output"`
	Alpha    AlphaArg `key:"alpha" default:"own" doc:"alpha of emu: the layer's own, with the largest (fused-max) or the first (fused-first) stored global scale of the layers fused with it, or a number"`
}

var gemmSpec = language.Spec{
	Verb: "gemm", Group: "run", Binds: kindProduct + "|" + kindBackends + "|" + kindCompared,
	Summary: "run one layer: y = x·Wᵀ",
	Detail: "ref dequantizes the operands, accumulates in float64 and rounds once. emu returns the bits of a tensor core: " +
		"w4a4 by the NVFP4/MXFP4 instruction, w4a16 by the bf16 one with the global scale in the FP32 epilogue. " +
		"backend=cuda computes on a GPU in a process of its own, here or behind ssh (--device); names like flashinfer:trtllm are engines of a Python environment (--python). " +
		"backend=all runs all that are ready and shows how far each two are apart, as a matrix: outputs that differ, with ! those that are proven, where one of the two has a bug. Its handle has the product of each (y.emu, y.cuda_w4a16, y.torch) and numbers for expect (y.proven_mismatch, y.zeros); " +
		"a notebook keeps the lines of ref and emu, which are the same on every machine. " +
		"backend=cuda:w4a16 against=cuda:emu-bf16 compares two kernels on the device, so that no output travels; its handle has numbers (d.differ, d.max_abs, d.rel_l2, and d.proven_mismatch beside emu), map d shows where, in cells of 64×64 or more. " +
		"The bias is added where bias= says so. info of the product says what alpha is made of, info y.act what quantizing did to the activations.",
	Examples: []string{"y = gemm x w", "r = gemm x w backend=ref", "y4 = gemm x w mode=w4a4 act=dynamic", "ys = gemm x w order=split:4", "yo = gemm x w out=fp16 epilogue=out", "ya = gemm x w backend=all", "d = gemm x w against=ref"},
	New:      func() any { return new(GemmCmd) },
}

func (cmd *GemmCmd) run(c *call) (Result, error) {
	x, err := c.dense(cmd.X)
	if err != nil {
		return nil, err
	}
	w, dense, err := c.weight(cmd.W)
	if err != nil {
		return nil, err
	}
	prepared, err := c.prepared(cmd.W)
	if err != nil {
		return nil, err
	}
	choice, err := cmd.choose(c.s, w, prepared != nil)
	if err != nil {
		return nil, err
	}
	if prepared != nil {
		if cmd.Expert != nil && *cmd.Expert != prepared.from.expert {
			return nil, fmt.Errorf("%w: expert=%d: %s holds one expert, %d", ErrUsage, *cmd.Expert, cmd.W, prepared.from.expert)
		}
		choice.expert = prepared.from.expert
	}
	f := choice.forward(x, w, dense)
	if cmd.Against != "" {
		return cmd.against(c, f, choice, prepared)
	}
	if choice.backend == string(backendAll) {
		return cmd.all(c, f, w, choice, prepared)
	}
	be, ok := c.s.backend(choice.backend)
	if !ok {
		return nil, fmt.Errorf("%w: %s: no such backend in this build", ErrNotReady, choice.backend)
	}
	if err := c.ready(be); err != nil {
		return nil, err
	}
	out, err := c.forward(be, f, prepared)
	if err != nil {
		return nil, err
	}
	v := &productValue{out: out, forward: f, x: cmd.X.String(), w: cmd.W.String(), backend: choice.backend, weights: w, choice: choice, prepared: prepared}
	v.by = v.badge()
	r := product(c.name, v)
	v.zeros = r.Zero
	c.bind(v)
	return r, nil
}

// forward runs a layer, through a prepared buffer when there is one: activations padded
// in K, outputs of padded rows dropped.
func (c *call) forward(be Backend, f layer.Forward, p *preparedValue) (layer.Output, error) {
	f.Prove = true
	if p == nil {
		defer c.s.watch(&f, be.Name())()
		return be.Forward(c.ctx, f, c.progress)
	}
	padded, err := p.throughPrepared(c.ctx, f)
	if err != nil {
		return layer.Output{}, err
	}
	padded.Weights = withBias(padded.Weights, f)
	defer c.s.watch(&padded, be.Name())()
	out, err := be.Forward(c.ctx, padded, c.progress)
	if err != nil {
		return out, err
	}
	if out.Proof, err = sliceProof(p.prepared, out.Proof, out.Y.Shape); err != nil {
		return out, err
	}
	out.Y, err = p.prepared.SliceOutput(out.Y)
	return out, err
}

// withBias gives a padded weight the bias that the run asks for, padded with zeros.
func withBias(w *layer.Weights, f layer.Forward) *layer.Weights {
	if f.Epilogue.Bias == layer.BiasNone || f.Weights.Bias == nil {
		return w
	}
	stored := f.Weights.Bias.Data
	if n := len(stored) / len(f.Weights.Blocks); len(f.Weights.Blocks) > 1 {
		stored = stored[f.Expert*n : (f.Expert+1)*n]
	}
	bias := inspect.Tensor{DType: f.Weights.Bias.DType, Shape: []int{w.Blocks[0].Rows}, Data: make([]float32, w.Blocks[0].Rows)}
	copy(bias.Data, stored)
	return &layer.Weights{Layer: w.Layer, Blocks: w.Blocks, Bias: &bias}
}

// badge is the name of who computed a product and of how, where that is not the usual
// way: "emu sm100", "emu sm100 order=split:4", "ref"; a weight that was never quantized
// is said, since an error against it is another than one against the dequantized
// reference. A device says which kernel ran, where its name does not:
// "cuda (emu-fp4)"; where it ran is the product's to say.
func (v *productValue) badge() string {
	switch {
	case v.backend == "emu":
		return v.backend + " " + v.choice.arch + v.choice.unusual()
	case v.weights == nil:
		return v.backend + ", unquantized"
	case v.out.By != "" && !strings.HasSuffix(v.backend, ":"+v.out.By):
		return v.backend + " (" + v.out.By + ")" + v.choice.unusual()
	}
	return v.backend + v.choice.unusual()
}

func outType(name string) inspect.DType {
	switch name {
	case "fp16":
		return inspect.F16
	case "f32":
		return inspect.F32
	}
	return inspect.BF16
}

// first is the first of its arguments that is not empty.
func first(s ...string) string {
	for _, v := range s {
		if v != "" {
			return v
		}
	}
	return ""
}

func product(name string, v *productValue) Product {
	f := v.forward
	r := Product{
		Bind: Bind{name}, X: v.x, W: v.w, Backend: v.backend, Mode: "dense", Act: actName(f), Out: dtypeName(v.out.Y.DType),
		XShape: shapeOf(f.X.Shape), Shape: shapeOf(v.out.Y.Shape), Alpha: Float(v.out.Alpha), Notes: append([]string{}, v.out.Notes...),
	}
	if v.backend == "emu" {
		r.Arch = f.Arch
	}
	r.By, r.Device = v.out.By, v.out.Device
	v.describeScales(&r)
	if v.weights != nil {
		r.Mode = f.Mode.String()
		r.Expert, r.Experts = v.weights.forExpert(v.choice.expert).which()
	}
	_, k := f.X.Rows()
	r.MACs = int64(len(v.out.Y.Data)) * int64(k)
	r.Proof = proofOf(v.out.Proof)
	lo, hi := float32(math.Inf(1)), float32(math.Inf(-1))
	for _, y := range v.out.Y.Data {
		switch {
		case y != y:
			r.NaN++
			continue
		case math.IsInf(float64(y), 0):
			r.Inf++
		case y == 0:
			r.Zero++
		}
		lo, hi = min(lo, y), max(hi, y)
	}
	r.Min, r.Max = Float(lo), Float(hi)
	if lo > hi {
		r.Min, r.Max = Float(math.NaN()), Float(math.NaN())
	}
	if n := int64(len(v.out.Y.Data)); n > 0 && r.Zero == n {
		r.Notes = append(r.Notes, "every output is exactly zero")
	}
	if r.Unwritten = unwritten(v.out.Y); r.Unwritten > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%s never written: they still hold the guard of before the kernel", plural(int(r.Unwritten), "output")))
	}
	return r
}
