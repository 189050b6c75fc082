package exec

import (
	"encoding/hex"
	"fmt"
	"math"

	"fp4tui/exec/explain"
	"fp4tui/exec/gemm"
	"fp4tui/exec/language"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// ExplainCmd takes one element of a comparison apart.
type ExplainCmd struct {
	E     language.Ref `arg:"E" kind:"diff" doc:"one element of a comparison: e[m,n] or e[@max]"`
	Block *int         `key:"block" min:"0" doc:"which K block is shown down to its bytes; the largest contribution without"`
	As    language.Ref `key:"as" kind:"product" window:"none" doc:"what got should be, when it is a tensor from elsewhere: a product of this session, emulated and compared"`
}

var explainSpec = language.Spec{
	Verb: "explain", Group: "compare",
	Summary: "why one element is off: its error split by operation, by K block and down to the bytes",
	Detail: "The error is walked from want to got through exact values: weight and activation quantization, global scales, accumulation, epilogue, rounding, and the reference's own. " +
		"The parts add up exactly. What no operation explains, because got comes from elsewhere and is not what the emulator gives, is a part of its own.",
	Examples: []string{"explain e[@max]", "explain e[48,994] block=2", "explain eg[3,7] as=y"},
	New:      func() any { return new(ExplainCmd) },
}

// Bounds of what an explanation shows.
const (
	maxBlocks = 12
	maxAxis   = 64
)

func (cmd *ExplainCmd) run(c *call) (Result, error) {
	d, err := as[*diffValue](c, cmd.E, kindDiff)
	if err != nil {
		return nil, err
	}
	if !cmd.E.Point() {
		return nil, fmt.Errorf("%w: %s: name one element, as in %s[0,0] or %s[@max]", ErrUsage, cmd.E, cmd.E.Base(), cmd.E.Base())
	}
	m, n, err := d.position(cmd.E)
	if err != nil {
		return nil, err
	}
	got, want, product, err := cmd.sides(c, d, m, n)
	if err != nil {
		return nil, err
	}
	e, err := explain.Element(got, want, m, n)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", cmd.E, err)
	}
	r := cmd.explained(d, e, product, m, n)
	return r, cmd.blocks(&r, e, product)
}

// sides is what is known of got and want, and the product whose blocks are told.
func (cmd *ExplainCmd) sides(c *call, d *diffValue, m, n int) (got, want explain.Side, p *productValue, err error) {
	point := d.pair.At(m, n)
	p = d.sides[0].product
	if cmd.As.Name != "" {
		if p, err = as[*productValue](c, cmd.As, kindProduct); err != nil {
			return got, want, nil, err
		}
		if err := sameSize(p, d, cmd.As); err != nil {
			return got, want, nil, err
		}
	}
	if got, err = c.explainSide(p, float32(point.Got), d.gotBy); err != nil {
		return got, want, nil, err
	}
	if cmd.As.Name != "" {
		got.Foreign, got.Ref = true, false
	}
	other := d.sides[1].product
	if want, err = c.explainSide(other, float32(point.Want), d.wantBy); err != nil {
		return got, want, nil, err
	}
	if p == nil || p.weights == nil && other != nil && other.weights != nil {
		p = other
	}
	return got, want, p, nil
}

// explained is all but the K axis.
func (cmd *ExplainCmd) explained(d *diffValue, e *explain.Explanation, product *productValue, m, n int) Explained {
	point := d.pair.At(m, n)
	r := Explained{
		Subject: fmt.Sprintf("%s[%d,%d]", cmd.E.Base(), m, n), M: m, N: n, Got: Float(point.Got), Want: Float(point.Want), Err: Float(point.Err),
		Exact: e.Err.String(), GotBits: bits(d.sides[0].tensor.DType, point.Got), WantBits: bits(d.sides[1].tensor.DType, point.Want),
		GotBy: d.gotBy, WantBy: d.wantBy, As: cmd.As.String(), Noise: Float(point.Noise), NoiseLimit: nan(), Alpha: Float(e.Alpha),
		Budget: []ErrorPart{}, Adds: e.Adds, Broke: e.Broke, Missing: append([]string{}, e.Missing...),
		Accumulator: accumulator(e), Proof: elementProof(e, product, m, n),
	}
	if d.pair.HasNoise() {
		r.NoiseLimit = Float(d.limit)
	}
	if r.Mode = "dense"; product.weights != nil {
		r.Mode = product.forward.Mode.String()
	}
	for _, row := range e.Budget {
		r.Budget = append(r.Budget, ErrorPart{Kind: string(row.Kind), Text: row.Text, Reference: row.Reference,
			Part: Float(row.Part.Float64()), Exact: row.Part.String(), After: Float(row.After.Float64())})
	}
	return r
}

