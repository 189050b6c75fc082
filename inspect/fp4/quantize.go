package fp4

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// The two block-scaled formats, as QuantOptions.Format names them.
const (
	NVFP4 = "nvfp4" // blocks of 16, E4M3 scales, one float32 global scale
	MXFP4 = "mxfp4" // blocks of 32, E8M0 scales
)

// GlobalKind says where the global scale of a quantization comes from.
type GlobalKind uint8

const (
	GlobalDynamic GlobalKind = iota // from the tensor's own amax, by the recipe's rule
	GlobalNone                      // block scales alone: the recipe's arithmetic with a global of 1
	GlobalGiven                     // GlobalPolicy.Value
)

// GlobalPolicy chooses the global scale. The zero value is dynamic.
type GlobalPolicy struct {
	Kind  GlobalKind
	Value float32 // for GlobalGiven, in the recipe's own direction (see Recipe.Global)
}

// QuantOptions selects a quantizer.
type QuantOptions struct {
	Recipe string       // a Recipe.Name
	Format string       // NVFP4 or MXFP4
	Global GlobalPolicy // MXFP4 has none: GlobalDynamic and GlobalNone are the same there
	// InputBF16 says that the source is bfloat16: x is rounded to it first (which
	// changes nothing if it is), and a recipe that computes in the dtype of its
	// input then rounds its intermediate results to bfloat16.
	InputBF16 bool
}

// Recipe describes one quantizer.
type Recipe struct {
	Name    string
	Doc     string    // whose arithmetic it is, in one sentence
	Formats []string  // of NVFP4 and MXFP4
	Global  GlobalUse // direction of the global scale that it makes for NVFP4
}

// Recipes lists the quantizers, in alphabetical order.
func Recipes() []Recipe {
	list := make([]Recipe, 0, len(recipes))
	for _, r := range recipes {
		out := Recipe{Name: r.name, Doc: r.doc}
		if r.nvfp4 != nil {
			out.Formats = append(out.Formats, NVFP4)
			out.Global = r.nvfp4.use
		}
		if r.mxfp4 != nil {
			out.Formats = append(out.Formats, MXFP4)
		}
		list = append(list, out)
	}
	return list
}

// scheme is the arithmetic of one recipe for one format.
type scheme struct {
	block     int
	scaleType Format
	use       GlobalUse
	// global turns the tensor's amax into the stored global scale; nil if there is none.
	global func(amax float32, bf16 bool) float32
	// dropNaN says that the block's amax passes over NaN, unless there is nothing else.
	dropNaN bool
	// scale turns the block's amax into the stored scale and into what the elements
	// are to be divided or multiplied by.
	scale    func(amax float32, p pass) (code uint8, by float32)
	elements elements
}

// pass is what holds for a whole tensor.
type pass struct {
	global float32 // 1 when there is none
	single bool    // there is no global scale
	bf16   bool
}

// Quantize turns the rows×cols matrix x (row-major) into codes and scales, bit for
// bit as opt.Recipe does; see the recipe's Doc for where that is defined. The result
// is in logical order, low nibble first, its scales neither padded nor swizzled.
//
// Non-finite input is not an error: a NaN reaches the scale byte of its block, and
// with a dynamic global scale whatever the recipe makes of a NaN amax, unless the
// recipe itself ignores it (flashinfer-exact within a block). Where a library's
// result for NaN or infinity depends on the CPU that it runs on, the scale byte
// here is NaN.
//
// Errors are *Error of class ErrShape (len(x) is not rows·cols, nothing to
// quantize, cols not a multiple of the block), ErrRecipe or ErrGlobal.
func Quantize(x []float32, rows, cols int, opt QuantOptions) (Blocks, error) {
	s, err := find(opt)
	if err != nil {
		return Blocks{}, err
	}
	if err := checkInput(len(x), rows, cols, s.block); err != nil {
		return Blocks{}, err
	}
	b := Blocks{
		Rows: rows, Cols: cols, Block: s.block, Order: LowFirst, ScaleType: s.scaleType,
		Codes: make([]byte, len(x)/2), Scales: make([]byte, len(x)/s.block),
	}
	p := pass{global: 1, single: true, bf16: opt.InputBF16}
	if b.Global = s.globalScale(x, opt); b.Global.Use != NoGlobal {
		p.global, p.single = b.Global.Value, false
	}
	s.blocks(fastest, x, &b, p)
	return b, nil
}

