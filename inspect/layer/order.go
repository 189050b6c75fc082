package layer

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"fp4tui/inspect"
)

// OrderKind is a way to walk K.
type OrderKind uint8

const (
	OrderSequential OrderKind = iota // one accumulator, ascending K
	OrderReverse                     // one accumulator, descending K
	OrderSplit                       // Parts contiguous slices of K, each its own accumulator (split-K)
	OrderSliced                      // Parts interleaved slices: slice p takes every Parts-th K tile, from p (sliced-K of one thread block)
	OrderStream                      // Parts workers share all (output tile, K tile) pairs evenly (stream-K): where K is cut depends on the output tile
)

// orderNames are the words of the command language; kinds with parts take ":COUNT".
var orderNames = [...]string{"sequential", "reverse", "split", "sliced", "stream"}

// MaxParts bounds Order.Parts: more slices than any K tile count that fits in memory.
const MaxParts = 1 << 16

// Order says which instructions of a product share an accumulator, and in which
// order. Accumulators meet by FP32 additions, rounded to nearest, in ascending K.
// What a library really does with its partial sums is its own choice and seldom
// published; these are the usual shapes.
type Order struct {
	Kind  OrderKind
	Parts int // of OrderSplit, OrderSliced and OrderStream; 0 for the others
}

func (k OrderKind) hasParts() bool { return k >= OrderSplit }

// String is the form that ParseOrder reads: "sequential", "split:4".
func (o Order) String() string {
	if o.Kind.hasParts() {
		return fmt.Sprintf("%s:%d", orderNames[o.Kind], o.Parts)
	}
	return orderNames[o.Kind]
}

// ParseOrder reads sequential, reverse, split:S, sliced:S or stream:W. The error is an
// *inspect.Fault of class ErrUnsupported that lists them.
func ParseOrder(s string) (Order, error) {
	name, count, given := strings.Cut(s, ":")
	i := slices.Index(orderNames[:], name)
	o := Order{Kind: OrderKind(max(i, 0))}
	ok := i >= 0 && given == o.Kind.hasParts()
	if given {
		var err error
		o.Parts, err = strconv.Atoi(count)
		ok = ok && err == nil && o.Parts >= 1 && o.Parts <= MaxParts
	}
	if !ok {
		return Order{}, &inspect.Fault{Class: inspect.ErrUnsupported, Offset: -1, What: fmt.Sprintf("no order %q", s),
			Why:  fmt.Sprintf("there are sequential, reverse, split:S, sliced:S and stream:W, with counts from 1 to %d", MaxParts),
			Cure: "order=sequential, or order=split:4"}
	}
	return o, nil
}
