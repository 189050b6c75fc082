package stats

import "math"

// Bin counts the values in [Lo, Hi); the last bin of a linear histogram is closed.
type Bin struct {
	Lo, Hi float64
	Count  int64
}

// Histogram counts finite values in at most bins bins; NaN and infinities are left out.
//
// Linear: bins equal intervals from the least value to the greatest; one bin when they
// are the same.
//
// Log: magnitudes by power of two, [2^e, 2^(e+1)), from the least exponent present
// to the greatest, empty ones between included. When that is more than bins, 2, 4, 8 …
// binades are joined, aligned to multiples of as many. Zeros come first as a bin
// of their own, [0, 0], in addition to bins.
func Histogram(values []float32, bins int, log bool) []Bin {
	if bins < 1 {
		return nil
	}
	if log {
		return logHistogram(values, bins)
	}
	return linearHistogram(values, bins)
}

func linearHistogram(values []float32, bins int) []Bin {
	lo, hi := math.Inf(1), math.Inf(-1)
	for v := range finiteValues(values) {
		lo, hi = min(lo, v), max(hi, v)
	}
	if lo > hi {
		return nil
	}
	if lo == hi {
		bins = 1
	}
	out := make([]Bin, bins)
	edge := func(i int) float64 { return lo + float64((hi-lo)*float64(i))/float64(bins) }
	for i := range out {
		out[i].Lo, out[i].Hi = edge(i), edge(i+1)
	}
	out[bins-1].Hi = hi
	for v := range finiteValues(values) {
		out[linearBin(out, v, lo, hi)].Count++
	}
	return out
}

// linearBin finds the bin by division, then moves by the edges themselves: they are what
// is shown, so they decide.
func linearBin(bins []Bin, v, lo, hi float64) int {
	last := len(bins) - 1
	if last == 0 {
		return 0
	}
	i := min(max(int((v-lo)/(hi-lo)*float64(len(bins))), 0), last)
	for i > 0 && v < bins[i].Lo {
		i--
	}
	for i < last && v >= bins[i].Hi {
		i++
	}
	return i
}

func logHistogram(values []float32, bins int) []Bin {
	const least = -149 // the exponent of the smallest float32
	var count [128 - least]int64
	var zeros int64
	lo, hi := len(count), -1
	for v := range finiteValues(values) {
		if v == 0 {
			zeros++
			continue
		}
		e := math.Ilogb(v) - least
		count[e]++
		lo, hi = min(lo, e), max(hi, e)
	}
	var out []Bin
	if zeros > 0 {
		out = append(out, Bin{0, 0, zeros})
	}
	if hi < 0 {
		return out
	}
	width := 1
	for floorDiv(hi+least, width)-floorDiv(lo+least, width)+1 > bins && width < 2*len(count) {
		width *= 2
	}
	for g := floorDiv(lo+least, width); g <= floorDiv(hi+least, width); g++ {
		bin := Bin{Lo: math.Ldexp(1, g*width), Hi: math.Ldexp(1, (g+1)*width)}
		for e := max(g*width, least); e < min((g+1)*width, 128); e++ {
			bin.Count += count[e-least]
		}
		out = append(out, bin)
	}
	return out
}

func floorDiv(a, b int) int {
	if a < 0 {
		return -((-a + b - 1) / b)
	}
	return a / b
}
