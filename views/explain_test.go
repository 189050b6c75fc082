package views

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"fp4tui/exec"
)

// fakeExplained answers "explain e[m,n] block=B" for the one sample layer, in w4a16
// against its original.
func fakeExplained(line string) (exec.Result, error) {
	var m, n, block int
	where, at, chosen := strings.Cut(line, " block=")
	if _, err := fmt.Sscanf(where[strings.IndexByte(where+"[", '['):], "[%d,%d]", &m, &n); err != nil {
		return nil, err
	}
	nan := exec.Float(math.NaN())
	point := fakeElement(m, n)
	e := exec.Explained{Subject: point.Subject, M: m, N: n, Got: point.Got, Want: point.Want, Err: point.Err, Exact: "-0x1.6338p-01", GotBits: point.GotBits, WantBits: point.WantBits,
		GotBy: point.GotBy, WantBy: point.WantBy, Noise: 2.17, NoiseLimit: 5.2, Mode: "w4a16", Alpha: 2.31054e-4, Adds: true, ByError: true, BlockSize: fakeBlock, BlockN: fakeK / fakeBlock, AxisStep: 1, Others: -0.009,
		Budget: []exec.ErrorPart{{Kind: "weight", Text: "weight quantization", Part: -0.6955}, {Kind: "activation", Text: "same activations on both sides"},
			{Kind: "scales", Text: "global scale as one f32 factor", Part: 2.2e-7}, {Kind: "accumulation", Text: "accumulation, 24 steps of K=16", Part: 7.1e-8},
			{Kind: "epilogue", Text: "epilogue × alpha in f32", Part: 3.2e-8}, {Kind: "rounding", Text: "output rounding to bf16", Part: 0.00168},
			{Kind: "accumulation", Text: "float64 sum", Reference: true}, {Kind: "rounding", Text: "output rounding to bf16", Reference: true, Part: 2.1e-5}},
		Proof: exec.ElementProof{Word: "proven", Certainty: "exact", Claim: "any order and split of whole K=16 instructions", Bits: 22}}
	for i := range e.BlockN {
		e.Axis = append(e.Axis, exec.Float(fakeError(i, n)*float64(1-2*(i%2))/4))
	}
	e.Axis[2] = -0.5208
	for i, b := range []int{2, 13, 9, 22, 17, 21, 12, 5, 14, 3, 18, 20} {
		share := exec.BlockShare{Block: b, K0: b * fakeBlock, Len: fakeBlock, Sum: exec.Float(1.8387 / float64(i+1)), Err: exec.Float(-0.5208 * math.Pow(-0.7, float64(i))), Scale: 0x71 - i, ScaleV: 144, XScale: -1, XScaleV: nan}
		share.Weight, share.Share = share.Err, exec.Float(float64(share.Err)/-0.6955)
		e.Blocks = append(e.Blocks, share)
	}
	e.Block = exec.BlockDetail{BlockShare: e.Blocks[0], Hex: "d120e5a442d4bdb7", File: "samples/minilm-w4a16/model.safetensors", Byte: 0x76410, ScaleByte: 0x957b2, KernelByte: -1, KernelScale: -1}
	if chosen {
		if _, err := fmt.Sscan(at, &block); err != nil {
			return nil, err
		}
		for _, b := range e.Blocks {
			if b.Block == block {
				e.Block.BlockShare = b
			}
		}
	}
	for i := range fakeBlock {
		k := e.Block.K0 + (5+i)%fakeBlock
		e.Block.Elements = append(e.Block.Elements, exec.BlockElement{K: k, X: exec.Float(-17.38 / float64(i+1)), Used: exec.Float(-17.38 / float64(i+1)), XCode: -1, W: -0.1331, Code: 14 - i%8, CodeValue: -4,
			Original: -0.1641, Product: exec.Float(2.31 / float64(i+1)), Err: exec.Float(-0.5381 / float64(i+1)), Half: 0.93, Byte: int64(0x76410 + k/2), High: k%2 == 1})
	}
	e.Accumulator = exec.Accumulator{Instr: "bf16", Arch: "sm100", K: 16, Order: "sequential", Count: 24, Parts: 1, Rounded: 2, Bits: "c5384ba8", Value: -2948.7285, Loss: 0.000310421}
	for i := range 24 {
		e.Accumulator.Steps = append(e.Accumulator.Steps, exec.AccStep{Index: i, K0: 16 * i, Len: 16, C: "c3f996e0", D: fmt.Sprintf("c51%05x", i*4099), Value: exec.Float(-120.5 * float64(i+1)),
			Exp: 7 + i/4, Quantum: i/4 - 18, Terms: 16, Rounded: i%12 == 11, Loss: exec.Float(float64(i/12) * 1.5e-4 * float64(i%12/11))})
	}
	return e, nil
}

