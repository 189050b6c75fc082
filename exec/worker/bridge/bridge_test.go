package bridge

import (
	"context"
	"errors"
	"math"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"fp4tui/exec/gemm"
	"fp4tui/exec/worker"
	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/kernel"
	"fp4tui/inspect/layer"
)

// python is the interpreter that tests compute with.
const python = "FP4TUI_TEST_PYTHON"

// client starts the bridge, or skips.
func client(t *testing.T) *worker.Client {
	t.Helper()
	path := os.Getenv(python)
	if path == "" {
		t.Skip("no Python with torch: name one in " + python)
	}
	c := &worker.Client{Label: "the Python bridge", Command: Command(path)}
	t.Cleanup(c.Close)
	return c
}

// TestTable holds the script to its table: every row has an engine and every engine a row.
func TestTable(t *testing.T) {
	_, text, _ := strings.Cut(script, "\nENGINES = {\n")
	text, _, _ = strings.Cut(text, "\n}")
	var have []string
	for line := range strings.SplitSeq(text, "\n") {
		name, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), `"`), `"`)
		have = append(have, name)
	}
	var want []string
	for _, e := range Engines() {
		want = append(want, e.Name)
		if e.Package == "" || e.Pip == "" || e.Doc == "" || len(e.Modes) == 0 || strings.Trim(e.Name, "abcdefghijklmnopqrstuvwxyz0123456789:") != "" {
			t.Errorf("%+v", e)
		}
		if len(e.Arch) > 0 && e.Ran != "" {
			t.Errorf("%s ran on %s: say so only of what has a test", e.Name, e.Ran)
		}
	}
	for _, e := range Engines() {
		for _, name := range e.Buffers {
			if k, err := kernel.Lookup(name); err != nil || !slices.Contains(e.Modes, k.Mode.String()) {
				t.Errorf("%s reads what is prepared for %s: %v", e.Name, name, err)
			}
		}
	}
	if !slices.Equal(have, want) {
		t.Errorf("engines %v, rows %v", have, want)
	}
}

// oldMarlin loads the script beside a vLLM of before its attributes were renamed.
const oldMarlin = `
import sys, types
names = "vllm.model_executor.layers.quantization.utils".split(".")
for i in range(len(names)):
    sys.modules[".".join(names[: i + 1])] = types.ModuleType(names[i])
def apply_fp4_marlin_linear(input, weight, weight_scale, weight_scale_2, workspace, size_n, size_k, bias=None): pass
sys.modules[".".join(names)].marlin_utils_fp4 = types.SimpleNamespace(apply_fp4_marlin_linear=apply_fp4_marlin_linear)
bridge = {"__name__": "bridge"}
exec(sys.stdin.read(), bridge)
try:
    bridge["vllm_marlin"](types.SimpleNamespace(torch=None))
except bridge["Refusal"] as r:
    print(r.fault["what"], "|", r.fault["why"], "|", r.fault["cure"])
`

// TestOldMarlin: a vLLM that would take NVFP4 for MXFP4 is refused before it computes.
func TestOldMarlin(t *testing.T) {
	interpreter, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3")
	}
	cmd := exec.Command(interpreter, "-c", oldMarlin)
	cmd.Stdin = strings.NewReader(script)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "another way | vllm of unknown version knows no weight_global_scale | update vllm") {
		t.Errorf("%v: %s", err, out)
	}
}

// TestNoPython: an interpreter that is none is an error with a cure.
func TestNoPython(t *testing.T) {
	c := &worker.Client{Label: "the Python bridge", Command: Command("/nonexistent/python")}
	var f *inspect.Fault
	if err := c.Ready(); !errors.As(err, &f) || f.Cure == "" {
		t.Error(err)
	}
}

