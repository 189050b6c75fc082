package kernel

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layout"
)

// Unknown is a buffer in an unknown layout and what is known of its matrix. Codes or
// Scales may be nil: then the reference's are taken, and only the other one is told.
type Unknown struct {
	Codes, Scales []byte
	N, K          int         // logical size
	Block         int         // 16 or 32
	ScaleType     fp4.Format  // of the stored scales
	Reference     *fp4.Blocks // the matrix that the buffer should hold; nil: guess by plausibility
}

// Candidate is one way to read an unknown buffer.
type Candidate struct {
	Codes       []string // layouts of the codes; several: this buffer cannot tell them apart
	Scales      []string // layouts of the scales
	Kernels     []string // whose prepared buffers look like this
	Misfits     []Misfit // of the best without Kernels: whose buffers do but for the padding
	Err         float64  // ‖read - reference‖ / ‖reference‖ over a sample, without the global scale; NaN without a reference
	CodesWrong  float64  // share of codes that are not the reference's
	ScalesWrong float64  // share of scales that are not
	Exact       bool     // every code and every scale is the reference's
	Ambiguous   bool     // several layouts read this buffer alike
	Weak        bool     // no reference: ranked by Score alone, which random permutations of rows do not change
	Score       float64  // without a reference: how much of the scales' spread rows and columns explain, and how full the blocks are; 2 at best
}

// maxCandidates is how many readings are returned.
const maxCandidates = 8

// sampled is how many elements decide which readings are worth a full look.
const sampled = 2048

// Identify tries every layout of the table, alone and in the sequences that go
// wrong in the field, and ranks the readings by their error against the reference.
// Layouts that read the buffer alike, because they coincide for this shape or for
// these bytes, are one candidate with all their names. The error is a *inspect.Fault
// when no layout fits the sizes of the buffers.
func Identify(ctx context.Context, u Unknown) ([]Candidate, error) {
	if err := u.check(); err != nil {
		return nil, err
	}
	codes, err := u.readings(ctx, layout.Codes)
	if err != nil {
		return nil, err
	}
	scales, err := u.readings(ctx, layout.Scales)
	if err != nil {
		return nil, err
	}
	if u.Reference == nil {
		return u.guess(ctx, codes, scales)
	}
	return u.rank(ctx, codes, scales)
}

func (u Unknown) check() error {
	switch r := u.Reference; {
	case u.N < 1 || u.K < 2 || u.K%2 != 0 || u.Block < 2 || u.K%u.Block != 0:
		return fault(inspect.ErrUnsupported, "cannot identify", fmt.Sprintf("%d×%d in blocks of %d", u.N, u.K, u.Block), "")
	case u.ScaleType != fp4.E4M3 && u.ScaleType != fp4.UE4M3 && u.ScaleType != fp4.E8M0:
		return fault(inspect.ErrUnsupported, "cannot identify", "scales of type "+u.ScaleType.String(), "")
	case u.Codes == nil && u.Scales == nil:
		return fault(inspect.ErrMissing, "nothing to identify", "neither codes nor scales", "")
	case r == nil && (u.Codes == nil || u.Scales == nil):
		return fault(inspect.ErrMissing, "cannot identify", "half a matrix and no layer to compare with", "name the layer: as=")
	case r == nil:
		return nil
	case r.Rows != u.N || r.Cols != u.K || r.Block != u.Block:
		return fault(inspect.ErrMismatch, "cannot identify", fmt.Sprintf("the layer is %d×%d in blocks of %d, the buffer %d×%d in %d", r.Rows, r.Cols, r.Block, u.N, u.K, u.Block), "")
	}
	return u.Reference.Check()
}

// reading is a hypothesis and what it makes of the sample.
type reading struct {
	hypothesis
	bytes []byte // of the sample
	wrong float64
	exact bool
}

// dims of an operand.
func (u Unknown) dims(of layout.Operand) layout.Dims {
	if of == layout.Scales {
		return layout.Dims{Rows: u.N, Cols: u.K / u.Block}
	}
	return layout.Dims{Rows: u.N, Cols: u.K}
}

func (u Unknown) buffer(of layout.Operand) []byte {
	if of == layout.Scales {
		return u.Scales
	}
	return u.Codes
}

