package diagnose

import (
	"context"
	"fmt"
	"math"
	"slices"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// Case is an output and what it should have been made of.
type Case struct {
	Target   []float32      // what to explain: M×N, or the rows of a weight, N×K, when X is nil
	M, N     int            // of Target
	X        []float32      // M×K activations as given; nil: Target is a weight
	XShape   []int          // of X as given, K last; nil: a matrix
	XType    inspect.DType  // of X
	Weights  *layer.Weights // the weight that should have been used
	Expert   int
	Mode     layer.Mode // what should be done to X
	Act      layer.ActPolicy
	ActValue float32
	Free     bool      // nobody said what is done to X: unquantized, dynamic and stored are all right
	Siblings []Sibling // layers that an engine fuses with this one
	// Repair says that Target is right and the weight is not: the question is what was
	// done to the codes and scales. The error that quantization leaves is not to be explained.
	Repair bool
}

// Sibling is a global scale of another layer.
type Sibling struct {
	Name       string
	Multiplier float32
}

// The sample: rows of x and of the weight. Whole tiles and a scatter, so that every layout
// moves some of it.
const (
	sampleRows = 16
	sampleCols = 128
)

// scene is a case with its sample and the plain prediction.
type scene struct {
	*Case
	ctx     context.Context // of the one Explain that the scene lives for
	w       *fp4.Blocks
	k       int
	rows    []int       // of x
	cols    []int       // of the weight
	target  [][]float64 // by sampled column: values by sampled row; of a weight the K values of a row
	inputs  []input     // ways to read x
	energy  float64     // of target
	base    float64     // squared error of the best plain prediction
	quick   float64     // base on the sample of a first look
	floor   float64     // what quantization leaves
	chosen  int         // input of the best plain prediction
	bias    []float32
	scratch []float32
}

// input is x as some policy makes it, at the sampled rows.
type input struct {
	name, command string
	rows          [][]float32
	plain         bool // what should be done, or could have been meant
}

// quantizationFloor is the energy, over that of the reference, that a nearest code leaves: about
// 20 dB.
const quantizationFloor = 0.009

// newScene samples a case. Errors are *inspect.Fault.
func newScene(ctx context.Context, c *Case) (*scene, error) {
	if c.Weights == nil || c.Expert < 0 || c.Expert >= len(c.Weights.Blocks) {
		return nil, fault(inspect.ErrMissing, "no weight to compare with", "diagnose needs the quantized weight", "w=W")
	}
	w := &c.Weights.Blocks[c.Expert]
	if err := w.Check(); err != nil {
		return nil, err
	}
	s := &scene{Case: c, ctx: ctx, w: w, k: w.Cols, scratch: make([]float32, w.Cols)}
	if err := s.fits(); err != nil {
		return nil, err
	}
	s.cols = spread(w.Rows, sampleCols)
	s.rows = spread(c.M, sampleRows)
	if c.X == nil {
		s.rows = nil
	}
	if c.Weights.Bias != nil && len(c.Weights.Bias.Data) >= (c.Expert+1)*w.Rows {
		s.bias = c.Weights.Bias.Data[c.Expert*w.Rows : (c.Expert+1)*w.Rows]
	}
	s.sampleTarget(func(m, n int) float32 { return c.Target[m*c.N+n] })
	if c.Repair {
		s.floor = quantizationFloor * s.energy
	}
	return s, s.sampleInputs()
}

func (s *scene) fits() error {
	c, w := s.Case, s.w
	want := [2]int{c.M, w.Rows}
	if c.X == nil {
		want = [2]int{w.Rows, w.Cols}
	}
	switch {
	case w.Rows == 0 || w.Cols == 0 || c.M == 0:
		return fault(inspect.ErrMismatch, "nothing to diagnose", "the product is empty", "")
	case c.X != nil && len(c.X) != c.M*w.Cols:
		return fault(inspect.ErrMismatch, "x does not fit the weight", fmt.Sprintf("%d values are not %d rows of K %d", len(c.X), c.M, w.Cols), "")
	case c.M != want[0] || c.N != want[1] || len(c.Target) != c.M*c.N:
		return fault(inspect.ErrMismatch, "the output does not fit", fmt.Sprintf("it is %d×%d, x and w make %d×%d", c.M, c.N, want[0], want[1]), "")
	}
	return nil
}

// sampleTarget reads the sample of the output.
func (s *scene) sampleTarget(at func(m, n int) float32) {
	s.target, s.energy = nil, 0
	for _, n := range s.cols {
		var values []float64
		if s.X == nil {
			for k := range s.k {
				values = append(values, float64(at(n, k)))
			}
		} else {
			for _, m := range s.rows {
				values = append(values, float64(at(m, n)))
			}
		}
		for i, v := range values {
			if v-v != 0 { // a NaN is no evidence of anything but itself
				values[i] = math.NaN()
			} else {
				s.energy += v * v
			}
		}
		s.target = append(s.target, values)
	}
}

// spread chooses at most count of n indices: the first half in one run, the others far apart.
func spread(n, count int) []int {
	if n <= count {
		return upTo(n)
	}
	list := upTo(count / 2)
	rest := n - count/2
	for i := range count / 2 {
		list = append(list, count/2+int(int64(i)*int64(rest)/int64(count/2)))
	}
	return slices.Compact(list)
}

func upTo(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

// reading is a way to read the weight and write the output. The zero reading is the right one.
type reading struct {
	blocks *fp4.Blocks              // codes and scales in another order; nil: as they are
	lazy   func() *fp4.Blocks       // makes blocks when their turn comes; nil where they are the right ones
	codes  *[16]float32             // another value of each code
	scales *[256]float32            // another value of each scale byte, without the global scale
	global float64                  // factor beside the right one; 0 is 1
	row    func(n int) int          // weight row that output n is made of; nil: n, -1: none
	edit   func(n int, w []float32) // changes a dequantized row
	bias   []float32                // added to the output
	input  *input                   // x in another way; nil: each of the plain ones is tried
	at     func(m, n int) float32   // the output read in another order; nil: as it is
}

// row writes the dequantized weight row that output n is made of under a reading.
func (s *scene) row(r *reading, n int, dst []float32) {
	if r.row != nil {
		if n = r.row(n); n < 0 {
			clear(dst)
			return
		}
	}
	b := s.w
	if r.blocks != nil {
		b = r.blocks
	}
	switch {
	case b.Cols > len(dst): // a padded buffer
		wide := make([]float32, b.Cols)
		b.DequantRow(n, wide)
		copy(dst, wide)
	case r.codes == nil && r.scales == nil:
		b.DequantRow(n, dst)
	default:
		s.decode(r, b, n, dst)
	}
	if r.global != 0 {
		for k := range dst {
			dst[k] = float32(float64(dst[k]) * r.global)
		}
	}
	if r.edit != nil {
		r.edit(n, dst)
	}
}

func (s *scene) decode(r *reading, b *fp4.Blocks, n int, dst []float32) {
	m := b.Global.Multiplier()
	for k := range dst {
		v, scale := fp4.DecodeE2M1(b.Code(n, k)), b.Scale(n, k)
		if r.codes != nil {
			v = r.codes[b.Code(n, k)]
		}
		if r.scales != nil {
			dst[k] = v * r.scales[scale] * m
		} else {
			dst[k] = v * b.Effective(scale)
		}
	}
}

// distance is the squared error of a reading on the sample, with the input that fits
// best. An element that is NaN on one side alone counts with the energy of the mean one.
func (s *scene) distance(r *reading, step int) (least float64, which int) {
	inputs := s.inputs
	if r.input != nil {
		inputs = []input{*r.input}
	}
	return s.distances(r, inputs, step)
}

// distances is distance with each of some inputs, over every step-th row and column of the
// sample.
func (s *scene) distances(r *reading, inputs []input, step int) (least float64, which int) {
	sums := make([]float64, max(len(inputs), 1))
	w := s.scratch
	mean := s.energy / float64(max(len(s.target), 1)*max(len(s.target[0]), 1))
	if mean == 0 {
		mean = 1 // an output without any number is not what x and w make
	}
	for j := 0; j < len(s.cols); j += step {
		n := s.cols[j]
		s.row(r, n, w)
		offset := 0.0
		if r.bias != nil {
			offset = float64(r.bias[n])
		}
		want := s.target[j]
		if s.X == nil {
			for k, v := range w {
				sums[0] += gap(want[k], float64(v), mean)
			}
			continue
		}
		for i, in := range inputs {
			for l := 0; l < len(in.rows); l += step {
				sums[i] += gap(want[l], dot(in.rows[l], w)+offset, mean)
			}
		}
	}
	least = math.Inf(1)
	for i, v := range sums {
		if r.input == nil && i < len(inputs) && !inputs[i].plain {
			continue
		}
		if v < least {
			least, which = v, i
		}
	}
	return least, which
}

// gap is the squared difference; the mean energy where one side alone is no number.
func gap(a, b, mean float64) float64 {
	d := a - b
	switch {
	case d-d == 0:
		return float64(d * d)
	case a != a && b-b != 0 || a == b:
		return 0
	}
	return mean
}

func dot(a, b []float32) float64 {
	var s0, s1, s2, s3 float64
	b = b[:len(a)]
	i := 0
	for ; i+4 <= len(a); i += 4 {
		s0 += float64(float64(a[i]) * float64(b[i]))
		s1 += float64(float64(a[i+1]) * float64(b[i+1]))
		s2 += float64(float64(a[i+2]) * float64(b[i+2]))
		s3 += float64(float64(a[i+3]) * float64(b[i+3]))
	}
	for ; i < len(a); i++ {
		s0 += float64(float64(a[i]) * float64(b[i]))
	}
	return s0 + s1 + (s2 + s3)
}

func fault(class error, what, why, cure string) *inspect.Fault {
	return &inspect.Fault{Class: class, Offset: -1, What: what, Why: why, Cure: cure}
}
