package layer

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"

	"fp4tui/inspect"
	"fp4tui/inspect/checkpoint"
	"fp4tui/inspect/fp4"
)

// Find returns the FP4 layers of a checkpoint in name order, recognised by the
// names, types and shapes of their tensors; config.json only tells whether
// activations are quantized where no tensor does. Of the data, the global scales
// are read and nothing else.
//
// Faults are about layers, in name order: each names the tensor and the cure. They
// are also in the Faults of the layer, when enough of it is there to list it; with
// those come the faults of the checkpoint that name one of its tensors. When ctx
// ends, nothing is returned.
func Find(ctx context.Context, c *checkpoint.Checkpoint) (layers []*Layer, faults []inspect.Fault) {
	f := &finder{checkpoint: c, declared: declaredMode(c), causes: map[string]*inspect.Fault{}}
	for i := range c.Faults {
		if fault := &c.Faults[i]; fault.Tensor != "" && f.causes[fault.Tensor] == nil {
			f.causes[fault.Tensor] = fault
		}
	}
	entries := c.Entries()
	for i := range entries {
		if ctx.Err() != nil {
			return nil, nil
		}
		f.visit(&entries[i])
	}
	slices.SortStableFunc(f.found, func(a, b *finding) int { return strings.Compare(a.module, b.module) })
	f.readScalars(ctx)
	if ctx.Err() != nil {
		return nil, nil
	}
	for _, found := range f.found {
		if found.layer != nil {
			found.layer.Faults = append(found.layer.Faults, found.faults...)
			found.layer.Faults = append(found.layer.Faults, f.inherited(found.layer)...)
			layers = append(layers, found.layer)
		}
		faults = append(faults, found.faults...)
	}
	return layers, faults
}

// finder is one walk over the tensors of a checkpoint.
type finder struct {
	checkpoint *checkpoint.Checkpoint
	declared   declaration
	causes     map[string]*inspect.Fault // first fault of the checkpoint about a tensor
	found      []*finding
}

// finding is one module: a layer, what is wrong with it, or both.
type finding struct {
	row    *producer
	module string
	layer  *Layer // nil when too little is there to list it
	faults []inspect.Fault
}

// visit looks at one tensor as the codes of a layer, or as what is left of a layer
// whose codes are gone.
func (f *finder) visit(e *checkpoint.Entry) {
	for i := range producers {
		row := &producers[i]
		if module, ok := strings.CutSuffix(e.Name, row.codes.suffix); ok && module != "" && row.codes.holds(e.DType) {
			if f.claim(row, module, e) {
				return
			}
		}
		if module, ok := strings.CutSuffix(e.Name, row.scales.suffix); ok && module != "" && f.orphan(row, module, e) {
			return
		}
	}
	f.mistyped(e)
}

// lookup finds a part of a module by its suffix; nil when it is not there or the
// row has no such part.
func (f *finder) lookup(module string, p part) *checkpoint.Entry {
	if p.suffix == "" {
		return nil
	}
	e, ok := f.checkpoint.Lookup(module + p.suffix)
	if !ok {
		return nil
	}
	return e
}

// claim decides whether a module with these codes is the row's, and describes it.
// Codes are U8 in many formats: what tells is the type and rank of the scales, or
// without scales the presence of the global scale.
func (f *finder) claim(row *producer, module string, codes *checkpoint.Entry) bool {
	scales, global := f.lookup(module, row.scales), f.lookup(module, row.global)
	switch {
	case row.without != "" && f.lookup(module, part{suffix: row.without}) != nil:
		return false
	case scales == nil && global == nil && !(row.grouped && row.packed(codes.Shape)):
		return f.bare(row, module, codes)
	case scales != nil && !row.scales.holds(scales.DType):
		return false
	case scales != nil && len(scales.Shape) < 2 && global == nil:
		return false // one scale a tensor or a row is FP8
	}
	found := &finding{row: row, module: module}
	f.found = append(f.found, found)
	for _, other := range row.foreign {
		if e, ok := f.checkpoint.Lookup(module + other.suffix); ok {
			found.add(inspect.ErrUnsupported, e, "layer not supported", "it is "+other.means, "use a checkpoint of a producer that is listed in the documentation")
			return true
		}
	}
	l := &Layer{
		Name: module, Format: row.format, Block: row.blocks[0], Checkpoint: f.checkpoint,
		Parts: Parts{Codes: codes, Scales: scales, Global: global, Input: f.lookup(module, row.input), Bias: f.bias(row, module)},
	}
	if !found.codesShape(l) {
		return true
	}
	found.layer = l
	f.scalesShape(found, l)
	found.biasShape(l)
	f.globals(found, l)
	l.Producer = row.names[l.Mode]
	return true
}

