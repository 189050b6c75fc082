package layer

import (
	"context"
	"math"
	"runtime"
	"sync"

	"fp4tui/inspect"
	"fp4tui/inspect/checkpoint"
)

// readScalars reads the global scales of all layers. A file is opened for each, so
// several are read at a time; each worker writes its own findings only.
func (f *finder) readScalars(ctx context.Context) {
	work := make(chan *finding)
	var workers sync.WaitGroup
	for range min(2*runtime.GOMAXPROCS(0), len(f.found)) {
		workers.Go(func() {
			for found := range work {
				found.readScalars(ctx)
			}
		})
	}
	for _, found := range f.found {
		if found.layer != nil {
			work <- found
		}
	}
	close(work)
	workers.Wait()
}

func (found *finding) readScalars(ctx context.Context) {
	l := found.layer
	if e := l.Parts.Global; e != nil {
		l.Global.Value = found.readScalar(ctx, l, e)
		found.sound(e, l.Global.Value, "global scale", "every weight becomes 0, infinite or NaN")
	}
	if e := l.Parts.Input; e != nil {
		l.Input.Value = found.readScalar(ctx, l, e)
		found.sound(e, l.Input.Value, "activation scale", "every activation becomes 0, infinite or NaN")
	}
}

// readScalar reads one number; NaN, and a fault, when that fails. A cut file is the
// checkpoint's fault and not told twice.
func (found *finding) readScalar(ctx context.Context, l *Layer, e *checkpoint.Entry) float32 {
	nan := float32(math.NaN())
	if e.Cut() {
		return nan
	}
	t, err := l.Checkpoint.Tensor(ctx, e)
	if err != nil {
		found.add(inspect.ErrUnreadable, e, "cannot read the scale", err.Error(), "load the checkpoint again")
		return nan
	}
	return t.Data[0]
}

// sound notes a scale that no engine can use. The smallest float32 normal is the
// limit, because the GPUs' reciprocal of anything below is infinite.
func (found *finding) sound(e *checkpoint.Entry, v float32, name, effect string) {
	var what string
	switch {
	case e.Cut():
		return
	case v != v:
		what = name + " is NaN"
	case math.IsInf(float64(v), 0):
		what = name + " is infinite"
	case v == 0:
		what = name + " is zero"
	case v < 0:
		what, effect = name+" is negative", "engines take it for positive or clip everything"
	case v < 0x1p-126:
		what, effect = name+" is subnormal", "its reciprocal overflows"
	default:
		return
	}
	found.add(inspect.ErrMalformed, e, what, effect, "calibrate and export the layer again")
}
