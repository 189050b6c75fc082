package exec

// Quantized answers quant.
type Quantized struct {
	sealed
	Bind
	Subject   string `json:"subject"`
	Format    string `json:"format"`
	Recipe    string `json:"recipe"`
	By        string `json:"by,omitempty"`     // the kernel, where a recipe needs a device
	Device    string `json:"device,omitempty"` // that device
	Rows      int    `json:"rows"`
	Cols      int    `json:"cols"`
	Block     int    `json:"block"`
	GlobalUse string `json:"global_use"`
	Global    Float  `json:"global"`
	SQNR      Float  `json:"sqnr_db"` // of the dequantized result against the input
	MaxAbs    Float  `json:"max_abs"`
	Health    []Pill `json:"health"`
}

// Product answers gemm. Backend and Arch say who computed it.
type Product struct {
	sealed
	Bind
	X       string `json:"x"`
	W       string `json:"w"`
	Backend string `json:"backend"`
	Arch    string `json:"arch,omitempty"`
	By      string `json:"by,omitempty"`      // the kernel, where the backend chose one
	Device  string `json:"device,omitempty"`  // where it ran, when not here on the CPU
	Expert  int    `json:"expert,omitempty"`  // which of Experts, from 0
	Experts int    `json:"experts,omitempty"` // of the layer; none: not a mixture
	Mode    string `json:"mode"`
	Act     string `json:"act"`
	Out     string `json:"out"`
	XShape  []int  `json:"x_shape"`
	Shape   []int  `json:"shape"`
	Alpha   Float  `json:"alpha"` // NaN when it differs by row of x

	AlphaMin    Float      `json:"alpha_min,omitempty"` // over the rows, when it differs by row
	AlphaMax    Float      `json:"alpha_max,omitempty"`
	Factors     []Factor   `json:"factors"`                        // what alpha is the product of
	AlphaOf     string     `json:"alpha_of,omitempty"`             // as alpha= has it; none: the layer's own
	Order       string     `json:"order,omitempty"`                // as order= has it; none: sequential
	Epilogue    string     `json:"epilogue,omitempty"`             // as epilogue= has it; none: f32
	Bias        string     `json:"bias,omitempty"`                 // as bias= has it; none: not added
	Activations ActSummary `json:"activations,omitempty,omitzero"` // of w4a4

	Min  Float `json:"min"`
	Max  Float `json:"max"`
	NaN  int64 `json:"nan"`
	Inf  int64 `json:"inf"`
	Zero int64 `json:"zero"`

	Unwritten int64 `json:"unwritten,omitempty"` // outputs that still hold the guard of before the kernel; they are among NaN

	MACs  int64    `json:"macs"`
	Proof *Proof   `json:"proof,omitempty"` // the certificate; without one nothing is known
	Notes []string `json:"notes"`
}

// MMA answers mma: the result word of one instruction and every step to it.
type MMA struct {
	sealed
	Bits   string    `json:"d"` // eight hex digits, four of an FP16 result
	Value  Float     `json:"value"`
	Instr  string    `json:"instruction"` // "mxf4nvf4.ue4m3"
	Arch   string    `json:"arch"`
	K      int       `json:"k"`
	Source string    `json:"source"` // who published the model
	Notes  []string  `json:"notes"`  // rows and corners that nobody has verified
	Steps  []MMAStep `json:"steps"`
}

// MMAStep is one fused sum of the chain: d = round(Σ units · 2^quantum). Sums are
// decimal strings: they need 64 bits, which JSON readers do not all keep.
type MMAStep struct {
	K0      int       `json:"k0"` // first element
	Len     int       `json:"len"`
	C       string    `json:"c"`
	D       string    `json:"d"`
	Special string    `json:"special,omitempty"` // decided without arithmetic: NaN, infinity
	Exp     int       `json:"max_exponent"`
	Quantum int       `json:"quantum"`
	Sum     string    `json:"sum_units"`
	Rounded bool      `json:"rounded"` // the final rounding dropped bits
	Terms   []MMATerm `json:"terms"`
}

