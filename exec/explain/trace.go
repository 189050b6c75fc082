package explain

import (
	"cmp"
	"slices"

	"fp4tui/exec/gemm"
)

// Trace is the accumulator along its instructions.
type Trace struct {
	Count   int // instructions
	Parts   int // accumulators
	Cut     int // instructions in which an addend lost bits at the quantum
	Rounded int // instructions whose sum lost bits in the output rounding
	Loss    Value
	Steps   []Step // the first, the last and those that lost most; at most MaxSteps
}

// Step is one instruction of one accumulator.
type Step struct {
	Part, Index int // accumulator, and the instruction's place in it
	First, Len  int // elements k
	C, D        uint32
	E, Quantum  int
	Terms, Cut  int // addends beside c, and how many of all lost bits
	Rounded     bool
	Loss        Value // D minus the exact C + products, before the epilogue's factor
	Special     string
}

// MaxSteps bounds Trace.Steps.
const MaxSteps = 24

// traceOf reads a replay. Loss is what accumulators and their additions lost in all,
// before the epilogue's factor.
func traceOf(r *gemm.Replay) Trace {
	t := Trace{Parts: len(r.Parts), Loss: valueOf(float64(r.Acc)).sub(dot(r.X, r.W))}
	var all []Step
	for p, part := range r.Parts {
		for i, s := range part.Steps {
			v := stepOf(s)
			v.Part, v.Index = p, i
			if v.Cut > 0 {
				t.Cut++
			}
			if v.Rounded {
				t.Rounded++
			}
			all = append(all, v)
		}
	}
	t.Count = len(all)
	t.Steps = telling(all)
	return t
}

func stepOf(s gemm.Step) Step {
	v := Step{First: s.First, Len: s.Len, C: s.C, D: s.D, E: s.E, Quantum: s.Quantum, Rounded: s.Rounded, Special: s.Special}
	if s.Special != "" {
		v.Loss = valueOf(nan)
		return v
	}
	exact := word(s.C).plus(Value{x: stepSum(s)})
	v.Loss = word(s.D).sub(exact)
	for _, t := range s.Terms {
		if t.Len > 0 {
			v.Terms++
		}
		if t.Cut {
			v.Cut++
		}
	}
	return v
}

// telling keeps the first and last quarter of MaxSteps and, for the rest, the greatest
// losses, NaN before all.
func telling(all []Step) []Step {
	if len(all) <= MaxSteps {
		return all
	}
	keep := make([]int, 0, MaxSteps)
	for i := range MaxSteps / 4 {
		keep = append(keep, i, len(all)-1-i)
	}
	var middle []int
	for i := MaxSteps / 4; i < len(all)-MaxSteps/4; i++ {
		middle = append(middle, i)
	}
	slices.SortStableFunc(middle, func(a, b int) int { return -byMagnitude(all[a].Loss, all[b].Loss) })
	keep = append(keep, middle[:MaxSteps-len(keep)]...)
	slices.Sort(keep)
	out := make([]Step, len(keep))
	for i, at := range keep {
		out[i] = all[at]
	}
	return out
}

// byMagnitude compares |a| and |b|; what is not finite is greater than all that is.
func byMagnitude(a, b Value) int {
	if !a.Finite() || !b.Finite() {
		return cmp.Compare(bit(!a.Finite()), bit(!b.Finite()))
	}
	return a.x.Abs().Sub(b.x.Abs()).Sign()
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
