package exec

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"fp4tui/exec/gemm"
	"fp4tui/inspect"
	"fp4tui/inspect/layer"
)

// twoKernels is a device with the kernels right, the emulator, and wrong, the emulator with
// one output in error and one NaN.
type twoKernels struct {
	err      error
	nameless bool // it does not say what ran
	silent   bool // nor whose instruction that used
}

func (twoKernels) Ready() error { return nil }

func (k twoKernels) Run(ctx context.Context, j layer.Job, _ layer.Progress) (r layer.JobResult, err error) {
	r = layer.JobResult{Kernel: j.Kernel, Device: "device", Arch: j.Arch}
	if k.silent {
		r.Arch = ""
	}
	if r.Y, err = gemm.Compute(ctx, j, layer.Order{}); err == nil && j.Kernel == "wrong" {
		r.Y[70*j.N+130] += 0.5
		r.Y[3] = float32(math.NaN())
	}
	return r, err
}

func (k twoKernels) Compare(ctx context.Context, j layer.Job, against string, _ layer.Progress) (c layer.Comparison, err error) {
	if k.err != nil {
		return c, k.err
	}
	var y [2]layer.JobResult
	for i, kernel := range []string{j.Kernel, against} {
		j.Kernel = kernel
		if y[i], err = k.Run(ctx, j, nil); err != nil {
			return c, err
		}
	}
	c = layer.Compare(y[0].Y, y[1].Y, j.M, j.N, j.Out)
	c.Kernels, c.Device, c.Notes = [2]string{y[0].Kernel, y[1].Kernel}, "device", []string{"compared there"}
	if k.nameless {
		c.Kernels = [2]string{}
	}
	return c, nil
}

// againstRig is a session with those kernels, and one that is elsewhere.
func againstRig(t *testing.T, k twoKernels) *rig {
	r := newRig(t)
	r.backends = []Backend{gemm.Ref{}, gemm.Emu{}}
	for _, name := range []string{"right", "wrong"} {
		r.backends = append(r.backends, gemm.Device{Label: "cuda:" + name, Place: "cuda", Kernel: name, Runner: k})
	}
	r.backends = append(r.backends, gemm.Device{Label: "torch", Kernel: "torch", Runner: k})
	r.do("x = randn 100 64 seed=1", "o = randn 200 64 seed=2", "w = quant o")
	return r
}

// TestGemmAgainst: numbers and the map are those of a diff of both products.
func TestGemmAgainst(t *testing.T) {
	r := againstRig(t, twoKernels{})
	got := r.do("d = gemm x w backend=cuda:wrong against=cuda:right").(Compared)
	want := r.do("p = gemm x w backend=cuda:wrong", "q = gemm x w backend=cuda:right", "e = diff p q").(Diff)
	metric := func(name string) float64 {
		for _, m := range want.Metrics {
			if m.Name == name {
				return float64(m.Value)
			}
		}
		t.Fatalf("no metric %s", name)
		return 0
	}
	near := func(a Float, b float64) bool { return math.Abs(float64(a)-b) <= 1e-5*b }
	if got.Differ != 2 || got.NaN != 1 || got.Outputs != 20000 || got.Cells != 2 || got.At != [2]int{64, 128} || got.Step != 64 || got.Kernels != [2]string{"wrong", "right"} || got.Device != "device" ||
		!near(got.MaxAbs, metric("max_abs")) || !near(got.RMSE, metric("rmse")) || !near(got.RelL2, metric("rel_l2")) {
		t.Errorf("%+v\n%+v", got, want)
	}
	r.do("expect d.differ == 2 and d.nan == 1 and d.count == 20000 and d.max_abs > 0.4", "same = gemm x w backend=cuda:right against=cuda:right", "expect same.differ == 0 and same.rel_l2 == 0 and same.max_abs == 0",
		"a = gemm x w mode=w4a4 act=dynamic backend=cuda:right against=cuda:wrong", "expect a.differ > 0")
	m := r.do("map d").(Heat)
	if m.M != 100 || m.N != 200 || m.H != 2 || m.W != 4 || m.RowStep != 64 || m.NaN != 1 || m.NaNs[0] != 1 || m.Values[1*4+2] != Float32(got.MaxAbs) || m.Values[0] != 0 {
		t.Errorf("map %+v", m)
	}
	part := r.do("map d[64:100,70:200]").(Heat)
	if part.Row0 != 64 || part.Col0 != 64 || part.H != 1 || part.W != 3 || part.Values[1] != Float32(got.MaxAbs) || part.NaN != 0 {
		t.Errorf("part %+v", part)
	}
	if info := r.do("info d").(Compared); info.Handle != "" || info.Differ != 2 {
		t.Errorf("info %+v", info)
	}
}

