package checkpoint

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"fp4tui/inspect"
)

const (
	prefixBytes = 8           // the header's length, little-endian
	maxHeader   = 100_000_000 // the cap of safetensors 0.8
	maxRank     = 64          // dimensions of one tensor; PyTorch and NumPy hold no more

	metadataKey = "__metadata__"
	cureCopy    = "copy or download the file again"
	cureWriter  = "write the file again with a current safetensors release"
)

// The keys of a tensor entry, as bits of a set.
const (
	hasDType = 1 << iota
	hasShape
	hasOffsets
	hasAll = hasDType | hasShape | hasOffsets
)

// scanned is a tensor entry as the header has it.
type scanned struct {
	Entry
	at     int  // position of its key in the header text
	keys   int  // which keys it has
	placed bool // its offsets are a range: it takes part in the layout of the file
	usable bool // dtype, shape and offsets are sound and agree
}

// header scans the header of one file.
type header struct {
	file   *File
	text   string
	scan   scanner
	faults faultList
	list   []scanned
	dims   []int // slab that shapes are cut from
	broken bool  // the scan ended early: the list may be incomplete

	unplaced bool // a tensor without sound offsets was left out of the list
}

// newHeader prepares the scan of one header; text is what follows the length.
func newHeader(file *File, text string) *header {
	return &header{
		file: file, text: text, scan: scanner{text: text}, faults: faultList{file: file.Path},
		list: make([]scanned, 0, strings.Count(text, `"data_offsets"`)),
	}
}

// parse scans the header and checks the layout that it describes against the size
// of the file. What is left in list and marked usable can be relied on.
func (h *header) parse(ctx context.Context) error {
	err := h.members(ctx)
	var syntax *syntaxError
	switch {
	case errors.As(err, &syntax):
		h.broken = true
		h.fault("", syntax.pos, "header is not valid JSON", syntax.why, cureCopy)
	case errors.Is(err, errNoise):
		h.broken = true
	case err != nil:
		return err
	}
	if !utf8.ValidString(h.text) {
		h.invalidText()
	}
	h.checkLayout()
	return nil
}

// errNoise ends the scan of a header that has nothing but violations. They are
// counted in the last fault of the file.
var errNoise = errors.New("too many violations")

// noise reports that there are so many violations that the scan should end.
func (h *header) noise() error {
	if h.faults.count() > maxViolations {
		return errNoise
	}
	return nil
}

func (h *header) members(ctx context.Context) error {
	if h.scan.peek() != '{' {
		return h.scan.fail(h.scan.pos, "it must begin with '{', found "+h.scan.here())
	}
	var metadata bool
	err := h.scan.object(func(key string, at int) error {
		if len(h.list)%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if key != metadataKey {
			return cmp.Or(h.noise(), h.tensor(key, at))
		}
		if metadata {
			h.fault("", at, "duplicate key "+metadataKey, "the last one wins", cureWriter)
		}
		metadata = true
		return h.metadata()
	})
	if err != nil {
		return err
	}
	return h.scan.end()
}

// metadata reads __metadata__, which maps strings to strings.
func (h *header) metadata() error {
	switch h.scan.peek() {
	case 'n': // null: the reference reader takes it for absent
		return h.scan.skip(1)
	case '{':
	default:
		h.fault("", h.scan.pos, metadataKey+" is not an object", "found "+h.scan.here(), cureWriter)
		return h.scan.skip(1)
	}
	h.file.Metadata = map[string]string{}
	return h.scan.object(func(key string, at int) error {
		if _, twice := h.file.Metadata[key]; twice {
			h.fault("", at, "duplicate metadata key", strconv.Quote(key)+" appears twice; the last one wins", cureWriter)
		}
		if h.scan.peek() != '"' {
			h.fault("", h.scan.pos, "metadata value is not a string", "key "+strconv.Quote(key), cureWriter)
			return h.scan.skip(2)
		}
		value, err := h.scan.str()
		h.file.Metadata[key] = value
		return cmp.Or(err, h.noise())
	})
}

