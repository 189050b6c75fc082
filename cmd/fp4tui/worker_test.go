package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	osexec "os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"fp4tui/cuda"
	"fp4tui/exec"
	"fp4tui/exec/gemm"
	"fp4tui/exec/worker"
	"fp4tui/exec/worker/bridge"
	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// workerBehaviour is how this program behaves when it is started as a worker; without
// it, as the real one.
const workerBehaviour = "FP4TUI_TEST_WORKER"

// asWorker is main of a worker under test.
func asWorker(behave string) int {
	switch behave {
	case "":
		return run(context.Background(), os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr})
	case "garbage":
		fmt.Println("Segmentation fault is what I would say if I could")
		return 0
	}
	if err := worker.Serve(context.Background(), os.Stdin, os.Stdout, "test", &fakeGPU{behave: behave}); err != nil {
		return 1
	}
	return 0
}

// fakeGPU computes by the emulator, and misbehaves as told.
type fakeGPU struct {
	behave string
	lost   error
}

func (g *fakeGPU) Ready() error { return g.lost }

func (*fakeGPU) About() (string, []worker.Kernel) {
	var list []worker.Kernel
	for _, k := range cuda.Kernels() {
		list = append(list, worker.Kernel{Name: k.Name, Doc: k.Doc, Ready: k.Name != "native-sm120", Why: "it is no sm_120", Cure: "buy one", Status: cuda.StatusVerified})
	}
	for _, k := range cuda.Quantizers() {
		list = append(list, worker.Kernel{Name: k.Name, Doc: k.Doc, Ready: true, Status: cuda.StatusVerified})
	}
	return "Fake GPU sm_90", list
}

