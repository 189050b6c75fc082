package checkpoint

import (
	"cmp"
	"fmt"
	"slices"

	"fp4tui/inspect"
)

// checkLayout checks that the tensors cover the data of the file: no overlap, no
// hole, nothing cut, nothing left over. Tensors whose dtype or shape is unsound
// take part with their offsets, so that one fault does not look like two.
func (h *header) checkLayout() {
	order := make([]*scanned, 0, len(h.list))
	complete := !h.broken && !h.unplaced
	for i := range h.list {
		if h.list[i].placed { // not so for the last one of a broken header
			order = append(order, &h.list[i])
		}
	}
	byOffset := func(a, b *scanned) int {
		return cmp.Or(cmp.Compare(a.Begin, b.Begin), cmp.Compare(a.End, b.End), cmp.Compare(a.at, b.at))
	}
	if !slices.IsSortedFunc(order, byOffset) {
		slices.SortFunc(order, byOffset)
	}
	start := h.offset(0) + int64(len(h.text))
	end := start
	var last *scanned // the tensor that ends at end
	for _, t := range order {
		switch {
		case t.Begin > end && complete:
			h.hole(t, last, end)
		case t.Begin < end && last.Name != t.Name:
			h.dataFault(t.Name, t.Begin, "overlapping tensors",
				fmt.Sprintf("its bytes %s begin before the end of tensor %s at %#x", span(t.Begin, t.End), last.Name, end),
				cureWriter)
		}
		if t.End > end || last == nil {
			end, last = t.End, t
		}
	}
	h.checkEnd(order, end, complete)
}

// hole reports bytes that belong to no tensor; last is nil at the start of the data.
func (h *header) hole(t, last *scanned, end int64) {
	after := "at the start of the data"
	if last != nil {
		after = "after tensor " + last.Name
	}
	h.dataFault(t.Name, end, "hole in the data",
		fmt.Sprintf("%s bytes before it (%s), %s, belong to no tensor", grouped(t.Begin-end), span(end, t.Begin), after),
		cureWriter)
}

// checkEnd compares the end of the last tensor with the end of the file.
func (h *header) checkEnd(order []*scanned, end int64, complete bool) {
	size := h.file.Size
	if end < size && complete {
		h.dataFault("", end, "extra bytes after the last tensor",
			fmt.Sprintf("the tensors end at %#x, the file at %#x: %s bytes too many", end, size, grouped(size-end)),
			"copy the file again; expected size "+grouped(end)+" bytes")
	}
	if end <= size {
		return
	}
	for _, t := range order {
		if t.End > size {
			h.dataFault(t.Name, t.Begin, "data cut short",
				fmt.Sprintf("needs bytes %s, the file ends at %#x", span(t.Begin, t.End), size),
				"copy the file again; expected size "+grouped(end)+" bytes")
		}
	}
}

// dataFault adds a violation at an offset of the file.
func (h *header) dataFault(tensor string, offset int64, what, why, cure string) {
	h.faults.add(inspect.Fault{
		Class: inspect.ErrMalformed, Tensor: tensor, Offset: offset, What: what, Why: why, Cure: cure,
	})
}
