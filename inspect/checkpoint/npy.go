package checkpoint

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"fp4tui/inspect"
)

const (
	npyMagic     = "\x93NUMPY"
	maxNPYHeader = 1 << 16 // bytes; NumPy's own reader stops at 10,000
)

// npyDType is one element type of the .npy format.
type npyDType struct {
	code  string // kind and size: "f4"
	dtype inspect.DType
}

// npyDTypes are the arrays that can be read. A two-byte void is bfloat16: NumPy has
// no code for it, and ml_dtypes writes its arrays as "<V2".
var npyDTypes = [...]npyDType{
	{"b1", inspect.BOOL}, {"u1", inspect.U8}, {"i1", inspect.I8},
	{"u2", inspect.U16}, {"i2", inspect.I16}, {"f2", inspect.F16}, {"V2", inspect.BF16},
	{"u4", inspect.U32}, {"i4", inspect.I32}, {"f4", inspect.F32},
	{"u8", inspect.U64}, {"i8", inspect.I64}, {"f8", inspect.F64},
}

// ReadNPY reads a NumPy .npy file of version 1, 2 or 3: booleans, integers and
// floats of either byte order, in C or Fortran order. A two-byte void ("V2") is
// taken for bfloat16, as ml_dtypes stores it; uint16 stays U16. Errors are
// *inspect.Fault; nothing is allocated before the size of the file was checked.
func ReadNPY(path string) (inspect.Tensor, error) {
	f, info, fault := openRegular(path)
	if fault != nil {
		return inspect.Tensor{}, fault
	}
	defer f.Close()
	h, fault := readNPYHeader(f, info.Size())
	if fault != nil {
		fault.File = path
		return inspect.Tensor{}, fault
	}
	need, _ := storedBytes(h.dtype, h.shape)
	raw := make([]byte, need)
	if _, err := io.ReadFull(io.NewSectionReader(f, h.begin, need), raw); err != nil {
		return inspect.Tensor{}, changed(path, "it became shorter while it was read")
	}
	if h.bigEndian {
		swapBytes(raw, h.dtype.Bits()/8)
	}
	t, err := Decode(h.dtype, h.shape, raw)
	if err != nil {
		return inspect.Tensor{}, err
	}
	if h.fortran {
		t.Data = rowMajor(t.Data, t.Shape)
	}
	return t, nil
}

// npyHeader is what a .npy file says about its data.
type npyHeader struct {
	dtype     inspect.DType
	bigEndian bool
	fortran   bool
	shape     []int
	begin     int64 // of the data
}

// readNPYHeader reads a header and checks it against the size of the file.
func readNPYHeader(r io.ReaderAt, size int64) (npyHeader, *inspect.Fault) {
	var h npyHeader
	var prefix [12]byte
	n, err := r.ReadAt(prefix[:], 0)
	if err != nil && err != io.EOF {
		return h, systemFault("", "cannot read", err)
	}
	if n < 10 || string(prefix[:6]) != npyMagic {
		return h, npyFault(0, "not a .npy file", "it does not begin with \\x93NUMPY", "give a file written by numpy.save")
	}
	var length int64
	switch version := prefix[6]; {
	case version == 1:
		h.begin, length = 10, int64(binary.LittleEndian.Uint16(prefix[8:]))
	case (version == 2 || version == 3) && n == len(prefix):
		h.begin, length = 12, int64(binary.LittleEndian.Uint32(prefix[8:]))
	case version == 2 || version == 3:
		return h, npyFault(int64(n), "header cut short", "the file ends in its length", cureCopy)
	default:
		f := npyFault(6, "unknown .npy version", fmt.Sprintf("version %d.%d", version, prefix[7]), "save it again with numpy.save")
		f.Class = inspect.ErrUnsupported
		return h, f
	}
	switch {
	case length > maxNPYHeader:
		return h, npyFault(8, "header too large", fmt.Sprintf("%s bytes, the cap is %s", grouped(length), grouped(maxNPYHeader)), cureCopy)
	case h.begin+length > size:
		return h, npyFault(8, "header cut short", fmt.Sprintf("needs bytes %s, the file ends at %#x", span(h.begin, h.begin+length), size), cureCopy)
	}
	text := make([]byte, length)
	if _, err := r.ReadAt(text, h.begin); err != nil && err != io.EOF {
		return h, systemFault("", "cannot read", err)
	}
	p := npyParser{text: string(text), base: h.begin}
	if fault := p.parse(&h); fault != nil {
		return h, fault
	}
	h.begin += length
	return h, h.checkSize(size)
}

