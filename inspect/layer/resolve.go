package layer

import (
	"errors"
	"fmt"
	"strings"

	"fp4tui/inspect"
)

// The ways in which a name can fail to name one layer. A NameError wraps one.
var (
	ErrNoLayer   = errors.New("no such layer")
	ErrAmbiguous = errors.New("ambiguous layer name")
)

// NameError is a name that does not mean exactly one layer.
type NameError struct {
	Name       string
	Class      error          // ErrNoLayer or ErrAmbiguous
	Candidates []string       // full names in name order: all that match, or those that come closest
	Broken     *inspect.Fault // why a module of this name is no layer; nil: there is none
}

// How many names an error prints; Candidates has them all.
const (
	maxCandidates = 6 // of those that match
	maxGuesses    = 3 // of those that come closest
)

// Error names a few candidates.
func (e *NameError) Error() string {
	text := fmt.Sprintf("%v %q", e.Class, inspect.Printable(e.Name))
	if e.Broken != nil {
		return fmt.Sprintf("%s: tensor %s: %s", text, inspect.Printable(e.Broken.Tensor), inspect.Printable(e.Broken.What))
	}
	if len(e.Candidates) == 0 {
		return text
	}
	lead, most := ": it can be ", maxCandidates
	if e.Class == ErrNoLayer {
		lead, most = ": did you mean ", maxGuesses
	}
	shown := make([]string, 0, most)
	for _, c := range e.Candidates[:min(len(e.Candidates), most)] {
		shown = append(shown, inspect.Printable(c))
	}
	text += lead + strings.Join(shown, ", ")
	if more := len(e.Candidates) - len(shown); more > 0 {
		text += fmt.Sprintf(", or %d more", more)
	}
	return text
}

// Unwrap gives the class, for errors.Is.
func (e *NameError) Unwrap() error { return e.Class }

// Hint says how to do better.
func (e *NameError) Hint() string {
	switch {
	case e.Class == ErrAmbiguous:
		return "write more of the name, from the left"
	case e.Broken != nil:
		return "lint says what is wrong with it, and the cure"
	}
	return "ls shows the layers"
}

// Resolve returns the layer that name means: the one with exactly this name, else
// the only one whose name ends in "."+name. A name may be written as it is shown,
// with what a terminal must not get escaped. Anything else is a *NameError.
func Resolve(layers []*Layer, name string) (*Layer, error) {
	var found []*Layer
	for _, l := range layers {
		shown := inspect.Printable(l.Name)
		if l.Name == name || shown == name {
			return l, nil
		}
		if name != "" && (strings.HasSuffix(l.Name, "."+name) || strings.HasSuffix(shown, "."+name)) {
			found = append(found, l)
		}
	}
	if len(found) == 1 {
		return found[0], nil
	}
	if len(found) > 1 {
		return nil, &NameError{Name: name, Class: ErrAmbiguous, Candidates: names(found)}
	}
	return nil, &NameError{Name: name, Class: ErrNoLayer, Candidates: names(near(layers, name))}
}

// Blame gives an error about a name that no layer has the first of the faults about a module of
// that name: its tensors are there, and are no layer as they are.
func (e *NameError) Blame(faults []inspect.Fault) {
	if e.Class != ErrNoLayer || e.Name == "" {
		return
	}
	for i := range faults {
		if partOf(faults[i].Tensor, e.Name) || partOf(inspect.Printable(faults[i].Tensor), e.Name) {
			e.Broken = &faults[i]
			return
		}
	}
}

// partOf says that a tensor is one of a module: its name is that of the module, or ends like it
// at a dot, and goes on with one more word.
func partOf(tensor, module string) bool {
	at := strings.LastIndex(tensor, module)
	if at < 0 || at > 0 && tensor[at-1] != '.' {
		return false
	}
	word := tensor[at+len(module):]
	return word != "" && strings.ContainsAny(word[:1], "._") && !strings.Contains(word[1:], ".")
}

// near are the layers that have the last word of the name in theirs, whatever the case.
func near(layers []*Layer, name string) []*Layer {
	word := strings.ToLower(name[strings.LastIndex(name, ".")+1:])
	var found []*Layer
	for _, l := range layers {
		if word != "" && strings.Contains(strings.ToLower(l.Name), word) {
			found = append(found, l)
		}
	}
	return found
}

func names(layers []*Layer) []string {
	list := make([]string, len(layers))
	for i, l := range layers {
		list[i] = l.Name
	}
	return list
}
