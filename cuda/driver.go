//go:build cuda && cgo && linux

package cuda

/*
#cgo CFLAGS: -I${SRCDIR}/lazy
#cgo LDFLAGS: -lcuda -ldl

#include "lazy.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"gorgonia.org/cu"
)

// driver loads and initializes the driver on its first call and describes what it
// offers; later calls return the same Report.
var driver = sync.OnceValue(openDriver)

// driverNotLoaded is what fp4tui_driver_open answers without libcuda.so.1.
const driverNotLoaded = -1

func openDriver() Report {
	r := Report{Built: true}
	var text [1024]C.char // the loader's messages hold a path or two
	status := C.fp4tui_driver_open(&text[0], C.size_t(len(text)))
	said := C.GoString(&text[0])
	if status == driverNotLoaded {
		r.DriverMessage = said
		return r
	}
	r.DriverFound = true
	r.DriverPath = resolve(said)
	if v := cu.Version(); v > 0 {
		r.DriverVersion = fmt.Sprintf("%d.%d", v/1000, v%1000/10) // 13000 is 13.0
	}
	if status != 0 {
		r.DriverCode = int(status)
		r.DriverMessage = "cuInit returned " + codeText(r.DriverCode, "an unknown error")
		return r
	}
	var err error
	if r.Devices, err = devices(); err != nil {
		r.DriverMessage = err.Error()
	}
	return r
}

// devices lists the GPUs in the driver's order. One that does not answer does not
// hide the others: its error is joined to what is returned.
func devices() ([]Device, error) {
	count, err := cu.NumDevices()
	if err != nil {
		return nil, fmt.Errorf("counting devices: %s", codeText(codeOf(err), err.Error()))
	}
	var found []Device
	var errs []error
	for i := range count {
		d, err := describe(i)
		if err != nil {
			errs = append(errs, fmt.Errorf("device %d: %s", i, codeText(codeOf(err), err.Error())))
			continue
		}
		found = append(found, d)
	}
	return found, errors.Join(errs...)
}

func describe(index int) (Device, error) {
	handle, err := cu.GetDevice(index)
	if err != nil {
		return Device{}, err
	}
	d := Device{Index: index}
	if d.Name, err = handle.Name(); err != nil {
		return Device{}, err
	}
	if id, err := handle.UUID(); err == nil {
		d.UUID = "GPU-" + id.String()
	}
	if d.MemoryBytes, err = handle.TotalMem(); err != nil {
		return Device{}, err
	}
	for _, a := range []struct {
		id cu.DeviceAttribute
		to *int
	}{
		{cu.ComputeCapabilityMajor, &d.ComputeCapability[0]},
		{cu.ComputeCapabilityMinor, &d.ComputeCapability[1]},
		{cu.MultiprocessorCount, &d.Multiprocessors},
	} {
		if *a.to, err = handle.Attribute(a.id); err != nil {
			return Device{}, err
		}
	}
	if d.Multiprocessors < 1 { // launches are divided by them
		return Device{}, fmt.Errorf("it reports %d multiprocessors", d.Multiprocessors)
	}
	return d, nil
}

// resolve follows a library's symbolic links to the file that carries its version;
// a path that cannot be followed stays as the loader gave it.
func resolve(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}
