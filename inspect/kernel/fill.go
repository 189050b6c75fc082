package kernel

import (
	"context"
	"fmt"
	"math"
	"slices"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
	"fp4tui/inspect/layout"
)

// multiplier is the global factor in the units of the prepared scales.
func (p *Prepared) multiplier() float32 {
	m := p.src.blocks.Global.Multiplier()
	if p.bias == 0 {
		return m
	}
	return float32(math.Ldexp(float64(m), p.bias)) / p.Rescale
}

// lay runs the first n steps on the sizes: maps and global scale, no bytes.
func (p *Prepared) lay(n int) (err error) {
	last := -1
	for i, s := range p.all[:n] {
		if s.pads {
			last = i
		}
	}
	for i, s := range p.all[:n] {
		if err := p.run(s, i <= last); err != nil {
			return err
		}
	}
	p.done, p.told = p.all[:n:n], last+1
	told := p.code.told()
	p.PadN, p.PadK = told.Rows, told.Cols
	p.Global = p.multiplier()
	if p.CodeMap, err = p.codeMap(); err != nil {
		return err
	}
	p.ScaleMap, err = compose(p.scale.first, slices.Concat(p.scale.front, p.scale.inner)...)
	return err
}

// fill lays out the bytes.
func (p *Prepared) fill(ctx context.Context) error {
	b := p.src.blocks
	codes := b.Codes
	if p.src.highFirst {
		codes = swapNibbles(codes)
	}
	p.Codes = make([]byte, p.CodeMap.Out.Bytes(4))
	if err := p.CodeMap.Apply(p.Codes, codes, 4, 0); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	scales := b.Scales
	if p.pass.used {
		scales = make([]byte, len(b.Scales))
		for i, s := range b.Scales {
			scales[i] = p.pass.to[s]
		}
	}
	p.Scales = make([]byte, p.ScaleMap.Out.Bytes(8))
	if err := p.ScaleMap.Apply(p.Scales, scales, 8, 0); err != nil {
		return err
	}
	return ctx.Err()
}

// codeMap is the way of a code from the matrix to the buffer. Nibbles that were
// never put in order stay where the file has them.
func (p *Prepared) codeMap() (layout.Map, error) {
	maps := slices.Concat(p.code.front, p.code.inner)
	if !p.ordered {
		m, err := rule("high-first", layout.Codes)(p.code.dims())
		if err != nil {
			return layout.Map{}, err
		}
		maps = append(maps, m)
	}
	return compose(p.code.first, maps...)
}

func swapNibbles(b []byte) []byte {
	out := make([]byte, len(b))
	for i, v := range b {
		out[i] = v<<4 | v>>4
	}
	return out
}

// report is what a step changed.
func (p *Prepared) report(s Step, before, after [2]layout.Dims) StepReport {
	r := StepReport{Name: s.Name, Required: s.Required,
		Before: int64(before[0].Bytes(4) + before[1].Bytes(8)), After: int64(after[0].Bytes(4) + after[1].Bytes(8))}
	rows, cols := after[0].Rows-before[0].Rows, after[0].Cols-before[0].Cols
	switch {
	case s.pads && rows == 0 && cols == 0:
		r.Changed, r.None = fmt.Sprintf("nothing: %v fits", before[0]), true
	case s.pads:
		r.Padded = float64(after[0].Len()-before[0].Len()) / float64(before[0].Len())
		r.Changed = padText(before, after)
	case s.encode:
		r.Changed = "bytes kept, read as another number"
		if lost, text := p.pass.warnLoss(p.src.blocks.Scales); lost > 0 {
			r.Changed = text
		} else if p.pass.factor != 1 {
			r.Changed = fmt.Sprintf("scales ×%g first, so that the smallest is kept", p.pass.factor)
		}
	case s.global:
		r.Changed = fmt.Sprintf("%g → %g", p.src.blocks.Global.Multiplier(), p.multiplier())
	case s.unpacks:
		r.Changed = "the two codes of every byte"
	case s.codes != nil && s.scales != nil:
		r.Changed = p.rowText(before[0].Rows)
	case s.codes != nil:
		r.Changed = fmt.Sprintf("[%d,%d] → %d bytes", before[0].Rows, before[0].Cols/2, after[0].Bytes(4))
		r.Padded = float64(after[0].Len()-before[0].Len()) / float64(before[0].Len())
	default:
		r.Changed = fmt.Sprintf("[%d,%d] → %d bytes", before[1].Rows, before[1].Cols, after[1].Bytes(8))
		r.Padded = float64(after[1].Len()-before[1].Len()) / float64(before[1].Len())
	}
	return r
}

