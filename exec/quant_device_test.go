package exec

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"fp4tui/exec/gemm"
	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// otherGPU quantizes by exact division but for one scale and two codes.
type otherGPU struct {
	gemm.Emu
	err  error
	last *layer.QuantJob
}

func (otherGPU) Name() string { return "cuda" }

func (g otherGPU) Quantize(ctx context.Context, job layer.QuantJob, _ layer.Progress) (r layer.QuantResult, err error) {
	*g.last = job
	if err := ctx.Err(); err != nil || g.err != nil {
		return r, errors.Join(err, g.err)
	}
	x := make([]float32, len(job.X))
	for i, w := range job.X {
		x[i] = math.Float32frombits(uint32(w) << 16)
	}
	opt := fp4.QuantOptions{Recipe: "flashinfer-exact", Format: job.Format}
	if job.Format == fp4.NVFP4 {
		opt.Global = fp4.GlobalPolicy{Kind: fp4.GlobalGiven, Value: job.Global}
	}
	b, err := fp4.Quantize(x, job.Rows, job.Cols, opt)
	if err != nil {
		return r, err
	}
	b.Scales[1]++
	b.Codes[0] ^= 0x01              // one step: the codes of a pair differ in their last bit
	b.Codes[len(b.Codes)-1] ^= 0x80 // a sign
	b.Codes[job.Block()/2] ^= 0x77  // under the scale that differs
	return layer.QuantResult{Codes: b.Codes, Scales: b.Scales, Kernel: "quantize", Device: "Other GPU sm_90"}, nil
}

// noGPU would quantize if it were there.
type noGPU struct{ gemm.Device }

func (noGPU) Quantize(context.Context, layer.QuantJob, layer.Progress) (layer.QuantResult, error) {
	panic("it was said not to be ready")
}

// withGPU is a session with such a device.
func withGPU(t *testing.T, g otherGPU, lines ...string) *rig {
	t.Helper()
	r := newRig(t)
	r.backends = []Backend{gemm.Ref{}, gemm.Emu{}, g}
	r.do(lines...)
	return r
}

// TestQuantOnDevice: the device gets the very words and the recipe's own global scale, and
// the result names it; the difference to the exact recipe is told in bytes.
func TestQuantOnDevice(t *testing.T) {
	for _, format := range []string{"nvfp4", "mxfp4"} {
		job := &layer.QuantJob{}
		r := withGPU(t, otherGPU{last: job}, "x = randn 4 128 seed=7")
		q := r.do("q = quant x recipe=flashinfer format=" + format).(Quantized)
		if q.By != "quantize" || q.Device != "Other GPU sm_90" || q.Recipe != "flashinfer" || q.Rows != 4 || q.Cols != 128 || !(q.SQNR > 8) {
			t.Errorf("%+v", q)
		}
		exact := r.do("qx = quant x recipe=flashinfer-exact format=" + format).(Quantized)
		if q.Global != exact.Global && format == "nvfp4" || q.GlobalUse != exact.GlobalUse || float32(q.Global) != job.Global && format == "nvfp4" {
			t.Errorf("global scale %v, exactly %v, the device had %v", q.Global, exact.Global, job.Global)
		}
		e := r.do("e = diff q qx").(Diff)
		if e.Bytes == nil {
			t.Fatal("no bytes")
		}
		want := BytesDiff{Scales: int64(512 / job.Block()), ScalesDiffer: 1, ScaleStep: 1, Codes: 512 - int64(job.Block()), CodesDiffer: 2, CodeStep: e.Bytes.CodeStep, Globals: format == "nvfp4"}
		if *e.Bytes != want || e.Bytes.CodeStep < 1 { // the sign that changed decides
			t.Errorf("%+v, want %+v", e.Bytes, want)
		}
		r.do("expect e.scales_differ == 1 and e.scale_step == 1 and e.codes_differ == 2 and e.code_step >= 1", "same = diff q q", "expect same.codes_differ == 0 and same.mismatched == 0")
		if d := r.do("diff q.dequant qx.dequant").(Diff); d.Bytes != nil || d.Mismatched != e.Mismatched {
			t.Errorf("values: %+v", d)
		}
		if info := r.do("info e").(Diff); info.Bytes == nil || *info.Bytes != *e.Bytes {
			t.Errorf("info has %+v", info.Bytes)
		}
	}
	job := &layer.QuantJob{}
	r := withGPU(t, otherGPU{last: job}, "x = randn 4 128 seed=7")
	if q := r.do("quant x recipe=flashinfer global=none").(Quantized); job.Global != 1 || q.GlobalUse != fp4.NoGlobal.String() {
		t.Errorf("global=none: %v %+v", job.Global, q)
	}
	if r.do("quant x recipe=flashinfer global=512"); job.Global != 512 {
		t.Errorf("global=512: %v", job.Global)
	}
}

