package compare

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
)

// chunkSize is how many consecutive elements one worker sums alone. It decides the tree
// in which sums meet, so it is fixed for ever: another value changes last bits.
const chunkSize = 1 << 14

// span is a run of elements of one row: columns lo to hi of row m.
type span struct{ m, lo, hi int }

// spans cuts chunk c of the pair into runs of rows.
func (p *Pair) spans(c int, yield func(span)) {
	lo := c * chunkSize
	hi := min(lo+chunkSize, len(p.got))
	for lo < hi {
		m := lo / p.N
		end := min(hi, (m+1)*p.N)
		yield(span{m, lo - m*p.N, end - m*p.N})
		lo = end
	}
}

func (p *Pair) chunks() int { return (len(p.got) + chunkSize - 1) / chunkSize }

// parallel calls work(0…n-1), each once, on all processors, and stops handing out when ctx
// ends. Which worker gets what is left to chance, so work must only write what its
// index owns.
func parallel(ctx context.Context, n int, work func(i int)) error {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), n) {
		wg.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				work(i)
			}
		})
	}
	wg.Wait()
	return ctx.Err()
}

// tree joins partial results pairwise, neighbours first: the error of a sum grows with the
// logarithm of their number, and the order depends on the number alone.
func tree[T any](parts []T, join func(a, b T) T) T {
	if len(parts) == 0 {
		var zero T
		return zero
	}
	for len(parts) > 1 {
		half := parts[:0:0]
		for i := 0; i < len(parts); i += 2 {
			if i+1 < len(parts) {
				half = append(half, join(parts[i], parts[i+1]))
			} else {
				half = append(half, parts[i])
			}
		}
		parts = half
	}
	return parts[0]
}
