//go:build !amd64

package fdpa

// Paths lists the paths of this processor, the best last.
func Paths() []Path { return []Path{Portable} }

// There are no vector kernels here, and none of their state.
type (
	call    struct{}
	packing struct{}
)

func (w *Worker) vector(Path) {}
