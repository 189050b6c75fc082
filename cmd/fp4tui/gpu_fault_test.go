//go:build cuda && cgo && linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fp4tui/cuda"
	"fp4tui/exec"
)

// fakeDriver puts a driver on which whole engines open, and which fails on demand (package
// cuda's testdata/fake_driver.c), in front of whatever this machine has, for the workers of
// a test. Nothing that was verified before is remembered.
func fakeDriver(t *testing.T, env ...string) {
	t.Helper()
	compiler, err := osexec.LookPath("cc")
	if err != nil {
		t.Skip("no C compiler for the fake driver: ", err)
	}
	dir := t.TempDir()
	source := filepath.Join("..", "..", "cuda", "testdata", "fake_driver.c")
	if out, err := osexec.Command(compiler, "-shared", "-fPIC", "-o", filepath.Join(dir, "libcuda.so.1"), source).CombinedOutput(); err != nil {
		t.Fatalf("cc: %v\n%s", err, out)
	}
	t.Setenv("LD_LIBRARY_PATH", dir)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("FAKE_COUNT", "1")
	t.Setenv("FAKE_CC", "90")
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		t.Setenv(name, value)
	}
}

// gpuFaults are what a driver can say in the middle of a session, and what the user is told.
var gpuFaults = []struct{ name, fail, says, cure string }{
	{"memory error", "cuEventSynchronize:1:214", "the GPU refused cuEventSynchronize after emu-fp4: EccUncorrectable (CUDA error 214)", "nvidia-smi -q -d ECC"},
	{"GPU fell off the bus", "cuMemcpyHtoD:3:999", "the GPU refused cuMemcpyHtoD: Unknown (CUDA error 999)", "dmesg for Xid"},
	{"context destroyed", "cuLaunchKernel:1:709", "the GPU refused cuLaunchKernel emu_fp4: ContextIsDestroyed (CUDA error 709)", "nvidia-smi"},
	{"illegal address", "cuEventSynchronize:1:700", "the GPU refused cuEventSynchronize after emu-", "report this"},
	{"no memory for a context", "cuDevicePrimaryCtxRetain:1:2", "the GPU refused cuDevicePrimaryCtxRetain: OutOfMemory (CUDA error 2)", "free memory on the GPU"},
	{"GPU taken", "cuDevicePrimaryCtxRetain:1:46", "the GPU refused cuDevicePrimaryCtxRetain: DeviceUnavailable (CUDA error 46)", "another process has the GPU"},
	{"wrong kernel image", "cuModuleLoadData:1:209", "the GPU refused cuModuleLoadData: NoBinaryForGpu (CUDA error 209)", "no code for this GPU"},
	{"driver too old", "cuModuleLoadData:1:222", "the GPU refused cuModuleLoadData: UnsupportedPtxVersion (CUDA error 222)", "update the driver"},
	{"nothing computed", "", "known answers: emu-fp4 did not write y[0,0]", "backend=emu"},
	{"driver not up", "FAKE_INIT=802", "cuInit returned SystemNotReady (CUDA error 802)", "nvidia-fabricmanager"},
}

// TestGPUFaultsInASession goes through the real engine in a real worker on a driver that
// faults: the message names call, error and cure, the exit code is 3, and the session goes
// on with the CPU and keeps what it has.
func TestGPUFaultsInASession(t *testing.T) {
	for _, fault := range gpuFaults {
		t.Run(fault.name, func(t *testing.T) {
			fakeDriver(t, "FAKE_FAIL="+fault.fail)
			if name, value, given := strings.Cut(fault.fail, "="); given {
				t.Setenv(name, value)
			}
			a := &app{computers: newComputers()}
			t.Cleanup(a.computers.Close)
			dir := t.TempDir()
			s := a.session(exec.Options{Dir: dir})
			for _, line := range []string{"x = randn 4 64 seed=1", "w = quant x"} {
				if cell := s.Run(t.Context(), line, nil); cell.Err != nil {
					t.Fatal(line, cell.Err)
				}
			}
			cell := s.Run(t.Context(), "y = gemm x w mode=w4a4 backend=cuda", nil)
			if cell.Err == nil || !strings.Contains(cell.Err.Error(), fault.says) || exec.ExitCode(cell.Err) != exec.ExitEnvironment {
				t.Errorf("%v, exit %d", cell.Err, exec.ExitCode(cell.Err))
			}
			if hint := exec.HintOf(cell.Err); !strings.Contains(hint, fault.cure) {
				t.Errorf("hint %q", hint)
			}
			for _, line := range []string{"z = gemm x w mode=w4a4", "expect z.nan == 0", "export session kept.fp4.md"} {
				if cell := s.Run(t.Context(), line, nil); cell.Err != nil {
					t.Errorf("%s: %v", line, cell.Err)
				}
			}
			if book := cat(t, filepath.Join(dir, "kept.fp4.md")); strings.Contains(book, "cuda") || !strings.Contains(book, "w = quant x") || !strings.Contains(book, "z = gemm") {
				t.Errorf("kept:\n%s", book)
			}
			fp4tui(t, "replay", filepath.Join(dir, "kept.fp4.md")).want(t, 0)
		})
	}
}

