package text

import (
	"cmp"
	"errors"
	"math"
	"slices"

	"fp4tui/exec"
	"fp4tui/exec/language"
	"fp4tui/inspect"
)

var nan = exec.Float(math.NaN())

// samples are realistic results, one at least of every kind. The numbers are those of
// one layer, intermediate.dense of a small model.
func samples() []exec.Result {
	return slices.Concat(fileSamples(), besideSamples(), runSamples(), layoutSamples(), verdictSamples())
}

// fileSamples are the results of looking at files and of making operands.
func fileSamples() []exec.Result {
	return []exec.Result{
		exec.Opened{Bind: exec.Bind{Handle: "c"}, Path: "samples/minilm-w4a16", Files: 2, Tensors: 145, Bytes: 12345678, Layers: 36, Weights: 10616832,
			Formats: []string{"nvfp4"}, Producer: []string{"compressed-tensors"}, FaultsN: 3, Damaged: 1, Faults: []exec.Fault{{
				Code: "malformed", File: "samples/broken/short.safetensors", Tensor: "layer.0.dense.weight_packed", Offset: 0x2c80, What: "data cut short",
				Why: "needs bytes 0x2c80 to 0x4ac80, the file ends at 0x31f00", Cure: "copy the file again; expected size 306,304 bytes"}}},
		exec.LayerList{Path: "c", Total: 5, Limit: 3, Others: 17, BitsPW: 4.5, Health: true, Rows: []exec.LayerRow{
			row("encoder.layer.0.attention.self.query", 384, 384, "60", "warn", "q|k|v 1.8×"),
			row("encoder.layer.0.intermediate.dense", 1536, 384, "64", "ok"),
			row("encoder.layer.2.output.dense", 384, 1536, "52", "bad", "NaN scale 2", "unreadable")}},
		exec.LayerList{Path: "gpt-oss", Total: 1, Limit: 1000, BitsPW: 4.25, Rows: []exec.LayerRow{{
			Name: "layers.0.mlp.experts.gate_up_proj", Producer: "gpt-oss", Format: "mxfp4", Mode: "w4a16", Experts: 8, N: 256, K: 128, Block: 32, BitsPW: 4.25, Level: "ok"}}},
		layerPage(""), layerPage("w"),
		exec.TensorInfo{Bind: exec.Bind{Handle: "x"}, Name: "x.npy", Source: "file x.npy", DType: "bf16", Shape: []int{128, 384}, Min: -17.375, Max: 16.5, Mean: 0.00123456, Offset: -1},
		exec.TensorInfo{Name: "encoder.layer.0.intermediate.dense.weight", Source: "c encoder.layer.0.intermediate.dense.weight", DType: "f64", Shape: []int{}, Min: 1, Max: 1, Mean: 1,
			File: "model.safetensors", Offset: 0x1234, Rounded: true},
		exec.Stats{Subject: "w.scale", Of: "block scales", Count: 36864, Pill: scalePill(), Level: "ok", Min: 14, P1: 28, P50: 64, P99: 208, Max: 448, Mean: nan, Std: nan,
			Notes: []string{"K block 9 runs high: 1.7× the median block"}},
		exec.Stats{Subject: "y", Of: "values", Count: 196608, Level: "bad", Pill: []exec.Pill{{Name: "nan", Count: 120, Share: 120. / 196608, Level: "bad"}, {Name: "inf", Level: "ok"}},
			Min: -12.5, P1: -3.25, P50: 0.0012345, P99: 3.5, Max: 14.75, Mean: 0.0123456, Std: 1.23456},
		scaleHistogram(),
		exec.Histogram{Subject: "x", Of: "values", Axis: "log2", Count: 7, Min: -4, P1: -4, P50: 0.25, P99: 3, Max: 3, Bins: []exec.Bin{
			{Code: -1, Count: 1}, {Code: -1, Lo: 0.25, Hi: 0.5, Count: 2}, {Code: -1, Lo: 0.5, Hi: 1}, {Code: -1, Lo: 1, Hi: 2, Count: 4}}},
		exec.CodeUse{Subject: "w", Count: 589824, Codes: layerCodes(), Used: 16, Positive: 295267, Negative: 294557, BlockMax: [8]int64{7: 36864}, Blocks: 36864,
			Notes: []string{"3 of 36864 blocks never reach 6: their scale is larger than they need"}},
		exec.Dump{Subject: "w[994,32:64]", File: "samples/minilm-w4a16/model.safetensors", Role: "codes", Bytes: 48, Total: 294912,
			Rows:   []exec.DumpRow{{Offset: 0x76410, Row: 994, Col: 32, Hex: "d120e5a442d4bdb7b1daad79512ebb3d"}, {Offset: 0x764d0, Row: 995, Col: 32, Hex: "57bfa403d7afa105"}},
			Values: []exec.DumpElement{{N: 994, K: 36, Code: 5, Value: 3, Scale: 144, Deq: 0.09981515711, Byte: 0x76412}, {N: 994, K: 37, Code: 14, Value: -4, Scale: 144, Deq: -0.133086876155, Byte: 0x76412, High: true}}},
		exec.LintReport{Path: "samples/minilm-w4a16", Layers: 36, Tensors: 144, Scales: 663552, Errors: 1, Warnings: 2, Infos: 1, Findings: findingSamples()},
		exec.Quantized{Bind: exec.Bind{Handle: "q"}, Subject: "x", Format: "mxfp4", Recipe: "flashinfer", By: "quantize", Device: "NVIDIA H100 80GB HBM3 sm_90", Rows: 128, Cols: 384, Block: 32, GlobalUse: "none", Global: nan,
			SQNR: 18.5, MaxAbs: 0.5, Health: scalePill()},
		exec.Quantized{Bind: exec.Bind{Handle: "q"}, Subject: "x", Format: "nvfp4", Recipe: "compressed-tensors", Rows: 1536, Cols: 384, Block: 16, GlobalUse: "divisor", Global: 4328,
			SQNR: 20.7012, MaxAbs: 0.0332717, Health: scalePill()},
		exec.Product{Bind: exec.Bind{Handle: "y"}, X: "x", W: "w", Backend: "emu", Arch: "sm100", Mode: "w4a16", Act: "none", Out: "bf16", XShape: []int{128, 384}, Shape: []int{128, 1536},
			Alpha: 0.000231053604, Min: -12.5, Max: 14.75, MACs: 75497472},
		exec.Product{X: "x", W: "w", Backend: "cuda", By: "w4a16", Device: "NVIDIA H100 80GB HBM3 sm_90 at ssh:gpu1", Mode: "w4a16", Act: "none", Out: "bf16", XShape: []int{2, 384}, Shape: []int{2, 1536}, Alpha: 1, MACs: 75497472},
		exec.Product{X: "x", W: "w", Backend: "ref", Mode: "w4a4", Act: "dynamic", Out: "bf16", XShape: []int{2, 64, 384}, Shape: []int{2, 64, 1536}, Alpha: 1, MACs: 75497472, Zero: 196608,
			Notes: []string{"every output is exactly zero"}},
		exec.Product{Bind: exec.Bind{Handle: "y4"}, X: "x", W: "w", Backend: "emu", Arch: "sm100", Mode: "w4a4", Act: "1/weight", Out: "fp16", XShape: []int{128, 384}, Shape: []int{128, 1536},
			Alpha: 1, AlphaOf: "fused-max", Order: "split:4", Epilogue: "out", Bias: "f32", Factors: factorSamples(), Activations: actSample(), Min: -12.375, Max: 11.25, MACs: 75497472},
		exec.Product{X: "x", W: "w", Backend: "emu", Arch: "sm100", Mode: "w4a4", Act: "dynamic", Out: "bf16", XShape: []int{128, 384}, Shape: []int{128, 1536},
			Alpha: nan, AlphaMin: 3.64912e-7, AlphaMax: 5.83859e-6, Factors: tokenFactors(), Activations: tokenSample(), MACs: 75497472},
		exec.Activations{Subject: "y4.act", X: "x", By: "emu sm100 alpha=fused-max", ActSummary: actSample(), Alpha: 1, AlphaMin: 1, AlphaMax: 1, Factors: factorSamples(),
			Scales: []exec.Bin{{Code: 0, Count: 3069}, {Code: 1, Lo: 0.001953125, Hi: 0.001953125, Count: 3}}},
		exec.Activations{Subject: "yt.act", X: "x", By: "emu sm100", ActSummary: tokenSample(), Alpha: nan, AlphaMin: 3.64912e-7, AlphaMax: 5.83859e-6, Factors: tokenFactors(),
			Scales: []exec.Bin{{Code: 0x70, Lo: 128, Hi: 128, Count: 2915}, {Code: 0x7e, Lo: 448, Hi: 448, Count: 157}}},
	}
}

