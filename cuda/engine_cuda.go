//go:build cuda && cgo && linux

package cuda

import (
	"context"
	"crypto/sha256"
	_ "embed" // the kernels
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"sync"

	"gorgonia.org/cu"

	"fp4tui/inspect"
	"fp4tui/inspect/layer"
)

//go:embed kernels/kernels.fatbin
var anyImage string

//go:embed kernels/native.fatbin
var nativeImage string

// images are all that is embedded of kernels: what a verdict holds for. Each is declared beside
// what runs it.
var images = []struct{ file, bytes string }{
	{"kernels.fatbin", anyImage}, {"hopper.fatbin", hopperImage}, {"native.fatbin", nativeImage}, {"quantize.fatbin", quantizeImage},
}

// Engine computes jobs on one GPU. Its context lives on an OS thread of its own, which
// the first call starts; jobs run there one at a time. It satisfies gemm.Runner and, but
// for the type of its kernels, worker.Engine.
type Engine struct {
	options Options
	once    sync.Once
	err     error // why nothing can run
	calls   chan func()
	device  Device
	count   int               // of devices here
	verdict map[string]Kernel // by kernel; on the thread
	state   *state
}

// state is what the thread has on the device.
type state struct {
	memory
	handle    cu.Device
	context   cu.CUContext         // the device's primary one, so that libraries of the runtime share it
	modules   map[string]cu.Module // by image
	functions map[string]cu.Function
	weights   []*weight // the least recently used first
	begin     cu.Event
	end       cu.Event
	blas      *blas // nil until a kernel needs it
	shared    int   // bytes of shared memory that a block may have
	broken    error // the ErrLost after which nothing runs
}

// NewEngine prepares an engine; nothing is touched until it is asked something.
func NewEngine(o Options) *Engine { return &Engine{options: o} }

// Ready opens the device if it isn't open yet and says why nothing can run there.
func (e *Engine) Ready() error {
	e.once.Do(e.open)
	if e.err != nil {
		return e.err
	}
	var broken error
	e.do(func() { broken = e.state.broken })
	return broken
}

// settle remembers an error after which nothing can run. It is used on the device's thread.
func (e *Engine) settle(err error) {
	if errors.Is(err, ErrLost) && e.state.broken == nil {
		e.state.broken = err
	}
}

// do runs f on the device's thread.
func (e *Engine) do(f func()) {
	done := make(chan struct{})
	e.calls <- func() { defer close(done); f() }
	<-done
}

// on runs f on the device's thread with memory of its own.
func (e *Engine) on(f func(s *scope) error) error {
	err := e.Ready()
	if err == nil {
		e.do(func() {
			s := &scope{memory: &e.state.memory}
			defer s.close()
			err = f(s)
			e.settle(err)
		})
	}
	return err
}

// open starts the thread and makes the context.
func (e *Engine) open() {
	r := driver()
	e.count = len(r.Devices)
	if e.device, e.err = r.choose(e.options.Device); e.err != nil {
		return
	}
	e.calls, e.verdict = make(chan func()), map[string]Kernel{}
	opened := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine, and its context is no other's
		err := e.start()
		opened <- err
		if err != nil {
			return
		}
		for f := range e.calls {
			f()
		}
		e.state.close()
	}()
	e.err = <-opened
}

// maxSharedOptin is CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, which package cu
// does not name.
const maxSharedOptin cu.DeviceAttribute = 97

func (e *Engine) start() error {
	handle, err := cu.GetDevice(e.device.Index)
	if err != nil {
		return driverError("cuDeviceGet", err)
	}
	s := &state{handle: handle, modules: map[string]cu.Module{}, functions: map[string]cu.Function{}}
	if err = handle.SetPrimaryCtxFlags(cu.SchedBlockingSync); err != nil {
		return driverError("cuDevicePrimaryCtxSetFlags", err)
	}
	if s.context, err = handle.RetainPrimaryCtx(); err != nil {
		return driverError("cuDevicePrimaryCtxRetain", err)
	}
	if err = cu.SetCurrentContext(s.context); err != nil {
		return driverError("cuCtxSetCurrent", err)
	}
	if s.shared, err = handle.Attribute(maxSharedOptin); err != nil {
		return driverError("cuDeviceGetAttribute", err)
	}
	for _, ev := range []*cu.Event{&s.begin, &s.end} {
		if *ev, err = cu.MakeEvent(cu.DefaultEvent); err != nil {
			return driverError("cuEventCreate", err)
		}
	}
	s.limit = e.options.Memory
	if s.limit <= 0 {
		s.limit = e.device.MemoryBytes / 10 * 9
	}
	s.size = map[cu.DevicePtr]int64{}
	s.shrink = s.dropWeight
	e.state = s
	return nil
}

