package exec

import (
	"fmt"
	"math"
	"slices"

	"fp4tui/exec/compare"
	"fp4tui/exec/language"
	"fp4tui/inspect/layer"
)

// kindCompared is a handle of gemm against=.
const kindCompared = "comparison"

// outputsGone is the way out for who wants elements of a comparison: insteadOfElements, by the
// kinds of handle that have them.
const outputsGone = "its outputs are gone: run both, diff them"

var insteadOfElements = []language.Instead{{Have: kindCompared, Want: kindDiff, Hint: outputsGone}, {Have: kindCompared, Want: kindTensor, Hint: outputsGone}}

// comparedValue is how two backends differ on a layer, without their outputs.
type comparedValue struct {
	result Compared
	cells  layer.Comparison
}

func (*comparedValue) kind() string { return kindCompared }
func (v *comparedValue) describe() string {
	return fmt.Sprintf("%d×%d, %s - %s", v.result.M, v.result.N, v.result.Backend, v.result.Against)
}

// against runs a layer by two backends and compares their outputs: on the device, when
// both are kernels of one, else here.
func (cmd *GemmCmd) against(c *call, f layer.Forward, choice gemmChoice, prepared *preparedValue) (Result, error) {
	be, known := c.s.backend(choice.backend)
	other, both := c.s.backend(string(cmd.Against))
	if !known || !both {
		return nil, fmt.Errorf("%w: backend=%s against=%s: want two backends by name", ErrUsage, choice.backend, cmd.Against)
	}
	for _, b := range []Backend{be, other} {
		if err := c.ready(b); err != nil {
			return nil, err
		}
	}
	m, _ := f.X.Rows()
	r := Compared{Bind: Bind{c.name}, X: cmd.X.String(), W: cmd.W.String(), Backend: choice.backend, Against: string(cmd.Against),
		Mode: "dense", Act: actName(f), Out: dtypeName(f.Out), Arch: f.Arch, M: m}
	if f.Weights != nil {
		r.Mode, r.N = f.Mode.String(), f.Weights.Blocks[f.Expert].Rows
	}
	v := &comparedValue{}
	var err error
	if by, able := be.(Comparer); able && prepared == nil && by.Beside(other.Name()) {
		v.cells, err = by.Compare(c.ctx, f, other.Name(), c.progress)
	} else {
		v.cells, err = c.compareHere(&r, [2]Backend{be, other}, f, prepared)
	}
	if err != nil {
		return nil, err
	}
	r.Kernels, r.Device, r.Step, r.Notes = v.cells.Kernels, v.cells.Device, v.cells.Step, append([]string{}, v.cells.Notes...)
	r.sum(&v.cells)
	v.result = r
	c.bind(v)
	return r, nil
}

// compareHere runs two backends and compares what they return, under the certificate of emu
// where that is one of them. It fills in N and what the certificate says.
func (c *call) compareHere(r *Compared, backends [2]Backend, f layer.Forward, prepared *preparedValue) (cells layer.Comparison, err error) {
	var sides [2]*productValue
	var kernels [2]string
	var notes []string
	for i, be := range backends {
		out, err := c.forward(be, f, prepared)
		if err != nil {
			return cells, err
		}
		sides[i] = &productValue{out: out, forward: f, backend: be.Name()}
		if f.Weights != nil {
			sides[i].weights = &weightsValue{weights: f.Weights}
		}
		kernels[i] = first(out.By, be.Name())
		if out.Foreign {
			out.Notes = append(out.Notes, be.Name()+" has an arithmetic of its own: it differs from a tensor core's words without a bug")
		}
		for _, note := range out.Notes {
			if !slices.Contains(notes, note) {
				notes = append(notes, note)
			}
		}
	}
	got, want := sides[0].out.Y, sides[1].out.Y
	m, n := got.Rows()
	if a, b := len(got.Data), len(want.Data); a != b || a != m*n {
		return cells, fmt.Errorf("%w: %s returned %d outputs, %s %d", ErrShape, backends[0].Name(), a, backends[1].Name(), b)
	}
	r.N = n
	cells = layer.Compare(got.Data, want.Data, m, n, f.Out)
	cells.Kernels, cells.Notes = kernels, notes
	pair, err := paired(sides[0], sides[1])
	if err != nil || !pair.Judged() { // the metrics are for the certificate alone
		return cells, err
	}
	metrics, err := pair.Metrics(c.ctx)
	r.Apart = apart(pair, &metrics)
	return cells, err
}

