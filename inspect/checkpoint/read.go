package checkpoint

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"

	"github.com/nlpodyssey/safetensors"

	"fp4tui/inspect"
)

const (
	maxRead   = 64 << 30 // bytes of one read; more is refused, not attempted
	readChunk = 4 << 20  // bytes between two looks at ctx
)

// alias is how a dtype is labelled for nlpodyssey/safetensors, which knows 13 of
// them and refuses a file with any other. Sub-byte types become bytes.
type alias struct {
	dtype safetensors.DType
	bytes bool // shape counts bytes, not elements
}

var aliases = map[inspect.DType]alias{
	inspect.BOOL:   {dtype: safetensors.BOOL},
	inspect.F4:     {dtype: safetensors.U8, bytes: true},
	inspect.F6E2M3: {dtype: safetensors.U8, bytes: true}, inspect.F6E3M2: {dtype: safetensors.U8, bytes: true},
	inspect.U8: {dtype: safetensors.U8}, inspect.I8: {dtype: safetensors.I8},
	inspect.F8E5M2: {dtype: safetensors.U8}, inspect.F8E4M3: {dtype: safetensors.U8}, inspect.F8E8M0: {dtype: safetensors.U8},
	inspect.F8E4M3FNUZ: {dtype: safetensors.U8}, inspect.F8E5M2FNUZ: {dtype: safetensors.U8},
	inspect.I16: {dtype: safetensors.I16}, inspect.U16: {dtype: safetensors.U16},
	inspect.F16: {dtype: safetensors.F16}, inspect.BF16: {dtype: safetensors.BF16},
	inspect.I32: {dtype: safetensors.I32}, inspect.U32: {dtype: safetensors.U32}, inspect.F32: {dtype: safetensors.F32},
	inspect.C64: {dtype: safetensors.U64}, inspect.F64: {dtype: safetensors.F64},
	inspect.I64: {dtype: safetensors.I64}, inspect.U64: {dtype: safetensors.U64},
}

// shape is the shape that goes with the alias. Rows of packed types that do not
// fill whole bytes are flattened.
func (a alias) shape(e *Entry) []int {
	if !a.bytes {
		return e.Shape
	}
	n := len(e.Shape)
	if n == 0 || e.Shape[n-1]*e.DType.Bits()%8 != 0 {
		return []int{int(e.Bytes())}
	}
	shape := slices.Clone(e.Shape)
	shape[n-1] = shape[n-1] * e.DType.Bits() / 8
	return shape
}

// Layer reads tensors whole and returns them by name. They are read into one
// buffer as a small safetensors file of their own, which nlpodyssey/safetensors
// checks and takes apart. It sees F8 and F4 data as U8, with the last dimension of
// packed types in bytes: the true dtype and shape are those of the Entry.
func (c *Checkpoint) Layer(ctx context.Context, entries ...*Entry) (map[string]safetensors.TensorView, error) {
	header, total, err := relabel(entries)
	if err != nil {
		return nil, err
	}
	file := make([]byte, 0, int64(prefixBytes+len(header))+total)
	file = binary.LittleEndian.AppendUint64(file, uint64(len(header)))
	file = append(file, header...)
	for _, e := range entries {
		begin := len(file)
		file = file[:begin+int(e.Bytes())]
		if err := c.readAt(ctx, e.File, file[begin:], e.Begin); err != nil {
			return nil, err.of(e)
		}
	}
	parsed, err := safetensors.Deserialize(file)
	if err != nil {
		return nil, &inspect.Fault{Class: inspect.ErrMalformed, Offset: -1, What: "tensors refused", Why: err.Error(), Cure: cureCopy}
	}
	views := make(map[string]safetensors.TensorView, len(entries))
	for i, e := range entries {
		view, ok := parsed.Tensor(strconv.Itoa(i))
		if !ok {
			panic("checkpoint: the relabelled header lost tensor " + e.Name)
		}
		views[e.Name] = view
	}
	return views, nil
}

