package gemm

import (
	"fmt"
	"slices"
	"strings"

	"fp4tui/inspect"
)

// Rounding is how an instruction turns its exact sum into the output word.
type Rounding uint8

const (
	RZFP32  Rounding = iota + 1 // toward zero to 24 significant bits
	RZE8M13                     // toward zero to 14 significant bits, in an FP32 word
	RNEFP16                     // to the nearest FP16 value, ties to even; c is FP16 too
)

// String names the rounding as the MMA-Sim paper does.
func (r Rounding) String() string {
	return [...]string{"invalid", "RZ-FP32", "RZ-E8M13", "RNE-FP16"}[r]
}

// precision is the number of significant bits that survive.
func (r Rounding) precision() int { return [...]int{0, 24, 14, 11}[r] }

// Instruction names one kind of tensor-core instruction on one architecture:
// {"mxf4nvf4.ue4m3", "sm100"}.
type Instruction struct{ Kind, Arch string }

// Params are the parameters of the truncated fused dot-product-add:
// L products and c are aligned to the largest exponent E, cut below 2^(E-F), added
// exactly, and rounded once by Rho. A longer K is a chain in ascending K.
type Params struct {
	L     int      // elements summed at once
	F     int      // bits kept below the largest exponent
	Group int      // elements summed exactly before their block scale applies; 1 for plain products
	Rho   Rounding // rounding of the sum to the output
	EZero int      // smallest alignment exponent: that of a zero term
	Step  int      // K of the smallest instruction: operand lengths are multiples of it
}

// Model is one row of the table with its kind resolved to operand types.
type Model struct {
	Instruction
	Params
	A, B       Element // operand types
	Acc        Element // type of the accumulator c and of the result: F32 or F16
	Source     string  // who published or measured these parameters
	Unverified string  // why nobody has checked this row on its hardware; empty when somebody has

	scale  scaleFormat
	blocks []int // block sizes that the scale operand may have
	rivals []rival
}

// kinds says what the operands of a kind are. Kinds whose operand types are free
// take them as a suffix, ".e5m2.e4m3" (a then b; one name serves both; e4m3 is assumed).
// acc is the type of c and d. Of two names that begin alike the longer stands first.
var kinds = []struct {
	name   string
	types  []Element // permitted operand types; the first is the default
	acc    Element
	scale  scaleFormat
	blocks []int
}{
	{"f16.f16out", []Element{F16}, F16, noScale, nil},
	{"f16", []Element{F16}, F32, noScale, nil},
	{"bf16", []Element{BF16}, F32, noScale, nil},
	{"tf32", []Element{TF32}, F32, noScale, nil},
	{"f8.f16out", []Element{E4M3, E5M2}, F16, noScale, nil},
	{"f8", []Element{E4M3, E5M2}, F32, noScale, nil},
	{"f8f6f4.f16out", []Element{E4M3, E5M2, E3M2, E2M3, E2M1}, F16, noScale, nil},
	{"f8f6f4", []Element{E4M3, E5M2, E3M2, E2M3, E2M1}, F32, noScale, nil},
	{"mxf8f6f4", []Element{E4M3, E5M2, E3M2, E2M3, E2M1}, F32, ue8m0, []int{32}},
	{"mxf4", []Element{E2M1}, F32, ue8m0, []int{32}},
	{"mxf4.k96", []Element{E2M1}, F32, ue8m0, []int{32}},
	{"mxf4nvf4.ue4m3", []Element{E2M1}, F32, ue4m3, []int{16}},
	{"mxf4nvf4.ue4m3.k96", []Element{E2M1}, F32, ue4m3, []int{16}},
	{"mxf4nvf4.ue8m0", []Element{E2M1}, F32, ue8m0, []int{32, 16}},
}