// tensor reads one tensor entry. A violation in it makes that tensor unusable and
// leaves the others alone; only broken JSON stops the scan.
func (h *header) tensor(name string, at int) error {
	if h.scan.peek() != '{' {
		h.fault(name, h.scan.pos, "tensor entry is not an object", "found "+h.scan.here(), cureWriter)
		return h.scan.skip(1)
	}
	if name == "" {
		h.fault(name, at, "tensor without a name", "its key is the empty string", cureWriter)
	}
	before := h.faults.count()
	h.list = append(h.list, scanned{Entry: Entry{Name: name, File: h.file}, at: at})
	t := &h.list[len(h.list)-1]
	err := h.scan.object(func(key string, at int) error { return h.field(t, key, at) })
	if err != nil {
		return err
	}
	if missing := h.missing(t.keys); missing != "" {
		h.fault(name, at, "incomplete tensor entry", "it has no "+missing, cureWriter)
	}
	t.usable = h.faults.count() == before && t.keys == hasAll && h.checkSize(t)
	if !t.placed { // nothing more can be said about it
		h.unplaced = true
		h.list = h.list[:len(h.list)-1]
	}
	return nil
}

func (h *header) missing(keys int) string {
	var names []string
	for i, name := range [...]string{"dtype", "shape", "data_offsets"} {
		if keys&(1<<i) == 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// field reads one member of a tensor entry. Unknown keys are ignored, as the
// reference reader does.
func (h *header) field(t *scanned, key string, at int) error {
	var bit int
	var read func(*scanned) error
	switch key {
	case "dtype":
		bit, read = hasDType, h.dtype
	case "shape":
		bit, read = hasShape, h.shape
	case "data_offsets":
		bit, read = hasOffsets, h.offsets
	default:
		return h.scan.skip(2)
	}
	if t.keys&bit != 0 {
		h.fault(t.Name, at, "duplicate key "+key, "a tensor entry has each key once", cureWriter)
	}
	t.keys |= bit
	return read(t)
}

func (h *header) dtype(t *scanned) error {
	if h.scan.peek() != '"' {
		h.fault(t.Name, h.scan.pos, "dtype is not a string", "found "+h.scan.here(), cureWriter)
		return h.scan.skip(2)
	}
	at := h.scan.pos
	name, err := h.scan.str()
	if err != nil {
		return err
	}
	var known bool
	if t.DType, known = inspect.ParseDType(name); !known {
		h.faults.add(inspect.Fault{
			Class: inspect.ErrUnsupported, Tensor: t.Name, Offset: h.offset(at),
			What: "unknown dtype", Why: strconv.Quote(name) + " is not a safetensors 0.8 dtype",
			Cure: "the other tensors are usable; convert this one to a known dtype",
		})
	}
	return nil
}

func (h *header) shape(t *scanned) error {
	if cap(h.dims)-len(h.dims) < maxRank {
		h.dims = make([]int, 0, max(4096, maxRank))
	}
	begin, n := len(h.dims), 0
	err := h.naturals(t, "shape", func(v uint64, at int) {
		switch n++; {
		case n > maxRank:
		case v > math.MaxInt:
			h.fault(t.Name, at, "dimension too large", strconv.FormatUint(v, 10)+" elements", cureWriter)
		default:
			h.dims = append(h.dims, int(v))
		}
	})
	if n > maxRank {
		h.fault(t.Name, t.at, "too many dimensions", fmt.Sprintf("%s, the cap is %d", grouped(int64(n)), maxRank), cureWriter)
	}
	t.Shape = h.dims[begin:len(h.dims):len(h.dims)]
	return err
}

func (h *header) offsets(t *scanned) error {
	base := h.offset(0) + int64(len(h.text))
	h.scan.peek()
	at, n, before := h.scan.pos, 0, h.faults.count()
	var pair [2]int64
	err := h.naturals(t, "data_offsets", func(v uint64, at int) {
		switch n++; {
		case n > len(pair):
		case v > uint64(math.MaxInt64-base):
			h.fault(t.Name, at, "offset too large", strconv.FormatUint(v, 10)+" is beyond any file", cureCopy)
		default:
			pair[n-1] = int64(v)
		}
	})
	switch {
	case err != nil || h.faults.count() > before:
		return err
	case n != len(pair):
		h.fault(t.Name, at, "invalid data_offsets", fmt.Sprintf("two numbers needed, found %d", n), cureWriter)
	case pair[1] < pair[0]:
		h.fault(t.Name, at, "reversed data_offsets", fmt.Sprintf("begin %#x is after end %#x", pair[0], pair[1]), cureWriter)
	default:
		t.Begin, t.End, t.placed = base+pair[0], base+pair[1], true
	}
	return nil
}

// naturals reads an array of natural numbers and gives each to use. The first that
// is none is a fault.
func (h *header) naturals(t *scanned, key string, use func(v uint64, at int)) error {
	if h.scan.peek() != '[' {
		h.fault(t.Name, h.scan.pos, key+" is not an array", "found "+h.scan.here(), cureWriter)
		return h.scan.skip(2)
	}
	sound := true
	wrong := func(at int, why string) {
		if sound {
			h.fault(t.Name, at, "invalid number in "+key, why, cureWriter)
		}
		sound = false
	}
	return h.scan.array(func() error {
		c, at := h.scan.peek(), h.scan.pos
		if c != '-' && c-'0' > 9 {
			wrong(at, "found "+h.scan.here())
			return h.scan.skip(3)
		}
		text, err := h.scan.number()
		if err != nil || !sound {
			return err
		}
		v, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			wrong(at, shortened(text)+" is no natural number below 2^64")
			return nil
		}
		use(v, at)
		return nil
	})
}

// checkSize compares the bytes that shape and dtype ask for with those that the
// offsets give, in the order of the reference reader's checks.
func (h *header) checkSize(t *scanned) bool {
	numel, over := uint64(1), uint64(0)
	for _, d := range t.Shape {
		if over, numel = bits.Mul64(numel, uint64(d)); over != 0 {
			break
		}
	}
	over2, width := bits.Mul64(numel, uint64(t.DType.Bits()))
	need, overflow := width/8, over != 0 || over2 != 0
	if !overflow && width%8 == 0 && need == uint64(t.Bytes()) {
		return true
	}
	shape := inspect.ShapeString(t.Shape) + " of " + t.DType.String()
	switch {
	case overflow:
		h.fault(t.Name, t.at, "shape too large", shape+" overflows 64 bits", cureWriter)
	case width%8 != 0:
		h.fault(t.Name, t.at, "misaligned", shape+" does not fill whole bytes", "pad the last dimension to a whole byte")
	default:
		h.fault(t.Name, t.at, "shape and data_offsets disagree",
			fmt.Sprintf("%s needs %s bytes, the offsets give %s", shape, grouped(int64(need)), grouped(t.Bytes())), cureWriter)
	}
	return false
}

// invalidText names every key that is not UTF-8, or the first bad byte if it is
// in no tensor's name.
func (h *header) invalidText() {
	named := false
	for i := range h.list {
		if t := &h.list[i]; !utf8.ValidString(t.Name) {
			h.fault(t.Name, t.at, "invalid UTF-8 in a tensor name", "a header is UTF-8 text", cureWriter)
			named = true
		}
	}
	if named {
		return
	}
	for i, r := range h.text {
		if _, n := utf8.DecodeRuneInString(h.text[i:]); r == utf8.RuneError && n == 1 {
			h.fault("", i, "invalid UTF-8 in the header", "a header is UTF-8 text", cureCopy)
			return
		}
	}
}

// names returns the usable tensors sorted by name. Of tensors with the same name
// the last wins, as in the reference reader; each other one is a fault.
func (h *header) names() []Entry {
	byName := func(a, b scanned) int {
		if c := strings.Compare(a.Name, b.Name); c != 0 {
			return c
		}
		return cmp.Compare(a.at, b.at)
	}
	if !slices.IsSortedFunc(h.list, byName) {
		slices.SortFunc(h.list, byName)
	}
	entries := make([]Entry, 0, len(h.list))
	for i := range h.list {
		t := &h.list[i]
		if i > 0 && h.list[i-1].Name == t.Name {
			h.fault(t.Name, t.at, "duplicate tensor name",
				fmt.Sprintf("also at %#x; the last one wins", h.offset(h.list[i-1].at)), cureWriter)
		}
		if !t.usable {
			continue
		}
		if n := len(entries); n > 0 && entries[n-1].Name == t.Name {
			entries[n-1] = t.Entry
		} else {
			entries = append(entries, t.Entry)
		}
	}
	return entries
}

// offset turns a position in the header text into an offset in the file.
func (h *header) offset(at int) int64 { return prefixBytes + int64(at) }

// fault adds a violation at a position of the header text.
func (h *header) fault(tensor string, at int, what, why, cure string) {
	h.faults.add(inspect.Fault{
		Class: inspect.ErrMalformed, Tensor: tensor, Offset: h.offset(at), What: what, Why: why, Cure: cure,
	})
}

// shortened keeps a hostile number of a million digits out of a message.
func shortened(text string) string {
	const most = 40
	if len(text) <= most {
		return text
	}
	return text[:most] + "…"
}
