package layer

import (
	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
)

// ActPolicy says how activations get their global scale in w4a4.
type ActPolicy uint8

const (
	ActNone      ActPolicy = iota // activations are not quantized (w4a16)
	ActDynamic                    // global from this input's own amax: 448·6/amax
	ActStatic                     // the layer's stored input global scale
	ActUnit                       // global 1: block scales alone
	ActInvWeight                  // 1/weight global scale: the bug this tool was born from
	ActValue                      // a value given by the user, as a divisor
)

// ActPer says what shares one global scale of the activations.
type ActPer uint8

const (
	ActPerTensor ActPer = iota // all rows of x; in a mixture of experts all experts (Forward.Input brings their common scale)
	ActPerToken                // each row of x, from its own amax by the rule of ActDynamic, the one policy that it goes with
	ActPerExpert               // all rows of x, and the expert's own stored scale is meant
)

// String is the word of the command language.
func (p ActPer) String() string { return [...]string{"tensor", "token", "expert"}[p] }

// Forward is one run of one linear layer, y = x·Wᵀ: what a Backend computes.
// Exactly one of Dense and Weights is set.
type Forward struct {
	X       inspect.Tensor  // […, K], any rank ≥ 1
	Dense   *inspect.Tensor // [N, K]: an unquantized weight; only the reference takes it
	Weights *Weights        // a quantized weight
	Buffers *Buffers        // the same as an engine's kernel reads it; nil: devices whose kernels read such prepare it themselves
	Expert  int             // which expert of a 3-D layer
	Mode    Mode
	Act     ActPolicy
	ActVal  float32       // for ActValue
	ActPer  ActPer        // for w4a4 with a format that has global scales
	Arch    string        // row of the architecture table, "sm100"; backends that have none ignore it
	Out     inspect.DType // BF16, F16 or F32

	Input  *Factor  // ActStatic takes this scale instead of the layer's own
	Global *Factor  // alpha takes this global scale for the weight's own: engines keep one for a fused group
	Alpha  *float32 // alpha is this number, whatever the global scales

	Order    Order    // how K is walked; backends that cannot choose refuse all but the zero Order
	Epilogue Epilogue // from accumulator to output
	Prove    bool     // fill Output.Proof where the backend can
	Watch    *Watch   // follows the outputs as they are made; nil: nobody does
}

// Output is what a Backend returns.
type Output struct {
	Y        inspect.Tensor // […, N], every leading dimension of X kept
	Alpha    float32        // the FP32 factor of the epilogue; 1 when there is none, NaN when Alphas has one a row
	Alphas   []float32      // alpha by row of x; nil when Alpha serves all
	Factors  []Factor       // what alpha is the product of, and where it came from; nil where a backend has no alpha
	XBlocks  *fp4.Blocks    // the quantized activations of w4a4; nil otherwise. Their Global is NaN when XGlobals has one a row
	XGlobals []float32      // global scale (a divisor) by row of x; nil when XBlocks.Global serves all
	Act      *ActReport     // what quantizing the activations did to them; nil unless XBlocks is set
	Notes    []string       // corners where published models disagree, saturated scales, …
	By       string         // what computed it, where the backend's name does not say: "emu-fp4"
	Device   string         // where: "NVIDIA H100 80GB HBM3 sm_90 at ssh:gpu1"; empty: here, on the CPU
	Arch     string         // whose instruction computed it, where a device did: "sm90", or what is no row where it does not say; empty: that of Forward.Arch
	Foreign  bool           // computed by other arithmetic than a tensor core's on FP4 or bf16 operands: no certificate holds
	Proof    *Proof         // the certificate, when asked for and known; nil otherwise
}

// XRow is row m of the quantized activations as a matrix of one row with its own
// global scale. XBlocks must be set.
func (o *Output) XRow(m int) fp4.Blocks {
	b := *o.XBlocks
	b.Rows = 1
	b.Codes = b.Codes[m*(b.Cols/2) : (m+1)*(b.Cols/2)]
	b.Scales = b.Scales[m*b.ScaleCols() : (m+1)*b.ScaleCols()]
	if o.XGlobals != nil {
		b.Global.Value = o.XGlobals[m]
	}
	return b
}

// AlphaOf is the alpha of row m of x.
func (o *Output) AlphaOf(m int) float32 {
	if o.Alphas != nil {
		return o.Alphas[m]
	}
	return o.Alpha
}

// Progress is told how much of a long run is done; total is constant during a run.
// It may be nil, and is called from one goroutine at a time.
type Progress func(done, total int64)