// known is the reference's own operand, row-major, low nibble first.
func (u Unknown) known(of layout.Operand) []byte {
	switch {
	case of == layout.Scales:
		return u.Reference.Scales
	case u.Reference.Order == fp4.HighFirst:
		return swapNibbles(u.Reference.Codes)
	}
	return u.Reference.Codes
}

// sample are elements of the matrix, the same for the same size: the corners of
// tiles and a scatter.
func (u Unknown) sample() [][2]int {
	rng := rand.New(rand.NewPCG(uint64(u.N), uint64(u.K)))
	list := make([][2]int, sampled)
	for i := range list {
		list[i] = [2]int{rng.IntN(u.N), rng.IntN(u.K)}
	}
	return list
}

// readings are the hypotheses of an operand, each read at the sample. An operand
// without a buffer is read from the reference.
func (u Unknown) readings(ctx context.Context, of layout.Operand) ([]reading, error) {
	buffer, d := u.buffer(of), u.dims(of)
	var list []hypothesis
	if buffer == nil {
		m, err := layout.Linear(d)
		if err != nil {
			return nil, err
		}
		buffer, list = u.known(of), []hypothesis{{m: m}}
	} else if list = hypotheses(d, of, len(buffer)*8/of.Bits(), u.blockOf(of), u.ScaleType); len(list) == 0 {
		return nil, fault(inspect.ErrMismatch, "no layout fits", fmt.Sprintf("%d bytes of %s for %v elements", len(buffer), of, d), "check the size and the block")
	}
	sample := u.sample()
	out := make([]reading, len(list))
	for i, h := range list {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		out[i] = reading{hypothesis: h, bytes: make([]byte, len(sample))}
		for j, at := range sample {
			out[i].bytes[j] = h.element(buffer, of, at[0], at[1]*d.Cols/u.K)
		}
	}
	return out, nil
}

func (u Unknown) blockOf(of layout.Operand) int {
	if of == layout.Scales {
		return u.Block
	}
	return 1
}

// element is what a hypothesis reads for one element.
func (h *hypothesis) element(buffer []byte, of layout.Operand, row, col int) byte {
	pos := h.at(row, col)
	if of == layout.Scales {
		if h.read != nil {
			return h.read[buffer[pos]]
		}
		return buffer[pos]
	}
	if !h.m.Spreads() {
		return buffer[pos/2] >> (pos % 2 * 4) & 15
	}
	var code byte
	for i, bit := range h.m.Bits(pos) {
		code |= buffer[bit/8] >> (bit % 8) & 1 << i
	}
	return code
}

// rank orders the pairs of readings by their error.
func (u Unknown) rank(ctx context.Context, codes, scales []reading) ([]Candidate, error) {
	want := [2][]byte{}
	for i, list := range [][]reading{codes, scales} {
		of := layout.Operand(i)
		m, err := layout.Linear(u.dims(of))
		if err != nil {
			return nil, err
		}
		truth := hypothesis{m: m}
		want[i] = make([]byte, sampled)
		for j, at := range u.sample() {
			want[i][j] = truth.element(u.known(of), of, at[0], at[1]*m.In.Cols/u.K)
		}
		if err := u.compare(ctx, list, of, want[i]); err != nil {
			return nil, err
		}
	}
	codes, scales = best(codes), best(scales)
	type pair struct {
		Candidate
		codes, scales *reading
	}
	var pairs []pair
	for i := range codes {
		for j := range scales {
			c, s := &codes[i], &scales[j]
			pairs = append(pairs, pair{Candidate{Codes: c.names, Scales: s.names, CodesWrong: c.wrong, ScalesWrong: s.wrong,
				Exact: c.exact && s.exact, Ambiguous: len(c.names) > 1 || len(s.names) > 1,
				Err: u.distance(c.bytes, s.bytes, want[0], want[1]), Kernels: u.kernels(c, s)}, c, s})
		}
	}
	slices.SortStableFunc(pairs, func(a, b pair) int {
		if a.Exact != b.Exact {
			return map[bool]int{true: -1, false: 1}[a.Exact]
		}
		return cmp.Or(cmp.Compare(a.Err, b.Err), cmp.Compare(a.CodesWrong+a.ScalesWrong, b.CodesWrong+b.ScalesWrong))
	})
	if best := &pairs[0]; len(best.Kernels) == 0 {
		best.Misfits = u.misfits(best.codes, best.scales)
	}
	list := make([]Candidate, min(len(pairs), maxCandidates))
	for i := range list {
		list[i] = pairs[i].Candidate
	}
	return list, nil
}

