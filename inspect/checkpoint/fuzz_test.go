package checkpoint

import (
	"bytes"
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/nlpodyssey/safetensors"

	"fp4tui/inspect"
)

// FuzzHeader: any bytes give tensors or faults and never a panic; what the header
// library accepts has the same tensors here, and what is free of faults here is
// accepted there if it has no dtype or key that the library does not know.
func FuzzHeader(f *testing.F) {
	for _, test := range headerFaults {
		f.Add([]byte(test.header), uint16(test.data))
	}
	f.Add([]byte(mixed), uint16(27))
	f.Fuzz(func(t *testing.T, text []byte, data uint16) {
		size := int64(prefixBytes + len(text) + int(data))
		h := newHeader(&File{Path: "m", Size: size}, string(text))
		if err := h.parse(context.Background()); err != nil {
			t.Fatal(err)
		}
		entries := h.names()
		faults := h.faults.sorted()
		for i := range entries {
			e := &entries[i]
			n, ok := storedBytes(e.DType, e.Shape)
			if !ok || n != e.Bytes() || e.Begin < int64(prefixBytes+len(text)) || (e.Cut() && len(faults) == 0) {
				t.Fatalf("unsound entry %+v", e)
			}
		}
		for _, fault := range faults {
			if fault.Class == nil || fault.What == "" || fault.Why == "" || fault.Error() == "" {
				t.Fatalf("incomplete fault %+v", fault)
			}
		}
		file := append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...)
		parsed, err := safetensors.Deserialize(append(file, make([]byte, data)...))
		if err != nil || len(faults) > 0 {
			return
		}
		if parsed.Len() != len(entries) {
			t.Fatalf("%d tensors, the library has %d", len(entries), parsed.Len())
		}
		for i := range entries {
			view, ok := parsed.Tensor(entries[i].Name)
			if !ok || int64(view.DataLen()) != entries[i].Bytes() || len(view.Shape()) != len(entries[i].Shape) {
				t.Fatalf("%+v is %v %v in the library", entries[i], view.Shape(), ok)
			}
		}
	})
}

// FuzzNPY: any bytes give an array that fits the file, or a fault.
func FuzzNPY(f *testing.F) {
	files, err := filepath.Glob("testdata/npy/*.npy")
	if err != nil || len(files) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add(npy("{'descr': '<f4', 'fortran_order': True, 'shape': (0, 9223372036854775807, 3), }", 0))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, fault := readNPYHeader(bytes.NewReader(data), int64(len(data)))
		if fault != nil {
			if fault.Class == nil || fault.What == "" || fault.Why == "" {
				t.Fatalf("incomplete fault %+v", fault)
			}
			return
		}
		x, err := Decode(h.dtype, h.shape, data[h.begin:])
		if err != nil {
			t.Fatal(err)
		}
		if h.fortran {
			x.Data = rowMajor(x.Data, x.Shape)
		}
		if len(x.Data) != inspect.Numel(x.Shape) {
			t.Fatalf("%d values for %v", len(x.Data), x.Shape)
		}
	})
}
