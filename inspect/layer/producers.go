package layer

import (
	"slices"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
)

// part is one tensor of a layer: what its name ends in after the module path, and
// which element types it can have.
type part struct {
	suffix string
	types  []inspect.DType
}

func (p part) holds(d inspect.DType) bool { return slices.Contains(p.types, d) }

// producer is a row of the table: what one quantizer's layers look like and how
// its own library turns them back into floats. Names and shapes are stated in the
// producers' exporters: compressed-tensors 0.19 compressors/nvfp4 and mxfp4,
// ModelOpt 0.47 export/unified_export_hf, transformers 5.17 integrations/mxfp4.
type producer struct {
	names  [2]string // by Mode
	format string    // "nvfp4", "mxfp4"

	codes  part // two codes a byte, low nibble first
	scales part
	global part // suffix empty: none
	input  part // activation global scale; suffix empty: never stored
	bias   string

	scale  fp4.Format
	blocks []int // block sizes that it writes, the usual one first
	use    fp4.GlobalUse

	// grouped layers store codes as [experts, N, K/block, block/2] and scales as
	// [experts, N, K/block]; the others [N, K/2] and [N, K/block].
	grouped bool
	// telling: U8 codes under this suffix are FP4 even without scales beside them.
	// "weight" in U8 can be anything.
	telling bool
	// without: a module that has this tensor is another row's.
	without string
	// foreign tensors of the same module mean that somebody else wrote it, or that
	// the stored weights are not yet the weights of the layer.
	foreign []foreign
	// repair changes the values of the formats to those of the producer's own
	// library; nil where they agree.
	repair func(*fp4.Values)
}

// foreign is a tensor that takes a layer out of a row.
type foreign struct {
	suffix string
	means  string
}

var (
	u8      = []inspect.DType{inspect.U8}
	e4m3    = []inspect.DType{inspect.F8E4M3}
	e8m0    = []inspect.DType{inspect.U8, inspect.F8E8M0}
	scalars = []inspect.DType{inspect.F32}
)

// producers is the one table of who writes FP4 layers. The first row that claims a
// module has it.
var producers = [...]producer{
	{
		names:  [2]string{W4A16: "compressed-tensors nvfp4-pack-quantized", W4A4: "compressed-tensors nvfp4-pack-quantized"},
		format: "nvfp4",
		codes:  part{".weight_packed", u8},
		scales: part{".weight_scale", e4m3},
		global: part{".weight_global_scale", scalars},
		input:  part{".input_global_scale", scalars},
		bias:   ".bias",
		scale:  fp4.E4M3, blocks: []int{16}, use: fp4.Divides,
		telling: true,
		foreign: []foreign{{".weight_zero_point", "asymmetric weights"}},
	},
	{
		names:  [2]string{W4A16: "compressed-tensors mxfp4-pack-quantized", W4A4: "compressed-tensors mxfp4-pack-quantized"},
		format: "mxfp4",
		codes:  part{".weight_packed", u8},
		scales: part{".weight_scale", e8m0},
		bias:   ".bias",
		scale:  fp4.E8M0, blocks: []int{32}, use: fp4.NoGlobal,
		telling: true,
		without: ".weight_global_scale",
		foreign: []foreign{{".weight_zero_point", "asymmetric weights"}},
		repair:  topScaleIsInf,
	},
	{
		names:  [2]string{W4A16: "modelopt W4A16_NVFP4", W4A4: "modelopt NVFP4"},
		format: "nvfp4",
		codes:  part{".weight", u8},
		scales: part{".weight_scale", e4m3},
		global: part{".weight_scale_2", scalars},
		input:  part{".input_scale", scalars},
		bias:   ".bias",
		scale:  fp4.E4M3, blocks: []int{16, 32}, use: fp4.Multiplies,
		foreign: []foreign{
			{".comfy_quant", "ComfyUI NVFP4, which packs the high nibble first and swizzles its scales"},
			{".input_scale_2", "Quark NVFP4"},
			{".pre_quant_scale", "ModelOpt NVFP4_AWQ, whose activations are scaled first"},
			{".svdquant_lora_a", "ModelOpt NVFP4_SVD, which adds a low-rank product"},
		},
		repair: zeroIsPositive,
	},
	{
		names:  [2]string{W4A16: "gpt-oss mxfp4", W4A4: "gpt-oss mxfp4"},
		format: "mxfp4",
		codes:  part{"_blocks", u8},
		scales: part{"_scales", e8m0},
		bias:   "_bias",
		scale:  fp4.E8M0, blocks: []int{32}, use: fp4.NoGlobal,
		grouped: true,
		repair:  topScaleIs2p128,
	},
}

// producerOf is the row that a layer was recognised by; nil for a name that is in
// no row.
func producerOf(name string) *producer {
	for i := range producers {
		if slices.Contains(producers[i].names[:], name) {
			return &producers[i]
		}
	}
	return nil
}

// Producers lists the names that Layer.Producer can have, in table order.
func Producers() []string {
	var names []string
	for i := range producers {
		for _, name := range producers[i].names {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}
