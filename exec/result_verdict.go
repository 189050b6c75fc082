package exec

// Verdict answers verdict: noise, or the structure that stands out.
type Verdict struct {
	sealed
	Bind
	Subject   string         `json:"subject"`
	Of        string         `json:"of"`     // "product", "weight", "arithmetic": what the error is of
	Format    string         `json:"format"` // "nvfp4", "mxfp4"; empty when the operands have none in common
	Normal    bool           `json:"normal"`
	Verdict   string         `json:"verdict"` // "normal NVFP4 noise", or what stands out most
	Where     string         `json:"where,omitempty"`
	M         int            `json:"m"`
	N         int            `json:"n"`
	Ratio     Float          `json:"ratio"` // energy of the error over that expected from scales and codes
	SQNR      Float          `json:"sqnr_db"`
	Expected  Float          `json:"expected_sqnr_db"`
	Gain      Float          `json:"gain"`  // got times this is closest to want
	Noise     Float          `json:"noise"` // the worst error over its σ
	NoiseAt   [2]int         `json:"noise_at"`
	Limit     Float          `json:"noise_limit"`
	Tests     int            `json:"tests"`
	Alarm     Float          `json:"false_alarm"` // probability that a clean error fails any test
	Findings  []StandsOut    `json:"findings"`    // the most telling first
	Cause     string         `json:"cause,omitempty"`
	Explained Float          `json:"explained"` // share of the error that the cause explains; NaN without
	Command   string         `json:"command,omitempty"`
	Causes    []KnownMistake `json:"causes"` // the best few
}

// StandsOut is one test that failed.
type StandsOut struct {
	Test    string `json:"test"`
	What    string `json:"what"`
	Where   string `json:"where"`
	Value   Float  `json:"value"` // of the statistic
	Bound   Float  `json:"bound"` // that chance does not pass
	Effect  Float  `json:"effect"`
	Axis    string `json:"axis,omitempty"`   // "m", "n", "k", "block", "scale"
	Period  int    `json:"period,omitempty"` // of a residue class
	Index   []int  `json:"index"`            // rows, columns or residues, bounded
	Remark  bool   `json:"remark"`           // worth saying, but no bug by itself
	Command string `json:"command"`          // that shows it
}

// Diagnosed answers diagnose: known mistakes by how much of the error they explain.
type Diagnosed struct {
	sealed
	Bind
	Subject string         `json:"subject"`
	X       string         `json:"x"`
	W       string         `json:"w"`
	Plain   string         `json:"plain"` // how x was taken in the best prediction without a mistake
	Error   Float          `json:"rel_error"`
	Clean   bool           `json:"clean"` // the output is what x and w make
	Verdict string         `json:"verdict"`
	Causes  []KnownMistake `json:"causes"`
	Tried   int            `json:"tried"`
	Rows    int            `json:"sample_rows"`
	Cols    int            `json:"sample_columns"`
}

// KnownMistake is one row of a diagnosis.
type KnownMistake struct {
	Family    string `json:"family"`
	Name      string `json:"name"`
	Explained Float  `json:"explained"` // of the squared error
	RelError  Float  `json:"rel_error"` // left when it is taken into account
	Command   string `json:"command"`   // that applies it or shows it
}

// Kind methods: the names that stand in JSON.
func (Verdict) Kind() string   { return "verdict" }
func (Diagnosed) Kind() string { return "diagnose" }
