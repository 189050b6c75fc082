package compare

import (
	"context"
	"math"
	"slices"
	"sync"

	"fp4tui/inspect/stats"
)

// chunksPerCount is how many chunks are counted together: enough that clearing the counters is
// little of the work.
const chunksPerCount = 32

// magnitudeCounts counts magnitudes by the exponent and the first 5 fraction bits of their
// float64: 32 buckets a binade, in order of value.
type magnitudeCounts [1 << 15]int64

func magnitudeBucket(v float64) uint64 { return math.Float64bits(v) >> 48 }

// absQuantile is the nearest-rank q-quantile of |err| over n > 0 elements that are not
// NaN: the bucket that holds it, then the values of that bucket alone.
func (p *Pair) absQuantile(ctx context.Context, q float64, n int64) (float64, error) {
	var counts magnitudeCounts
	var mu sync.Mutex
	groups := (p.chunks() + chunksPerCount - 1) / chunksPerCount
	err := parallel(ctx, groups, func(g int) {
		var own magnitudeCounts
		for c := g * chunksPerCount; c < min((g+1)*chunksPerCount, p.chunks()); c++ {
			p.absErrors(c, func(v float64) { own[magnitudeBucket(v)]++ })
		}
		mu.Lock()
		defer mu.Unlock()
		for i, k := range own {
			counts[i] += k
		}
	})
	if err != nil {
		return 0, err
	}
	rank, bucket := stats.Rank(q, n), 0
	for rank >= counts[bucket] {
		rank -= counts[bucket]
		bucket++
	}
	parts := make([][]float64, p.chunks())
	err = parallel(ctx, len(parts), func(c int) {
		p.absErrors(c, func(v float64) {
			if magnitudeBucket(v) == uint64(bucket) {
				parts[c] = append(parts[c], v)
			}
		})
	})
	if err != nil {
		return 0, err
	}
	values := slices.Concat(parts...)
	slices.Sort(values)
	return values[rank], nil
}

// absErrors calls use with |err| of each element of a chunk that is not NaN.
func (p *Pair) absErrors(c int, use func(v float64)) {
	p.spans(c, func(r span) {
		for n := r.lo; n < r.hi; n++ {
			if d := p.signed(r.m*p.N + n); d == d && !p.padding(r.m, n) {
				use(math.Abs(d))
			}
		}
	})
}
