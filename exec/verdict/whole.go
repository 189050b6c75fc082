package verdict

import (
	"fmt"
	"math"

	"fp4tui/inspect/fp4"
)

// finite looks for NaN and infinities.
func finite(f *field, _ float64) []Finding {
	if f.all.bad == 0 {
		return nil
	}
	row, col := f.axes()
	where := ""
	for _, l := range []struct {
		axis string
		list []sums
	}{{row, f.rows}, {col, f.cols}} {
		var index []int
		for i := range l.list {
			if l.list[i].bad > 0 {
				index = append(index, i)
			}
		}
		if where == "" || len(index)*4 < len(l.list) {
			where = l.axis + " " + spans(index)
		}
	}
	return []Finding{{What: fmt.Sprintf("%d elements are NaN or infinite", f.all.bad), Where: where,
		Value: float64(f.all.bad), Effect: float64(f.all.bad) / float64(f.all.n)}}
}

// leastEnergy is the share of the mean energy of a block below which a quantizer may
// flush it to zero.
const leastEnergy = 1e-3

// unwritten looks for lines and blocks that are zero and should not be.
func unwritten(f *field, _ float64) (out []Finding) {
	mean := f.all.ww / float64(max(f.all.n, 1))
	gone := func(s *sums) bool {
		return s.n > 0 && s.zero == s.n && s.lost > 0 && s.ww/float64(s.n) > leastEnergy*mean
	}
	row, col := f.axes()
	for _, l := range []struct {
		axis, noun string
		list       []sums
	}{{row, "rows", f.rows}, {col, "columns", f.cols}} {
		var index []int
		for i := range l.list {
			if gone(&l.list[i]) {
				index = append(index, i)
			}
		}
		if len(index) > 0 {
			out = append(out, Finding{What: fmt.Sprintf("%d of %d %s are zero", len(index), len(l.list), l.noun), Where: l.axis + " " + spans(index),
				Axis: l.axis, Index: index, Value: float64(len(index)), Effect: float64(len(index)) / float64(len(l.list))})
		}
	}
	var index []int
	for i := range f.blocks {
		if gone(&f.blocks[i]) {
			index = append(index, i)
		}
	}
	if len(index) > 0 && len(out) == 0 {
		per := f.Blocks.ScaleCols()
		out = append(out, Finding{What: fmt.Sprintf("%d of %d blocks are zero", len(index), len(f.blocks)),
			Where: fmt.Sprintf("the first is row %d, k %d to %d", index[0]/per, index[0]%per*f.Blocks.Block, (index[0]%per+1)*f.Blocks.Block-1),
			Value: float64(len(index)), Effect: float64(len(index)) / float64(len(f.blocks)), Axis: "block", Index: index[:min(len(index), 64)]})
	}
	return out
}

// gains are factors that have a name. The weight's own global scale is among them, and its
// square: what an inversion is off by.
func gains(multiplier float64) []struct {
	factor float64
	name   string
} {
	list := []struct {
		factor float64
		name   string
	}{{6, "6, E2M1's largest value"}, {1. / 6, "1/6, E2M1's largest value"}, {448, "448, E4M3's largest value"}, {1. / 448, "1/448, E4M3's largest value"},
		{2688, "448·6, the range of a block"}, {1. / 2688, "1/(448·6), the range of a block"}}
	if multiplier > 0 && multiplier-multiplier == 0 {
		m := multiplier
		list = append([]struct {
			factor float64
			name   string
		}{{m * m, "the squared global scale: it is inverted"}, {1 / m / m, "the squared global scale: it is inverted"},
			{m, "the global scale: it is missing"}, {1 / m, "the global scale: it is applied twice"}}, list...)
	}
	return list
}

// gainName says what a factor between got and want is.
func gainName(gain, multiplier float64) string {
	const near = 0.03
	for _, g := range gains(multiplier) {
		if math.Abs(gain/g.factor-1) < near {
			return "off by " + g.name
		}
	}
	if p := math.Round(math.Log2(gain)); p != 0 && math.Abs(gain/math.Exp2(p)-1) < near {
		return fmt.Sprintf("off by a power of two, %g", math.Exp2(-p))
	}
	return "off by a factor"
}

// tolerance is how far a gain may be from 1: a part that the distribution inside the cells
// of small codes makes, z standard deviations of independent errors, and a part of the
// relative noise for errors that depend on one another and may all point the same way.
type tolerance struct{ effect, z, coherent float64 }

var (
	wholeGain   = tolerance{0.05, 5, 0.5}
	weightLines = tolerance{0.15, 6, 1}
	outputLines = tolerance{0.15, 0, 5} // one loud channel can be all that an output is made of
	blockGains  = tolerance{0.30, 6, 0.5}
)

// stillNoise is the energy left over that of noise when a gain explains the rest.
const stillNoise = 3

// off says whether the gain of some elements is not 1 and explains their error.
func (s *sums) off(t tolerance) bool {
	a := s.gain()
	if !(a > 0) || s.gg == 0 || s.bad > 0 || a-a != 0 {
		return false
	}
	apart := t.effect + t.z*s.gainSigma() + t.coherent*math.Sqrt(s.expected/s.gg)
	return math.Abs(math.Log(a)) > t.effect && math.Abs(a-1) > apart && s.scaled() < stillNoise
}

// gain looks for one factor between both sides.
func gain(f *field, _ float64) []Finding {
	if !f.all.off(wholeGain) {
		return nil
	}
	a := f.all.gain()
	return []Finding{{What: "global scale " + gainName(a, f.Multiplier), Where: fmt.Sprintf("got × %.4g is the reference", a),
		Value: math.Abs(a-1) / f.all.gainSigma(), Bound: wholeGain.z, Effect: a}}
}