// The parameter sets, as in MMA-Sim's simulator (mmasim 2.1.1) and Tables 4 and 5
// of its paper.
var (
	volta16    = Params{L: 4, F: 23, Group: 1, Rho: RZFP32, EZero: -131, Step: 4}
	turing16   = Params{L: 8, F: 24, Group: 1, Rho: RZFP32, EZero: -132, Step: 8}
	ampere32   = Params{L: 4, F: 24, Group: 1, Rho: RZFP32, EZero: -132, Step: 4}
	ada8       = Params{L: 16, F: 13, Group: 1, Rho: RZE8M13, EZero: -132, Step: 16}
	hopper32   = Params{L: 8, F: 25, Group: 1, Rho: RZFP32, EZero: -133, Step: 4}
	hopper16   = Params{L: 16, F: 25, Group: 1, Rho: RZFP32, EZero: -133, Step: 8}
	hopper8    = Params{L: 32, F: 13, Group: 1, Rho: RZE8M13, EZero: -133, Step: 32}
	blackwell8 = Params{L: 32, F: 25, Group: 1, Rho: RZFP32, EZero: -133, Step: 32}
	geforce8   = Params{L: 32, F: 25, Group: 1, Rho: RZFP32, EZero: -133, Step: 16} // mma.sync has a K=16 shape

	// FP16 results: the same sums, a floor of their own.
	volta16h    = Params{L: 4, F: 23, Group: 1, Rho: RNEFP16, EZero: -19, Step: 4}
	turing16h   = Params{L: 8, F: 24, Group: 1, Rho: RNEFP16, EZero: -20, Step: 8}
	ada8h       = Params{L: 16, F: 13, Group: 1, Rho: RNEFP16, EZero: -20, Step: 16}
	hopper16h   = Params{L: 16, F: 25, Group: 1, Rho: RNEFP16, EZero: -21, Step: 8}
	hopper8h    = Params{L: 32, F: 13, Group: 1, Rho: RNEFP16, EZero: -21, Step: 32}
	blackwell8h = Params{L: 32, F: 25, Group: 1, Rho: RNEFP16, EZero: -21, Step: 32}
	geforce8h   = Params{L: 32, F: 25, Group: 1, Rho: RNEFP16, EZero: -21, Step: 16}

	// Block-scaled FP4.
	blackwell4  = Params{L: 64, F: 35, Group: 16, Rho: RZFP32, EZero: -139, Step: 64}
	blackwell96 = Params{L: 96, F: 35, Group: 16, Rho: RZFP32, EZero: -139, Step: 96}
)

// Who published or measured a row.
var (
	mmaSim   = source{"MMA-Sim 2.1.1", earlier}
	h100     = source{"MMA-Sim 2.1.1; confirmed on an H100", nil}
	bothSims = source{"MMA-Sim 2.1.1; sf-tensor/tcgen05 on a B200", sfTensor}
	thor     = source{"B200's rule; a community run matched 36,864 of 36,864 words on a Thor", sfTensor}
	b200Rule = source{"B200's row", sfTensor}
	rtxRule  = source{"sm120's row", earlier}
)

// Why some rows are unchecked.
const (
	not103  = "sm103: no published model was checked on a B300; B200's row is assumed"
	only103 = "sm103: the K=96 instruction has no published model; one sum of six groups of 16 is assumed"
	not110  = "sm110: nobody has checked this kind on a Thor; B200's row is assumed"
	not121  = "sm121: no published model was checked on a GB10; sm120's row (same family) is assumed"
)