// close gives everything back: the context may outlive the engine, because cuBLASLt holds
// it, too. What fails here fails where the context is lost, and its memory with it.
func (s *state) close() {
	if s.blas != nil {
		s.blas.close()
	}
	for p := range s.size {
		s.free(p)
	}
	for _, m := range s.modules {
		m.Unload()
	}
	cu.DestroyEvent(&s.begin)
	cu.DestroyEvent(&s.end)
	s.handle.ReleasePrimaryCtx()
}

// function loads a kernel.
func (s *state) function(image, name string, shared int) (cu.Function, error) {
	f, have := s.functions[name]
	if !have {
		module, loaded := s.modules[image]
		var err error
		if !loaded {
			if module, err = cu.LoadData(image); err != nil {
				return f, driverError("cuModuleLoadData", err)
			}
			s.modules[image] = module
		}
		if f, err = module.Function(name); err != nil {
			return f, driverError("cuModuleGetFunction "+name, err)
		}
		s.functions[name] = f
	}
	return f, allowShared(f, shared)
}

// About opens the device, runs the known answers of every kernel that belongs there, those
// that quantize last, and says how they came out.
func (e *Engine) About() (device string, kernels []Kernel) {
	if err := e.Ready(); err != nil {
		return "", nowhere(err.Error(), cureOf(err))
	}
	e.do(func() {
		add := func(k Kernel, err error) {
			if errors.Is(err, ErrMemory) { // a job asks again
				k.Ready, k.Status = true, "not verified yet: "+err.Error()
			}
			kernels = append(kernels, k)
		}
		for i := range kernelSpecs {
			add(e.verify(context.Background(), &kernelSpecs[i]))
		}
		for i := range quantSpecs {
			add(e.verifyQuantizer(context.Background(), &quantSpecs[i]))
		}
	})
	return e.name(), kernels
}

// model is what stays the same whichever of several equal GPUs it is.
func (e *Engine) model() string { return e.device.Name + " " + e.device.Arch() }

// name is the device in results: with its number where there are several.
func (e *Engine) name() string {
	if e.count > 1 {
		return fmt.Sprintf("%s (device %d of %d)", e.model(), e.device.Index, e.count)
	}
	return e.model()
}

// Run computes one job. It stops with ctx.Err() between two launches when ctx ends.
// Errors are *inspect.Fault: of a job that no kernel takes, of a kernel whose known answers
// did not come out (ErrNoKernel), of memory (ErrMemory) and of the driver (ErrDevice; ErrLost
// when this process can't go on with the GPU).
func (e *Engine) Run(ctx context.Context, job layer.Job, progress layer.Progress) (r layer.JobResult, err error) {
	if err = e.Ready(); err != nil {
		return r, err
	}
	if err = checkJob(&job); err != nil {
		return r, err
	}
	spec, err := kernelFor(&job)
	if err != nil {
		return r, err
	}
	e.do(func() {
		if _, err = e.verify(ctx, spec); err != nil {
			return
		}
		r, err = e.run(ctx, spec, &job, "", progress)
	})
	return r, err
}

// Close ends the thread and frees the device's memory. The engine cannot be used again.
func (e *Engine) Close() {
	e.once.Do(func() { e.err = &inspect.Fault{Class: ErrNoDevice, Offset: -1, What: "the engine is closed"} })
	if e.calls != nil && e.err == nil {
		close(e.calls)
		e.err = &inspect.Fault{Class: ErrNoDevice, Offset: -1, What: "the engine is closed"}
	}
}

// fingerprint names this one device, driver and kernels: what an answer holds for.
func (e *Engine) fingerprint() string {
	h := sha256.New()
	fmt.Fprintln(h, e.model(), e.device.UUID, filepath.Base(driver().DriverPath), driver().DriverVersion) // in WSL the path has no release
	for _, i := range images {
		fmt.Fprintln(h, i.file, len(i.bytes))
		io.WriteString(h, i.bytes)
	}
	h.Write(quantFingerprint())
	h.Write(answerWords)
	return hex.EncodeToString(h.Sum(nil)[:16])
}
