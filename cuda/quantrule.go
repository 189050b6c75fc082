package cuda

import (
	"bytes"
	"fmt"
	"math"

	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// quantSpec is a row of the table of kernels that quantize: the functions of an image that
// end in suffix.
type quantSpec struct {
	kernelSpec
	suffix string
}

// quantSpecs is the table. A job takes the first that came out right on its device.
var quantSpecs = []quantSpec{
	{kernelSpec{name: "quantize-cvt", doc: "recipe=flashinfer by Blackwell's conversion instructions, with this GPU's approximate reciprocal",
		runs: hasConversions, unrun: "assembled, never run by its authors"}, "_cvt"},
	{kernelSpec{name: "quantize", doc: "recipe=flashinfer, conversions in software, with this GPU's approximate reciprocal",
		runs: sinceAmpere}, ""},
}

// Quantizers lists the kernels that quantize, on no device in particular.
func Quantizers() []Kernel {
	var list []Kernel
	for _, k := range quantSpecs {
		list = append(list, Kernel{Name: k.name, Doc: k.doc, Status: k.status(StatusUnknown)})
	}
	return list
}

func hasConversions(cc [2]int) string {
	switch cc {
	case [2]int{10, 0}, [2]int{10, 3}, [2]int{11, 0}, [2]int{12, 0}, [2]int{12, 1}:
		return ""
	}
	return "its instructions exist on sm_100, sm_103, sm_110, sm_120 and sm_121"
}

// reciprocals are how far the approximate reciprocals of a quantization lie from the nearest
// float32, in units of its last place: that of 6, of the global scale, and of a block's
// scale. A GPU is one unit off at most. The compiler of CUDA 13.0 works the first out itself,
// to the nearest; a driver that compiles PTX may not.
type reciprocals struct{ six, global, block int }

// flush is what a number of fast math is: subnormal numbers are zeros of their sign.
func flush(v float32) float32 {
	if a := math.Float32bits(v) &^ (1 << 31); a < 1<<23 {
		return math.Float32frombits(math.Float32bits(v) & (1 << 31))
	}
	return v
}

// approx is rcp.approx.ftz.f32 of a GPU that is off so far.
func approx(v float32, off int) float32 {
	r := 1 / flush(v)
	if r != 0 && r-r == 0 {
		r = math.Float32frombits(math.Float32bits(r) + uint32(off))
	}
	return flush(r)
}

// fast is a product of fast math.
func fast(a, b float32) float32 { return flush(flush(a) * flush(b)) }

// quantBlock quantizes a block by the rule of flashinfer 0.7.4 (csrc, quantization_utils.cuh,
// default build), restated, under the encode scale g: kernels/quantize.cuh once more, with
// the conversions of package fp4.
func quantBlock(v []float32, format string, g float32, off reciprocals) (scale byte, codes []byte) {
	amax := float32(math.Abs(float64(v[0])))
	for _, x := range v[1:] {
		if a := float32(math.Abs(float64(x))); a > amax || amax != amax {
			amax = a
		}
	}
	var by float32
	times := fast
	if format == fp4.MXFP4 {
		times = func(a, b float32) float32 { return a * b }
		scale = byte(fp4.E8M0.EncodeSat(times(amax, approx(6, off.six)), fp4.Up))
		if scale != 0 && scale < 254 {
			by = fp4.DecodeE8M0(254 - scale)
		}
	} else {
		scale = byte(fp4.UE4M3.EncodeSat(fast(g, fast(amax, approx(6, off.six))), fp4.NearestEven)) // a NaN of any sign is 0x7f
		if scale != 0 {
			by = approx(fast(fp4.DecodeE4M3(scale), approx(g, off.global)), off.block)
		}
	}
	codes = make([]byte, len(v)/2)
	for i, x := range v {
		codes[i/2] |= byte(fp4.E2M1.EncodeSat(times(x, by), fp4.NearestEven)) << (4 * (i % 2))
	}
	return scale, codes
}

// quantValues is block i of a job as values.
func quantValues(job *layer.QuantJob, i int) []float32 {
	n := job.Block()
	v := make([]float32, n)
	for j, w := range job.X[i*n : i*n+n] {
		v[j] = math.Float32frombits(uint32(w) << 16)
	}
	return v
}

// explain holds what a GPU returned to the rule: every block must come out by reciprocals
// that are one unit off at most, those of 6 and of the global scale the same in all blocks.
// inexact counts blocks that need one that is off. The error names the first block that
// nothing explains.
func explain(job *layer.QuantJob, got *layer.QuantResult) (inexact int, err error) {
	if codes, scales := job.Sizes(); len(got.Codes) != codes || len(got.Scales) != scales {
		return 0, fmt.Errorf("%d codes and %d scales", len(got.Codes), len(got.Scales))
	}
	furthest := -1
	for _, six := range []int{0, 1, -1} {
		for _, global := range []int{0, 1, -1} {
			at, off := explainBy(job, got, six, global)
			if at == len(got.Scales) {
				return off, nil
			}
			furthest = max(furthest, at)
		}
	}
	scale, codes := quantBlock(quantValues(job, furthest), job.Format, job.Global, reciprocals{})
	n := job.Block() / 2
	return 0, fmt.Errorf("%s, global scale %g: block %d is scale %02x codes %x; with exact reciprocals %02x %x, and none within a unit gives it", job.Format, job.Global,
		furthest, got.Scales[furthest], got.Codes[furthest*n:furthest*n+n], scale, codes)
}

// explainBy is explain with two reciprocals given: it returns the first block that does not
// come out, their number when all do.
func explainBy(job *layer.QuantJob, got *layer.QuantResult, six, global int) (at, inexact int) {
	n := job.Block() / 2
	for ; at < len(got.Scales); at++ {
		v := quantValues(job, at)
		right := func(off reciprocals) bool {
			scale, codes := quantBlock(v, job.Format, job.Global, off)
			return scale == got.Scales[at] && bytes.Equal(codes, got.Codes[at*n:at*n+n])
		}
		if !right(reciprocals{six, global, 0}) && !right(reciprocals{six, global, 1}) && !right(reciprocals{six, global, -1}) {
			break
		}
		if !right(reciprocals{}) {
			inexact++
		}
	}
	return at, inexact
}

// quantAnswers are the matrices that a kernel must quantize right before it may quantize
// anything else: NVFP4 under ordinary global scales, under one whose reciprocal is
// subnormal and under a subnormal one, and MXFP4.
func quantAnswers() []layer.QuantJob {
	var all []layer.QuantJob
	for i, g := range []float32{1, 1234.5, 0x1p-10, 3e38, 1e-38} {
		all = append(all, layer.QuantJob{Format: fp4.NVFP4, Global: g, Rows: 80, Cols: 272, X: quantWords(uint64(i), 80, 272)})
	}
	return append(all, layer.QuantJob{Format: fp4.MXFP4, Global: 1, Rows: 160, Cols: 288, X: quantWords(9, 160, 288)})
}

// quantWords draws rows of eight kinds: near exponents; the same with NaN, infinities and
// zeros; multiples of a quarter, which an exact scale puts on ties; blocks whose scale is
// lost or subnormal; large ones, whose scale saturates; zeros of both signs and lone values;
// blocks of NaN; any exponent, with subnormal numbers.
func quantWords(seed uint64, rows, cols int) []uint16 {
	d := draw(seed*1000 + 77)
	w := make([]uint16, rows*cols)
	for i := range w {
		v := d.next()
		sign, frac, span := uint16(v)&0x8000, uint16(v)&0x7f, v>>32
		exp := func(low, n uint64) uint16 { return uint16(low+span%n) << 7 }
		switch i / cols % 8 {
		case 0:
			w[i] = sign | exp(120, 12) | frac
		case 1:
			w[i] = []uint16{sign, 0x7fc0, sign | 0x7f80}[min(v>>40%3, 2)]
			if v>>48%16 != 0 || i/64%4 == 0 {
				w[i] = sign | exp(122, 8) | frac
			}
		case 2:
			w[i] = sign | bf16Word(float32(v>>40%29)/4*float32(math.Ldexp(1, i/32%7-3)))
		case 3:
			w[i] = sign | exp(uint64(100+i/16%27), 3) | frac
		case 4:
			w[i] = sign | exp(uint64(132+i/16%16), 4) | frac
		case 5:
			w[i] = sign
			if v>>40%24 == 0 {
				w[i] |= exp(118, 12) | frac
			}
		case 6:
			w[i] = sign | 0x7fc0 | frac
			if i/32%2 == 0 {
				w[i] = sign | exp(126, 3) | frac
			}
		case 7:
			w[i] = sign | exp(uint64(i/32%8*30), uint64(1+i/cols/8%3)) | frac
		}
	}
	return w
}
