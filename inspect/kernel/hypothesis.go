package kernel

import (
	"fmt"
	"slices"
	"strings"

	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layout"
)

// hypothesis is one way in which a buffer can hold a matrix.
type hypothesis struct {
	names  []string   // of the layouts that agree for this shape
	m      layout.Map // matrix to buffer; when undone, buffer to matrix
	odd    bool       // a mistake of the field
	undone bool       // the inverse was applied: the buffer is what m.Undo makes of the matrix
	read   *[256]byte // E4M3 byte of a stored scale; nil: as stored
}

// at is the position of an element in the buffer.
func (h *hypothesis) at(row, col int) int {
	if !h.undone {
		return h.m.To(row, col)
	}
	// Undo puts what is at position p of a laid out buffer at the element of p.
	r, c, _ := h.m.From(row*h.m.In.Cols + col)
	return r*h.m.In.Cols + c
}

// unpack reads a whole buffer as a row-major matrix.
func (h *hypothesis) unpack(buffer []byte, bits int) ([]byte, error) {
	out := make([]byte, h.m.In.Bytes(bits))
	var err error
	if h.undone {
		err = h.m.Apply(out, buffer, bits, 0)
	} else {
		err = h.m.Undo(out, buffer, bits)
	}
	if err == nil && h.read != nil {
		for i, b := range out {
			out[i] = h.read[b]
		}
	}
	return out, err
}

// chain is a sequence of layouts that a buffer may have been through. An odd one is
// a mistake: it counts only where no plain one reads the buffer alike.
type chain struct {
	rules []string
	odd   bool
}

// chains are each layout alone, what kernels do, and the mistakes of the field: a
// step twice, one left out, one that belongs to another kernel.
func chains(of layout.Operand, format string) []chain {
	rows := []chain{
		{nil, false}, {[]string{"shuffle128"}, false}, {[]string{"shuffle64"}, false},
		{[]string{"deinterleave"}, false}, {[]string{"swap-halves"}, false}, {[]string{"interleave"}, false},
		{[]string{"swap-halves", "interleave"}, false}, {[]string{"group64"}, false}, {[]string{"swap-halves", "group64"}, false},
		{[]string{"interleave", "shuffle128"}, false}, {[]string{"swap-halves", "interleave", "shuffle128"}, false},
		{[]string{"swap-halves", "shuffle128"}, true}, {[]string{"shuffle128", "shuffle128"}, true}, {[]string{"shuffle64", "shuffle64"}, true},
	}
	ends := []chain{{nil, false}, {[]string{"high-first"}, false}}
	if of == layout.Scales {
		ends = []chain{{nil, false}, {[]string{"128x4"}, false}, {[]string{"128x4", "128x4"}, true}, {[]string{"8x4"}, true}}
	}
	if format == mxfp4 { // gpt-oss stores gate and up row by row: kernels separate them first
		for _, row := range slices.Clone(rows[4:]) {
			rows = append(rows, chain{slices.Concat([]string{"deinterleave"}, row.rules), row.odd})
		}
	}
	var list []chain
	for _, end := range ends {
		for _, row := range rows {
			list = append(list, chain{slices.Concat(row.rules, end.rules), row.odd || end.odd})
		}
	}
	for _, r := range layout.Rules() {
		if r.Of == of && (format == mxfp4 || !strings.HasPrefix(r.Name, "triton") && r.Name != "cutlass-sm90") {
			list = append(list, chain{[]string{r.Name}, false})
			if format == mxfp4 {
				list = append(list, chain{[]string{"deinterleave", r.Name}, false})
			}
		}
	}
	if of == layout.Scales {
		list = append(list, chain{[]string{"128x4", "shuffle128"}, true}, chain{[]string{"8x4", "8x4"}, true})
	}
	slices.SortStableFunc(list, func(a, b chain) int { return order(a.odd, b.odd) })
	return distinct(list, of)
}