// TestGemmAgainstHasNoElements: a verb that wants elements of a comparison says how to get
// them, and the way works; a verb that wants something else says no such thing.
func TestGemmAgainstHasNoElements(t *testing.T) {
	r := againstRig(t, twoKernels{})
	r.do("d = gemm x w backend=cuda:wrong against=cuda:right", "y = gemm x w")
	for _, line := range []string{"top d", "where d > 0.1", "diff d y", "diff y d", "stat d", "export d d.npy", "explain d[1,2]", "quant d", "gemm d w", "info d[0:3]", "info d[1,2]", "expect d[1,2] > 0"} {
		err := r.fails(line, ErrUsage, outputsGone)
		if err != nil && strings.Count(err.Error()+HintOf(err), "its outputs are gone") != 1 {
			t.Errorf("%s: %v, %s", line, err, HintOf(err))
		}
	}
	for _, line := range []string{"dequant d", "codes d"} {
		if err := r.fails(line, ErrUsage); strings.Contains(err.Error()+HintOf(err), "gone") {
			t.Errorf("%s: %v", line, err)
		}
	}
	if d := r.do("p = gemm x w backend=cuda:wrong", "q = gemm x w backend=cuda:right", "e = diff p q", "top e").(Worst); len(d.Rows) == 0 {
		t.Errorf("%+v", d)
	}
}

// TestGemmAgainstElsewhere: backends of two places are compared here, with the same numbers;
// through a prepared buffer, too, and with a dense weight.
func TestGemmAgainstElsewhere(t *testing.T) {
	r := againstRig(t, twoKernels{})
	near := r.do("d = gemm x w backend=cuda:wrong against=cuda:right").(Compared)
	far := r.do("f = gemm x w backend=cuda:wrong against=emu").(Compared)
	if far.Differ != near.Differ || far.NaN != near.NaN || far.MaxAbs != near.MaxAbs || far.At != near.At || far.Device != "" || near.Device == "" || far.Kernels[1] != "emu" {
		t.Errorf("%+v\n%+v", far, near)
	}
	want := r.do("y = gemm x w", "z = gemm x w backend=ref", "e = diff y z").(Diff)
	if c := r.do("g = gemm x w against=ref").(Compared); c.Differ != want.Mismatched || c.N != 200 || c.Kernels != [2]string{"emu", "ref"} {
		t.Errorf("%+v\n%+v", c, want)
	}
	r.do("p = prep w for=trtllm")
	if c := r.do("h = gemm x p backend=cuda:right against=cuda:right").(Compared); c.Differ != 0 || c.N != 200 || c.Device != "" {
		t.Errorf("prepared: %+v", c)
	}
	if c := r.do("k = gemm x o backend=ref against=ref").(Compared); c.Differ != 0 || c.N != 200 || c.Mode != "dense" {
		t.Errorf("dense: %+v", c)
	}
}

// TestGemmAgainstCertificate: beside emu a comparison says which differences are a bug, as
// backend=all does, and in a notebook's check; beside another backend it says nothing.
func TestGemmAgainstCertificate(t *testing.T) {
	r := againstRig(t, twoKernels{})
	for _, line := range []string{"gemm x w backend=cuda:right against=emu", "gemm x w backend=emu against=cuda:right", "gemm x w mode=w4a4 act=dynamic backend=cuda:right against=emu", "gemm x p against=emu backend=cuda:right"} {
		r.do("p = prep w for=trtllm")
		if c := r.do("d = " + line).(Compared); !c.Certified || c.Proven < 20000*8/10 || c.Proven > 20000 || c.ProvenMismatch != 0 {
			t.Errorf("%s: %+v", line, c.Apart)
		}
		r.do("expect d.proven_mismatch == 0")
	}
	wrong := r.do("d = gemm x w backend=cuda:wrong against=emu").(Compared)
	if !wrong.Certified || wrong.ProvenMismatch == 0 || wrong.ProvenMismatch > 2 {
		t.Errorf("%+v", wrong.Apart)
	}
	for _, p := range r.do("gemm x w backend=all").(Backends).Pairs {
		if p.Got == "cuda:wrong" && p.Want == "emu" && p.Apart != wrong.Apart {
			t.Errorf("backend=all says %+v, against= %+v", p.Apart, wrong.Apart)
		}
	}
	failed := func() {
		t.Helper()
		if cell := r.Run(context.Background(), "expect d.proven_mismatch == 0", nil); !errors.Is(cell.Err, ErrCheckFailed) {
			t.Errorf("the check: %v", cell.Err)
		}
	}
	failed()
	for _, line := range []string{"gemm x w backend=cuda:right against=cuda:right", "gemm x w backend=emu against=ref", "gemm x o backend=ref against=ref", "gemm x w backend=torch against=cuda:right"} {
		if c := r.do("d = " + line).(Compared); c.Apart != (Apart{}) {
			t.Errorf("%s: %+v", line, c.Apart)
		}
		failed()
	}
	r.backends = append(r.backends, gemm.Device{Label: "far", Kernel: "wrong", Runner: twoKernels{}, Foreign: true})
	if c := r.do("d = gemm x w backend=far against=emu").(Compared); c.Differ == 0 || c.Apart != (Apart{}) {
		t.Errorf("a foreign arithmetic: %+v", c.Apart)
	}
	r.backends = append(r.backends, gemm.Device{Label: "quiet", Kernel: "wrong", Runner: twoKernels{silent: true}})
	for line, certified := range map[string]bool{"": false, " mode=w4a4 act=dynamic": true} { // every FP4 instruction is one rule, bf16's are not
		if c := r.do("d = gemm x w backend=quiet against=emu" + line).(Compared); c.Differ == 0 || c.Certified != certified {
			t.Errorf("nobody knows whose instruction:%s: %+v", line, c.Apart)
		}
	}
}

