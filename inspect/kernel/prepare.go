package kernel

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
	"fp4tui/inspect/layout"
)

// Options are what the shape of a matrix does not tell. The zero value is a plain
// matrix, all steps, bfloat16 activations.
type Options struct {
	Expert      int           // of a 3-D layer
	Gated       bool          // the rows are gate and up stacked; of layers of experts Stacked knows it
	Interleaved bool          // and alternate, gate first; known for gpt-oss
	Act         inspect.DType // activations of a 16-bit kernel: BF16 (also Invalid) or F16
}

// source is the matrix that steps start from.
type source struct {
	blocks      *fp4.Blocks
	format      string
	block       int
	gated       bool
	interleaved bool
	highFirst   bool
	act         inspect.DType
	seen        [256]int64 // scale bytes of all experts
}

// Prepared is a matrix after some steps on its way to a kernel. It is immutable.
type Prepared struct {
	Kernel Kernel // Name is empty for steps that were put together by hand
	Format string // "nvfp4", "mxfp4"
	N, K   int    // logical size
	PadN   int    // size as the kernel is told it
	PadK   int
	Block  int
	Gated  bool

	Steps    []StepReport
	Codes    []byte
	Scales   []byte
	CodeMap  layout.Map // logical (n, k) to a nibble of Codes
	ScaleMap layout.Map // logical (n, block) to a byte of Scales

	Global   float32 // the factor that the kernel is given for the weights; 1 when it is given none
	Rescale  float32 // power of two by which the block scales were multiplied before they were re-encoded; else 1
	Lost     int64   // block scales that the re-encoding does not keep
	Warnings []string

	src     *source
	done    []Step
	all     []Step // of the kernel; done is a prefix
	code    operand
	scale   operand
	pass    *pass
	bias    int // power of two in Global
	told    int // how many of done make the matrix that the kernel is told of
	ordered bool
}

// operand tracks one of the two matrices through the steps: front leads from the
// logical matrix to the one that the kernel is told of, inner from there to the
// buffer.
type operand struct {
	front, inner []layout.Map
	first        layout.Dims
}

func (o *operand) dims() layout.Dims {
	if n := len(o.inner); n > 0 {
		return o.inner[n-1].Out
	}
	return o.told()
}

// told is the size that the kernel is told.
func (o *operand) told() layout.Dims {
	if n := len(o.front); n > 0 {
		return o.front[n-1].Out
	}
	return o.first
}

// push adds a step; one that pads, or comes before one that does, is part of front.
func (o *operand) push(m layout.Map, front bool) {
	if front {
		o.front = append(o.front, m)
	} else {
		o.inner = append(o.inner, m)
	}
}

func compose(first layout.Dims, maps ...layout.Map) (layout.Map, error) {
	if len(maps) == 0 {
		return layout.Linear(first)
	}
	return layout.Compose(maps...)
}

// Prepare runs all steps of a kernel on one expert of a layer (0 for a plain one).
// A matrix that the kernel cannot take gives the *inspect.Fault of Refuses.
func Prepare(ctx context.Context, w *layer.Weights, k Kernel, o Options) (*Prepared, error) {
	src, err := newSource(w, k, o)
	if err != nil {
		return nil, err
	}
	b := src.blocks
	if err := k.Refuses(src.format, b.Block, b.Rows, b.Cols, src.gated); err != nil {
		return nil, err
	}
	p := start(k, src)
	p.all = k.steps(src)
	return p.first(ctx, len(p.all))
}

// Start is a matrix before any step, to which Then adds them one by one.
func Start(w *layer.Weights, o Options) (*Prepared, error) {
	src, err := newSource(w, Kernel{}, o)
	if err != nil {
		return nil, err
	}
	return start(Kernel{}, src).first(context.Background(), 0)
}

// Then is p after one more step. Unpack reads it back through all of them; As reads
// it as a kernel that knows nothing of the last one.
func (p *Prepared) Then(ctx context.Context, s Step) (*Prepared, error) {
	next := start(p.Kernel, p.src)
	next.all = append(slices.Clip(p.done), s)
	return next.first(ctx, len(next.all))
}

