package kernel

import (
	"fmt"
	"math/rand/v2"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
	"fp4tui/inspect/layout"
)

// Pattern is what padding is filled with to see who reads it.
type Pattern uint8

const (
	NaN     Pattern = iota // scales NaN, codes 6
	Largest                // scales 448 (MXFP4: 256), codes 6: large, but finite
	Garbage                // random bytes, the same for the same size
	Canary                 // 0xa5 everywhere: what was never written
)

// String is the pattern as written in with=.
func (p Pattern) String() string { return [...]string{"nan", "448", "garbage", "canary"}[p] }

// ParsePattern reads nan, 448, garbage or canary.
func ParsePattern(s string) (Pattern, error) {
	for p := NaN; p <= Canary; p++ {
		if p.String() == s {
			return p, nil
		}
	}
	return 0, fault(inspect.ErrUnsupported, fmt.Sprintf("no pattern %q", s), "there are nan, 448, garbage and canary", "")
}

// Region is one kind of padding and what a kernel does with it.
type Region struct {
	Of     layout.Operand // codes or scales
	Name   string         // "rows past N"
	Count  int            // positions
	Reads  string         // what reads it
	Finite bool           // a finite value there moves a real output
	NaN    bool           // a NaN there does
}

// Poison returns a copy whose padding is filled; the elements of the matrix stay as
// they are. Undoing steps of the copy gives clean padding again.
func (p *Prepared) Poison(with Pattern) (*Prepared, error) {
	q := *p
	scale := p.pass.to[0x7f]
	code := byte(0x77)
	switch {
	case with == Canary:
		code, scale = 0xa5, 0xa5
	case with == Largest && p.src.blocks.ScaleType == fp4.E8M0:
		scale = 127 + 8
	case with == Largest:
		scale = p.pass.to[0x7e]
	case p.src.blocks.ScaleType == fp4.E8M0:
		scale = 0xff
	}
	rng := rand.New(rand.NewPCG(uint64(len(p.Codes)), uint64(len(p.Scales))))
	var noise *rand.Rand
	if with == Garbage {
		noise = rng
	}
	var err error
	if q.Codes, err = poison(p.CodeMap, p.Codes, 4, code, noise); err != nil {
		return nil, err
	}
	if q.Scales, err = poison(p.ScaleMap, p.Scales, 8, scale, noise); err != nil {
		return nil, err
	}
	return &q, nil
}

// poison replaces the bits of buffer that hold no element.
func poison(m layout.Map, buffer []byte, bits int, with byte, noise *rand.Rand) ([]byte, error) {
	mask, fill, zeros := make([]byte, len(buffer)), make([]byte, len(buffer)), make([]byte, m.In.Bytes(bits))
	if err := m.Apply(mask, zeros, bits, 0xff); err != nil {
		return nil, err
	}
	if err := m.Apply(fill, zeros, bits, with); err != nil {
		return nil, err
	}
	for i := range fill {
		if noise != nil {
			fill[i] = byte(noise.Uint32())
		}
		fill[i] = buffer[i]&^mask[i] | fill[i]&mask[i]
	}
	return fill, nil
}

// mmaK is how many elements of K one block-scaled MMA takes: its last step reads
// the scales of a whole step even where K ends inside.
const mmaK = 64

// readK is the K up to which the kernel reads scales.
func (p *Prepared) readK() int {
	if p.Kernel.Mode == layer.W4A4 && p.Kernel.Scales == "128x4" && len(p.scale.inner) > 0 {
		return layout.Up(p.PadK, mmaK)
	}
	return p.PadK
}

// Regions lists the padding of both buffers, kind by kind, with what a kernel's
// reads of it can change. Kinds that do not occur are left out.
func (p *Prepared) Regions() []Region {
	blocks, padBlocks := p.scale.first.Cols, p.scale.told().Cols
	inTile := max(layout.Up(p.readK(), p.Block)/p.Block-padBlocks, 0) * p.PadN
	rest := p.ScaleMap.Out.Len() - p.PadN*padBlocks - inTile
	all := []Region{
		{Of: layout.Codes, Name: "rows past N", Count: (p.PadN - p.N) * p.PadK, Reads: "they make output columns that are dropped"},
		{Of: layout.Codes, Name: "columns past K", Count: p.N * (p.PadK - p.K), Reads: "multiplied by the zeros that pad x"},
		{Of: layout.Codes, Name: "the layout's own", Count: p.CodeMap.Out.Len() - p.PadN*p.PadK, Reads: "loaded, masked"},
		{Of: layout.Scales, Name: "rows past N", Count: (p.PadN - p.N) * padBlocks, Reads: "they make output columns that are dropped"},
		{Of: layout.Scales, Name: "blocks past K", Count: p.N * (padBlocks - blocks), Reads: "multiplied by the zeros that pad x; NaN·0 is NaN", NaN: true},
		{Of: layout.Scales, Name: "blocks in the last MMA", Count: inTile, Reads: fmt.Sprintf("an MMA takes %d of K: read with codes that are zero; NaN·0 is NaN", mmaK), NaN: true},
		{Of: layout.Scales, Name: "the tile's own", Count: rest, Reads: "loaded with the tile, not used"},
	}
	var list []Region
	for _, r := range all {
		if r.Count > 0 {
			list = append(list, r)
		}
	}
	return list
}

// UnpackTiles is Unpack up to the end of the last MMA along K: past PadK the codes
// are zero, as the loads give them, and the scales are those that the tile holds.
// With clean padding a product is that of Unpack; with poison it shows the reads
// past K. K is a multiple of 64 for kernels with 128x4 scales, else PadK.
func (p *Prepared) UnpackTiles() (fp4.Blocks, error) {
	b, err := p.Unpack()
	k := p.readK()
	if err != nil || k == p.PadK {
		return b, err
	}
	wide := b
	wide.Cols = k
	d := layout.Dims{Rows: p.PadN, Cols: wide.ScaleCols()}
	var maps []layout.Map
	first := d
	for _, s := range p.done[p.told:] {
		if s.scales == nil {
			continue
		}
		m, err := s.scales(d)
		if err != nil {
			return fp4.Blocks{}, err
		}
		maps, d = append(maps, m), m.Out
	}
	m, err := compose(first, maps...)
	if err != nil {
		return fp4.Blocks{}, err
	}
	wide.Scales = make([]byte, first.Len())
	if err := m.Undo(wide.Scales, p.Scales, 8); err != nil {
		return fp4.Blocks{}, err
	}
	wide.Codes = make([]byte, wide.Rows*k/2)
	for r := range wide.Rows {
		copy(wide.Codes[r*k/2:], b.Codes[r*b.Cols/2:(r+1)*b.Cols/2])
	}
	return wide, wide.Check()
}
