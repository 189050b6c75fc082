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

// verify says whether a kernel may run here. The first time it computes the known
// answers, and drawn layers if there is an oracle; what came out is kept for the life of the
// engine and, if it was right, in the cache. It runs on the device's thread.
func (e *Engine) verify(ctx context.Context, spec *kernelSpec) Kernel {
	return e.judge(ctx, spec, func() error {
		err := e.knownAnswers(ctx, spec)
		if err == nil && e.options.Oracle != nil {
			err = e.drawn(ctx, spec)
		}
		return err
	})
}

// judge is verify with the test of the kernel given.
func (e *Engine) judge(ctx context.Context, spec *kernelSpec, test func() error) Kernel {
	if k, known := e.verdict[spec.name]; known {
		return k
	}
	k := Kernel{Name: spec.name, Doc: spec.doc}
	if k.Why = spec.runs(e.device.ComputeCapability); k.Why != "" {
		k.Status = StatusForeign
		if spec.unrun != "" {
			k.Status += "; " + spec.unrun
		}
		return k
	}
	if e.remembered()[spec.remembered()] {
		k.Ready, k.Status = true, StatusVerified
		e.verdict[spec.name] = k
		return k
	}
	err := test()
	if ctx.Err() != nil {
		k.Why, k.Status = ctx.Err().Error(), StatusUnknown
		return k // asked again next time
	}
	if errors.Is(err, ErrNoLibrary) {
		k.Why, k.Status = inspect.Printable(err.Error()), StatusAbsent
	} else if err != nil {
		k.Why, k.Status = "known answers: "+inspect.Printable(err.Error()), StatusFailed
	} else {
		k.Ready, k.Status = true, StatusVerified
		e.remember(spec)
	}
	e.verdict[spec.name] = k
	return k
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

// cached is the file that remembers: by fingerprint, the kernels that came out right.
func (e *Engine) cached() string { return filepath.Join(e.options.Cache, "cuda-verified.json") }

func (e *Engine) remembered() map[string]bool {
	all := map[string]map[string]bool{}
	if b, err := os.ReadFile(e.cached()); e.options.Cache != "" && err == nil && json.Unmarshal(b, &all) != nil {
		return nil // another program's file, or a broken one: ask the device
	}
	return all[e.fingerprint()]
}

// remembered is what the cache calls a kernel: one of a library goes by the library, too.
func (k *kernelSpec) remembered() string {
	if !k.library {
		return k.name
	}
	return fmt.Sprint(k.name, libraries())
}

// remember adds a kernel to the cache. A cache that can't be written costs time and
// nothing else.
func (e *Engine) remember(spec *kernelSpec) {
	if e.options.Cache == "" {
		return
	}
	mine := e.remembered()
	if mine == nil {
		mine = map[string]bool{}
	}
	mine[spec.remembered()] = true
	b, err := json.Marshal(map[string]map[string]bool{e.fingerprint(): mine})
	if err != nil || os.MkdirAll(e.options.Cache, 0o755) != nil {
		return
	}
	temp := e.cached() + ".new"
	if os.WriteFile(temp, b, 0o644) == nil {
		os.Rename(temp, e.cached())
	}
}
