package compare

import (
	"math"
	"slices"
)

// Kind says how a metric is written.
type Kind uint8

// The kinds of metrics.
const (
	Real     Kind = iota // a float
	Integer              // a count, without decimals; may be +Inf
	Position             // a flat index m·N + n, or -1; Metrics holds it as [m,n]
)

// Metric is one row of the table of metrics: what `e.NAME` means.
type Metric struct {
	Name string
	Kind Kind
	Unit string // "dB", "ulp"; empty for none
	Doc  string // definition and source
	Of   func(*Metrics) float64
}

// d is got-want, w is want, g is got.
var table = []Metric{
	{"max_abs", Real, "", "greatest |got-want|; +Inf when an infinity is missed",
		func(m *Metrics) float64 { return m.MaxAbs }},
	{"mean_abs", Real, "", "mean of |got-want| over finite elements",
		func(m *Metrics) float64 { return m.MeanAbs }},
	{"p99_abs", Real, "", "99th percentile of |got-want|, exact nearest rank: 99 % of the elements are at or below it",
		func(m *Metrics) float64 { return m.P99Abs }},
	{"rmse", Real, "", "root of the mean of (got-want)² over finite elements",
		func(m *Metrics) float64 { return m.RMSE }},
	{"max_rel", Real, "", "greatest |got-want|/|want| where |want| > 1e-3·amax(want), the floor below which cancellation, not the layer, sets it; with no such element 0 for no error, else +Inf",
		func(m *Metrics) float64 { return m.MaxRel }},
	{"rel_l2", Real, "", "‖got-want‖₂/‖want‖₂ (Frobenius); 0 for no error, +Inf for an error against all zeros",
		func(m *Metrics) float64 { return m.RelL2 }},
	{"cos", Real, "", "cosine ⟨got,want⟩/(‖got‖‖want‖); 1 when both are all zero, 0 when one is",
		func(m *Metrics) float64 { return m.Cos }},
	{"sqnr_db", Real, "dB", "signal to quantization noise, 10·log10(‖want‖²/‖got-want‖²) (Chen et al., arXiv 2510.25602); +Inf for no error",
		func(m *Metrics) float64 { return m.SQNR }},
	{"calc_diff", Real, "", "1 - 2⟨got,want⟩/(‖got‖²+‖want‖²), the measure of DeepGEMM's tests; 0 when both are all zero",
		func(m *Metrics) float64 { return m.CalcDiff }},
	{"nan", Integer, "", "elements where got or want is NaN; they never compare equal and are left out of all else",
		func(m *Metrics) float64 { return float64(m.NaN) }},
	{"inf", Integer, "", "elements where got or want is infinite and neither is NaN; left out of sums",
		func(m *Metrics) float64 { return float64(m.Inf) }},
	{"ulp_max", Integer, "ulp", "greatest distance of got and want in steps of the output type; +Inf when an infinity is missed",
		func(m *Metrics) float64 { return m.ULPMax }},
	{"noise", Real, "σ", "greatest |got-want| over the standard deviation expected from the layer's own scales and codes",
		func(m *Metrics) float64 { return m.Noise }},
	{"count", Integer, "", "elements compared, NaN included; padding is not an element",
		func(m *Metrics) float64 { return float64(m.Count) }},
	{"argmax", Position, "", "where max_abs is, the first one",
		func(m *Metrics) float64 { return m.flat(m.ArgMax) }},
}

func (m *Metrics) flat(at [2]int) float64 {
	if at[0] < 0 {
		return -1
	}
	return float64(at[0])*float64(m.N) + float64(at[1])
}

// Table lists the metrics in the order in which they are shown.
func Table() []Metric { return slices.Clone(table) }

// Lookup returns the metric of a name.
func Lookup(name string) (Metric, bool) {
	i := slices.IndexFunc(table, func(m Metric) bool { return m.Name == name })
	if i < 0 {
		return Metric{}, false
	}
	return table[i], true
}

// Value is the metric called name; NaN when there is no such metric.
func (m *Metrics) Value(name string) float64 {
	if t, ok := Lookup(name); ok {
		return t.Of(m)
	}
	return math.NaN()
}
