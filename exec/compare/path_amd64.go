package compare

import "golang.org/x/sys/cpu"

func detect() []path {
	var list []path
	if cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512VL {
		list = append(list, avx512)
	}
	if cpu.X86.HasAVX2 {
		list = append(list, avx2)
	}
	return append(list, portable)
}

// sums takes whole groups of eight in and returns how many elements that were, with their ULPs
// unless those are not for vectors.
func (p path) sums(l *lanes, got, want []float32, floor float64, u ulpLanes) int {
	n := len(got) &^ 7
	switch {
	case p == portable || n == 0:
		return 0
	case p == avx512:
		sumsAVX512(l, &got[0], &want[0], n/8, floor, u)
	default:
		sumsAVX2(l, &got[0], &want[0], n/8, floor, u)
	}
	return n
}

// buckets is bucketsPortable.
func (p path) buckets(dst []uint16, got, want []float32) {
	n := len(got) &^ 7
	switch {
	case p == portable || n == 0:
		n = 0
	case p == avx512:
		bucketsAVX512(&dst[0], &got[0], &want[0], n/8)
	default:
		bucketsAVX2(&dst[0], &got[0], &want[0], n/8)
	}
	bucketsPortable(dst[n:], got[n:], want[n:])
}

// gather is gatherPortable.
func (p path) gather(dst []float64, got, want []float32, bucket uint16) int {
	n := len(got) &^ 7
	switch {
	case p == portable || n == 0:
		return gatherPortable(dst, got, want, bucket)
	case p == avx2:
		return gatherByBucket(dst, got, want, bucket)
	}
	k := gatherAVX512(&dst[0], &got[0], &want[0], n/8, uint64(bucket))
	return k + gatherPortable(dst[k:], got[n:], want[n:], bucket)
}

// gatherByBucket finds the buckets first: few elements are in the one that is sought.
func gatherByBucket(dst []float64, got, want []float32, bucket uint16) int {
	var buckets [1024]uint16
	k := 0
	for len(got) > 0 {
		n := min(len(got), len(buckets))
		avx2.buckets(buckets[:], got[:n], want[:n])
		for i, b := range buckets[:n] {
			if b == bucket {
				k += gatherPortable(dst[k:], got[i:i+1], want[i:i+1], bucket)
			}
		}
		got, want = got[n:], want[n:]
	}
	return k
}

// fold takes whole groups of eight columns of a row in and returns how many columns those are.
func (p path) fold(c *columns, got, want []float32, bound float64, signed bool) int {
	n := len(got) &^ 7
	switch {
	case p == portable || n == 0:
		return 0
	case p == avx512:
		foldAVX512(c, &got[0], &want[0], n/8, bound, signed)
	default:
		foldAVX2(c, &got[0], &want[0], n/8, bound, signed)
	}
	return n
}

// sumsAVX512 is lanes.add of groups·8 elements, and lanes.ulps.
//
//go:noescape
func sumsAVX512(l *lanes, got, want *float32, groups int, floor float64, u ulpLanes)

//go:noescape
func sumsAVX2(l *lanes, got, want *float32, groups int, floor float64, u ulpLanes)

// bucketsAVX512 writes the bucket of groups·8 elements.
//
//go:noescape
func bucketsAVX512(dst *uint16, got, want *float32, groups int)

//go:noescape
func bucketsAVX2(dst *uint16, got, want *float32, groups int)

// gatherAVX512 writes |err| of those among groups·8 elements that lie in the bucket, and up to 8
// values of no meaning behind them, and returns how many there are.
//
//go:noescape
func gatherAVX512(dst *float64, got, want *float32, groups int, bucket uint64) int

// foldAVX512 is columns.add of the errors of groups·8 columns, signed or their magnitudes.
//
//go:noescape
func foldAVX512(c *columns, got, want *float32, groups int, bound float64, signed bool)

//go:noescape
func foldAVX2(c *columns, got, want *float32, groups int, bound float64, signed bool)
