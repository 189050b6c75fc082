package cuda

import (
	"fmt"
	"math"
	"strings"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// What can be known of a kernel on a device.
const (
	StatusVerified = "verified on this device"
	StatusForeign  = "not for this device"     // with what its authors did of it where they could not run it
	StatusAbsent   = "its library is not here" // as for StatusForeign
	StatusUnknown  = "not known"               // as for StatusForeign
	StatusFailed   = "failed"
)

// Kernel is one that this build holds, as the device stands to it.
type Kernel struct {
	Name   string // as in backends and badges: "emu-fp4"
	Doc    string // what it computes
	Ready  bool   // a job may ask for it: its known answers came out, or want more memory than is free now
	Why    string // it is not ready because
	Cure   string // what to do about it
	Status string // begins with one of the above, or says why it is not verified yet
}

// kernelSpec is a row of the table of kernels.
type kernelSpec struct {
	name, doc string
	mode      layer.Mode
	runs      func(cc [2]int) string // why it can't run there; empty if it can
	unrun     string                 // what its authors did who had no GPU that runs it; empty: they ran it
	library   bool                   // it is cuBLASLt's: what comes out depends on its version
	own       bool                   // it runs the GPU's own instruction, whatever arch= is asked for
	onlyNV    string                 // why it takes no MXFP4; empty if it does
}

var kernelSpecs = []kernelSpec{
	{name: "emu-fp4", mode: layer.W4A4, runs: sinceAmpere, doc: "FP4 instructions (NVFP4, MXFP4) by integer arithmetic: the words of sm100 to sm121"},
	{name: "emu-bf16", mode: layer.W4A16, runs: sinceAmpere, doc: "bf16 instructions by integer arithmetic: the words of the architecture asked for"},
	{name: "w4a16", mode: layer.W4A16, own: true, runs: sinceAmpere, doc: "bf16 tensor cores; the weight is decoded in the kernel"},
	{name: "native-sm120", mode: layer.W4A4, own: true, runs: onlyRTX, doc: "the FP4 tensor cores of sm_120 and sm_121", unrun: "assembled, never run by its authors"},
	{name: "native-sm100", mode: layer.W4A4, own: true, runs: sinceBlackwell, doc: "the FP4 tensor cores of sm_100 and later, through cuBLASLt (NVFP4)", unrun: "never run by its authors",
		library: true, onlyNV: "cuBLASLt multiplies no FP4 with E8M0 scales"},
}

// Kernels lists what this version holds, on no device in particular.
func Kernels() []Kernel {
	var list []Kernel
	for _, k := range kernelSpecs {
		list = append(list, Kernel{Name: k.name, Doc: k.doc, Status: k.status(StatusUnknown)})
	}
	return list
}

// status is one of the above, with what the kernel's authors did of it where they could not
// run it.
func (k *kernelSpec) status(what string) string {
	if k.unrun == "" {
		return what
	}
	return what + "; " + k.unrun
}

// nowhere is every kernel, those that quantize last, where none can run.
func nowhere(why, cure string) []Kernel {
	list := append(Kernels(), Quantizers()...)
	for i := range list {
		list[i].Why, list[i].Cure = why, cure
	}
	return list
}

func sinceAmpere(cc [2]int) string {
	if cc[0] < 8 {
		return "it needs compute capability 8.0"
	}
	return ""
}

func onlyHopper(cc [2]int) string {
	if cc != [2]int{9, 0} {
		return "its instructions exist on sm_90"
	}
	return ""
}

func onlyRTX(cc [2]int) string {
	if cc != [2]int{12, 0} && cc != [2]int{12, 1} {
		return "its instructions exist on sm_120 and sm_121"
	}
	return ""
}

// sinceBlackwell is where cuBLASLt documents FP4.
func sinceBlackwell(cc [2]int) string {
	if cc[0] < 10 {
		return "cuBLASLt has FP4 since compute capability 10.0"
	}
	return ""
}

// defaultKernel is what computes a mode unless a job names a kernel, the same one on every
// device. emu-fp4 returns the words of the arch= that was asked for; w4a16 those of the GPU's
// own bf16 instruction (BF16Arch), as a note says. A native kernel is asked for by its name.
var defaultKernel = map[layer.Mode]string{layer.W4A4: "emu-fp4", layer.W4A16: "w4a16"}

// kernelFor finds the row of a job.
func kernelFor(job *layer.Job) (*kernelSpec, error) {
	name := job.Kernel
	if name == "" {
		name = defaultKernel[job.Mode]
	}
	var names []string
	for i := range kernelSpecs {
		k := &kernelSpecs[i]
		if k.name == name && k.mode == job.Mode {
			return k, k.takes(job)
		}
		if k.mode == job.Mode {
			names = append(names, k.name)
		}
	}
	return nil, &inspect.Fault{Class: ErrNoKernel, Offset: -1, What: fmt.Sprintf("no kernel %q for %s", name, job.Mode),
		Why: fmt.Sprintf("there are %v", names), Cure: "backend=cuda:" + names[0]}
}

// takes refuses a job of a format that the kernel does not know.
func (k *kernelSpec) takes(job *layer.Job) error {
	if job.Scale != fp4.E8M0 || k.onlyNV == "" {
		return nil
	}
	return &inspect.Fault{Class: ErrNoKernel, Offset: -1, What: k.name + " takes no MXFP4", Why: k.onlyNV,
		Cure: "backend=cuda:emu-fp4 on any GPU, backend=cuda:native-sm120 on an sm_120"}
}

// bf16Rule is a row of package gemm's table for bf16 instructions.
type bf16Rule struct{ l, f, eZero int64 }

// bf16RuleOf holds the rows that exist; a test compares them with package gemm's.
func bf16RuleOf(arch string) (bf16Rule, bool) {
	switch arch {
	case "sm80", "sm86", "sm89":
		return bf16Rule{8, 24, -132}, true
	case "sm90", "sm100", "sm103", "sm110", "sm120", "sm121":
		return bf16Rule{16, 25, -133}, true
	}
	return bf16Rule{}, false
}

// BF16Arch is the row of package gemm's table whose bf16 words the tensor cores of a
// device return.
func BF16Arch(cc [2]int) string {
	if cc[0] == 8 {
		return "sm80"
	}
	return "sm90" // later ones have its parameters
}

// arch is whose instruction a kernel returns the words of, as arch= names it: on a GPU that
// package gemm's table has no row for, sm_87, the row whose words its bf16 kernels are held to.
func (k *kernelSpec) arch(job *layer.Job, d Device) string {
	if !k.own {
		return job.Arch
	}
	own := strings.ReplaceAll(d.Arch(), "_", "")
	if _, known := bf16RuleOf(own); k.mode == layer.W4A16 && !known {
		return BF16Arch(d.ComputeCapability)
	}
	return own
}

// mostK keeps the indices of kernels in 32 bits: w4a16.cuh (big) goes 96 rows of bf16 words by one.
const mostK = 1 << 23

// checkJob refuses what no kernel can take.
func checkJob(job *layer.Job) error {
	if err := job.Check(); err != nil {
		return err
	}
	if job.K > mostK {
		return &inspect.Fault{Class: inspect.ErrUnsupported, Offset: -1, What: fmt.Sprintf("K of %d", job.K),
			Why: fmt.Sprintf("kernels index the bytes of some rows in 32 bits: K is at most %d", mostK), Cure: "backend=emu on the CPU"}
	}
	nv := job.Block == 16 && job.Scale != fp4.E8M0
	mx := job.Block == 32 && job.Scale == fp4.E8M0
	if !nv && !mx {
		return &inspect.Fault{Class: inspect.ErrUnsupported, Offset: -1, What: fmt.Sprintf("blocks of %d with %s scales", job.Block, job.Scale),
			Why: "kernels read blocks of 16 with E4M3 scales or of 32 with E8M0 scales", Cure: "backend=ref takes any"}
	}
	if job.Out != inspect.BF16 && job.Out != inspect.F16 && job.Out != inspect.F32 {
		return &inspect.Fault{Class: inspect.ErrUnsupported, Offset: -1, What: "no output type " + job.Out.String(), Cure: "out=bf16"}
	}
	if job.Epilogue.Bias != layer.BiasNone && job.Bias == nil {
		return &inspect.Fault{Class: inspect.ErrMismatch, Offset: -1, What: "job with a bias place and no bias"}
	}
	return nil
}

// padded returns rows of `from` bytes as rows of `to` bytes, zeros behind.
func padded(b []byte, rows, from, to int) []byte {
	if from == to {
		return b
	}
	out := make([]byte, rows*to)
	for r := range rows {
		copy(out[r*to:], b[r*from:(r+1)*from])
	}
	return out
}

// scaleWords are the 256 scales of a format times 2^shift as pairs of bf16 words.
func scaleWords(format fp4.Format, shift int) [256]uint32 {
	var t [256]uint32
	for b := range t {
		w := bf16Word(float32(math.Ldexp(float64(format.Decode(uint16(b))), shift)))
		t[b] = uint32(w) | uint32(w)<<16
	}
	return t
}

// codeShift is what a code's bits lack as a bf16 number: they are code·2^-126.
const codeShift = 126

// shiftOf is the t of a weight: w4a16 takes its scales times 2^t and x times 2^(126-t).
// ok is false where a product would not be the same in that way.
func shiftOf(job *layer.Job) (t int, ok bool) {
	if job.Scale != fp4.E8M0 {
		return 118, true // 448·2^118 is below 2^127
	}
	low, high := 127, -127
	for _, b := range job.WScales {
		if b != 0xff {
			low, high = min(low, int(b)-127), max(high, int(b)-127)
		}
	}
	t = min(codeShift, 127-high)
	// 6·2^126 is infinite as it stands; what is made smaller must not become subnormal.
	return t, high < 126 && (t == codeShift || low+t >= 1)
}

// shiftWords returns x times 2^by; ok is false where that is not exact.
func shiftWords(x []uint16, by int) (out []uint16, ok bool) {
	if by == 0 {
		return x, true
	}
	out = make([]uint16, len(x))
	for i, w := range x {
		exp := int(w >> 7 & 0xff)
		switch {
		case w&0x7fff == 0 || exp == 255:
			out[i] = w
		case exp == 0 || exp+by > 254:
			return nil, false
		default:
			out[i] = w + uint16(by)<<7
		}
	}
	return out, true
}
