package layer

import (
	"fp4tui/inspect"
	"fp4tui/inspect/checkpoint"
)

// add notes a violation at a stored tensor and returns a copy.
func (found *finding) add(class error, e *checkpoint.Entry, what, why, cure string) *inspect.Fault {
	fault := inspect.Fault{
		Class: class, File: e.File.Path, Tensor: e.Name, Offset: e.Begin, What: what, Why: why, Cure: cure,
	}
	found.faults = append(found.faults, fault)
	return &fault
}

// missing notes a tensor that is not there, beside one of its module that is. When
// a header lists it but it cannot be used, the reason is the checkpoint's fault. It
// returns a copy.
func (found *finding) missing(f *finder, beside *checkpoint.Entry, tensor, what, why string) *inspect.Fault {
	fault := inspect.Fault{
		Class: inspect.ErrMissing, File: beside.File.Path, Tensor: tensor, Offset: -1, What: what, Why: why,
		Cure: "export the layer again, or add the shard that holds the tensor",
	}
	if cause := f.causes[tensor]; cause != nil {
		fault.Why = "the tensor cannot be used: " + cause.What
		if cause.Why != "" {
			fault.Why += ", " + cause.Why
		}
		if cause.Cure != "" {
			fault.Cure = cause.Cure
		}
	}
	found.faults = append(found.faults, fault)
	return &fault
}
