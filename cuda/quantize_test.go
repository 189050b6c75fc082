//go:build cuda && cgo && linux

package cuda

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// open is an engine on the GPU of this machine. Without one it skips the test, or fails it where
// FP4TUI_REQUIRE_CUDA=1.
func open(t *testing.T, o Options) *Engine {
	t.Helper()
	e := NewEngine(o)
	if err := e.Ready(); err != nil {
		if os.Getenv("FP4TUI_REQUIRE_CUDA") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	t.Cleanup(e.Close)
	return e
}

// drawnQuant is a job of normally distributed values under its own dynamic global scale.
func drawnQuant(format string, rows, cols int, r *rand.Rand) (layer.QuantJob, []float32) {
	x, words := make([]float32, rows*cols), make([]uint16, rows*cols)
	for i := range x {
		x[i] = fp4.RoundBF16(float32(r.NormFloat64()))
		words[i] = uint16(math.Float32bits(x[i]) >> 16)
	}
	return layer.QuantJob{Format: format, Rows: rows, Cols: cols, X: words, Global: 448 * 6 / fp4.Amax(x)}, x
}

// TestQuantizers names every kernel that quantizes, its state, and how many blocks of the
// known answers need a reciprocal that is off.
func TestQuantizers(t *testing.T) {
	e := open(t, Options{})
	for i := range quantSpecs {
		spec := &quantSpecs[i]
		var k Kernel
		e.do(func() { k, _ = e.verifyQuantizer(t.Context(), spec) })
		t.Logf("%s on %s: %s %s", k.Name, e.name(), k.Status, k.Why)
		if k.Status == StatusFailed || spec.suffix == "" && !k.Ready {
			t.Errorf("%s: %s", k.Name, k.Why)
		}
		if !k.Ready {
			continue
		}
		for _, job := range quantAnswers() {
			var r layer.QuantResult
			var err error
			e.do(func() { r, err = e.quantize(t.Context(), spec, &job, nil) })
			if err != nil {
				t.Fatal(err)
			}
			inexact, err := explain(&job, &r)
			if err != nil {
				t.Error(err)
			}
			t.Logf("%s, global scale %g: %d of %d blocks differ from exact reciprocals", job.Format, job.Global, inexact, len(r.Scales))
		}
	}
}

// TestQuantize compares larger matrices with the rule, block by block, and with the recipe of
// exact division: scales and codes differ by one step at most, and seldom.
func TestQuantize(t *testing.T) {
	e := open(t, Options{})
	r := rand.New(rand.NewPCG(7, 8))
	for _, format := range []string{fp4.NVFP4, fp4.MXFP4} {
		job, x := drawnQuant(format, 512, 4096, r)
		clear(x[:32]) // a block of zeros
		clear(job.X[:32])
		got, err := e.Quantize(t.Context(), job, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := explain(&job, &got); err != nil {
			t.Error(err)
		}
		opt := fp4.QuantOptions{Recipe: "flashinfer-exact", Format: format}
		if format == fp4.NVFP4 {
			opt.Global = fp4.GlobalPolicy{Kind: fp4.GlobalGiven, Value: job.Global}
		}
		want, err := fp4.Quantize(x, job.Rows, job.Cols, opt)
		if err != nil {
			t.Fatal(err)
		}
		step := func(a, b byte) int { return max(int(a)-int(b), int(b)-int(a)) }
		scales, codes, furthest := 0, 0, 0
		for i, s := range want.Scales {
			if d := step(got.Scales[i], s); d != 0 {
				scales++
				furthest = max(furthest, d)
				continue
			}
			for j := i * job.Block() / 2; j < (i+1)*job.Block()/2; j++ {
				for _, shift := range []int{0, 4} {
					g, w := got.Codes[j]>>shift&15, want.Codes[j]>>shift&15
					if g != w {
						codes++
						furthest = max(furthest, step(g&7, w&7))
					}
				}
			}
		}
		t.Logf("%s on %s: %d of %d scales and %d of %d codes differ from exact division, by %d at most", format, got.Device, scales, len(want.Scales), codes, len(x), furthest)
		if scales > len(want.Scales)/1000 || codes > len(x)/1000 || furthest > 1 {
			t.Errorf("%s: more than an approximate reciprocal explains", format)
		}
	}
}

// TestQuantizeBands: a matrix of several launches is the same as its parts, progress ends at
// the end, and a cancelled job stops between two launches.
func TestQuantizeBands(t *testing.T) {
	e := open(t, Options{})
	r := rand.New(rand.NewPCG(9, 10))
	const cols = 1 << 14
	rows := 2*quantBand/cols + 3
	job, _ := drawnQuant(fp4.NVFP4, 32, cols, r)
	part := job.X
	for len(job.X) < rows*cols {
		job.X = append(job.X, part[:min(len(part), rows*cols-len(job.X))]...)
	}
	job.Rows = rows
	done, calls := int64(0), 0
	got, err := e.Quantize(t.Context(), job, func(d, total int64) { done, calls = d, calls+1 })
	if err != nil || calls != 3 || done != int64(rows)*cols {
		t.Fatalf("%v; %d launches, %d elements", err, calls, done)
	}
	for i := 32 * cols / 2; i < len(got.Codes); i++ {
		if got.Codes[i] != got.Codes[i-32*cols/2] {
			t.Fatalf("row %d differs from the same row before it", i/(cols/2))
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	calls = 0
	if _, err := e.Quantize(ctx, job, func(int64, int64) { calls++; cancel() }); !errors.Is(err, context.Canceled) || calls != 1 {
		t.Errorf("%v after %d launches", err, calls)
	}
	job.X = job.X[1:]
	if _, err := e.Quantize(t.Context(), job, nil); !errors.Is(err, inspect.ErrMismatch) {
		t.Errorf("a word is missing: %v", err)
	}
}