// besideSamples are backends beside each other.
func besideSamples() []exec.Result {
	return []exec.Result{
		exec.Compared{Bind: exec.Bind{Handle: "d"}, X: "x", W: "w", Backend: "cuda:w4a16", Against: "cuda:emu-bf16", Kernels: [2]string{"w4a16", "emu-bf16"}, Device: "NVIDIA H100 80GB HBM3 sm_90", Mode: "w4a16", Act: "none", Out: "bf16",
			Arch: "sm90", M: 16384, N: 16384, Outputs: 1 << 28, Step: 64, Notes: []string{}},
		exec.Compared{X: "x", W: "w", Backend: "cuda", Against: "cuda:emu-fp4", Kernels: [2]string{"native-sm120", "emu-fp4"}, Device: "a device", Mode: "w4a4", Act: "dynamic", Out: "f32", Arch: "sm120", M: 1000, N: 100,
			Outputs: 100000, Differ: 123, NaN: 4, MaxAbs: 0.5, At: [2]int{960, 64}, Step: 64, Cells: 2, RMSE: 0.01, RelL2: 0.002, Notes: []string{"w4a16 walks K by order=split:16"}},
		exec.Compared{Bind: exec.Bind{Handle: "d"}, X: "x", W: "w", Backend: "cuda:w4a16", Against: "emu", Kernels: [2]string{"w4a16", "emu"}, Mode: "w4a16", Act: "none", Out: "bf16", Arch: "sm100", M: 128, N: 1536,
			Outputs: 196608, Differ: 7, MaxAbs: 0.25, Step: 64, Cells: 1, RMSE: 0.001, RelL2: 0.0001, Apart: exec.Apart{Certified: true, Proven: 192767, ProvenMismatch: 5}, Notes: []string{}},
		exec.Compared{Bind: exec.Bind{Handle: "d"}, X: "x", W: "w", Backend: "cuda:w4a16", Against: "emu", Kernels: [2]string{"w4a16", "emu"}, Mode: "w4a16", Act: "none", Out: "bf16", Arch: "sm100", M: 128, N: 1536,
			Outputs: 196608, Step: 64, Apart: exec.Apart{Certified: true, Proven: 192767}, Notes: []string{}},
		exec.Backends{Bind: exec.Bind{Handle: "ya"}, X: "x", W: "w", Mode: "w4a16", Act: "none", Out: "bf16", Shape: []int{128, 1536},
			Proof: &exec.Proof{Claim: "any split of K into contiguous slices of K=16 instructions", Exact: 1000, SameWord: 191767, Unproven: 3841},
			Rows: []exec.BackendRow{{Name: "ref", Status: "ran", By: "ref"}, {Name: "emu", Status: "ran", By: "emu sm100"},
				{Name: "cuda:w4a16", Attr: "cuda_w4a16", Status: "ran", By: "cuda:w4a16", Device: "NVIDIA H100 80GB HBM3 sm_90", Zero: 196608},
				{Name: "cuda:emu-bf16", Status: "ran", By: "cuda:emu-bf16", Device: "NVIDIA H100 80GB HBM3 sm_90", NaN: 196608, Unwritten: 196608},
				{Name: "torch", Status: "ran", By: "torch (torch 2.14.0 on CPU)", Unwritten: 3, NaN: 4},
				{Name: "cuda:native-sm120", Status: "absent", Why: "its instructions exist on sm_120 and sm_121", Cure: "backend=emu"},
				{Name: "vllm:cutlass", Status: "absent", Why: "no module vllm in python3", Cure: "pip install vllm"}, {Name: "vllm:marlin", Status: "absent", Why: "no module vllm in python3", Cure: "pip install vllm"},
				{Name: "cuda:cublaslt", Status: "failed", Why: "the GPU worker died: signal: aborted", Cure: "run the command again"}},
			Pairs: []exec.BackendPair{apart("cuda:w4a16", "emu", 196600, 192759), apart("cuda:emu-bf16", "emu", 196608, 192767), apart("emu", "ref", 12, -1), apart("cuda:w4a16", "ref", 196601, -1),
				apart("cuda:emu-bf16", "ref", 196608, -1), apart("torch", "ref", 123456, -1), apart("torch", "emu", 9999, -1), apart("cuda:emu-bf16", "cuda:w4a16", 196608, -1), apart("torch", "cuda:w4a16", 196590, -1), apart("torch", "cuda:emu-bf16", 196608, -1)}},
		crowd(),
	}
}