// TestGemmAgainstRange: outputs whose squares are no float32 numbers pass no check because of it.
func TestGemmAgainstRange(t *testing.T) {
	for scale, bound := range map[float64]float64{1e20: math.NaN(), 1e-25: math.NaN(), 1: 1e-2} {
		c := layer.Comparison{Rows: 1, Cols: 1, Step: layer.CellStep, Cells: make([]layer.Cell, 1)}
		a, b := float32(3*scale), float32(3.01*scale)
		c.Cells = layer.Compare([]float32{a, b}, []float32{b, b}, 1, 2, inspect.F32).Cells
		r := Compared{M: 1, N: 2}
		r.sum(&c)
		if want := float64(b-a) / math.Sqrt2; math.Abs(float64(r.RMSE)-want) > 1e-3*want {
			t.Errorf("scale %g: rmse %g, want %g", scale, r.RMSE, want)
		}
		if math.IsNaN(bound) != math.IsNaN(float64(r.RelL2)) || r.RelL2 == 0 {
			t.Errorf("scale %g: rel_l2 %g", scale, r.RelL2)
		}
	}
}

// TestGemmAgainstSettings: a setting that only emu can follow does not stand in the way of a
// comparison, a key that the other side cannot follow is refused before anything is computed.
func TestGemmAgainstSettings(t *testing.T) {
	r := againstRig(t, twoKernels{})
	want := r.do("a = gemm x w against=ref").(Compared)
	r.do("set order=split:4 epilogue=bf16-alpha")
	for _, other := range []string{"ref", "cuda:right"} {
		c := r.do("b = gemm x w backend=emu against=" + other).(Compared)
		if other == "ref" && c.Differ != want.Differ || other == "cuda:right" && c.Differ != 0 {
			t.Errorf("%+v", c)
		}
		for _, key := range []string{"order=split:4", "epilogue=bf16-alpha", "alpha=0.5"} {
			r.fails("gemm x w backend=emu against="+other+" "+key, ErrUsage, "backend "+other+" has no choice of it")
		}
	}
	if c := r.do("c = gemm x w against=emu order=sequential").(Compared); c.Differ != 0 {
		t.Errorf("%+v", c)
	}
}

// TestGemmAgainstErrors: every refusal says what to do instead.
func TestGemmAgainstErrors(t *testing.T) {
	r := againstRig(t, twoKernels{})
	r.fails("gemm x w backend=cuda:right against=cuda:rigth", ErrUsage, "did you mean cuda:right?")
	r.fails("gemm x w against=all", ErrUsage, "unknown backend")
	r.fails("gemm x w backend=all against=cuda:right", ErrUsage, "two backends by name")
	r.fails("gemm x o backend=cuda:right against=cuda:wrong", inspect.ErrUnsupported, "no dense weight")
	r.fails("gemm x w backend=cuda:right against=cuda:wrong order=reverse", ErrUsage, "backend=emu does")
	r.do("d = gemm x w backend=cuda:right against=cuda:wrong")
	r.fails("map d agg=mean", ErrUsage, "metric=abs agg=max")
	r.fails("map d metric=ulp", ErrUsage, "metric=abs agg=max")
	r.fails("map d[0:101]", ErrShape, "100 elements")
	r.fails("top d", ErrUsage, "comparison")
	r.fails("diff d d", ErrUsage, "comparison")
	nameless := againstRig(t, twoKernels{nameless: true})
	if c := nameless.do("d = gemm x w backend=cuda:right against=cuda:wrong").(Compared); c.Kernels != [2]string{"cuda:right", "cuda:wrong"} {
		t.Errorf("%+v", c)
	}
	broken := againstRig(t, twoKernels{err: &inspect.Fault{Class: inspect.ErrUnreadable, Offset: -1, What: "the GPU worker died", Cure: "run it again"}})
	broken.fails("gemm x w backend=cuda:right against=cuda:wrong", inspect.ErrUnreadable, "the GPU worker died")
	absentee := newRig(t, "x = randn 4 64 seed=1", "w = quant x")
	absentee.backends = append(absentee.backends, gemm.Device{Label: "cuda:right", Place: "cuda", Kernel: "right", Runner: absent.Runner})
	absentee.fails("gemm x w backend=cuda:right against=cuda:right", ErrNotReady, "no GPU here")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if cell := r.Run(ctx, "z = gemm x w backend=cuda:right against=cuda:wrong", nil); !errors.Is(cell.Err, context.Canceled) {
		t.Error(cell.Err)
	}
}
