package kernel

import (
	"fmt"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
)

// Parallel says along which side a layer is split over ranks.
type Parallel uint8

const (
	Column Parallel = iota // N: each rank has some output channels
	Row                    // K: each rank has some of the sum
)

// String is "column" or "row".
func (p Parallel) String() string { return [...]string{"column", "row"}[p] }

// Verdict says whether a kernel takes a rank's slice.
type Verdict uint8

const (
	Fits    Verdict = iota // as it is
	Pads                   // after padding
	Asserts                // the kernel's check fires
	Cuts                   // a rank edge cuts a block: its scale belongs to two ranks
	Uneven                 // the side does not divide over the ranks
	Foreign                // the kernel does not read the format
)

// String is the verdict as a word: "ok", "ok, pads", "FAIL assert", "FAIL block",
// "FAIL split", "n/a".
func (v Verdict) String() string {
	return [...]string{"ok", "ok, pads", "FAIL assert", "FAIL block", "FAIL split", "n/a"}[v]
}

// OK reports whether the kernel runs; Failed whether it is refused. A foreign
// format is neither.
func (v Verdict) OK() bool { return v == Fits || v == Pads }

// Failed reports whether the slice is refused.
func (v Verdict) Failed() bool { return v != Foreign && !v.OK() }

// Shape is what a plan needs to know of a layer.
type Shape struct {
	N, K   int
	Format string // "nvfp4", "mxfp4"
	Gated  bool   // rows are gate and up: each half is split

	Interleaved bool // and alternate, gate first, as gpt-oss stores them
}

// ShapeOf is the shape of a matrix.
func ShapeOf(b *fp4.Blocks) Shape { return Shape{N: b.Rows, K: b.Cols, Format: FormatOf(b)} }

func (s Shape) block() int {
	if s.Format == mxfp4 {
		return 32
	}
	return 16
}

// PlanRow is what one kernel makes of a rank's slice. All ranks are alike.
type PlanRow struct {
	Kernel  string
	Engine  string
	Needs   string // "N×128 K×64"
	RankN   int    // the slice
	RankK   int
	PadN    int // as the kernel gets it; 0 when it does not
	PadK    int
	Bytes   int64   // of codes and scales; 0 when the kernel does not get it
	Lost    float64 // bytes on top of the packed slice, over the packed slice
	Verdict Verdict
	Reason  string // "192 mod 128 = 64"
	Cure    string // "TP 4 passes (384 = 3 tiles), or pad before shuffling"
	gated   bool
}

// Overview are the kernels that a plan without for= lists.
func Overview() []Kernel {
	var list []Kernel
	for _, name := range []string{"cutlass", "cudnn", "trtllm", "trtllm.vllm", "marlin", "mm_bf16_fp4", "triton"} {
		k, err := Lookup(name)
		if err != nil {
			panic(err)
		}
		list = append(list, k)
	}
	return list
}

// Plan says for each kernel how the slice of each of tp ranks pads, aligns or
// breaks. The error is a *inspect.Fault of class ErrUnsupported for a shape or a
// number of ranks that makes no sense.
func Plan(s Shape, tp int, parallel Parallel, kernels []Kernel) ([]PlanRow, error) {
	if s.N < 1 || s.K < 1 || s.Format != nvfp4 && s.Format != mxfp4 {
		return nil, fault(inspect.ErrUnsupported, "nothing to plan", fmt.Sprintf("%d×%d %s", s.N, s.K, orNone(s.Format)), "")
	}
	if tp < 1 || tp > s.length(parallel) {
		return nil, fault(inspect.ErrUnsupported, fmt.Sprintf("cannot split over %d ranks", tp), fmt.Sprintf("%s parallel has %d to split", parallel, s.length(parallel)), "")
	}
	rows := make([]PlanRow, len(kernels))
	for i, k := range kernels {
		rows[i] = planRow(k, s, tp, parallel)
		if rows[i].Verdict.Failed() {
			rows[i].Cure = cure(k, s, tp, parallel, rows[i])
		}
	}
	return rows, nil
}

func (s Shape) length(p Parallel) int {
	switch {
	case p == Row:
		return s.K
	case s.Gated:
		return s.N / 2
	}
	return s.N
}

// slice is the shape of one rank's part; ok is false when the ranks differ.
func (s Shape) slice(tp int, p Parallel) (part Shape, ok bool) {
	part = s
	if p == Row {
		part.K /= tp
	} else {
		part.N = s.length(p) / tp
		if s.Gated {
			part.N *= 2
		}
	}
	return part, s.length(p)%tp == 0
}

func planRow(k Kernel, s Shape, tp int, parallel Parallel) PlanRow {
	part, even := s.slice(tp, parallel)
	n, kk := k.sides(s.Gated)
	row := PlanRow{Kernel: k.Name, Engine: k.Engine, Needs: needs(n, kk), RankN: part.N, RankK: part.K, gated: s.Gated}
	if !k.Takes(s.Format) || s.Gated && k.Gated == nil {
		row.Verdict, row.Needs = Foreign, joined(k.Formats)+" only"
		if k.Takes(s.Format) {
			row.Needs = "no gate and up"
		}
		return row
	}
	switch length := s.length(parallel); {
	case !even:
		row.Verdict, row.Reason = Uneven, fmt.Sprintf("%d mod %d = %d: ranks differ", length, tp, length%tp)
		return row
	case part.K%s.block() != 0:
		row.Verdict = Cuts
		row.Reason = fmt.Sprintf("%d mod %d = %d: %d blocks are cut by a rank's edge", part.K, s.block(), part.K%s.block(), s.cut(tp, parallel))
		return row
	}
	p, err := dryRun(k, part)
	if err != nil {
		row.Verdict, row.Reason = Asserts, k.remainder(part)
		return row
	}
	row.PadN, row.PadK = p.PadN, p.PadK
	row.Bytes = int64(p.CodeMap.Out.Bytes(4) + p.ScaleMap.Out.Bytes(8))
	packed := int64(part.N*part.K/2 + part.N*part.K/s.block())
	row.Lost = float64(row.Bytes-packed) / float64(packed)
	if row.PadN != part.N || row.PadK != part.K {
		row.Verdict = Pads
	}
	return row
}

