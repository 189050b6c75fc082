// Package cuda computes products on an NVIDIA GPU. It is two programs in one: without
// the build tag cuda it is pure Go and says that it is not there; with the tag
// (make gpu) it talks to the driver through gorgonia.org/cu, and still starts and
// answers on a machine that has no driver. README.md says how that is built and
// what has been run on real hardware.
//
// An Engine computes layer.Jobs by one of several kernels. Each must return the
// emulator's words on a device before it runs anything else there.
package cuda

import (
	"fmt"
	"slices"
	"strings"

	"fp4tui/inspect"
)

// Why the backend cannot run, in the order in which they are found; each wraps
// inspect.ErrUnsupported. Errors of an Engine at work are ErrDevice and the others of engine.go.
var (
	ErrNotBuilt  = fmt.Errorf("cuda: not built: %w", inspect.ErrUnsupported)
	ErrNoDriver  = fmt.Errorf("cuda: no driver: %w", inspect.ErrUnsupported)
	ErrNoDevice  = fmt.Errorf("cuda: no device: %w", inspect.ErrUnsupported)
	ErrNoKernel  = fmt.Errorf("cuda: no kernel: %w", inspect.ErrUnsupported)
	ErrNoLibrary = fmt.Errorf("cuda: no library: %w", inspect.ErrUnsupported)
)

// Device is one GPU as the driver describes it.
type Device struct {
	Index             int    // the driver's ordinal, after CUDA_VISIBLE_DEVICES
	Name              string // "NVIDIA H100 80GB HBM3"
	UUID              string // of this one card, as in nvidia-smi -L; empty where the driver does not say
	ComputeCapability [2]int // major, minor: {9, 0} is sm_90
	MemoryBytes       int64  // total, not free
	Multiprocessors   int
}

// Arch is the compute capability as the toolkit writes a target: "sm_90".
func (d Device) Arch() string {
	return fmt.Sprintf("sm_%d%d", d.ComputeCapability[0], d.ComputeCapability[1])
}

// Library is a shared library that the dynamic loader finds.
type Library struct {
	Name    string // as asked for: "libcublasLt.so.13"
	Path    string // the file that was loaded, symbolic links resolved
	Version string // as the library itself says it: "13.0.2"
}

// Report is what this build can see of this machine. Names, paths and
// messages come from the driver and the loader: show them through inspect.Printable.
type Report struct {
	Built         bool      // the program holds GPU support: tag cuda, cgo, Linux
	DriverFound   bool      // libcuda.so.1 was loaded
	DriverPath    string    // its file, symbolic links resolved: the suffix is the driver's release
	DriverVersion string    // the newest CUDA version that the driver speaks: "13.0"
	DriverMessage string    // what the loader or the driver said when something failed
	DriverCode    int       // the driver's number for why it could not be initialized; 0 when it was
	Devices       []Device  // in the driver's order; nil when there is none
	Libraries     []Library // GPU libraries found; nil when there is none
	Reason        string    // why no Engine can compute, safe for a terminal; empty where one can
	Cure          string    // what to do about it
}

// Status looks at the machine. The driver is loaded and initialized by the first
// call that needs it, which takes about half a second where there is a GPU; what it
// said is kept for the life of the process.
func Status() Report {
	r := driver()
	r.Devices = slices.Clone(r.Devices)
	r.Libraries = libraries()
	if f := r.fault(); f != nil {
		r.Reason, r.Cure = f.Error(), f.Hint()
	}
	return r
}

const onCPU = "backend=emu returns the hardware's bits on the CPU, backend=ref the dequantized reference"

// fault is the first thing that keeps every device from computing; nil without one.
func (r Report) fault() *inspect.Fault {
	f := &inspect.Fault{Offset: -1}
	switch {
	case !r.Built:
		f.Class = ErrNotBuilt
		f.What, f.Why = "the GPU backend is not in this program", "built without the tag cuda: make gpu"
		f.Cure = "build with `make gpu` (Linux, a C compiler); " + onCPU
	case !r.DriverFound:
		f.Class = ErrNoDriver
		f.What, f.Why = "no NVIDIA driver", r.DriverMessage
		f.Cure = "install the NVIDIA driver, or start the container with its GPUs; " + onCPU
	case len(r.Devices) == 0:
		f.Class = ErrNoDevice
		f.What, f.Why = "the NVIDIA driver offers no device", r.DriverMessage
		if f.Cure = driverCodes[r.DriverCode].cure; f.Cure == "" {
			f.Cure = "look at nvidia-smi and at CUDA_VISIBLE_DEVICES; " + onCPU
		}
	case !slices.ContainsFunc(r.Devices, func(d Device) bool { return sinceAmpere(d.ComputeCapability) == "" }):
		f.Class = ErrNoKernel
		f.What = "no kernel for " + deviceList(r.Devices)
		f.Why = "the kernels need compute capability 8.0"
		f.Cure = onCPU
	default:
		return nil
	}
	return f
}

// choose finds the device of Options.
func (r Report) choose(index int) (Device, error) {
	if !r.DriverFound || len(r.Devices) == 0 {
		return Device{}, r.fault()
	}
	var list []string
	for _, d := range r.Devices {
		why := sinceAmpere(d.ComputeCapability)
		switch {
		case index == AnyDevice && why == "", index == d.Index && why == "":
			return d, nil
		case index == d.Index:
			return Device{}, &inspect.Fault{Class: ErrNoKernel, Offset: -1, What: "no kernel for " + deviceList([]Device{d}), Why: why, Cure: onCPU}
		}
		list = append(list, fmt.Sprintf("device %d, %s", d.Index, deviceList([]Device{d})))
	}
	if index == AnyDevice {
		return Device{}, r.fault()
	}
	return Device{}, &inspect.Fault{Class: ErrNoDevice, Offset: -1, What: fmt.Sprintf("no device %d", index),
		Why: "there is " + strings.Join(list, "; "), Cure: "choose one of them: --device local:N, or ssh:HOST:N where they are another machine's"}
}

func deviceList(devices []Device) string {
	names := make([]string, len(devices))
	for i, d := range devices {
		names[i] = fmt.Sprintf("%s (%s)", d.Name, d.Arch())
	}
	return strings.Join(names, ", ")
}
