//go:build cuda && cgo && linux

package cuda_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"fp4tui/cuda"
	"fp4tui/inspect"
	"fp4tui/inspect/layer"
)

// TestCompare: what comes back of two kernels is what their outputs say, for every output
// type, with biases and alphas by row, and where the outputs are several bands.
func TestCompare(t *testing.T) {
	e := engine(t, cuda.Options{})
	r := rand.New(rand.NewPCG(13, 14))
	mine := cuda.BF16Arch(cuda.Status().Devices[0].ComputeCapability)
	other := map[string]string{"sm80": "sm90", "sm90": "sm80"}[mine]
	for _, test := range []struct {
		kernel, against string
		mode            layer.Mode
		arch            string // of emu-bf16: its own words differ from w4a16's unless it is this GPU's
		m, n, k         int
		out             inspect.DType
		differ          bool
	}{
		{"w4a16", "emu-bf16", layer.W4A16, mine, 200, 333, 1024, inspect.BF16, false},
		{"w4a16", "emu-bf16", layer.W4A16, other, 200, 333, 1024, inspect.F32, true},
		{"emu-bf16", "w4a16", layer.W4A16, other, 130, 64, 2048, inspect.F16, true},
		{"emu-fp4", "emu-fp4", layer.W4A4, "sm100", 70, 40, 512, inspect.BF16, false},
		{"emu-fp4", "", layer.W4A4, "sm100", 2000, 40000, 64, inspect.BF16, false}, // two bands
	} {
		j := layerJob(test.kernel, test.mode, test.m, test.n, test.k, false, r)
		j.Arch, j.Out = test.arch, test.out
		if test.differ { // alphas by row and a bias, and outputs that are NaN and infinite
			j.Alphas, j.Bias, j.Epilogue.Bias = make([]float32, test.m), make([]float32, test.n), layer.BiasF32
			for i := range j.Alphas {
				j.Alphas[i] = float32(r.IntN(100)+1) / 1000
			}
			j.XWords[3*test.k], j.XWords[5*test.k] = 0x7f80, 0x7fc0
		}
		calls := 0
		got, err := e.Compare(t.Context(), j, test.against, func(done, total int64) { calls++ })
		if err != nil {
			t.Fatal(err)
		}
		if err := got.Check(test.m, test.n); err != nil {
			t.Fatal(err)
		}
		var y [2][]float32
		for i, kernel := range []string{test.kernel, test.against} {
			j.Kernel = kernel
			r, err := e.Run(t.Context(), j, nil)
			if err != nil {
				t.Fatal(err)
			}
			y[i] = r.Y
		}
		different := uint32(0)
		for i, want := range layer.Compare(y[0], y[1], test.m, test.n, test.out).Cells {
			c := got.Cells[i]
			different += c.Different
			near := func(a, b float32) bool {
				return a == b || math.Abs(float64(a-b)) <= 1e-4*math.Abs(float64(b)) || math.IsInf(float64(a), 1) && b > 1e38
			}
			if c.Different != want.Different || c.NaN != want.NaN || c.Largest != want.Largest || !near(c.Squares, want.Squares) || !near(c.Norm, want.Norm) || c.Unwritten != 0 {
				t.Fatalf("%s against %s, cell %d: %+v, must be %+v", test.kernel, test.against, i, c, want)
			}
		}
		t.Logf("%v on %s, %d×%d: %d words differ, %d launches; %v", got.Kernels, got.Device, test.m, test.n, different, calls, got.Notes)
		if test.differ != (different > 0) {
			t.Errorf("%s against %s, %s: %d words differ", test.kernel, test.against, test.arch, different)
		}
	}
}

// TestCompareLayer: two kernels on a layer of real size. 268 million outputs stay where they
// are; 65,536 cells come back.
func TestCompareLayer(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes seconds")
	}
	e := engine(t, cuda.Options{})
	r := rand.New(rand.NewPCG(15, 16))
	for _, size := range []struct{ m, n, k, step int }{{16384, 16384, 4096, 64}, {16384, 16640, 64, 128}} {
		j := layerJob("w4a16", layer.W4A16, size.m, size.n, size.k, false, r)
		j.Arch = cuda.BF16Arch(cuda.Status().Devices[0].ComputeCapability)
		start := time.Now()
		c, err := e.Compare(t.Context(), j, "emu-bf16", nil)
		if err != nil {
			t.Fatal(err)
		}
		different, norm := 0, 0.0
		for _, cell := range c.Cells {
			different += int(cell.Different)
			norm += float64(cell.Norm)
		}
		t.Logf("%d×%d×%d on %s: %d words differ, rms %.4g, %d cells of %d, %s", size.m, size.n, size.k, c.Device, different, math.Sqrt(norm/float64(size.m)/float64(size.n)), len(c.Cells), c.Step, time.Since(start))
		if c.Step != size.step || !(norm > 0) || different != 0 {
			t.Errorf("step %d, %d differ, norm %g", c.Step, different, norm)
		}
	}
}

// TestCompareAnswers looks at what goes wrong by intent.
func TestCompareAnswers(t *testing.T) {
	e := engine(t, cuda.Options{})
	r := rand.New(rand.NewPCG(17, 18))
	j := layerJob("emu-fp4", layer.W4A4, 3, 64, 128, false, r)
	if _, err := e.Compare(t.Context(), j, "w4a16", nil); !errors.Is(err, cuda.ErrNoKernel) {
		t.Errorf("a kernel of another mode: %v", err)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := e.Compare(ended, j, "emu-fp4", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("after cancel: %v", err)
	}
	empty := j
	empty.M, empty.XCodes, empty.XScales = 0, nil, nil
	if _, err := e.Compare(t.Context(), empty, "emu-fp4", nil); !errors.Is(err, inspect.ErrMismatch) {
		t.Errorf("no outputs: %v", err)
	}
	broken := j
	broken.WScales = slices.Clone(j.WScales[1:])
	if _, err := e.Compare(t.Context(), broken, "emu-fp4", nil); !errors.Is(err, inspect.ErrMismatch) {
		t.Errorf("a part is missing: %v", err)
	}
}