// TestGPUKernelThatFaults: a kernel that takes its process away when it is tried is left out
// by the next one, which tries the others.
func TestGPUKernelThatFaults(t *testing.T) {
	fakeDriver(t, "FAKE_FAIL=cuModuleGetFunction:1:719")
	run := func(backend string) outcome {
		return fp4tui(t, "run", "-c", "x = randn 4 64 seed=1", "-c", "w = quant x", "-c", "y = gemm x w mode=w4a4 backend="+backend).want(t, exec.ExitEnvironment)
	}
	for range 2 { // two processes a hello, a kernel each
		run("cuda")
	}
	o := run("cuda:emu-fp4")
	if all := unwrapped(o.out + o.stderr); !strings.Contains(all, "cuModuleGetFunction emu_fp4: LaunchFailed (CUDA error 719)") || !strings.Contains(all, "cuda-verified.json to try it again") {
		t.Errorf("it says\n%s", all)
	}
}

// TestGPUHangInASession: a driver that never answers ends with its command.
func TestGPUHangInASession(t *testing.T) {
	fakeDriver(t, "FAKE_FAIL=cuEventSynchronize:1:hang")
	a := &app{computers: newComputers()}
	t.Cleanup(a.computers.Close)
	s := a.session(exec.Options{})
	for _, line := range []string{"x = randn 4 64 seed=1", "w = quant x"} {
		s.Run(t.Context(), line, nil)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	start := time.Now()
	if cell := s.Run(ctx, "y = gemm x w backend=cuda", nil); !errors.Is(cell.Err, context.DeadlineExceeded) || time.Since(start) > 10*time.Second {
		t.Errorf("%v after %s", cell.Err, time.Since(start))
	}
	if cell := s.Run(t.Context(), "z = gemm x w", nil); cell.Err != nil {
		t.Error(cell.Err)
	}
}

// TestDriverHangsWhenAsked: whoever only looks for a GPU is not held up longer than he waits.
func TestDriverHangsWhenAsked(t *testing.T) {
	fakeDriver(t, "FAKE_FAIL=cuInit:1:hang")
	book := filepath.Join(t.TempDir(), "n.fp4.md")
	put(t, book, "---\nfp4tui: 1\nrequires: [gpu]\n---\n\n```fp4\nlet a = 1\n```\n")
	for _, args := range [][]string{{"doctor"}, {"replay", book}, {"run", "-c", "x = randn 4 64 seed=1", "-c", "w = quant x", "-c", "y = gemm x w backend=cuda"}} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		start := time.Now()
		o := piped(t, ctx, "", args...)
		cancel()
		if took := time.Since(start); took > 10*time.Second || o.code == 0 {
			t.Errorf("%q: exit %d after %s", args, o.code, took)
		}
		t.Log(args[0], o.code, time.Since(start))
	}
}

// TestDriverIsLoadedWhenAsked: nothing of CUDA is loaded before somebody asks for a GPU.
func TestDriverIsLoadedWhenAsked(t *testing.T) {
	trace := filepath.Join(t.TempDir(), "loaded")
	fakeDriver(t, "FAKE_LOADED="+trace)
	process(t, "--version").want(t, 0)
	process(t, "run", "-c", "x = randn 4 64 seed=1", "-c", "w = quant x", "-c", "y = gemm x w").want(t, 0)
	if !testing.Short() {
		terminals(t)(t, 80, 24).shell("fp4tui").sees("▸ tour").keys("Enter").sees("12 layers").keys("q").sees("q").keys("q").back()
	}
	if _, err := os.Stat(trace); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the driver was loaded: %v", err)
	}
	process(t, "doctor")
	if _, err := os.Stat(trace); err != nil {
		t.Errorf("doctor did not ask the driver: %v", err)
	}
}

