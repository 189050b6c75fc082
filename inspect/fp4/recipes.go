package fp4

import "math"

// recipe is one row of the table of quantizers.
type recipe struct {
	name, doc    string
	nvfp4, mxfp4 *scheme // nil when the recipe has none
}

// FlashinferExact is the recipe of flashinfer's kernel with IEEE division, which a GPU's own
// approximate reciprocal is measured against: where there is no GPU, errors name it.
const FlashinferExact = "flashinfer-exact"

// recipes is the one table. A new quantizer is a row and the arithmetic that it needs.
var recipes = [...]recipe{
	{
		name: "compressed-tensors",
		doc:  "compressed-tensors and llm-compressor on a CPU, min-max observer, arithmetic in the dtype of the weights; global scale divides, MXFP4 scale rounds amax up from 1.75·2^e",
		nvfp4: &scheme{block: 16, scaleType: E4M3, use: Divides,
			global: ctGlobal, scale: ctScale, elements: divides | roundsBF16 | plusZero | nanIsZero},
		mxfp4: &scheme{block: 32, scaleType: E8M0, scale: ctScaleMX, elements: divides | roundsBF16 | plusZero | nanIsZero},
	},
	{
		name: FlashinferExact,
		doc:  "flashinfer's and TransformerEngine's quantization kernel with IEEE division (fast math off); global scale divides; MXFP4 by flashinfer's kernel with 1/6 rounded to nearest, scale rounded up to a power of two",
		nvfp4: &scheme{block: 16, scaleType: E4M3, use: Divides, dropNaN: true,
			global: encodeGlobal, scale: flashinferScale},
		mxfp4: &scheme{block: 32, scaleType: E8M0, dropNaN: true, scale: flashinferScaleMX},
	},
	{
		name: "modelopt",
		doc:  "NVIDIA ModelOpt, dynamic path; global scale multiplies, all-zero NVFP4 blocks get scale 1, MXFP4 rounds ties toward zero and +0 to code 8",
		nvfp4: &scheme{block: 16, scaleType: E4M3, use: Multiplies,
			global: decodeGlobal, scale: modeloptScale, elements: divides | plusZero},
		mxfp4: &scheme{block: 32, scaleType: E8M0, scale: modeloptScaleMX, elements: divides | tiesDown},
	},
	{
		name:  "ocp",
		doc:   "OCP MX 1.0: scale 2^(floor(log2 amax)-2), elements to nearest even, saturated",
		mxfp4: &scheme{block: 32, scaleType: E8M0, scale: ocpScale, elements: divides},
	},
	{
		name: "torchao",
		doc:  "torchao, two-level NVFP4 (block scales at least 2^-6; global scale multiplies) and MXFP4 in the mode of its inference configs, RCEIL",
		nvfp4: &scheme{block: 16, scaleType: E4M3, use: Multiplies,
			global: decodeGlobal, scale: torchaoScale},
		mxfp4: &scheme{block: 32, scaleType: E8M0, scale: torchaoScaleMX},
	},
	{
		name: "vllm",
		doc:  "vLLM's NVFP4 emulation in PyTorch operations; global scale divides, -0 becomes code 0",
		nvfp4: &scheme{block: 16, scaleType: E4M3, use: Divides,
			global: torchGlobal, scale: vllmScale, elements: plusZero},
	},
}

const (
	range32  = 448 * 6 // E4M3's largest times E2M1's: what the tensor's amax is mapped to
	sixth    = float32(1.0 / 6.0)
	tiny32   = 0x1p-126 // smallest normal float32
	zeroHalf = 0x20     // 0.125: what compressed-tensors puts in place of a zero scale
)

// isNaN spares the conversion to float64 that math.IsNaN asks for.
func isNaN(x float32) bool { return x != x }

func isInf(x float32) bool { return math.IsInf(float64(x), 0) }

