package layer

// Certainty says how far one output is independent of choices that nobody outside a
// kernel knows: K order, split-K, stream-K, rounding of the partial sums.
type Certainty uint8

const (
	Unproven Certainty = iota // another order might give other bits
	SameWord                  // every order gives the same output word, though not the same accumulator
	ExactSum                  // every partial sum in every order is exact: accumulator and output are the same bits
)

// String is the word on screen.
func (c Certainty) String() string { return [...]string{"unproven", "same word", "exact"}[c] }

// Proof is the certificate of a product, by output.
type Proof struct {
	Of    []Certainty // M×N, row-major like Y
	Claim string      // what it is proven against: "any order and split of whole K=64 instructions"
}

// Proven counts the outputs that are not Unproven.
func (p *Proof) Proven() int64 {
	n := int64(0)
	for _, c := range p.Of {
		if c != Unproven {
			n++
		}
	}
	return n
}
