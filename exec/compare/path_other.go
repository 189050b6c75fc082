//go:build !amd64

package compare

func detect() []path { return []path{portable} }

func (p path) sums(*lanes, []float32, []float32, float64, ulpLanes) int { return 0 }

func (p path) buckets(dst []uint16, got, want []float32) { bucketsPortable(dst, got, want) }

func (p path) gather(dst []float64, got, want []float32, bucket uint16) int {
	return gatherPortable(dst, got, want, bucket)
}

func (p path) fold(*columns, []float32, []float32, float64, bool) int { return 0 }
