package lint

import (
	"fmt"
	"math"
	"strconv"

	"fp4tui/inspect/checkpoint"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// unusable are the values of a scale that no engine can compute with, first match first. The
// smallest float32 normal is the limit of zero: GPUs' reciprocals of anything below are
// infinite.
var unusable = []struct {
	rule   string
	is     func(v float64) bool
	effect string
}{
	{"scalar-nan", func(v float64) bool { return v != v }, "every output is NaN"},
	{"scalar-inf", func(v float64) bool { return math.IsInf(v, 0) }, "every output is 0 or NaN"},
	{"scalar-negative", func(v float64) bool { return v < 0 }, "every value changes sign, or is clipped to zero"},
	{"scalar-zero", func(v float64) bool { return v < 0x1p-126 }, "every value becomes 0 or infinite"},
}

// scalars checks the global and the activation scale of a layer by value.
func (k *checker) scalars(l *layer.Layer) {
	global := k.scalar(l, l.Parts.Global, "global", l.Global.Value)
	input := k.scalar(l, l.Parts.Input, "activation", l.Input.Value)
	if global && input {
		k.inverse(l)
	}
}

// scalar reports an unusable scale; true means there is one and it can be used.
func (k *checker) scalar(l *layer.Layer, e *checkpoint.Entry, name string, v float32) bool {
	if e == nil || e.Cut() {
		return false
	}
	for _, u := range unusable {
		if !u.is(float64(v)) {
			continue
		}
		f := of(l, e)
		f.What = fmt.Sprintf("%s scale is %s", name, stored(v))
		f.Effect = u.effect
		f.Why = "no calibration gives such a value: this layer saw no data, or the scale was never written"
		f.Cure = "calibrate with data that reaches this layer and export it again"
		k.report(u.rule, f)
		k.told[e.Name] = true
		return false
	}
	return true
}

// inverse reports an activation scale made from the weight scale. Equal, or equal to the
// reciprocal within one step of float32, is no accident unless both are 1, which
// exporters write when they have nothing better.
func (k *checker) inverse(l *layer.Layer) {
	g, x := l.Global.Value, l.Input.Value
	var how string
	switch {
	case g == 1:
		return
	case withinULP(x, 1/g):
		how = "1/global scale"
	case withinULP(x, g):
		how = "the global scale"
	default:
		return
	}
	f := of(l, l.Parts.Input)
	f.What = fmt.Sprintf("activation scale %s is %s of the weights (%s)", stored(x), how, stored(g))
	f.Effect = "activations are quantized with a range that has nothing to do with them: they saturate, or vanish below the smallest step"
	f.Why = "it was not calibrated: a converter or a loader made it from the weight scale"
	f.Cure = "calibrate activations, or drop the scale and run w4a16 or with dynamic scales"
	k.report("act-scale-is-inverse-weight-scale", f)
}

// withinULP compares two positive float32.
func withinULP(a, b float32) bool {
	d := int64(math.Float32bits(a)) - int64(math.Float32bits(b))
	return d >= -1 && d <= 1
}

// plausible bounds of the greatest weight. Trained layers stay orders of magnitude inside; a
// scale applied in the wrong direction lands orders of magnitude outside.
const (
	greatestAmax = 1e3
	leastAmax    = 1e-6
)

// inverted reports a global scale that makes no sense in its producer's direction.
// amax is the greatest weight that block scales and codes allow before the global scale.
func (k *checker) inverted(l *layer.Layer, amax float64) {
	if l.Global.Use == fp4.NoGlobal || l.Parts.Global == nil || k.told[l.Parts.Global.Name] {
		return
	}
	m := float64(l.Global.Multiplier())
	implied := amax * m
	if !(m > 0) || math.IsInf(m, 1) || amax == 0 || implied <= greatestAmax && implied >= leastAmax {
		return
	}
	f := of(l, l.Parts.Global)
	f.What = fmt.Sprintf("global scale %s, a %s, implies weights up to %s", stored(l.Global.Value), l.Global.Use, number(implied))
	f.Effect = "outputs are off by a factor of " + number(max(implied, 1/implied)) + " or so"
	f.Why = "divisor read as multiplier, or the other way? compressed-tensors divides by the global scale, ModelOpt multiplies"
	if other := amax / m; other <= greatestAmax && other >= leastAmax {
		f.Why += fmt.Sprintf("; in the other direction the greatest weight is %s", number(other))
	}
	f.Cure = "store the reciprocal, or the name of the other convention"
	k.report("global-inverted", f)
}

// stored writes a scalar of the file in the shortest decimal that reads back; whole numbers in
// full, as they stand in a hex editor's float column.
func stored(v float32) string {
	if f := float64(v); f == math.Trunc(f) && math.Abs(f) < 1<<24 {
		return strconv.FormatFloat(f, 'f', 0, 32)
	}
	if v != v || math.IsInf(float64(v), 0) {
		return number(float64(v))
	}
	return strconv.FormatFloat(float64(v), 'g', -1, 32)
}

// number writes a computed value in the few digits of a message.
func number(v float64) string {
	switch {
	case math.IsNaN(v):
		return "nan"
	case math.IsInf(v, 1):
		return "inf"
	case math.IsInf(v, -1):
		return "-inf"
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}