// explainSide is what is known of one side of a comparison.
func (c *call) explainSide(p *productValue, v float32, by string) (explain.Side, error) {
	s := explain.Side{Value: v, By: by}
	if p == nil {
		return s, nil
	}
	s.Made, s.Out, s.Ref = &p.forward, p.out, p.backend == gemm.Ref{}.Name()
	s.Foreign = !s.Ref && p.backend != gemm.Emu{}.Name()
	if p.prepared != nil {
		f, err := p.prepared.throughPrepared(c.ctx, p.forward)
		if err != nil {
			return s, err
		}
		f.Weights = withBias(f.Weights, p.forward)
		s.Prepared = &f
	}
	return s, nil
}

// sameSize refuses a product that cannot stand for got.
func sameSize(p *productValue, d *diffValue, ref language.Ref) error {
	if m, n := p.out.Y.Rows(); m != d.pair.M || n != d.pair.N {
		return fmt.Errorf("%w: as=%s: it is %d×%d, the comparison %d×%d", ErrShape, ref, m, n, d.pair.M, d.pair.N)
	}
	return nil
}

func accumulator(e *explain.Explanation) Accumulator {
	a := Accumulator{Value: nan(), Loss: nan(), Notes: []string{}, Steps: []AccStep{}}
	r := e.Replay
	if r == nil {
		return a
	}
	a.Instr, a.Arch, a.K, a.Order = r.Model.Kind, r.Model.Arch, r.Model.L, r.Order.String()
	a.Count, a.Parts, a.Cut, a.Rounded = e.Trace.Count, e.Trace.Parts, e.Trace.Cut, e.Trace.Rounded
	a.Bits, a.Value, a.Loss = fmt.Sprintf("%08x", math.Float32bits(r.Acc)), Float(r.Acc), Float(e.Trace.Loss.Float64())
	if r.Model.Unverified != "" {
		a.Notes = append(a.Notes, "unverified: "+r.Model.Unverified)
	}
	for _, s := range e.Trace.Steps {
		a.Steps = append(a.Steps, AccStep{Part: s.Part, Index: s.Index, K0: s.First, Len: s.Len, C: fmt.Sprintf("%08x", s.C), D: fmt.Sprintf("%08x", s.D),
			Value: Float(math.Float32frombits(s.D)), Exp: s.E, Quantum: s.Quantum, Terms: s.Terms, Cut: s.Cut, Rounded: s.Rounded,
			Loss: Float(s.Loss.Float64()), Special: s.Special})
	}
	return a
}

// elementProof is the product's certificate where it has one, and which bits stand
// against exactness. That alone decides where the product has none: products of other
// backends, and what got is taken for.
func elementProof(e *explain.Explanation, p *productValue, m, n int) ElementProof {
	if e.Replay == nil {
		return ElementProof{Word: "unknown", Why: "nothing was emulated"}
	}
	mark := func(k explain.Mark) BitMark { return BitMark{K0: k.First, Len: k.Len, Exp: k.Exp} }
	x := &e.Exactness
	certainty, claim := layer.Unproven, e.Replay.Model.AnyOrder()
	if proof := p.out.Proof; proof != nil {
		_, cols := p.out.Y.Rows()
		certainty, claim = proof.Of[m*cols+n], proof.Claim
	}
	if x.Holds {
		certainty, claim = layer.ExactSum, e.Replay.Model.AnyOrder()
	}
	r := ElementProof{Word: "proven", Certainty: certainty.String(), Claim: claim,
		Bits: x.Bits, Low: mark(x.Low), High: mark(x.High), Below: mark(x.Cut), Why: x.Why}
	if certainty == layer.Unproven {
		r.Word = "unproven"
	}
	return r
}

