package gemm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// anyOrder accumulates one output in a random order: the instructions are dealt to up
// to four accumulators, which meet in a random tree of FP32 additions, rounded to
// nearest. Contiguous orders cut K into slices in ascending order and join neighbours;
// the others deal and shuffle as they like.
func anyOrder(r *rand.Rand, m Model, ops []Operands, contiguous bool) float32 {
	parts := make([][]Operands, 1+r.IntN(4))
	order, p := r.Perm(len(ops)), 0
	for i := range ops {
		if contiguous {
			p = max(p, r.IntN(len(parts)*len(ops))/len(ops)*i/len(ops))
			parts[p] = append(parts[p], ops[i])
			continue
		}
		p = r.IntN(len(parts))
		parts[p] = append(parts[p], ops[order[i]])
	}
	var sums []float32
	for _, p := range parts {
		sums = append(sums, chainOf(&m, p))
	}
	for len(sums) > 1 {
		i := r.IntN(len(sums) - 1)
		sums[i] += sums[i+1]
		sums = append(sums[:i+1], sums[i+2:]...)
	}
	return sums[0]
}

// chainOf is one accumulator through ops, by the plain steps.
func chainOf(m *Model, ops []Operands) float32 {
	c := uint32(0)
	for _, op := range ops {
		c = m.stepRef(op, 0, len(op.A), c).D
	}
	return math.Float32frombits(c)
}

// instructions are the operands of one output, cut into the instructions of m.
func instructions(m Model, a, b []uint32, sa, sb []uint8) []Operands {
	var ops []Operands
	for k := 0; k < len(a); k += m.L {
		op := Operands{A: a[k : k+m.L], B: b[k : k+m.L]}
		if sa != nil {
			per := len(a) / len(sa)
			op.SFA, op.SFB = sa[k/per:(k+m.L)/per], sb[k/per:(k+m.L)/per]
		}
		ops = append(ops, op)
	}
	return ops
}

// proofCase is a small product whose operands are hard in one way.
type proofCase struct {
	name    string
	format  string
	mode    layer.Mode
	arch    string
	k       int
	out     inspect.DType
	outlier float64
	scales  func(r *rand.Rand, s uint8) uint8 // spoils block scales of the weight
}

func proofCases() []proofCase {
	keep := func(_ *rand.Rand, s uint8) uint8 { return s }
	wide := func(r *rand.Rand, s uint8) uint8 {
		if r.IntN(3) == 0 {
			return uint8(1 + r.IntN(0x7d))
		}
		return s
	}
	wild := func(r *rand.Rand, s uint8) uint8 { return uint8(int(s) + r.IntN(60) - 30) }
	var cases []proofCase
	for _, k := range []int{64, 192, 320} {
		for _, outlier := range []float64{1, 300, 30000} {
			for _, out := range []inspect.DType{inspect.BF16, inspect.F32} {
				cases = append(cases,
					proofCase{"nvfp4", fp4.NVFP4, layer.W4A4, "sm100", k, out, outlier, keep},
					proofCase{"nvfp4 wide scales", fp4.NVFP4, layer.W4A4, "sm120", k, out, outlier, wide},
					proofCase{"mxfp4 wild scales", fp4.MXFP4, layer.W4A4, "sm100", k, out, outlier, wild},
					proofCase{"w4a16", fp4.NVFP4, layer.W4A16, "sm90", k, out, outlier, keep},
					proofCase{"w4a16 wide scales", fp4.NVFP4, layer.W4A16, "sm80", k / 4, out, outlier, wide},
				)
			}
		}
	}
	return cases
}

// TestProofHolds takes outputs that are certified through random orders, splits and
// meetings of the partial sums: the exact ones never move, the others keep their
// word. Unproven outputs are counted to see that the certificate isn't empty, and some
// of them do move.
func TestProofHolds(t *testing.T) {
	orders := 24
	if testing.Short() {
		orders = 6
	}
	var count, moved [3]int
	for i, c := range proofCases() {
		t.Run(fmt.Sprintf("%s k=%d %s outlier=%g", c.name, c.k, c.out, c.outlier), func(t *testing.T) {
			r := rand.New(rand.NewPCG(uint64(i), 5))
			checkProof(t, r, c, orders, &count, &moved)
		})
	}
	t.Logf("unproven %d (moved %d), same word %d, exact %d", count[0], moved[0], count[1], count[2])
	if min(count[0], count[1], count[2]) < 200 || moved[0] == 0 {
		t.Errorf("too few of one class to mean anything: %v, moved %v", count, moved)
	}
}

