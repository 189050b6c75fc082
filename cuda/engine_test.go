//go:build cuda && cgo && linux

package cuda_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"fp4tui/cuda"
	"fp4tui/exec/gemm"
	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// engine opens a device, or skips where there is none.
func engine(t *testing.T, o cuda.Options) *cuda.Engine {
	t.Helper()
	e := cuda.NewEngine(o)
	if err := e.Ready(); err != nil {
		if os.Getenv("FP4TUI_REQUIRE_CUDA") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	t.Cleanup(e.Close)
	return e
}

// TestKernelsVerified runs every known answer, and drawn layers against the emulator.
func TestKernelsVerified(t *testing.T) {
	e := engine(t, cuda.Options{Oracle: gemm.Compute, Cache: t.TempDir()})
	device, kernels := e.About()
	for _, k := range kernels {
		t.Logf("%s: %s: %s %s", device, k.Name, k.Status, k.Why)
		if k.Ready != (k.Status == cuda.StatusVerified) || k.Status == cuda.StatusFailed {
			t.Errorf("%s is %s: %s", k.Name, k.Status, k.Why)
		}
	}
}

// layerJob draws a job with ordinary numbers.
func layerJob(kernel string, mode layer.Mode, m, n, k int, mx bool, r *rand.Rand) layer.Job {
	j := layer.Job{Kernel: kernel, Mode: mode, Arch: "sm100", M: m, N: n, K: k, Block: 16, Scale: fp4.E4M3, Alphas: []float32{0.00321}, Out: inspect.BF16}
	low, span := byte(0x30), 16
	if mx {
		j.Block, j.Scale = 32, fp4.E8M0
		low, span = 118, 6
	}
	fill := func(n int, low byte, span int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = low + byte(r.IntN(span))
		}
		return b
	}
	j.WCodes, j.WScales = fill(n*k/2, 0, 256), fill(n*(k/j.Block), low, span)
	if mode == layer.W4A4 {
		j.XCodes, j.XScales = fill(m*k/2, 0, 256), fill(m*(k/j.Block), low, span)
		return j
	}
	j.XWords = make([]uint16, m*k)
	for i := range j.XWords {
		j.XWords[i] = uint16(math.Float32bits(float32(r.NormFloat64())) >> 16)
	}
	return j
}

// TestLayers compares products of the sizes of layers with the emulator, every word.
func TestLayers(t *testing.T) {
	e := engine(t, cuda.Options{})
	sizes := []struct {
		kernel  string
		mode    layer.Mode
		m, n, k int
	}{
		{"emu-fp4", layer.W4A4, 1, 4096, 4096}, {"emu-fp4", layer.W4A4, 130, 1000, 2048}, {"emu-fp4", layer.W4A4, 512, 1024, 1024},
		{"emu-bf16", layer.W4A16, 65, 200, 1024}, {"w4a16", layer.W4A16, 1, 4096, 4096}, {"w4a16", layer.W4A16, 16, 2048, 4096},
		{"w4a16", layer.W4A16, 20, 512, 8192}, {"w4a16", layer.W4A16, 8, 256, 14336}, {"w4a16", layer.W4A16, 130, 1040, 2048}, {"w4a16", layer.W4A16, 1030, 4100, 256},
		{"w4a16", layer.W4A16, 5, 4096, 4096}, {"w4a16", layer.W4A16, 12, 4240, 14336}, {"w4a16", layer.W4A16, 16, 14336, 64},
		{"w4a16", layer.W4A16, 9, 40021, 192}, {"w4a16", layer.W4A16, 4, 34000, 448}, {"w4a16", layer.W4A16, 16, 4200, 832}, {"w4a16", layer.W4A16, 13, 100, 64}, // blocks that go through their tiles in turns, slices without a tile of K
		{"w4a16", layer.W4A16, 33, 1000, 2048}, {"w4a16", layer.W4A16, 64, 4096, 4096}, {"w4a16", layer.W4A16, 300, 20480, 128},
	}
	if testing.Short() {
		sizes = sizes[:2]
	}
	r := rand.New(rand.NewPCG(1, 2))
	for _, s := range sizes {
		for _, mx := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/%d×%d×%d/mx=%v", s.kernel, s.m, s.n, s.k, mx), func(t *testing.T) {
				j := layerJob(s.kernel, s.mode, s.m, s.n, s.k, mx, r)
				got, err := e.Run(context.Background(), j, nil)
				if err != nil {
					t.Fatal(err)
				}
				order := layer.Order{}
				if s.kernel == "w4a16" {
					_, after, _ := strings.Cut(got.Notes[0], "arch=")
					j.Arch = after[:4]
					_, after, _ = strings.Cut(got.Notes[0], "order=")
					said, _, _ := strings.Cut(after, ";")
					if order, err = layer.ParseOrder(said); err != nil {
						t.Fatalf("the note %q: %v", got.Notes[0], err)
					}
				}
				said, err := gemm.Lookup("bf16", got.Arch)
				if rule, _ := gemm.Lookup("bf16", j.Arch); err != nil || said.Params != rule.Params {
					t.Errorf("the words are those of %q, it says; %v", got.Arch, err)
				}
				want, err := gemm.Compute(context.Background(), j, order)
				if err != nil {
					t.Fatal(err)
				}
				for i := range want {
					if math.Float32bits(got.Y[i]) != math.Float32bits(want[i]) {
						t.Fatalf("y[%d,%d] is %x, the emulator's is %x", i/s.n, i%s.n, math.Float32bits(got.Y[i]), math.Float32bits(want[i]))
					}
				}
				t.Logf("%d words, %.1f µs, %s", len(want), got.Micros, order)
			})
		}
	}
}

