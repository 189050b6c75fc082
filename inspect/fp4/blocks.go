package fp4

// GlobalUse says what an FP32 global scale does to the weights. Producers
// disagree (compressed-tensors divides, ModelOpt multiplies), so the direction is
// part of the type and never a convention.
type GlobalUse uint8

const (
	NoGlobal   GlobalUse = iota // MXFP4: block scales alone
	Divides                     // value = code·scale / global   (compressed-tensors, FP-Quant)
	Multiplies                  // value = code·scale · global   (ModelOpt, torchao, ComfyUI)
)

// String names the direction: "none", "divisor", "multiplier".
func (u GlobalUse) String() string {
	switch u {
	case Divides:
		return "divisor"
	case Multiplies:
		return "multiplier"
	}
	return "none"
}

// GlobalScale is the per-tensor FP32 scale as stored, with its direction.
type GlobalScale struct {
	Use   GlobalUse
	Value float32
}

// Multiplier is the factor that the scale means for the weights: 1, 1/Value
// (one float32 division) or Value.
func (g GlobalScale) Multiplier() float32 {
	switch g.Use {
	case Divides:
		return 1 / g.Value
	case Multiplies:
		return g.Value
	}
	return 1
}

// NibbleOrder says which half of a byte holds the even element.
type NibbleOrder uint8

const (
	LowFirst  NibbleOrder = iota // element 2i in bits 0-3: everyone but ComfyUI/BFL and bitsandbytes
	HighFirst                    // element 2i in bits 4-7
)

// Blocks is a block-scaled FP4 matrix in logical order:
//
//	value[r,c] = E2M1(code[r,c]) · scale[r, c/Block] · global
//
// It is what a checkpoint stores (weights, N×K) and what activation quantization
// produces (M×K).
type Blocks struct {
	Rows, Cols int         // logical shape; Cols is even
	Block      int         // columns that share a scale: 16 (NVFP4) or 32 (MXFP4)
	Codes      []byte      // Rows × Cols/2 bytes, row-major, two codes a byte in Order
	Order      NibbleOrder // order of the two codes in a byte
	Scales     []byte      // Rows × ScaleCols() bytes, row-major
	ScaleType  Format      // E4M3, UE4M3 or E8M0
	Global     GlobalScale
}

// ScaleCols is the number of blocks in a row: Cols/Block, rounded up.
func (b *Blocks) ScaleCols() int { return (b.Cols + b.Block - 1) / b.Block }

// Code returns the 4-bit code of one element.
func (b *Blocks) Code(row, col int) uint8 {
	v := b.Codes[row*(b.Cols/2)+col/2]
	if (col&1 == 1) == (b.Order == LowFirst) {
		return v >> 4
	}
	return v & 15
}

// Scale returns the scale byte of the block that holds one element.
func (b *Blocks) Scale(row, col int) uint8 { return b.Scales[row*b.ScaleCols()+col/b.Block] }
