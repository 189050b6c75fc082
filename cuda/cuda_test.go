package cuda

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"fp4tui/inspect"
	"fp4tui/inspect/layer"
)

func TestFault(t *testing.T) {
	old := Device{Name: "Tesla V100", ComputeCapability: [2]int{7, 0}}
	tests := []struct {
		name   string
		report Report
		class  error
		says   string
		cure   string
	}{
		{"no tag", Report{}, ErrNotBuilt, "built without the tag cuda: make gpu", "make gpu"},
		{"no driver", Report{Built: true, DriverMessage: "libcuda.so.1: cannot open"}, ErrNoDriver,
			"no NVIDIA driver: libcuda.so.1: cannot open", "install the NVIDIA driver"},
		{"no device", Report{Built: true, DriverFound: true, DriverMessage: "cuInit returned 100"}, ErrNoDevice,
			"the NVIDIA driver offers no device: cuInit returned 100", "CUDA_VISIBLE_DEVICES"},
		{"no kernel", Report{Built: true, DriverFound: true, Devices: []Device{old, old}}, ErrNoKernel,
			"no kernel for Tesla V100 (sm_70), Tesla V100 (sm_70): the kernels need compute capability 8.0", "backend=emu"},
		{"unsafe text", Report{Built: true, DriverMessage: "\x1b[31mred"}, ErrNoDriver, `\x1b[31mred`, ""},
	}
	classes := []error{ErrNotBuilt, ErrNoDriver, ErrNoDevice, ErrNoKernel}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := test.report.fault()
			for _, class := range classes {
				if got, want := errors.Is(err, class), class == test.class; got != want {
					t.Errorf("errors.Is(%q, %q) = %v, want %v", err, class, got, want)
				}
			}
			if !errors.Is(err, inspect.ErrUnsupported) {
				t.Errorf("%q is not inspect.ErrUnsupported", err)
			}
			if !strings.Contains(err.Error(), test.says) {
				t.Errorf("error %q does not say %q", err, test.says)
			}
			if !strings.Contains(err.Hint(), test.cure) || !strings.Contains(err.Hint(), "backend=emu") {
				t.Errorf("hint %q does not name %q and the way without a GPU", err.Hint(), test.cure)
			}
		})
	}
}

// TestNoFault: one device that kernels exist for is enough.
func TestNoFault(t *testing.T) {
	for _, cc := range [][2]int{{8, 0}, {9, 0}, {12, 1}} {
		r := Report{Built: true, DriverFound: true, Devices: []Device{{ComputeCapability: [2]int{7, 5}}, {ComputeCapability: cc}}}
		if f := r.fault(); f != nil {
			t.Errorf("%v: %v", cc, f)
		}
	}
}

// TestClosedOrMissing: an engine that can compute nothing says why, whatever it is asked.
func TestClosedOrMissing(t *testing.T) {
	e := NewEngine(Options{Device: 1 << 20})
	ready := e.Ready()
	if !errors.Is(ready, inspect.ErrUnsupported) {
		t.Fatalf("Ready() = %v", ready)
	}
	if _, err := e.Run(context.Background(), layer.Job{}, nil); err == nil || err.Error() != ready.Error() {
		t.Errorf("Run: %v; Ready: %v", err, ready)
	}
	if _, err := e.Quantize(context.Background(), layer.QuantJob{}, nil); err == nil || err.Error() != ready.Error() {
		t.Errorf("Quantize: %v; Ready: %v", err, ready)
	}
	device, kernels := e.About()
	if device != "" || len(kernels) != len(kernelSpecs)+len(quantSpecs) {
		t.Errorf("About: %q, %v", device, kernels)
	}
	for _, k := range kernels {
		if k.Ready || k.Why == "" || k.Doc == "" {
			t.Errorf("%+v", k)
		}
	}
	e.Close()
}

// TestRequired turns a missing GPU into a failure where one is promised.
func TestRequired(t *testing.T) {
	report := Status()
	t.Logf("%+v", report)
	if os.Getenv("FP4TUI_REQUIRE_CUDA") == "1" && len(report.Devices) == 0 {
		t.Fatalf("FP4TUI_REQUIRE_CUDA=1, but there is no GPU: %s", report.Reason)
	}
	for i, d := range report.Devices {
		if d.Index != i || d.Name == "" || d.ComputeCapability[0] < 3 || d.MemoryBytes < 1<<28 || d.Multiprocessors < 1 {
			t.Errorf("device %d is described as %+v", i, d)
		}
	}
}
