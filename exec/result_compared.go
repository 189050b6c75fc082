package exec

// Compared answers gemm against=: how two backends differ on a layer. Sums are over outputs
// that are no NaN.
type Compared struct {
	sealed
	Bind
	X       string    `json:"x"`
	W       string    `json:"w"`
	Backend string    `json:"backend"`          // got
	Against string    `json:"against"`          // want
	Kernels [2]string `json:"kernels"`          // what ran
	Device  string    `json:"device,omitempty"` // that both ran on and were compared on; none: compared here
	Mode    string    `json:"mode"`
	Act     string    `json:"act"`
	Out     string    `json:"out"`
	Arch    string    `json:"arch"` // whose words a kernel that emulates returned
	M       int       `json:"m"`
	N       int       `json:"n"`
	Outputs int64     `json:"outputs"`
	Differ  int64     `json:"differ"` // words that are not the same
	NaN     int64     `json:"nan"`    // outputs where either side is
	MaxAbs  Float     `json:"max_abs"`
	At      [2]int    `json:"at"`     // first output of the cell that holds max_abs
	Step    int       `json:"step"`   // a cell has step × step outputs
	Cells   int       `json:"cells"`  // that hold a word that differs
	RMSE    Float     `json:"rmse"`   // of got - want
	RelL2   Float     `json:"rel_l2"` // over the norm of want
	Apart             // not of two kernels of a device: a certificate is of a product of emu
	Notes   []string  `json:"notes"`
}

// Kind is the value of "kind" in JSON.
func (Compared) Kind() string { return "compared" }