// blocks fills in the K axis and the block that is shown in full.
func (cmd *ExplainCmd) blocks(r *Explained, e *explain.Explanation, p *productValue) error {
	b := &e.Blocks
	r.ByError, r.BlockSize, r.BlockN, r.Blocks, r.Axis = b.ByError, b.Size, len(b.All), []BlockShare{}, []Float{}
	r.Block = BlockDetail{Byte: -1, ScaleByte: -1, KernelByte: -1, KernelScale: -1, Elements: []BlockElement{}}
	if len(b.All) == 0 {
		return nil
	}
	others := 0.0
	for i, at := range b.Order {
		if i < maxBlocks {
			r.Blocks = append(r.Blocks, blockShare(b, at))
			continue
		}
		others += b.Rank(at).Float64()
	}
	r.Others = Float(others)
	r.AxisStep = (len(b.All) + maxAxis - 1) / maxAxis
	for lo := 0; lo < len(b.All); lo += r.AxisStep {
		sum := 0.0
		for i := lo; i < min(lo+r.AxisStep, len(b.All)); i++ {
			sum += b.Rank(i).Float64()
		}
		r.Axis = append(r.Axis, Float(sum))
	}
	at := b.Order[0]
	if cmd.Block != nil {
		if at = *cmd.Block; at >= len(b.All) {
			return fmt.Errorf("%w: block=%d: K has %s, 0 to %d", ErrShape, at, plural(len(b.All), "block"), len(b.All)-1)
		}
	}
	return blockDetail(&r.Block, e, p, at, r.N)
}

func blockShare(b *explain.Blocks, i int) BlockShare {
	v := b.All[i]
	s := BlockShare{Block: i, K0: v.First, Len: v.Len, Sum: Float(v.Sum.Float64()), Err: Float(v.Err.Float64()), Weight: Float(v.Weight.Float64()),
		Act: Float(v.Activation.Float64()), Share: nan(), Scale: v.Scale, ScaleV: Float(v.ScaleV), XScale: v.XScale, XScaleV: Float(v.XScaleV)}
	if total := b.Total.Float64(); total != 0 {
		s.Share = Float(b.Rank(i).Float64() / total)
	}
	return s
}

// blockDetail is a block with its products, and with its bytes in the file, in the
// quantized activations and in the prepared buffer.
func blockDetail(r *BlockDetail, e *explain.Explanation, p *productValue, i, n int) error {
	r.BlockShare = blockShare(&e.Blocks, i)
	var codes source
	var blocks *fp4.Blocks
	if w := p.weights; w != nil {
		w = w.forExpert(p.choice.expert)
		blocks, codes = w.blocks(), codeBytes(w)
		if lo := n*blocks.Cols + r.K0; r.K0 < blocks.Cols {
			hi := min(lo+r.Len, (n+1)*blocks.Cols)
			r.Hex = hex.EncodeToString(codes.raw[lo/2 : hi/2])
			if codes.entry != nil {
				scales := scaleBytes(w)
				r.File, r.Byte, r.ScaleByte = codes.owner.shown(codes.entry.File.Path), codes.offset(lo/2), scales.offset(n*blocks.ScaleCols()+r.K0/blocks.Block)
			}
		}
	}
	if xq := p.out.XBlocks; xq != nil && r.K0 < xq.Cols {
		lo := e.Row()*xq.Cols + r.K0
		r.XHex = hex.EncodeToString(xq.Codes[lo/2 : (lo+min(r.Len, xq.Cols-r.K0))/2])
	}
	for _, f := range e.Factors(i) {
		v := BlockElement{K: f.K, X: Float(f.X), Used: Float(f.Used), XCode: f.XCode, W: Float(f.W), Code: f.Code, CodeValue: nan(), Original: Float(f.Original),
			Product: Float(f.Product), Err: Float(f.Err), Half: Float(f.HalfSteps), Byte: -1}
		if f.Code >= 0 {
			v.CodeValue = Float(fp4.DecodeE2M1(uint8(f.Code)))
			v.High = (f.K&1 == 1) == (blocks.Order == fp4.LowFirst)
			if codes.entry != nil {
				v.Byte = codes.offset((n*blocks.Cols + f.K) / 2)
			}
		}
		r.Elements = append(r.Elements, v)
	}
	return r.place(p, n)
}

// place finds the largest element of the block in the prepared buffer.
func (r *BlockDetail) place(p *productValue, n int) error {
	if p.prepared == nil || len(r.Elements) == 0 || r.Elements[0].Code < 0 {
		return nil
	}
	at, err := p.prepared.prepared.Where(n, r.Elements[0].K)
	if err != nil {
		return err
	}
	r.Kernel = first(p.prepared.prepared.Kernel.Name, "hand-made layout")
	r.KernelByte, r.KernelHigh, r.KernelScale = at.Byte, at.High, at.ScaleByte
	return nil
}
