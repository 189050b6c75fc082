//go:build !amd64

package fdpa

func maxAbs(peak, c []float32) { maxAbsPlain(peak, c) }
