package main

import (
	"bytes"
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"fp4tui/exec"
	"fp4tui/exec/worker/bridge"
)

// process runs this program as a process of its own.
func process(t *testing.T, args ...string) outcome {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := osexec.Command(self, args...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return outcome{cmd.ProcessState.ExitCode(), out.String(), stderr.String()}
}

// script puts a shell script that runs this program.
func script(t *testing.T, name, env string, args ...string) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("stand-ins are shell scripts")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := t.TempDir() + "/" + name
	put(t, path, fmt.Sprintf("#!/bin/sh\n%s exec '%s' %s\n", env, self, strings.Join(args, " ")))
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestWorkerWithPython: fp4tui worker --python serves the engines of that interpreter, so that
// a program that starts it, ssh for one, is a --python.
func TestWorkerWithPython(t *testing.T) {
	python := script(t, "python3", asProgram+"= "+workerBehaviour+"=work", "worker")
	elsewhere := script(t, "elsewhere", asProgram+"=1", "worker", "--python", python)
	o := process(t, "--python", elsewhere, "doctor").want(t, 0)
	if !strings.Contains(o.out, "python: "+elsewhere+", test, Fake GPU sm_90") {
		t.Error(o.out)
	}
	for _, other := range []string{"--status", "--gpu=0"} {
		process(t, "worker", "--python", python, other).want(t, exec.ExitUsage)
	}
	if o := process(t, "worker", "--python", "/nonexistent/python").want(t, exec.ExitEnvironment); !strings.Contains(o.stderr, "the Python bridge does not start") || !strings.Contains(o.stderr, "hint: check that /nonexistent/python") {
		t.Error(o.stderr)
	}
}

// TestPythonElsewhere goes through a stand-in for ssh to the worker of another fp4tui, which
// starts the interpreter there.
func TestPythonElsewhere(t *testing.T) {
	python := script(t, "python3", asProgram+"= "+workerBehaviour+"=work", "worker")
	ssh := script(t, "ssh", `[ "$*" = "-o BatchMode=yes -o ServerAliveInterval=15 -- gpu1 /opt/fp4tui worker --python `+python+`" ] || { echo "no route to $*" >&2; exit 255; }; `+asProgram+"=1", "worker", "--python", python)
	t.Setenv("PATH", strings.TrimSuffix(ssh, "/ssh")+string(os.PathListSeparator)+os.Getenv("PATH"))
	at := "ssh:gpu1:/opt/fp4tui:" + python
	if o := process(t, "--python", at, "doctor").want(t, 0); !strings.Contains(o.out, "python: "+at+", test, Fake GPU sm_90") {
		t.Error(o.out)
	}
	o := process(t, "--python", "ssh:gpu2:python3", "run", "-c", "x = randn 4 64 seed=1", "-c", "w = quant x", "-c", "y = gemm x w backend=torch").want(t, exec.ExitEnvironment)
	for _, want := range []string{"the Python bridge at ssh:gpu2:python3 died", "no route to", "try ssh -o BatchMode=yes gpu2 fp4tui --python python3 doctor", "--python ssh:gpu2:PATH:python3 says where"} {
		if !strings.Contains(unwrapped(o.out+o.stderr), want) {
			t.Errorf("it lacks %q:\n%s", want, o.out+o.stderr)
		}
	}
	for _, bad := range []string{"ssh:gpu1", "ssh:gpu1:", "ssh:gpu1:-c", "ssh:-oProxyCommand=x:python3", "ssh:gpu1:$(x)", "ssh:gpu1:a b", "ssh:gpu1:a:b:c", "-c"} {
		process(t, "--python", bad, "doctor").want(t, exec.ExitUsage)
	}
	process(t, "worker", "--python", "ssh:gpu1:python3").want(t, exec.ExitUsage)
}

// TestEngineReadsPrepared goes from prep to a stand-in of flashinfer: what its kernel reads is what prep made
// for it; what was made for another kernel is prepared anew; steps by hand are tried as they are.
func TestEngineReadsPrepared(t *testing.T) {
	python, err := osexec.LookPath("python3")
	if err != nil {
		t.Skip("no python3")
	}
	modules, err := filepath.Abs("../../exec/worker/bridge/testdata/standin")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PYTHONPATH", modules)
	t.Setenv("PYTHONDONTWRITEBYTECODE", "1")
	gemm := func(prepared string) string {
		t.Helper()
		o := process(t, "run", "--python", python, "-c", "x = randn 2 128 seed=1", "-c", "v = randn 256 128 seed=2", "-c", "w = quant v",
			"-c", "p = "+prepared, "-c", "y = gemm x p mode=w4a4 act=dynamic backend=flashinfer:trtllm").want(t, 0)
		return unwrapped(o.out)
	}
	for prepared, want := range map[string]string{
		"prep w for=trtllm": "scales prepared for trtllm: ", "prep w for=cutlass": "the weight is prepared for cutlass, which flashinfer:trtllm does not read",
		"shuffle w": "codes put together by hand: ",
	} {
		if out := gemm(prepared); !strings.Contains(out, want) {
			t.Errorf("%s: the result lacks %q:\n%s", prepared, want, out)
		}
	}
}

// TestCureOfNoWorker: what does not start as it is asked to is told what to look at.
func TestCureOfNoWorker(t *testing.T) {
	none := script(t, "ssh", "echo 'sh: fp4tui: not found' >&2; exit 127;")
	t.Setenv("PATH", strings.TrimSuffix(none, "/ssh")+string(os.PathListSeparator)+os.Getenv("PATH"))
	for cure, args := range map[string][]string{
		"try ssh -o BatchMode=yes gpu1 fp4tui doctor": {"--device", "ssh:gpu1", "-c", "y = gemm x w backend=cuda"},
		"--device ssh:gpu1:PATH says where fp4tui":    {"--device", "ssh:gpu1:/opt/fp4tui", "-c", "y = gemm x w backend=cuda"},
		none + " -c 'import torch'":                   {"--python", none, "-c", "y = gemm x w backend=torch"},
	} {
		o := process(t, append([]string{"run", "-c", "x = randn 4 64 seed=1", "-c", "w = quant x"}, args...)...).want(t, exec.ExitEnvironment)
		if all := unwrapped(o.out + o.stderr); !strings.Contains(all, "sh: fp4tui: not found") || !strings.Contains(all, cure) {
			t.Errorf("it lacks %q:\n%s", cure, all)
		}
	}
}

// TestDoctorSaysWhatNeverRan: also where there is no GPU to ask.
func TestDoctorSaysWhatNeverRan(t *testing.T) {
	t.Setenv("LD_LIBRARY_PATH", "")
	t.Setenv("CUDA_VISIBLE_DEVICES", "-1")
	o := process(t, "doctor").want(t, 0)
	for _, want := range []string{"; never run by their authors: cuda:native-sm120, cuda:native-sm100, quantize-cvt\n", bridge.NeverRun + ": torch:fp4"} {
		if !strings.Contains(o.out, want) {
			t.Errorf("doctor does not say %q:\n%s", want, o.out)
		}
	}
	if o := process(t, "doctor", "--json").want(t, 0); !strings.Contains(o.out, `"status":"not known; assembled, never run by its authors"`) {
		t.Error(o.out)
	}
}