// MMATerm is one product, one group sum or the accumulator (len 0) of a step.
type MMATerm struct {
	K0    int    `json:"k0"`
	Len   int    `json:"len"`
	Dot   int64  `json:"dot"`   // signed product or integer dot product of a group
	Scale int64  `json:"scale"` // product of the scale significands; 1 without scales
	Exp   int    `json:"exponent"`
	Units string `json:"units"` // after truncation
	Cut   bool   `json:"cut"`   // truncation dropped bits
}

// Diff answers diff. Metrics are in the order of the metric table.
type Diff struct {
	sealed
	Bind
	Got        string   `json:"got"`
	Want       string   `json:"want"`
	GotBy      string   `json:"got_by"` // "emu sm100", "ref", "file x.npy"
	WantBy     string   `json:"want_by"`
	M          int      `json:"m"`
	N          int      `json:"n"`
	Shape      []int    `json:"shape"`
	Metrics    []Metric `json:"metrics"`
	ArgMax     [2]int   `json:"argmax"`
	Floor      Float    `json:"rel_floor"`             // max_rel is over elements with |want| above it
	Mismatched int64    `json:"mismatched"`            // elements that are not equal, NaN included
	NoiseAt    []int    `json:"noise_at,omitempty"`    // [m,n] of the metric noise; without it nothing is there
	NoiseLimit Float    `json:"noise_limit,omitempty"` // what the worst of a clean map of this size passes once in twenty
	Pattern    string   `json:"pattern,omitempty"`
	Notes      []string `json:"notes,omitempty"` // "got is all zeros"

	Bytes *BytesDiff `json:"bytes,omitempty"` // of two quantized matrices; the metrics are of their dequantized values
}

// BytesDiff says how two quantized matrices of one format differ as bytes. A step is a
// distance in the order of the codes: of neighbours 1, of 0 and -0 none.
type BytesDiff struct {
	Scales        int64 `json:"scales"` // block scales of a matrix
	ScalesDiffer  int64 `json:"scales_differ"`
	ScaleStep     int   `json:"scale_step"`   // the largest
	Codes         int64 `json:"codes"`        // in blocks whose scales are the same
	CodesDiffer   int64 `json:"codes_differ"` // of those
	CodeStep      int   `json:"code_step"`    // the largest
	Globals       bool  `json:"globals"`      // one of them has a global scale, or one a row
	GlobalsDiffer bool  `json:"globals_differ"`
}

// Metric is one named number of a diff.
type Metric struct {
	Name    string `json:"name"`
	Value   Float  `json:"value"`
	Integer bool   `json:"-"` // a count or a position: written without decimals
}

// Heat answers map: a two-dimensional reduction. A pixel covers RowStep × ColStep
// elements; Values are row-major H × W, NaN where there is no data.
type Heat struct {
	sealed
	Subject string    `json:"subject"`
	Expert  int       `json:"expert,omitempty"`  // which of Experts, from 0
	Experts int       `json:"experts,omitempty"` // of the layer; none: not a mixture
	Metric  string    `json:"metric"`            // "abs", "signed", "value", …
	Agg     string    `json:"agg"`               // "max", "mean", "count"
	RowAxis string    `json:"row_axis"`          // "m", "n"
	ColAxis string    `json:"col_axis"`          // "n", "k block"
	M       int       `json:"m"`                 // size of the whole map
	N       int       `json:"n"`
	Row0    int       `json:"row0"`
	Col0    int       `json:"col0"`
	RowStep int       `json:"row_step"`
	ColStep int       `json:"col_step"`
	H       int       `json:"h"`
	W       int       `json:"w"`
	Values  []Float32 `json:"values"`
	NaNs    []int32   `json:"nan_counts"`
	NaN     int64     `json:"nan"`                      // in the window
	Pads    []int32   `json:"padding_counts,omitempty"` // padding elements per pixel; none: no padding
	Pad     int64     `json:"padding,omitempty"`        // in the window
	Lo      Float     `json:"lo"`                       // colour range of the pixels: smallest non-zero …
	Hi      Float     `json:"hi"`                       // … and largest magnitude
	RowMax  []Float32 `json:"row_max"`                  // per pixel row
	ColMax  []Float32 `json:"col_max"`
	By      string    `json:"by,omitempty"` // who produced the numbers
}

