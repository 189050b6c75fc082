package compare

// path is one way to walk elements. All give the same bits; portable defines them.
type path uint8

const (
	portable path = iota
	avx2
	avx512
)

// paths are those that this processor has, the fastest first.
var paths = detect()

var fastest = paths[0]

// String is the name of the instruction set.
func (p path) String() string {
	return [...]string{portable: "portable", avx2: "avx2", avx512: "avx512"}[p]
}
