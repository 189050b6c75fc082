// Package layer recognises quantized linear layers among the tensors of a
// checkpoint, whoever wrote them, and dequantizes them as their producer would.
package layer

import (
	"sync"

	"fp4tui/inspect"
	"fp4tui/inspect/checkpoint"
	"fp4tui/inspect/fp4"
)

// Mode says what a layer quantizes.
type Mode uint8

const (
	W4A16 Mode = iota // weights only; activations stay bf16
	W4A4              // weights and activations
)

func (m Mode) String() string { return [...]string{"w4a16", "w4a4"}[m] }

// Layer is one quantized linear layer as its headers describe it; nothing of its
// data but the scalars has been read. N and K are logical sizes, never packed ones.
type Layer struct {
	Name     string // module path: "encoder.layer.0.intermediate.dense"
	Producer string // a name of the producer table: "compressed-tensors nvfp4-pack-quantized", …
	Format   string // "nvfp4" or "mxfp4"
	Mode     Mode
	Experts  int // 0 for a plain 2-D layer, else the leading dimension
	N, K     int
	Block    int
	Parts    Parts
	Global   fp4.GlobalScale // Use is NoGlobal for MXFP4. Value is read when the layer is found; NaN if that failed
	Input    fp4.GlobalScale // activation global scale; NoGlobal when absent

	Faults     []inspect.Fault // what is wrong with it as far as headers and scalars tell; with some of them Load fails
	Checkpoint *checkpoint.Checkpoint

	blocked *inspect.Fault // the one of Faults that Load fails with; nil when the data can be read
}

// Rest is how many weights the last block of each row has when K is not whole blocks and
// its scale is stored; 0 when all blocks are whole.
func (l *Layer) Rest() int {
	if l.blocked != nil || l.Parts.Scales == nil {
		return 0
	}
	return l.K % l.Block
}

// Parts are the stored tensors of a layer. Global, Input and Bias may be nil.
type Parts struct {
	Codes, Scales, Global, Input, Bias *checkpoint.Entry
}

// Weights is a layer's data in memory: one fp4.Blocks for a plain layer, one an
// expert for a 3-D one. The bytes never change once a product may be asked for: devices
// keep them by a Key that is computed once.
type Weights struct {
	Layer  *Layer // nil when quantized in the session
	Blocks []fp4.Blocks
	Bias   *inspect.Tensor // [N] or [E,N]; nil when absent

	keys sync.Map // of expert to *Key
}
