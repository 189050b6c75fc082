package text

import (
	"math"
	"slices"
	"strings"
	"testing"

	"fp4tui/exec"
)

// explainSample is a w4a4 element against the original, or one whose got comes from
// elsewhere.
func explainSample(healthy bool) exec.Explained {
	block := exec.BlockShare{Block: 2, K0: 32, Len: 16, Sum: 1.8387, Err: -0.520812, Weight: -0.5001, Act: -0.0207, Share: 0.7507, Scale: 0x71, ScaleV: 144, XScale: 0x63, XScaleV: 44}
	other := exec.BlockShare{Block: 13, K0: 208, Len: 16, Sum: -0.6246, Err: -0.0995123, Weight: -0.0995123, Share: 0.1434, Scale: 0x72, ScaleV: 160, XScale: -1, XScaleV: nan}
	r := exec.Explained{Subject: "e0[48,994]", M: 48, N: 994, Got: -0.6796875, Want: 0.01409912, Err: -0.69378662, Exact: "-0x1.6338p-01", GotBits: "0xbf2e", WantBits: "0x3c67",
		GotBy: "emu sm100", WantBy: "ref, unquantized", Noise: 2.17234, NoiseLimit: 5.2, Mode: "w4a4", Alpha: 0.000231053604, Adds: true, ByError: true, BlockSize: 16, BlockN: 24, AxisStep: 1,
		Blocks: []exec.BlockShare{block, other}, Others: -0.0735, Axis: []exec.Float{0.1, -0.02, -0.52, 0, nan, 0.3, -0.1, 0.001},
		Budget: []exec.ErrorPart{
			{Kind: "weight", Text: "weight quantization", Part: -0.69548, Exact: "-0x1.641p-01", After: -0.6814},
			{Kind: "activation", Text: "same activations on both sides", Exact: "0", After: -0.6814},
			{Kind: "accumulation", Text: "accumulation, 6 steps of K=64", Part: 7.1e-8, Exact: "0x1.3p-24", After: -0.6814},
			{Kind: "rounding", Text: "output rounding to bf16", Part: 0.0016722, Exact: "0x1.b6p-10", After: -0.6796875},
			{Kind: "rounding", Text: "output rounding to bf16", Reference: true, Part: 2.1e-5, Exact: "0x1.6p-16", After: 0.01412}},
		Accumulator: exec.Accumulator{Instr: "mxf4nvf4.ue4m3", Arch: "sm103", K: 64, Order: "split:2", Count: 6, Parts: 2, Cut: 1, Rounded: 1, Bits: "c5384ba8", Value: -2948.728515625, Loss: 0.000310421,
			Notes: []string{"unverified: sm103: no published model was checked on a B300; B200's row is assumed"}, Steps: explainSteps6()},
		Proof: exec.ElementProof{Word: "unproven", Certainty: "unproven", Claim: "any order and split of whole K=64 instructions", Bits: 27, Low: exec.BitMark{K0: 16, Len: 64, Exp: -14}, High: exec.BitMark{K0: 32, Len: 64, Exp: 12},
			Below: exec.BitMark{K0: 48, Len: 16, Exp: -31}, Why: "the sums of the instructions span more bits than an FP32 accumulator holds"},
		Block: exec.BlockDetail{BlockShare: block, File: "samples/minilm-w4a16/model-00001-of-00002.safetensors", Byte: 0x76410, ScaleByte: 0x957b2, Hex: "d120e5a442d4bdb7", XHex: "1131892ba793113e",
			Kernel: "trtllm", KernelByte: 193554, KernelHigh: true, KernelScale: 21774, Elements: []exec.BlockElement{
				{K: 37, X: -17.375, Used: -17.25, XCode: 0xe, W: -0.133086879, Code: 14, CodeValue: -4, Original: -0.164062, Product: 2.31238452, Err: -0.538112, Half: 0.93, Byte: 0x76412, High: true},
				{K: 43, X: 1.140625, Used: 1.140625, XCode: 2, W: -0.0998151571, Code: 13, CodeValue: -3, Original: -0.110841, Product: -0.113851659, Err: 0.0125893, Half: 0.66, Byte: 0x76415}}}}
	if healthy {
		return r
	}
	r.GotBy, r.As, r.ByError, r.Adds, r.Broke, r.Noise, r.NoiseLimit = "file y.npy", "y", false, false, "accumulation, 6 steps of K=64", nan, nan
	r.Missing = []string{"got is not emulated: sm70 has no bf16 instruction"}
	r.Budget = append(r.Budget[:2:2], exec.ErrorPart{Kind: "unexplained", Text: "unexplained: got is not what is emulated", Part: nan, Exact: "nan", After: nan})
	r.Accumulator = exec.Accumulator{Value: nan, Loss: nan}
	r.Proof = exec.ElementProof{Word: "unknown", Why: "nothing was emulated"}
	r.AxisStep, r.Block.Kernel, r.Block.Byte = 4, "", -1
	return r
}

func explainSteps6() []exec.AccStep {
	var steps []exec.AccStep
	for i := range 6 {
		steps = append(steps, exec.AccStep{Part: i / 3, Index: i % 3, K0: 64 * i, Len: 64, C: "c3f996e0", D: "c41434a4", Value: -592.8, Exp: 7 + i, Quantum: i - 28, Terms: 4, Cut: i % 2, Rounded: i == 4,
			Loss: exec.Float(float64(i%4) * 1e-4)})
	}
	steps[5].Special, steps[5].Loss = "the scale of a[320] is NaN", nan
	return steps
}

func TestWaterfall(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   []string
	}{
		{[]float64{1, 1, 2}, []string{"████", "    ████", "████████"}},
		{[]float64{-2, 1, 0, -1}, []string{"████████", "████", "", "    ████"}},
		{[]float64{4, 1e-9, -1e-9, 4}, []string{"████████", "       ▏", "       ▏", "████████"}},
		{[]float64{1, math.NaN(), math.NaN()}, []string{"", "", ""}},
		{[]float64{0, 0}, []string{"", ""}},
		{nil, []string{}},
	} {
		if got := Waterfall(c.values, 8); !slices.Equal(got, c.want) {
			t.Errorf("%v: %q, want %q", c.values, got, c.want)
		}
	}
}

func TestKAxis(t *testing.T) {
	up, down := KAxis([]exec.Float{8, -4, 0, nan, 1e-9, exec.Float(math.Inf(-1))}, false)
	if up != "█  !▁ " || down != " ▅   █" {
		t.Errorf("%q %q", up, down)
	}
	if up, down = KAxis([]exec.Float{8, -4, 0}, true); up != "8  " || down != " 5 " {
		t.Errorf("%q %q", up, down)
	}
}

// TestExplainedFits: a notebook shows 40 lines of a result.
func TestExplainedFits(t *testing.T) {
	if lines := Render(explainSample(true), Options{}); len(lines) > 40 {
		t.Errorf("%d lines\n%s", len(lines), strings.Join(lines, "\n"))
	}
}
