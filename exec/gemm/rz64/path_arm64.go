package rz64

import "golang.org/x/sys/cpu"

// vectorPaths are the vector paths of this architecture.
var vectorPaths = []pathInfo{
	{path: NEON, unpack: unpackVectors,
		available: func() bool { return cpu.ARM64.HasASIMDDP },
		tile:      func(t *tileCall) status { return status(tileNEON(t)) },
		wide:      func(t *tileCall) status { return status(wideNEON(t)) }},
}

func unpackVectors(panel, codes, scales []byte, codeStride, scaleStride int, format *scaleFormat, perScale int) {
	const rows = panelCols - 1
	_, _ = codes[rows*codeStride+stagedCodes-1], panel[panelBytes-1]
	unpackNEON(&panel[0], &codes[0], codeStride)
	unpackScales(panel, scales, scaleStride, format, perScale)
}

// unpackNEON unpacks the codes of 32 rows of 128 bytes.
//
//go:noescape
func unpackNEON(panel, codes *byte, stride int)

//go:noescape
func tileNEON(t *tileCall) uint32

//go:noescape
func wideNEON(t *tileCall) uint32
