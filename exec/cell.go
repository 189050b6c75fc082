package exec

import "time"

// Cell is one executed command: the unit of log, notebook and JSON.
type Cell struct {
	Command string        // canonical form, handle included: "e = diff y r"
	Result  Result        // nil when the command failed
	Err     error         // nil, or why it failed; ErrCheckFailed comes with a Result
	Elapsed time.Duration // never part of canonical output
}