// models is the table: one row for each kind of each architecture.
var models = []struct {
	arch, kind string
	Params
	source
	unverified string
}{
	{"sm70", "f16", volta16, mmaSim, ""},
	{"sm70", "f16.f16out", volta16h, mmaSim, ""},
	{"sm75", "f16", turing16, mmaSim, ""},
	{"sm75", "f16.f16out", turing16h, mmaSim, ""},
	{"sm80", "f16", turing16, mmaSim, ""},
	{"sm80", "f16.f16out", turing16h, mmaSim, ""},
	{"sm80", "bf16", turing16, mmaSim, ""},
	{"sm80", "tf32", ampere32, mmaSim, ""},
	{"sm86", "f16", turing16, mmaSim, ""},
	{"sm86", "f16.f16out", turing16h, mmaSim, ""},
	{"sm86", "bf16", turing16, mmaSim, ""},
	{"sm86", "tf32", ampere32, mmaSim, ""},
	{"sm89", "f16", turing16, mmaSim, ""},
	{"sm89", "f16.f16out", turing16h, mmaSim, ""},
	{"sm89", "bf16", turing16, mmaSim, ""},
	{"sm89", "tf32", ampere32, mmaSim, ""},
	{"sm89", "f8", ada8, mmaSim, ""},
	{"sm89", "f8.f16out", ada8h, mmaSim, ""},
	{"sm90", "f16", hopper16, h100, ""},
	{"sm90", "f16.f16out", hopper16h, h100, ""},
	{"sm90", "bf16", hopper16, h100, ""},
	{"sm90", "tf32", hopper32, h100, ""},
	{"sm90", "f8", hopper8, h100, ""},
	{"sm90", "f8.f16out", hopper8h, h100, ""},
	{"sm100", "f16", hopper16, bothSims, ""},
	{"sm100", "f16.f16out", hopper16h, mmaSim, ""},
	{"sm100", "bf16", hopper16, bothSims, ""},
	{"sm100", "tf32", hopper32, bothSims, ""},
	{"sm100", "f8", blackwell8, bothSims, ""},
	{"sm100", "f8.f16out", blackwell8h, bothSims, ""},
	{"sm100", "f8f6f4", blackwell8, bothSims, ""},
	{"sm100", "f8f6f4.f16out", blackwell8h, bothSims, ""},
	{"sm100", "mxf8f6f4", blackwell8, bothSims, ""},
	{"sm100", "mxf4", blackwell4, bothSims, ""},
	{"sm100", "mxf4nvf4.ue4m3", blackwell4, bothSims, ""},
	{"sm100", "mxf4nvf4.ue8m0", blackwell4, bothSims, ""},
	{"sm103", "f16", hopper16, b200Rule, not103},
	{"sm103", "f16.f16out", hopper16h, b200Rule, not103},
	{"sm103", "bf16", hopper16, b200Rule, not103},
	{"sm103", "tf32", hopper32, b200Rule, not103},
	{"sm103", "f8", blackwell8, b200Rule, not103},
	{"sm103", "f8.f16out", blackwell8h, b200Rule, not103},
	{"sm103", "f8f6f4", blackwell8, b200Rule, not103},
	{"sm103", "f8f6f4.f16out", blackwell8h, b200Rule, not103},
	{"sm103", "mxf8f6f4", blackwell8, b200Rule, not103},
	{"sm103", "mxf4", blackwell4, b200Rule, not103},
	{"sm103", "mxf4.k96", blackwell96, b200Rule, only103},
	{"sm103", "mxf4nvf4.ue4m3", blackwell4, b200Rule, not103},
	{"sm103", "mxf4nvf4.ue4m3.k96", blackwell96, b200Rule, only103},
	{"sm103", "mxf4nvf4.ue8m0", blackwell4, b200Rule, not103},
	{"sm110", "f16", hopper16, b200Rule, not110},
	{"sm110", "f16.f16out", hopper16h, b200Rule, not110},
	{"sm110", "bf16", hopper16, thor, ""},
	{"sm110", "tf32", hopper32, b200Rule, not110},
	{"sm110", "f8", blackwell8, b200Rule, not110},
	{"sm110", "f8.f16out", blackwell8h, b200Rule, not110},
	{"sm110", "f8f6f4", blackwell8, b200Rule, not110},
	{"sm110", "f8f6f4.f16out", blackwell8h, b200Rule, not110},
	{"sm110", "mxf8f6f4", blackwell8, thor, ""},
	{"sm110", "mxf4", blackwell4, b200Rule, not110},
	{"sm110", "mxf4nvf4.ue4m3", blackwell4, b200Rule, not110},
	{"sm110", "mxf4nvf4.ue8m0", blackwell4, b200Rule, not110},
	{"sm120", "f16", hopper16, mmaSim, ""},
	{"sm120", "f16.f16out", hopper16h, mmaSim, ""},
	{"sm120", "bf16", hopper16, mmaSim, ""},
	{"sm120", "tf32", hopper32, mmaSim, ""},
	{"sm120", "f8", geforce8, mmaSim, ""},
	{"sm120", "f8.f16out", geforce8h, mmaSim, ""},
	{"sm120", "f8f6f4", blackwell8, mmaSim, ""},
	{"sm120", "f8f6f4.f16out", blackwell8h, mmaSim, ""},
	{"sm120", "mxf8f6f4", blackwell8, mmaSim, ""},
	{"sm120", "mxf4", blackwell4, mmaSim, ""},
	{"sm120", "mxf4nvf4.ue4m3", blackwell4, mmaSim, ""},
	{"sm120", "mxf4nvf4.ue8m0", blackwell4, mmaSim, ""},
	{"sm121", "f16", hopper16, rtxRule, not121},
	{"sm121", "f16.f16out", hopper16h, rtxRule, not121},
	{"sm121", "bf16", hopper16, rtxRule, not121},
	{"sm121", "tf32", hopper32, rtxRule, not121},
	{"sm121", "f8", geforce8, rtxRule, not121},
	{"sm121", "f8.f16out", geforce8h, rtxRule, not121},
	{"sm121", "f8f6f4", blackwell8, rtxRule, not121},
	{"sm121", "f8f6f4.f16out", blackwell8h, rtxRule, not121},
	{"sm121", "mxf8f6f4", blackwell8, rtxRule, not121},
	{"sm121", "mxf4", blackwell4, rtxRule, not121},
	{"sm121", "mxf4nvf4.ue4m3", blackwell4, rtxRule, not121},
	{"sm121", "mxf4nvf4.ue8m0", blackwell4, rtxRule, not121},
}