// checkSize compares the size of the data with that of the file.
func (h *npyHeader) checkSize(size int64) *inspect.Fault {
	need, ok := storedBytes(h.dtype, h.shape)
	have := size - h.begin
	shape := inspect.ShapeString(h.shape) + " of " + h.dtype.String()
	switch {
	case !ok:
		return npyFault(h.begin, "shape too large", shape+" overflows 64 bits", cureCopy)
	case need > have:
		return npyFault(h.begin, "data cut short",
			fmt.Sprintf("%s needs bytes %s, the file ends at %#x", shape, span(h.begin, h.begin+need), size),
			"copy the file again; expected size "+grouped(h.begin+need)+" bytes")
	case need < have:
		return npyFault(h.begin+need, "extra bytes after the array",
			fmt.Sprintf("%s needs %s bytes, %s are there", shape, grouped(need), grouped(have)), "save one array in a file")
	case need > maxRead || 4*float64(inspect.Numel(h.shape)) > maxRead:
		f := npyFault(h.begin, "too large to read at once", shape, "save a part of it")
		f.Class = inspect.ErrUnsupported
		return f
	}
	return nil
}

func npyFault(offset int64, what, why, cure string) *inspect.Fault {
	return &inspect.Fault{Class: inspect.ErrMalformed, Offset: offset, What: what, Why: why, Cure: cure}
}

func swapBytes(raw []byte, width int) {
	for i := 0; i+width <= len(raw); i += width {
		slices.Reverse(raw[i : i+width])
	}
}

// rowMajor reorders values stored with the first index running fastest.
func rowMajor(data []float32, shape []int) []float32 {
	out := make([]float32, len(data))
	stride := make([]int, len(shape)) // of the stored order
	step := 1
	for i, d := range shape {
		stride[i] = step
		step *= d
	}
	index := make([]int, len(shape))
	at := 0
	for i := range out {
		out[i] = data[at]
		for k := len(shape) - 1; k >= 0; k-- {
			index[k]++
			at += stride[k]
			if index[k] < shape[k] {
				break
			}
			at -= index[k] * stride[k]
			index[k] = 0
		}
	}
	return out
}

// WriteNPY writes a tensor as .npy version 1, little-endian, in C order. F32, F16,
// BOOL, U8, I8, U16 and I16 keep their type. BF16 is written as float32, which
// holds its values exactly and needs no ml_dtypes to read; so are all other types.
func WriteNPY(w io.Writer, t inspect.Tensor) error {
	if t.DType == inspect.BF16 {
		t.DType = inspect.F32
	}
	dtype, data, fault := encode(t)
	if fault != nil {
		return fault
	}
	i := slices.IndexFunc(npyDTypes[:], func(d npyDType) bool { return d.dtype == dtype })
	order := "<"
	if dtype.Bits() == 8 {
		order = "|"
	}
	var shape strings.Builder
	for _, d := range t.Shape {
		shape.WriteString(strconv.Itoa(d) + ", ")
	}
	dims := strings.TrimSuffix(shape.String(), " ")
	if len(t.Shape) > 1 {
		dims = strings.TrimSuffix(dims, ",")
	}
	header := "{'descr': '" + order + npyDTypes[i].code + "', 'fortran_order': False, 'shape': (" + dims + "), }"
	header += strings.Repeat(" ", 63-(10+len(header))%64) + "\n" // data begins at a multiple of 64
	if len(header) > maxNPYHeader-1 {
		return &inspect.Fault{Class: inspect.ErrUnsupported, Offset: -1, What: "too many dimensions", Why: fmt.Sprint(len(t.Shape))}
	}
	prefix := binary.LittleEndian.AppendUint16([]byte(npyMagic+"\x01\x00"), uint16(len(header)))
	for _, part := range [][]byte{prefix, []byte(header), data} {
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	return nil
}