// bare handles codes without any scale, of rows whose name for them is telling.
func (f *finder) bare(row *producer, module string, codes *checkpoint.Entry) bool {
	if !row.telling || !row.packed(codes.Shape) {
		return false
	}
	if _, other := f.checkpoint.Lookup(module + row.scales.suffix); other {
		return false // scales of a type that another row may claim
	}
	found := &finding{row: row, module: module}
	f.found = append(f.found, found)
	found.missing(f, codes, module+row.scales.suffix, "codes without scales",
		"neither block nor global scale is stored, so not even the format can be told")
	return true
}

// orphan reports block scales of FP4 whose codes are not there. Block scales alone
// prove nothing, so a global scale, or gpt-oss' name and rank, has to be there too.
func (f *finder) orphan(row *producer, module string, scales *checkpoint.Entry) bool {
	proof := f.lookup(module, row.global) != nil || row.grouped && len(scales.Shape) == 3
	if !proof || !row.scales.holds(scales.DType) || len(scales.Shape) < 2 {
		return false
	}
	if _, ok := f.checkpoint.Lookup(module + row.codes.suffix); ok {
		return false
	}
	found := &finding{row: row, module: module}
	f.found = append(f.found, found)
	found.missing(f, scales, module+row.codes.suffix, "scales without codes", "the packed weights are not stored")
	return true
}

// codesShape takes N, K and the experts from the codes.
func (found *finding) codesShape(l *Layer) bool {
	codes, row := l.Parts.Codes, found.row
	s := codes.Shape
	switch {
	case row.grouped && row.packed(s):
		l.Experts, l.N, l.K = s[0], s[1], s[2]*row.blocks[0]
	case row.packed(s):
		l.N, l.K = s[0], 2*s[1]
	default:
		found.add(inspect.ErrUnsupported, codes, "codes of an unknown shape",
			inspect.ShapeString(s)+" where "+row.packedShape()+" is expected", "split the tensor into one matrix a layer")
		return false
	}
	if l.N == 0 || l.K == 0 || row.grouped && l.Experts == 0 {
		found.add(inspect.ErrMalformed, codes, "layer without weights", "its shape is "+inspect.ShapeString(s), "export the layer again")
		return false
	}
	return true
}

// packed reports whether codes of this shape are the row's.
func (row *producer) packed(shape []int) bool {
	if row.grouped {
		return len(shape) == 4 && shape[3] == row.blocks[0]/2
	}
	return len(shape) == 2
}

func (row *producer) packedShape() string {
	if row.grouped {
		return "experts×N×(K/32)×16"
	}
	return "N×(K/2)"
}

