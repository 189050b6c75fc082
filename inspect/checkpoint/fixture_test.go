package checkpoint

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"fp4tui/inspect"
)

// container is a safetensors file with this header and n bytes of data, which
// count up from 0.
func container(header string, n int) []byte {
	file := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	file = append(file, header...)
	for i := range n {
		file = append(file, byte(i))
	}
	return file
}

// write puts a file into a directory, which is made if need be.
func write(tb testing.TB, path string, data []byte) string {
	tb.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o666); err != nil {
		tb.Fatal(err)
	}
	return path
}

// open opens a path that must hold something usable.
func open(tb testing.TB, path string) *Checkpoint {
	tb.Helper()
	c, err := Open(context.Background(), path)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// failure opens a path that must hold nothing usable.
func failure(tb testing.TB, path string) *inspect.Fault {
	tb.Helper()
	c, err := Open(context.Background(), path)
	if err == nil {
		tb.Fatalf("%s opened with %d tensors", path, c.Len())
	}
	return asFault(tb, err)
}

// asFault is the fault that an error must be.
func asFault(tb testing.TB, err error) *inspect.Fault {
	tb.Helper()
	var fault *inspect.Fault
	if !errors.As(err, &fault) {
		tb.Fatalf("error %v (%T) is no fault", err, err)
	}
	if fault.Class == nil || fault.What == "" {
		tb.Fatalf("fault %+v has no class or no text", fault)
	}
	return fault
}

// whats lists what is wrong with which tensor, in order.
func whats(c *Checkpoint) []string {
	var out []string
	for _, f := range c.Faults {
		s := filepath.Base(f.File) + ": " + f.What
		if f.Tensor != "" {
			s = filepath.Base(f.File) + ": " + f.Tensor + ": " + f.What
		}
		out = append(out, s)
	}
	return out
}