// e4m3 is the byte of a scale: nearest even, saturated, NaN 0x7f. It is E4M3.EncodeSat for
// hot loops. Below 2^-6 the step is 2^-9, to which an addition rounds; above, three
// fraction bits stay, and a carry out of them is one into the exponent.
func e4m3(x float32) uint8 {
	const most, normal, infinity = 0x43e00000, 0x3c800000, 0x7f800000 // 448, 2^-6
	bits := math.Float32bits(x)
	a := bits &^ (1 << 31)
	if a > infinity {
		return 0x7f
	}
	sign := uint8(bits >> 24 & 0x80)
	if a = min(a, most); a < normal {
		return sign | uint8(math.Float32bits(math.Float32frombits(a)+0x1p14))
	}
	return sign | uint8((a+0x7ffff+a>>20&1)>>20-(127-7)<<3)
}

// clamp bounds x and lets NaN through, as torch.clamp does.
func clamp(x, low, high float32) float32 {
	switch {
	case x < low:
		return low
	case x > high:
		return high
	}
	return x
}

// decodeGlobal is the multiplier amax/2688 of ModelOpt and torchao. An all-zero
// tensor gives 0, and with it NaN block scales: so do they.
func decodeGlobal(amax float32, _ bool) float32 { return amax / range32 }

// encodeGlobal is TransformerEngine's divisor 2688/amax: at most the largest float32,
// and 1 for a tensor of zeros or with infinities.
func encodeGlobal(amax float32, _ bool) float32 {
	if amax == 0 || isInf(amax) {
		return 1
	}
	return clamp(range32/amax, 0, math.MaxFloat32)
}

// ctGlobal is generate_gparam: 1 where the quotient is not finite. PyTorch computes a
// number divided by a tensor as reciprocal times number, each step rounded to the
// tensor's dtype, so this is up to an ulp off 2688/amax: a bfloat16 one for
// bfloat16 weights.
func ctGlobal(amax float32, bf16 bool) float32 {
	g := 1 / clamp(amax, tiny32, float32(math.Inf(1)))
	if bf16 {
		g = RoundBF16(g)
	}
	g *= range32
	if bf16 {
		g = RoundBF16(g)
	}
	if isNaN(g) || isInf(g) {
		return 1
	}
	return g
}

// ctScale divides in the dtype of the weights; the product with the float32 global
// scale is float32.
func ctScale(amax float32, p pass) (uint8, float32) {
	s := amax / 6
	if p.bf16 {
		s = RoundBF16(s)
	}
	code := e4m3(float32(p.global * s))
	if code == 0 {
		code = zeroHalf
	}
	return code, DecodeE4M3(code) / p.global
}

// ctScaleMX adds half an E2M1 step to amax and truncates to a power of two, on the
// bits. A carry beyond the largest exponent, infinity and NaN are all infinite to it.
func ctScaleMX(amax float32, _ pass) (uint8, float32) {
	exp := int((math.Float32bits(amax) + 1<<21) >> 23)
	if exp >= 0xff {
		return 0xff, float32(math.Inf(1))
	}
	return powerOfTwo(exp - 2)
}

// powerOfTwo returns the E8M0 code, at least 0, and its value.
func powerOfTwo(code int) (uint8, float32) {
	c := uint8(max(code, 0))
	return c, DecodeE8M0(c)
}

// modeloptScale never lets a scale be zero: an all-zero block has 1, the rest at
// least the smallest E4M3 subnormal.
func modeloptScale(amax float32, p pass) (uint8, float32) {
	s := amax / float32(6*p.global)
	if s == 0 {
		s = 1
	}
	code := e4m3(clamp(s, 0x1p-9, 448))
	return code, float32(DecodeE4M3(code) * p.global)
}

// modeloptScaleMX is ceil(log2(amax/6)) with a float32 logarithm.
func modeloptScaleMX(amax float32, _ pass) (uint8, float32) {
	if isNaN(amax) || isInf(amax) {
		return 0xff, amax
	}
	return powerOfTwo(ceilLog2(amax/6) + 127)
}

// ceilLog2 is ceil(log2(x)) for x >= 0 where log2 is rounded to float32 before the
// ceiling, as in torch: log2 of a value just above 2^k rounds to k itself when k is
// large, because float32 cannot hold k plus so little. Zero and all up to 2^-127
// give -127.
func ceilLog2(x float32) int {
	m, e := split(x)
	if m == 0 {
		return -127
	}
	k, excess := e+23, m-1<<23
	if excess > logSlack(k) {
		k++
	}
	return max(k, -127)
}