// TestRequirements: a notebook that needs a GPU is skipped with the reason, or runs.
func TestRequirements(t *testing.T) {
	fakeDriver(t)
	book := filepath.Join(t.TempDir(), "n.fp4.md")
	put(t, book, "---\nfp4tui: 1\n---\n\n```fp4 requires=gpu\nlet a = 1\n```\n\n```fp4 requires=sm90\nlet b = 1\n```\n\n```fp4 requires=sm100\nlet c = 1\n```\n")
	if o := fp4tui(t, "replay", book).want(t, exec.ExitNothing); !strings.Contains(o.out, "2 passed, 0 failed, 1 skipped") {
		t.Error(o.out)
	}
	t.Setenv("FAKE_INIT", "802")
	if o := fp4tui(t, "replay", "--verbose", book).want(t, exec.ExitNothing); !strings.Contains(o.out, "SystemNotReady (CUDA error 802)") {
		t.Error(o.out)
	}
}

// TestDoctorChoosesADevice: doctor lists the GPUs by their numbers and says which is used; a
// number that there isn't is an error that lists them.
func TestDoctorChoosesADevice(t *testing.T) {
	fakeDriver(t, "FAKE_COUNT=3", "FAKE_LOST=1")
	for device, want := range map[string]string{"local": "Fake GPU 41 sm_90 (device 1 of 2)", "local:1": "Fake GPU 41 sm_90 (device 1 of 2)", "local:2": "Fake GPU 42 sm_90 (device 2 of 2)"} {
		o := process(t, "--device", device, "doctor").want(t, exec.ExitCheck) // its kernels compute nothing
		for _, text := range []string{"backend cuda: " + want, "device 1: Fake GPU 41, sm_90, 41.0 GiB", "device 2: Fake GPU 42", "kernel cuda:emu-fp4: not here: known answers: emu-fp4 did not write"} {
			if !strings.Contains(o.out, text) {
				t.Errorf("--device %s: doctor does not say %q:\n%s", device, text, o.out)
			}
		}
	}
	o := process(t, "--device", "local:0", "doctor", "--json").want(t, 0)
	var d diagnosis
	if err := json.Unmarshal([]byte(o.out), &d); err != nil {
		t.Fatal(err)
	}
	if d.Worker.Why != "no device 0: there is device 1, Fake GPU 41 (sm_90); device 2, Fake GPU 42 (sm_90)" || !strings.Contains(d.Worker.Cure, "--device local:N") || len(d.GPU.Devices) != 2 {
		t.Errorf("%+v, %+v", d.Worker, d.GPU)
	}
	for _, k := range d.Kernels {
		if k.Ready || k.Status == cuda.StatusVerified {
			t.Errorf("%+v", k)
		}
	}
	process(t, "worker", "--gpu", "-2").want(t, exec.ExitUsage)
}

// TestScreenWithAFaultyGPU: the terminal UI meets a memory error of the GPU and goes on with
// the CPU.
func TestScreenWithAFaultyGPU(t *testing.T) {
	if testing.Short() {
		t.Skip("real terminals")
	}
	fakeDriver(t, "FAKE_FAIL=cuEventSynchronize:1:214")
	m := terminals(t)(t, 200, 40)
	m.shell("fp4tui").sees("▸ tour").prompted("x = randn 4 64 seed=1").sees("4×64").prompted("w = quant x").sees("w = quant x")
	m.prompted("y = gemm x w backend=cuda").sees("EccUncorrectable (CUDA error 214)").prompted("z = gemm x w").sees("z = gemm").prompted("expect z.nan == 0").sees("PASS z.nan 0")
	m.keys("s").sees("export session").keys("Enter").sees("saved session.fp4.md").keys("q").back().sane()
	m.shell("fp4tui replay session.fp4.md; echo exit $?").sees("exit 0", "0 failed")
}
