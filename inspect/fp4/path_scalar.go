//go:build !amd64

package fp4

// Quantizing has vector code on amd64 alone.

func (p path) amax(dst, x []float32, size int, dropNaN bool) { amaxPortable(dst, x, size, dropNaN) }

func (p path) roundBF16(dst, x []float32) { roundPortable(dst, x) }

func (p path) encode(codes []byte, x, by []float32, size int, e elements) {
	encodePortable(codes, x, by, size, e)
}