// Instructions lists every row of the table, in its order.
func Instructions() []Instruction {
	all := make([]Instruction, len(models))
	for i, r := range models {
		all[i] = Instruction{Kind: r.kind, Arch: r.arch}
	}
	return all
}

// Lookup returns the model of a kind on an architecture ("sm_100" and "SM100" are
// "sm100"). The error is an *inspect.Fault of class ErrUnsupported whose text
// lists what exists: the kinds of that architecture, or the architectures.
func Lookup(kind, arch string) (Model, error) {
	m, err := lookupKind(kind)
	if err != nil {
		return Model{}, err
	}
	base, _ := splitKind(kind)
	arch = strings.ReplaceAll(strings.ToLower(arch), "_", "")
	for _, r := range models {
		if r.arch == arch && r.kind == base {
			m.Instruction = Instruction{Kind: kind, Arch: arch}
			m.Params, m.Source, m.Unverified, m.rivals = r.Params, r.who, r.unverified, r.rivals
			return m, nil
		}
	}
	return Model{}, noSuchRow(base, arch)
}

// noSuchRow explains which half of kind and arch to change.
func noSuchRow(kind, arch string) error {
	var archs, here, there []string
	for _, r := range models {
		if !slices.Contains(archs, r.arch) {
			archs = append(archs, r.arch)
		}
		if r.arch == arch {
			here = append(here, r.kind)
		}
		if r.kind == kind {
			there = append(there, r.arch)
		}
	}
	if here == nil {
		return fault(inspect.ErrUnsupported, fmt.Sprintf("no architecture %q", arch),
			"there are "+strings.Join(archs, ", "), "arch="+there[0])
	}
	return fault(inspect.ErrUnsupported, fmt.Sprintf("%s has no %s instruction", arch, kind),
		fmt.Sprintf("%s has %s; %s exists on %s", arch, strings.Join(here, ", "), kind, strings.Join(there, ", ")),
		"arch="+there[0])
}

// splitKind separates the operand-type suffix, ".e5m2.e4m3", from a kind.
func splitKind(kind string) (base string, types []string) {
	for _, k := range kinds {
		if kind == k.name {
			return kind, nil
		}
		if rest, ok := strings.CutPrefix(kind, k.name+"."); ok && len(k.types) > 1 {
			return k.name, strings.Split(rest, ".")
		}
	}
	return kind, nil
}

// lookupKind resolves the architecture-independent half of a model.
func lookupKind(kind string) (Model, error) {
	base, types := splitKind(kind)
	var names []string
	for _, k := range kinds {
		names = append(names, k.name)
		if k.name != base {
			continue
		}
		m := Model{A: k.types[0], B: k.types[0], Acc: k.acc, scale: k.scale, blocks: k.blocks}
		m.Kind = kind
		var okA, okB, given = true, true, len(types)
		if given > 0 {
			m.A, okA = namedElement(k.types, types[0])
			m.B, okB = namedElement(k.types, types[given-1])
		}
		if !okA || !okB || given > 2 {
			return Model{}, fault(inspect.ErrUnsupported, fmt.Sprintf("no operand types %q in kind %s", strings.Join(types, "."), base),
				fmt.Sprintf("its operands are %v", k.types), fmt.Sprintf("kind=%s.%s.%s", base, k.types[0], k.types[0]))
		}
		return m, nil
	}
	return Model{}, fault(inspect.ErrUnsupported, fmt.Sprintf("no kind %q", kind),
		"there are "+strings.Join(names, ", "), "kind=mxf4nvf4.ue4m3")
}

func namedElement(among []Element, name string) (Element, bool) {
	i := slices.IndexFunc(among, func(e Element) bool { return e.String() == name })
	if i < 0 {
		return 0, false
	}
	return among[i], true
}

// fault builds this package's errors: a class to act on and what, why, cure to read.
func fault(class error, what, why, cure string) error {
	return &inspect.Fault{Class: class, Offset: -1, What: what, Why: why, Cure: cure}
}