func TestExplainView(t *testing.T) {
	for _, test := range []flow{
		{"opens from the map", "r w enter", []string{"[eXplain]", "weight quantization", "-0.6955", "sum = got - want", "proven", "block 2  k 32-47", "2.17 σ"}},
		{"by its key", "r w g x", []string{"[eXplain]", "m 48  n 994"}},
		{"j goes to the next block", "r w enter j", []string{"block 13  k 208-223"}},
		{"and back to the first", "r w enter j j g g", []string{"block 2  k 32-47"}},
		{"last block", "r w enter G", []string{"block 20  k 320-335"}},
		{"the lower part scrolls", "r w enter pgdown", []string{"block   scale", "PgDn"}},
		{"to the accumulator", "r w enter pgdown pgdown pgdown", []string{"accumulator  bf16 sm100", "proven, exact: same bits"}},
		{"to its end", "r w enter pgdown pgdown pgdown pgdown pgdown pgdown pgdown pgdown pgdown", []string{"PgUp", "rounded", "c5117045"}},
		{"the next element begins anew", "r w enter j pgdown w", []string{"m 72  n 994", "block 2  k 32-47"}},
		{"the byte of the largest element", "r w enter enter", []string{"[Bytes]", "k 37"}},
		{"the byte of another block", "r w enter j enter", []string{"[Bytes]", "k 213"}},
		{"the cursor follows the block", "r w enter j g s", []string{"[Scales]", "n 994  block 13"}},
		{"back to the map", "r w enter esc", []string{"[Error]"}},
		{"nothing compared", "g x w", []string{"[eXplain]", "nothing is compared yet"}},
		{"yank", "r w enter y y", []string{"copied command"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := opened(t, 80, 24, ProfileNever).keys(test.keys)
			d.exact()
			d.sees(test.want...)
		})
	}
}

// TestExplainClick: the ranking takes the mouse.
func TestExplainClick(t *testing.T) {
	d := opened(t, 80, 24, ProfileNever).keys("r w enter")
	p := d.app.panes[elementView].(*elementPane)
	if p.click(d.app.scene(), 50, 2) != true || p.list.at != 1 || d.app.at.k != 208 {
		t.Errorf("row 2: block %d, k %d", p.list.at, d.app.at.k)
	}
	if p.click(d.app.scene(), 5, 2) || p.click(d.app.scene(), 50, 17) {
		t.Error("the budget or the lower part took a click")
	}
}

// TestExplainFails: an element that cannot be explained still has its numbers, and the
// reason.
func TestExplainFails(t *testing.T) {
	f := newFake()
	f.fail["explain"] = fmt.Errorf("nothing to explain with: operands are unknown")
	d := newDriver(t, Options{Engine: f, Path: "x", Profile: ProfileNever}, 80, 24).keys("r w enter")
	d.exact()
	d.sees("0xbf2e", "operands are unknown")
	d.keys("j pgdown enter").sees("[Bytes]")
}

// TestExplainASCII: nothing of the page needs more than ASCII.
func TestExplainASCII(t *testing.T) {
	d := newDriver(t, Options{Engine: newFake(), Path: "x", Profile: ProfileNever, ASCII: true}, 120, 40).keys("r w enter")
	d.exact()
	for _, line := range d.lines() {
		for _, r := range line {
			if r > 0x7e || r < 0x20 {
				t.Fatalf("%q in an ASCII frame: %q", r, line)
			}
		}
	}
	d.sees("###", "K +")
}

func TestMirrored(t *testing.T) {
	for bar, want := range map[string]string{"": "", "██": "██", "██▎": "██", "▎": "▕", "##": "##"} {
		if got := mirrored(bar); got != want {
			t.Errorf("%q: %q, want %q", bar, got, want)
		}
	}
}
