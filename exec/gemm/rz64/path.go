package rz64

import "unsafe"

// Path is a way to compute; all ways return the same words.
type Path uint8

const (
	Portable Path = iota + 1 // int64 arithmetic on any processor
	AVX2                     // amd64 with AVX2 and FMA
	AVX512                   // amd64 with AVX-512 F, BW, DQ, VBMI and VNNI
	NEON                     // arm64 with the dot product instructions
)

// String is "portable", "avx2", "avx512" or "neon".
func (p Path) String() string {
	if int(p) < len(pathNames) {
		return pathNames[p]
	}
	return "invalid"
}

var pathNames = [...]string{"invalid", "portable", "avx2", "avx512", "neon"}

// pathInfo is the vector code of a path. A path without tile computes all by step.
type pathInfo struct {
	path      Path
	available func() bool
	bias      int8 // added to the doubled codes of w
	// unpack fills a panel from 32 rows of raw bytes.
	unpack func(panel, codes, scales []byte, codeStride, scaleStride int, format *scaleFormat, perScale int)
	// tile continues a tile through a block. It leaves c and abs alone unless it
	// returns done.
	tile func(*tileCall) status
	// wide is tile with sums in float64; nil where step has to do.
	wide func(*tileCall) status
	// start looks at the words that accumulators start at; nil where Go has to do. bound
	// is 2^23 units.
	start func(c *float32, ldc, rows uintptr, bound float32) start
	// scan returns the least entry of table at the scales, bit 7 ignored, and the largest
	// scale; without a table the least scale. Nil where Go has to do.
	scan func(scales []byte, table *[128]byte) (low, high uint8)
}

// status is how a tile function ended.
type status uint32

const (
	done    status = iota
	inexact        // some sum is not a float32
	outside        // some |c| left the window
)

// start is what is known of the first words of a tile.
type start uint32

const (
	startFits  start = iota // all are multiples of the unit, or infinite; none is NaN
	startOther              // anything else
)

// tileCall is what the assembly reads. Rows are rows of a tile from the first on.
type tileCall struct {
	panel   unsafe.Pointer // unpacked w at the first group
	codes   unsafe.Pointer // packed x at the first group: codes of the first row
	starts  unsafe.Pointer // the same: starting int32 of the first row, its scale 32 bytes on
	c       unsafe.Pointer // first output
	abs     unsafe.Pointer // first magnitude, or nil
	scratch unsafe.Pointer // scratchLen bytes
	ldc     uintptr        // bytes between rows of c and of abs
	rows    uintptr        // 1 … 8
	steps   uintptr        // 1 … 4
	whole   uintptr        // 1: compute the sums of all 8 rows of the tile at once
	limit   float32        // bound of the window
}

// scratchLen holds the sums of a block, then c and abs before they are stored.
const scratchLen = (blockSteps + 2) * tileRows * panelCols * 4

var portablePath = pathInfo{path: Portable, available: func() bool { return true }}

// Paths lists the paths that this processor has, the fastest first; the last is
// Portable.
func Paths() []Path {
	var all []Path
	for i := range vectorPaths {
		if vectorPaths[i].available() {
			all = append(all, vectorPaths[i].path)
		}
	}
	return append(all, Portable)
}

// info finds the code of a path; nil when this architecture has none.
func (p Path) info() *pathInfo {
	if p == Portable {
		return &portablePath
	}
	for i := range vectorPaths {
		if vectorPaths[i].path == p {
			return &vectorPaths[i]
		}
	}
	return nil
}
