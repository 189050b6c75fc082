package cuda

import (
	"fmt"

	"fp4tui/inspect"
)

// Errors of an Engine at work, wrapped by its faults.
var (
	ErrDevice = fmt.Errorf("cuda: device error: %w", inspect.ErrUnreadable)
	ErrMemory = fmt.Errorf("cuda: not enough memory: %w", inspect.ErrUnsupported)
)

// Options choose a device and what an Engine may do there. The zero Options is the first
// device, nine tenths of its memory, and the embedded answers alone.
type Options struct {
	Device int    // the driver's ordinal
	Memory int64  // most bytes to hold; 0: nine tenths of what the device has
	Oracle Oracle // if set, kernels must also agree with it on drawn layers before they run
	Cache  string // folder that remembers which kernels came out right where; empty: none
}