// forward is a small product with a bias.
func forward(t *testing.T, format string, mode layer.Mode) layer.Forward {
	t.Helper()
	const m, n, k = 5, 48, 96
	fill := func(n int, amp float64) []float32 {
		out := make([]float32, n)
		for i := range out {
			out[i] = fp4.RoundBF16(float32(amp * math.Sin(float64(i*i%977))))
		}
		return out
	}
	b, err := fp4.Quantize(fill(n*k, 0.05), n, k, fp4.QuantOptions{Recipe: "compressed-tensors", Format: format, InputBF16: true})
	if err != nil {
		t.Fatal(err)
	}
	bias := inspect.Tensor{DType: inspect.BF16, Shape: []int{n}, Data: fill(n, 3)}
	f := layer.Forward{X: inspect.Tensor{DType: inspect.BF16, Shape: []int{m, k}, Data: fill(m*k, 2)}, Mode: mode, Out: inspect.BF16,
		Weights: &layer.Weights{Blocks: []fp4.Blocks{b}, Bias: &bias}, Epilogue: layer.Epilogue{Bias: layer.BiasF32}}
	if mode == layer.W4A4 {
		f.Act = layer.ActDynamic
	}
	return f
}

// TestTorch compares PyTorch with the reference: bf16 operands lose little, FP8 ones more.
func TestTorch(t *testing.T) {
	c := client(t)
	for _, test := range []struct {
		engine string
		bound  float64 // relative L2 error
	}{{"torch", 6e-3}, {"torch:fp8", 6e-2}} {
		for _, format := range []string{fp4.NVFP4, fp4.MXFP4} {
			for _, mode := range []layer.Mode{layer.W4A16, layer.W4A4} {
				for _, out := range []inspect.DType{inspect.BF16, inspect.F16, inspect.F32} {
					f := forward(t, format, mode)
					f.Out = out
					d := gemm.Device{Label: test.engine, Runner: worker.Offer{Client: c, Kernel: test.engine}, Foreign: true}
					got, err := d.Forward(context.Background(), f, nil)
					if err != nil {
						t.Fatalf("%s %s %s %s: %v", test.engine, format, mode, out, err)
					}
					want, err := gemm.Ref{}.Forward(context.Background(), f, nil)
					if err != nil {
						t.Fatal(err)
					}
					if e := relL2(got.Y.Data, want.Y.Data); !(e < test.bound) {
						t.Errorf("%s %s %s %s: relative error %g", test.engine, format, mode, out, e)
					}
					if !strings.HasPrefix(got.By, "torch ") || got.Device == "" || !got.Foreign {
						t.Errorf("by %q on %q", got.By, got.Device)
					}
				}
			}
		}
	}
}

func relL2(got, want []float32) float64 {
	var e, w float64
	for i := range got {
		d := float64(got[i]) - float64(want[i])
		e, w = e+d*d, w+float64(want[i])*float64(want[i])
	}
	return math.Sqrt(e / w)
}

// TestRefusals: what an environment lacks is said with its name, and the process lives.
func TestRefusals(t *testing.T) {
	c := client(t)
	program, device, kernels, err := c.About(context.Background())
	if err != nil || !strings.Contains(program, "torch") || device == "" || len(kernels) != len(Engines()) {
		t.Fatal(program, device, len(kernels), err)
	}
	f := forward(t, fp4.NVFP4, layer.W4A4)
	for i, e := range Engines() {
		k := kernels[i]
		if k.Name != e.Name || (e.Ran == "") != strings.Contains(k.Status, NeverRun) {
			t.Errorf("%+v for %+v", k, e)
		}
		if k.Ready {
			continue
		}
		if k.Why == "" || k.Cure == "" {
			t.Errorf("%s is not ready, without why or cure", k.Name)
		}
		d := gemm.Device{Label: e.Name, Kernel: e.Name, Runner: c}
		var fault *inspect.Fault
		if _, err := d.Forward(context.Background(), f, nil); !errors.As(err, &fault) || fault.Cure == "" {
			t.Errorf("%s: %v", e.Name, err)
		}
	}
	d := gemm.Device{Label: "torch", Kernel: "torch", Runner: c}
	if _, err := d.Forward(context.Background(), f, nil); err != nil {
		t.Errorf("after the refusals: %v", err)
	}
}
