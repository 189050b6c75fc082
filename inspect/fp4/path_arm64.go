package fp4

// detect asks nothing: every 64-bit ARM processor has NEON.
func detect() []path { return []path{neon, portable} }

// expand writes the values of a run. Blocks that are no multiple of 16 codes are
// nobody's format and not worth a kernel. These processors see by themselves that a stream
// of stores will not be read again.
func (p path) expand(r run, dst []float32) {
	if p == portable || r.half%8 != 0 || len(r.scales) == 0 {
		expandPortable(r, dst)
		return
	}
	expandNEON(&dst[0], &r.codes[0], &r.scales[0], len(r.scales), r.half/8, r.values, r.order == HighFirst)
}

// expandNEON expands blocks of words·16 codes each; all slices hold that much.
//
//go:noescape
func expandNEON(dst *float32, codes, scales *byte, blocks, words int, v *Values, highFirst bool)
