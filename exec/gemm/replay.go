package gemm

import (
	"fmt"
	"math"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// Replay is one output of Emu worked out again with every instruction, by the plain
// steps that the fast ones are tested against. Its bits are those of Emu.
type Replay struct {
	Model Model
	Order layer.Order
	X, W  []float64    // the operands as the instructions read them: block scales included, global scales not
	Parts []ReplayPart // the accumulators of the order, as they meet
	Acc   float32      // all of them together
	Used  float32      // the factor of the epilogue as it multiplies: rounded where the epilogue rounds it
	Bias  float32      // what is added, as it is added; 0 without
	After []ReplayStep // the epilogue, one step after the other
	Y     float32      // the output
}

// ReplayPart is one accumulator.
type ReplayPart struct {
	Steps []Step  // its instructions in the order in which it takes them
	Sum   float32 // of this part and all before it, after the FP32 addition; the part's own for the first
}

// ReplayOp is what one step of an epilogue does to its operand.
type ReplayOp uint8

const (
	ReplayRound    ReplayOp = iota // rounds to the output type
	ReplayMultiply                 // multiplies by Used, in FP32
	ReplayAdd                      // adds Bias, in FP32
)

// ReplayStep is one operation of an epilogue and its result.
type ReplayStep struct {
	Op ReplayOp
	D  float32
}

// Replay works out output m,n of f. In w4a4 out says what x was quantized to (by
// whichever backend); it isn't quantized again, because its global scale may depend on
// all of x. Errors are *inspect.Fault or *fp4.Error.
func (Emu) Replay(f layer.Forward, out layer.Output, m, n int) (*Replay, error) {
	if f.Dense != nil {
		return nil, fault(inspect.ErrUnsupported, "emu takes no dense weight", "it emulates FP4 layers", "quantize the weight first")
	}
	if f.Arch == "" {
		f.Arch = "sm100"
	}
	p, err := newProblem(f)
	if err != nil {
		return nil, err
	}
	if m < 0 || m >= p.M || n < 0 || n >= p.N {
		return nil, fault(inspect.ErrMissing, fmt.Sprintf("no output %d,%d", m, n), fmt.Sprintf("the product is %d×%d", p.M, p.N), "")
	}
	c, op, model, alpha, err := p.element(&out, m, n)
	if err != nil {
		return nil, err
	}
	r := &Replay{Model: model, Order: p.Order, X: model.A.values(op.A, model.scale, op.SFA), W: model.B.values(op.B, model.scale, op.SFB)}
	w := newWalk(&p, c)
	for i, runs := range w.parts(tile{m, m + 1, n, n + 1}) {
		part := model.chainRef(op, runs)
		if i > 0 {
			sum := []float32{r.Acc}
			addTo(sum, []float32{part.Sum})
			part.Sum = sum[0]
		}
		r.Acc = part.Sum
		r.Parts = append(r.Parts, part)
	}
	end, err := p.epilogue(alpha)
	if err != nil {
		return nil, err
	}
	r.finish(end, n)
	return r, nil
}

// element is the operands of one output as bits, K padded with zeros to whole
// instructions.
func (p *problem) element(out *layer.Output, m, n int) (chain, Operands, Model, float32, error) {
	if p.Mode == layer.W4A16 {
		alpha := p.setAlpha(&layer.Output{})[0]
		model, err := Lookup("bf16", p.Arch)
		if err != nil {
			return nil, Operands{}, model, 0, err
		}
		c := newChainBF16(model, nil, p.w, p.K)
		return c, c.element(p.X.Data[m*p.K:][:p.K], n), model, alpha, nil
	}
	format, err := p.format()
	if err != nil {
		return nil, Operands{}, Model{}, 0, err
	}
	model, err := Lookup(fp4Kinds[format], p.Arch)
	if err != nil {
		return nil, Operands{}, model, 0, err
	}
	xq := out.XBlocks
	if xq == nil || xq.Cols != p.K || xq.Rows != p.M {
		return nil, Operands{}, model, 0, fault(inspect.ErrMissing, "no quantized activations",
			"w4a4 multiplies what x was quantized to, and this product did not keep it", "y = gemm x w mode=w4a4 backend=emu")
	}
	made := layer.Output{XBlocks: xq, XGlobals: out.XGlobals}
	if xq.Global.Use != fp4.NoGlobal {
		made.Factors = []layer.Factor{{Scale: xq.Global}}
	}
	p.setAlpha(&made)
	op := Operands{A: codesOf(xq, m, model.L), B: codesOf(p.w, n, model.L), SFA: scalesOf(xq, m, model.L), SFB: scalesOf(p.w, n, model.L)}
	c, err := newChainFP4(model, xq, p.w)
	return c, op, model, made.AlphaOf(m), err
}

// fp4Kinds are the block-scaled instructions of the two formats.
var fp4Kinds = map[string]string{fp4.NVFP4: "mxf4nvf4.ue4m3", fp4.MXFP4: "mxf4"}

// element is row x against row n of the weight.
func (c *chainBF16) element(x []float32, n int) Operands {
	op := Operands{A: make([]uint32, padded(c.k, c.model.L)), B: make([]uint32, padded(c.k, c.model.L))}
	for k, v := range x {
		op.A[k] = wordNaN >> 16
		if v == v {
			op.A[k] = math.Float32bits(fp4.RoundBF16(v)) >> 16
		}
		op.B[k] = uint32(c.word[c.w.Scale(n, k)][c.w.Code(n, k)])
	}
	return op
}

// padded is k in whole instructions of l.
func padded(k, l int) int { return (k + l - 1) / l * l }

func codesOf(b *fp4.Blocks, row, l int) []uint32 {
	out := make([]uint32, padded(b.Cols, l))
	for k := range b.Cols {
		out[k] = uint32(b.Code(row, k))
	}
	return out
}

func scalesOf(b *fp4.Blocks, row, l int) []uint8 {
	out := make([]uint8, padded(b.Cols, l)/b.Block)
	copy(out, b.Scales[row*b.ScaleCols():][:b.ScaleCols()])
	return out
}

// values decodes codes under their block scales, if they have any.
func (e Element) values(codes []uint32, scale scaleFormat, scales []uint8) []float64 {
	out := make([]float64, len(codes))
	for k, code := range codes {
		n := e.decode(code)
		switch {
		case n.class == nan:
			out[k] = math.NaN()
			continue
		case n.class == infinite:
			if out[k] = math.Inf(1); n.neg {
				out[k] = math.Inf(-1)
			}
			continue
		}
		out[k] = math.Ldexp(float64(n.sig), n.exp-elements[e].man)
		if scale == noScale {
			continue
		}
		sig, exp, isNaN := scale.decode(scales[k*len(scales)/len(codes)])
		if out[k] *= math.Ldexp(float64(sig), exp-scale.man()); isNaN {
			out[k] = math.NaN()
		}
	}
	return out
}

// chainRef is one accumulator through its runs of instructions.
func (m *Model) chainRef(op Operands, runs []span) ReplayPart {
	var part ReplayPart
	c := uint32(0)
	for _, run := range runs {
		for i := run.first; i < run.last; i++ {
			s := m.stepRef(op, i*m.L, m.L, c)
			part.Steps = append(part.Steps, s)
			c = s.D
		}
	}
	part.Sum = math.Float32frombits(c)
	return part
}

// finish is epilogue.apply with every step kept; a test holds that they agree.
func (r *Replay) finish(e *epilogue, n int) {
	alpha := e.alpha[0]
	v := r.Acc
	step := func(op ReplayOp, d float32) {
		v = d
		r.After = append(r.After, ReplayStep{op, d})
	}
	switch e.Alpha {
	case layer.AlphaF32:
		r.Used = alpha
	case layer.AlphaBF16:
		r.Used = fp4.RoundBF16(alpha)
	case layer.AlphaOut:
		r.Used = roundFloat32(alpha, e.out)
		step(ReplayRound, roundFloat32(v, e.out))
	}
	step(ReplayMultiply, float32(r.Used*v))
	if e.Alpha == layer.AlphaOut {
		step(ReplayRound, roundFloat32(v, e.out))
	}
	switch e.Bias {
	case layer.BiasF32:
		r.Bias = e.bias[n]
		step(ReplayAdd, float32(v+r.Bias))
	case layer.BiasOut:
		r.Bias = roundFloat32(e.bias[n], e.out)
		step(ReplayRound, roundFloat32(v, e.out))
		step(ReplayAdd, float32(v+r.Bias))
	}
	step(ReplayRound, roundFloat32(v, e.out))
	r.Y = v
}

// Factors are row m of what is multiplied in f, and row n of the weight, as the numbers
// that Ref multiplies: x as given or, where out has it quantized, dequantized; the weight
// dense or dequantized.
func (Ref) Factors(f layer.Forward, out layer.Output, m, n int) (x, w []float64, err error) {
	p, err := newProblem(f)
	if err != nil {
		return nil, nil, err
	}
	if m < 0 || m >= p.M || n < 0 || n >= p.N {
		return nil, nil, fault(inspect.ErrMissing, fmt.Sprintf("no output %d,%d", m, n), fmt.Sprintf("the product is %d×%d", p.M, p.N), "")
	}
	x = numbers(denseMatrix{p.X.Data, p.K}, m, p.K)
	if xq := out.XBlocks; xq != nil && xq.Cols == p.K && xq.Rows == p.M {
		row := out.XRow(m)
		x = numbers(newBlockMatrix(&row), 0, p.K)
	}
	if p.Dense != nil {
		return x, numbers(denseMatrix{p.Dense.Data, p.K}, n, p.K), nil
	}
	return x, numbers(newBlockMatrix(p.w), n, p.K), nil
}

// numbers is one row of an operand.
func numbers(m matrix, row, k int) []float64 {
	single := make([]float32, k)
	m.read(row, row+1, single)
	v := make([]float64, k)
	for i, s := range single {
		v[i] = float64(s)
	}
	return v
}

// Finish is what Ref makes of the factors: the float64 sum in ascending K, the bias
// (0 without) and the output.
func (Ref) Finish(f layer.Forward, x, w []float64, n int) (sum, bias float64, y float32, err error) {
	p, err := newProblem(f)
	if err != nil {
		return 0, 0, 0, err
	}
	b, err := p.bias()
	if err != nil {
		return 0, 0, 0, err
	}
	for k, v := range x {
		sum += float64(v * w[k])
	}
	if b != nil {
		bias = float64(b[n])
	}
	return sum, bias, roundFloat64(sum+bias, p.Out), nil
}