// First is the matrix after the first n steps only: what undoing the others gives.
// All of them are len(p.All()).
func (p *Prepared) First(ctx context.Context, n int) (*Prepared, error) {
	if n < 0 || n > len(p.all) {
		return nil, fault(inspect.ErrMissing, fmt.Sprintf("no step %d", n), fmt.Sprintf("there are %d", len(p.all)), "")
	}
	next := start(p.Kernel, p.src)
	next.all = p.all
	return next.first(ctx, n)
}

// All is how many steps there are, undone ones included.
func (p *Prepared) All() int { return len(p.all) }

func newSource(w *layer.Weights, k Kernel, o Options) (*source, error) {
	if o.Expert < 0 || o.Expert >= len(w.Blocks) {
		return nil, fault(inspect.ErrMissing, fmt.Sprintf("no expert %d", o.Expert), fmt.Sprintf("the layer has %d", len(w.Blocks)), "")
	}
	b := &w.Blocks[o.Expert]
	if err := b.Check(); err != nil {
		return nil, err
	}
	if b.Rows == 0 || b.Cols == 0 {
		return nil, fault(inspect.ErrUnsupported, "empty matrix", fmt.Sprintf("%d×%d has no elements", b.Rows, b.Cols), "")
	}
	src := &source{blocks: b, format: FormatOf(b), block: b.Block, gated: o.Gated, interleaved: o.Interleaved,
		highFirst: b.Order == fp4.HighFirst, act: o.Act}
	if src.act == inspect.Invalid {
		src.act = inspect.BF16
	}
	if src.act != inspect.BF16 && src.act != inspect.F16 {
		return nil, fault(inspect.ErrUnsupported, "activations of type "+src.act.String(), "kernels of 16-bit activations take BF16 or F16", "")
	}
	if Stacked(w.Layer) && k.Gated != nil {
		src.gated = true
		src.interleaved = src.interleaved || strings.HasPrefix(w.Layer.Producer, "gpt-oss")
	}
	for i := range w.Blocks {
		for _, s := range w.Blocks[i].Scales {
			src.seen[s]++
		}
	}
	return src, nil
}

// Stacked reports whether a layer of experts is by its name gate and up in one:
// "…gate_up_proj", "…w13…". Nothing tells of a plain layer; nil is none.
func Stacked(l *layer.Layer) bool {
	if l == nil || l.Experts == 0 {
		return false
	}
	last := l.Name[strings.LastIndexByte(l.Name, '.')+1:]
	return strings.Contains(last, "gate_up") || strings.HasPrefix(last, "w13")
}

func start(k Kernel, src *source) *Prepared {
	b := src.blocks
	p := &Prepared{Kernel: k, Format: src.format, N: b.Rows, K: b.Cols, Block: b.Block, Gated: src.gated, src: src,
		Rescale: 1, pass: identity(), ordered: !src.highFirst}
	p.code.first = layout.Dims{Rows: b.Rows, Cols: b.Cols}
	p.scale.first = layout.Dims{Rows: b.Rows, Cols: b.ScaleCols()}
	return p
}

// first runs the first n steps: the sizes step by step, the bytes all at once.
func (p *Prepared) first(ctx context.Context, n int) (*Prepared, error) {
	if err := p.lay(n); err != nil {
		return nil, err
	}
	if err := p.fill(ctx); err != nil {
		return nil, err
	}
	p.warn()
	return p, nil
}

// run applies a step to the sizes and maps and reports it.
func (p *Prepared) run(s Step, front bool) error {
	if front && s.layOut {
		return fault(inspect.ErrUnsupported, "padding after "+s.Name, "zeros added to a laid out buffer are no rows or columns of the matrix", "pad first")
	}
	before := [2]layout.Dims{p.code.dims(), p.scale.dims()}
	for i, o := range []*operand{&p.code, &p.scale} {
		layOut := []func(layout.Dims) (layout.Map, error){s.codes, s.scales}[i]
		if layOut == nil {
			continue
		}
		m, err := layOut(o.dims())
		if err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
		o.push(m, front)
	}
	switch {
	case s.unpacks:
		p.ordered = true
	case s.encode:
		p.pass = p.Kernel.Encode.encoder(p.src.blocks.ScaleType, p.src.act, &p.src.seen)
		p.Rescale = p.pass.factor
	case s.global:
		p.bias = p.Kernel.Global.exponent(p.src.blocks.ScaleType, p.src.act)
	}
	p.Steps = append(p.Steps, p.report(s, before, [2]layout.Dims{p.code.dims(), p.scale.dims()}))
	return nil
}
