package checkpoint

import (
	"bufio"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"github.com/nlpodyssey/safetensors"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
)

// stored is a tensor as it is written: safetensors.NewTensorView cannot hold a
// scalar, the interface can.
type stored struct {
	dtype safetensors.DType
	shape []uint64
	data  []byte
}

func (s stored) DType() safetensors.DType { return s.dtype }
func (s stored) Shape() []uint64          { return s.shape }
func (s stored) Data() []byte             { return s.data }
func (s stored) DataLen() uint64          { return uint64(len(s.data)) }

// WriteSafetensors writes tensors as a safetensors file. BF16, F16 and F32 keep
// their dtype, and so do BOOL, U8, I8, U16 and I16; all others are written as F32,
// which holds what Data holds. Values that are no BF16 or F16 although their tensor
// says so are rounded to nearest even. Equal input gives equal bytes.
func WriteSafetensors(w io.Writer, tensors map[string]inspect.Tensor, metadata map[string]string) error {
	views := make(map[string]stored, len(tensors))
	for name, t := range tensors {
		if name == metadataKey {
			return &inspect.Fault{Class: inspect.ErrUnsupported, Tensor: name, Offset: -1,
				What: "reserved tensor name", Why: "a safetensors header keeps its metadata under it", Cure: "choose another name"}
		}
		dtype, data, fault := encode(t)
		if fault != nil {
			fault.Tensor = name
			return fault
		}
		v := stored{dtype: aliases[dtype].dtype, shape: make([]uint64, len(t.Shape)), data: data}
		for i, d := range t.Shape {
			v.shape[i] = uint64(d)
		}
		views[name] = v
	}
	return safetensors.SerializeToWriter(views, metadata, w)
}

// encode returns the bytes of a tensor, and the dtype that they have.
func encode(t inspect.Tensor) (inspect.DType, []byte, *inspect.Fault) {
	if n, ok := storedBytes(inspect.F32, t.Shape); !ok || n != 4*int64(len(t.Data)) {
		return 0, nil, &inspect.Fault{Class: inspect.ErrMismatch, Offset: -1, What: "shape and data disagree",
			Why: fmt.Sprintf("%s does not hold %d values", inspect.ShapeString(t.Shape), len(t.Data))}
	}
	dtype := t.DType
	low, high, integer := integerRange(dtype)
	for i, v := range t.Data {
		if integer && !(low <= v && v <= high && v == float32(math.Trunc(float64(v)))) {
			return 0, nil, &inspect.Fault{Class: inspect.ErrMismatch, Offset: -1, What: "value does not fit its dtype",
				Why: fmt.Sprintf("element %d is %v, the dtype %s", i, v, dtype)}
		}
	}
	if !integer && dtype != inspect.BF16 && dtype != inspect.F16 {
		dtype = inspect.F32
	}
	out := make([]byte, 0, len(t.Data)*dtype.Bits()/8)
	for _, v := range t.Data {
		switch {
		case integer && dtype.Bits() == 8:
			out = append(out, byte(int32(v)))
		case integer:
			out = binary.LittleEndian.AppendUint16(out, uint16(int32(v)))
		case dtype == inspect.BF16:
			out = binary.LittleEndian.AppendUint16(out, uint16(math.Float32bits(fp4.RoundBF16(v))>>16))
		case dtype == inspect.F16:
			out = binary.LittleEndian.AppendUint16(out, fp4.FP16.Encode(v, fp4.NearestEven))
		default:
			out = binary.LittleEndian.AppendUint32(out, math.Float32bits(v))
		}
	}
	return dtype, out, nil
}

// integerRange is what fits the integer types that are written as they are.
func integerRange(d inspect.DType) (low, high float32, ok bool) {
	switch d {
	case inspect.BOOL:
		return 0, 1, true
	case inspect.U8:
		return 0, math.MaxUint8, true
	case inspect.I8:
		return math.MinInt8, math.MaxInt8, true
	case inspect.U16:
		return 0, math.MaxUint16, true
	case inspect.I16:
		return math.MinInt16, math.MaxInt16, true
	}
	return 0, 0, false
}

// WriteFile writes a file so that path holds the old content or the new one and
// never a part: into a new file beside it, which then takes its name and the permissions
// of what it replaces. A symbolic link stays and what it leads to is replaced; what exists
// and is no regular file is refused.
func WriteFile(path string, write func(io.Writer) error) error {
	info, err := os.Stat(path)
	switch {
	case err == nil && !info.Mode().IsRegular():
		f := notRegular(path, info.Mode())
		f.Cure = "choose another path to write to"
		return f
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return systemFault(path, "cannot write", err)
	}
	target := path
	if info != nil {
		if target, err = filepath.EvalSymlinks(path); err != nil {
			return systemFault(path, "cannot write", err)
		}
	}
	f, err := createBeside(target)
	if err != nil {
		return systemFault(path, "cannot write", err)
	}
	if info != nil {
		if err := f.Chmod(info.Mode().Perm()); err != nil {
			return errors.Join(systemFault(path, "cannot write", err), f.Close(), os.Remove(f.Name()))
		}
	}
	if err := fill(f, write); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	if err := os.Rename(f.Name(), target); err != nil {
		return errors.Join(systemFault(path, "cannot write", err), os.Remove(f.Name()))
	}
	return nil
}

// createBeside creates a new file in the directory of path, with the permissions
// that a new file gets: os.CreateTemp would make it private.
func createBeside(path string) (*os.File, error) {
	name := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"."+rand.Text()[:8]+".tmp")
	return os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
}

// fill writes the content and closes the file, on disk.
func fill(f *os.File, write func(io.Writer) error) error {
	w := bufio.NewWriterSize(f, 1<<20)
	if err := write(w); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := errors.Join(w.Flush(), f.Sync(), f.Close()); err != nil {
		return systemFault(f.Name(), "cannot write", err)
	}
	return nil
}
