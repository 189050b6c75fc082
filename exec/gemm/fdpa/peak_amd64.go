package fdpa

import "golang.org/x/sys/cpu"

// maxAbs is maxAbsPlain with vectors where there are some. Both have whole panels.
func maxAbs(peak, c []float32) {
	if n := len(c); n > 0 && n%panelCols == 0 && cpu.X86.HasAVX2 {
		maxAbsAVX2(&peak[:n][0], &c[0], n)
		return
	}
	maxAbsPlain(peak, c)
}

// maxAbsAVX2 takes n elements, a multiple of 16.
//
//go:noescape
func maxAbsAVX2(peak, c *float32, n int)