// scalesShape takes the block size from the scales: ModelOpt writes NVFP4 with
// blocks of 32 too, under the same names.
func (f *finder) scalesShape(found *finding, l *Layer) {
	scales := l.Parts.Scales
	if scales == nil {
		name := l.Name + found.row.scales.suffix
		l.blocked = found.missing(f, l.Parts.Codes, name, "missing block scales", "codes mean nothing without them")
		return
	}
	lead := []int{l.N}
	if found.row.grouped {
		lead = []int{l.Experts, l.N}
	}
	for _, block := range found.row.blocks {
		if slices.Equal(scales.Shape, append(lead[:len(lead):len(lead)], (l.K+block-1)/block)) {
			l.Block = block
			return
		}
	}
	want := inspect.ShapeString(append(lead, (l.K+l.Block-1)/l.Block))
	why := inspect.ShapeString(scales.Shape) + " stored, " + want + " expected: " + inspect.ShapeString([]int{l.N, l.K}) + " weights in blocks of " + strconv.Itoa(l.Block)
	cure := "export the layer again; one scale belongs to " + strconv.Itoa(l.Block) + " weights of a row"
	if slices.Equal(scales.Shape, []int{(l.N + 127) / 128 * 128, ((l.K+l.Block-1)/l.Block + 3) / 4 * 4}) {
		why += "; this is the padded shape of a 128×4 swizzle"
		cure = "store block scales row-major and unpadded; kernels swizzle them on load"
	}
	l.blocked = found.add(inspect.ErrMismatch, scales, "block scales do not fit the weights", why, cure)
}

// biasShape drops a bias that cannot be the layer's.
func (found *finding) biasShape(l *Layer) {
	bias, want := l.Parts.Bias, []int{l.N}
	if found.row.grouped {
		want = []int{l.Experts, l.N}
	}
	if bias == nil || slices.Equal(bias.Shape, want) {
		return
	}
	found.add(inspect.ErrMismatch, bias, "bias does not fit the weights",
		inspect.ShapeString(bias.Shape)+" stored, "+inspect.ShapeString(want)+" expected; it is left out", "export the layer again")
	l.Parts.Bias = nil
}

func (f *finder) bias(row *producer, module string) *checkpoint.Entry {
	e, ok := f.checkpoint.Lookup(module + row.bias)
	if !ok {
		return nil
	}
	return e
}

// globals settles the two global scales as far as headers go: there or not, and of
// what type. Their values come later, for all layers at once.
func (f *finder) globals(found *finding, l *Layer) {
	row := found.row
	if row.use != fp4.NoGlobal {
		l.Global = fp4.GlobalScale{Use: row.use, Value: float32(math.NaN())}
		if l.Parts.Global == nil {
			found.missing(f, l.Parts.Codes, l.Name+row.global.suffix, "missing global scale",
				"without it the weights are off by an unknown factor")
		} else if !found.scalar(l.Parts.Global) {
			l.Parts.Global = nil
		}
	}
	if l.Parts.Input != nil {
		l.Mode = W4A4
		l.Input = fp4.GlobalScale{Use: row.use, Value: float32(math.NaN())}
		if !found.scalar(l.Parts.Input) {
			l.Parts.Input = nil
		}
		return
	}
	if f.declared != declaresW4A4 {
		return
	}
	l.Mode = W4A4
	if row.input.suffix != "" { // else quantized on the fly, with nothing to store
		l.Input = fp4.GlobalScale{Use: row.use, Value: float32(math.NaN())}
		found.missing(f, l.Parts.Codes, l.Name+row.input.suffix, "missing activation scale",
			"the configuration says that activations are FP4; an engine that takes 0 for it divides by zero")
	}
}

// scalar checks the header of a global scale.
func (found *finding) scalar(e *checkpoint.Entry) bool {
	if inspect.Numel(e.Shape) == 1 && found.row.global.holds(e.DType) {
		return true
	}
	found.add(inspect.ErrMalformed, e, "global scale is not one number",
		inspect.ShapeString(e.Shape)+" of "+e.DType.String()+", a single F32 is expected", "export the layer again")
	return false
}

// inherited are the faults of the checkpoint about tensors of the layer, a cut one
// for example; a cut of codes or scales blocks the layer.
func (f *finder) inherited(l *Layer) []inspect.Fault {
	var list []inspect.Fault
	for _, e := range []*checkpoint.Entry{l.Parts.Codes, l.Parts.Scales, l.Parts.Global, l.Parts.Input, l.Parts.Bias} {
		if e == nil {
			continue
		}
		fault := f.causes[e.Name]
		if fault == nil {
			continue
		}
		list = append(list, *fault)
		if e.Cut() && l.blocked == nil {
			l.blocked = fault
		}
	}
	return list
}
