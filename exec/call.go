package exec

import (
	"context"
	"fmt"

	"fp4tui/exec/language"
	"fp4tui/inspect"
	"fp4tui/inspect/layer"
)

// command is what every verb's struct does. It returns a Result and may bind a value.
type command interface {
	run(c *call) (Result, error)
}

// call is one execution: where it reads names from and where it leaves what it made.
type call struct {
	ctx      context.Context
	s        *Session
	name     string // handle to bind, "" when none was given
	progress layer.Progress
	bound    value
	undone   bool // the command was undo and took one back
	sourced  bool // the command comes from a file being sourced
	saved    bool // the command saved the session
	local    bool // the command is about this machine: no notebook has it
}

// do executes a parsed line.
func (c *call) do(l language.Line) (Result, error) {
	cmd, ok := l.Cmd.(command)
	if !ok {
		panic(fmt.Sprintf("exec: %s has no run", l.Verb))
	}
	return cmd.run(c)
}

// bind leaves the value that the command made; Run gives it its name.
func (c *call) bind(v value) { c.bound = v }

// resolve follows a reference: handle, then attributes. The window is the caller's.
func (c *call) resolve(ref language.Ref) (value, error) {
	v, ok := c.s.snapshot().handles[ref.Name]
	if !ok {
		return nil, fmt.Errorf("%w: no handle named %s", ErrUsage, ref.Name)
	}
	for _, name := range ref.Attrs {
		a, ok := c.s.attributeOf(v.kind(), name)
		if !ok {
			return nil, fmt.Errorf("%w: a %s has no attribute %s", ErrUsage, v.kind(), name)
		}
		next, err := a.get(c, v)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", ref, err)
		}
		v = next
	}
	return v, nil
}

// as resolves a reference to a value of one Go type.
func as[V value](c *call, ref language.Ref, want string) (V, error) {
	v, err := c.resolve(ref)
	if err != nil {
		var zero V
		return zero, err
	}
	got, ok := v.(V)
	if !ok {
		return got, fmt.Errorf("%w: %s is a %s, not a %s", ErrUsage, ref, v.kind(), want)
	}
	return got, nil
}

func (c *call) checkpoint(ref language.Ref) (*checkpointValue, error) {
	return as[*checkpointValue](c, ref, kindCheckpoint)
}

// dense resolves a reference to a dense tensor, window applied.
func (c *call) dense(ref language.Ref) (inspect.Tensor, error) {
	v, err := c.resolve(ref)
	if err != nil {
		return inspect.Tensor{}, err
	}
	t, err := c.tensorOf(ref, v)
	if err != nil {
		return t, err
	}
	return window(t, ref)
}

// tensorOf is the dense tensor that a value stands for, when it stands for one.
func (c *call) tensorOf(ref language.Ref, v value) (inspect.Tensor, error) {
	switch v := v.(type) {
	case *tensorValue:
		return v.tensor, nil
	case *productValue:
		return v.out.Y, nil
	case scaleValue:
		return v.decoded(), nil
	case codesValue:
		return v.decoded(), nil
	case *weightsValue:
		return inspect.Tensor{}, fmt.Errorf("%w: %s is a quantized weight; %s.dequant is its tensor", ErrUsage, ref.Base(), ref.Base())
	case *checkpointValue:
		return c.onlyTensor(ref, v)
	case *comparedValue:
		return inspect.Tensor{}, fmt.Errorf("%w: %w", ErrUsage, &inspect.Fault{Class: inspect.ErrMissing, Offset: -1,
			What: fmt.Sprintf("%s is a %s, not a tensor", ref, v.kind()), Cure: outputsGone})
	}
	return inspect.Tensor{}, fmt.Errorf("%w: %s is a %s, not a tensor", ErrUsage, ref, v.kind())
}

// onlyTensor is the tensor of a checkpoint that holds just one.
func (c *call) onlyTensor(ref language.Ref, v *checkpointValue) (inspect.Tensor, error) {
	entries := v.ckpt.Entries()
	if len(entries) != 1 {
		return inspect.Tensor{}, fmt.Errorf("%w: %s is a checkpoint of %s; bind one with tensor %s NAME", ErrUsage, ref.Base(), plural(len(entries), "tensor"), ref.Base())
	}
	return v.ckpt.Tensor(c.ctx, &entries[0])
}

// weight resolves the W of gemm: a quantized weight or a dense [N,K] tensor.
func (c *call) weight(ref language.Ref) (*weightsValue, *inspect.Tensor, error) {
	v, err := c.resolve(ref)
	if err != nil {
		return nil, nil, err
	}
	if w, ok := v.(*weightsValue); ok {
		if ref.Window != nil || ref.At != "" {
			return nil, nil, fmt.Errorf("%w: %s: a quantized weight is run whole; take a window of the output", ErrUsage, ref)
		}
		return w, nil, w.oneGlobal(ref)
	}
	if p, ok := v.(*preparedValue); ok {
		return p.from, nil, noWindow(ref)
	}
	t, err := c.dense(ref)
	if err != nil {
		return nil, nil, err
	}
	return nil, &t, nil
}

// prepared is the prepared buffer that a reference names, nil when it names another
// kind of weight.
func (c *call) prepared(ref language.Ref) (*preparedValue, error) {
	v, err := c.resolve(ref)
	p, _ := v.(*preparedValue)
	return p, err
}

// by names who produced a value: the badge of a product, the source of a tensor.
func (c *call) by(ref language.Ref) string {
	v, err := c.resolve(ref)
	if err != nil {
		return ""
	}
	switch v := v.(type) {
	case *productValue:
		return v.by
	case *tensorValue:
		return v.source
	}
	return v.kind()
}

// operands finds the product whose operands explain a comparison's elements: the
// first of the references that is an unwindowed product with a quantized weight.
func (c *call) operands(refs ...language.Ref) *productValue {
	for _, ref := range refs {
		if v, err := c.resolve(ref); err == nil && ref.Window == nil {
			if p, ok := v.(*productValue); ok && p.weights != nil {
				return p
			}
		}
	}
	return nil
}