// Worst answers top.
type Worst struct {
	sealed
	Subject string       `json:"subject"`
	By      string       `json:"by"`
	Total   int64        `json:"total"`
	Rows    []ErrorPoint `json:"rows"`
	Pattern string       `json:"pattern,omitempty"`
}

// ErrorPoint is one element of an error map, with the term of the sum that weighs
// most in it when the product's operands are known.
type ErrorPoint struct {
	M      int   `json:"m"`
	N      int   `json:"n"`
	Got    Float `json:"got"`
	Want   Float `json:"want"`
	Err    Float `json:"err"`
	Rel    Float `json:"rel"`
	ULP    Float `json:"ulp"`
	Noise  Float `json:"noise"` // |err| over its expected standard deviation
	Block  int   `json:"block"` // K block with the largest |x·w|; -1 unknown
	Scale  int   `json:"scale"` // its scale byte; -1 unknown
	ScaleV Float `json:"scale_value"`
	K      int   `json:"k"` // the element with the largest |x·w|
	Code   int   `json:"code"`
}

// Matches answers where.
type Matches struct {
	sealed
	Subject string       `json:"subject"`
	Metric  string       `json:"metric"`
	Op      string       `json:"op"`
	Bound   Float        `json:"bound"`
	Count   int64        `json:"count"`
	Total   int64        `json:"total"`
	Rows    []ErrorPoint `json:"rows"`   // the first few
	Groups  []Cluster    `json:"groups"` // where they gather
	Pattern string       `json:"pattern,omitempty"`
}

// Cluster is a row, a column or a run of columns (Lo to Hi-1) that holds many matches.
type Cluster struct {
	Axis  string  `json:"axis"` // "row", "column", "columns"
	Lo    int     `json:"lo"`
	Hi    int     `json:"hi"`
	Count int64   `json:"count"`
	Share float64 `json:"share"`
}

// Element answers info e[m,n]: one output element and the terms of its sum that
// weigh most.
type Element struct {
	sealed
	Subject string `json:"subject"`
	ErrorPoint
	GotBits  string  `json:"got_bits"`
	WantBits string  `json:"want_bits"`
	GotBy    string  `json:"got_by"`
	WantBy   string  `json:"want_by"`
	Terms    []Term  `json:"terms"`  // largest |x·w| first; empty when the operands are unknown
	Blocks   []Share `json:"blocks"` // contribution of each K block to got, largest first, bounded
	Others   int     `json:"other_terms"`
}

// Term is one product of the sum behind an output element.
type Term struct {
	K         int    `json:"k"`
	X         Float  `json:"x"`
	Code      int    `json:"code"`
	CodeValue Float  `json:"code_value"`
	Scale     int    `json:"scale"`
	ScaleV    Float  `json:"scale_value"`
	W         Float  `json:"w"` // dequantized
	Product   Float  `json:"product"`
	File      string `json:"file,omitempty"`
	Byte      int64  `json:"byte"` // file offset of the code; -1 unknown
	High      bool   `json:"high"`
	ScaleByte int64  `json:"scale_byte"`
}

// Share is what one K block adds.
type Share struct {
	Block int   `json:"block"`
	Sum   Float `json:"sum"`
	Scale int   `json:"scale"`
}

// Kind methods: the names that stand in JSON.
func (Quantized) Kind() string { return "quantized" }
func (Product) Kind() string   { return "gemm" }
func (MMA) Kind() string       { return "mma" }
func (Diff) Kind() string      { return "diff" }
func (Heat) Kind() string      { return "map" }
func (Worst) Kind() string     { return "top" }
func (Matches) Kind() string   { return "where" }
func (Element) Kind() string   { return "element" }
