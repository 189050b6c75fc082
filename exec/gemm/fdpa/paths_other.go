//go:build !amd64

package fdpa

// Paths lists the paths of this processor, the best last.
func Paths() []Path { return []Path{Portable} }

// call is the state of a vector kernel; there is none here.
type call struct{}

func (w *Worker) vector(Path) {}
