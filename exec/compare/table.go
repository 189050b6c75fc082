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

	needs func(*Pair) bool // nil: any pair has it
}

// Has says whether the pair has the metric: some need more than two tensors.
func (p *Pair) Has(m Metric) bool { return m.needs == nil || m.needs(p) }

// d is got-want, w is want, g is got.
var table = []Metric{
	{Name: "max_abs", Doc: "greatest |got-want|; +Inf when an infinity is missed",
		Of: func(m *Metrics) float64 { return m.MaxAbs }},
	{Name: "mean_abs", Doc: "mean of |got-want| over finite elements",
		Of: func(m *Metrics) float64 { return m.MeanAbs }},
	{Name: "p99_abs", Doc: "99th percentile of |got-want|, exact nearest rank: 99 % of the elements are at or below it",
		Of: func(m *Metrics) float64 { return m.P99Abs }},
	{Name: "rmse", Doc: "root of the mean of (got-want)² over finite elements",
		Of: func(m *Metrics) float64 { return m.RMSE }},
	{Name: "max_rel", Doc: "greatest |got-want|/|want| where |want| > 1e-3·amax(want), the floor below which cancellation, not the layer, sets it; with no such element 0 for no error, else +Inf",
		Of: func(m *Metrics) float64 { return m.MaxRel }},
	{Name: "rel_l2", Doc: "‖got-want‖₂/‖want‖₂ (Frobenius); 0 for no error, +Inf for an error against all zeros",
		Of: func(m *Metrics) float64 { return m.RelL2 }},
	{Name: "cos", Doc: "cosine ⟨got,want⟩/(‖got‖‖want‖); 1 when both are all zero, 0 when one is",
		Of: func(m *Metrics) float64 { return m.Cos }},
	{Name: "sqnr_db", Unit: "dB", Doc: "signal to quantization noise, 10·log10(‖want‖²/‖got-want‖²) (Chen et al., arXiv 2510.25602); +Inf for no error",
		Of: func(m *Metrics) float64 { return m.SQNR }},
	{Name: "calc_diff", Doc: "1 - 2⟨got,want⟩/(‖got‖²+‖want‖²), the measure of DeepGEMM's tests; 0 when both are all zero",
		Of: func(m *Metrics) float64 { return m.CalcDiff }},
	{Name: "nan", Kind: Integer, Doc: "elements where got or want is NaN; they never compare equal and are left out of all else",
		Of: func(m *Metrics) float64 { return float64(m.NaN) }},
	{Name: "inf", Kind: Integer, Doc: "elements where got or want is infinite and neither is NaN; left out of sums",
		Of: func(m *Metrics) float64 { return float64(m.Inf) }},
	{Name: "ulp_max", Kind: Integer, Unit: "ulp", Doc: "greatest distance of got and want in steps of the output type; +Inf when an infinity is missed",
		Of: func(m *Metrics) float64 { return m.ULPMax }},
	{Name: "noise", Unit: "σ", Doc: "greatest |got-want| over the standard deviation expected from the layer's own scales and codes",
		Of: func(m *Metrics) float64 { return m.Noise }, needs: (*Pair).HasNoise},
	{Name: "proven", Kind: Integer, Doc: "elements of a product whose word no order of accumulation changes",
		Of: func(m *Metrics) float64 { return float64(m.Proven) }, needs: (*Pair).HasProof},
	{Name: "unproven", Kind: Integer, Doc: "elements of a product that another order of accumulation might round otherwise",
		Of: func(m *Metrics) float64 { return float64(m.Unproven) }, needs: (*Pair).HasProof},
	{Name: "proven_mismatch", Kind: Integer, Doc: "proven elements that differ from another run of the same product: each is a bug for certain. Not there against the reference, which rounds otherwise",
		Of: func(m *Metrics) float64 { return float64(m.ProvenMismatch) }, needs: (*Pair).Judged},
	{Name: "count", Kind: Integer, Doc: "elements compared, NaN included; padding is not an element",
		Of: func(m *Metrics) float64 { return float64(m.Count) }},
	{Name: "argmax", Kind: Position, Doc: "where max_abs is, the first one",
		Of: func(m *Metrics) float64 { return m.flat(m.ArgMax) }},
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
