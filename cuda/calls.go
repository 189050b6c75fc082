//go:build cuda && cgo && linux

package cuda

/*
#cgo CFLAGS: -D_GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>

// allow_shared raises a function's limit of dynamic shared memory; -1 without the call.
static int allow_shared(void *function, int bytes) {
	enum { max_dynamic_shared = 8 };
	void *driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_NOLOAD);
	if (driver == NULL) return -1;
	int (*set)(void *, int, int) = (int (*)(void *, int, int))dlsym(driver, "cuFuncSetAttribute");
	return set != NULL ? set(function, max_dynamic_shared, bytes) : -1;
}
*/
import "C"

import (
	"errors"
	"fmt"
	"reflect"
	"unsafe"

	"gorgonia.org/cu"

	"fp4tui/inspect"
)

// codeOf is the number of an error of package cu, which exports neither the number nor its
// type; 0 of another error.
func codeOf(err error) int {
	for ; err != nil; err = errors.Unwrap(err) {
		if v := reflect.ValueOf(err); v.Kind() == reflect.Int {
			return int(v.Int())
		}
	}
	return 0
}

// driverError is an error of package cu as a fault: which call, the driver's name for it, a cure.
func driverError(call string, err error) error {
	if err == nil {
		return nil
	}
	return refusal(call, codeOf(err), err.Error())
}

// allowShared lets a function have more than 48 KiB of dynamic shared memory.
func allowShared(f cu.Function, bytes int) error {
	if bytes <= 48<<10 {
		return nil
	}
	// The one field of cu.Function is the driver's handle.
	if code := C.allow_shared(*(*unsafe.Pointer)(unsafe.Pointer(&f)), C.int(bytes)); code != 0 {
		return refusal(fmt.Sprintf("cuFuncSetAttribute of %d bytes of shared memory", bytes), int(code), "an unknown error")
	}
	return nil
}

// guard is the bytes before and after an output that no kernel may touch.
const (
	guard     = 256
	guardByte = 0xa5
	poison    = 0xff // a word of these bytes is no output: NaN is canonical
)

// memory counts what an engine holds on its device. It is used on the device's thread.
type memory struct {
	limit, used int64
	size        map[cu.DevicePtr]int64
	shrink      func() bool // lets something go; false when there is nothing left
}

// alloc takes n bytes, after others have made room if need be. It asks the driver only for
// what is free.
func (m *memory) alloc(n int64) (cu.DevicePtr, error) {
	n = max(n, 16)
	for {
		p, err := m.take(n)
		if err == nil {
			m.used += n
			m.size[p] = n
			return p, nil
		}
		if !errors.Is(err, ErrMemory) || !m.shrink() {
			return 0, err
		}
	}
}

// take asks for n bytes once. The limit and what the driver says to be free come first:
// another program may have taken that since.
func (m *memory) take(n int64) (cu.DevicePtr, error) {
	free, _, err := cu.MemInfo()
	if err != nil {
		return 0, driverError("cuMemGetInfo", err)
	}
	const reserve = 256 << 20
	if m.used+n > m.limit || n > free-reserve {
		return 0, &inspect.Fault{Class: ErrMemory, Offset: -1, What: fmt.Sprintf("the job needs %.1f MiB more on the GPU", float64(n)/(1<<20)),
			Why:  fmt.Sprintf("%.1f MiB are free there, this program has %.1f of at most %.1f", float64(free)/(1<<20), float64(m.used)/(1<<20), float64(m.limit)/(1<<20)),
			Cure: "take fewer rows of x, or free memory on the GPU (nvidia-smi shows who has it)"}
	}
	p, err := cu.MemAlloc(n)
	return p, driverError(fmt.Sprintf("cuMemAlloc of %d bytes", n), err)
}

func (m *memory) free(p cu.DevicePtr) {
	if n, ours := m.size[p]; ours {
		cu.MemFree(p) // it fails only where the context is lost, and the memory with it
		m.used -= n
		delete(m.size, p)
	}
}

// scope frees what a job took.
type scope struct {
	*memory
	taken []cu.DevicePtr
}

func (s *scope) close() {
	for _, p := range s.taken {
		s.free(p)
	}
}

func (s *scope) alloc(n int64) (cu.DevicePtr, error) {
	p, err := s.memory.alloc(n)
	if err == nil {
		s.taken = append(s.taken, p)
	}
	return p, err
}

// upload copies values to the device; none is an address too.
func upload[T any](s interface {
	alloc(int64) (cu.DevicePtr, error)
}, values []T) (cu.DevicePtr, error) {
	var one T
	n := int64(len(values)) * int64(unsafe.Sizeof(one))
	p, err := s.alloc(n)
	if err != nil || n == 0 {
		return p, err
	}
	return p, driverError("cuMemcpyHtoD", cu.MemcpyHtoD(p, unsafe.Pointer(&values[0]), n))
}

// output is a poisoned buffer between guards.
type output struct {
	base cu.DevicePtr
	n    int64
}

func (s *scope) output(n int64) (output, error) {
	o := output{n: n}
	var err error
	if o.base, err = s.alloc(n + 2*guard); err != nil {
		return o, err
	}
	if err = cu.MemsetD8(o.base, guardByte, n+2*guard); err == nil && n > 0 {
		err = cu.MemsetD8(o.at(), poison, n)
	}
	return o, driverError("cuMemsetD8", err)
}

func (o output) at() cu.DevicePtr { return o.base + guard }

// check looks at the guards.
func (o output) check(kernel string) error {
	var b [2 * guard]byte
	if err := cu.MemcpyDtoH(unsafe.Pointer(&b[0]), o.base, guard); err != nil {
		return driverError("cuMemcpyDtoH after "+kernel, err)
	}
	if err := cu.MemcpyDtoH(unsafe.Pointer(&b[guard]), o.at()+cu.DevicePtr(o.n), guard); err != nil {
		return driverError("cuMemcpyDtoH after "+kernel, err)
	}
	for i, v := range b {
		if v != guardByte {
			return &inspect.Fault{Class: errKernel, Offset: -1, What: kernel + " wrote outside its output",
				Why: fmt.Sprintf("guard byte %d of %d is %#02x", i, len(b), v), Cure: atFault}
		}
	}
	return nil
}

// read copies the output to the host, as bytes.
func (o output) read() ([]byte, error) { return readAs[byte](o) }

// readAs copies an output as values of a fixed size, which divides its own.
func readAs[T any](o output) ([]T, error) {
	var one T
	v := make([]T, o.n/int64(unsafe.Sizeof(one)))
	if o.n == 0 {
		return v, nil
	}
	return v, driverError("cuMemcpyDtoH", cu.MemcpyDtoH(unsafe.Pointer(&v[0]), o.at(), o.n))
}
