package fp4

import "errors"

// The classes of failure. An *Error wraps one of them.
var (
	ErrShape  = errors.New("shape")  // sizes that do not agree, or that a recipe cannot block
	ErrRecipe = errors.New("recipe") // no such recipe, or none for that format
	ErrGlobal = errors.New("global") // a global scale where none can be, or of no value
)

// Error says what is wrong, why, and what to do about it.
type Error struct {
	Class error  // one of the sentinels above
	What  string // "cannot quantize 128×100 in blocks of 16"
	Why   string // "a row of 100 columns ends in a block of 4"
	Cure  string // "pad the columns to 112"
}

// Error is "what: why".
func (e *Error) Error() string {
	if e.Why == "" {
		return e.What
	}
	return e.What + ": " + e.Why
}

// Unwrap gives the class, for errors.Is.
func (e *Error) Unwrap() error { return e.Class }

// Hint is the cure; empty when none is known.
func (e *Error) Hint() string { return e.Cure }
