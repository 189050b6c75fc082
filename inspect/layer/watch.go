package layer

// Rect is a rectangle of outputs: rows [M0,M1) of y, columns [N0,N1).
type Rect struct{ M0, M1, N0, N1 int }

// Overlaps reports two rectangles with an output in common.
func (r Rect) Overlaps(o Rect) bool {
	return r.M0 < o.M1 && o.M0 < r.M1 && r.N0 < o.N1 && o.N0 < r.N1
}

// Watch follows a product while it is computed. A backend that cannot ignores it.
type Watch struct {
	// First is what somebody looks at: its outputs are computed before the others.
	First Rect
	// Done tells each rectangle once its outputs are final in y, M×N row-major. It is
	// called from several goroutines; only outputs that were told may be read.
	Done func(r Rect, y []float32)
}
