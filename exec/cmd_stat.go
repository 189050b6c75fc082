package exec

import (
	"fmt"
	"math"

	"fp4tui/exec/language"
	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/stats"
)

// StatCmd counts and sums up.
type StatCmd struct {
	X language.Ref `arg:"X" kind:"tensor|product|layer|quantized|scales|codes" doc:"a tensor, a product, or w.scale"`
}

var statSpec = language.Spec{
	Verb: "stat", Group: "look",
	Summary:  "statistics with a health pill: NaN, infinite, zero, subnormal, saturated",
	Examples: []string{"stat w.scale", "stat y"},
	New:      func() any { return new(StatCmd) },
}

// HistCmd draws a distribution.
type HistCmd struct {
	X    language.Ref `arg:"X" kind:"tensor|product|layer|quantized|scales|codes" doc:"w.scale by code, anything else by value"`
	Axis string       `key:"axis" enum:"linear|log2" default:"log2" doc:"bins of values: equal, or one a power of two"`
	Bins int          `key:"bins" default:"32" min:"1" max:"256" doc:"how many bins at most"`
}

var histSpec = language.Spec{
	Verb: "hist", Group: "look",
	Summary:  "histogram: scales by E4M3/E8M0 code, values linear or by power of two",
	Examples: []string{"hist w.scale", "hist x axis=linear bins=16"},
	New:      func() any { return new(HistCmd) },
}

// CodesCmd shows how the 16 codes are used.
type CodesCmd struct {
	W language.Ref `arg:"W" kind:"layer|quantized|codes" doc:"a layer or a quantized tensor"`
}

var codesSpec = language.Spec{
	Verb: "codes", Group: "look",
	Summary:  "use of the 16 E2M1 codes and the largest code of every block",
	Examples: []string{"codes w"},
	New:      func() any { return new(CodesCmd) },
}

// distribution is what stat and hist look at: scales, or values.
type distribution struct {
	subject string
	scales  *fp4.Blocks
	of      *weightsValue // of scales
	values  inspect.Tensor
}

// distribution resolves the operand of stat and hist. A layer stands for its scales:
// they are what tells a good layer from a bad one.
func (c *call) distribution(ref language.Ref) (distribution, error) {
	d := distribution{subject: ref.String()}
	v, err := c.resolve(ref)
	if err != nil {
		return d, err
	}
	switch v := v.(type) {
	case *weightsValue:
		d.subject, d.scales, d.of = ref.Base().String()+".scale", v.blocks(), v
		return d, noWindow(ref)
	case scaleValue:
		if ref.Window == nil && ref.At == "" {
			d.scales, d.of = v.blocks(), v.w
			return d, nil
		}
	}
	d.values, err = c.dense(ref)
	return d, err
}

// noWindow refuses a window where the whole is meant.
func noWindow(ref language.Ref) error {
	if ref.Window != nil || ref.At != "" {
		return fmt.Errorf("%w: %s: a window of a quantized weight; take one of %s.scale, %s.codes or %s.dequant",
			ErrUsage, ref, ref.Base(), ref.Base(), ref.Base())
	}
	return nil
}

func (cmd *StatCmd) run(c *call) (Result, error) {
	d, err := c.distribution(cmd.X)
	if err != nil {
		return nil, err
	}
	if d.scales != nil {
		return scaleStat(d), nil
	}
	f, err := stats.Float(c.ctx, d.values)
	if err != nil {
		return nil, err
	}
	health := f.Health()
	return Stats{
		Subject: d.subject, Of: "values", Count: f.Count, Pill: pills(health), Level: level(stats.Worst(health)),
		Min: Float(f.Min), P1: Float(f.P1), P50: Float(f.P50), P99: Float(f.P99), Max: Float(f.Max),
		Mean: Float(f.Mean), Std: Float(f.Std), Notes: []string{},
	}, nil
}

func scaleStat(d distribution) Stats {
	s := stats.ScaleStats(d.scales.Scales, d.scales.ScaleType)
	health := s.Health()
	nan := Float(math.NaN())
	expert, experts := d.of.which()
	return Stats{
		Subject: d.subject, Expert: expert, Experts: experts, Of: "block scales", Count: s.Count, Pill: pills(health), Level: level(stats.Worst(health)),
		Min: Float(s.Min.Value), P1: Float(s.P1.Value), P50: Float(s.P50.Value), P99: Float(s.P99.Value), Max: Float(s.Max.Value),
		Mean: nan, Std: nan, Notes: highNotes(scaleMeans(d.scales), d.scales.Rows),
	}
}

// rowGroup is how many rows share a mean: the rows of one 128x4 scale tile's quarter.
const rowGroup = 32

func scaleMeans(b *fp4.Blocks) stats.Means {
	return stats.ScaleMeans(b.Scales, b.Rows, b.ScaleCols(), rowGroup, b.ScaleType)
}

// maxHighNotes bounds how many blocks and row groups are called out.
const maxHighNotes = 3

func highNotes(m stats.Means, rows int) []string {
	notes := []string{}
	for i, h := range m.HighBlock {
		if i == maxHighNotes {
			notes = append(notes, fmt.Sprintf("and %d more K blocks run high", len(m.HighBlock)-i))
			break
		}
		notes = append(notes, fmt.Sprintf("K block %d runs high: %.2g× the median block", h.Index, h.Times))
	}
	for i, h := range m.HighRows {
		if i == maxHighNotes {
			notes = append(notes, fmt.Sprintf("and %d more groups of rows run high", len(m.HighRows)-i))
			break
		}
		notes = append(notes, fmt.Sprintf("rows %d-%d run high: %.2g× the median group", h.Index*m.Group, min((h.Index+1)*m.Group, rows)-1, h.Times))
	}
	return notes
}

