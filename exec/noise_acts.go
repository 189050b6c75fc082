package exec

import "fp4tui/inspect/fp4"

// unsharedActs are the quantized activations that only one side has, and the decode
// scales by row of those that have one for each row of x. w is nil where the other side
// is no product.
func unsharedActs(g, w *productValue) (list []*fp4.Blocks, scales [][]float32) {
	sides := []*productValue{g}
	if w != nil {
		sides = append(sides, w)
	}
	acts := make([]*fp4.Blocks, 2)
	for i, v := range sides {
		acts[i] = v.localActs()
	}
	same := w != nil && sameWords(g.out.XGlobals, w.out.XGlobals)
	if same && acts[0] != nil && acts[1] != nil && sameBlocks(acts[0], acts[1]) {
		return nil, nil
	}
	for i, v := range sides {
		if acts[i] != nil {
			list, scales = append(list, acts[i]), append(scales, v.decodeScales())
		}
	}
	return list, scales
}

// localActs is the quantized activations, without a global scale where every row has its
// own; nil when the product did not quantize them.
func (v *productValue) localActs() *fp4.Blocks {
	if v.out.XGlobals == nil {
		return v.out.XBlocks
	}
	b := *v.out.XBlocks
	b.Global = fp4.GlobalScale{}
	return &b
}

// decodeScales is the factor of each row of the activations; nil when one serves all.
func (v *productValue) decodeScales() []float32 {
	if v.out.XGlobals == nil {
		return nil
	}
	out := make([]float32, len(v.out.XGlobals))
	for m, g := range v.out.XGlobals {
		out[m] = fp4.GlobalScale{Use: v.out.XBlocks.Global.Use, Value: g}.Multiplier()
	}
	return out
}