// compare counts the wrong elements of each reading in the sample; the readings
// without any are read in full.
func (u Unknown) compare(ctx context.Context, list []reading, of layout.Operand, want []byte) error {
	buffer := u.buffer(of)
	for i := range list {
		r := &list[i]
		wrong := 0
		for j, b := range r.bytes {
			if b != want[j] {
				wrong++
			}
		}
		r.wrong = float64(wrong) / float64(len(want))
		if wrong > 0 {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if r.exact = buffer == nil; r.exact {
			continue
		}
		all, err := r.unpack(buffer, of.Bits())
		if err != nil {
			return err
		}
		if r.exact = bytes.Equal(all, u.known(of)); !r.exact {
			r.wrong = differing(all, u.known(of), of)
		}
	}
	return nil
}

// differing is the share of elements that differ.
func differing(a, b []byte, of layout.Operand) float64 {
	n, total := 0, len(a)
	for i, x := range a {
		switch d := x ^ b[i]; {
		case of == layout.Scales && d != 0:
			n++
		case of == layout.Codes:
			n += min(int(d&15), 1) + min(int(d>>4), 1)
		}
	}
	if of == layout.Codes {
		total *= 2
	}
	return float64(n) / float64(total)
}

// best are the readings with the fewest wrong elements. Those that read the whole
// buffer right are one: nothing in it tells them apart.
func best(list []reading) []reading {
	slices.SortStableFunc(list, func(a, b reading) int { return cmp.Compare(a.wrong, b.wrong) })
	var kept []reading
	for _, r := range list {
		if r.exact && len(kept) > 0 && kept[0].exact {
			kept[0].join(r.hypothesis)
			continue
		}
		if len(kept) < maxCandidates {
			kept = append(kept, r)
		}
	}
	return kept
}

// distance is the relative error of a sample. A value that is no number counts as
// far off as the reference is large.
func (u Unknown) distance(codes, scales, wantCodes, wantScales []byte) float64 {
	var sum, norm float64
	for i := range codes {
		want := u.value(wantCodes[i], wantScales[i], u.Reference.ScaleType)
		d := u.value(codes[i], scales[i], u.ScaleType) - want
		if d != d || math.IsInf(d, 0) {
			d = math.Max(1, math.Abs(want))
			if d != d {
				d = 1
			}
			if codes[i] == wantCodes[i] && scales[i] == wantScales[i] {
				d = 0
			}
		}
		if want == want {
			norm += want * want
		}
		sum += d * d
	}
	if norm == 0 {
		norm = 1
	}
	return math.Sqrt(sum / norm)
}

func (u Unknown) value(code, scale byte, as fp4.Format) float64 {
	return float64(fp4.DecodeE2M1(code)) * float64(as.Decode(uint16(scale)))
}

// kernels names the kernels whose preparation is this pair of layouts.
func (u Unknown) kernels(c, s *reading) (names []string) {
	if c.undone || s.undone {
		return nil
	}
	shape := Shape{N: u.N, K: u.K, Format: FormatOf(&fp4.Blocks{Block: u.Block, ScaleType: u.ScaleType})}
	for _, k := range Kernels() {
		for _, rows := range []struct{ gated, interleaved bool }{{false, false}, {true, false}, {true, true}} {
			shape.Gated, shape.Interleaved = rows.gated, rows.interleaved
			if rows.gated && (k.Gated == nil || u.N%2 != 0) || (k.Encode != Keep && shape.Format == nvfp4) != (s.read != nil) {
				continue
			}
			p, err := dryRun(k, shape)
			if err != nil || slices.Contains(names, k.Name) {
				continue
			}
			if (u.Codes == nil || alike(p.CodeMap, c.m)) && (u.Scales == nil || alike(p.ScaleMap, s.m)) {
				names = append(names, k.Name)
			}
		}
	}
	return names
}