func pills(parts []stats.Part) []Pill {
	out := make([]Pill, 0, len(parts))
	for _, p := range parts {
		out = append(out, Pill{Name: p.Name, Count: p.Count, Share: p.Share, Level: level(p.Level)})
	}
	return out
}

// level is the word of a level in results.
func level(l stats.Level) string {
	return [...]string{stats.OK: "ok", stats.Warn: "warn", stats.Bad: "bad"}[l]
}

func (cmd *HistCmd) run(c *call) (Result, error) {
	d, err := c.distribution(cmd.X)
	if err != nil {
		return nil, err
	}
	if d.scales != nil {
		return scaleHistogram(d), nil
	}
	bins := cmd.Bins
	if bins == 0 {
		bins = 32
	}
	f, err := stats.Float(c.ctx, d.values)
	if err != nil {
		return nil, err
	}
	axis := first(cmd.Axis, "log2")
	r := Histogram{
		Subject: d.subject, Of: "values", Axis: axis, Count: f.Count, Bins: []Bin{}, Pill: pills(f.Health()), Notes: []string{},
		Min: Float(f.Min), P1: Float(f.P1), P50: Float(f.P50), P99: Float(f.P99), Max: Float(f.Max),
	}
	for _, b := range stats.Histogram(d.values.Data, bins, axis == "log2") {
		r.Bins = append(r.Bins, Bin{Code: -1, Lo: Float(b.Lo), Hi: Float(b.Hi), Count: b.Count})
	}
	return r, nil
}

// scaleHistogram has one bin a code, from the smallest code that occurs to the largest.
func scaleHistogram(d distribution) Histogram {
	b := d.scales
	s := stats.ScaleStats(b.Scales, b.ScaleType)
	means := scaleMeans(b)
	r := Histogram{
		Subject: d.subject, Of: "block scales", Axis: "code", Format: b.ScaleType.String(), Count: s.Count, Bins: []Bin{}, Pill: pills(s.Health()),
		Min: Float(s.Min.Value), P1: Float(s.P1.Value), P50: Float(s.P50.Value), P99: Float(s.P99.Value), Max: Float(s.Max.Value),
		KMean: floats(means.Blocks), NMean: floats(means.Rows), Notes: highNotes(means, b.Rows),
	}
	r.Expert, r.Experts = d.of.which()
	lo, hi := -1, -1
	for code, n := range s.ByCode {
		if n > 0 {
			if lo < 0 {
				lo = code
			}
			hi = code
		}
	}
	for code := lo; lo >= 0 && code <= hi; code++ {
		v := Float(b.ScaleType.Decode(uint16(code)))
		r.Bins = append(r.Bins, Bin{Code: code, Lo: v, Hi: v, Count: s.ByCode[code]})
	}
	return r
}

// maxMeans bounds the marginal means of a histogram: beyond it neighbours are joined.
const maxMeans = 512

// floats copies means into a result, joining neighbours when there are too many.
func floats(v []float64) []Float {
	step := (len(v) + maxMeans - 1) / maxMeans
	out := make([]Float, 0, min(len(v), maxMeans))
	for i := 0; i < len(v); i += max(step, 1) {
		sum, n := 0.0, 0
		for _, x := range v[i:min(i+step, len(v))] {
			sum, n = sum+x, n+1
		}
		out = append(out, Float(sum/float64(n)))
	}
	return out
}

func (cmd *CodesCmd) run(c *call) (Result, error) {
	v, err := c.resolve(cmd.W)
	if err != nil {
		return nil, err
	}
	if cv, ok := v.(codesValue); ok {
		v = cv.w
	}
	w, ok := v.(*weightsValue)
	if !ok {
		return nil, fmt.Errorf("%w: %s is a %s; codes are those of a layer or a quantized tensor", ErrUsage, cmd.W, v.kind())
	}
	if err := noWindow(cmd.W); err != nil {
		return nil, err
	}
	return codeUse(cmd.W.String(), w), nil
}

func codeUse(subject string, w *weightsValue) CodeUse {
	b := w.blocks()
	u := stats.CodeUse(b.Codes)
	expert, experts := w.which()
	r := CodeUse{Subject: subject, Expert: expert, Experts: experts, Codes: u.Count, Used: u.Used, Positive: u.Positive, Negative: u.Negative, BlockMax: stats.BlockMaxima(b), Notes: []string{}}
	for _, n := range u.Count {
		r.Count += n
	}
	for _, n := range r.BlockMax {
		r.Blocks += n
	}
	if r.Used < 16 {
		r.Notes = append(r.Notes, fmt.Sprintf("only %d of 16 codes occur", r.Used))
	}
	if low := r.Blocks - r.BlockMax[7] - r.BlockMax[0]; low > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%d of %d blocks never reach 6: their scale is larger than they need", low, r.Blocks))
	}
	return r
}

// decoded is the E2M1 codes as values, [N,K].
func (v codesValue) decoded() inspect.Tensor {
	b := v.w.blocks()
	t := inspect.Tensor{DType: inspect.F4, Shape: []int{b.Rows, b.Cols}, Data: make([]float32, b.Rows*b.Cols)}
	for i, code := range fp4.Unpack(b.Codes, len(t.Data), b.Order) {
		t.Data[i] = fp4.DecodeE2M1(code)
	}
	return t
}
