package exec

// Check answers expect. A failed check is a result, not an error: it has numbers to
// show. Session.Run returns it together with ErrCheckFailed.
type Check struct {
	sealed
	Expr       string      `json:"expr"`
	Why        string      `json:"why,omitempty"`
	OK         bool        `json:"ok"`
	Terms      []CheckTerm `json:"terms"`
	At         []int       `json:"at,omitempty"`         // worst index, when a diff is in the expression
	Mismatched float64     `json:"mismatched,omitempty"` // share of elements that differ
	Pattern    string      `json:"pattern,omitempty"`
}

// CheckTerm is one comparison of the expression.
type CheckTerm struct {
	Text    string `json:"text"` // "e.max_abs < 0.001"
	OK      bool   `json:"ok"`
	Negate  bool   `json:"negate,omitempty"` // below a not: OK when it does not hold
	Name    string `json:"name"`             // left side as written
	Actual  Float  `json:"actual"`
	Op      string `json:"op"`
	Bound   Float  `json:"bound"`
	Margin  Float  `json:"margin"`  // actual over bound (or bound over actual), 437 = 437× over
	Passing Float  `json:"passing"` // the smallest (largest) bound that would pass
}

// Exported answers export.
type Exported struct {
	sealed
	Path  string `json:"path"`
	What  string `json:"what"` // "tensor bf16 128×1536", "notebook, 12 cells"
	Bytes int64  `json:"bytes"`
	Next  string `json:"next,omitempty"` // "fp4tui replay tour.fp4.md"
}

// Setting answers set, let and alias: what stands now.
type Setting struct {
	sealed
	Bind
	What  string      `json:"what"` // "set", "let", "alias"
	Items []NamedText `json:"items"`
}

// NamedText is a name and its value.
type NamedText struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// Sourced answers source: the cells that ran.
type Sourced struct {
	sealed
	Path   string `json:"path"`
	Cells  []Cell `json:"-"`
	Ran    int    `json:"ran"`
	Failed int    `json:"failed"`
}

// Snapshot answers snap: one screen as text.
type Snapshot struct {
	sealed
	View   string   `json:"view"`
	Width  int      `json:"width"`
	Height int      `json:"height"`
	Lines  []string `json:"lines"`
}

// Note answers note.
type Note struct {
	sealed
	Text string `json:"text"`
}

// Help answers help.
type Help struct {
	sealed
	Topic    string     `json:"topic,omitempty"`
	Usage    string     `json:"usage,omitempty"`
	Text     string     `json:"text,omitempty"`
	Items    []HelpItem `json:"items"`
	Examples []string   `json:"examples,omitempty"`
}

// HelpItem is a verb, an operand or a key with its line of explanation.
type HelpItem struct {
	Group   string `json:"group,omitempty"` // heading of a verb; type of an operand or a key
	Name    string `json:"name"`
	Text    string `json:"text"`
	Default string `json:"default,omitempty"`
}

// Undone answers undo.
type Undone struct {
	sealed
	Command string `json:"command"` // the command that was taken back
	Left    int    `json:"left"`    // commands still recorded
}

// Quit answers quit.
type Quit struct {
	sealed
	Unsaved int `json:"unsaved"`
}

// Kind methods: the names that stand in JSON.
func (Check) Kind() string    { return "check" }
func (Exported) Kind() string { return "exported" }
func (Setting) Kind() string  { return "setting" }
func (Sourced) Kind() string  { return "source" }
func (Snapshot) Kind() string { return "snap" }
func (Note) Kind() string     { return "note" }
func (Help) Kind() string     { return "help" }
func (Undone) Kind() string   { return "undo" }
func (Quit) Kind() string     { return "quit" }
