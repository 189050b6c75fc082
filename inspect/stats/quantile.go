package stats

import "math"

// Rank is the zero-based index, among n > 0 sorted values, of the nearest-rank q-quantile.
func Rank(q float64, n int64) int64 {
	r := int64(math.Ceil(q*float64(n))) - 1
	return min(max(r, 0), n-1)
}
