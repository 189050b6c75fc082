package exec

import (
	"fmt"
	"math"
	"strconv"

	"fp4tui/inspect/layer"
)

// OrderArg is the value of order=, as layer.ParseOrder reads it.
type OrderArg string

// UnmarshalText accepts sequential, reverse, split:S, sliced:S and stream:W.
func (o *OrderArg) UnmarshalText(text []byte) error {
	order, err := layer.ParseOrder(string(text))
	if err != nil {
		return err
	}
	*o = OrderArg(order.String())
	return nil
}

// MarshalText writes what UnmarshalText reads.
func (o OrderArg) MarshalText() ([]byte, error) { return []byte(o), nil }

// order is the order that is meant; sequential when nothing was given.
func (o OrderArg) order() layer.Order {
	if o == "" {
		return layer.Order{}
	}
	order, err := layer.ParseOrder(string(o))
	if err != nil {
		panic(fmt.Sprintf("exec: OrderArg %q was not checked", string(o)))
	}
	return order
}

// AlphaArg is the value of alpha=: own, fused-max, fused-first or a positive number.
type AlphaArg string

// The words of alpha=.
const (
	alphaOwn        AlphaArg = "own"
	alphaFusedMax   AlphaArg = "fused-max"
	alphaFusedFirst AlphaArg = "fused-first"
)

// UnmarshalText accepts a word or a positive number.
func (a *AlphaArg) UnmarshalText(text []byte) error {
	s := string(text)
	switch word := AlphaArg(s); word {
	case alphaOwn, alphaFusedMax, alphaFusedFirst:
		*a = word
		return nil
	}
	v, err := strconv.ParseFloat(s, 32)
	if err != nil || !(v > 0) || math.IsInf(v, 0) {
		return fmt.Errorf("alpha=%s: want own, fused-max, fused-first or a positive number", s)
	}
	*a = AlphaArg(strconv.FormatFloat(v, 'g', -1, 32))
	return nil
}

// MarshalText writes what UnmarshalText reads.
func (a AlphaArg) MarshalText() ([]byte, error) { return []byte(a), nil }

// given is the number; nil for a word.
func (a AlphaArg) given() *float32 {
	v, err := strconv.ParseFloat(string(a), 32)
	if err != nil {
		return nil
	}
	f := float32(v)
	return &f
}

// alphaPlaces and biasPlaces are epilogue= and bias= by word.
var (
	alphaPlaces = places(layer.AlphaF32, layer.AlphaBF16, layer.AlphaOut)
	biasPlaces  = places(layer.BiasNone, layer.BiasF32, layer.BiasOut)
	actPers     = places(layer.ActPerTensor, layer.ActPerToken, layer.ActPerExpert)
)

func places[P fmt.Stringer](list ...P) map[string]P {
	m := make(map[string]P, len(list))
	for _, p := range list {
		m[p.String()] = p
	}
	return m
}