// logSlack is the largest n for which log2(2^k·(1+n·2^-23)) rounds to k in float32.
// With log2(1+n·2^-23) = n·2^-23/ln 2 to first order, n/ln 2 has to stay below half
// a float32 step at k, in units of 2^-23. Below a negative power of two the step
// toward zero is half as large.
func logSlack(k int) uint32 {
	a := k
	if k < 0 {
		a = -k - 1
		if a == 0 {
			return 0
		}
	}
	switch {
	case a >= 64:
		return 22 // 32·ln 2
	case a >= 32:
		return 11
	case a >= 16:
		return 5
	case a >= 8:
		return 2
	case a >= 4:
		return 1
	}
	return 0
}

// ocpScale is floor(log2(amax)) minus the exponent of E2M1's largest power of two.
func ocpScale(amax float32, _ pass) (uint8, float32) {
	if isNaN(amax) {
		return 0xff, amax
	}
	return powerOfTwo(int(math.Float32bits(amax)>>23) - 2)
}

// torchaoScale keeps block scales out of E4M3's subnormals.
func torchaoScale(amax float32, p pass) (uint8, float32) {
	s := amax / 6
	if !p.single {
		s /= p.global
	}
	code := e4m3(clamp(s, 0x1p-6, 448))
	return code, float32(1/p.global) / DecodeE4M3(code)
}

// torchaoScaleMX rounds amax/6 up to a power of two. Its reciprocal is exact, but for
// scale code 0 the elements are left unscaled, and so all become zeros.
func torchaoScaleMX(amax float32, _ pass) (uint8, float32) {
	switch {
	case isNaN(amax):
		return 0xff, amax
	case isInf(amax):
		return 0xfe, 0x1p-127
	}
	code, _ := powerOfTwo(ceilLog2(amax/6) + 127)
	if code == 0 {
		return 0, 1
	}
	return code, DecodeE8M0(254 - code)
}

// flashinferScale folds the division by 6 into the global scale. Where the block
// scale underflows to 0 the reciprocal is bounded, and the codes saturate.
func flashinferScale(amax float32, p pass) (uint8, float32) {
	code := e4m3(amax * float32(p.global*sixth))
	by := 1 / float32(DecodeE4M3(code)*float32(1/p.global))
	if isNaN(by) || by > math.MaxFloat32 {
		by = math.MaxFloat32
	}
	return code, by
}

// flashinferScaleMX is the E8M0 rule of flashinfer 0.7.4 (csrc, quantization_utils.cuh),
// restated: amax times 1/6, up to the next power of two, saturated at 2^127; elements by
// the exact inverse of it. The kernel takes the GPU's approximate 1/6, here it is the
// nearest float32. Its inverse of the smallest scale and of those from 2^127 on is zero, so
// that such blocks lose their elements and an infinity becomes NaN, +6.
func flashinferScaleMX(amax float32, _ pass) (uint8, float32) {
	code := uint8(E8M0.EncodeSat(float32(amax*sixth), Up))
	if code == 0 || code >= 254 {
		return code, 0
	}
	return code, DecodeE8M0(254 - code)
}

// torchGlobal is encodeGlobal as a PyTorch caller of vLLM writes it, 2688/amax with a
// tensor below: reciprocal times number.
func torchGlobal(amax float32, _ bool) float32 {
	if amax == 0 || isInf(amax) {
		return 1
	}
	return clamp(range32*float32(1/amax), 0, math.MaxFloat32)
}

// vllmScale guards its reciprocals with 1/(x+1e8) for x = 0.
func vllmScale(amax float32, p pass) (uint8, float32) {
	code := e4m3(p.global * float32(amax*sixth))
	return code, guardedReciprocal(float32(DecodeE4M3(code) * guardedReciprocal(p.global)))
}

func guardedReciprocal(x float32) float32 {
	if x == 0 {
		x = 1e8
	}
	return 1 / x
}
