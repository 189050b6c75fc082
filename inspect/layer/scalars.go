package layer

import (
	"context"
	"math"

	"fp4tui/inspect"
	"fp4tui/inspect/checkpoint"
)

// readScalars reads the global scales of all layers together.
func (f *finder) readScalars(ctx context.Context) {
	var entries []*checkpoint.Entry
	for _, found := range f.found {
		for _, s := range found.scalars() {
			if !s.entry.Cut() {
				entries = append(entries, s.entry)
			}
		}
	}
	tensors, errs := f.checkpoint.Tensors(ctx, entries)
	for _, found := range f.found {
		for _, s := range found.scalars() {
			if s.entry.Cut() { // the checkpoint's fault, and not told twice
				continue
			}
			if errs[0] == nil {
				*s.value = tensors[0].Data[0]
			} else {
				found.add(inspect.ErrUnreadable, s.entry, "cannot read the scale", errs[0].Error(), "load the checkpoint again")
			}
			tensors, errs = tensors[1:], errs[1:]
			found.sound(s)
		}
	}
}

// storedScalar is a number of a layer that is stored: NaN until it is read.
type storedScalar struct {
	entry        *checkpoint.Entry
	value        *float32
	name, effect string // of one that is unfit
}

func (found *finding) scalars() []storedScalar {
	l := found.layer
	if l == nil {
		return nil
	}
	var list []storedScalar
	if e := l.Parts.Global; e != nil {
		list = append(list, storedScalar{e, &l.Global.Value, "global scale", "every weight becomes 0, infinite or NaN"})
	}
	if e := l.Parts.Input; e != nil {
		list = append(list, storedScalar{e, &l.Input.Value, "activation scale", "every activation becomes 0, infinite or NaN"})
	}
	return list
}

// sound notes a scale that no engine can use. The smallest float32 normal is the
// limit, because the GPUs' reciprocal of anything below is infinite.
func (found *finding) sound(s storedScalar) {
	v, name, effect := *s.value, s.name, s.effect
	var what string
	switch {
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
	found.add(inspect.ErrMalformed, s.entry, what, effect, "calibrate and export the layer again")
}
