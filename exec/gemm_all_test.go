package exec

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"fp4tui/exec/gemm"
	"fp4tui/exec/worker"
	"fp4tui/inspect"
	"fp4tui/inspect/layer"
)

// twin is the emulator under another name, with a fault of its own.
type twin struct {
	gemm.Emu
	name  string
	spoil func(y []float32)
	err   error
}

func (b twin) Name() string { return b.name }

func (b twin) Forward(ctx context.Context, f layer.Forward, progress layer.Progress) (layer.Output, error) {
	if b.err != nil {
		return layer.Output{}, b.err
	}
	out, err := b.Emu.Forward(ctx, f, progress)
	if err == nil && b.spoil != nil {
		b.spoil(out.Y.Data)
	}
	out.Proof, out.By = nil, "kernel on device"
	return out, err
}

// crowd is a session with a backend for every way to go wrong.
func crowd(t *testing.T) *rig {
	t.Helper()
	r := newRig(t)
	r.backends = append(r.backends,
		twin{name: "cuda:good"},
		twin{name: "cuda:off", spoil: func(y []float32) { y[0] *= 2; y[5]++ }},
		twin{name: "cuda:zero", spoil: func(y []float32) { clear(y) }},
		twin{name: "cuda:void", spoil: func(y []float32) {
			for i := range y {
				y[i] = math.Float32frombits(0xFFFF0000)
			}
		}},
		twin{name: "cuda:crash", err: &inspect.Fault{Class: inspect.ErrUnreadable, Offset: -1, What: "the GPU worker died", Why: "signal: aborted", Cure: "run it again"}},
		twin{name: "cuda:other", err: &inspect.Fault{Class: inspect.ErrUnsupported, Offset: -1, What: "no kernel for this layer", Cure: "backend=emu"}},
	)
	r.do("x = randn 6 64 seed=1", "o = randn 40 64 seed=2", "w = quant o")
	return r
}

func TestGemmAll(t *testing.T) {
	r := crowd(t)
	got := r.do("y = gemm x w backend=all").(Backends)
	states := map[string]string{}
	for _, row := range got.Rows {
		states[row.Name] = row.Status
		if row.Status != backendRan && (row.Why == "" || row.Cure == "") {
			t.Errorf("%+v has no why or cure", row)
		}
		if all := int64(6 * 40); row.Name == "cuda:zero" && row.Zero != all || row.Name == "cuda:void" && (row.Unwritten != all || row.NaN != all) || row.Name == "emu" && row.Unwritten != 0 {
			t.Errorf("%+v", row)
		}
	}
	for name, want := range map[string]string{"ref": "ran", "emu": "ran", "cuda": "absent", "cuda:good": "ran", "cuda:off": "ran", "cuda:zero": "ran", "cuda:void": "ran", "cuda:crash": "failed", "cuda:other": "absent"} {
		if states[name] != want {
			t.Errorf("%s %s, want %s", name, states[name], want)
		}
	}
	if n := len(got.Pairs); n != 15 {
		t.Fatalf("%d pairs of 6 backends", n)
	}
	for i, p := range got.Pairs {
		if i > 0 && p.ProvenMismatch > got.Pairs[i-1].ProvenMismatch {
			t.Errorf("%s - %s stands behind a pair with less", p.Got, p.Want)
		}
		switch p.Got + " " + p.Want {
		case "cuda:good emu":
			if !p.Certified || p.ProvenMismatch != 0 || p.Mismatched != 0 || p.Proven == 0 {
				t.Errorf("%+v", p)
			}
		case "cuda:off emu":
			if p.Mismatched != 2 || p.ProvenMismatch == 0 || p.ProvenMismatch > 2 {
				t.Errorf("%+v", p)
			}
		case "emu ref", "cuda:off ref":
			if p.Certified || p.ProvenMismatch != 0 {
				t.Errorf("a certificate against the reference: %+v", p)
			}
		}
	}
	r.do("e = diff y.cuda_off y.emu", "expect y.ran == 6 and y.failed == 1 and y.zeros == 1 and y.unwritten == 1 and y.proven_mismatch > 0 and y.max_abs > 0 and y.mismatched == 240",
		"expect e.proven_mismatch >= 1", "v = gemm x w backend=cuda:good", "expect v.nan == 0")
	r.fails("stat y.cuda_crash", ErrNotReady, "cuda:crash made no product", "signal: aborted", "run it again")
	r.fails("diff y y.emu", ErrUsage, "lineup")
	r.fails("gemm x o backend=all", ErrUsage, "dense weight")
	r.fails("gemm x w backend=all order=reverse", ErrUsage, "backend=emu does")
	r.fails("set backend=all", ErrUsage, "unknown backend")
	r.fails("gemm x w backend=cuda:goood", ErrUsage, "did you mean cuda:good?")
	r.fails("gemm x w backend=Cuda!", ErrUsage, "cannot be the name")
	note := r.do("z = gemm x w backend=cuda:void").(Product)
	if !slices.ContainsFunc(note.Notes, func(n string) bool { return strings.Contains(n, "never written") }) || note.By != "kernel on device" {
		t.Errorf("%+v", note)
	}
}

