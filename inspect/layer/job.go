package layer

import (
	"fmt"
	"math"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
)

// Job is a product ready for a device: activations quantized or rounded, global scales
// folded into alpha, everything stored as kernels read it before any layout of theirs.
// A device computes round(alpha·Σ x·w), by its epilogue, and chooses nothing else.
type Job struct {
	Kernel  string // a row of the device's table; empty: its own choice for the mode
	Mode    Mode
	Arch    string // whose bits an emulating kernel returns: "sm100"
	M, N, K int

	XWords          []uint16 // w4a16: M×K bf16 words
	XCodes, XScales []byte   // w4a4: M×K/2 bytes, element 2i in the low nibble; M×ceil(K/Block) scales, row-major
	WCodes, WScales []byte   // N×K/2 and N×ceil(K/Block) likewise
	Block           int
	Scale           fp4.Format // E4M3 (its sign is that of the stored byte) or E8M0
	Key             *Key       // of the weight, shared by its jobs; nil: WeightKey computes it each time
	Buffers         *Buffers   // the weight once more, for a kernel to take as it is; nil: what prepares it is the device's business

	Alphas   []float32 // one, or one a row of x
	Bias     []float32 // by column; nil without
	Epilogue Epilogue
	Out      inspect.DType
}

// Buffers are a weight as an engine's preparation leaves it for its kernel: padded, shuffled,
// swizzled, encoded anew. Only the kernel knows what their bytes mean.
type Buffers struct {
	For           string // the kernel, by its name after for=: "trtllm"; empty where steps were put together by hand
	Codes, Scales []byte
}

// String is how they came about: "prepared for trtllm".
func (b *Buffers) String() string {
	if b.For == "" {
		return "put together by hand"
	}
	return "prepared for " + b.For
}

// JobResult is what a device returns.
type JobResult struct {
	Y      []float32 // M×N values of Job.Out
	Kernel string    // what ran, as it stands in badges: "emu-fp4"
	Device string    // where: "NVIDIA H100 80GB HBM3 sm_90"
	Arch   string    // whose instruction made Y, as arch= names it: "sm90"; empty where that is not known
	Micros float64   // of the kernel alone, by the device's own clock; 0: not measured
	Notes  []string
}

// Unwritten reports an output that still holds what a device fills its output with before
// a kernel runs: bits that are all ones, a NaN that no arithmetic makes.
func Unwritten(v float32, out inspect.DType) bool {
	bits := math.Float32bits(v)
	switch out {
	case inspect.BF16:
		return bits == 0xFFFF0000
	case inspect.F16:
		return bits == 0xFFFFE000
	}
	return bits == 0xFFFFFFFF
}

// Check compares the sizes of a job's parts with its shape. The error is an
// *inspect.Fault of class ErrMismatch: a job from a broken peer must not index outside.
func (j *Job) Check() error {
	bad := func(what string, have, want int) error {
		return &inspect.Fault{Class: inspect.ErrMismatch, Offset: -1, What: "job with a part of the wrong size",
			Why: fmt.Sprintf("%s has %d elements, the shape needs %d", what, have, want)}
	}
	const most = 1 << 31
	if j.M < 0 || j.N < 0 || j.K < 0 || j.K%2 != 0 || j.Block <= 0 || j.M > most || j.N > most || j.K > most {
		return &inspect.Fault{Class: inspect.ErrMismatch, Offset: -1, What: "job of an impossible shape",
			Why: fmt.Sprintf("M %d, N %d, K %d, block %d", j.M, j.N, j.K, j.Block)}
	}
	blocks := (j.K + j.Block - 1) / j.Block
	type part struct {
		name       string
		have, want int
	}
	parts := []part{{"w codes", len(j.WCodes), j.N * (j.K / 2)}, {"w scales", len(j.WScales), j.N * blocks}}
	if j.Mode == W4A4 {
		parts = append(parts, part{"x codes", len(j.XCodes), j.M * (j.K / 2)}, part{"x scales", len(j.XScales), j.M * blocks})
	} else {
		parts = append(parts, part{"x", len(j.XWords), j.M * j.K})
	}
	if len(j.Alphas) != 1 {
		parts = append(parts, part{"alpha", len(j.Alphas), j.M})
	}
	if j.Bias != nil {
		parts = append(parts, part{"bias", len(j.Bias), j.N})
	}
	for _, p := range parts {
		if p.have != p.want {
			return bad(p.name, p.have, p.want)
		}
	}
	return nil
}
