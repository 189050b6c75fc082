package exec

import (
	"fmt"
	"math"
	"sort"

	"fp4tui/exec/compare"
	"fp4tui/exec/language"
	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
)

func (cmd *TopCmd) run(c *call) (Result, error) {
	d, err := as[*diffValue](c, cmd.E, kindDiff)
	if err != nil {
		return nil, err
	}
	n := cmd.N
	if n == 0 {
		n = 10
	}
	by, err := d.measure(first(cmd.By, "abs"))
	if err != nil {
		return nil, err
	}
	list, err := d.pair.Top(c.ctx, n, by)
	if err != nil {
		return nil, err
	}
	r := Worst{Subject: cmd.E.String(), By: by.String(), Total: int64(d.pair.M) * int64(d.pair.N), Rows: []ErrorPoint{}, Pattern: compare.WorstPattern(list)}
	for _, e := range list {
		r.Rows = append(r.Rows, d.point(e))
	}
	return r, nil
}

// maxMatches bounds how many elements where lists; the count is of all.
const maxMatches = 20

func (cmd *WhereCmd) run(c *call) (Result, error) {
	d, err := as[*diffValue](c, cmd.E, kindDiff)
	if err != nil {
		return nil, err
	}
	by, err := d.measure(first(cmd.By, "abs"))
	if err != nil {
		return nil, err
	}
	op, ok := compare.ParseOp(string(cmd.Op))
	if !ok {
		panic("exec: language.Op and compare.Op disagree about " + string(cmd.Op))
	}
	found, err := d.pair.Where(c.ctx, compare.Query{By: by, Op: op, Bound: float64(cmd.Bound), Limit: maxMatches})
	if err != nil {
		return nil, err
	}
	r := Matches{Subject: cmd.E.String(), Metric: by.String(), Op: string(cmd.Op), Bound: Float(cmd.Bound), Count: found.Count,
		Total: found.Of, Rows: []ErrorPoint{}, Groups: []Cluster{}, Pattern: patternText(found.Patterns)}
	for _, e := range found.First {
		r.Rows = append(r.Rows, d.point(e))
	}
	for _, list := range []struct {
		axis   string
		groups []compare.Group
	}{{"row", found.Rows}, {"column", found.Cols}, {"columns", found.Blocks}} {
		for _, g := range list.groups {
			r.Groups = append(r.Groups, Cluster{Axis: list.axis, Lo: g.Lo, Hi: g.Hi, Count: g.Count, Share: g.Share})
		}
	}
	return r, nil
}

// point is an element with the term of its sum that weighs most.
func (d *diffValue) point(e compare.Element) ErrorPoint {
	nan := Float(math.NaN())
	p := ErrorPoint{M: e.M, N: e.N, Got: Float(e.Got), Want: Float(e.Want), Err: Float(e.Err), Rel: Float(e.Rel), ULP: Float(e.ULP), Noise: Float(e.Noise),
		Block: -1, Scale: -1, ScaleV: nan, K: -1, Code: -1}
	if terms := d.terms(e.M, e.N); len(terms) > 0 {
		top := terms[0]
		for _, t := range terms[1:] {
			if heavier(t, top) {
				top = t
			}
		}
		p.K, p.Code, p.Scale, p.ScaleV = top.K, top.Code, top.Scale, top.ScaleV
		p.Block = top.K / d.product.weights.blocks().Block
	}
	return p
}

// heavier orders terms by magnitude, NaN first, then by k.
func heavier(a, b Term) bool {
	x, y := math.Abs(float64(a.Product)), math.Abs(float64(b.Product))
	if math.IsNaN(x) || math.IsNaN(y) {
		return math.IsNaN(x) && (!math.IsNaN(y) || a.K < b.K)
	}
	return x > y || x == y && a.K < b.K
}

