//go:build cuda && cgo && linux

package cuda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"fp4tui/inspect"
)

// verify says whether a kernel may run here; err is nil when it may. The first time it
// computes the known answers, and drawn layers if there is an oracle. It runs on the
// device's thread. Errors are ErrNoKernel, ErrMemory, ErrLost and ctx.Err().
func (e *Engine) verify(ctx context.Context, spec *kernelSpec) (Kernel, error) {
	return e.judge(ctx, spec, func() error {
		err := e.knownAnswers(ctx, spec)
		if err == nil && e.options.Oracle != nil {
			err = e.drawn(ctx, spec)
		}
		return err
	})
}

// judge is verify with the test of the kernel given. What came out is kept for the life of
// the engine and, if it was right or took the device away, in the cache.
func (e *Engine) judge(ctx context.Context, spec *kernelSpec, test func() error) (k Kernel, err error) {
	k, known := e.verdict[spec.name]
	if !known {
		k = Kernel{Name: spec.name, Doc: spec.doc, Cure: onCPU}
		if err := e.try(ctx, spec, &k, test); err != nil {
			return k, err // asked again next time
		}
		e.verdict[spec.name] = k
	}
	if !k.Ready {
		err = &inspect.Fault{Class: ErrNoKernel, Offset: -1, What: spec.name + " is not run on " + e.name(), Why: k.Why, Cure: k.Cure}
	}
	return k, err
}

// try finds out what k is. An error says that it is not known yet.
func (e *Engine) try(ctx context.Context, spec *kernelSpec, k *Kernel, test func() error) error {
	if k.Why = spec.runs(e.device.ComputeCapability); k.Why != "" {
		k.Status = spec.status(StatusForeign)
		return nil
	}
	said := e.remembered()[spec.cacheKey()]
	if said == StatusVerified {
		k.Ready, k.Status, k.Cure = true, StatusVerified, ""
		return nil
	}
	if said != "" {
		k.Why, k.Status = said, StatusFailed
		k.Cure = "delete " + e.cached() + " to try it again; " + onCPU
		return nil
	}
	if k.Why, k.Status = "the device is lost", StatusUnknown; e.state.broken != nil {
		return e.state.broken
	}
	err := test()
	if err == nil {
		k.Ready, k.Why, k.Status, k.Cure = true, "", StatusVerified, ""
		e.remember(spec, StatusVerified)
		return nil
	}
	if cure := cureOf(err); cure != "" {
		k.Cure = cure
	}
	if errors.Is(err, ErrNoLibrary) {
		k.Why, k.Status = inspect.Printable(err.Error()), spec.status(StatusAbsent)
		return nil
	}
	k.Why, k.Status = "known answers: "+inspect.Printable(err.Error()), StatusFailed
	switch {
	case ctx.Err() != nil:
		k.Status = StatusUnknown
		return ctx.Err()
	case errors.Is(err, errKernel): // the next process must not run into it again
		e.remember(spec, k.Why)
		return err
	case errors.Is(err, ErrLost), errors.Is(err, ErrMemory):
		return err
	}
	return nil
}

// knownAnswers runs a kernel on its embedded answers.
func (e *Engine) knownAnswers(ctx context.Context, spec *kernelSpec) error {
	want, err := expected(e.device.ComputeCapability)
	if err != nil {
		return err
	}
	for i, a := range Answers(e.device.ComputeCapability) {
		if a.Kernel != spec.name {
			continue
		}
		r, err := e.run(ctx, spec, &a.Job, a.Variant, nil)
		if err != nil {
			return err
		}
		if err := firstDifference(&a, r.Y, want[i]); err != nil {
			return err
		}
	}
	return nil
}

// drawn runs a kernel on other layers, larger ones, whose answers the oracle computes.
func (e *Engine) drawn(ctx context.Context, spec *kernelSpec) error {
	for _, a := range Drawn(e.device.ComputeCapability) {
		if a.Kernel != spec.name {
			continue
		}
		want, err := e.options.Oracle(ctx, a.Job, a.Order)
		if err != nil {
			return fmt.Errorf("oracle: %w", err)
		}
		r, err := e.run(ctx, spec, &a.Job, a.Variant, nil)
		if err != nil {
			return err
		}
		if err := firstDifference(&a, r.Y, want); err != nil {
			return err
		}
	}
	return nil
}

// cureOf is the cure that an error knows; empty when none.
func cureOf(err error) string {
	var f *inspect.Fault
	if errors.As(err, &f) {
		return f.Hint()
	}
	return ""
}

// cached is the file that remembers: by fingerprint and kernel, StatusVerified or why it
// must not be tried again.
func (e *Engine) cached() string { return filepath.Join(e.options.Cache, "cuda-verified.json") }

// remembered is what the file holds of this device, driver and build, by cacheKey.
func (e *Engine) remembered() map[string]string { return e.allRemembered()[e.fingerprint()] }

// allRemembered is the whole file: other devices, drivers and builds, too.
func (e *Engine) allRemembered() map[string]map[string]string {
	all := map[string]map[string]string{}
	if b, err := os.ReadFile(e.cached()); e.options.Cache != "" && err == nil && json.Unmarshal(b, &all) != nil || all == nil {
		return map[string]map[string]string{} // another program's file, or a broken one: ask the device
	}
	return all
}

// cacheKey is what the cache calls a kernel: one of a library goes by the library, too.
func (k *kernelSpec) cacheKey() string {
	if !k.library {
		return k.name
	}
	return fmt.Sprint(k.name, libraries())
}

// remember adds a kernel to the cache and leaves what it holds of other devices. A cache that
// can't be written costs time and nothing else; of two programs that write it at once one may
// have to find out again what it found out.
func (e *Engine) remember(spec *kernelSpec, what string) {
	if e.options.Cache == "" {
		return
	}
	all, me := e.allRemembered(), e.fingerprint()
	if all[me] == nil {
		all[me] = map[string]string{}
	}
	all[me][spec.cacheKey()] = what
	b, err := json.Marshal(all)
	if err != nil || os.MkdirAll(e.options.Cache, 0o755) != nil {
		return
	}
	temp := fmt.Sprintf("%s.%d", e.cached(), os.Getpid())
	if os.WriteFile(temp, b, 0o644) == nil {
		os.Rename(temp, e.cached())
	}
}
