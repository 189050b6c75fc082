package diagnose

import (
	"fmt"
	"math"
	"slices"

	"fp4tui/inspect/fp4"
	"fp4tui/inspect/kernel"
	"fp4tui/inspect/layer"
)

// padding is a size that padding to a tile gives.
type padding struct{ size, tile int }

// padded are the sizes above n that padding gives, each once.
func padded(n int) (list []padding) {
	for _, t := range kernel.Tiles() {
		size := (n + t - 1) / t * t
		if size > n && !slices.ContainsFunc(list, func(p padding) bool { return p.size == size }) {
			list = append(list, padding{size, t})
		}
	}
	return list
}

// strides are buffers whose rows are of one length and that are read in rows of another: a kernel
// that wants padding got none, or its padded output was taken for the real one.
func strides(s *scene) (list []hypothesis) {
	if s.Repair || s.X == nil {
		return nil
	}
	for _, p := range padded(s.N) {
		list = append(list, hypothesis{name: fmt.Sprintf("the output has rows of %d (N %d padded) and is read in rows of %d: it was not sliced", p.size, s.N, s.N),
			command: fmt.Sprintf("pad w n=%d", p.tile), reading: reading{at: s.rowsOf(p.size)}})
	}
	for _, p := range padded(s.k) {
		list = append(list, s.unpaddedX(p)...)
		list = append(list, s.unpaddedWeight(p)...)
	}
	return list
}

// rowsOf reads the output as a buffer of rows of another length; what lies past its end is no number.
func (s *scene) rowsOf(size int) func(m, n int) float32 {
	return func(m, n int) float32 {
		if i := m*size + n; i < len(s.Target) {
			return s.Target[i]
		}
		return float32(math.NaN())
	}
}

// unpaddedX are activations with rows of K that a kernel reads in rows of the padded K: their
// numbers, or their codes beside block scales that are in place, as a padded swizzle leaves them.
func (s *scene) unpaddedX(to padding) (list []hypothesis) {
	name := fmt.Sprintf("x has rows of K %d and is read in rows of %d: it was not padded", s.k, to.size)
	add := func(name string, at func(m, k int) float32) {
		in := &input{name: name}
		for _, m := range s.rows {
			row := make([]float32, s.k)
			for k := range row {
				if m*to.size+k < s.M*s.k {
					row[k] = at(m, k)
				}
			}
			in.rows = append(in.rows, row)
		}
		list = append(list, hypothesis{name: name, command: fmt.Sprintf("pad w k=%d", to.tile), reading: reading{input: in}})
	}
	add(name, func(m, k int) float32 { return s.X[m*to.size+k] })
	if b := s.wholeX(); b != nil {
		add(name+", after quantizing", func(m, k int) float32 {
			i := m*to.size + k
			return fp4.DecodeE2M1(b.Code(i/s.k, i%s.k)) * b.Effective(b.Scale(m, k))
		})
	}
	return list
}

// wholeX is all of x quantized as the case asks, or with a dynamic scale; nil where x is large or
// the format has no global scale.
func (s *scene) wholeX() *fp4.Blocks {
	const maxRows = 1024
	if s.M > maxRows || s.w.ScaleType == fp4.E8M0 {
		return nil
	}
	policy := s.Act
	if s.Free || s.Mode == layer.W4A16 {
		policy = layer.ActDynamic
	}
	global, ok := s.encode(policy, false)
	if !ok {
		return nil
	}
	b, err := fp4.Quantize(s.X, s.M, s.k, fp4.QuantOptions{Recipe: fp4.FlashinferExact, Format: fp4.NVFP4, Global: global})
	if err != nil {
		return nil
	}
	return &b
}

