package exec

import (
	"fmt"
	"math"
	"strconv"

	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// ActArg is the value of act=: a policy's name, or a number that the activations are
// divided into as a global scale.
type ActArg string

// actPolicies is the one table of activation policies by name.
var actPolicies = []struct {
	name   string
	policy layer.ActPolicy
}{
	{"none", layer.ActNone},
	{"dynamic", layer.ActDynamic},
	{"static", layer.ActStatic},
	{"unit", layer.ActUnit},
	{"1/weight", layer.ActInvWeight},
}

// UnmarshalText accepts a policy's name or a positive number.
func (a *ActArg) UnmarshalText(text []byte) error {
	s := string(text)
	for _, p := range actPolicies {
		if p.name == s {
			*a = ActArg(s)
			return nil
		}
	}
	v, err := strconv.ParseFloat(s, 32)
	if err != nil || !(v > 0) || math.IsInf(v, 0) {
		return fmt.Errorf("act=%s: want dynamic, static, unit, none, 1/weight or a positive number", s)
	}
	*a = ActArg(strconv.FormatFloat(v, 'g', -1, 32))
	return nil
}

// MarshalText writes what UnmarshalText reads.
func (a ActArg) MarshalText() ([]byte, error) { return []byte(a), nil }

// policy resolves the argument for one layer. Left empty, w4a4 uses the layer's static
// global scale when it has one and dynamic quantization otherwise.
func (a ActArg) policy(mode layer.Mode, w *weightsValue) (layer.ActPolicy, float32, error) {
	if mode == layer.W4A16 {
		if a != "" && a != "none" {
			return 0, 0, fmt.Errorf("%w: act=%s in mode w4a16: activations are not quantized there; use mode=w4a4", ErrUsage, a)
		}
		return layer.ActNone, 0, nil
	}
	hasStatic := w.weights.Layer != nil && w.weights.Layer.Input.Use != fp4.NoGlobal
	switch {
	case a == "" && hasStatic:
		return layer.ActStatic, 0, nil
	case a == "":
		return layer.ActDynamic, 0, nil
	case a == "none":
		return 0, 0, fmt.Errorf("%w: act=none in mode w4a4: it quantizes activations; use mode=w4a16", ErrUsage)
	case a == "static" && !hasStatic:
		return 0, 0, fmt.Errorf("%w: act=static: the layer stores no activation global scale; use act=dynamic", ErrUsage)
	}
	for _, p := range actPolicies {
		if p.name == string(a) {
			return p.policy, 0, nil
		}
	}
	v, err := strconv.ParseFloat(string(a), 32)
	return layer.ActValue, float32(v), err
}

// actName is the policy of a forward run as the user would type it.
func actName(f layer.Forward) string {
	if f.Act == layer.ActValue {
		return strconv.FormatFloat(float64(f.ActVal), 'g', -1, 32)
	}
	for _, p := range actPolicies {
		if p.policy == f.Act {
			return p.name
		}
	}
	return "none"
}
