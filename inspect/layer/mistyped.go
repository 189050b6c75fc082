package layer

import (
	"slices"
	"strings"

	"fp4tui/inspect"
	"fp4tui/inspect/checkpoint"
)

// mistyped reports a module that has the names of an FP4 layer, its global scale among them, and
// codes or block scales of another type: no row claims it, and an engine that goes by names
// reads it all the same. ModelOpt has these names for other formats, too: there the
// shape of the block scales has to be that of FP4.
func (f *finder) mistyped(e *checkpoint.Entry) {
	for i := range producers {
		row := &producers[i]
		module, ok := strings.CutSuffix(e.Name, row.codes.suffix)
		if !ok || module == "" || row.global.suffix == "" {
			continue
		}
		scales := f.lookup(module, row.scales)
		if scales == nil || f.lookup(module, row.global) == nil || !row.telling && !row.blocksOf(e, scales) {
			continue
		}
		found := &finding{row: row, module: module}
		found.typed(e, row.codes, "codes are of another type")
		found.typed(scales, row.scales, "block scales are of another type")
		if len(found.faults) > 0 {
			f.found = append(f.found, found)
			return
		}
	}
}

// blocksOf says that these are U8 codes N×(K/2) and one scale for every block of a row.
func (row *producer) blocksOf(codes, scales *checkpoint.Entry) bool {
	if !row.codes.holds(codes.DType) || !row.packed(codes.Shape) {
		return false
	}
	n, k := codes.Shape[0], 2*codes.Shape[1]
	return slices.ContainsFunc(row.blocks, func(block int) bool {
		return slices.Equal(scales.Shape, []int{n, (k + block - 1) / block})
	})
}

// typed notes a tensor that is not of a type that its part can have.
func (found *finding) typed(e *checkpoint.Entry, p part, what string) {
	if p.holds(e.DType) {
		return
	}
	found.add(inspect.ErrMalformed, e, what, e.DType.String()+" stored, "+p.types[0].String()+" expected beside "+found.row.global.suffix[1:],
		"export the layer again without a cast: the bytes are to be kept as they are")
}