// apart is a pair of which the certificate says nothing when proven is negative.
func apart(got, want string, mismatched, proven int64) exec.BackendPair {
	p := exec.BackendPair{Got: got, Want: want, MaxAbs: 24.625, RelL2: 3.49899e-5, Mismatched: mismatched, Elements: 196608}
	if mismatched == 0 {
		p.MaxAbs, p.RelL2 = 0, 0
	}
	if proven >= 0 {
		p.Apart = exec.Apart{Certified: true, Proven: 192767, ProvenMismatch: proven}
	}
	return p
}

// crowd is nine products: two words of one are wrong, another is all zeros.
func crowd() exec.Backends {
	r := exec.Backends{Bind: exec.Bind{Handle: "y"}, X: "x", W: "w", Mode: "w4a4", Act: "dynamic", Out: "bf16", Shape: []int{128, 1536}}
	for _, name := range []string{"ref", "emu", "cuda", "cuda:emu-fp4", "cuda:native-sm120", "torch", "flashinfer:trtllm", "flashinfer:cutlass", "vllm:cutlass"} {
		r.Rows = append(r.Rows, exec.BackendRow{Name: name, Status: "ran", By: name})
	}
	r.Rows[7].Zero = 196608
	for _, name := range []string{"torch:fp8", "torch:fp4", "flashinfer:cudnn", "flashinfer:a16", "flashinfer:x", "vllm:marlin"} {
		r.Rows = append(r.Rows, exec.BackendRow{Name: name, Status: "absent", Why: "not for this layer"})
	}
	for i, want := range r.Rows[:9] {
		for _, got := range r.Rows[i+1 : 9] {
			p := apart(got.Name, want.Name, 0, -1)
			if want.Name == "emu" && got.Name != "torch" {
				p = apart(got.Name, want.Name, 0, 0)
			}
			for j, n := range []int64{2, 192500} {
				if odd := r.Rows[4+3*j].Name; got.Name == odd || want.Name == odd {
					p = apart(got.Name, want.Name, n, map[bool]int64{false: -1, true: n - 1}[want.Name == "emu"])
				}
			}
			if want.Name == "ref" || got.Name == "torch" || want.Name == "torch" {
				p = apart(got.Name, want.Name, 46000+int64(len(got.Name)), -1)
			}
			r.Pairs = append(r.Pairs, p)
		}
	}
	slices.SortStableFunc(r.Pairs, func(a, b exec.BackendPair) int { return cmp.Compare(b.ProvenMismatch, a.ProvenMismatch) })
	return r
}