// order puts false before true.
func order(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// distinct drops chains that are another name for an earlier one at every shape: two
// shapes tell, one that every rule takes and one that only those that pad take.
func distinct(list []chain, of layout.Operand) (kept []chain) {
	shapes := []layout.Dims{{Rows: 768, Cols: 512}, {Rows: 776, Cols: 272}}
	if of == layout.Scales {
		shapes = []layout.Dims{{Rows: 768, Cols: 32}, {Rows: 776, Cols: 17}}
	}
	type made struct {
		maps [2]layout.Map
		ok   [2]bool
	}
	var seen []made
	for _, c := range list {
		var this made
		for i, d := range shapes {
			if first, err := layout.Linear(d); err == nil {
				this.maps[i], this.ok[i] = follow([]layout.Map{first}, c.rules, of)
			}
		}
		same := func(other made) bool {
			for i := range shapes {
				if this.ok[i] != other.ok[i] || this.ok[i] && !alike(this.maps[i], other.maps[i]) {
					return false
				}
			}
			return true
		}
		if !slices.ContainsFunc(seen, same) {
			seen, kept = append(seen, this), append(kept, c)
		}
	}
	return kept
}

// paddings are the ways in which engines pad a matrix; the first is not at all.
func paddings(d layout.Dims, of layout.Operand, block int) []layout.Map {
	if of == layout.Codes {
		block = 1
	}
	var list []layout.Map
	add := func(m layout.Map, err error) {
		if err == nil && !slices.ContainsFunc(list, func(l layout.Map) bool { return l.Out == m.Out && alike(l, m) }) {
			list = append(list, m)
		}
	}
	add(layout.Linear(d))
	for _, k := range Kernels() {
		if k.N.Pads || k.K.Pads {
			add(layout.Pad(d, layout.Dims{Rows: padTo(k.N, 1), Cols: padTo(k.K, block)}))
		}
		if g := k.Gated; g != nil && (g.N.Pads || g.K.Pads) && d.Rows%2 == 0 {
			add(layout.PadHalves(d, layout.Dims{Rows: padTo(g.N, 1), Cols: padTo(g.K, block)}))
		}
	}
	return list
}

func padTo(s Side, block int) int {
	if !s.Pads {
		return 1
	}
	return max(s.Multiple/block, 1)
}

// alike reports that two maps put every element at the same place. Digits move rows
// and columns each for themselves, so the edges and a scatter of elements decide.
func alike(a, b layout.Map) bool {
	if a.In != b.In || a.Out.Len() != b.Out.Len() || a.Spreads() != b.Spreads() {
		return false
	}
	return agree(a.In, func(r, c int) bool { return a.To(r, c) == b.To(r, c) })
}

// agree asks for the first row, the first column, the last ones and a scatter of
// elements; at most some ten thousand.
func agree(d layout.Dims, same func(row, col int) bool) bool {
	rowStep, colStep := max(d.Rows/2048, 1), max(d.Cols/2048, 1)
	for r := 0; r < d.Rows; r += rowStep {
		if !same(r, 0) || !same(r, d.Cols-1) || !same(r, r*7%d.Cols) {
			return false
		}
	}
	for c := 0; c < d.Cols; c += colStep {
		if !same(0, c) || !same(d.Rows-1, c) || !same(c*5%d.Rows, c) {
			return false
		}
	}
	return true
}

// hypotheses are all ways in which size elements can hold a matrix of d. The ones
// that put every element at the same place become one with all the names.
func hypotheses(d layout.Dims, of layout.Operand, size, block int, scales fp4.Format) []hypothesis {
	var list, undone []hypothesis
	format := nvfp4
	if scales == fp4.E8M0 {
		format = mxfp4
	}
	all := chains(of, format)
	for i, pad := range paddings(d, of, block) {
		for _, c := range all {
			m, ok := follow([]layout.Map{pad}, c.rules, of)
			if !ok || m.Out.Len() != size {
				continue
			}
			name := chainName(c.rules)
			if i > 0 {
				name = fmt.Sprintf("pad %v, %s", pad.Out, name)
			} else if m.Padding() == 0 && !m.Spreads() && len(c.rules) > 0 {
				undone = append(undone, hypothesis{names: []string{"un-" + name}, m: m, undone: true, odd: true})
			}
			list = add(list, hypothesis{names: []string{name}, m: m, odd: c.odd})
		}
	}
	for _, h := range undone {
		if !slices.ContainsFunc(list, h.agrees) {
			list = append(list, h)
		}
	}
	if of == layout.Scales && scales != fp4.E8M0 {
		list = append(list, reencoded(list)...)
	}
	return list
}

func follow(maps []layout.Map, chain []string, of layout.Operand) (layout.Map, bool) {
	for _, name := range chain {
		m, err := rule(name, of)(maps[len(maps)-1].Out)
		if err != nil {
			return layout.Map{}, false
		}
		maps = append(maps, m)
	}
	m, err := layout.Compose(maps...)
	return m, err == nil
}

func chainName(chain []string) string {
	if len(chain) == 0 {
		return "linear"
	}
	return strings.Join(chain, ", ")
}

// add appends a hypothesis, or its names to one that agrees with it.
func add(list []hypothesis, h hypothesis) []hypothesis {
	if i := slices.IndexFunc(list, h.agrees); i >= 0 {
		list[i].join(h)
		return list
	}
	return append(list, h)
}

// join takes in the names of a hypothesis that reads the buffer alike. A plain
// layout leaves no place for mistakes.
func (h *hypothesis) join(other hypothesis) {
	switch {
	case other.odd && !h.odd:
	case h.odd && !other.odd:
		*h = other
	default:
		h.names = append(slices.Clip(h.names), other.names...)
	}
}

// agrees reports that two hypotheses read every element at the same place.
func (h *hypothesis) agrees(other hypothesis) bool {
	return h.m.Spreads() == other.m.Spreads() && agree(h.m.In, func(r, c int) bool { return h.at(r, c) == other.at(r, c) })
}

// reencoded adds the scale bytes of 16-bit kernels: Marlin with each power of two
// that it rescales by, and mm_bf16_fp4.
func reencoded(list []hypothesis) (more []hypothesis) {
	formats := []struct {
		name string
		f    layout.S0E5M3
	}{{"S0E5M3 of mm_bf16_fp4", layout.MMBF16FP4()}}
	for power := 7; power <= 10; power++ {
		f := layout.S0E5M3{Power: power, Based: true}
		formats = append(formats, struct {
			name string
			f    layout.S0E5M3
		}{fmt.Sprintf("S0E5M3 ×%g", f.Factor()), f})
	}
	for _, format := range formats {
		var read [256]byte
		for b := range read {
			read[b] = byte(fp4.E4M3.Encode(format.f.Decode(byte(b)), fp4.NearestEven))
		}
		for _, h := range list {
			if !h.odd {
				more = append(more, hypothesis{names: suffixed(h.names, ", "+format.name), m: h.m, read: &read, odd: h.odd})
			}
		}
	}
	return more
}

// suffixed appends text to every name.
func suffixed(names []string, suffix string) []string {
	list := make([]string, len(names))
	for i, n := range names {
		list[i] = n + suffix
	}
	return list
}
