package exec

// Backends answers gemm backend=all: who ran, and how far each two are apart.
type Backends struct {
	sealed
	Bind
	X     string        `json:"x"`
	W     string        `json:"w"`
	Mode  string        `json:"mode"`
	Act   string        `json:"act"`
	Out   string        `json:"out"`
	Shape []int         `json:"shape"`
	Proof *Proof        `json:"proof,omitempty"`
	Rows  []BackendRow  `json:"backends"` // in the order of help
	Pairs []BackendPair `json:"pairs"`    // those with a proven mismatch first
}

// Kind is the value of "kind" in JSON.
func (Backends) Kind() string { return "backends" }

// What became of a backend.
const (
	backendRan    = "ran"
	backendFailed = "failed" // it began, and something went wrong there
	backendAbsent = "absent" // not built, no such device, not for this layer
)

// BackendRow is one backend of many.
type BackendRow struct {
	Name      string   `json:"name"`
	Attr      string   `json:"attribute"` // of the handle
	Status    string   `json:"status"`    // "ran", "failed", "absent"
	By        string   `json:"by,omitempty"`
	Device    string   `json:"device,omitempty"` // where, when not here on the CPU
	Why       string   `json:"why,omitempty"`    // it did not run
	Cure      string   `json:"cure,omitempty"`
	NaN       int64    `json:"nan"`
	Inf       int64    `json:"inf"`
	Zero      int64    `json:"zero"`
	Unwritten int64    `json:"unwritten"` // outputs that still hold the guard
	Notes     []string `json:"notes"`
}

// BackendPair is two backends against each other.
type BackendPair struct {
	Got        string `json:"got"`
	Want       string `json:"want"`
	MaxAbs     Float  `json:"max_abs"`
	At         [2]int `json:"argmax"`
	RelL2      Float  `json:"rel_l2"`
	Mismatched int64  `json:"mismatched"`
	Elements   int64  `json:"elements"`
	Apart
}

// Apart is what a certificate says of two products of the same operands.
type Apart struct {
	Certified      bool  `json:"certified"` // a certificate speaks of both; else nothing is known
	Proven         int64 `json:"proven"`
	ProvenMismatch int64 `json:"proven_mismatch"` // above 0 one of the two has a bug
}

// Portable says that a backend is the same on every machine: a notebook keeps what it
// returned.
func (r BackendRow) Portable() bool { return portable(r.Name) }

// Portable says the same of both.
func (p BackendPair) Portable() bool { return portable(p.Got) && portable(p.Want) }

func portable(backend string) bool { return backend == "ref" || backend == "emu" }