// factorSamples is alpha where somebody took the weight's scale for that of x.
func factorSamples() []exec.Factor {
	const tensor, file = "encoder.layer.0.intermediate.dense.weight_global_scale", "samples/minilm-w4a4/model.safetensors"
	return []exec.Factor{
		{Name: "x.global", Value: 0.000553097, Direction: "divisor", Multiplier: 1808, Origin: "1/weight: invented from the weight's global scale", Tensor: tensor, File: file},
		{Name: "w.global", Value: 1808, Direction: "divisor", Multiplier: 0.000553097, Origin: "largest of 3 fused q|k|v", Tensor: tensor, File: file},
	}
}

func tokenFactors() []exec.Factor {
	return []exec.Factor{{Name: "x.global", Value: nan, Direction: "divisor", Multiplier: nan, Origin: "448·6/amax of each row of x"}, factorSamples()[1]}
}

func actSample() exec.ActSummary {
	return exec.ActSummary{Policy: "1/weight", Per: "tensor", Format: "E4M3", Global: true, EncodeMin: 0.000553097, EncodeMax: 0.000553097, Blocks: 3072, Zero: 3069, Lost: 3069,
		Elements: 49152, Clipped: 1, Flushed: 49147, SQNR: 0.194138, Level: "bad", Verdict: "most block scales are zero: the encode scale is far too small"}
}

func tokenSample() exec.ActSummary {
	return exec.ActSummary{Policy: "dynamic", Per: "token", Format: "E4M3", Global: true, EncodeMin: 94.7313, EncodeMax: 1515.7, Blocks: 3072, Saturated: 157,
		Elements: 49152, Flushed: 5074, NonFinite: 2, NaN: 1, SQNR: 20.9603, Level: "ok"}
}

