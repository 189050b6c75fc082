package exec

// Prepared answers prep, pad, shuffle and swizzle: a weight on its way to a kernel.
type Prepared struct {
	sealed
	Bind
	Subject     string     `json:"w"`      // what was prepared
	Kernel      string     `json:"kernel"` // empty for steps put together by hand
	Engine      string     `json:"engine,omitempty"`
	Doc         string     `json:"doc,omitempty"`
	Format      string     `json:"format"`
	N           int        `json:"n"`
	K           int        `json:"k"`
	PadN        int        `json:"padded_n"` // as the kernel is told
	PadK        int        `json:"padded_k"`
	Block       int        `json:"block"`
	Gated       bool       `json:"gated"`
	Steps       []PrepStep `json:"steps"`
	Undone      int        `json:"undone"` // steps of the kernel that are not done (steps=)
	CodesBytes  int64      `json:"codes_bytes"`
	ScalesBytes int64      `json:"scales_bytes"`
	Global      Float      `json:"global"`  // the factor that the kernel is given
	Rescale     Float      `json:"rescale"` // of the block scales, before they were re-encoded
	Lost        int64      `json:"lost_scales"`
	Activations string     `json:"activations,omitempty"`
	Output      string     `json:"output,omitempty"`
	Warnings    []string   `json:"warnings"`
}

// PrepStep is one step: what it required and what it changed.
type PrepStep struct {
	Name     string `json:"name"`
	Required string `json:"required"`
	Changed  string `json:"changed"`
	None     bool   `json:"nothing_to_do"`
	Before   int64  `json:"bytes_before"`
	After    int64  `json:"bytes_after"`
	Padded   Float  `json:"padded_share"` // elements added over those before
}

// Place answers whereis and at: one element in the file and in a prepared buffer.
// Offsets are -1 where there is no such place.
type Place struct {
	sealed
	Subject   string `json:"subject"`
	Kernel    string `json:"kernel,omitempty"`
	Padding   bool   `json:"padding"` // at: the offset holds no element; n and k are -1
	N         int    `json:"n"`
	K         int    `json:"k"`
	Block     int    `json:"block"`
	Code      int    `json:"code"`
	CodeValue Float  `json:"code_value"`
	Scale     int    `json:"scale"`
	ScaleV    Float  `json:"scale_value"`
	Deq       Float  `json:"deq"`
	File      string `json:"file,omitempty"`
	FileByte  int64  `json:"file_byte"` // absolute, in File
	FileHigh  bool   `json:"file_high"` // in the high nibble
	FileScale int64  `json:"file_scale_byte"`
	Byte      int64  `json:"byte"` // in the prepared codes
	High      bool   `json:"high"`
	ScaleByte int64  `json:"scale_byte"` // in the prepared scales
	Stored    int    `json:"stored"`     // the prepared scale byte, re-encoded where the kernel wants it; -1 none
	Row       int    `json:"row"`        // of the prepared codes, in rows of padded_k; -1 none
	Col       int    `json:"col"`
}

// Identified answers identify: the layouts that an unknown buffer could be in, best
// first.
type Identified struct {
	sealed
	Subject    string      `json:"subject"`
	Against    string      `json:"against,omitempty"` // the known layer; empty: by plausibility alone
	Candidates []Candidacy `json:"candidates"`
	Verdict    string      `json:"verdict"` // "trtllm", "ambiguous: …", "none fits"
}

// Candidacy is one layout tried.
type Candidacy struct {
	Codes       string   `json:"codes"`             // "shuffle128"; "linear = shuffle64" when this buffer cannot tell them apart
	Scales      string   `json:"scales"`            // "128x4", "128x4, 128x4"
	Kernels     []string `json:"kernels"`           // whose prepared buffers look like this
	Misfits     []Misfit `json:"misfits,omitempty"` // whose do but for the padding
	Ambiguous   bool     `json:"ambiguous"`
	Error       Float    `json:"rel_error"`    // of the dequantized weight against the known layer
	CodesWrong  Float    `json:"codes_wrong"`  // share of codes that are not the known layer's
	ScalesWrong Float    `json:"scales_wrong"` // share of scales
	Score       Float    `json:"score"`        // plausibility, 2 at best, without a known layer
	Exact       bool     `json:"exact"`
	Close       bool     `json:"close"` // not exact, and too little is wrong for another layout
	Weak        bool     `json:"weak"`  // no known layer to compare with
}

