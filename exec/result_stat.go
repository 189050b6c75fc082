package exec

// Stats answers stat: a health pill and quantiles. Of says what was counted:
// "block scales", "codes", "values".
type Stats struct {
	sealed
	Subject string   `json:"subject"`           // canonical reference, "w.scale"
	Expert  int      `json:"expert,omitempty"`  // which of Experts, from 0
	Experts int      `json:"experts,omitempty"` // of the layer; none: not a mixture
	Of      string   `json:"of"`
	Count   int64    `json:"count"`
	Pill    []Pill   `json:"health"`
	Level   string   `json:"level"`
	Min     Float    `json:"min"`
	P1      Float    `json:"p1"`
	P50     Float    `json:"p50"`
	P99     Float    `json:"p99"`
	Max     Float    `json:"max"`
	Mean    Float    `json:"mean"`
	Std     Float    `json:"std"`
	Notes   []string `json:"notes"` // "block 9 and rows 992-1023 run high"
}

// Histogram answers hist. For scales there is one bin a code; for values the bins
// are linear or one a power of two.
type Histogram struct {
	sealed
	Subject string   `json:"subject"`
	Expert  int      `json:"expert,omitempty"`  // which of Experts, from 0
	Experts int      `json:"experts,omitempty"` // of the layer; none: not a mixture
	Of      string   `json:"of"`
	Axis    string   `json:"axis"`             // "code", "linear", "log2"
	Format  string   `json:"format,omitempty"` // of the codes: "E4M3", "E8M0"
	Count   int64    `json:"count"`
	Bins    []Bin    `json:"bins"` // only bins with a count, plus the empty ones between them
	Pill    []Pill   `json:"health"`
	Min     Float    `json:"min"`
	P1      Float    `json:"p1"`
	P50     Float    `json:"p50"`
	P99     Float    `json:"p99"`
	Max     Float    `json:"max"`
	KMean   []Float  `json:"k_block_means,omitempty"`   // mean scale of each K block
	NMean   []Float  `json:"row_group_means,omitempty"` // mean scale of each 32 rows
	Notes   []string `json:"notes"`
}

// Bin is one bar: values in [Lo, Hi), or exactly Lo when they are equal (a code).
type Bin struct {
	Code  int   `json:"code"` // -1 when the axis is not codes
	Lo    Float `json:"lo"`
	Hi    Float `json:"hi"`
	Count int64 `json:"count"`
}

// CodeUse answers codes: how the 16 E2M1 codes are used.
type CodeUse struct {
	sealed
	Subject  string    `json:"subject"`
	Expert   int       `json:"expert,omitempty"`  // which of Experts, from 0
	Experts  int       `json:"experts,omitempty"` // of the layer; none: not a mixture
	Count    int64     `json:"count"`
	Codes    [16]int64 `json:"codes"`
	Used     int       `json:"used"`
	Positive int64     `json:"positive"`
	Negative int64     `json:"negative"`
	BlockMax [8]int64  `json:"block_max"` // blocks by the largest magnitude code in them
	Blocks   int64     `json:"blocks"`
	Notes    []string  `json:"notes"`
}

// Dump answers bytes: raw bytes with their file offsets, by row of the tensor.
type Dump struct {
	sealed
	Subject string        `json:"subject"`
	File    string        `json:"file,omitempty"`
	Role    string        `json:"role"` // "codes", "scales", "raw"
	Rows    []DumpRow     `json:"rows"`
	Bytes   int64         `json:"bytes"`              // how many bytes the window holds
	Total   int64         `json:"total"`              // how many the tensor holds
	Values  []DumpElement `json:"elements,omitempty"` // decoded, when the window is one block of codes
}

// DumpRow is at most 16 bytes that lie together in one row of the tensor.
type DumpRow struct {
	Offset int64  `json:"offset"` // in File; in the buffer when there is no file
	Row    int    `json:"row"`
	Col    int    `json:"col"` // first logical column
	Hex    string `json:"hex"`
	From   []int  `json:"from,omitempty"` // of a prepared buffer: n·K + k of the first element of each byte, -1 padding
}

// DumpElement is one decoded element.
type DumpElement struct {
	N     int   `json:"n"`
	K     int   `json:"k"`
	Code  int   `json:"code"`
	Value Float `json:"value"`
	Scale Float `json:"scale"`
	Deq   Float `json:"deq"`
	Byte  int64 `json:"byte"`
	High  bool  `json:"high"`
}

// LintReport answers lint.
type LintReport struct {
	sealed
	Path     string    `json:"path"`
	Layers   int       `json:"layers"`
	Tensors  int       `json:"tensors"`
	Scales   int64     `json:"scales"`
	Findings []Finding `json:"findings"` // bounded; worst first
	Errors   int       `json:"errors"`
	Warnings int       `json:"warnings"`
	Infos    int       `json:"infos"`
}

// Finding is one broken rule.
type Finding struct {
	Severity string   `json:"severity"` // "error", "warn", "info"
	Rule     string   `json:"rule"`
	Layer    string   `json:"layer,omitempty"`
	Tensor   string   `json:"tensor,omitempty"`
	File     string   `json:"file,omitempty"`
	At       [][2]int `json:"at,omitempty"` // first coordinates [row, block]
	Count    int64    `json:"count"`
	What     string   `json:"what"`
	Effect   string   `json:"effect,omitempty"`
	Why      string   `json:"why,omitempty"`
	Cure     string   `json:"cure,omitempty"`
	Seen     string   `json:"seen,omitempty"`
}

// Kind methods: the names that stand in JSON.
func (Stats) Kind() string      { return "stats" }
func (Histogram) Kind() string  { return "histogram" }
func (CodeUse) Kind() string    { return "codes" }
func (Dump) Kind() string       { return "bytes" }
func (LintReport) Kind() string { return "lint" }