// runSamples are the results of running, comparing and of the session.
func runSamples() []exec.Result {
	return []exec.Result{
		mmaSample(),
		diffSample("e0"), diffSample(""), bytesSample(&exec.BytesDiff{Scales: 65536, ScalesDiffer: 3, ScaleStep: 1, Codes: 1048528, CodesDiffer: 12, CodeStep: 1, Globals: true, GlobalsDiffer: true}),
		bytesSample(&exec.BytesDiff{Scales: 65536, Codes: 1048576, Globals: true}), bytesSample(&exec.BytesDiff{Scales: 65536, Codes: 2097152}),
		heatSample("abs", 6, 48), heatSample("signed", 2, 5),
		exec.Worst{Subject: "e0", By: "abs", Total: 196608, Rows: pointSamples(), Pattern: "2 of 3 share column n 994"},
		exec.Matches{Subject: "e0", Metric: "abs", Op: ">", Bound: 0.01, Count: 1234, Total: 196608, Rows: pointSamples(), Pattern: "97.56% in 1 of 1536 columns: n 994",
			Groups: []exec.Cluster{{Axis: "column", Lo: 994, Hi: 995, Count: 1204, Share: 0.9756}, {Axis: "columns", Lo: 992, Hi: 1008, Count: 1210, Share: 0.98}}},
		elementSample(), explainSample(true), explainSample(false),
		exec.Check{Expr: "e.nan == 0 and e0.rel_l2 < 0.11", Why: "healthy layer", OK: true, Terms: []exec.CheckTerm{
			{Text: "e.nan == 0", OK: true, Name: "e.nan", Op: "==", Margin: nan, Passing: 0},
			{Text: "e0.rel_l2 < 0.11", OK: true, Name: "e0.rel_l2", Actual: 0.0938621, Op: "<", Bound: 0.11, Margin: 0.853, Passing: 0.0938622}}},
		exec.Check{Expr: "e0.max_abs < 0.1 and e.nan == 0", Why: "the new calibration", Terms: []exec.CheckTerm{
			{Text: "e0.max_abs < 0.1", Name: "e0.max_abs", Actual: 0.693765, Op: "<", Bound: 0.1, Margin: 6.93765, Passing: exec.Float(math.Nextafter(0.693765, 1))},
			{Text: "e0.cos >= 0.9999", Name: "e0.cos", Actual: 0.5, Op: ">=", Bound: 0.9999, Margin: 1.9998, Passing: 0.5},
			{Text: "e.nan == 0", OK: true, Name: "e.nan", Op: "==", Margin: nan, Passing: 0}}, At: []int{48, 994}, Mismatched: 0.9973, Pattern: "all in 1 of 1536 columns: n 994"},
		exec.Exported{Path: "tour.fp4.md", What: "notebook, 12 cells", Bytes: 4096, Next: "fp4tui replay tour.fp4.md"},
		exec.Setting{What: "set", Items: []exec.NamedText{{Name: "arch", Text: "sm100"}, {Name: "backend", Text: "emu"}, {Name: "mode", Text: "layer"}, {Name: "out", Text: "bf16"}}},
		exec.Setting{Bind: exec.Bind{Handle: "tol"}, What: "let", Items: []exec.NamedText{{Name: "tol", Text: "0.001"}}},
		exec.Sourced{Path: "setup.fp4", Ran: 2, Failed: 1, Cells: []exec.Cell{
			{Command: "e0 = diff y r0", Result: diffSample("e0")},
			{Command: "z = layer c nope", Err: &inspect.Fault{Class: inspect.ErrMissing, File: "c", Tensor: "nope", Offset: -1, What: "no such tensor", Cure: "did you mean note?"}}}},
		exec.Snapshot{View: "error", Width: 20, Height: 3, Lines: []string{" fp4tui  e0          ", "────────────────────", "  48 ===**#*=│ r0    "}},
		exec.Note{Text: "the new calibration doubled the saturation, as the amax of layer 2 was taken from another run of the same data"},
		exec.Help{Topic: "gemm", Usage: "[name =] gemm X W [backend=ref|emu|cuda] [mode=w4a16|w4a4] [arch=ARCH] [act=ACT] [out=bf16|fp16|f32] [expert=EXPERT]",
			Text: "run one layer: y = x·Wᵀ\nref dequantizes the operands, accumulates in float64 and rounds once.", Examples: []string{"y = gemm x w"},
			Items: []exec.HelpItem{{Group: "handle (tensor, product)", Name: "X", Text: "activations of any rank, […,K]"}, {Group: "ref|emu|cuda", Name: "backend=", Text: "who computes", Default: "emu"}}},
		exec.Help{Items: []exec.HelpItem{{Group: "open", Name: "load", Text: "open a checkpoint or a plain tensor file"}, {Group: "open", Name: "ls", Text: "the quantized layers: producer, format, N×K, block, mode, bits per weight, health and whatever else there is to say"},
			{Group: "look", Name: "info", Text: "what a handle is"}}},
		exec.Undone{Command: "e0 = diff y r0", Left: 8},
		exec.Quit{Unsaved: 9},
	}
}

