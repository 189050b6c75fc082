//go:build cuda && cgo && linux

package cuda

import (
	"debug/elf"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
)

// asReporter makes the test program print its Report and leave. What is loaded
// lasts as long as the process: every case needs one of its own. It first spoils a
// Report, which must not reach the next one.
const asReporter = "FP4TUI_CUDA_TEST_REPORT"

func TestMain(m *testing.M) {
	if how := os.Getenv(asVictim); how != "" {
		os.Exit(victim(how))
	}
	if os.Getenv(asReporter) == "" {
		os.Exit(m.Run())
	}
	clear(Status().Devices)
	if err := json.NewEncoder(os.Stdout).Encode(Status()); err != nil {
		os.Exit(1)
	}
}

// TestProgramStandsAlone checks what makes one program run everywhere: it does not
// need the driver to start, and it does not put its stand-ins in front of the
// driver's symbols for libraries that are loaded later.
func TestProgramStandsAlone(t *testing.T) {
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	file, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	needed, err := file.ImportedLibraries()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range needed {
		if strings.HasPrefix(name, "libcu") {
			t.Errorf("the program needs %s to start", name)
		}
	}
	symbols, err := file.DynamicSymbols()
	if err != nil {
		t.Fatal(err)
	}
	standIns := []string{"cuInit", "cuDeviceGetCount", "cuMemAlloc_v2", "cuLaunchKernel"}
	for _, s := range symbols {
		if slices.Contains(standIns, s.Name) {
			t.Errorf("the program exports or imports %s", s.Name)
		}
	}
}

func TestStatusConcurrently(t *testing.T) {
	want := Status()
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			if got := Status(); !reflect.DeepEqual(got, want) {
				t.Errorf("Status() = %+v, want %+v", got, want)
			}
		})
	}
	wait.Wait()
}

// TestDriverAnswers runs against a driver that answers on demand (testdata/fake.c).
func TestDriverAnswers(t *testing.T) {
	whole := compile(t, "whole")
	short := compile(t, "short", "-DWITHOUT_MEMORY")
	first := Device{Index: 0, Name: "Fake GPU 40", UUID: "GPU-28282828-2828-2828-2828-282828282828", ComputeCapability: [2]int{12, 1}, MemoryBytes: 40 << 30, Multiprocessors: 140}
	second := Device{Index: 1, Name: "Fake GPU 41", UUID: "GPU-29292929-2929-2929-2929-292929292929", ComputeCapability: [2]int{12, 1}, MemoryBytes: 41 << 30, Multiprocessors: 141}
	tests := []struct {
		name    string
		folder  string
		env     []string
		devices []Device
		message string
		reason  string
	}{
		{"two devices", whole, []string{"FAKE_COUNT=2"}, []Device{first, second}, "", ""},
		{"one of two lost", whole, []string{"FAKE_COUNT=2", "FAKE_LOST=1"}, []Device{second}, "device 0: InvalidDevice (CUDA error 101)", ""},
		{"none", whole, nil, nil, "", "the NVIDIA driver offers no device"},
		{"no hardware", whole, []string{"FAKE_INIT=100", "FAKE_COUNT=2"}, nil, "cuInit returned NoDevice (CUDA error 100)", "offers no device: cuInit returned NoDevice"},
		{"driver mismatch", whole, []string{"FAKE_INIT=803", "FAKE_COUNT=2"}, nil, "cuInit returned SystemDriverMismatch (CUDA error 803)", "offers no device: cuInit returned SystemDriverMismatch"},
		{"no multiprocessors", whole, []string{"FAKE_COUNT=1", "FAKE_BARE=1"}, nil, "device 0: it reports 0 multiprocessors", "offers no device: device 0: it reports 0"},
		{"symbol missing", short, []string{"FAKE_COUNT=1"}, nil, "device 0: NotFound (CUDA error 500)", "offers no device: device 0: NotFound"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := statusWith(t, test.folder, test.env...)
			if !got.Built || !got.DriverFound || got.DriverVersion != "12.8" || filepath.Base(got.DriverPath) != "libcuda.so.570.1" {
				t.Errorf("driver is described as %+v", got)
			}
			if !reflect.DeepEqual(got.Devices, test.devices) {
				t.Errorf("devices %+v, want %+v", got.Devices, test.devices)
			}
			if got.DriverMessage != test.message || !strings.Contains(got.Reason, test.reason) || (test.reason == "") != (got.Reason == "") {
				t.Errorf("message %q, reason %q; want %q, %q", got.DriverMessage, got.Reason, test.message, test.reason)
			}
			if len(got.Libraries) != 1 || got.Libraries[0].Name != "libcublasLt.so.12" || got.Libraries[0].Version != "12.9.4" {
				t.Errorf("libraries %+v, want libcublasLt.so.12 version 12.9.4", got.Libraries)
			}
		})
	}
}

// TestDriverUnreadable has no driver that loads, whatever the machine has.
func TestDriverUnreadable(t *testing.T) {
	folder := t.TempDir()
	writeFile(t, filepath.Join(folder, "libcuda.so.1"), "this is no library")
	got := statusWith(t, folder)
	if !got.Built || got.DriverFound || got.DriverPath != "" || got.DriverVersion != "" || got.Devices != nil {
		t.Errorf("driver is described as %+v", got)
	}
	if !strings.Contains(got.DriverMessage, "libcuda.so.1") || !strings.HasPrefix(got.Reason, "no NVIDIA driver: ") {
		t.Errorf("message %q, reason %q", got.DriverMessage, got.Reason)
	}
}

// compile makes a folder of stand-in libraries: a driver, a cuBLASLt 12, and a
// cuBLASLt 13 that does not load.
func compile(t *testing.T, name string, flags ...string) string {
	t.Helper()
	compiler, err := exec.LookPath("cc")
	if err != nil {
		if os.Getenv("FP4TUI_REQUIRE_CUDA") == "1" {
			t.Fatal("no C compiler for testdata/fake.c: ", err)
		}
		t.Skip("no C compiler for testdata/fake.c: ", err)
	}
	folder := filepath.Join(t.TempDir(), name)
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, library := range []string{"libcuda.so.570.1", "libcublasLt.so.12"} {
		args := append([]string{"-shared", "-fPIC", "-o", filepath.Join(folder, library), filepath.Join("testdata", "fake.c")}, flags...)
		if out, err := exec.Command(compiler, args...).CombinedOutput(); err != nil {
			t.Fatalf("cc %v: %v\n%s", args, err, out)
		}
	}
	if err := os.Symlink("libcuda.so.570.1", filepath.Join(folder, "libcuda.so.1")); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(folder, "libcublasLt.so.13"), "this is no library")
	return folder
}

// statusWith is Status as a new process sees it with folder first on the loader's path.
func statusWith(t *testing.T, folder string, env ...string) Report {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	reporter := exec.Command(path)
	reporter.Env = append(os.Environ(), append(env, asReporter+"=1", "LD_LIBRARY_PATH="+folder)...)
	reporter.Stderr = os.Stderr
	out, err := reporter.Output()
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	var report Report
	if err := json.Unmarshal(out, &report); err != nil {
		t.Fatalf("%v in %q", err, out)
	}
	return report
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
