package exec

// Result is what one command answers: plain bounded data that a renderer can lay
// out and JSON can carry. A whole tensor is never in a Result; export writes those.
// The set is closed: every kind has a renderer, a JSON form and a golden.
type Result interface {
	Kind() string // "diff": the value of "kind" in JSON
	result()
}

// sealed makes a struct a Result of this package.
type sealed struct{}

func (sealed) result() {}

// Bind is part of every result that made a handle.
type Bind struct {
	Handle string `json:"handle,omitempty"` // the name bound, empty when none
}

// Kinds lists every kind of result once, for the renderer table, the JSON schema and
// the test that all three agree.
func Kinds() []Result {
	return []Result{
		Opened{}, LayerList{}, LayerInfo{}, TensorInfo{}, Stats{}, Histogram{}, CodeUse{}, Dump{},
		LintReport{}, Quantized{}, Product{}, MMA{}, Diff{}, Heat{}, Worst{}, Matches{}, Element{}, Explained{},
		Check{}, Exported{}, Setting{}, Sourced{}, Snapshot{}, Note{}, Help{}, Undone{}, Quit{},
		Prepared{}, Place{}, Identified{}, Planned{}, Poisoned{}, Activations{}, Verdict{}, Diagnosed{},
		Backends{}, Compared{},
	}
}