// terms are the products x·w behind output element [m,n], in K order; nil when the
// operands are not known.
func (d *diffValue) terms(m, n int) []Term {
	p := d.product
	if p == nil {
		return nil
	}
	b := &p.weights.weights.Blocks[p.choice.expert]
	codes, scales := p.source(codeBytes), p.source(scaleBytes)
	out := make([]Term, b.Cols)
	x := p.activations(m)
	for k := range out {
		code, scale := b.Code(n, k), b.Scale(n, k)
		w := fp4.DecodeE2M1(code) * b.Effective(scale)
		out[k] = Term{
			K: k, X: Float(x[k]), Code: int(code), CodeValue: Float(fp4.DecodeE2M1(code)), Scale: int(scale), ScaleV: Float(b.ScaleType.Decode(uint16(scale))),
			W: Float(w), Product: Float(float64(x[k]) * float64(w)), High: (k&1 == 1) == (b.Order == fp4.LowFirst), Byte: -1, ScaleByte: -1,
		}
		if codes.entry != nil {
			out[k].File = codes.owner.shown(codes.entry.File.Path)
			out[k].Byte, out[k].ScaleByte = codes.offset((n*b.Cols+k)/2), scales.offset(n*b.ScaleCols()+k/b.Block)
		}
	}
	return out
}

// source is the bytes of the expert that the product ran.
func (p *productValue) source(of func(*weightsValue) source) source {
	return of(p.weights.forExpert(p.choice.expert))
}

// activations is row m of what was multiplied: x as given, or dequantized from its codes.
func (p *productValue) activations(m int) []float32 {
	_, k := p.forward.X.Rows()
	row := make([]float32, k)
	if p.out.XBlocks == nil {
		copy(row, p.forward.X.Data[m*k:(m+1)*k])
		return row
	}
	padded := make([]float32, p.out.XBlocks.Cols)
	b := p.out.XRow(m)
	b.DequantRow(0, padded)
	copy(row, padded)
	return row
}

// maxTerms bounds the terms and the K blocks that an element shows.
const maxTerms = 8

// element describes one output element.
func (c *call) element(ref language.Ref, d *diffValue) (Result, error) {
	m, n, err := d.position(ref)
	if err != nil {
		return nil, err
	}
	e := d.pair.At(m, n)
	r := Element{Subject: fmt.Sprintf("%s[%d,%d]", ref.Base(), m, n), ErrorPoint: d.point(e), GotBy: d.gotBy, WantBy: d.wantBy,
		GotBits: bits(d.pair.DType, e.Got), WantBits: bits(d.pair.DType, e.Want), Terms: []Term{}, Blocks: []Share{}}
	terms := d.terms(m, n)
	if terms == nil {
		return r, nil
	}
	r.Blocks = blockShares(terms, d.product.weights.blocks().Block)
	sort.SliceStable(terms, func(i, j int) bool { return heavier(terms[i], terms[j]) })
	r.Terms = append(r.Terms, terms[:min(len(terms), maxTerms)]...)
	r.Others = len(terms) - len(r.Terms)
	return r, nil
}

// blockShares adds the terms of each K block, the largest sums first.
func blockShares(terms []Term, block int) []Share {
	out := []Share{}
	for k := 0; k < len(terms); k += block {
		sum := 0.0
		for _, t := range terms[k:min(k+block, len(terms))] {
			sum += float64(t.Product)
		}
		out = append(out, Share{Block: k / block, Sum: Float(sum), Scale: terms[k].Scale})
	}
	sort.SliceStable(out, func(i, j int) bool { return math.Abs(float64(out[i].Sum)) > math.Abs(float64(out[j].Sum)) })
	return out[:min(len(out), maxTerms)]
}

// bits is a value as the word of its type: "0xbf2e" for bf16.
func bits(d inspect.DType, v float64) string {
	switch d {
	case inspect.BF16:
		return fmt.Sprintf("0x%04x", fp4.BF16.Encode(float32(v), fp4.NearestEven))
	case inspect.F16:
		return fmt.Sprintf("0x%04x", fp4.FP16.Encode(float32(v), fp4.NearestEven))
	}
	return fmt.Sprintf("0x%08x", math.Float32bits(float32(v)))
}
