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

// Forward is one run of one linear layer, y = x·Wᵀ: what a Backend computes.
// Exactly one of Dense and Weights is set.
type Forward struct {
	X       inspect.Tensor  // […, K], any rank ≥ 1
	Dense   *inspect.Tensor // [N, K]: an unquantized weight; only the reference takes it
	Weights *Weights        // a quantized weight
	Expert  int             // which expert of a 3-D layer
	Mode    Mode
	Act     ActPolicy
	ActVal  float32       // for ActValue
	Arch    string        // row of the architecture table, "sm100"; backends that have none ignore it
	Out     inspect.DType // BF16, F16 or F32

	Order    Order    // how K is walked; backends that cannot choose refuse all but the zero Order
	Epilogue Epilogue // from accumulator to output
	Prove    bool     // fill Output.Proof where the backend can
}

// Output is what a Backend returns.
type Output struct {
	Y       inspect.Tensor // […, N], every leading dimension of X kept
	Alpha   float32        // the FP32 factor of the epilogue; 1 when there is none
	XBlocks *fp4.Blocks    // the quantized activations of w4a4; nil otherwise
	Notes   []string       // corners where published models disagree, saturated scales, …
	Proof   *Proof         // the certificate, when asked for and known; nil otherwise
}

// Progress is told how much of a long run is done; total is constant during a run.
// It may be nil, and is called from one goroutine at a time.
type Progress func(done, total int64)
