package gemm

// Trace is everything that happened to one output: plain data for a renderer.
type Trace struct {
	Instruction
	Params
	A, B       Element // operand types
	Acc        Element // type of c and d
	Scale      string  // type of the block scales, "ue4m3" or "ue8m0"; empty without
	Source     string  // who published the parameters
	Unverified string  // why nobody checked this row on its hardware; empty when somebody did
	Corner     string  // set when published models disagree about this very result
	C, D       uint32  // words of type Acc before and after
	Steps      []Step  // one for each fused sum; a K beyond L is a chain of them
}

// Value is the number that D stands for.
func (t Trace) Value() float64 { return t.Acc.value(t.D) }

// Step is one fused sum: D = Rho(Σ Terms[i].Units · 2^Quantum).
type Step struct {
	First, Len int    // the elements k that take part: First … First+Len-1
	Special    string // why D was decided without arithmetic (NaN, infinity); empty otherwise, and then the rest holds
	Terms      []Term // the products or scaled groups in K order, then c
	E          int    // alignment exponent: the largest of EZero and every Term.Align that counts
	Quantum    int    // E - F: units below 2^Quantum are cut
	Sum        int64  // exact sum of all Units
	Rounded    bool   // the output rounding of Sum dropped bits
	C, D       uint32 // words before and after
}

// Term is one addend: its exact value is P·M·2^Exp.
type Term struct {
	First, Len int   // elements of the product or group; Len 0 is the accumulator c
	P          int64 // the signed product, or the exact integer sum of the products of a group; c's significand
	M          int64 // product of the two scale significands; 1 without scales
	Exp        int   // exponent of the unit of P·M
	Align      int   // exponent that takes part in E
	Counts     bool  // whether Align takes part: false for zero terms
	Units      int64 // P·M·2^Exp in units of 2^Quantum, cut toward zero
	Cut        bool  // the cut dropped bits
	SFA, SFB   uint8 // scale bytes, for kinds that have them
	negative   bool  // sign of the value, also of a zero; a group of mixed zeros is positive
}

// The words of special results.
const (
	wordNaN     = 0x7fffffff // what every tensor core returns for NaN
	wordInf     = 0x7f800000
	wordNegZero = 0x80000000
)
