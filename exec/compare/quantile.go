package compare

import (
	"context"
	"math"
	"slices"
	"sync"

	"fp4tui/inspect/stats"
)

// spare is how far beyond its values a gather may write.
const spare = 8

// chunksPerCount is how many chunks are counted together: enough that clearing the counters is
// little of the work.
const chunksPerCount = 32

// magnitudeCounts counts magnitudes by the exponent and the first 5 fraction bits of their
// float64: 32 buckets a binade, in order of value.
type magnitudeCounts [1 << 15]int64

// noBucket counts what is left out. Like the buckets of NaN it is above that of infinity.
const noBucket = 1<<15 - 1

func magnitudeBucket(v float64) uint16 { return uint16(math.Float64bits(v) >> 48) }

// absQuantile is the nearest-rank q-quantile of |err| over n > 0 elements that are not
// NaN: the bucket that holds it, then the values of that bucket alone.
func (p *Pair) absQuantile(ctx context.Context, q float64, n int64) (float64, error) {
	counts, err := p.countBuckets(ctx)
	if err != nil {
		return 0, err
	}
	rank, bucket := stats.Rank(q, n), uint16(0)
	for rank >= counts[bucket] {
		rank -= counts[bucket]
		bucket++
	}
	parts := make([][]float64, p.chunkGroups())
	err = parallel(ctx, len(parts), func(g int) {
		var own [chunkSize + spare]float64
		p.group(g, func(c int) { parts[g] = append(parts[g], own[:p.inBucket(fastest, c, bucket, own[:])]...) })
	})
	if err != nil {
		return 0, err
	}
	return nth(slices.Concat(parts...), rank), nil
}

// countBuckets counts every element's bucket; those of NaN are above that of infinity.
func (p *Pair) countBuckets(ctx context.Context) (*magnitudeCounts, error) {
	var counts magnitudeCounts
	var mu sync.Mutex
	err := parallel(ctx, p.chunkGroups(), func(g int) {
		var own [len(counts)]uint32
		var buckets [chunkSize]uint16
		p.group(g, func(c int) {
			for _, b := range buckets[:p.chunkBuckets(fastest, c, buckets[:])] {
				own[b&noBucket]++
			}
		})
		mu.Lock()
		defer mu.Unlock()
		for i, k := range own {
			counts[i] += int64(k)
		}
	})
	return &counts, err
}

func (p *Pair) chunkGroups() int { return (p.chunks() + chunksPerCount - 1) / chunksPerCount }

// group calls use with each chunk of a group.
func (p *Pair) group(g int, use func(c int)) {
	for c := g * chunksPerCount; c < min((g+1)*chunksPerCount, p.chunks()); c++ {
		use(c)
	}
}

// chunkBuckets finds the bucket of every element of a chunk and returns how many those are.
func (p *Pair) chunkBuckets(way path, c int, buckets []uint16) int {
	lo := c * chunkSize
	hi := min(lo+chunkSize, len(p.got))
	way.buckets(buckets[:hi-lo], p.got[lo:hi], p.want[lo:hi])
	if p.padRow != nil || p.padCol != nil {
		p.spans(c, func(r span) {
			for n := r.lo; n < r.hi; n++ {
				if p.padding(r.m, n) {
					buckets[r.m*p.N+n-lo] = noBucket
				}
			}
		})
	}
	return hi - lo
}

// inBucket writes |err| of the elements of a chunk that lie in a bucket, and returns how many
// those are.
func (p *Pair) inBucket(way path, c int, bucket uint16, dst []float64) int {
	if p.padRow == nil && p.padCol == nil {
		lo := c * chunkSize
		hi := min(lo+chunkSize, len(p.got))
		return way.gather(dst, p.got[lo:hi], p.want[lo:hi], bucket)
	}
	k := 0
	p.elements(c, func(i int) {
		if v := math.Abs(p.signed(i)); magnitudeBucket(v) == bucket {
			dst[k] = v
			k++
		}
	})
	return k
}

// bucketsPortable writes the bucket of each element.
func bucketsPortable(dst []uint16, got, want []float32) {
	want, dst = want[:len(got)], dst[:len(got)]
	for i, g := range got {
		v := math.Abs(float64(g) - float64(want[i]))
		if g == want[i] {
			v = 0
		}
		dst[i] = magnitudeBucket(v)
	}
}

// gatherPortable writes |err| of the elements in a bucket to dst, which has room for all and
// spare, and returns how many those are.
func gatherPortable(dst []float64, got, want []float32, bucket uint16) int {
	want = want[:len(got)]
	k := 0
	for i, g := range got {
		v := math.Abs(float64(g) - float64(want[i]))
		if g == want[i] {
			v = 0
		}
		if magnitudeBucket(v) == bucket {
			dst[k] = v
			k++
		}
	}
	return k
}

// nth is the value of a rank among values of one bucket: those with the same next 16 bits, from
// the top down, until few are left to sort. It reorders them.
func nth(values []float64, rank int64) float64 {
	const few = 64
	for shift := 32; shift >= 0 && len(values) > few; shift -= 16 {
		var count [1 << 16]int64
		for _, v := range values {
			count[math.Float64bits(v)>>shift&0xffff]++
		}
		digit := uint64(0)
		for rank >= count[digit] {
			rank -= count[digit]
			digit++
		}
		values = slices.DeleteFunc(values, func(v float64) bool { return math.Float64bits(v)>>shift&0xffff != digit })
	}
	slices.Sort(values)
	return values[rank]
}
