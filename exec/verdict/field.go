package verdict

import (
	"context"
	"math"

	"fp4tui/inspect/fp4"
)

// Field is an error with what it should be: got - want over Rows × Cols, and the standard
// deviation of each element. Of a weight the codes are known, of a product nothing else.
type Field struct {
	Rows, Cols       int
	Got, Want, Sigma []float32
	Blocks           *fp4.Blocks // got is dequantized from these, row by row; nil for a product
	Limit            float64     // of the worst element
	Exact            bool        // both sides have the same codes: the error is arithmetic alone
	Multiplier       float64     // the factor that the weight's global scale means; 0: none known
}

// axes are the names of rows and columns: [n,k] of a weight, [m,n] of a product.
func (f *Field) axes() (row, col string) {
	if f.Blocks != nil {
		return "n", "k"
	}
	return "m", "n"
}

// sums are what one line, one block or the whole field adds up to. Elements that are not
// finite are counted and left out.
type sums struct {
	n, bad      int64   // elements; those that are NaN or infinite on one side
	observed    float64 // Σ err²
	expected    float64 // Σ σ²
	gg, gw, ww  float64 // Σ got², got·want, want²
	positive    int64   // errors above 0
	nonzero     int64   // errors that are not 0
	zero, lost  int64   // got is 0; and want is far from it
	inward      int64   // got is nearer to zero than want
	noiseOfGain float64 // Σ σ²·got²
	folded      float64 // Σ (|got|-|want|)²
	z2, of      float64 // Σ err²/σ² and its elements
}

func (s *sums) join(o sums) {
	s.n, s.bad = s.n+o.n, s.bad+o.bad
	s.observed, s.expected = s.observed+o.observed, s.expected+o.expected
	s.gg, s.gw, s.ww = s.gg+o.gg, s.gw+o.gw, s.ww+o.ww
	s.positive, s.nonzero, s.inward = s.positive+o.positive, s.nonzero+o.nonzero, s.inward+o.inward
	s.zero, s.lost = s.zero+o.zero, s.lost+o.lost
	s.noiseOfGain += o.noiseOfGain
	s.folded += o.folded
	s.z2, s.of = s.z2+o.z2, s.of+o.of
}

// farFromZero is how many σ from zero a reference must be for a zero to be a loss.
const farFromZero = 6

// add takes one element in; z is its noise, NaN where it has none.
func (s *sums) add(got, want, sigma float32) (z float64) {
	s.n++
	g, w := float64(got), float64(want)
	d := g - w
	if d-d != 0 || g-g != 0 {
		if got != want {
			s.bad++
		}
		return math.NaN()
	}
	v := float64(sigma) * float64(sigma)
	s.observed += float64(d * d)
	s.expected += v
	s.gg += float64(g * g)
	s.gw += float64(g * w)
	s.ww += float64(w * w)
	s.noiseOfGain += float64(v * float64(g*g))
	fold := math.Abs(g) - math.Abs(w)
	s.folded += float64(fold * fold)
	if sigma > 0 {
		s.of++
		s.z2 += min(float64(d*d)/v, farthest)
	}
	if d != 0 {
		s.nonzero++
		if d > 0 {
			s.positive++
		}
		if math.Abs(g) < math.Abs(w) {
			s.inward++
		}
	}
	if g == 0 {
		s.zero++
		if math.Abs(w) > farFromZero*float64(sigma) && w != 0 {
			s.lost++
		}
	}
	switch {
	case d == 0:
		return 0
	case sigma == 0:
		return math.Inf(1)
	}
	return d / float64(sigma)
}

// farthest bounds what one element adds to the mean square of its line.
const farthest = 1e6

// mean is the mean square of the errors in σ: every element counts alike, so that the one
// block with the largest scale does not speak for its line. NaN without elements.
func (s *sums) mean() float64 { return s.z2 / s.of }

// ratio is observed over expected energy; NaN where nothing is expected.
func (s *sums) ratio() float64 {
	if s.expected == 0 {
		return math.NaN()
	}
	return s.observed / s.expected
}

// gain is the factor that brings got closest to want.
func (s *sums) gain() float64 {
	if s.gg == 0 {
		return math.NaN()
	}
	return s.gw / s.gg
}

// scaled is the energy that is left when got is multiplied by its gain, over the
// noise that got may then have.
func (s *sums) scaled() float64 {
	a := s.gain()
	left := s.ww - 2*a*s.gw + a*a*s.gg
	return left / (s.expected * max(1, a*a))
}

// gainSigma is the standard deviation of the gain under noise.
func (s *sums) gainSigma() float64 { return math.Sqrt(s.noiseOfGain) / s.gg }

// field is a Field with its sums.
type field struct {
	*Field
	all        sums
	rows, cols []sums
	blocks     []sums // of a weight: row by row
	worst      float64
	at         [2]int
}

// rowsPerPart cuts the work; the tree of sums depends on it and on nothing else.
const rowsPerPart = 64

// measure adds a field up. The error is that of ctx.
func measure(ctx context.Context, in *Field) (*field, error) {
	f := &field{Field: in, rows: make([]sums, in.Rows), cols: make([]sums, in.Cols), at: [2]int{-1, -1}}
	per := 0
	if in.Blocks != nil {
		per = in.Blocks.ScaleCols()
		f.blocks = make([]sums, in.Rows*per)
	}
	parts := (in.Rows + rowsPerPart - 1) / rowsPerPart
	cols, worst, at := make([][]sums, parts), make([]float64, parts), make([][2]int, parts)
	err := inParallel(ctx, parts, func(i int) {
		cols[i] = make([]sums, in.Cols)
		for r := i * rowsPerPart; r < min((i+1)*rowsPerPart, in.Rows); r++ {
			for c := range in.Cols {
				var one sums
				j := r*in.Cols + c
				z := math.Abs(one.add(in.Got[j], in.Want[j], in.Sigma[j]))
				if z > worst[i] {
					worst[i], at[i] = z, [2]int{r, c}
				}
				f.rows[r].join(one)
				cols[i][c].join(one)
				if per > 0 {
					f.blocks[r*per+c/in.Blocks.Block].join(one)
				}
			}
		}
	})
	if err != nil {
		return nil, err
	}
	for i := range parts {
		for c := range cols[i] {
			f.cols[c].join(cols[i][c])
		}
		if worst[i] > f.worst {
			f.worst, f.at = worst[i], at[i]
		}
	}
	for _, r := range f.rows {
		f.all.join(r)
	}
	return f, nil
}