// Misfit is a group of kernels whose layout a buffer has at a size that they do not take.
type Misfit struct {
	Kernels []string `json:"kernels"`
	Needs   string   `json:"needs"` // "N×128 K×64"
	Why     string   `json:"why"`   // "1056 mod 128 = 32, 368 mod 64 = 48"
	Cure    string   `json:"cure"`
}

// Planned answers plan: what every rank's slice meets in every kernel.
type Planned struct {
	sealed
	Subject  string    `json:"subject"`
	Parallel string    `json:"parallel"` // "column" splits N, "row" splits K
	TP       int       `json:"tp"`
	N        int       `json:"n"`
	K        int       `json:"k"`
	Block    int       `json:"block"`
	Rows     []PlanRow `json:"kernels"`
	OK       int       `json:"ok"`
	Fail     int       `json:"fail"`
	NA       int       `json:"not_applicable"`
	Ruler    Ruler     `json:"ruler"`
	Notes    []string  `json:"notes"`
}

// PlanRow is one kernel with the slice of the worst rank.
type PlanRow struct {
	Kernel  string `json:"kernel"`
	Engine  string `json:"engine"`
	Needs   string `json:"needs"`
	Rank    int    `json:"rank"` // the first rank that fails; -1: all alike or none fails
	N       int    `json:"n"`    // of a rank
	K       int    `json:"k"`
	PadN    int    `json:"padded_n"`
	PadK    int    `json:"padded_k"`
	Bytes   int64  `json:"bytes"`
	Lost    Float  `json:"lost"`    // share of the bytes that is padding
	Verdict string `json:"verdict"` // "ok", "ok, pads", "FAIL", "n/a"
	Why     string `json:"why,omitempty"`
	Cure    string `json:"cure,omitempty"`
}

// Ruler is the split dimension drawn: rank edges, tile edges and what is padding.
type Ruler struct {
	Axis  string    `json:"axis"` // "n", "k"
	Size  int       `json:"size"`
	Edges []int     `json:"edges"` // where ranks begin, and the end
	Tile  int       `json:"tile"`  // rows of a tile, or elements of a block
	Cuts  []int     `json:"cuts"`  // edges that cut a block
	Ranks []Segment `json:"ranks"` // each rank's data and padding, for the kernel with the most padding
}

// Segment is one rank's stretch.
type Segment struct {
	Rank int `json:"rank"`
	From int `json:"from"`
	Data int `json:"data"`
	Pad  int `json:"pad"`
}

// Poisoned answers poison: whether any real output moves when the padding is filled.
type Poisoned struct {
	sealed
	Bind
	Subject string   `json:"subject"`
	With    string   `json:"with"`
	Codes   int64    `json:"codes_filled"` // nibbles of padding
	Scales  int64    `json:"scales_filled"`
	Backend string   `json:"backend"`
	X       string   `json:"x"`
	Outputs int64    `json:"outputs"`
	Moved   int64    `json:"moved"`
	NaN     int64    `json:"nan"`             // of the moved ones
	First   []int    `json:"first,omitempty"` // [m, n]
	Reads   []string `json:"reads"`           // what of the padding the kernel reads
}

// Kind methods: the names that stand in JSON.
func (Prepared) Kind() string   { return "prep" }
func (Place) Kind() string      { return "place" }
func (Identified) Kind() string { return "identify" }
func (Planned) Kind() string    { return "plan" }
func (Poisoned) Kind() string   { return "poison" }