// TestEngineAnswers looks at what goes wrong by intent.
func TestEngineAnswers(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	e := engine(t, cuda.Options{Memory: 1 << 20})
	_, err := e.Run(context.Background(), layerJob("emu-fp4", layer.W4A4, 64, 4096, 4096, false, r), nil)
	if !errors.Is(err, cuda.ErrMemory) || !strings.Contains(err.Error(), "MiB") {
		t.Errorf("a job larger than allowed: %v", err)
	}
	small := layerJob("emu-fp4", layer.W4A4, 3, 64, 128, false, r)
	if _, err := e.Run(context.Background(), small, nil); err != nil {
		t.Errorf("after it: %v", err)
	}
	for range 12 { // more weights than are kept
		if _, err := e.Run(context.Background(), layerJob("emu-fp4", layer.W4A4, 3, 1024, 1024, false, r), nil); err != nil {
			t.Fatal(err)
		}
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := e.Run(ended, small, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("after cancel: %v", err)
	}
	foreign := small
	foreign.Kernel = "native-sm120"
	if _, kernels := e.About(); !kernels[3].Ready {
		if _, err := e.Run(context.Background(), foreign, nil); !errors.Is(err, cuda.ErrNoKernel) {
			t.Errorf("a kernel of another device: %v", err)
		}
	}
	unknown := small
	unknown.Kernel = "w4a16"
	if _, err := e.Run(context.Background(), unknown, nil); !errors.Is(err, cuda.ErrNoKernel) {
		t.Errorf("a kernel of another mode: %v", err)
	}
	broken := small
	broken.WScales = broken.WScales[1:]
	if _, err := e.Run(context.Background(), broken, nil); !errors.Is(err, inspect.ErrMismatch) {
		t.Errorf("a job with a part missing: %v", err)
	}
	if err := cuda.NewEngine(cuda.Options{Device: 99}).Ready(); !errors.Is(err, cuda.ErrNoDevice) {
		t.Errorf("device 99: %v", err)
	}
}

// TestCancel ends a long job between two launches.
func TestCancel(t *testing.T) {
	e := engine(t, cuda.Options{})
	r := rand.New(rand.NewPCG(5, 6))
	j := layerJob("emu-bf16", layer.W4A16, 8192, 8192, 4096, false, r)
	ctx, cancel := context.WithCancel(context.Background())
	calls := 0
	_, err := e.Run(ctx, j, func(done, total int64) {
		calls++
		cancel()
	})
	if !errors.Is(err, context.Canceled) || calls != 1 {
		t.Errorf("%v after %d launches", err, calls)
	}
}
