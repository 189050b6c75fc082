package lint

import (
	"fmt"
	"strings"

	"fp4tui/inspect/kernel"
	"fp4tui/inspect/layer"
)

// partial reports rows that end inside a block. ModelOpt stores such layers, one scale for the
// rest of the row; kernels count K/block scales, and none of the table takes the rest.
func (k *checker) partial(l *layer.Layer) {
	rest := l.Rest()
	if rest == 0 {
		return
	}
	padded := l.K - rest + l.Block
	f := of(l, l.Parts.Scales)
	f.What = fmt.Sprintf("K %d is no multiple of the block: each row ends in a block of %d instead of %d weights", l.K, rest, l.Block)
	f.Effect = fmt.Sprintf("an engine refuses the layer, or counts %d scales a row where %d are stored and gives every later row the scales of others", l.K/l.Block, padded/l.Block)
	f.Why = "every kernel of `plan` wants whole blocks; those that pad K pad whole blocks, too"
	f.Cure = fmt.Sprintf("pad K to %d with zeros before quantizing, and x alike", padded)
	if names := takers(l, padded); len(names) > 0 {
		f.Cure += "; then these take it: " + strings.Join(names, ", ")
	}
	k.report("partial-block", f)
}

// takers are the kernels that plan lists and that take the layer with another K.
func takers(l *layer.Layer, cols int) (names []string) {
	for _, kern := range kernel.Overview() {
		if kern.Refuses(l.Format, l.Block, l.N, cols, false) == nil {
			names = append(names, kern.Name)
		}
	}
	return names
}