func row(name string, n, k int, p50, level string, findings ...string) exec.LayerRow {
	return exec.LayerRow{Name: name, Producer: "compressed-tensors", Format: "nvfp4", Mode: "w4a16", N: n, K: k, Block: 16, BitsPW: 4.5, ScaleP50: p50, ScaleMax: "448",
		Saturated: int64(n / 100), Level: level, Findings: findings}
}

func scalePill() []exec.Pill {
	return []exec.Pill{{Name: "nan", Level: "ok"}, {Name: "zero", Level: "ok"}, {Name: "subnormal", Level: "ok"},
		{Name: "normal", Count: 36849, Share: 36849. / 36864, Level: "ok"}, {Name: "saturated", Count: 15, Share: 15. / 36864, Level: "ok"}}
}

func layerCodes() [16]int64 {
	return [16]int64{27581, 52132, 44922, 36359, 41277, 35684, 28877, 28435, 27578, 51639, 44751, 36552, 41292, 35211, 28804, 28730}
}

func layerPage(handle string) exec.LayerInfo {
	return exec.LayerInfo{Bind: exec.Bind{Handle: handle}, Name: "encoder.layer.0.intermediate.dense", Path: "samples/minilm-w4a16", Producer: "compressed-tensors nvfp4-pack-quantized", Format: "nvfp4", Mode: "w4a16",
		N: 1536, K: 384, Block: 16, BitsPW: 4.5, GlobalUse: "divisor", Global: 4328, Multiplier: 0.000231053604, Amax: 0.62107208, InputUse: "none", Input: nan,
		Tensors: []exec.PartInfo{
			{Role: "codes", Name: "encoder.layer.0.intermediate.dense.weight_packed", DType: "U8", Shape: []int{1536, 192}, Bytes: 294912, File: "samples/minilm-w4a16/model-00001-of-00002.safetensors", Offset: 0x47a80},
			{Role: "global", Name: "encoder.layer.0.intermediate.dense.weight_global_scale", DType: "F32", Shape: []int{1}, Bytes: 4, File: "samples/minilm-w4a16/model-00001-of-00002.safetensors", Offset: 0x98a80}},
		Health: scalePill(), Scales: exec.ScaleBrief{Count: 36864, Min: 14, P50: 64, P99: 208, Max: 448, Binade: []exec.BinadeN{{Exp: 3, Count: 1}, {Exp: 4, Count: 848}, {Exp: 5, Count: 15264}, {Exp: 6, Count: 17592}, {Exp: 7, Count: 2964}, {Exp: 8, Count: 195}}},
		Codes: layerCodes(), SQNR: 20.7012, Original: "tensor o encoder.layer.0.intermediate.dense.weight",
		Group:    []exec.Shard{{Name: "query", Global: 4328, Amax: 0.621072, Ratio: 1}, {Name: "key", Global: 7790.5, Amax: 0.345036, Ratio: 0.55555}},
		Findings: findingSamples()[1:2]}
}

