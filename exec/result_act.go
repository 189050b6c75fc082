package exec

// Factor is one factor of an alpha, or a global scale, and where it came from.
type Factor struct {
	Name       string `json:"name"` // "x.global", "w.global", "alpha"
	Value      Float  `json:"value"`
	Direction  string `json:"direction"` // "divisor", "multiplier"
	Multiplier Float  `json:"multiplier"`
	Origin     string `json:"origin"`           // "stored", "448·6/amax(x)", …
	Tensor     string `json:"tensor,omitempty"` // the stored tensor it was read from
	File       string `json:"file,omitempty"`   // that holds Tensor
}

// ActSummary is what quantizing the activations of a product did to them.
type ActSummary struct {
	Policy    string `json:"policy"`       // as act= has it
	Per       string `json:"per"`          // as actper= has it
	Format    string `json:"scale_format"` // of the block scales: "E4M3"
	Global    bool   `json:"global"`       // the format has a global scale; else the encode scales are 1
	EncodeMin Float  `json:"encode_min"`   // smallest encode scale over the rows of x
	EncodeMax Float  `json:"encode_max"`
	Blocks    int64  `json:"blocks"`
	Zero      int64  `json:"zero_scale"` // blocks whose scale is zero …
	Lost      int64  `json:"lost"`       // … though they held values that are not
	NaN       int64  `json:"nan_scale"`
	Saturated int64  `json:"saturated"` // blocks at the largest finite scale
	Elements  int64  `json:"elements"`
	Clipped   int64  `json:"clipped"`    // elements above 7 times their scale: no rounding, cut off
	Flushed   int64  `json:"flushed"`    // elements that became zero and were not
	NonFinite int64  `json:"non_finite"` // NaN and infinities of x
	SQNR      Float  `json:"sqnr_db"`    // of the quantized activations against x
	Level     string `json:"level"`      // "ok", "warn", "bad"
	Verdict   string `json:"verdict,omitempty"`
}

// Activations answers info of y.act: what became of the activations, and alpha.
type Activations struct {
	sealed
	Subject string `json:"subject"`
	X       string `json:"x"`
	By      string `json:"by"`
	ActSummary
	Scales   []Bin    `json:"scales"` // by scale byte; bytes that do not occur are left out
	Alpha    Float    `json:"alpha"`  // NaN when it differs by row
	AlphaMin Float    `json:"alpha_min"`
	AlphaMax Float    `json:"alpha_max"`
	Factors  []Factor `json:"factors"`
}

// Kind is the name that stands in JSON.
func (Activations) Kind() string { return "activations" }
