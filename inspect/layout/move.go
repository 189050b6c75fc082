package layout

import (
	"fmt"
	"runtime"
	"sync"

	"fp4tui/inspect"
)

// Apply writes src, a row-major buffer of In, into dst, the buffer of Out. bits is
// the width of an element: 4 (In.Cols even, low nibble first), 8, 16 or 32. Every
// byte of padding becomes pad, a nibble of padding its half of pad. dst and src do
// not overlap. The error is a *inspect.Fault when a buffer has another size.
func (m Map) Apply(dst, src []byte, bits int, pad byte) error {
	if err := m.checkBuffers(dst, src, bits); err != nil {
		return err
	}
	passes := m.passes()
	for i, p := range passes {
		to := dst
		if i < len(passes)-1 {
			to = make([]byte, p.out.Bytes(bits))
		}
		if p.out.Len() > p.in.Len() {
			fill(to, pad)
		}
		p.plan(bits).move(to, src, false)
		if p.spread {
			eachWord(to, to, spread)
		}
		src = to
	}
	return nil
}

// Undo writes the elements found in src, a buffer of Out, into dst, a row-major
// buffer of In. Padding is dropped. Conditions and errors are those of Apply.
func (m Map) Undo(dst, src []byte, bits int) error {
	if err := m.checkBuffers(src, dst, bits); err != nil {
		return err
	}
	passes := m.passes()
	for i := len(passes) - 1; i >= 0; i-- {
		to := dst
		if i > 0 {
			to = make([]byte, passes[i].in.Bytes(bits))
		}
		if passes[i].spread {
			src = eachWord(make([]byte, len(src)), src, gather)
		}
		passes[i].plan(bits).move(src, to, true)
		src = to
	}
	return nil
}

func (m Map) checkBuffers(out, in []byte, bits int) error {
	switch bits {
	case 4, 8, 16, 32:
	default:
		return fault(inspect.ErrUnsupported, fmt.Sprintf("elements of %d bits", bits), "a layout moves 4, 8, 16 or 32", "")
	}
	if m.Spreads() && bits != 4 {
		return fault(inspect.ErrUnsupported, fmt.Sprintf("elements of %d bits", bits), "this layout spreads the bits of 4-bit codes", "")
	}
	if bits == 4 && (m.In.Cols%2 != 0 || m.Out.Len()%2 != 0) {
		return fault(inspect.ErrUnsupported, "half a byte in a row", fmt.Sprintf("%v nibbles", m.In), "pad the columns to an even number")
	}
	if len(in) != m.In.Bytes(bits) {
		return fault(inspect.ErrMismatch, "buffer size", fmt.Sprintf("%d bytes for %v elements of %d bits, which take %d", len(in), m.In, bits, m.In.Bytes(bits)), "")
	}
	if len(out) != m.Out.Bytes(bits) {
		return fault(inspect.ErrMismatch, "buffer size", fmt.Sprintf("%d bytes for %v positions of %d bits, which take %d", len(out), m.Out, bits, m.Out.Bytes(bits)), "")
	}
	return nil
}

// fill sets every byte; copying what is filled already doubles it each time.
func fill(b []byte, v byte) {
	if len(b) == 0 {
		return
	}
	b[0] = v
	for n := 1; n < len(b); n *= 2 {
		copy(b[n:], b[:n])
	}
}

// pass is a chain of stages that can be moved at once: position = rows[r] + cols[c].
type pass struct {
	in, out    Dims
	rows, cols []int
	apart      bool // no byte holds nibbles of two rows
	spread     bool
}

// passes joins stages as long as they keep rows whole; the one that ends a pass
// may do anything.
func (m Map) passes() []pass {
	var all []pass
	for first := 0; first < len(m.stages); {
		last := first
		for last < len(m.stages)-1 && m.stages[last].keepsAxes() {
			last++
		}
		all = append(all, newPass(m.stages[first:last+1]))
		first = last + 1
	}
	return all
}