// unpaddedWeight are codes, scales or both of rows of K, read in rows of the padded K.
func (s *scene) unpaddedWeight(to padding) (list []hypothesis) {
	cols, wide := s.w.ScaleCols(), (to.size+s.w.Block-1)/s.w.Block
	codes := func() *fp4.Blocks {
		if s.w.Rows*s.k > maxCodes {
			return nil
		}
		return s.withCodes(func(n, k int) int { return within(n*to.size+k, s.w.Rows*s.k) })
	}
	scales := func() *fp4.Blocks {
		return s.withScales(func(n, b int) int { return n*wide + b })()
	}
	both := func() *fp4.Blocks {
		c := codes()
		if c != nil {
			c.Scales = scales().Scales
		}
		return c
	}
	for _, p := range []struct {
		what string
		lazy func() *fp4.Blocks
		are  bool // what differs from the right weight
	}{{"codes", codes, true}, {"scales", scales, wide != cols}, {"codes and scales", both, wide != cols}} {
		if p.are {
			list = append(list, hypothesis{name: fmt.Sprintf("%s of the weight have rows of K %d and are read in rows of %d: they were not padded", p.what, s.k, to.size),
				command: fmt.Sprintf("pad w k=%d", to.tile), reading: reading{lazy: p.lazy}})
		}
	}
	return list
}

// within is an index below an end, or -1.
func within(i, end int) int {
	if i < end {
		return i
	}
	return -1
}

// batches are outputs of an engine that takes x for a matrix where it has more dimensions, or that
// stops before the last row.
func batches(s *scene) (list []hypothesis) {
	if s.Repair || s.X == nil {
		return nil
	}
	if first := s.firstUnwritten(); first > 0 && first < s.M {
		stops := s.fromRows(s.stopsAt(first), "stat y", func(m int) int { return within(m, first) })
		for i := range stops {
			stops[i].fitted = true // and the rows that are missing may not be in a first look
		}
		list = append(list, stops...)
	}
	if len(s.XShape) < 3 {
		return list
	}
	tokens := s.XShape[len(s.XShape)-2]
	count := s.M / max(tokens, 1)
	if tokens > 1 && count > 1 {
		list = append(list, s.fromRows(fmt.Sprintf("each of %d sequences has the output of the first: x was taken for 2-D", count), "info y",
			func(m int) int { return m % tokens })...)
		list = append(list, hypothesis{name: fmt.Sprintf("the output is %d×%d, not %d×%d: the leading dimensions are exchanged", tokens, count, count, tokens), command: "info y",
			reading: reading{at: func(m, n int) float32 { return s.Target[(m%tokens*count+m/tokens)*s.N+n] }}})
	}
	return list
}

// stopsAt says which size the number of rows that were written is.
func (s *scene) stopsAt(rows int) string {
	text := fmt.Sprintf("only %d of %d rows are written, the others are zero", rows, s.M)
	switch n := len(s.XShape); {
	case n >= 3 && rows == s.XShape[0]:
		text += ": x has more than two dimensions, and x.shape[0] was taken for its rows"
	case n >= 3 && rows == s.XShape[n-2]:
		text += ": one sequence; x has more than two dimensions and was taken for 2-D"
	}
	return text
}

// firstUnwritten is the row from which on the whole output is zero.
func (s *scene) firstUnwritten() int {
	for i, v := range slices.Backward(s.Target) {
		if v != 0 {
			return i/s.N + 1
		}
	}
	return 0
}

// fromRows are outputs whose row m is made of another row of x, -1 of none, for every plain way to
// read x.
func (s *scene) fromRows(name, command string, of func(m int) int) (list []hypothesis) {
	o := *s
	o.rows = slices.Clone(s.rows)
	for l, m := range s.rows {
		o.rows[l] = max(of(m), 0)
	}
	o.inputs = nil
	if err := o.sampleInputs(); err != nil {
		return nil
	}
	for _, in := range o.inputs {
		if !in.plain {
			continue
		}
		for l, m := range s.rows {
			if of(m) < 0 {
				in.rows[l] = make([]float32, s.k)
			}
		}
		list = append(list, hypothesis{name: name, command: command, reading: reading{input: &in}})
	}
	return list
}
