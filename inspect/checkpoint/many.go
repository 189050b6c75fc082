package checkpoint

import (
	"cmp"
	"context"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"fp4tui/inspect"
)

// perOpen is how many tensors are read from a file that is opened once.
const perOpen = 1024

// Tensors is Tensor of many small tensors, scalars for example: each file is opened once for
// perOpen of them, and several are read at a time. Tensors and errors are in the order of
// entries.
func (c *Checkpoint) Tensors(ctx context.Context, entries []*Entry) ([]inspect.Tensor, []error) {
	tensors, errs := make([]inspect.Tensor, len(entries)), make([]error, len(entries))
	pieces := byFile(entries)
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(2*runtime.GOMAXPROCS(0), len(pieces)) { // a file may be slow to open
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(pieces); i = int(next.Add(1)) - 1 {
				c.readPiece(ctx, entries, pieces[i], tensors, errs)
			}
		})
	}
	workers.Wait()
	return tensors, errs
}

// byFile cuts the positions of entries into pieces of one file each, in the order of their bytes.
func byFile(entries []*Entry) [][]int {
	order := make([]int, len(entries))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		x, y := entries[a], entries[b]
		return cmp.Or(strings.Compare(x.File.Path, y.File.Path), cmp.Compare(x.Begin, y.Begin), cmp.Compare(a, b))
	})
	var pieces [][]int
	for i, at := range order {
		if last := len(pieces) - 1; i > 0 && entries[order[i-1]].File == entries[at].File && len(pieces[last]) < perOpen {
			pieces[last] = append(pieces[last], at)
			continue
		}
		pieces = append(pieces, []int{at})
	}
	return pieces
}

// readPiece reads entries of one file.
func (c *Checkpoint) readPiece(ctx context.Context, entries []*Entry, piece []int, tensors []inspect.Tensor, errs []error) {
	file := entries[piece[0]].File
	handle, failure := c.open(file)
	if failure == nil {
		defer handle.Close()
	}
	for _, at := range piece {
		e := entries[at]
		if failure != nil {
			errs[at] = failure.copy().of(e)
			continue
		}
		if fault := e.decodable(); fault != nil {
			errs[at] = fault
			continue
		}
		raw := make([]byte, e.Bytes())
		if err := file.readFrom(ctx, handle, raw, e.Begin); err != nil {
			errs[at] = err.of(e)
			continue
		}
		tensors[at], errs[at] = e.decode(raw)
	}
}
