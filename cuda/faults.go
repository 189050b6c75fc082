package cuda

import (
	"fmt"

	"fp4tui/inspect"
)

// effect is what an error of the driver leaves behind.
type effect int

const (
	refuses      effect = iota // the call alone failed
	losesKernel                // a kernel did what it must not: the process can't use the GPU any more
	losesContext               // something else took the GPU from the process
)

// driverCode is a row of the table of the driver's errors.
type driverCode struct {
	name string // as cuda.h has it, without CUDA_ERROR_
	effect
	cure string
}

const (
	atFault    = "a kernel is at fault: report this; " + onCPU
	damaged    = "the GPU's memory is damaged: look at nvidia-smi -q -d ECC and at dmesg for Xid; " + onCPU
	newDriver  = "update the driver; " + onCPU
	mpsTrouble = "look at the log of nvidia-cuda-mps-control, or stop MPS; " + onCPU
	takenAway  = "something else ended the context: look at nvidia-smi and at dmesg for Xid; " + onCPU
)

// driverCodes are the errors that a user can meet, by the driver's number.
var driverCodes = map[int]driverCode{
	1:   {"InvalidValue", refuses, "report this; " + onCPU},
	2:   {"OutOfMemory", refuses, "free memory on the GPU (nvidia-smi shows who has it), or take fewer rows of x"},
	3:   {"NotInitialized", losesContext, takenAway},
	4:   {"Deinitialized", losesContext, takenAway},
	34:  {"StubLibrary", refuses, "the loader found a toolkit's stub of libcuda.so.1: take its folder out of LD_LIBRARY_PATH"},
	36:  {"CallRequiresNewerDriver", refuses, newDriver},
	46:  {"DeviceUnavailable", refuses, "another process has the GPU to itself (nvidia-smi shows it and the compute mode): end it, or choose another GPU with --device local:N"},
	100: {"NoDevice", refuses, "look at nvidia-smi and at CUDA_VISIBLE_DEVICES; " + onCPU},
	101: {"InvalidDevice", refuses, "fp4tui doctor lists the devices"},
	102: {"DeviceNotLicensed", refuses, "the virtual GPU has no licence: look at nvidia-smi -q; " + onCPU},
	200: {"InvalidImage", refuses, "the driver does not read this build's kernels: " + newDriver},
	201: {"InvalidContext", losesContext, takenAway},
	209: {"NoBinaryForGpu", refuses, "this build has no code for this GPU: build again with it (make kernels, make gpu); " + onCPU},
	214: {"EccUncorrectable", losesContext, damaged},
	218: {"InvalidPtx", refuses, "no machine code fits this GPU and the driver does not take the PTX: " + newDriver},
	220: {"NvlinkUncorrectable", losesContext, "a link between GPUs failed: look at nvidia-smi nvlink -e and at dmesg for Xid; " + onCPU},
	221: {"JitCompilerNotFound", refuses, "libnvidia-ptxjitcompiler.so.1 is missing: install the whole driver, in a container with the capability compute; " + onCPU},
	222: {"UnsupportedPtxVersion", refuses, "no machine code fits this GPU and the PTX is newer than the driver: " + newDriver},
	223: {"JitCompilationDisabled", refuses, "unset CUDA_DISABLE_PTX_JIT and CUDA_DISABLE_JIT; " + onCPU},
	226: {"Contained", losesContext, damaged},
	304: {"OperatingSystem", refuses, "look at the permissions of /dev/nvidia* and at dmesg; " + onCPU},
	400: {"InvalidHandle", refuses, "report this; " + onCPU},
	500: {"NotFound", refuses, "the driver or the kernels of this build lack it: " + newDriver},
	700: {"IllegalAddress", losesKernel, atFault},
	701: {"LaunchOutOfResources", refuses, "the kernel asks for more registers or shared memory than this GPU gives a block: report this; " + onCPU},
	702: {"LaunchTimeout", losesContext, "the display's watchdog ended the kernel: take fewer rows of x, or a GPU without a display"},
	709: {"ContextIsDestroyed", losesContext, takenAway},
	710: {"Assert", losesKernel, atFault},
	714: {"HardwareStackError", losesKernel, atFault},
	715: {"IllegalInstruction", losesKernel, atFault},
	716: {"MisalignedAddress", losesKernel, atFault},
	717: {"InvalidAddressSpace", losesKernel, atFault},
	718: {"InvalidPc", losesKernel, atFault},
	719: {"LaunchFailed", losesKernel, atFault},
	721: {"TensorMemoryLeak", losesKernel, atFault},
	800: {"NotPermitted", refuses, "the system forbids it: look at the compute mode, at MIG and at who runs this; " + onCPU},
	801: {"NotSupported", refuses, onCPU},
	802: {"SystemNotReady", refuses, "the GPUs' fabric is not up: start nvidia-fabricmanager (its log says more), or wait for it; " + onCPU},
	803: {"SystemDriverMismatch", refuses, "libcuda.so.1 and the kernel's driver are of different versions: restart the machine, or the container; " + onCPU},
	804: {"CompatNotSupportedOnDevice", refuses, "take the compatibility library (cuda-compat) out of LD_LIBRARY_PATH: it is not for this GPU; " + onCPU},
	805: {"MpsConnectionFailed", refuses, mpsTrouble},
	806: {"MpsRpcFailure", losesContext, mpsTrouble},
	807: {"MpsServerNotReady", refuses, mpsTrouble},
	808: {"MpsMaxClientsReached", refuses, "end another client of MPS; " + onCPU},
	809: {"MpsMaxConnectionsReached", refuses, "end another client of MPS; " + onCPU},
	810: {"MpsClientTerminated", losesContext, mpsTrouble},
	999: {"Unknown", losesContext, takenAway},
}

// errKernel is the class of an error after which the process can't use the GPU, by the fault
// of the kernel that ran.
var errKernel = fmt.Errorf("cuda: fault of a kernel: %w", ErrLost)

// codeText names an error of the driver: "IllegalAddress (CUDA error 700)". name is for
// those that the table lacks.
func codeText(code int, name string) string {
	if row, known := driverCodes[code]; known {
		name = row.name
	}
	if code == 0 {
		return name
	}
	return fmt.Sprintf("%s (CUDA error %d)", name, code)
}

// refusal is the fault of a call that the driver answered with an error: which call, the
// error's name and number, a cure.
func refusal(call string, code int, name string) *inspect.Fault {
	f := &inspect.Fault{Class: ErrDevice, Offset: -1, What: "the GPU refused " + call, Why: codeText(code, name)}
	row := driverCodes[code]
	if f.Cure = row.cure; f.Cure == "" {
		f.Cure = "look at nvidia-smi and at dmesg for Xid; " + onCPU
	}
	switch {
	case row.name == "OutOfMemory":
		f.Class = ErrMemory
	case row.effect == losesKernel:
		f.Class = errKernel
	case row.effect == losesContext:
		f.Class = ErrLost
	}
	return f
}