func padText(before, after [2]layout.Dims) string {
	text := ""
	if n := after[0].Rows - before[0].Rows; n > 0 {
		text = fmt.Sprintf("N %d→%d, %d rows of zeros", before[0].Rows, after[0].Rows, n)
	}
	if n := after[1].Cols - before[1].Cols; n > 0 {
		if text != "" {
			text += "; "
		}
		text += fmt.Sprintf("K %d→%d, %d zero blocks a row", before[0].Cols, after[0].Cols, n)
	}
	return text
}

// rowText says where a row near the end went: "1008 ← 994".
func (p *Prepared) rowText(rows int) string {
	m := p.code.inner
	if len(m) == 0 {
		m = p.code.front
	}
	last := m[len(m)-1]
	for row := max(rows-30, 1); row < rows; row++ {
		if to := last.To(row, 0) / last.Out.Cols; to != row {
			return fmt.Sprintf("%d ← %d", to, row)
		}
	}
	return "every row stays"
}

// warn notes what the kernel will do that the matrix did not ask for.
func (p *Prepared) warn() {
	if p.pass.used {
		lost, text := p.pass.warnLoss(p.src.blocks.Scales)
		p.Lost = lost
		if lost > 0 {
			p.Warnings = append(p.Warnings, text)
		}
	}
	if v := float64(p.Global); math.IsInf(v, 0) || v != v || v == 0 {
		p.Warnings = append(p.Warnings, fmt.Sprintf("the kernel is given the global scale %g", v))
	}
	if p.Kernel.Gated != nil && !p.Gated && p.Kernel.Mode == layer.W4A4 {
		p.Warnings = append(p.Warnings, "taken for a plain matrix (w2); say gated=yes if its rows are gate and up")
	}
}

// Unpack reads the buffer back as the kernel does: its codes and scales in the order
// of the padded matrix [PadN, PadK], padding included. What the kernel reads of a
// re-encoded scale is again an E4M3 byte; lost scales come back as what they became.
// Without the padding that is the matrix that went in.
func (p *Prepared) Unpack() (fp4.Blocks, error) {
	b := fp4.Blocks{Rows: p.PadN, Cols: p.PadK, Block: p.Block, ScaleType: p.src.blocks.ScaleType, Global: p.global()}
	code, err := p.inner(&p.code, !p.ordered)
	if err != nil {
		return fp4.Blocks{}, err
	}
	scale, err := p.inner(&p.scale, false)
	if err != nil {
		return fp4.Blocks{}, err
	}
	b.Codes, b.Scales = make([]byte, code.In.Bytes(4)), make([]byte, scale.In.Bytes(8))
	if err := code.Undo(b.Codes, p.Codes, 4); err != nil {
		return fp4.Blocks{}, err
	}
	if err := scale.Undo(b.Scales, p.Scales, 8); err != nil {
		return fp4.Blocks{}, err
	}
	if p.pass.used {
		for i, s := range b.Scales {
			b.Scales[i] = p.pass.back[s]
		}
	}
	return b, b.Check()
}

// inner is the layout of the padded matrix in its buffer.
func (p *Prepared) inner(o *operand, highFirst bool) (layout.Map, error) {
	maps := o.inner
	if highFirst {
		m, err := rule("high-first", layout.Codes)(o.dims())
		if err != nil {
			return layout.Map{}, err
		}
		maps = append(maps[:len(maps):len(maps)], m)
	}
	return compose(o.told(), maps...)
}

