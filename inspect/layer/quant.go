package layer

import (
	"fmt"
	"math"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
)

// QuantJob is a matrix for a device to quantize by the kernel of flashinfer.
type QuantJob struct {
	Format     string   // fp4.NVFP4 or fp4.MXFP4
	Rows, Cols int      // Cols is a multiple of the block
	X          []uint16 // Rows·Cols bf16 words, row-major
	Global     float32  // of NVFP4: the encode scale, which divides; positive, or NaN for an x with NaN
}

// QuantResult is what a device made of a QuantJob.
type QuantResult struct {
	Codes  []byte // Rows·Cols/2, element 2i in the low nibble
	Scales []byte // Rows·Cols/Block: E4M3 or E8M0
	Kernel string // what ran: "quantize"
	Device string // where: "NVIDIA H100 80GB HBM3 sm_90"
}

// Block is how many elements share a scale; 0 for an unknown format.
func (j *QuantJob) Block() int { return map[string]int{fp4.NVFP4: 16, fp4.MXFP4: 32}[j.Format] }

// Sizes are the lengths of a result's codes and scales.
func (j *QuantJob) Sizes() (codes, scales int) {
	return len(j.X) / 2, len(j.X) / j.Block()
}

// Check compares a job with its shape. The error is an *inspect.Fault of class
// ErrMismatch: a job from a broken peer must not index outside.
func (j *QuantJob) Check() error {
	bad := func(what, why string) error {
		return &inspect.Fault{Class: inspect.ErrMismatch, Offset: -1, What: what, Why: why}
	}
	const most = 1 << 31
	block := j.Block()
	switch {
	case block == 0:
		return bad(fmt.Sprintf("no format %q to quantize to", inspect.Printable(j.Format)), "there are "+fp4.NVFP4+" and "+fp4.MXFP4)
	case j.Rows == 0 || j.Cols == 0:
		return bad(fmt.Sprintf("cannot quantize %d×%d", j.Rows, j.Cols), "there is nothing in it")
	case j.Rows < 0 || j.Cols < 0 || j.Rows > most || j.Cols > most || j.Cols%block != 0:
		return &inspect.Fault{Class: inspect.ErrMismatch, Offset: -1, What: fmt.Sprintf("cannot quantize %d×%d", j.Rows, j.Cols),
			Why: fmt.Sprintf("rows are whole blocks of %d", block), Cure: fmt.Sprintf("pad the columns with zeros to a multiple of %d", block)}
	case len(j.X)%j.Cols != 0 || len(j.X)/j.Cols != j.Rows:
		return bad(fmt.Sprintf("%d words are not %d×%d", len(j.X), j.Rows, j.Cols), "")
	case j.Format == fp4.NVFP4 && (j.Global <= 0 || math.IsInf(float64(j.Global), 0)):
		return bad(fmt.Sprintf("global scale %v", j.Global), "an encode scale is positive and finite")
	}
	return nil
}