// relabel writes the header of the small file and checks, before anything is
// allocated, that the tensors can be read. Tensors are named by position: their
// own names need not be valid in JSON.
func relabel(entries []*Entry) (header []byte, total int64, err error) {
	header = append(header, '{')
	for i, e := range entries {
		if fault := e.readable(0, e.Bytes()); fault != nil {
			return nil, 0, fault
		}
		a, ok := aliases[e.DType]
		if !ok {
			return nil, 0, &inspect.Fault{Class: inspect.ErrUnsupported, File: e.File.Path, Tensor: e.Name, Offset: e.Begin, What: "unknown dtype"}
		}
		if i > 0 {
			header = append(header, ',')
		}
		header = fmt.Appendf(header, `"%d":{"dtype":"%s","shape":[`, i, a.dtype)
		for k, d := range a.shape(e) {
			if k > 0 {
				header = append(header, ',')
			}
			header = strconv.AppendInt(header, int64(d), 10)
		}
		header = fmt.Appendf(header, `],"data_offsets":[%d,%d]}`, total, total+e.Bytes())
		if total += e.Bytes(); total > maxRead || int64(int(total)) != total {
			return nil, 0, tooLarge(e, total)
		}
	}
	header = append(header, '}')
	for len(header)%prefixBytes != 0 {
		header = append(header, ' ')
	}
	return header, total, nil
}

// Read returns the stored bytes of a whole tensor.
func (c *Checkpoint) Read(ctx context.Context, e *Entry) ([]byte, error) {
	views, err := c.Layer(ctx, e)
	if err != nil {
		return nil, err
	}
	return views[e.Name].Data(), nil
}

// ReadRange returns n stored bytes of a tensor from byte off of it. Of a tensor
// that is cut short, the part that is there can be read.
func (c *Checkpoint) ReadRange(ctx context.Context, e *Entry, off, n int64) ([]byte, error) {
	if off < 0 || n < 0 || off > e.Bytes() || n > e.Bytes()-off {
		return nil, &inspect.Fault{Class: inspect.ErrMismatch, File: e.File.Path, Tensor: e.Name, Offset: e.Begin,
			What: "range outside the tensor", Why: fmt.Sprintf("%d bytes from byte %d of %s", n, off, grouped(e.Bytes()))}
	}
	if fault := e.readable(off, n); fault != nil {
		return nil, fault
	}
	buf := make([]byte, n)
	if err := c.readAt(ctx, e.File, buf, e.Begin+off); err != nil {
		return nil, err.of(e)
	}
	return buf, nil
}

// Tensor reads and decodes a whole tensor.
func (c *Checkpoint) Tensor(ctx context.Context, e *Entry) (inspect.Tensor, error) {
	if fault := e.decodable(); fault != nil {
		return inspect.Tensor{}, fault
	}
	raw, err := c.Read(ctx, e)
	if err != nil {
		return inspect.Tensor{}, err
	}
	return e.decode(raw)
}

// decode is Decode with the place in its faults.
func (e *Entry) decode(raw []byte) (inspect.Tensor, error) {
	t, err := Decode(e.DType, e.Shape, raw)
	var fault *inspect.Fault
	if errors.As(err, &fault) {
		fault.File, fault.Tensor, fault.Offset = e.File.Path, e.Name, e.Begin
	}
	return t, err
}

// decodable checks that a whole tensor is there and, as float32, not too large.
func (e *Entry) decodable() *inspect.Fault {
	if decoded := 4 * float64(inspect.Numel(e.Shape)); decoded > maxRead {
		return tooLarge(e, int64(decoded))
	}
	return e.readable(0, e.Bytes())
}

// readable checks a range of a tensor against the size of its file.
func (e *Entry) readable(off, n int64) *inspect.Fault {
	if end := e.Begin + off + n; end > e.File.Size {
		return &inspect.Fault{Class: inspect.ErrMalformed, File: e.File.Path, Tensor: e.Name, Offset: e.Begin,
			What: "data cut short",
			Why:  fmt.Sprintf("needs bytes %s, the file ends at %#x", span(e.Begin+off, end), e.File.Size), Cure: cureCopy}
	}
	if n > maxRead || int64(int(n)) != n {
		return tooLarge(e, n)
	}
	return nil
}

