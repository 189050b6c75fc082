package diagnose

import (
	"cmp"
	"context"
	"math"
	"slices"

	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
	"fp4tui/inspect/layout"
)

// Cause is one mistake and how much of the error it explains.
type Cause struct {
	Family    string
	Name      string
	Command   string
	Explained float64 // of the squared error on the sample; 1 is all, below 0 it makes it worse
	RelError  float64 // ‖output - prediction‖ / ‖output‖
}

// Diagnosis is the ranking.
type Diagnosis struct {
	Plain    string  // how x was read in the best prediction without a mistake; empty for a weight
	Error    float64 // ‖output - plain prediction‖ / ‖output‖
	Clean    bool    // there is nothing to explain
	Causes   []Cause // at most maxCauses, the best first
	Tried    int
	Rows     int // of the sample
	Cols     int
	NoNumber int  // outputs of the sample that are NaN or infinite
	Zero     bool // all of the sample is zero: causes are those that make zeros
}

const (
	maxCauses = 8
	// clean is the relative error up to which an output is what x and w make: one rounding to
	// bfloat16 is 2^-9, fp8 outputs are further off than anything here.
	clean = 0x1p-7
	// alike is the difference in what is explained up to which a named mistake goes before one
	// with a fitted number.
	alike = 0.005
	// screen is the step of a first look; what explains nothing there is not carried out in full.
	// Fitted mistakes may be of few columns and are not looked at so.
	screen   = 4
	hopeless = 0.02
	digits   = 1e9 // of what is explained: the last bits are the processor's
	tie      = 1e4 // parts of what is explained that are told apart
)

// Explain tries every mistake. Progress is told how many families are done. Errors are
// *inspect.Fault and that of ctx.
func Explain(ctx context.Context, c *Case, progress layer.Progress) (*Diagnosis, error) {
	s, err := newScene(ctx, c)
	if err != nil {
		return nil, err
	}
	d := &Diagnosis{Rows: len(s.rows), Cols: len(s.cols), NoNumber: s.noNumber()}
	d.Zero = s.energy == 0 && d.NoNumber == 0
	s.base, s.chosen = s.distances(&reading{}, s.inputs, 1)
	s.quick, _ = s.distances(&reading{}, s.inputs, screen)
	if len(s.inputs) > 0 {
		d.Plain = s.inputs[s.chosen].name
	}
	d.Error = s.relative(s.base)
	if d.Clean = d.Error < clean || s.base <= s.floor; d.Clean {
		return d, nil
	}
	var list []ranked
	table := families()
	for i, f := range table {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		for _, h := range f.make(s) {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			d.Tried++
			if r, ok := s.try(f.name, &h); ok {
				list = append(list, r)
			}
		}
		if progress != nil {
			progress(int64(i+1), int64(len(table)))
		}
	}
	slices.SortStableFunc(list, func(a, b ranked) int {
		return cmp.Compare(math.Round(b.Explained*tie), math.Round(a.Explained*tie))
	})
	preferNamed(list)
	for _, r := range list {
		if d.Zero && r.RelError != 0 {
			continue // nearly zero is not what was written
		}
		if len(d.Causes) < maxCauses && r.Explained > 0 && !slices.ContainsFunc(d.Causes, func(o Cause) bool { return o.Name == r.Name }) {
			d.Causes = append(d.Causes, r.Cause)
		}
	}
	return d, nil
}

type ranked struct {
	Cause
	fitted bool
}

// preferNamed puts a mistake with a name before a fitted one that explains no more.
func preferNamed(list []ranked) {
	for i := 1; i < len(list); i++ {
		for j := i; j > 0 && !list[j].fitted && list[j-1].fitted && list[j-1].Explained-list[j].Explained < alike; j-- {
			list[j], list[j-1] = list[j-1], list[j]
		}
	}
}

// try carries a mistake out on the sample.
func (s *scene) try(family string, h *hypothesis) (ranked, bool) {
	name := h.name
	if s.Repair {
		name = h.repair
	}
	if name == "" {
		return ranked{}, false
	}
	if h.reading.lazy != nil {
		if h.reading.blocks = h.reading.lazy(); h.reading.blocks == nil {
			return ranked{}, false
		}
	}
	sum := 0.0
	if h.reading.at != nil {
		o := *s
		o.sampleTarget(h.reading.at)
		sum, _ = o.distance(&h.reading, 1)
	} else {
		if first, _ := s.distance(&h.reading, screen); !h.fitted && first > (1-hopeless)*s.quick {
			return ranked{}, false
		}
		sum, _ = s.distance(&h.reading, 1)
	}
	r := ranked{Cause{Family: family, Name: name, Command: h.command, RelError: s.relative(sum)}, h.fitted}
	share := min((s.base-sum)/max(s.base-s.floor, math.SmallestNonzeroFloat64), 1)
	r.Explained = math.Round(share*digits) / digits
	return r, share == share
}

// noNumber counts what is NaN or infinite in the sample of the output.
func (s *scene) noNumber() (count int) {
	for _, values := range s.target {
		for _, v := range values {
			if v != v {
				count++
			}
		}
	}
	return count
}

// relative is a squared error over the energy of the output.
func (s *scene) relative(sum float64) float64 {
	switch {
	case s.energy > 0:
		return float64(float32(math.Sqrt(sum / s.energy)))
	case sum == 0:
		return 0
	}
	return math.Inf(1)
}

// dimsOf is the size of a scale matrix.
func dimsOf(b *fp4.Blocks) layout.Dims { return layout.Dims{Rows: b.Rows, Cols: b.ScaleCols()} }