// TestGemmAllAlone: certificates hold for w4a4 too, and nothing but ready backends is asked.
func TestGemmAllAlone(t *testing.T) {
	r := newRig(t)
	r.do("x = randn 6 64 seed=1", "o = randn 40 64 seed=2", "w = quant o")
	got := r.do("y = gemm x w backend=all mode=w4a4").(Backends)
	if len(got.Pairs) != 1 || got.Pairs[0].Got != "emu" || got.Mode != "w4a4" || got.Proof == nil {
		t.Errorf("%+v", got)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if cell := r.Run(ctx, "z = gemm x w backend=all", nil); !errors.Is(cell.Err, context.Canceled) {
		t.Error(cell.Err)
	}
	r.backends = []Backend{gemm.Device{Label: "cuda", Runner: worker.Unable{Reason: inspect.ErrUnsupported}}}
	r.fails("gemm x w backend=all", ErrNotReady, "no backend is ready")
}

// TestBackendNames: names complete with what they are, and attributes do not collide.
func TestBackendNames(t *testing.T) {
	r := crowd(t)
	line := "y = gemm x w backend=cuda:g"
	list := r.Complete(line, len(line))
	if len(list) == 0 || list[0].Text != "cuda:good" {
		t.Errorf("%v", list)
	}
	line = "set backend=em"
	if list := r.Complete(line, len(line)); len(list) == 0 || list[0].Text != "emu" || list[0].Doc == "" {
		t.Errorf("%v", list)
	}
	seen := map[string]bool{}
	for _, a := range r.attributes()[kindBackends] {
		if seen[a.name] || a.doc == "" {
			t.Errorf("%s twice, or without doc", a.name)
		}
		seen[a.name] = true
	}
}

// TestNearBackends: a word that begins names, or is the name of a kernel, is answered with them.
func TestNearBackends(t *testing.T) {
	names := []string{"ref", "emu", "cuda", "cuda:emu-fp4", "cuda:emu-bf16", "cuda:w4a16", "torch", "torch:fp8", "torch:fp4", "flashinfer:trtllm", "flashinfer:cutlass",
		"flashinfer:cudnn", "flashinfer:a16", "vllm:cutlass", "vllm:marlin", "all"}
	for word, want := range map[string]string{
		"vllm": "vllm:cutlass vllm:marlin", "flashinfer": "flashinfer:trtllm flashinfer:cutlass flashinfer:cudnn flashinfer:a16", "vllm:": "vllm:cutlass vllm:marlin",
		"vllm:m": "vllm:marlin", "w4a16": "cuda:w4a16", "emu-fp4": "cuda:emu-fp4", "cutlass": "flashinfer:cutlass vllm:cutlass", "marlin": "vllm:marlin", "mar": "vllm:marlin",
		"emu-": "cuda:emu-fp4 cuda:emu-bf16", "fp8": "torch:fp8", "emo": "emu", "al": "all", "cuda:w4a61": "cuda:w4a16", "triton": "", "cuda:": "cuda:emu-fp4 cuda:emu-bf16 cuda:w4a16",
	} {
		if got := strings.Join(nearBackends(word, names), " "); got != want {
			t.Errorf("%s: %q, want %q", word, got, want)
		}
	}
	r := crowd(t)
	r.backends = append(r.backends, twin{name: "vllm:cutlass"}, twin{name: "vllm:marlin"})
	r.fails("gemm x w backend=vllm", ErrUsage, "did you mean vllm:cutlass or vllm:marlin?")
	r.fails("gemm x w backend=emu against=vllm", ErrUsage, "did you mean vllm:cutlass or vllm:marlin?")
}

// TestStages: the progress of backend=all is that of all it runs, and says which of them that is.
func TestStages(t *testing.T) {
	r := crowd(t)
	var seen []string
	last, whole := int64(-1), int64(0)
	report := func(done, total int64) {
		if done < last || whole > 0 && total != whole || done > total {
			t.Errorf("%d of %d after %d of %d", done, total, last, whole)
		}
		last, whole = done, total
		text := fmt.Sprintf("%s: %d%%", r.Stage(), 100*done/total)
		if len(seen) == 0 || !strings.HasPrefix(seen[len(seen)-1], r.Stage()+":") {
			seen = append(seen, text)
		}
	}
	if cell := r.Run(t.Context(), "y = gemm x w backend=all", report); cell.Err != nil {
		t.Fatal(cell.Err)
	}
	want := []string{"ref, 1 of 8: 0%", "emu, 2 of 8: 11%", "cuda:good, 3 of 8: 22%", "cuda:off, 4 of 8: 33%", "cuda:zero, 5 of 8: 44%", "cuda:void, 6 of 8: 55%", "cuda:crash, 7 of 8: 66%", "cuda:other, 8 of 8: 77%",
		"comparing: 88%"}
	if !slices.Equal(seen, want) || last != whole {
		t.Errorf("%d of %d: %q", last, whole, seen)
	}
	if r.Stage() != "" {
		t.Errorf("%q runs after the end", r.Stage())
	}
	ctx, cancel := context.WithCancel(t.Context())
	last, whole = -1, 0
	cell := r.Run(ctx, "z = gemm x w backend=all", func(done, total int64) {
		last, whole = done, total
		if strings.HasPrefix(r.Stage(), "cuda:off,") {
			cancel()
		}
	})
	if percent := 100 * last / whole; !errors.Is(cell.Err, context.Canceled) || percent < 33 || percent > 44 || r.Stage() != "" {
		t.Errorf("cancelled at %d%%, in %q: %v", percent, r.Stage(), cell.Err)
	}
}

// TestPlaces: where programs run is set at a prompt alone, and kept nowhere.
func TestPlaces(t *testing.T) {
	r := newRig(t)
	r.fails("set device=ssh:gpu1", ErrForbidden, "--device")
	var placed []string
	r.opt.Place = func(key, value string) error {
		placed = append(placed, key+" "+value)
		return nil
	}
	r.do("set device=ssh:gpu1", "set python=python3")
	r.write("evil.fp4", "set python=evil\n")
	r.fails("source evil.fp4", ErrForbidden, "a file starts no programs")
	r.fails("set python=python3 arch=sm90", ErrUsage, "of their own")
	if !slices.Equal(placed, []string{"device ssh:gpu1", "python python3"}) {
		t.Errorf("%v", placed)
	}
	if n := len(r.Recorded()); n != 0 {
		t.Errorf("%d commands are kept", n)
	}
}
