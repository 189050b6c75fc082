package cuda

import (
	"fmt"

	"fp4tui/inspect"
)

// Errors of an Engine at work, wrapped by its faults.
var (
	ErrDevice = fmt.Errorf("cuda: device error: %w", inspect.ErrUnreadable)
	ErrMemory = fmt.Errorf("cuda: not enough memory: %w", inspect.ErrUnsupported)
	// ErrLost is an ErrDevice after which this process can't use the GPU any more: an illegal
	// address, a memory error, a kernel that wrote where it must not. Ready returns it from
	// then on; another process can.
	ErrLost = fmt.Errorf("cuda: the device is lost to this process: %w", ErrDevice)
)

// AnyDevice is the device of Options that is the first one with kernels for it.
const AnyDevice = -1

// Options choose a device and what an Engine may do there. The zero Options is the first
// device, nine tenths of its memory, and the embedded answers alone.
type Options struct {
	Device int    // the driver's ordinal, or AnyDevice
	Memory int64  // most bytes to hold; 0: nine tenths of what the device has
	Oracle Oracle // if set, kernels must also agree with it on drawn layers before they run
	Cache  string // folder that remembers which kernels came out right where; empty: none
}