// GlobalOf is the global scale that Quantize would give x by opt. Who quantizes elsewhere
// takes it from here. Errors are those of Quantize, of class ErrRecipe or ErrGlobal.
func GlobalOf(x []float32, opt QuantOptions) (GlobalScale, error) {
	s, err := find(opt)
	if err != nil {
		return GlobalScale{}, err
	}
	return s.globalScale(x, opt), nil
}

// chunk is how many blocks are quantized together: their values stay in the first cache.
const chunk = 128

// blocks fills codes and scales.
func (s *scheme) blocks(way path, x []float32, b *Blocks, p pass) {
	var rounded [32 * chunk]float32
	var by [chunk]float32
	e := s.elements
	if !p.single || !p.bf16 {
		e &^= roundsBF16
	}
	codes := b.Codes
	for scales := b.Scales; len(scales) > 0; {
		n := min(chunk, len(scales))
		in := x[:n*s.block]
		if p.bf16 {
			way.roundBF16(rounded[:], in)
			in = rounded[:len(in)]
		}
		way.amax(by[:n], in, s.block, s.dropNaN)
		for i, amax := range by[:n] {
			scales[i], by[i] = s.scale(amax, p)
		}
		way.encode(codes, in, by[:n], s.block, e)
		x, codes, scales = x[n*s.block:], codes[n*s.block/2:], scales[n:]
	}
}

// globalScale applies the policy.
func (s *scheme) globalScale(x []float32, opt QuantOptions) GlobalScale {
	if s.global == nil || opt.Global.Kind == GlobalNone {
		return GlobalScale{}
	}
	if opt.Global.Kind == GlobalGiven {
		return GlobalScale{s.use, opt.Global.Value}
	}
	amax := Amax(x)
	if opt.InputBF16 { // rounding is monotonic: the same as rounding every element first
		amax = RoundBF16(amax)
	}
	return GlobalScale{s.use, s.global(amax, opt.InputBF16)}
}

// Amax is the largest magnitude of x; NaN if there is a NaN, as torch.amax has it,
// and 0 for no elements.
func Amax(x []float32) float32 {
	var top [1]float32
	whole := len(x) &^ 15
	if whole > 0 {
		fastest.amax(top[:], x[:whole], whole, false)
	}
	return math.Float32frombits(max(math.Float32bits(top[0]), topMagnitude(x[whole:], false)))
}

// find returns the arithmetic that opt selects.
func find(opt QuantOptions) (*scheme, error) {
	i := slices.IndexFunc(recipes[:], func(r recipe) bool { return r.name == opt.Recipe })
	if i < 0 {
		return nil, &Error{ErrRecipe, fmt.Sprintf("unknown recipe %q", opt.Recipe), "", "one of " + recipeNames("")}
	}
	var s *scheme
	switch opt.Format {
	case NVFP4:
		s = recipes[i].nvfp4
	case MXFP4:
		s = recipes[i].mxfp4
	default:
		return nil, &Error{ErrRecipe, fmt.Sprintf("unknown format %q", opt.Format), "", "one of " + NVFP4 + ", " + MXFP4}
	}
	if s == nil {
		return nil, &Error{ErrRecipe, fmt.Sprintf("recipe %s does not make %s", opt.Recipe, opt.Format), "", "one of " + recipeNames(opt.Format)}
	}
	if s.global == nil && opt.Global.Kind == GlobalGiven {
		return nil, &Error{ErrGlobal, opt.Format + " with a global scale", "its block scales are all it has", "leave the global scale out"}
	}
	return s, nil
}

// recipeNames lists the recipes that make a format, or all.
func recipeNames(format string) string {
	var names []string
	for _, r := range Recipes() {
		if format == "" || slices.Contains(r.Formats, format) {
			names = append(names, r.Name)
		}
	}
	return strings.Join(names, ", ")
}

// checkInput refuses what has no blocks.
func checkInput(n, rows, cols, block int) error {
	switch {
	case rows <= 0 || cols <= 0:
		return &Error{ErrShape, fmt.Sprintf("cannot quantize %d×%d", rows, cols), "there is nothing in it", ""}
	case rows > math.MaxInt/cols || n != rows*cols:
		return &Error{ErrShape, fmt.Sprintf("%d values are not %d×%d", n, rows, cols), "", ""}
	case cols%block != 0:
		padded := (cols + block - 1) / block * block
		return &Error{ErrShape, fmt.Sprintf("cannot quantize %d×%d in blocks of %d", rows, cols, block),
			fmt.Sprintf("a row ends in a block of %d", cols%block), fmt.Sprintf("pad the columns with zeros to %d", padded)}
	}
	return nil
}
