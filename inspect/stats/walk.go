package stats

import (
	"context"
	"encoding/binary"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
)

// chunkSize is how many elements one processor takes at a time. It decides the tree in which
// sums meet, so it is fixed for ever: another value changes last bits.
const chunkSize = 1 << 16

// inChunks describes each chunk of data, on all processors. The error is that of ctx.
func inChunks[T any](ctx context.Context, data []float32, describe func([]float32) T) ([]T, error) {
	parts := make([]T, (len(data)+chunkSize-1)/chunkSize)
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(parts)) {
		workers.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(parts) {
					return
				}
				parts[i] = describe(data[i*chunkSize : min((i+1)*chunkSize, len(data))])
			}
		})
	}
	workers.Wait()
	return parts, ctx.Err()
}

// tree joins parts pairwise, neighbours first, so that the order depends on their number alone.
func tree[T any](parts []T, join func(a, b T) T) T {
	if len(parts) == 0 {
		var none T
		return none
	}
	for n := len(parts); n > 1; n = (n + 1) / 2 {
		for i := 0; i < n/2; i++ {
			parts[i] = join(parts[2*i], parts[2*i+1])
		}
		if n%2 == 1 {
			parts[n/2] = parts[n-1]
		}
	}
	return parts[0]
}

// floats is what a chunk adds up to; lo and hi are infinite without a finite value.
type floats struct {
	Floats
	sum    float64
	lo, hi float32
}

const infinity = 0x7f800000 // bits of a float32; those of NaN are above

// floatsOf sums element i in lane i mod 8.
func floatsOf(x []float32, smallest uint32) floats {
	f := floats{lo: float32(math.Inf(1)), hi: float32(math.Inf(-1))}
	var lanes [8]float64
	var subnormal, normal int64
	lo, hi := f.lo, f.hi
	for i, v := range x {
		a := math.Float32bits(v) &^ (1 << 31)
		if a-1 >= infinity-1 {
			f.special(v)
			continue
		}
		lanes[i&7] += float64(v)
		if v < lo {
			lo = v
		}
		if v > hi {
			hi = v
		}
		if a < smallest {
			subnormal++
		} else {
			normal++
		}
	}
	f.Subnormal, f.Normal, f.sum = subnormal, normal, total(&lanes)
	f.lo, f.hi = min(f.lo, lo), max(f.hi, hi)
	return f
}

// special takes in a zero or what is not finite.
func (f *floats) special(v float32) {
	switch {
	case v == 0:
		f.Zero++
		f.lo, f.hi = min(f.lo, v), max(f.hi, v)
	case v != v:
		f.NaN++
	case v > 0:
		f.PosInf++
	default:
		f.NegInf++
	}
}

func (f floats) join(g floats) floats {
	f.NaN, f.PosInf, f.NegInf = f.NaN+g.NaN, f.PosInf+g.PosInf, f.NegInf+g.NegInf
	f.Zero, f.Subnormal, f.Normal = f.Zero+g.Zero, f.Subnormal+g.Subnormal, f.Normal+g.Normal
	f.sum += g.sum
	f.lo, f.hi = min(f.lo, g.lo), max(f.hi, g.hi)
	return f
}

// squaresAbout sums the squared distances of finite values from the mean.
func squaresAbout(x []float32, mean float64) float64 {
	var lanes [8]float64
	for i, v := range x {
		if math.Float32bits(v)&^(1<<31) < infinity {
			d := float64(v) - mean
			lanes[i&7] += float64(d * d) // the conversion keeps arm64 from fusing: same bits everywhere
		}
	}
	return total(&lanes)
}

func total(x *[8]float64) float64 {
	return ((x[0] + x[1]) + (x[2] + x[3])) + ((x[4] + x[5]) + (x[6] + x[7]))
}

// digitCount counts keys by 16 of their bits.
type digitCount [1 << 16]int64

// quantiles32 are Quantiles of the n finite values: their upper 16 bits are counted, then the lower
// ones of those that share a quantile's.
func quantiles32(ctx context.Context, data []float32, n int64, q ...float64) ([]float64, error) {
	var high, low digitCounts
	high.sum = make([]digitCount, 1)
	if err := high.walk(ctx, data, countHigh); err != nil {
		return nil, err
	}
	ranks, digits := make([]int64, len(q)), make([]uint32, len(q))
	for i, f := range q {
		digits[i], ranks[i] = high.sum[0].find(Rank(f, n))
		if low.slot[digits[i]] == 0 {
			low.sum = append(low.sum, digitCount{})
			low.slot[digits[i]] = uint8(len(low.sum))
		}
	}
	if err := low.walk(ctx, data, countLow); err != nil {
		return nil, err
	}
	out := make([]float64, len(q))
	for i, digit := range digits {
		rest, _ := low.sum[low.slot[digit]-1].find(ranks[i])
		out[i] = float64(fromKey(digit<<16 | rest))
	}
	return out, nil
}

