package cuda

import (
	"fmt"
	"strings"
)

// blasConfig is how an algorithm of cuBLASLt is set, by cublasLtMatmulAlgoConfigAttributes_t:
// -1 where the library does not tell.
type blasConfig [9]int64

// The places of a blasConfig.
const (
	blasAlgorithm = iota
	blasTile
	blasSplit
	blasReduction
	blasSwizzle
	blasCustom
	blasStages
	blasInner
	blasCluster
)

// String is "algorithm 66, tile 128x256 (23), stages 128xauto (36), split-K 1, reduction none (0),
// …". A tile is rows of w by rows of x: what the library calls rows and columns.
func (c blasConfig) String() string {
	parts := []string{
		"algorithm " + told(c[blasAlgorithm], nil),
		"tile " + told(c[blasTile], blasTiles()),
		"stages " + told(c[blasStages], blasStageNames),
		"split-K " + told(c[blasSplit], nil),
		"reduction " + told(c[blasReduction], blasReductions),
		"cluster " + told(c[blasCluster], blasClusters),
		"swizzle " + told(c[blasSwizzle], nil),
		"inner shape " + told(c[blasInner], blasInners),
		"option " + told(c[blasCustom], nil),
	}
	return strings.Join(parts, ", ")
}

// told is a number with its name before it where there is one.
func told(id int64, names []string) string {
	switch {
	case id < 0:
		return "not told"
	case names == nil:
		return fmt.Sprint(id)
	case id < int64(len(names)) && names[id] != "":
		return fmt.Sprintf("%s (%d)", names[id], id)
	}
	return fmt.Sprintf("number %d", id)
}

// blasReductions are the names of cublasLtReductionScheme_t.
var blasReductions = []string{0: "none", 1: "in place", 2: "in the compute type", 4: "in the output type"}

// blasInners are the names of cublasLtMatmulInnerShape_t.
var blasInners = []string{"undefined", "mma884", "mma1684", "mma1688", "mma16816"}

// blasStageNames are the names of cublasLtMatmulStages_t: elements of K by buffers.
var blasStageNames = []string{0: "undefined",
	1: "16x1", "16x2", "16x3", "16x4", "16x5", "16x6", 7: "32x1", "32x2", "32x3", "32x4", "32x5", "32x6",
	13: "64x1", "64x2", "64x3", "64x4", "64x5", "64x6", 19: "128x1", "128x2", "128x3", "128x4", "128x5", "128x6",
	25: "32x10", "8x4", "16x10", "8x5", 31: "8x3", "8xauto", "16xauto", "32xauto", "64xauto", "128xauto", "256xauto", "768xauto",
}

// blasClusters are the names of cublasLtClusterShape_t.
var blasClusters = []string{0: "auto", 2: "1x1x1", "2x1x1", "4x1x1", "1x2x1", "2x2x1", "4x2x1", "1x4x1", "2x4x1", "4x4x1", "8x1x1", "1x8x1",
	"8x2x1", "2x8x1", "16x1x1", "1x16x1", "3x1x1", "5x1x1", "6x1x1", "7x1x1", "9x1x1", "10x1x1", "11x1x1", "12x1x1", "13x1x1", "14x1x1",
	"15x1x1", "3x2x1", "5x2x1", "6x2x1", "7x2x1", "1x3x1", "2x3x1", "3x3x1", "4x3x1", "5x3x1", "3x4x1", "1x5x1", "2x5x1", "3x5x1", "1x6x1",
	"2x6x1", "1x7x1", "2x7x1", "1x9x1", "1x10x1", "1x11x1", "1x12x1", "1x13x1", "1x14x1", "1x15x1"}

// blasTiles are the names of cublasLtMatmulTile_t of cuBLASLt 13.10; earlier releases have fewer.
// They are 35 by hand, then every shape that was not named yet of two grids, each up to an
// area, then single ones.
func blasTiles() []string {
	names := strings.Fields("undefined 8x8 8x16 16x8 8x32 16x16 32x8 8x64 16x32 32x16 64x8 32x32 32x64 64x32 32x128 64x64 128x32 64x128 128x64 " +
		"64x256 128x128 256x64 64x512 128x256 256x128 512x64 64x96 96x64 96x128 128x160 160x128 192x128 128x192 128x96 32x256 256x32")
	named := map[string]bool{}
	for _, n := range names {
		named[n] = true
	}
	for _, grid := range []struct{ rows, cols, area int }{{8, 64, 768 * 64}, {64, 8, 256 * 256}} {
		for r := grid.rows; r <= 768; r += grid.rows {
			for c := grid.cols; c <= 768 && r*c <= grid.area; c += grid.cols {
				if n := fmt.Sprintf("%dx%d", r, c); !named[n] {
					named[n] = true
					names = append(names, n)
				}
			}
		}
	}
	return append(names, strings.Fields("256x512 256x1024 512x512 512x1024 4x1 8x1 16x1 24x1 32x1 40x1 48x1 64x1 128x1 192x1 256x1")...)
}