// lineGain looks for rows or columns with a factor of their own.
func lineGain(f *field, _ float64) (out []Finding) {
	row, col := f.axes()
	tolerated := outputLines
	if f.Blocks != nil {
		tolerated = weightLines
	}
	for _, l := range []struct {
		axis, noun string
		list       []sums
	}{{row, "rows", f.rows}, {col, "columns", f.cols}} {
		var index []int
		var factors []float64
		for i := range l.list {
			if l.list[i].off(tolerated) {
				index, factors = append(index, i), append(factors, l.list[i].gain())
			}
		}
		if len(index) == 0 || f.all.off(wholeGain) && len(index) > len(l.list)*9/10 {
			continue
		}
		a := median(factors)
		what := fmt.Sprintf("%d of %d %s have a global scale of their own: %s", len(index), len(l.list), l.noun, gainName(a, f.Multiplier))
		out = append(out, Finding{What: what, Where: fmt.Sprintf("%s %s, got × %.4g is the reference", l.axis, spans(filled(index)), a),
			Axis: l.axis, Index: index[:min(len(index), 64)], Value: float64(len(index)), Effect: a})
	}
	return out
}

// filled joins lines that make a range with few holes into that range.
func filled(index []int) []int {
	lo, hi := index[0], index[len(index)-1]
	if len(index) < 8 || len(index)*10 < (hi-lo+1)*9 {
		return index
	}
	out := make([]int, hi-lo+1)
	for i := range out {
		out[i] = lo + i
	}
	return out
}

// blockGain looks for blocks with a wrong scale.
func blockGain(f *field, _ float64) []Finding {
	var count, first int
	for i := range f.blocks {
		if f.blocks[i].off(blockGains) {
			if count == 0 {
				first = i
			}
			count++
		}
	}
	// One in a thousand is what a calibrating quantizer may do.
	if float64(count) <= 1e-3*float64(len(f.blocks)) || f.all.off(wholeGain) {
		return nil
	}
	per := f.Blocks.ScaleCols()
	return []Finding{{What: fmt.Sprintf("the scales of %.1f%% of the blocks are another block's", 100*float64(count)/float64(len(f.blocks))),
		Where: fmt.Sprintf("the first is row %d, block %d: it should be %.3g times as large", first/per, first%per, f.blocks[first].gain()),
		Value: float64(count), Bound: 1e-3 * float64(len(f.blocks)), Effect: float64(count) / float64(len(f.blocks)), Axis: "block"}}
}

// nibbles compares every element with the reference of its neighbour in the byte.
func nibbles(f *field, _ float64) []Finding {
	var own, other, gg, ww float64
	for r := range f.Rows {
		for c := 0; c+1 < f.Cols; c += 2 {
			i := r*f.Cols + c
			for j := range 2 {
				g, w, v := float64(f.Got[i+j]), float64(f.Want[i+j]), float64(f.Want[i+1-j])
				if g-g != 0 || w-w != 0 || v-v != 0 {
					continue
				}
				own, other = own+float64(g*w), other+float64(g*v)
				gg, ww = gg+float64(g*g), ww+float64(w*w)
			}
		}
	}
	norm := math.Sqrt(gg) * math.Sqrt(ww)
	if norm == 0 || other/norm < 0.9 || own/norm > 0.8 {
		return nil
	}
	return []Finding{{What: "the two codes of every byte are swapped", Where: "k mod 2", Axis: "k", Period: 2, Index: []int{0, 1},
		Value: other / norm, Bound: 0.9, Effect: f.all.ratio()}}
}

// calibrated is the share of codes that are not the nearest ones above which that is
// said; below it numbers lie on the edge of two cells.
const calibrated = 1e-3

// nearestCode asks whether every original lies in the cell of its code.
func nearestCode(f *field, _ float64) []Finding {
	model := NewModel(f.Blocks)
	var count, broken, farther, short int64
	for r := range f.Rows {
		for c := range f.Cols {
			i := r*f.Cols + c
			code, scale := f.Blocks.Code(r, c), f.Blocks.Scale(r, c)
			s := math.Abs(float64(f.Blocks.Effective(scale)))
			if s == 0 || s-s != 0 || f.Blocks.ScaleType != fp4.E8M0 && scale&0x7f == 0x7e {
				continue
			}
			count++
			// Against the code, not against got: a bug behind the codes is another matter.
			v := float64(fp4.DecodeE2M1(code))
			x := float64(f.Want[i]) / s
			out := (x - v) * math.Copysign(1, v)
			towards, beyond := model.Bound(code, scale)
			if v == 0 {
				out, beyond, towards = math.Abs(x), 0.25, 0
			}
			slack := nearest * max(1, math.Abs(x))
			if out > beyond+slack || out < -towards-slack {
				broken++
				if out > 0 {
					farther++
				}
			}
			if out < -slack {
				short++
			}
		}
	}
	share := float64(broken) / float64(max(count, 1))
	if share <= calibrated {
		return nil
	}
	found := Finding{Value: float64(broken), Bound: calibrated * float64(count), Effect: share}
	switch {
	case float64(farther) > 0.99*float64(broken) && float64(short) < 0.02*float64(count):
		found.What, found.Where = "the quantizer truncates: every code is the one below its original", fmt.Sprintf("%.1f%% of the codes are not the nearest", 100*share)
	case f.all.ratio() < stillNoise && !f.all.off(wholeGain):
		found.What, found.Where = "codes are not the nearest ones: a calibrating quantizer (GPTQ, AutoRound), or another original", fmt.Sprintf("%.1f%% of the codes", 100*share)
		found.Remark = true
	default:
		found.What, found.Where = "codes do not belong to these originals under these scales", fmt.Sprintf("%.1f%% of the codes", 100*share)
	}
	return []Finding{found}
}
