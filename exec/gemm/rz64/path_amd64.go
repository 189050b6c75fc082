package rz64

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

// vectorPaths are the vector paths of this architecture, the fastest first.
var vectorPaths = []pathInfo{
	{path: AVX512, bias: unsignedBias, unpack: unpack512,
		available: func() bool {
			x := &cpu.X86
			return x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VBMI && x.HasAVX512VNNI
		},
		tile:  func(t *tileCall) status { return status(tileAVX512(t)) },
		wide:  func(t *tileCall) status { return status(wideAVX512(t)) },
		start: startVectors,
		scan: func(scales []byte, table *[128]byte) (low, high uint8) {
			return scanAVX512(unsafe.SliceData(scales), len(scales), table)
		}},
	{path: AVX2, bias: unsignedBias, unpack: unpack256,
		available: func() bool { return cpu.X86.HasAVX2 && cpu.X86.HasFMA },
		tile:      func(t *tileCall) status { return status(tileAVX2(t)) },
		wide:      func(t *tileCall) status { return status(wideAVX2(t)) },
		start:     startVectors},
}

func startVectors(c *float32, ldc, rows uintptr, bound float32) start {
	return start(startAVX2(c, ldc, rows, bound))
}

func unpack512(panel, codes, scales []byte, codeStride, scaleStride int, format *scaleFormat, perScale int) {
	kind := unpackKind(panel, codes, scales, codeStride, scaleStride, format, perScale)
	unpackAVX512(&panel[0], &codes[0], codeStride, &scales[0], scaleStride, kind)
}

func unpack256(panel, codes, scales []byte, codeStride, scaleStride int, format *scaleFormat, perScale int) {
	kind := unpackKind(panel, codes, scales, codeStride, scaleStride, format, perScale)
	unpackAVX2(&panel[0], &codes[0], codeStride, &scales[0], scaleStride, kind)
}

// unpackKind checks that 32 rows are there, and tells the assembly what they hold.
func unpackKind(panel, codes, scales []byte, codeStride, scaleStride int, format *scaleFormat, perScale int) int {
	const rows = panelCols - 1
	_, _ = codes[rows*codeStride+stagedCodes-1], scales[rows*scaleStride+stagedScales/perScale-1]
	_ = panel[panelBytes-1]
	kind := 0
	if format == ue8m0 {
		kind = 1
	}
	if perScale == 2 {
		kind += 2
	}
	return kind
}

// unpackAVX512 unpacks 32 rows. kind: bit 0, scales are E8M0; bit 1, one scale serves two
// groups (8 bytes a row instead of 16).
//
//go:noescape
func unpackAVX512(panel, codes *byte, codeStride int, scales *byte, scaleStride int, kind int)

//go:noescape
func unpackAVX2(panel, codes *byte, codeStride int, scales *byte, scaleStride int, kind int)

//go:noescape
func tileAVX2(t *tileCall) uint32

//go:noescape
func wideAVX2(t *tileCall) uint32

//go:noescape
func tileAVX512(t *tileCall) uint32

//go:noescape
func wideAVX512(t *tileCall) uint32

//go:noescape
func startAVX2(c *float32, ldc, rows uintptr, bound float32) uint32

//go:noescape
func scanAVX512(scales *byte, n int, table *[128]byte) (low, high uint8)