func checkProof(t *testing.T, r *rand.Rand, c proofCase, orders int, count, moved *[3]int) {
	const rows, cols = 4, 6
	k := (c.k + 31) / 32 * 32
	x := activations(r.Uint64()>>40, c.outlier, rows, k)
	recipe := map[string]string{fp4.NVFP4: "modelopt", fp4.MXFP4: "torchao"}[c.format]
	w := weight(t, r.Uint64()>>40, c.format, recipe, cols, k)
	for i, s := range w.Blocks[0].Scales {
		w.Blocks[0].Scales[i] = c.scales(r, s)
	}
	f := layer.Forward{X: x, Weights: w, Mode: c.mode, Act: layer.ActDynamic, Arch: c.arch, Out: c.out, Prove: true}
	out := forward(t, Emu{}, f)
	kind := "bf16"
	if c.mode == layer.W4A4 {
		kind = fp4Kinds[c.format]
	}
	m, err := Lookup(kind, c.arch)
	if err != nil {
		t.Fatal(err)
	}
	e := epilogue{alpha: []float32{out.Alpha}, out: c.out}
	for i, y := range out.Y.Data {
		var ops []Operands
		if c.mode == layer.W4A4 {
			step := (k + 63) / 64 * 64
			a, sa := codes(out.XBlocks, i/cols, step)
			b, sb := codes(&w.Blocks[0], i%cols, step)
			ops = instructions(m, a, b, sa, sb)
		} else {
			ops = instructions(m, bf16Words(x.Data[i/cols*k:][:k]), weightWords(&w.Blocks[0], i%cols), nil, nil)
		}
		certainty := out.Proof.Of[i]
		count[certainty]++
		first := anyOrder(r, m, ops, c.mode == layer.W4A16)
		for range orders {
			contiguous := certainty == layer.SameWord && c.mode == layer.W4A16
			acc := anyOrder(r, m, ops, contiguous)
			got := e.apply(acc, out.Alpha, 0)
			switch {
			case certainty == layer.ExactSum && !sameBits(acc, first):
				t.Fatalf("[%d,%d] exact, but orders give %08x and %08x", i/cols, i%cols, math.Float32bits(acc), math.Float32bits(first))
			case certainty != layer.Unproven && !sameBits(got, y):
				t.Fatalf("[%d,%d] %s, but an order gives %v instead of %v", i/cols, i%cols, certainty, got, y)
			case !sameBits(acc, first):
				moved[certainty]++
			}
		}
	}
}

func bf16Words(v []float32) []uint32 {
	words := make([]uint32, len(v))
	for i := range v {
		words[i] = math.Float32bits(v[i]) >> 16
	}
	return words
}

// weightWords is one row of b as the bf16 numbers code·scale.
func weightWords(b *fp4.Blocks, row int) []uint32 {
	words := make([]uint32, b.Cols)
	for k := range words {
		words[k] = math.Float32bits(fp4.DecodeE2M1(b.Code(row, k))*b.ScaleType.Decode(uint16(b.Scale(row, k)))) >> 16
	}
	return words
}

// TestProofIsSharp tries certificates at their limits: four instructions of one group
// each whose sums lie up to 30 binades apart, in all 24 orders of one chain and in all
// pairings of two. No certified output may move, no accumulator further than its
// bound, and neither bound may be far from where things begin to move.
func TestProofIsSharp(t *testing.T) {
	m, err := Lookup("mxf4", "sm100")
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(3, 7))
	draws := 1500
	if testing.Short() {
		draws = 300
	}
	exact, still := 0, 0 // certified exact; exact in fact
	worst := 0.0         // of moves over their bounds
	for range draws {
		x, w := oneGroupEach(r, 2), oneGroupEach(r, 10)
		c, err := newChainFP4(m, x, w)
		if err != nil {
			t.Fatal(err)
		}
		acc, bound, certainty := certified(t, c, inspect.BF16)
		a, sa := codes(x, 0, 256)
		b, sb := codes(w, 0, 256)
		ops := instructions(m, a, b, sa, sb)
		moved := false
		e := epilogue{alpha: []float32{1}, out: inspect.BF16}
		for _, got := range allOrders(m, ops) {
			moved = moved || !sameBits(got, acc)
			if d := math.Abs(float64(got) - float64(acc)); d > 0 {
				worst = max(worst, d/bound)
			}
			if certainty == layer.ExactSum && !sameBits(got, acc) {
				t.Fatalf("exact, but %08x and %08x: %+v", math.Float32bits(got), math.Float32bits(acc), ops)
			}
			if certainty == layer.SameWord && !sameBits(e.apply(got, 1, 0), e.apply(acc, 1, 0)) {
				t.Fatalf("same word, but %08x and %08x: %+v", math.Float32bits(got), math.Float32bits(acc), ops)
			}
		}
		if certainty == layer.ExactSum {
			exact++
		}
		if !moved {
			still++
		}
	}
	t.Logf("%d of %d exact in fact, %d certified; largest move %.2f of its bound", still, draws, exact, worst)
	if exact < still/5 || still == draws {
		t.Errorf("%d of %d draws stay exact, only %d certified", still, draws, exact)
	}
	if worst > 1 || worst < 1./16 {
		t.Errorf("the largest move is %g of its bound", worst)
	}
}

