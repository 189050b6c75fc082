package compare

import (
	"math"

	"fp4tui/inspect/fp4"
)

// Cell says what is at a place of a Matrix.
type Cell uint8

// The kinds of cells.
const (
	Data    Cell = iota // a value, possibly infinite
	NaNCell             // a NaN
	PadCell             // padding, never data
	NoCell              // an element that has no value in this measure
)

// Matrix is any two-dimensional field of values that a map can be made of. Read fills values
// and cells with one run of columns of a row; both have the same length and are
// inside the matrix. Read must be safe for concurrent use.
type Matrix interface {
	Size() (rows, cols int)
	Read(row, col int, values []float64, cells []Cell)
}

// Measure is what is mapped or sorted by.
type Measure uint8

// The measures of an element's error. Missed infinities are +Inf in all of them
// (±Inf in Signed); an element that is NaN has none.
const (
	Abs    Measure = iota // |got-want|
	Signed                // got-want; sorted by magnitude
	Rel                   // |got-want|/|want| where |want| is above the floor
	ULP                   // steps of the output type
	Noise                 // |got-want| over its expected standard deviation; needs SetNoise

	Unproven       // 1 where the word depends on the order of accumulation, 0 where it is proven not to; needs SetProof
	ProvenMismatch // |got-want| of proven elements, which is a bug where it is not 0; needs SetProof
)

var measureNames = [...]string{Abs: "abs", Signed: "signed", Rel: "rel", ULP: "ulp", Noise: "noise",
	Unproven: "unproven", ProvenMismatch: "proven_mismatch"}

// String is the word of the command language: "abs", "signed", "rel", "ulp", "noise",
// "unproven", "proven_mismatch".
func (b Measure) String() string { return measureNames[b] }

// ParseMeasure returns the measure with this name.
func ParseMeasure(name string) (Measure, bool) {
	for i, n := range measureNames {
		if n == name {
			return Measure(i), true
		}
	}
	return 0, false
}

// MeasureNames lists the measures, for completion.
func MeasureNames() []string { return append([]string(nil), measureNames[:]...) }

// measured is the value of a measure; NaN where the element has none.
func (p *Pair) measured(by Measure, i int) float64 {
	switch by { // a NaN has these, too
	case Unproven:
		return p.unproven(i)
	case ProvenMismatch:
		return p.provenMismatch(i)
	}
	d := p.signed(i)
	if d != d {
		return d
	}
	switch by {
	case Signed:
		return d
	case Rel:
		return p.rel(i, d)
	case ULP:
		return p.ulps(i)
	case Noise:
		return p.noise(i, d)
	}
	return math.Abs(d)
}

// Matrix is the pair seen in one measure.
func (p *Pair) Matrix(by Measure) Matrix { return pairMatrix{p, by} }

type pairMatrix struct {
	pair *Pair
	by   Measure
}

func (a pairMatrix) Size() (int, int) { return a.pair.M, a.pair.N }

func (a pairMatrix) Read(row, col int, values []float64, cells []Cell) {
	p, at := a.pair, row*a.pair.N+col
	padded := p.padRow != nil || p.padCol != nil
	for j := range values {
		d := p.signed(at + j)
		v, kind := d, Data
		switch {
		case a.by >= Unproven: // a NaN has these, too
			if v = p.measured(a.by, at+j); v != v {
				kind = NoCell
			}
		case d != d:
			kind = NaNCell
		case a.by == Abs:
			v = math.Abs(d)
		case a.by != Signed:
			if v = p.measured(a.by, at+j); v != v {
				kind = NoCell
			}
		}
		if padded && p.padding(row, col+j) {
			kind = PadCell
		}
		values[j], cells[j] = v, kind
	}
}

// Values makes a matrix of a function; NaN is NaN.
func Values(rows, cols int, at func(row, col int) float64) Matrix {
	return valueMatrix{rows, cols, at}
}

type valueMatrix struct {
	rows, cols int
	at         func(row, col int) float64
}

func (a valueMatrix) Size() (int, int) { return a.rows, a.cols }

func (a valueMatrix) Read(row, col int, values []float64, cells []Cell) {
	for j := range values {
		values[j], cells[j] = a.at(row, col+j), Data
		if values[j] != values[j] {
			cells[j] = NaNCell
		}
	}
}

// ScaleMatrix is the matrix [rows, K blocks] of a layer's decoded block scales, without
// the global scale.
func ScaleMatrix(b *fp4.Blocks) Matrix {
	var value [256]float64
	for c := range value {
		value[c] = float64(b.ScaleType.Decode(uint16(c)))
	}
	cols := b.ScaleCols()
	return Values(b.Rows, cols, func(row, col int) float64 { return value[b.Scales[row*cols+col]] })
}