func findingSamples() []exec.Finding {
	fused := exec.Finding{Severity: "warn", Rule: "fused-globals-differ", Layer: "encoder.layer.0 q|k|v", Count: 3, What: "global scales differ 1.8×",
		Effect: "an engine that fuses them with one global scales key wrongly", Cure: "calibrate them together", Seen: "sglang 29151, 14102"}
	other := fused
	other.Layer, other.What = "encoder.layer.4 q|k|v", "global scales differ 2.1×"
	return []exec.Finding{
		{Severity: "info", Rule: "not-quantized", Count: 17, What: "embeddings 3, pooler 1, norms 13"}, fused, other,
		{Severity: "error", Rule: "scale-nan", Layer: "encoder.layer.2.output.dense", Tensor: "encoder.layer.2.output.dense.weight_scale", At: [][2]int{{17, 40}, {203, 9}}, Count: 2,
			What: "byte 0x7f at row 17 block 40 and row 203 block 9", Effect: "output columns 17 and 203 are NaN for every input", Why: "all 16 codes of both blocks are 0: the writer divided 0 by 0, then cast",
			Cure: "rewrite the scale as 0x38 (1.0); the codes are zero, nothing is lost", Seen: "model-optimizer 1633, 1397"}}
}

// scaleHistogram has one bin a code from 0x57 to the NaN.
func scaleHistogram() exec.Histogram {
	r := exec.Histogram{Subject: "w.scale", Of: "block scales", Axis: "code", Format: "E4M3", Count: 36864, Pill: scalePill(), Min: 15, P1: 28, P50: 64, P99: 208, Max: 448,
		KMean: []exec.Float{61.5, nan, 104.25, 60.125}, NMean: []exec.Float{63, 64.5}, Notes: []string{"rows 992-1023 run high: 1.6× the median group"}}
	for code := 0x57; code <= 0x7f; code++ {
		value := exec.Float(math.Ldexp(1+float64(code&7)/8, code>>3-7))
		if code == 0x7f {
			value = nan
		}
		r.Bins = append(r.Bins, exec.Bin{Code: code, Lo: value, Hi: value, Count: int64((code * 7919) % 1000)})
	}
	return r
}

func mmaSample() exec.MMA {
	terms := []exec.MMATerm{{K0: 0, Len: 16, Dot: 1234, Scale: 64, Exp: -6, Units: "78976"}, {K0: 16, Len: 16, Dot: -87, Scale: 72, Exp: -9, Units: "-783", Cut: true}, {Exp: 3, Units: "8589934592"}}
	return exec.MMA{Bits: "4429730b", Value: 677.797546, Instr: "mxf4nvf4.ue4m3", Arch: "sm100", K: 64, Source: "MMA-Sim", Notes: []string{"negative scales: published models disagree"}, Steps: []exec.MMAStep{
		{K0: 0, Len: 32, C: "00000000", D: "44297000", Exp: 9, Quantum: -26, Sum: "8590012785", Rounded: true, Terms: terms},
		{K0: 32, Len: 32, C: "44297000", D: "7fc00000", Special: "NaN"}}}
}

func diffSample(handle string) exec.Diff {
	return exec.Diff{Bind: exec.Bind{Handle: handle}, Got: "y", Want: "r0", GotBy: "emu sm100", WantBy: "ref", M: 128, N: 1536, Shape: []int{2, 64, 1536}, ArgMax: [2]int{48, 994}, Mismatched: 196083,
		Metrics: []exec.Metric{{Name: "max_abs", Value: 0.693765}, {Name: "mean_abs", Value: 0.0712345}, {Name: "p99_abs", Value: 0.236328}, {Name: "rmse", Value: 0.0934567}, {Name: "max_rel", Value: 512.75},
			{Name: "rel_l2", Value: 0.0938621}, {Name: "cos", Value: 0.995612}, {Name: "sqnr_db", Value: 20.5502}, {Name: "calc_diff", Value: 0.00440012}, {Name: "nan", Integer: true}, {Name: "inf", Integer: true},
			{Name: "ulp_max", Value: 31245, Integer: true}, {Name: "noise", Value: 4.03123}, {Name: "count", Value: 196608, Integer: true}, {Name: "argmax", Value: 74722, Integer: true}}}
}

// bytesSample is a comparison of two quantized matrices.
func bytesSample(d *exec.BytesDiff) exec.Diff {
	r := diffSample("e")
	r.Got, r.Want, r.GotBy, r.WantBy, r.Bytes = "q", "qx", "dequant quant x recipe=flashinfer", "dequant quant x recipe=flashinfer-exact", d
	return r
}