// oneGroupEach is a row of four instructions with one nonzero element each. Some also
// have a block of large scale whose two products cancel between a row made with code 2
// and one with code 10: it adds nothing and yet decides the alignment.
func oneGroupEach(r *rand.Rand, second uint8) *fp4.Blocks {
	c := make([]uint8, 256)
	scales := make([]uint8, 8)
	for i := range scales {
		scales[i] = 127
	}
	for i := range 4 {
		c[64*i] = uint8(1 + r.IntN(7) + 8*r.IntN(2))
		scales[2*i] = uint8(118 + r.IntN(19))
		if r.IntN(2) == 0 {
			c[64*i+32], c[64*i+33] = 2, second
			scales[2*i+1] = uint8(127 + r.IntN(20))
		}
	}
	return &fp4.Blocks{Rows: 1, Cols: 256, Block: 32, Codes: fp4.Pack(c, fp4.LowFirst), Scales: scales, ScaleType: fp4.E8M0}
}

// certified runs a chain of one output and returns its accumulator, how far it may
// move and its certificate.
func certified(t *testing.T, c chain, out inspect.DType) (float32, float64, layer.Certainty) {
	t.Helper()
	cert, err := c.certificate(t.Context(), layer.Order{})
	if err != nil {
		t.Fatal(err)
	}
	p := &problem{M: 1, N: 1}
	w := accumulator32{dots: c.newDots(), walk: newWalk(p, c), prove: true}
	acc, abs := w.accumulate(tile{0, 1, 0, 1})
	var certainty [1]layer.Certainty
	e := epilogue{alpha: []float32{1}, out: out}
	e.certify(certainty[:], cert, acc, abs, 0, 0)
	return acc[0], cert.deviation(0, 0, acc[0], abs[0]), certainty[0]
}

// allOrders accumulates four instructions in every order of one chain, and as every
// two chains of two.
func allOrders(m Model, ops []Operands) []float32 {
	var got []float32
	for i := range 4 {
		for j := range 4 {
			for k := range 4 {
				if l := 6 - i - j - k; i != j && i != k && j != k {
					got = append(got, chainOf(&m, []Operands{ops[i], ops[j], ops[k], ops[l]}),
						chainOf(&m, []Operands{ops[i], ops[j]})+chainOf(&m, []Operands{ops[k], ops[l]}))
				}
			}
		}
	}
	return got
}

// TestDriftOfBF16 holds the bound of w4a16 to the moves of its accumulators in
// contiguous splits: none passes it, and some come near.
func TestDriftOfBF16(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 13))
	worst := 0.0
	for i := range 60 {
		k := []int{64, 256, 1024}[i%3]
		x := activations(r.Uint64()>>40, []float64{1, 100, 10000}[i/3%3], 1, k)
		w := weight(t, r.Uint64()>>40, fp4.NVFP4, "modelopt", 1, k)
		if i%4 < 2 { // every sum grows and every truncation is a loss
			for j, v := range x.Data {
				x.Data[j] = float32(math.Abs(float64(v)))
			}
			for j := range w.Blocks[0].Codes {
				w.Blocks[0].Codes[j] &= 0x77
			}
		}
		m, err := Lookup("bf16", []string{"sm80", "sm90"}[i%2])
		if err != nil {
			t.Fatal(err)
		}
		words := make([]uint16, k)
		for j, v := range x.Data {
			words[j] = uint16(math.Float32bits(v) >> 16)
		}
		c := newChainBF16(m, words, &w.Blocks[0], k)
		if err := c.prepare(t.Context()); err != nil {
			t.Fatal(err)
		}
		acc, bound, _ := certified(t, c, inspect.BF16)
		ops := instructions(m, bf16Words(x.Data), weightWords(&w.Blocks[0], 0), nil, nil)
		for range 40 {
			got := anyOrder(r, m, ops, true)
			if d := math.Abs(float64(got) - float64(acc)); d > 0 {
				worst = max(worst, d/bound)
			}
		}
	}
	t.Logf("largest move %.3f of its bound", worst)
	if worst > 1 || worst < 1./200 {
		t.Errorf("the largest move is %g of its bound", worst)
	}
}

// TestConstantNeedsMonotony: an alpha that the output type holds as zero makes NaN of
// accumulators that it holds as infinities, of both signs, and zero of those between.
func TestConstantNeedsMonotony(t *testing.T) {
	e := &epilogue{Epilogue: layer.Epilogue{Alpha: layer.AlphaOut}, out: inspect.F16}
	for _, c := range []struct {
		lo, hi float64
		want   bool
	}{{-1e6, 1e6, false}, {1e6, 2e6, true}, {-2e6, -1e6, true}, {1, 2, true}, {1, 1e6, false}} {
		if got := e.constant(c.lo, c.hi, 1e-30, 0); got != c.want {
			t.Errorf("accumulators from %g to %g: constant %v, want %v", c.lo, c.hi, got, c.want)
		}
	}
}