// TestQuantOnDeviceErrors: every refusal says what to do instead.
func TestQuantOnDeviceErrors(t *testing.T) {
	r := newRig(t, "x = randn 4 128 seed=7")
	r.backends = []Backend{noGPU{absent}}
	r.fails("quant x recipe=flashinfer", ErrNotReady, "needs a GPU", "no GPU here", "recipe=flashinfer-exact")
	r.backends = []Backend{gemm.Ref{}}
	r.fails("quant x recipe=flashinfer", ErrNotReady, "no backend that quantizes", "recipe=flashinfer-exact")
	r = withGPU(t, otherGPU{last: new(layer.QuantJob)}, "x = randn 4 128 seed=7", "f = randn 4 128 seed=7 dtype=f32", "q = quant x", "m = quant x format=mxfp4")
	r.fails("quant f recipe=flashinfer", inspect.ErrUnsupported, "of 512 values are no bf16 numbers", "recipe=flashinfer-exact")
	r.fails("quant x[0:2,0:5] recipe=flashinfer", inspect.ErrMismatch, "cannot quantize 2×5", "multiple of 16")
	r.fails("quant x recipe=flashinfer format=mxfp4 global=3", fp4.ErrGlobal, "mxfp4 with a global scale")
	r.fails("diff q m", ErrShape, "bytes have nothing in common", "diff q.dequant m.dequant")
	r.fails("diff q x", ErrUsage, "q.dequant is its tensor")
	r.do("e = diff x x")
	r.fails("expect e.codes_differ == 0", inspect.ErrMissing, "not two quantized matrices")
	broken := withGPU(t, otherGPU{last: new(layer.QuantJob), err: &inspect.Fault{Class: inspect.ErrUnreadable, Offset: -1, What: "the GPU worker died", Cure: "run it again"}}, "x = randn 4 128 seed=7")
	broken.fails("quant x recipe=flashinfer", inspect.ErrUnreadable, "the GPU worker died", "run it again")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if cell := r.Run(ctx, "z = quant x recipe=flashinfer", nil); !errors.Is(cell.Err, context.Canceled) {
		t.Error(cell.Err)
	}
}

// TestStepOf: neighbours are one code apart, also across the sign, and 0 and -0 none.
func TestStepOf(t *testing.T) {
	for _, c := range []struct {
		a, b, sign uint8
		want       int
	}{{3, 4, 8, 1}, {1, 9, 8, 2}, {0, 8, 8, 0}, {15, 7, 8, 14}, {0x80, 0x81, 0x80, 1}, {0x7e, 0xfe, 0x80, 252}, {127, 129, 0, 2}} {
		if got := stepOf(c.a, c.b, c.sign); got != c.want {
			t.Errorf("%x and %x: %d, must be %d", c.a, c.b, got, c.want)
		}
	}
}

// TestBF16Words: a number's word is its upper half, and a NaN stays one.
func TestBF16Words(t *testing.T) {
	words, err := bf16Words([]float32{1, -2.5, 0, float32(math.Copysign(0, -1)), float32(math.Inf(-1)), math.Float32frombits(0xff800001)})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []uint16{0x3f80, 0xc020, 0, 0x8000, 0xff80, 0xffc0} {
		if words[i] != want {
			t.Errorf("word %d is %04x, must be %04x", i, words[i], want)
		}
	}
	if _, err := bf16Words([]float32{1.001, 1}); err == nil || !strings.Contains(err.Error(), "1 of 2 values") {
		t.Error(err)
	}
}
