package exec

// Explained answers explain: one element of a comparison with everything that made it.
// Numbers called exact are hexadecimal floats with all their bits, "0x1.8p-01".
type Explained struct {
	sealed
	Subject    string `json:"subject"`
	M          int    `json:"m"`
	N          int    `json:"n"`
	Got        Float  `json:"got"`
	Want       Float  `json:"want"`
	Err        Float  `json:"err"`
	Exact      string `json:"err_exact"`
	GotBits    string `json:"got_bits"`
	WantBits   string `json:"want_bits"`
	GotBy      string `json:"got_by"`
	WantBy     string `json:"want_by"`
	As         string `json:"as,omitempty"` // the product that got is taken for, when it is none
	Noise      Float  `json:"noise"`        // |err| over its expected standard deviation; nan unknown
	NoiseLimit Float  `json:"noise_limit"`  // what the worst element of a clean map of this size stays below
	Mode       string `json:"mode"`
	Alpha      Float  `json:"alpha"` // as the epilogue multiplies by it; 1 without

	Budget  []ErrorPart `json:"budget"`          // got's making first, then the reference's own
	Adds    bool        `json:"adds_up"`         // the exact parts are err_exact
	Broke   string      `json:"broke,omitempty"` // the first operation whose result is not finite
	Missing []string    `json:"missing"`         // what is not known

	Accumulator Accumulator  `json:"accumulator"`
	Proof       ElementProof `json:"proof"`

	ByError   bool         `json:"by_error"` // blocks are ranked by the error of their operands; otherwise by what they add to the output
	BlockSize int          `json:"block_size"`
	BlockN    int          `json:"block_count"`
	Blocks    []BlockShare `json:"blocks"`       // the largest contributions first, bounded
	Others    Float        `json:"other_blocks"` // what the others add together
	Axis      []Float      `json:"axis"`         // contributions along K; AxisStep blocks each
	AxisStep  int          `json:"axis_step"`
	Block     BlockDetail  `json:"block"`
}

// ErrorPart is one part of got - want.
type ErrorPart struct {
	Kind      string `json:"kind"` // "weight", "layout", "activation", "scales", "accumulation", "epilogue", "bias", "rounding", "unexplained"
	Text      string `json:"text"`
	Reference bool   `json:"reference"` // it is of want's own making
	Part      Float  `json:"part"`
	Exact     string `json:"exact"`
	After     Float  `json:"after"` // the value behind the operation; before it, for the reference
}

// Accumulator is the FP32 accumulator of an emulated output, instruction by instruction.
type Accumulator struct {
	Instr   string    `json:"instruction"` // empty when nothing was emulated
	Arch    string    `json:"arch"`
	K       int       `json:"k"` // of one instruction
	Order   string    `json:"order"`
	Count   int       `json:"count"`
	Parts   int       `json:"parts"`   // accumulators
	Cut     int       `json:"cut"`     // instructions with an addend that lost bits at the quantum
	Rounded int       `json:"rounded"` // instructions whose sum was rounded
	Bits    string    `json:"bits"`    // FP32 word, eight hex digits
	Value   Float     `json:"value"`
	Loss    Float     `json:"loss"` // the accumulator minus the exact sum
	Notes   []string  `json:"notes"`
	Steps   []AccStep `json:"steps"` // first, last and those that lost most
}

// AccStep is one instruction: d = c + products, cut and rounded.
type AccStep struct {
	Part    int    `json:"part"`
	Index   int    `json:"index"`
	K0      int    `json:"k0"`
	Len     int    `json:"len"`
	C       string `json:"c"`
	D       string `json:"d"`
	Value   Float  `json:"value"` // of d
	Exp     int    `json:"max_exponent"`
	Quantum int    `json:"quantum"`
	Terms   int    `json:"terms"` // products or groups
	Cut     int    `json:"cut"`   // addends that lost bits
	Rounded bool   `json:"rounded"`
	Loss    Float  `json:"loss"` // d minus the exact sum
	Special string `json:"special,omitempty"`
}

// ElementProof says whether another order of accumulation could give other bits.
type ElementProof struct {
	Word      string  `json:"word"`      // "proven", "unproven", "unknown"
	Certainty string  `json:"certainty"` // of the product's certificate: "exact", "same word", "unproven"; empty when unknown
	Claim     string  `json:"claim"`     // what it is proven against, or isn't
	Bits      int     `json:"bits"`      // that the instructions' sums span; an FP32 accumulator holds 24
	Low       BitMark `json:"low"`       // where the lowest bit is
	High      BitMark `json:"high"`      // the largest sum
	Below     BitMark `json:"below"`     // the addend furthest below an instruction's quantum; len 0: none
	Why       string  `json:"why"`       // what stands against exact sums; empty where they are
}

// BitMark is a run of elements k with an exponent of two in it.
type BitMark struct {
	K0  int `json:"k0"`
	Len int `json:"len"`
	Exp int `json:"exponent"`
}

// BlockShare is what one K block does.
type BlockShare struct {
	Block   int   `json:"block"`
	K0      int   `json:"k0"`
	Len     int   `json:"len"`
	Sum     Float `json:"sum"` // added to the output
	Err     Float `json:"err"` // added to the error by its operands
	Weight  Float `json:"weight_err"`
	Act     Float `json:"activation_err"`
	Share   Float `json:"share"` // of all blocks together, in what they are ranked by; above 1 when others cancel
	Scale   int   `json:"scale"` // -1 without
	ScaleV  Float `json:"scale_value"`
	XScale  int   `json:"x_scale"` // of quantized activations; -1 without
	XScaleV Float `json:"x_scale_value"`
}

// BlockDetail is one K block down to its bytes.
type BlockDetail struct {
	BlockShare
	File        string         `json:"file,omitempty"`
	Byte        int64          `json:"byte"` // of the first code; -1 unknown
	Hex         string         `json:"hex"`
	ScaleByte   int64          `json:"scale_byte"`
	XHex        string         `json:"x_hex,omitempty"`
	Kernel      string         `json:"kernel,omitempty"` // of the prepared buffer the product went through
	KernelByte  int64          `json:"kernel_byte"`      // of the largest element's code
	KernelHigh  bool           `json:"kernel_high"`
	KernelScale int64          `json:"kernel_scale_byte"`
	Elements    []BlockElement `json:"elements"` // the largest contribution first
}

// BlockElement is one product of a block.
type BlockElement struct {
	K         int   `json:"k"`
	X         Float `json:"x"`      // as given
	Used      Float `json:"x_used"` // as multiplied
	XCode     int   `json:"x_code"` // -1 without
	W         Float `json:"w"`      // as multiplied
	Code      int   `json:"code"`   // -1 without
	CodeValue Float `json:"code_value"`
	Original  Float `json:"original"` // the reference's weight, when it is another
	Product   Float `json:"product"`
	Err       Float `json:"err"`
	Half      Float `json:"half_steps"` // distance from the original in half steps of the grid: 1 is the most that rounding makes
	Byte      int64 `json:"byte"`       // -1 unknown
	High      bool  `json:"high"`
}

// Kind is the name that stands in JSON.
func (Explained) Kind() string { return "explain" }
