//go:build cuda && cgo && linux

package cuda

import (
	"context"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"gorgonia.org/cu"
)

// works computes a known answer.
func works(t *testing.T, e *Engine) {
	t.Helper()
	a := Answers(e.device.ComputeCapability)[1]
	want, err := expected(e.device.ComputeCapability)
	if err != nil {
		t.Fatal(err)
	}
	r, err := e.Run(context.Background(), a.Job, nil)
	if err == nil {
		err = firstDifference(&a, r.Y, want[1])
	}
	if err != nil {
		t.Errorf("the GPU does not work any more: %v", err)
	}
}

// TestGPUFaults makes a real GPU fault, in processes of their own: the error says what
// happened, nothing more runs there, and another process has the GPU.
func TestGPUFaults(t *testing.T) {
	e := open(t, Options{})
	for how, names := range map[string][]string{
		"address":        {"IllegalAddress (CUDA error 700)"},
		"ptx:null":       {"IllegalAddress (CUDA error 700)"},
		"ptx:misaligned": {"MisalignedAddress (CUDA error 716)"},
		"ptx:trapped":    {"LaunchFailed (CUDA error 719)", "IllegalInstruction (CUDA error 715)"},
	} {
		t.Run(how, func(t *testing.T) {
			s := suffer(t, how)
			kernel := strings.TrimPrefix(how, "ptx:")
			if how == "address" {
				kernel = "emu-fp4"
			}
			named := slices.ContainsFunc(names, func(name string) bool { return strings.Contains(s.First.Text, name) })
			if !named || !strings.Contains(s.First.Text, "the GPU refused cu") || !strings.Contains(s.First.Text, "after "+kernel) || !strings.Contains(s.First.Hint, "report this") {
				t.Errorf("%+v", s.First)
			}
			if !s.First.Lost || s.Again != s.First || s.Ready != s.First {
				t.Errorf("it goes on: %+v, %+v", s.Again, s.Ready)
			}
			if again := suffer(t, "run"); again.First.Text != "" || again.Again.Text != "" {
				t.Errorf("a new process: %+v, %+v", again.First, again.Again)
			}
			works(t, e)
		})
	}
}

// TestGPUHang kills a process whose kernel never ends: the GPU is free again.
func TestGPUHang(t *testing.T) {
	e := open(t, Options{})
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path)
	cmd.Env = append(os.Environ(), asVictim+"=ptx:spin")
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, len("launching spin\n"))
	if _, err := io.ReadFull(said, line); err != nil || string(line) != "launching spin\n" {
		t.Errorf("%q, %v", line, err)
	}
	time.Sleep(time.Second)
	if err := cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err == nil || err.Error() != "signal: killed" {
		t.Errorf("it did not spin: %v", err)
	}
	start := time.Now()
	works(t, e)
	t.Logf("%s until the next job was done", time.Since(start))
}

// TestGPUWrongImages loads what is no kernel of this GPU: the call alone fails.
func TestGPUWrongImages(t *testing.T) {
	e := open(t, Options{})
	header := func(image string) string { return strings.Repeat("\x5a", 16) + image[16:] }
	tests := []struct {
		name, image string
		says        []string
	}{
		{"no image", "this is no image", []string{"InvalidImage", "InvalidPtx"}},
		{"a damaged header", header(anyImage), []string{"InvalidImage", "InvalidPtx"}},
		{"damaged PTX", strings.Replace(faultsPTX, "ret;", "rot;", 1), []string{"InvalidPtx"}},
		{"PTX of tomorrow", strings.Replace(faultsPTX, ".version 7.0", ".version 99.0", 1), []string{"UnsupportedPtxVersion", "InvalidPtx"}},
		{"another architecture", nativeImage, []string{"NoBinaryForGpu"}},
	}
	for _, test := range tests {
		if test.image == nativeImage && e.device.ComputeCapability[0] == 12 {
			continue
		}
		t.Run(test.name, func(t *testing.T) {
			var err error
			e.do(func() { _, err = e.state.function(test.image, test.name, 0) })
			got := tell(err)
			named := slices.ContainsFunc(test.says, func(name string) bool { return strings.Contains(got.Text, name+" (CUDA error ") })
			if !strings.Contains(got.Text, "cuModuleLoadData") || !named || got.Hint == "" || got.Lost || !got.Device {
				t.Errorf("%+v", got)
			}
			t.Log(got.Text)
			works(t, e)
		})
	}
}

// TestGPUMemoryExhausted takes nearly all of a real GPU's memory.
func TestGPUMemoryExhausted(t *testing.T) {
	e := open(t, Options{})
	var held cu.DevicePtr
	var err error
	e.do(func() {
		var free int64
		if free, _, err = cu.MemInfo(); err == nil {
			held, err = cu.MemAlloc(free - 700<<20)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	large := answerShapes([2]int{9, 0})[0]
	large.m, large.n, large.k = 8192, 16384, 64
	_, err = e.Run(context.Background(), large.job(1), nil)
	if got := tell(err); !got.Memory || got.Lost || !strings.Contains(got.Text, "MiB are free there") || !strings.Contains(got.Hint, "fewer rows") {
		t.Errorf("%+v", got)
	}
	works(t, e)
	e.do(func() { err = cu.MemFree(held) })
	if err != nil {
		t.Error(err)
	}
	if _, err = e.Run(context.Background(), large.job(1), nil); err != nil {
		t.Errorf("with its memory back: %v", err)
	}
}
