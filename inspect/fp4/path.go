package fp4

// path is one way to do the work of this package. All give the same bits; portable
// defines them.
type path uint8

const (
	portable path = iota
	neon
	avx2
	avx512
)

// paths are those that this processor has, the fastest first.
var paths = detect()

var fastest = paths[0]

// String is the name of the instruction set.
func (p path) String() string {
	return [...]string{portable: "portable", neon: "neon", avx2: "avx2", avx512: "avx512"}[p]
}

// Paths names the ways of this processor to do the work of this package, the fastest
// first, which is the one taken.
func Paths() []string {
	names := make([]string, len(paths))
	for i, p := range paths {
		names[i] = p.String()
	}
	return names
}
