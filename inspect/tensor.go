package inspect

import "fmt"

// Tensor is a dense row-major array. Data holds the value of every element as
// float32, whatever DType says the storage was: all types up to 32 bits of
// float and 24 bits of integer are exact in it; F64 and wider integers are rounded
// to nearest even when read, and Rounded says so.
type Tensor struct {
	DType   DType
	Shape   []int // empty for a scalar
	Data    []float32
	Rounded bool // reading lost precision (F64, I64, U64, I32, U32 beyond 2^24)
}

// Numel is the product of shape; 1 for a scalar.
func Numel(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// Rows returns the tensor seen as a matrix: all leading dimensions folded into
// rows, the last one as columns. A scalar is 1×1.
func (t Tensor) Rows() (rows, cols int) {
	if len(t.Shape) == 0 {
		return 1, 1
	}
	cols = t.Shape[len(t.Shape)-1]
	rows = Numel(t.Shape[:len(t.Shape)-1])
	return rows, cols
}

// ShapeString writes a shape as "128×384"; "scalar" when it is empty.
func ShapeString(shape []int) string {
	if len(shape) == 0 {
		return "scalar"
	}
	s := ""
	for i, d := range shape {
		if i > 0 {
			s += "×"
		}
		s += fmt.Sprint(d)
	}
	return s
}
