package exec

// Opened answers load of a checkpoint.
type Opened struct {
	sealed
	Bind
	Path     string   `json:"path"`
	Files    int      `json:"files"`
	Tensors  int      `json:"tensors"`
	Bytes    int64    `json:"bytes"`
	Layers   int      `json:"layers"`
	Weights  int64    `json:"weights"`       // logical elements of all quantized layers
	Formats  []string `json:"formats"`       // distinct, sorted: "nvfp4"
	Producer []string `json:"producers"`     // distinct, sorted
	Faults   []Fault  `json:"faults"`        // the first few violations found while opening
	FaultsN  int      `json:"faults_total"`  // how many in all
	Damaged  int      `json:"damaged_files"` // files with at least one violation
}

// Fault is a violation in a file, ready to show: texts are safe for a terminal.
type Fault struct {
	Code   string `json:"code"` // "malformed", "missing", …
	File   string `json:"file,omitempty"`
	Tensor string `json:"tensor,omitempty"`
	Offset int64  `json:"offset"` // -1: none
	What   string `json:"what"`
	Why    string `json:"why,omitempty"`
	Cure   string `json:"cure,omitempty"`
}

// LayerList answers ls: the quantized layers of a checkpoint, at most Limit of them.
type LayerList struct {
	sealed
	Path   string     `json:"path"`
	Total  int        `json:"total"`  // layers that match
	Rows   []LayerRow `json:"layers"` // the first Limit of them, by name
	Limit  int        `json:"limit"`
	Others int        `json:"other_tensors"` // tensors that belong to no quantized layer
	BitsPW float64    `json:"bits_per_weight"`
	Health bool       `json:"health"` // scale statistics were read; otherwise the scale columns are unknown
}

// LayerRow is one line of the layer list.
type LayerRow struct {
	Name      string   `json:"name"`
	Producer  string   `json:"producer"`
	Format    string   `json:"format"`
	Mode      string   `json:"mode"`
	Experts   int      `json:"experts,omitempty"`
	N         int      `json:"n"`
	K         int      `json:"k"`
	Block     int      `json:"block"`
	BitsPW    float64  `json:"bits_per_weight"`
	Group     string   `json:"group,omitempty"` // fused group, "encoder.layer.0.attention.self q|k|v"
	ScaleP50  string   `json:"scale_p50,omitempty"`
	ScaleMax  string   `json:"scale_max,omitempty"`
	Saturated int64    `json:"saturated"`
	Subnormal int64    `json:"subnormal"`
	NaN       int64    `json:"nan"`
	Level     string   `json:"level"`    // "ok", "info", "warn", "bad"
	Findings  []string `json:"findings"` // short: "NaN scale 2", "q|k|v 1.8×"
	Original  bool     `json:"original"` // the unquantized weight is in an open checkpoint
}

// LayerInfo answers layer and info of a layer: the layer page.
type LayerInfo struct {
	sealed
	Bind
	Name       string     `json:"name"`
	Path       string     `json:"path"`
	Producer   string     `json:"producer"`
	Format     string     `json:"format"`
	Mode       string     `json:"mode"`
	Experts    int        `json:"experts,omitempty"`
	Expert     int        `json:"expert,omitempty"` // the one that scales and codes are of, from 0
	N          int        `json:"n"`
	K          int        `json:"k"`
	Block      int        `json:"block"`
	BitsPW     float64    `json:"bits_per_weight"`
	GlobalUse  string     `json:"global_use"` // "divisor", "multiplier", "none"
	Global     Float      `json:"global"`
	Multiplier Float      `json:"global_multiplier"`
	Amax       Float      `json:"implied_amax"` // what the global scale says the largest weight was
	InputUse   string     `json:"input_use"`    // "none": activations are not quantized
	Input      Float      `json:"input_global"`
	Tensors    []PartInfo `json:"tensors"`
	Health     []Pill     `json:"health"` // of the block scales
	Scales     ScaleBrief `json:"scales"`
	Codes      [16]int64  `json:"codes"` // count of each code
	Findings   []Finding  `json:"findings"`
	Group      []Shard    `json:"fused,omitempty"`    // the fused siblings, this one included
	SQNR       Float      `json:"sqnr_db"`            // against the original weight when it is loaded, else NaN
	Checked    int64      `json:"checked"`            // weights that SQNR is over: the first rows
	Original   string     `json:"original,omitempty"` // the command that binds the original
}

// PartInfo is one stored tensor of a layer.
type PartInfo struct {
	Role   string `json:"role"` // "codes", "scales", "global", "input_global", "bias"
	Name   string `json:"name"`
	DType  string `json:"dtype"`
	Shape  []int  `json:"shape"`
	Bytes  int64  `json:"bytes"`
	File   string `json:"file"`
	Offset int64  `json:"offset"` // absolute, in File
}

// Pill is one count of a health pill.
type Pill struct {
	Name  string  `json:"name"`
	Count int64   `json:"count"`
	Share float64 `json:"share"`
	Level string  `json:"level"`
}

// ScaleBrief sums up the block scales of a layer. By16 counts the codes by their high
// nibble (E4M3: one bin a power of two; E8M0: sixteen).
type ScaleBrief struct {
	Count  int64     `json:"count"`
	Min    Float     `json:"min"`
	P50    Float     `json:"p50"`
	P99    Float     `json:"p99"`
	Max    Float     `json:"max"`
	Binade []BinadeN `json:"by_power_of_two"`
}

// BinadeN counts the scales within one power of two.
type BinadeN struct {
	Exp   int   `json:"exp"`
	Count int64 `json:"count"`
}

// Shard is one member of a fused group.
type Shard struct {
	Name   string `json:"name"`
	Global Float  `json:"global"`
	Amax   Float  `json:"implied_amax"`
	Ratio  Float  `json:"ratio"` // implied amax over the largest of the group
}

// TensorInfo answers tensor, load of a plain file, randn, dequant and info of a tensor.
type TensorInfo struct {
	sealed
	Bind
	Name    string `json:"name"`
	Source  string `json:"source"` // "file x.npy", "randn seed=1", "dequant w"
	DType   string `json:"dtype"`
	Shape   []int  `json:"shape"`
	Min     Float  `json:"min"`
	Max     Float  `json:"max"`
	Mean    Float  `json:"mean"`
	NaN     int64  `json:"nan"`
	Inf     int64  `json:"inf"`
	Offset  int64  `json:"offset"` // -1 when not in a file
	File    string `json:"file,omitempty"`
	Rounded bool   `json:"rounded,omitempty"`
}

// Kind methods: the names that stand in JSON.
func (Opened) Kind() string     { return "opened" }
func (LayerList) Kind() string  { return "layers" }
func (LayerInfo) Kind() string  { return "layer" }
func (TensorInfo) Kind() string { return "tensor" }
