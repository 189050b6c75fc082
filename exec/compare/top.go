package compare

import (
	"cmp"
	"context"
	"math"
	"slices"
)

// ranked is an element and what it is sorted by.
type ranked struct {
	key float64
	i   int
}

// worse orders by key, the greatest first, then by index, the lowest first.
func worse(a, b ranked) int {
	if c := cmp.Compare(b.key, a.key); c != 0 {
		return c
	}
	return cmp.Compare(a.i, b.i)
}

// Top returns the n worst elements by the magnitude of a measure, the worst first; of
// equals the one with the lowest index first. Elements that are NaN or have no value in
// this measure are not among them, and neither are those without any error. The error
// is that of ctx.
func (p *Pair) Top(ctx context.Context, n int, by Measure) ([]Element, error) {
	if n <= 0 {
		return nil, ctx.Err()
	}
	parts := make([][]ranked, p.chunks())
	err := parallel(ctx, len(parts), func(c int) { parts[c] = p.chunkTop(c, n, by) })
	if err != nil {
		return nil, err
	}
	top := tree(parts, func(a, b []ranked) []ranked {
		all := append(slices.Clip(a), b...)
		slices.SortFunc(all, worse)
		return all[:min(n, len(all))]
	})
	out := make([]Element, len(top))
	for k, r := range top {
		out[k] = p.At(r.i/p.N, r.i%p.N)
	}
	return out, nil
}

// chunkTop keeps at most 2n candidates and cuts them to the n worst when they are full.
func (p *Pair) chunkTop(c, n int, by Measure) []ranked {
	var keep []ranked
	least := 0.0
	cut := func() {
		slices.SortFunc(keep, worse)
		if len(keep) >= n {
			keep = keep[:n]
			least = keep[n-1].key
		}
	}
	p.spans(c, func(r span) {
		for col := r.lo; col < r.hi; col++ {
			i := r.m*p.N + col
			// Within a chunk indices rise, so of equals the later one never displaces.
			key := math.Abs(p.measured(by, i))
			if !(key > least) || p.padding(r.m, col) {
				continue
			}
			if keep = append(keep, ranked{key, i}); len(keep) >= 2*n {
				cut()
			}
		}
	})
	cut()
	return keep
}
