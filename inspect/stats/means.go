package stats

import (
	"math"
	"slices"

	"fp4tui/inspect/fp4"
)

// RunsHigh is how far above the median of its kind a mean must be to be called out:
// 1.5 times. Means of a group of rows or of a K block of ordinary weights stay within some
// per cent of one another, so 1.5 is far outside chance and below every doubling.
const RunsHigh = 1.5

// Means are the mean scales of a scale matrix [rows, blocks] seen from both sides.
type Means struct {
	Blocks    []float64 // mean of every K block over all rows; NaN when it has no finite scale
	Rows      []float64 // mean of every group of Group rows over all blocks
	Group     int       // rows in a group; the last group may be short
	HighBlock []High    // K blocks that run high, the highest first
	HighRows  []High    // groups of rows that run high, the highest first
}

// High is a mean that stands out: Times its median.
type High struct {
	Index int // K block, or group of rows
	Times float64
}

// ScaleMeans averages decoded scale magnitudes; rows × cols bytes, row-major, group rows
// joined in a mean of Rows. NaN scales are left out. E8M0 scales span hundreds of binades, so
// for them a mean of values would show one block alone; it is taken over exponents
// (the geometric mean).
func ScaleMeans(scales []byte, rows, cols, group int, f fp4.Format) Means {
	value := meanTable(f)
	m := Means{Group: max(group, 1)}
	blocks := make([]mean, cols)
	groups := make([]mean, (rows+m.Group-1)/m.Group)
	for r := 0; r < rows; r++ {
		g := &groups[r/m.Group]
		for c, code := range scales[r*cols : (r+1)*cols] {
			if v := value[code]; v == v {
				blocks[c].add(v)
				g.add(v)
			}
		}
	}
	m.Blocks, m.Rows = finish(blocks, f), finish(groups, f)
	m.HighBlock, m.HighRows = Highs(m.Blocks), Highs(m.Rows)
	return m
}

type mean struct {
	sum float64
	n   int64
}

func (m *mean) add(v float64) { m.sum += v; m.n++ }

// meanTable holds what is averaged for each code: the magnitude, or the exponent of E8M0.
func meanTable(f fp4.Format) [256]float64 {
	var t [256]float64
	for c := range t {
		v := math.Abs(value(uint8(c), f))
		if f == fp4.E8M0 {
			v = math.Log2(v)
		}
		t[c] = v
	}
	return t
}

func finish(means []mean, f fp4.Format) []float64 {
	out := make([]float64, len(means))
	for i, m := range means {
		out[i] = m.sum / float64(m.n) // 0/0 is the NaN that says: nothing to average
		if f == fp4.E8M0 {
			out[i] = math.Exp2(out[i])
		}
	}
	return out
}

// Highs lists the means above RunsHigh times their median, the highest first, ties by
// index. Fewer than 4 means have no median worth comparing with: nothing is listed.
func Highs(means []float64) []High {
	sorted := make([]float64, 0, len(means))
	for _, v := range means {
		if v == v {
			sorted = append(sorted, v)
		}
	}
	if len(sorted) < 4 {
		return nil
	}
	slices.Sort(sorted)
	median := sorted[Rank(0.5, int64(len(sorted)))]
	var out []High
	for i, v := range means {
		if median > 0 && v > RunsHigh*median {
			out = append(out, High{i, v / median})
		}
	}
	slices.SortStableFunc(out, func(a, b High) int {
		if a.Times > b.Times {
			return -1
		} else if a.Times < b.Times {
			return 1
		}
		return 0
	})
	return out
}