func newPass(stages []stage) pass {
	end := &stages[len(stages)-1]
	p := pass{in: stages[0].in, out: end.out}
	p.rows, p.cols = make([]int, p.in.Rows), make([]int, p.in.Cols)
	for i := range p.rows {
		index := i
		for s := range stages[:len(stages)-1] {
			index = stages[s].offset(rowAxis, index) / stages[s].out.Cols
		}
		p.rows[i] = end.offset(rowAxis, index)
	}
	for i := range p.cols {
		index := i
		for s := range stages[:len(stages)-1] {
			index = stages[s].offset(colAxis, index)
		}
		p.cols[i] = end.offset(colAxis, index)
	}
	p.apart, p.spread = end.apart(), end.spread
	return p
}

// apart reports whether the two nibbles of a byte always come from one row.
func (s *stage) apart() bool {
	for _, d := range s.digits {
		if d.axis == rowAxis && d.stride%2 != 0 && d.size > 1 {
			return false
		}
	}
	return true
}

// plan is a pass in bytes: columns are moved in runs that stay together.
type plan struct {
	pass
	bits   int
	stride int   // bytes of a row of In
	run    int   // bytes of a run; 0: single nibbles
	dst    []int // byte offset of each run from its row's
	rest   int   // bytes of a shorter last run; 0: none
}

func (p pass) plan(bits int) plan {
	q := plan{pass: p, bits: bits, stride: p.in.Cols * bits / 8}
	length := 1
	for length < len(p.cols) && p.cols[length] == p.cols[0]+length {
		length++
	}
	for c := range p.cols {
		if c%length != 0 && p.cols[c] != p.cols[c-1]+1 {
			length = 1
			break
		}
	}
	if bits == 4 && !p.wholeBytes(length) {
		return q
	}
	q.run = length * bits / 8
	for c := 0; c < len(p.cols); c += length {
		q.dst = append(q.dst, p.cols[c]*bits/8)
	}
	if tail := len(p.cols) % length; tail != 0 {
		q.rest = tail * bits / 8
		q.dst = q.dst[:len(q.dst)-1]
		q.dst = append(q.dst, p.cols[len(p.cols)-tail]*bits/8)
	}
	return q
}

// wholeBytes reports whether runs of nibbles start and end with a byte everywhere.
func (p pass) wholeBytes(length int) bool {
	if length%2 != 0 {
		return false
	}
	for c := 0; c < len(p.cols); c += length {
		if p.cols[c]%2 != 0 {
			return false
		}
	}
	for _, at := range p.rows {
		if at%2 != 0 {
			return false
		}
	}
	return true
}

// move carries all rows between the buffer of Out and the matrix of In; back goes
// from the buffer to the matrix.
func (q plan) move(buffer, matrix []byte, back bool) {
	workers := min(runtime.GOMAXPROCS(0), q.in.Rows)
	if q.in.Bytes(q.bits) < 1<<16 || q.run == 0 && !q.apart {
		workers = 1
	}
	if workers == 1 {
		q.moveRows(buffer, matrix, 0, q.in.Rows, back)
		return
	}
	var wg sync.WaitGroup
	for w := range workers {
		lo, hi := q.in.Rows*w/workers, q.in.Rows*(w+1)/workers
		wg.Go(func() { q.moveRows(buffer, matrix, lo, hi, back) })
	}
	wg.Wait()
}

func (q *plan) moveRows(buffer, matrix []byte, lo, hi int, back bool) {
	for row := lo; row < hi; row++ {
		line := matrix[row*q.stride : (row+1)*q.stride]
		switch {
		case q.run == 0 && back:
			q.collectNibbles(line, buffer, q.rows[row])
		case q.run == 0:
			q.scatterNibbles(buffer, line, q.rows[row])
		case back:
			q.collect(line, buffer, q.rows[row]*q.bits/8)
		default:
			q.scatter(buffer, line, q.rows[row]*q.bits/8)
		}
	}
}
