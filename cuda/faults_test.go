package cuda

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"fp4tui/inspect"
)

// TestRefusals: every error of the table names call, error and number, and has a cure; its
// class says whether the process can go on.
func TestRefusals(t *testing.T) {
	names := map[string]bool{}
	for code, row := range driverCodes {
		f := refusal("cuTest", code, "the package's name")
		if f.Error() != fmt.Sprintf("the GPU refused cuTest: %s (CUDA error %d)", row.name, code) || len(f.Hint()) < 15 {
			t.Errorf("%d: %v, %q", code, f, f.Hint())
		}
		if memory := row.name == "OutOfMemory"; errors.Is(f, ErrMemory) != memory || errors.Is(f, ErrDevice) == memory {
			t.Errorf("%s is of class %v", row.name, f.Class)
		}
		if errors.Is(f, ErrLost) != (row.effect != refuses) || errors.Is(f, errKernel) != (row.effect == losesKernel) {
			t.Errorf("%s is of class %v", row.name, f.Class)
		}
		if names[row.name] {
			t.Errorf("%s stands there twice", row.name)
		}
		names[row.name] = true
	}
	f := refusal("cuTest", 12345, "UnknownErrorCode:12345")
	if f.Error() != "the GPU refused cuTest: UnknownErrorCode:12345 (CUDA error 12345)" || !strings.Contains(f.Hint(), "Xid") || errors.Is(f, ErrLost) {
		t.Errorf("%v, %q", f, f.Hint())
	}
}

// TestChoose: the number given, else the first device that kernels exist for.
func TestChoose(t *testing.T) {
	old := Device{Index: 0, Name: "Tesla V100", ComputeCapability: [2]int{7, 0}}
	third := Device{Index: 2, Name: "H100", ComputeCapability: [2]int{9, 0}}
	r := Report{Built: true, DriverFound: true, Devices: []Device{old, third}}
	for _, test := range []struct {
		index int
		want  Device
		class error
		says  string
		cure  string
	}{
		{AnyDevice, third, nil, "", ""},
		{2, third, nil, "", ""},
		{0, Device{}, ErrNoKernel, "no kernel for Tesla V100 (sm_70): it needs compute capability 8.0", "backend=emu"},
		{1, Device{}, ErrNoDevice, "no device 1: there is device 0, Tesla V100 (sm_70); device 2, H100 (sm_90)", "--device local:N"},
	} {
		got, err := r.choose(test.index)
		if got != test.want || !errors.Is(err, test.class) {
			t.Errorf("%d: %+v, %v", test.index, got, err)
			continue
		}
		var f *inspect.Fault
		if errors.As(err, &f) && (f.Error() != test.says || !strings.Contains(f.Hint(), test.cure)) {
			t.Errorf("%d: %v, %q", test.index, f, f.Hint())
		}
	}
	if _, err := (Report{Built: true, DriverFound: true, Devices: []Device{old}}).choose(AnyDevice); !errors.Is(err, ErrNoKernel) {
		t.Error(err)
	}
	if _, err := (Report{}).choose(0); !errors.Is(err, ErrNotBuilt) {
		t.Error(err)
	}
	mismatch := Report{Built: true, DriverFound: true, DriverMessage: "cuInit returned " + codeText(803, ""), DriverCode: 803}
	if f := mismatch.fault(); !strings.Contains(f.Hint(), "restart the machine") || !strings.Contains(f.Error(), "SystemDriverMismatch (CUDA error 803)") {
		t.Errorf("%v, %q", f, f.Hint())
	}
}