func tooLarge(e *Entry, n int64) *inspect.Fault {
	return &inspect.Fault{Class: inspect.ErrUnsupported, File: e.File.Path, Tensor: e.Name, Offset: e.Begin,
		What: "too large to read at once", Why: fmt.Sprintf("%s bytes, the cap is %s", grouped(n), grouped(maxRead)),
		Cure: "read a part of it"}
}

// readFailure is a fault of a read, or the error of a context that ended.
type readFailure struct {
	fault *inspect.Fault
	err   error
}

// of completes the failure with the tensor that was read.
func (r *readFailure) of(e *Entry) error {
	if r.fault == nil {
		return r.err
	}
	r.fault.Tensor = e.Name
	if r.fault.Offset < 0 {
		r.fault.Offset = e.Begin
	}
	return r.fault
}

// copy lets several tensors have the failure of one open.
func (r *readFailure) copy() *readFailure {
	fault := *r.fault
	return &readFailure{fault: &fault}
}

// readAt fills buf from one file, which must still be the one whose header was
// scanned, before and after: a file that changes under us is a fault.
func (c *Checkpoint) readAt(ctx context.Context, file *File, buf []byte, off int64) *readFailure {
	f, failure := c.open(file)
	if failure != nil {
		return failure
	}
	defer f.Close()
	return file.readFrom(ctx, f, buf, off)
}

// open opens a file of the checkpoint for reading.
func (c *Checkpoint) open(file *File) (*os.File, *readFailure) {
	if c.closed.Load() {
		return nil, &readFailure{fault: &inspect.Fault{Class: inspect.ErrUnreadable, File: file.Path, Offset: -1,
			What: "checkpoint is closed", Cure: "load it again"}}
	}
	f, fault := file.reopen()
	if fault != nil {
		return nil, &readFailure{fault: fault}
	}
	return f, nil
}

// readFrom is readAt from the open file, which has to be the same afterwards.
func (f *File) readFrom(ctx context.Context, handle *os.File, buf []byte, off int64) *readFailure {
	for done := 0; done < len(buf); {
		if err := ctx.Err(); err != nil {
			return &readFailure{err: err}
		}
		n, err := handle.ReadAt(buf[done:min(done+readChunk, len(buf))], off+int64(done))
		done += n
		switch {
		case err == io.EOF && done < len(buf):
			return &readFailure{fault: changed(f.Path, fmt.Sprintf("it ends at %#x now", off+int64(done)))}
		case err != nil && err != io.EOF:
			return &readFailure{fault: systemFault(f.Path, "cannot read", err)}
		}
	}
	if fault := f.same(handle); fault != nil {
		return &readFailure{fault: fault}
	}
	return nil
}

// reopen opens the file again and checks that it is the same.
func (f *File) reopen() (*os.File, *inspect.Fault) {
	handle, _, fault := openRegular(f.Path)
	if fault != nil {
		return nil, fault
	}
	if fault := f.same(handle); fault != nil {
		handle.Close()
		return nil, fault
	}
	return handle, nil
}

// same compares an open file with what it was when its header was scanned.
func (f *File) same(handle *os.File) *inspect.Fault {
	now, err := handle.Stat()
	switch {
	case err != nil:
		return systemFault(f.Path, "cannot read", err)
	case now.Size() != f.Size:
		return changed(f.Path, fmt.Sprintf("it had %s bytes, now %s", grouped(f.Size), grouped(now.Size())))
	case !os.SameFile(now, f.info):
		return changed(f.Path, "another file took its place")
	case !now.ModTime().Equal(f.info.ModTime()):
		return changed(f.Path, "it was written to")
	}
	return nil
}

// changed is the fault of a file that is no longer what was opened.
func changed(path, why string) *inspect.Fault {
	return &inspect.Fault{Class: inspect.ErrMismatch, File: path, Offset: -1, What: "file changed since it was opened",
		Why: why, Cure: "load the checkpoint again"}
}