// global is the global scale that the kernel's number stands for; the stored one
// where folding it was exact.
func (p *Prepared) global() fp4.GlobalScale {
	stored := p.src.blocks.Global
	v := p.Global
	if p.bias != 0 {
		v = float32(math.Ldexp(float64(p.Global)*float64(p.Rescale), -p.bias))
	}
	if math.Float32bits(v) == math.Float32bits(stored.Multiplier()) {
		return stored
	}
	return fp4.GlobalScale{Use: fp4.Multiplies, Value: v}
}

// Column is the column of the kernel's output that logical output n is in.
func (p *Prepared) Column(n int) int {
	row, col := n, 0
	for _, m := range p.code.front {
		pos := m.To(row, col)
		row, col = pos/m.Out.Cols, pos%m.Out.Cols
	}
	return row
}

// As is the same bytes in the hands of another kernel, which takes them for its own
// preparation: a shuffle that was left out or done twice, scales meant for somebody
// else. The error is a *inspect.Fault: of class ErrUnsupported when k does not take
// the matrix, ErrMismatch when it expects buffers of another size.
func (p *Prepared) As(k Kernel) (*Prepared, error) {
	b := p.src.blocks
	src := *p.src
	src.gated = src.gated && k.Gated != nil
	if err := k.Refuses(src.format, b.Block, b.Rows, b.Cols, src.gated); err != nil {
		return nil, err
	}
	q := start(k, &src)
	q.all = k.steps(&src)
	if err := q.lay(len(q.all)); err != nil {
		return nil, err
	}
	if len(p.Codes) != q.CodeMap.Out.Bytes(4) || len(p.Scales) != q.ScaleMap.Out.Bytes(8) {
		return nil, fault(inspect.ErrMismatch, k.Name+" expects buffers of another size",
			fmt.Sprintf("%d bytes of codes and %d of scales, these are %d and %d", q.CodeMap.Out.Bytes(4), q.ScaleMap.Out.Bytes(8), len(p.Codes), len(p.Scales)), "")
	}
	q.Codes, q.Scales = p.Codes, p.Scales
	return q, nil
}

// PadActivations appends zeros to the last dimension of x up to k, whatever its
// rank. The error is a *inspect.Fault of class ErrMismatch when x is longer or has
// no dimension.
func PadActivations(x inspect.Tensor, k int) (inspect.Tensor, error) {
	if len(x.Shape) == 0 {
		return inspect.Tensor{}, fault(inspect.ErrMismatch, "cannot pad a scalar", "the last dimension is K", "")
	}
	rows, cols := x.Rows()
	if cols > k {
		return inspect.Tensor{}, fault(inspect.ErrMismatch, "cannot pad activations", fmt.Sprintf("K is %d, more than %d", cols, k), "")
	}
	y := x
	y.Shape = append([]int{}, x.Shape...)
	y.Shape[len(y.Shape)-1] = k
	y.Data = make([]float32, rows*k)
	for r := range rows {
		copy(y.Data[r*k:], x.Data[r*cols:(r+1)*cols])
	}
	return y, nil
}

// SliceOutput keeps the columns of y […, PadN] that are logical outputs, in logical
// order: […, N]. The error is a *inspect.Fault of class ErrMismatch when y has
// another last dimension.
func (p *Prepared) SliceOutput(y inspect.Tensor) (inspect.Tensor, error) {
	rows, cols := y.Rows()
	if len(y.Shape) == 0 || cols != p.PadN {
		return inspect.Tensor{}, fault(inspect.ErrMismatch, "cannot slice the output", fmt.Sprintf("its last dimension is %d, the kernel's is %d", cols, p.PadN), "")
	}
	z := y
	z.Shape = append([]int{}, y.Shape...)
	z.Shape[len(z.Shape)-1] = p.N
	z.Data = make([]float32, rows*p.N)
	for n := range p.N {
		from := p.Column(n)
		for r := range rows {
			z.Data[r*p.N+n] = y.Data[r*cols+from]
		}
	}
	return z, nil
}