// find is the digit of the value of a rank, and its rank among those.
func (c *digitCount) find(rank int64) (digit uint32, among int64) {
	for rank >= c[digit] {
		rank -= c[digit]
		digit++
	}
	return digit, rank
}

// digitCounts counts the lower digits of some upper ones: slot is 1 + the place in sum, or 0.
type digitCounts struct {
	slot [1 << 16]uint8
	sum  []digitCount
}

// walk counts finite values in as many parts as there are processors: counts do not
// depend on the cut.
func (c *digitCounts) walk(ctx context.Context, data []float32, count func(c *digitCounts, x []float32)) error {
	parts := make([]digitCounts, max(min(runtime.GOMAXPROCS(0), len(data)/chunkSize), 1))
	var workers sync.WaitGroup
	for i := range parts {
		workers.Go(func() {
			parts[i] = digitCounts{c.slot, make([]digitCount, len(c.sum))}
			x := data[i*len(data)/len(parts) : (i+1)*len(data)/len(parts)]
			for len(x) > 0 && ctx.Err() == nil {
				n := min(len(x), chunkSize)
				count(&parts[i], x[:n])
				x = x[n:]
			}
		})
	}
	workers.Wait()
	for i := range parts {
		for s := range c.sum {
			for d, n := range parts[i].sum[s] {
				c.sum[s][d] += n
			}
		}
	}
	return ctx.Err()
}

func countHigh(c *digitCounts, x []float32) {
	to := &c.sum[0]
	for _, v := range x {
		if b := math.Float32bits(v); b&^(1<<31) < infinity {
			to[orderedKey(b)>>16]++
		}
	}
}

func countLow(c *digitCounts, x []float32) {
	for _, v := range x {
		key := orderedKey(math.Float32bits(v))
		if slot := c.slot[key>>16]; slot > 0 {
			c.sum[slot-1][key&0xffff]++ // the upper digit of what is not finite is in no slot
		}
	}
}

// orderedKey maps the bits of a float32 to an integer of the same order; -0 is below 0.
func orderedKey(b uint32) uint32 { return b ^ (uint32(int32(b)>>31) | 1<<31) }

func fromKey(key uint32) float32 {
	return math.Float32frombits(key ^ (uint32(int32(^key)>>31) | 1<<31))
}

// partBytes and partRows are from where a count is worth another processor.
const (
	partBytes = 1 << 16
	partRows  = 1 << 8
)

// inParts adds up the counts of as many parts of 0…n-1 as there are processors, each of at least
// size: counts do not depend on the cut.
func inParts[T [8]int64 | [256]int64](n, size int, count func(lo, hi int) T, add func(a, b T) T) T {
	parts := make([]T, max(min(runtime.GOMAXPROCS(0), n/size), 1))
	var workers sync.WaitGroup
	for i := range parts {
		workers.Go(func() { parts[i] = count(i*n/len(parts), (i+1)*n/len(parts)) })
	}
	workers.Wait()
	return tree(parts, add)
}

// byteCount counts bytes.
func byteCount(data []byte) [256]int64 {
	return inParts(len(data), partBytes, func(lo, hi int) [256]int64 { return countBytes(data[lo:hi]) },
		func(a, b [256]int64) [256]int64 {
			for i, n := range b {
				a[i] += n
			}
			return a
		})
}

// countBytes has four tables, which keep an increment from waiting for the one before it when
// the same byte comes again.
func countBytes(data []byte) (sum [256]int64) {
	var count [4][256]int64
	for ; len(data) >= 8; data = data[8:] {
		w := binary.LittleEndian.Uint64(data)
		count[0][w&255]++
		count[1][w>>8&255]++
		count[2][w>>16&255]++
		count[3][w>>24&255]++
		count[0][w>>32&255]++
		count[1][w>>40&255]++
		count[2][w>>48&255]++
		count[3][w>>56]++
	}
	for _, v := range data {
		count[0][v]++
	}
	for i := range sum {
		sum[i] = count[0][i] + count[1][i] + count[2][i] + count[3][i]
	}
	return sum
}