// Quantize has exact reciprocals.
func (g *fakeGPU) Quantize(_ context.Context, job layer.QuantJob, _ layer.Progress) (r layer.QuantResult, err error) {
	if g.behave == "crash" {
		os.Exit(134)
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
	return layer.QuantResult{Codes: b.Codes, Scales: b.Scales, Kernel: "quantize", Device: "Fake GPU sm_90"}, err
}

func (g *fakeGPU) Run(ctx context.Context, job layer.Job, _ layer.Progress) (layer.JobResult, error) {
	switch g.behave {
	case "sticky":
		g.lost = &inspect.Fault{Class: inspect.ErrUnreadable, Offset: -1, What: "the GPU refused cuEventSynchronize", Why: "IllegalAddress (CUDA error 700)", Cure: "report this"}
		return layer.JobResult{}, g.lost
	case "crash":
		fmt.Fprintln(os.Stderr, "CUDA_ERROR_ILLEGAL_ADDRESS (700)")
		os.Exit(134)
	case "hang":
		select {}
	case "memory":
		p, _ := os.FindProcess(os.Getpid())
		p.Kill()
		select {}
	}
	y, err := gemm.Compute(ctx, job, layer.Order{})
	return layer.JobResult{Y: y, Kernel: "fake", Device: "Fake GPU sm_90", Arch: job.Arch}, err
}

// Compare has one output of the second kernel in error.
func (g fakeGPU) Compare(ctx context.Context, job layer.Job, against string, _ layer.Progress) (layer.Comparison, error) {
	y, err := gemm.Compute(ctx, job, layer.Order{})
	if err != nil {
		return layer.Comparison{}, err
	}
	z := slices.Clone(y)
	z[0]++
	c := layer.Compare(y, z, job.M, job.N, job.Out)
	c.Kernels, c.Device = [2]string{job.Kernel, against}, "Fake GPU sm_90"
	return c, nil
}

// computing is a program whose worker behaves as *behave says when it starts.
func computing(t *testing.T, behave *string) *app {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	a := &app{computers: newComputers()}
	a.computers.local = func([]string) (func() *osexec.Cmd, error) {
		return func() *osexec.Cmd {
			cmd := osexec.Command(path, "worker")
			cmd.Env = append(os.Environ(), workerBehaviour+"="+*behave)
			return cmd
		}, nil
	}
	t.Cleanup(a.computers.Close)
	return a
}

// TestSessionSurvivesItsWorker: whatever a worker does, the session is what it was, the
// message names a cure, and the next command has a worker.
func TestSessionSurvivesItsWorker(t *testing.T) {
	for behave, wants := range map[string][]string{
		"crash":   {"the GPU worker died", "exit status 134", "CUDA_ERROR_ILLEGAL_ADDRESS (700)"},
		"garbage": {"the GPU worker died", "not the worker protocol"},
		"memory":  {"the GPU worker died", "memory"},
		"sticky":  {"the GPU refused cuEventSynchronize", "IllegalAddress (CUDA error 700)"},
	} {
		t.Run(behave, func(t *testing.T) {
			now := behave
			s := computing(t, &now).session(exec.Options{Dir: t.TempDir()})
			for _, line := range []string{"x = randn 4 64 seed=1", "o = randn 24 64 seed=2", "w = quant o", "y = gemm x w", "y4 = gemm x w mode=w4a4"} {
				if cell := s.Run(t.Context(), line, nil); cell.Err != nil {
					t.Fatal(line, cell.Err)
				}
			}
			handles, recorded := s.Handles(), len(s.Recorded())
			cell := s.Run(t.Context(), "z = gemm x w backend=cuda:w4a16", nil)
			for _, want := range wants {
				if cell.Err == nil || !strings.Contains(cell.Err.Error(), want) {
					t.Errorf("%v lacks %q", cell.Err, want)
				}
			}
			if hint := exec.HintOf(cell.Err); !strings.Contains(hint, "nothing of the session is lost") || exec.ExitCode(cell.Err) != exec.ExitEnvironment {
				t.Errorf("hint %q, exit %d", hint, exec.ExitCode(cell.Err))
			}
			if !slices.Equal(s.Handles(), handles) || len(s.Recorded()) != recorded {
				t.Errorf("the session has %v and %d commands", s.Handles(), len(s.Recorded()))
			}
			now = "work"
			for _, line := range []string{"z = gemm x w backend=cuda:w4a16", "e = diff z y", "expect e.mismatched == 0 and e.proven_mismatch == 0",
				"z4 = gemm x w mode=w4a4 backend=cuda", "e4 = diff z4 y4", "expect e4.mismatched == 0"} {
				if cell := s.Run(t.Context(), line, nil); cell.Err != nil {
					t.Errorf("%s: %v", line, cell.Err)
				}
			}
		})
	}
}

// TestQuantizeInAWorker: recipe=flashinfer goes to the worker, and a worker that dies leaves
// the session what it was.
func TestQuantizeInAWorker(t *testing.T) {
	now := "crash"
	s := computing(t, &now).session(exec.Options{Dir: t.TempDir()})
	if cell := s.Run(t.Context(), "x = randn 4 64 seed=1", nil); cell.Err != nil {
		t.Fatal(cell.Err)
	}
	if cell := s.Run(t.Context(), "q = quant x recipe=flashinfer", nil); cell.Err == nil || !strings.Contains(cell.Err.Error(), "the GPU worker died") || len(s.Handles()) != 1 {
		t.Errorf("%v, handles %v", cell.Err, s.Handles())
	}
	now = "work"
	for _, format := range []string{fp4.NVFP4, fp4.MXFP4} {
		cell := s.Run(t.Context(), "q = quant x recipe=flashinfer format="+format, nil)
		if q, ok := cell.Result.(exec.Quantized); !ok || q.By != "quantize" || q.Device != "Fake GPU sm_90" {
			t.Errorf("%+v %v", cell.Result, cell.Err)
		}
		for _, line := range []string{"qx = quant x recipe=flashinfer-exact format=" + format, "e = diff q qx", "expect e.scales_differ == 0 and e.codes_differ == 0 and e.mismatched == 0"} {
			if cell := s.Run(t.Context(), line, nil); cell.Err != nil {
				t.Errorf("%s: %v", line, cell.Err)
			}
		}
	}
	without := (&app{computers: newComputers()}).session(exec.Options{})
	without.Run(t.Context(), "x = randn 4 64 seed=1", nil)
	if cuda.NewEngine(cuda.Options{}).Ready() != nil {
		cell := without.Run(t.Context(), "q = quant x recipe=flashinfer", nil)
		if exec.ExitCode(cell.Err) != exec.ExitEnvironment || !strings.Contains(exec.HintOf(cell.Err), "recipe=flashinfer-exact") {
			t.Errorf("%v, hint %q", cell.Err, exec.HintOf(cell.Err))
		}
	}
}

// TestCompareInAWorker: two kernels are compared where they are, and only cells come back.
func TestCompareInAWorker(t *testing.T) {
	now := "work"
	s := computing(t, &now).session(exec.Options{})
	for _, line := range []string{"x = randn 4 64 seed=1", "w = quant x", "d = gemm x w backend=cuda:w4a16 against=cuda:emu-bf16", "expect d.differ == 1 and d.count == 16 and d.max_abs >= 0.9",
		"map d", "c = gemm x w mode=w4a4 act=dynamic backend=cuda against=cuda:emu-fp4", "expect c.differ == 1", "h = gemm x w backend=cuda:emu-bf16 against=emu", "expect h.differ == 0"} {
		cell := s.Run(t.Context(), line, nil)
		if cell.Err != nil {
			t.Fatalf("%s: %v", line, cell.Err)
		}
		if c, ok := cell.Result.(exec.Compared); ok && c.Handle == "d" && (c.Kernels != [2]string{"w4a16", "emu-bf16"} || c.Device != "Fake GPU sm_90") {
			t.Errorf("%+v", c)
		}
	}
}

// TestSessionOutlivesAHang: a job that hangs ends with its command, not with the session.
func TestSessionOutlivesAHang(t *testing.T) {
	now := "hang"
	s := computing(t, &now).session(exec.Options{})
	for _, line := range []string{"x = randn 4 64 seed=1", "w = quant x"} {
		s.Run(t.Context(), line, nil)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if cell := s.Run(ctx, "z = gemm x w backend=cuda", nil); !errors.Is(cell.Err, context.DeadlineExceeded) {
		t.Error(cell.Err)
	}
	now = "work"
	cell := s.Run(t.Context(), "z = gemm x w backend=cuda", nil)
	if p, ok := cell.Result.(exec.Product); !ok || p.By != "fake" || p.Device != "Fake GPU sm_90" {
		t.Errorf("%+v %v", cell.Result, cell.Err)
	}
}

// TestDeviceElsewhere goes through a stand-in for ssh, which runs what it is told here.
func TestDeviceElsewhere(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the stand-in for ssh is a shell script")
	}
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	script := "#!/bin/sh\n[ \"$*\" = '-o BatchMode=yes -o ServerAliveInterval=15 -- gpu1 fp4tui worker' ] || { echo \"no route to $6\" >&2; exit 255; }\nexec '" + path + "' worker\n"
	put(t, dir+"/ssh", script)
	if err := os.Chmod(dir+"/ssh", 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	t.Setenv(workerBehaviour, "work")
	a := &app{computers: newComputers()}
	t.Cleanup(a.computers.Close)
	s := a.session(exec.Options{Place: a.computers.place})
	for _, line := range []string{"set device=ssh:gpu1", "x = randn 4 64 seed=1", "w = quant x", "y = gemm x w", "z = gemm x w backend=cuda", "e = diff z y", "expect e.mismatched == 0"} {
		cell := s.Run(t.Context(), line, nil)
		if cell.Err != nil {
			t.Fatalf("%s: %v", line, cell.Err)
		}
		if p, ok := cell.Result.(exec.Product); ok && p.Handle == "z" && (p.By != "fake" || p.Device != "Fake GPU sm_90 at ssh:gpu1") {
			t.Errorf("by %q on %q", p.By, p.Device)
		}
	}
	s.Run(t.Context(), "set device=ssh:gpu2", nil)
	cell := s.Run(t.Context(), "z = gemm x w backend=cuda", nil)
	if cell.Err == nil || !strings.Contains(cell.Err.Error(), "the GPU worker at ssh:gpu2 died") || !strings.Contains(cell.Err.Error(), "no route to gpu2") {
		t.Error(cell.Err)
	}
}

// TestAllWithAWorker: every kernel of the worker is a row, and none has a bug.
func TestAllWithAWorker(t *testing.T) {
	now := "work"
	s := computing(t, &now).session(exec.Options{})
	for _, line := range []string{"x = randn 4 64 seed=1", "w = quant x", "y = gemm x w backend=all", "expect y.proven_mismatch == 0 and y.zeros == 0 and y.unwritten == 0 and y.failed == 0 and y.ran >= 4", "e = diff y.cuda_w4a16 y.emu"} {
		cell := s.Run(t.Context(), line, nil)
		if cell.Err != nil {
			t.Fatalf("%s: %v", line, cell.Err)
		}
		if r, ok := cell.Result.(exec.Backends); ok {
			i := slices.IndexFunc(r.Rows, func(row exec.BackendRow) bool { return row.Name == "cuda:native-sm120" })
			if r.Rows[i].Why != "it is no sm_120" || r.Rows[i].Cure != "buy one" {
				t.Errorf("%+v", r.Rows[i])
			}
			text := strings.Join(canonical(r), "\n")
			if strings.Contains(text, "cuda") || !strings.Contains(text, "emu - ref") {
				t.Errorf("a notebook would have\n%s", text)
			}
		}
	}
}

// TestPlaceValues: nothing that ssh or a shell could take for more than a host and a path.
func TestPlaceValues(t *testing.T) {
	c := newComputers()
	const ssh = "ssh -o BatchMode=yes -o ServerAliveInterval=15 -- "
	for device, want := range map[string]string{
		"local": "worker", "local:0": "worker --gpu 0", "local:12": "worker --gpu 12", "ssh:gpu1": ssh + "gpu1 fp4tui worker",
		"ssh:me@gpu1.lan:/opt/fp4tui": ssh + "me@gpu1.lan /opt/fp4tui worker", "ssh:gpu1:3": ssh + "gpu1 fp4tui worker --gpu 3",
		"ssh:gpu1:4way/fp4tui:3": ssh + "gpu1 4way/fp4tui worker --gpu 3", "ssh:gpu1:./7": ssh + "gpu1 ./7 worker",
		"local:": "bad", "local:-1": "bad", "local:x": "bad", "local:12345": "bad", "ssh:gpu1:3:4": "bad", "ssh:gpu1:3:fp4tui": "bad", "": "bad", "ssh:": "bad", "gpu1": "bad", "ssh:-oProxyCommand=x": "bad", "ssh:gpu1:": "bad", "ssh:gpu1:a b": "bad", "ssh:gpu1:$(x)": "bad", "ssh:gpu1;x": "bad",
	} {
		p, err := parseDevice(device)
		if placed := c.place("device", device); (want == "bad") != (err != nil) || (err == nil) != (placed == nil) || err != nil && !errors.Is(err, exec.ErrUsage) {
			t.Errorf("%s: %v, %v", device, err, placed)
		}
		got := p.args
		if p.host != "" {
			got = p.remote().Args
		}
		if err == nil && strings.Join(got, " ") != want {
			t.Errorf("%s starts %q", device, got)
		}
	}
	if err := c.place("python", "-c"); !errors.Is(err, exec.ErrUsage) {
		t.Error(err)
	}
	fp4tui(t, "--device", "gpu1", "doctor").want(t, exec.ExitUsage)
}

// TestNotebookStartsNothing: a replayed file cannot choose a program.
func TestNotebookStartsNothing(t *testing.T) {
	file := t.TempDir() + "/evil.fp4"
	put(t, file, "set python=/nonexistent/evil\n")
	for _, args := range [][]string{{"replay", file}, {"run", "-f", file}} {
		if o := fp4tui(t, args...).want(t, exec.ExitEnvironment); !strings.Contains(o.out+o.stderr, "a file starts no programs") {
			t.Errorf("%v: %s%s", args, o.out, o.stderr)
		}
	}
}

// TestDoctor: the worker of this program starts, engines that nobody has run say so, and
// the JSON has what the text has.
func TestDoctor(t *testing.T) {
	o := fp4tui(t, "doctor").want(t, 0)
	for _, want := range []string{"backend emu: known-answer test passed", "worker: starts and answers, fp4tui " + version, bridge.NeverRun + ": torch:fp4", "path: w4a4 products by ", "no Python to compute with"} {
		if !strings.Contains(o.out, want) {
			t.Errorf("doctor does not say %q:\n%s", want, o.out)
		}
	}
	var d diagnosis
	if err := json.Unmarshal([]byte(fp4tui(t, "doctor", "--json").want(t, 0).out), &d); err != nil {
		t.Fatal(err)
	}
	if d.Emulator != "passed" || d.Worker.Program == "" || len(d.Paths) != 3 || len(d.Kernels) != len(cuda.Kernels())+len(cuda.Quantizers()) || len(d.Engines) != len(bridge.Engines()) || d.Python.Why == "" {
		t.Errorf("%+v", d)
	}
	for _, p := range d.Paths {
		if !slices.Contains(p.Has, p.Taken) || !slices.Contains(p.Has, "portable") {
			t.Errorf("%+v", p)
		}
	}
	o = fp4tui(t, "--python", "/nonexistent/python", "doctor").want(t, 0)
	if !strings.Contains(o.out, "/nonexistent/python") || !strings.Contains(o.out, "does not start") {
		t.Error(o.out)
	}
	if python := os.Getenv("FP4TUI_TEST_PYTHON"); python != "" {
		if o := fp4tui(t, "--python", python, "doctor").want(t, 0); !strings.Contains(o.out, "engine torch: ready") {
			t.Error(o.out)
		}
	}
}

var _ gemm.Runner = remote{}