// sum adds the cells up. Squares are float32 in a cell: those that vanish there are at least
// what the largest error alone makes, and a norm that overflows there is not known.
func (r *Compared) sum(c *layer.Comparison) {
	r.Outputs = int64(r.M) * int64(r.N)
	squares, norm, largest, unwritten := 0.0, 0.0, float32(0), int64(0)
	for i, cell := range c.Cells {
		r.Differ += int64(cell.Different)
		r.NaN += int64(cell.NaN)
		unwritten += int64(cell.Unwritten)
		squares += max(float64(cell.Squares), float64(cell.Largest)*float64(cell.Largest))
		norm += float64(cell.Norm)
		if cell.Different > 0 {
			r.Cells++
		}
		if cell.Largest > largest {
			largest, r.At = cell.Largest, [2]int{i / c.Cols * c.Step, i % c.Cols * c.Step}
		}
	}
	if unwritten > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%s never written: they still hold the guard of before the kernel", plural(int(unwritten), "output")))
	}
	r.MaxAbs, r.RMSE, r.RelL2 = Float(largest), nan(), nan()
	if n := r.Outputs - r.NaN; n > 0 {
		r.RMSE = Float(math.Sqrt(squares / float64(n)))
	}
	switch {
	case norm > 0 && !math.IsInf(norm, 0):
		r.RelL2 = Float(math.Sqrt(squares / norm))
	case squares == 0 && r.Outputs > r.NaN:
		r.RelL2 = 0
	}
}

// comparedMap is the map of the largest error in each cell.
func (c *call) comparedMap(cmd *MapCmd, v *comparedValue, h Heat, o compare.MapOptions) (Result, error) {
	if o.Agg != compare.Max || cmd.Metric != "" && cmd.Metric != compare.Abs.String() {
		return nil, fmt.Errorf("%w: %s: its outputs are gone; there is metric=abs agg=max", ErrUsage, cmd.E)
	}
	rows, cols, err := mapWindow(cmd.E, v.result.M, v.result.N)
	if err != nil {
		return nil, err
	}
	step := v.cells.Step
	cell := func(r compare.Range) compare.Range {
		return compare.Range{Lo: r.Lo / step, Hi: (r.Hi + step - 1) / step}
	}
	o.Rows, o.Cols = cell(rows), cell(cols)
	picture, err := compare.HeatOf(c.ctx, compare.Values(v.cells.Rows, v.cells.Cols, func(row, col int) float64 {
		return float64(v.cells.Cells[row*v.cells.Cols+col].Largest)
	}), o)
	if err != nil {
		return nil, err
	}
	h = heat(h, picture)
	h.Metric, h.By = compare.Abs.String(), v.result.Backend+" - "+v.result.Against
	h.countNaN(v, step)
	h.M, h.N = v.result.M, v.result.N
	h.Row0, h.Col0, h.RowStep, h.ColStep = h.Row0*step, h.Col0*step, h.RowStep*step, h.ColStep*step
	return h, nil
}

// countNaN takes the outputs that are NaN, which cells count apart, into a map of cells.
func (h *Heat) countNaN(v *comparedValue, step int) {
	for i, cell := range v.cells.Cells {
		row, col := i/v.cells.Cols-h.Row0, i%v.cells.Cols-h.Col0
		if cell.NaN == 0 || row < 0 || col < 0 || row/h.RowStep >= h.H || col/h.ColStep >= h.W {
			continue
		}
		h.NaN += int64(cell.NaN)
		pixel := &h.NaNs[row/h.RowStep*h.W+col/h.ColStep]
		*pixel = int32(min(int64(*pixel)+int64(cell.NaN), math.MaxInt32))
	}
}

// comparedAttributes are the numbers of a comparison without outputs.
func comparedAttributes() []attribute {
	rows := []struct {
		name, doc string
		get       func(r *Compared) float64
	}{
		{"differ", "outputs whose words are not the same", func(r *Compared) float64 { return float64(r.Differ) }},
		{"nan", "outputs where either side is NaN", func(r *Compared) float64 { return float64(r.NaN) }},
		{"proven_mismatch", "words that differ and are proven: above 0 one of the two has a bug. NaN, which passes no check, where no certificate speaks of both: it speaks of emu beside what multiplies by the same instruction", func(r *Compared) float64 {
			if !r.Certified {
				return math.NaN()
			}
			return float64(r.ProvenMismatch)
		}},
		{"max_abs", "largest |got-want|", func(r *Compared) float64 { return float64(r.MaxAbs) }},
		{"rmse", "root of the mean square of got-want", func(r *Compared) float64 { return float64(r.RMSE) }},
		{"rel_l2", "norm of got-want over the norm of want", func(r *Compared) float64 { return float64(r.RelL2) }},
		{"count", "how many outputs", func(r *Compared) float64 { return float64(r.Outputs) }},
	}
	out := make([]attribute, 0, len(rows))
	for _, row := range rows {
		out = append(out, attribute{row.name, row.doc, kindNumber, of(func(_ *call, v *comparedValue) (value, error) { return number(row.get(&v.result)) })})
	}
	return out
}

// comparedInfo describes the handle again.
func comparedInfo(ref language.Ref, v *comparedValue) (Result, error) {
	r := v.result
	r.Bind = Bind{}
	return r, noWindow(ref)
}
