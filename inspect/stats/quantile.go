package stats

import (
	"iter"
	"math"
	"slices"
)

// sortBelow is the count up to which the values are copied and sorted; above it they
// are counted by 16-bit digits, which needs no memory for the values.
const sortBelow = 1 << 14

// Quantiles returns the nearest-rank quantiles q (0…1) of the values; -0 orders below 0.
// The sequence is walked several times and must repeat itself; NaN in it is
// skipped. Without values every quantile is NaN.
func Quantiles(values iter.Seq[float64], q ...float64) []float64 {
	var n int64
	var used uint64
	for v := range values {
		if v == v {
			n++
			used |= math.Float64bits(v)
		}
	}
	out := make([]float64, len(q))
	if n == 0 {
		for i := range out {
			out[i] = math.NaN()
		}
		return out
	}
	ranks := make([]int64, len(q))
	for i, f := range q {
		ranks[i] = Rank(f, n)
	}
	if n <= sortBelow {
		quantilesBySort(values, int(n), ranks, out)
	} else {
		quantilesByDigit(values, used, ranks, out)
	}
	return out
}

// Rank is the zero-based index, among n > 0 sorted values, of the nearest-rank q-quantile.
func Rank(q float64, n int64) int64 {
	r := int64(math.Ceil(q*float64(n))) - 1
	return min(max(r, 0), n-1)
}

func quantilesBySort(values iter.Seq[float64], n int, ranks []int64, out []float64) {
	keys := make([]uint64, 0, n)
	for v := range values {
		if v == v {
			keys = append(keys, orderedBits(v))
		}
	}
	slices.Sort(keys)
	for i, r := range ranks {
		out[i] = fromOrderedBits(keys[r])
	}
}

// search is one quantile being narrowed down: among the values whose leading bits are
// prefix, it is the one of this rank.
type search struct {
	prefix uint64
	rank   int64
}

func quantilesByDigit(values iter.Seq[float64], used uint64, ranks []int64, out []float64) {
	searches := make([]search, len(ranks))
	for i, r := range ranks {
		searches[i].rank = r
	}
	shift := 64
	for shift > 0 && (shift == 64 || used<<(64-shift) != 0) {
		shift -= 16
		digits := countDigits(values, searches, shift)
		for i := range searches {
			searches[i].narrow(digits)
		}
	}
	for i, s := range searches {
		key := s.prefix << shift
		if key>>63 == 0 { // a negative value: its unused low bits are stored inverted
			key |= 1<<shift - 1
		}
		out[i] = fromOrderedBits(key)
	}
}

// digits counts the values with one prefix by their next 16 bits.
type digits struct {
	prefix uint64
	count  []int64
}

// countDigits counts for each of the prefixes searched: at most one a quantile, so they are
// found by looking through them.
func countDigits(values iter.Seq[float64], searches []search, shift int) []digits {
	var all []digits
	for _, s := range searches {
		if !slices.ContainsFunc(all, func(d digits) bool { return d.prefix == s.prefix }) {
			all = append(all, digits{s.prefix, make([]int64, 1<<16)})
		}
	}
	for v := range values {
		if v != v {
			continue
		}
		key := orderedBits(v) >> shift
		for i := range all {
			if all[i].prefix == key>>16 {
				all[i].count[key&0xffff]++
				break
			}
		}
	}
	return all
}

func (s *search) narrow(all []digits) {
	i := slices.IndexFunc(all, func(d digits) bool { return d.prefix == s.prefix })
	for d, n := range all[i].count {
		if s.rank < n {
			s.prefix = s.prefix<<16 | uint64(d)
			return
		}
		s.rank -= n
	}
	panic("stats: the sequence of values changed between two walks")
}

// orderedBits maps a float to an integer of the same order.
func orderedBits(v float64) uint64 {
	b := math.Float64bits(v)
	if b>>63 == 1 {
		return ^b
	}
	return b | 1<<63
}

func fromOrderedBits(key uint64) float64 {
	if key>>63 == 1 {
		return math.Float64frombits(key &^ (1 << 63))
	}
	return math.Float64frombits(^key)
}
