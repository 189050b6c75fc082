package exec

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"fp4tui/exec/compare"
	"fp4tui/exec/gemm"
	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/kernel"
	"fp4tui/inspect/layer"
)

// Proof is the certificate of a product: how many outputs are the same bits whatever
// order and splits its kernel uses.
type Proof struct {
	Claim    string `json:"claim"`     // against which orders: "any order and split of whole K=64 instructions"
	Exact    int64  `json:"exact"`     // every partial sum is exact in every order
	SameWord int64  `json:"same_word"` // partial sums may round, the output word stays
	Unproven int64  `json:"unproven"`
}

// proofOf summarizes a certificate; nil where the backend gave none.
func proofOf(p *layer.Proof) *Proof {
	if p == nil {
		return nil
	}
	r := Proof{Claim: p.Claim}
	for _, c := range p.Of {
		switch c {
		case layer.ExactSum:
			r.Exact++
		case layer.SameWord:
			r.SameWord++
		default:
			r.Unproven++
		}
	}
	return &r
}

// sliceProof drops the outputs of padded rows of a prepared weight, as SliceOutput
// does with the outputs themselves.
func sliceProof(p *kernel.Prepared, proof *layer.Proof, shape []int) (*layer.Proof, error) {
	if proof == nil {
		return nil, nil
	}
	all := inspect.Tensor{DType: inspect.F32, Shape: shape, Data: make([]float32, len(proof.Of))}
	for i, c := range proof.Of {
		all.Data[i] = float32(c)
	}
	kept, err := p.SliceOutput(all)
	if err != nil {
		return nil, err
	}
	of := make([]layer.Certainty, len(kept.Data))
	for i, c := range kept.Data {
		of[i] = layer.Certainty(c)
	}
	return &layer.Proof{Of: of, Claim: proof.Claim}, nil
}

// certify gives a comparison the certificate of the product that is one of its sides.
// Proven elements must equal the other side's when that claims to be the same product
// of a tensor core: a product of the same operands whose order alone is another, or a
// tensor from elsewhere that is held against the product.
func certify(pair *compare.Pair, got, want side) {
	for i, s := range [][2]side{{got, want}, {want, got}} {
		v := s[0].product
		if v == nil || v.out.Proof == nil || s[1].window {
			continue
		}
		of := v.out.Proof.Of
		other := s[1].product
		pair.SetProof(func(i int) bool { return of[i] != layer.Unproven },
			other == nil && i == 1 && want.claimedBy(got) || other != nil && v.sameButOrder(other))
		return
	}
}

// paired compares two products, under the certificate of one of them where it has one.
// Errors are those of compare.New.
func paired(got, want *productValue) (*compare.Pair, error) {
	pair, err := compare.New(got.out.Y, want.out.Y)
	if err == nil {
		certify(pair, side{tensor: got.out.Y, product: got}, side{tensor: want.out.Y, product: want})
	}
	return pair, err
}

// apart is what the certificate of a pair says, of its metrics; nothing where it does not
// speak of both sides.
func apart(pair *compare.Pair, m *compare.Metrics) Apart {
	if !pair.Judged() {
		return Apart{}
	}
	return Apart{true, m.Proven, m.ProvenMismatch}
}

// claimedBy reports a tensor from elsewhere that may be this product computed by an
// engine. A product that is held against a file is no such claim, since the file may be
// what the model was before it was quantized; nor is one of another output type.
func (s side) claimedBy(got side) bool {
	out := s.product.forward.Out
	if got.blocks != nil || got.tensor.DType != out && got.tensor.DType != inspect.F32 {
		return false
	}
	round, ok := map[inspect.DType]func(float32) float32{inspect.BF16: fp4.RoundBF16, inspect.F16: fp4.RoundFP16}[out]
	if !ok {
		return true
	}
	return !slices.ContainsFunc(got.tensor.Data, func(v float32) bool { return v == v && round(v) != v })
}

// sameButOrder reports two products that every kernel computes alike where the
// certificate says so: the same operands, scales, instruction and epilogue.
func (v *productValue) sameButOrder(o *productValue) bool {
	if v.backend == "ref" || o.backend == "ref" || v.weights == nil || o.weights == nil || v.out.Foreign || o.out.Foreign {
		return false
	}
	a, b := v.forward, o.forward
	rule := v.instruction()
	sameArch := a.Mode == layer.W4A4 || rule == o.instruction() && rule != (gemm.Params{}) // every FP4 instruction is one rule
	if a.Mode == layer.W4A16 && (a.Order.Kind == layer.OrderSliced || b.Order.Kind == layer.OrderSliced) {
		return false // interleaved slices are outside the claim
	}
	return sameArch && v.weights.weights == o.weights.weights && a.Expert == b.Expert && a.Mode == b.Mode &&
		a.Act == b.Act && a.ActVal == b.ActVal && a.Out == b.Out && a.Epilogue == b.Epilogue && a.ActPer == b.ActPer &&
		sameWords([]float32{v.out.Alpha}, []float32{o.out.Alpha}) && sameWords(v.out.Alphas, o.out.Alphas) && sameWords(a.X.Data, b.X.Data)
}

// instruction is the rule of the bf16 instruction that a w4a16 product was made with:
// that of the GPU where a kernel used its own, else that of arch=. It is zero where the
// architecture has no row.
func (v *productValue) instruction() gemm.Params {
	m, err := gemm.Lookup("bf16", cmp.Or(v.out.Arch, v.forward.Arch))
	if err != nil {
		return gemm.Params{}
	}
	return m.Params
}

// sameWords compares bits: a NaN equals itself.
func sameWords(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
}

// certified is the error of a metric or measure that needs a certificate which the
// comparison hasn't got.
func (d *diffValue) certified(name string) error {
	m, ok := compare.Lookup(name)
	if !ok || name == "noise" || d.pair.Has(m) {
		return nil
	}
	why := "neither side is a product of backend=emu"
	if d.pair.HasProof() {
		why = fmt.Sprintf("%s and %s are not two runs of the same product", d.got, d.want)
		if d.sides[1].product == nil {
			why = fmt.Sprintf("%s is a reference, which nothing says to be the same product", d.want)
		} else if d.sides[0].product == nil {
			why = fmt.Sprintf("%s is not all %s, the output type of %s", d.got, dtypeName(d.sides[1].product.forward.Out), d.want)
		}
	}
	return &inspect.Fault{Class: inspect.ErrMissing, Offset: -1, What: "no " + name + " in this comparison", Why: why,
		Cure: "compare the output of the engine with an emulated product, diff ENGINE Y, or that with gemm … order=split:4"}
}
