package text

import (
	"math"

	"fp4tui/exec"
)

// verdictSamples are noise, a named bug, a structure without a name, and two diagnoses.
func verdictSamples() []exec.Result {
	normal := exec.Verdict{Bind: exec.Bind{Handle: "v"}, Subject: "e0", Of: "product", Format: "nvfp4", Normal: true, Verdict: "normal NVFP4 noise", M: 128, N: 1536,
		Ratio: 0.98765432, SQNR: 20.550212, Expected: 20.49999, Gain: 1.00123456, Noise: 4.0312345, NoiseAt: [2]int{50, 718}, Limit: 5.1545, Tests: 10, Alarm: 0.005, Explained: nan}
	remark := normal
	remark.Handle, remark.Of = "", "weight"
	remark.Findings = []exec.StandsOut{{Test: "nearest code", What: "codes are not the nearest ones: a calibrating quantizer (GPTQ, AutoRound), or another original", Where: "21.3% of the codes",
		Value: 125632, Bound: 589.8, Effect: 0.213, Remark: true, Command: "top e0 10 by=noise"}}
	bug := normal
	bug.Normal, bug.Verdict, bug.Where, bug.Ratio, bug.SQNR, bug.Noise = false, "the scales of 87.2% of the blocks are another block's", "the first is row 0, block 1: it should be 1.6 times as large", 14.25, 9.25, 31.5
	bug.Cause, bug.Explained, bug.Command = "scales laid out as 128x4 are read as row-major", 0.9312, "swizzle w layout=128x4"
	bug.Findings = []exec.StandsOut{
		{Test: "block gain", What: bug.Verdict, Where: bug.Where, Value: 32145, Bound: 36.8, Effect: 0.872, Axis: "block", Command: "top e0 10 by=noise"},
		{Test: "period of columns", What: "weight rows of one residue modulo 64 are without their signs", Where: "n mod 64 = 7", Value: 31.25, Bound: 6.1, Effect: 20.5, Axis: "n", Period: 64, Index: []int{7}, Command: "map e0 metric=noise agg=mean"}}
	bug.Causes = []exec.KnownMistake{{Family: "layouts of scales", Name: bug.Cause, Explained: 0.9312, RelError: 0.0952, Command: bug.Command}}
	unknown := bug
	unknown.Cause, unknown.Explained, unknown.Of = "", nan, "arithmetic"
	unknown.Causes = []exec.KnownMistake{{Family: "gains", Name: "everything is off by a factor of 1.02", Explained: 0.0139, RelError: 0.19, Command: "info w"}}
	return []exec.Result{normal, remark, bug, unknown,
		exec.Diagnosed{Subject: "y", X: "x", W: "w", Plain: "activations not quantized", Error: 4.38545, Verdict: "activation global scale invented as 1/weight's", Tried: 223, Rows: 16, Cols: 128,
			Causes: []exec.KnownMistake{
				{Family: "activations", Name: "activation global scale invented as 1/weight's", Explained: 0.99998, RelError: 3.37309e-08, Command: "gemm x w mode=w4a4 act=1/weight"},
				{Family: "outputs", Name: "the output is zero: nothing was written", Explained: 0.9541, RelError: exec.Float(math.Inf(1)), Command: "stat y"}}},
		exec.Diagnosed{Subject: "y", X: "x", W: "w", Plain: "activations not quantized", Error: 0.00162851, Clean: true, Verdict: "no mistake: the output is what x and w make, activations not quantized", Rows: 16, Cols: 128},
	}
}
