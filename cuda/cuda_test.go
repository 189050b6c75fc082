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

// hinted is what an error with a cure looks like to a front end.
type hinted interface{ Hint() string }

func TestFault(t *testing.T) {
	gpu := Device{Name: "NVIDIA H100 80GB HBM3", ComputeCapability: [2]int{9, 0}}
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
		{"no kernel", Report{Built: true, DriverFound: true, Devices: []Device{gpu, gpu}}, ErrNoKernel,
			"no kernel of this build has been verified on this device: this version holds no kernel; " +
				"found NVIDIA H100 80GB HBM3 (sm_90), NVIDIA H100 80GB HBM3 (sm_90)", "backend=emu"},
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

// TestBackend holds on every machine: this version computes nowhere and says so.
func TestBackend(t *testing.T) {
	var backend Backend
	if backend.Name() != "cuda" {
		t.Errorf("Name() = %q", backend.Name())
	}
	ready := backend.Ready()
	if ready == nil {
		t.Fatal("Ready() is nil, but this version has no kernel")
	}
	if report := Status(); report.Reason != ready.Error() || report.Cure != ready.(hinted).Hint() {
		t.Errorf("Status says %q (%q), Ready %q", report.Reason, report.Cure, ready)
	}
	out, err := backend.Forward(context.Background(), layer.Forward{}, nil)
	if err == nil || err.Error() != ready.Error() || len(out.Y.Data) != 0 {
		t.Errorf("Forward = %v, %v; want Ready's error", out, err)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := backend.Forward(ended, layer.Forward{}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Forward after cancel = %v, want context.Canceled", err)
	}
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
