//go:build !amd64 && !arm64

package fp4

func detect() []path { return []path{portable} }

func (p path) expand(r run, dst []float32) { expandPortable(r, dst) }