func heatSample(metric string, h, w int) exec.Heat {
	r := exec.Heat{Subject: "e0", Metric: metric, Agg: "max", RowAxis: "m", ColAxis: "n", M: 4*h - 1, N: 32 * w, RowStep: 4, ColStep: 32, H: h, W: w, Lo: 0.125, Hi: 0.6938, By: "emu sm100", NaN: 3}
	r.ColMax = make([]exec.Float32, w)
	for i := range h * w {
		v := exec.Float32(0.125 + float64(i*i%97)/160)
		switch {
		case i%11 == 3:
			v = 0
		case i == w+1:
			v = exec.Float32(math.NaN()) // padding
		case i == w+2:
			v = exec.Float32(math.Inf(1))
		case metric == "signed" && i%2 == 1:
			v = -v
		}
		r.Values, r.NaNs = append(r.Values, v), append(r.NaNs, 0)
		if i%w == 0 {
			r.RowMax = append(r.RowMax, 0.6938)
		}
		if a := exec.Float32(math.Abs(float64(v))); a > r.ColMax[i%w] {
			r.ColMax[i%w] = a
		}
	}
	r.NaNs[2*w-1] = 3
	return r
}

func pointSamples() []exec.ErrorPoint {
	return []exec.ErrorPoint{
		{M: 48, N: 994, Got: -0.6796875, Want: 0.01409912, Err: -0.69378662, Rel: 49.2078, ULP: 31245, Block: 2, Scale: 0x71, ScaleV: 144, K: 37, Code: 14},
		{M: 114, N: 1006, Got: -2.34375, Want: -3.03125, Err: 0.6875, Rel: 0.226804, ULP: 44, Block: 2, Scale: 0x7a, ScaleV: 320, K: 37, Code: 3},
		{M: 46, N: 1018, Got: 2.203125, Want: exec.Float(math.Inf(1)), Err: exec.Float(math.Inf(-1)), Rel: nan, ULP: exec.Float(math.Inf(1)), Block: -1, Scale: -1, ScaleV: nan, K: -1, Code: -1}}
}

func elementSample() exec.Element {
	return exec.Element{Subject: "e0[48,994]", ErrorPoint: pointSamples()[0], GotBits: "0xbf2e", WantBits: "0x3c67", GotBy: "emu sm100", WantBy: "ref", Others: 382,
		Terms: []exec.Term{
			{K: 37, X: -17.375, Code: 14, CodeValue: -4, Scale: 0x71, ScaleV: 144, W: -0.133086879, Product: 2.31238452, File: "samples/minilm-w4a16/model-00001-of-00002.safetensors", Byte: 0x76412, High: true, ScaleByte: 0x957b2},
			{K: 43, X: 1.140625, Code: 13, CodeValue: -3, Scale: 0x71, ScaleV: 144, W: -0.0998151571, Product: -0.113851659, Byte: 0x76415, High: true, ScaleByte: 0x957b2}},
		Blocks: []exec.Share{{Block: 2, Sum: 1.83873, Scale: 0x71}, {Block: 9, Sum: -1.33245, Scale: 0x7a}}}
}

// failures are errors with the lines they become.
func failures() []struct {
	name string
	err  error
} {
	return []struct {
		name string
		err  error
	}{
		{"prompt", &language.Error{Col: 18, Msg: `unknown backend "emmu"`, Hint: "did you mean emu?", Source: "gemm x w backend=emmu"}},
		{"file", &language.Error{File: "tour.fp4.md", Line: 12, Col: 3, Msg: `no handle "nope"`, Hint: "bind one first, as in nope = load PATH", Source: "\tdiff nope r"}},
		{"long", &language.Error{Col: 150, Msg: "want a number", Source: "expect " + repeated("e0.max_abs < 0.1 and ", 12)}},
		{"no source", &language.Error{Line: 3, Col: 1, Msg: "empty"}},
		{"fault", &inspect.Fault{Class: inspect.ErrMalformed, File: "short.safetensors", Tensor: "a\x1b[31mb", Offset: 64, What: "data cut short", Why: "the file ends at 0x31f00", Cure: "copy the file again"}},
		{"plain", errors.New("shapes do not fit: x has K 368, w has K 384")},
		{"joined", errors.Join(errors.New("one"), &inspect.Fault{Class: inspect.ErrMissing, Offset: -1, What: "no such tensor", Cure: "did you mean two?"})},
		{"hostile", errors.New("a\x1b]0;title\x07b\u202e " + repeated("x", 300))},
	}
}

func repeated(s string, n int) string {
	out := ""
	for range n {
		out += s
	}
	return out
}