// dryRun takes the sizes of a slice through the steps of a kernel.
func dryRun(k Kernel, s Shape) (*Prepared, error) {
	if err := k.Refuses(s.Format, s.block(), s.N, s.K, s.Gated); err != nil {
		return nil, err
	}
	b := &fp4.Blocks{Rows: s.N, Cols: s.K, Block: s.block(), ScaleType: fp4.E4M3}
	if s.Format == mxfp4 {
		b.ScaleType = fp4.E8M0
	}
	src := &source{blocks: b, format: s.Format, block: b.Block, gated: s.Gated, interleaved: s.Interleaved, act: inspect.BF16}
	p := start(k, src)
	p.all = k.steps(src)
	return p, p.lay(len(p.all))
}

// remainder is the rule that a slice breaks, in numbers.
func (k Kernel) remainder(s Shape) string {
	n, kk := k.sides(s.Gated)
	size := s.N
	if s.Gated {
		size /= 2
	}
	text := ""
	for _, side := range []struct {
		need Side
		size int
	}{{n, size}, {kk, s.K}} {
		if m := side.need.Multiple; m > 1 && !side.need.Pads && side.size%m != 0 {
			if text != "" {
				text += ", "
			}
			text += fmt.Sprintf("%d mod %d = %d", side.size, m, side.size%m)
		}
	}
	if text == "" {
		return "the layout does not take the slice"
	}
	return text
}

// cure is what would make the slice pass: the next smaller power-of-two split that
// does, or padding.
func cure(k Kernel, s Shape, tp int, parallel Parallel, failed PlanRow) string {
	text := "no smaller TP passes"
	for t := tp / 2; t >= 1; t /= 2 {
		if row := planRow(k, s, t, parallel); row.Verdict.OK() {
			text = fmt.Sprintf("TP %d passes%s", t, k.tiles(row, s, parallel))
			break
		}
	}
	switch {
	case failed.Verdict != Asserts:
		return text
	case k.Rows != "":
		return text + ", or pad before shuffling"
	}
	return text + ", or pad"
}

// tiles says how a passing slice divides: " (384 = 3 tiles)".
func (k Kernel) tiles(row PlanRow, s Shape, parallel Parallel) string {
	n, kk := k.sides(s.Gated)
	size, multiple, unit := row.RankN, n.Multiple, "tiles"
	if s.Gated {
		size /= 2
	}
	if parallel == Row {
		size, multiple = row.RankK, max(kk.Multiple, s.block())
		if multiple == s.block() {
			unit = "blocks"
		}
	}
	if multiple < 2 || size%multiple != 0 {
		return ""
	}
	return fmt.Sprintf(" (%d = %d %s)", size, size/multiple, unit)
}

// cut counts the blocks that inner rank edges cut.
func (s Shape) cut(tp int, p Parallel) int { return len(Measure(s, tp, p).Cut) }

// Ruler is the side that is split: its ranks, tiles and cut blocks, in elements.
type Ruler struct {
	Axis   byte  // 'n' or 'k'
	Length int   // of the side; of one half when the layer is gated
	Tile   int   // elements a tile of scales takes: 128 rows or 4 blocks
	Ranks  []int // edges of ranks, the first 0, the last Length
	Tiles  []int // edges of tiles inside
	Cut    []int // rank edges inside a block
}

// Measure is the ruler of a split. When the side does not divide, the first ranks
// have one element more, as an engine that allows it deals them.
func Measure(s Shape, tp int, p Parallel) Ruler {
	r := Ruler{Axis: 'n', Length: s.length(p), Tile: 128}
	if p == Row {
		r.Axis, r.Tile = 'k', 4*s.block()
	}
	size, more := r.Length/tp, r.Length%tp
	for rank := range tp + 1 {
		edge := rank*size + min(rank, more)
		r.Ranks = append(r.Ranks, edge)
		if p == Row && edge%s.block() != 0 && edge < r.Length {
			r.Cut = append(r.Cut, edge)
		}
	}
	for edge := r.Tile; edge < r.Length; edge += r.Tile {
		r.Tiles = append(r.Tiles, edge)
	}
	return r
}

// Segment is a stretch of a padded side.
type Segment struct {
	From, To int  // in elements of the padded side
	Padding  bool // zeros; else data
}

// Rows and Cols are the sides of the slice as the kernel gets it; nil when it does
// not. Gate and up halves are padded apart.
func (r PlanRow) Rows() []Segment {
	if !r.gated {
		return segments(0, r.RankN, r.PadN)
	}
	return append(segments(0, r.RankN/2, r.PadN/2), segments(r.PadN/2, r.RankN/2, r.PadN/2)...)
}

// Cols is Rows along K.
func (r PlanRow) Cols() []Segment { return segments(0, r.RankK, r.PadK) }

func segments(from, data, padded int) []Segment {
	if padded == 0 {
		return nil
	}
	list := []Segment{{From: from, To: from + data}}
	if padded > data {
		list = append(list, Segment{From: from + data, To: from + padded, Padding: true})
	}
	return list
}
