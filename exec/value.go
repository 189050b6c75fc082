package exec

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"

	"fp4tui/exec/compare"
	"fp4tui/inspect"
	"fp4tui/inspect/checkpoint"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// value is what a handle stands for. Values never change once bound, so that a Peek
// may read one while a command runs.
type value interface {
	kind() string     // as in Spec.Binds
	describe() string // one line for completion: "nvfp4 1536×384"
}

// The kinds of handle.
const (
	kindCheckpoint = "checkpoint"
	kindLayer      = "layer"
	kindTensor     = "tensor"
	kindQuantized  = "quantized"
	kindProduct    = "product"
	kindDiff       = "diff"
	kindPrepared   = "prepared"
	kindNumber     = "number"
)

// checkpointValue is an opened checkpoint with the layers found in it.
type checkpointValue struct {
	named
	ckpt     *checkpoint.Checkpoint
	layers   []*layer.Layer
	faults   []inspect.Fault // found while opening and while finding layers: the file's first
	groups   []layer.Group
	declared []layer.Declaration // what the configuration says of the weights
}

// named is a path as the user typed it and as it was opened. Results and errors show
// the first: they must not depend on where the session runs.
type named struct{ path, opened string }

// shown is a file below the opened path under the name that was typed.
func (n named) shown(file string) string {
	if rest, ok := strings.CutPrefix(file, n.opened); ok && n.opened != "" {
		file = n.path + filepath.ToSlash(rest)
	}
	return inspect.Printable(file)
}

// renamed is an error about a file with the name that was typed.
func (n named) renamed(err error) error {
	var f *inspect.Fault
	if !errors.As(err, &f) {
		return err
	}
	g := *f
	g.File = n.shown(f.File)
	return &g
}

func (*checkpointValue) kind() string { return kindCheckpoint }
func (v *checkpointValue) describe() string {
	return fmt.Sprintf("%d layers, %d tensors", len(v.layers), v.ckpt.Len())
}

// weightsValue is a quantized weight: a layer of a checkpoint, or the result of quant.
type weightsValue struct {
	weights *layer.Weights
	format  string // "nvfp4", "mxfp4"
	mode    layer.Mode
	source  string           // "c encoder.layer.0…" or "quant x recipe=…"
	owner   *checkpointValue // nil for the result of quant
	expert  int              // which expert attributes and products speak of
	globals []float32        // global scale by row, when activations have one a token; nil otherwise

	denseOnce sync.Once
	dense     inspect.Tensor
	denseErr  error
}

// forExpert is the same weight seen through another expert.
func (v *weightsValue) forExpert(e int) *weightsValue {
	return &weightsValue{weights: v.weights, format: v.format, mode: v.mode, source: v.source, owner: v.owner, expert: e}
}

// which is the expert that v speaks of and how many there are; 0, 0 without experts.
func (v *weightsValue) which() (expert, experts int) {
	if v.weights.Layer == nil || v.weights.Layer.Experts == 0 {
		return 0, 0
	}
	return v.expert, v.weights.Layer.Experts
}

// pick checks an expert that a command names; without one it is that of v.
func (v *weightsValue) pick(expert *int) (int, error) {
	if expert == nil {
		return v.expert, nil
	}
	if last := len(v.weights.Blocks) - 1; *expert < 0 || *expert > last {
		if _, experts := v.which(); experts == 0 {
			return 0, fmt.Errorf("%w: expert=%d: the layer has no experts", ErrShape, *expert)
		}
		return 0, fmt.Errorf("%w: expert=%d: the layer has experts 0 to %d", ErrShape, *expert, last)
	}
	return *expert, nil
}

func (v *weightsValue) kind() string {
	if v.weights.Layer == nil {
		return kindQuantized
	}
	return kindLayer
}

func (v *weightsValue) describe() string {
	b := v.weights.Blocks[0]
	text := fmt.Sprintf("%s %d×%d", v.format, b.Rows, b.Cols)
	if expert, experts := v.which(); experts > 0 {
		text += fmt.Sprintf(", expert %d of %d", expert, experts)
	}
	return text
}

// tensorValue is a plain tensor.
type tensorValue struct {
	tensor inspect.Tensor
	source string            // "file x.npy", "randn seed=1", "dequant w"
	ckpt   *checkpointValue  // where it was read from, nil otherwise
	entry  *checkpoint.Entry // likewise
	codes  *fp4.Blocks       // what it was dequantized from; nil otherwise
}

func (*tensorValue) kind() string { return kindTensor }
func (v *tensorValue) describe() string {
	return fmt.Sprintf("%s %s", dtypeName(v.tensor.DType), inspect.ShapeString(v.tensor.Shape))
}

// productValue is the output of gemm with what it was made of.
type productValue struct {
	out      layer.Output
	forward  layer.Forward
	x, w     string // operands as typed
	backend  string
	by       string        // "emu sm100": the badge
	weights  *weightsValue // nil when the weight was a dense tensor
	choice   gemmChoice
	prepared *preparedValue // the buffer it went through; nil without
	zeros    int64          // outputs that are exactly zero
}

func (*productValue) kind() string { return kindProduct }
func (v *productValue) describe() string {
	return fmt.Sprintf("%s %s by %s", dtypeName(v.out.Y.DType), inspect.ShapeString(v.out.Y.Shape), v.by)
}

// diffValue is a comparison of two tensors.
type diffValue struct {
	pair       *compare.Pair
	maps       map[compare.Measure]*compare.Pyramid // one a measure, filled as they are looked at
	metrics    compare.Metrics
	mismatched int64
	pattern    string
	got, want  string
	sides      [2]side // of got and want
	expectation
	gotBy, wantBy string
	product       *productValue // whose operands explain an element: got's, else want's
	bytes         *BytesDiff    // of two quantized matrices; nil otherwise
}

func (*diffValue) kind() string { return kindDiff }
func (v *diffValue) describe() string {
	return fmt.Sprintf("%d×%d, %s - %s", v.pair.M, v.pair.N, v.got, v.want)
}

// numberValue is a named number, made by let.
type numberValue struct {
	text  string
	value float64
}

func (numberValue) kind() string       { return kindNumber }
func (v numberValue) describe() string { return v.text }

// dtypeName is the lower-case name that users type: "bf16", "f8_e4m3".
func dtypeName(d inspect.DType) string { return strings.ToLower(d.String()) }
