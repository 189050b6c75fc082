package checkpoint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fp4tui/inspect"
)

const mixed = `{"codes":{"dtype":"F4","shape":[2,4],"data_offsets":[0,4]},"odd":{"dtype":"F4","shape":[2,3],"data_offsets":[4,7]},` +
	`"six":{"dtype":"F6_E3M2","shape":[2,4],"data_offsets":[7,13]},"scales":{"dtype":"F8_E4M3","shape":[2,1],"data_offsets":[13,15]},` +
	`"global":{"dtype":"F32","shape":[],"data_offsets":[15,19]},"none":{"dtype":"F16","shape":[0,5],"data_offsets":[19,19]},` +
	`"a\"\\\u0001\u00e9":{"dtype":"C64","shape":[1],"data_offsets":[19,27]}}`

func mixedCheckpoint(t *testing.T) (*Checkpoint, string) {
	t.Helper()
	path := write(t, filepath.Join(t.TempDir(), "m.safetensors"), container(mixed, 27))
	c := open(t, path)
	if len(c.Faults) > 0 {
		t.Fatal(whats(c))
	}
	return c, path
}

// TestLayer: tensors whose dtypes the header library does not know come through it.
func TestLayer(t *testing.T) {
	c, _ := mixedCheckpoint(t)
	var entries []*Entry
	for i := range c.Entries() {
		entries = append(entries, &c.Entries()[i])
	}
	views, err := c.Layer(context.Background(), entries...)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]struct {
		shape string
		begin byte
		n     int
	}{
		"codes": {"U8 [2 2]", 0, 4}, "odd": {"U8 [3]", 4, 3}, "six": {"U8 [2 3]", 7, 6}, "scales": {"U8 [2 1]", 13, 2},
		"global": {"F32 []", 15, 4}, "none": {"F16 [0 5]", 19, 0}, "a\"\\\x01é": {"U64 [1]", 19, 8},
	}
	if len(views) != len(want) {
		t.Fatalf("%d views", len(views))
	}
	for name, w := range want {
		v := views[name]
		if got := fmt.Sprint(v.DType(), v.Shape()); got != w.shape {
			t.Errorf("%s: %s, want %s", name, got, w.shape)
		}
		for i, b := range v.Data() {
			if b != w.begin+byte(i) || len(v.Data()) != w.n {
				t.Errorf("%s: bytes %x", name, v.Data())
				break
			}
		}
	}
	if empty, err := c.Layer(context.Background()); err != nil || len(empty) != 0 {
		t.Errorf("no tensors: %v, %v", empty, err)
	}
}

func TestReadRange(t *testing.T) {
	c, _ := mixedCheckpoint(t)
	e, _ := c.Lookup("six")
	got, err := c.ReadRange(context.Background(), e, 2, 3)
	if err != nil || !bytes.Equal(got, []byte{9, 10, 11}) {
		t.Errorf("%x, %v", got, err)
	}
	for _, r := range [][2]int64{{-1, 1}, {0, -1}, {0, 7}, {6, 1}, {7, 0}, {1 << 62, 1 << 62}} {
		_, err := c.ReadRange(context.Background(), e, r[0], r[1])
		if err == nil {
			t.Errorf("range %v was read", r)
			continue
		}
		if f := asFault(t, err); f.What != "range outside the tensor" {
			t.Error(f)
		}
	}
}

// TestChangedFiles: whatever happens to the file after it was opened is a fault.
func TestChangedFiles(t *testing.T) {
	tests := []struct {
		name   string
		change func(t *testing.T, path string) error
		class  error
		why    string
	}{
		{"shrunk", func(_ *testing.T, path string) error { return os.Truncate(path, 20) }, inspect.ErrMismatch, "bytes, now 20"},
		{"grown", func(_ *testing.T, path string) error { return os.Truncate(path, 5000) }, inspect.ErrMismatch, "bytes, now 5,000"},
		{"written to", func(_ *testing.T, path string) error { return os.Chtimes(path, time.Now(), time.Unix(1e9, 0)) }, inspect.ErrMismatch, "it was written to"},
		{"replaced", func(t *testing.T, path string) error {
			info, err := os.Stat(path)
			if err != nil {
				return err
			}
			other := write(t, path+".new", container(mixed, 27))
			return errors.Join(os.Chtimes(other, time.Now(), info.ModTime()), os.Rename(other, path))
		}, inspect.ErrMismatch, "another file took its place"},
		{"deleted", func(_ *testing.T, path string) error { return os.Remove(path) }, inspect.ErrMissing, ""},
		{"a directory now", func(_ *testing.T, path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o777)) }, inspect.ErrUnsupported, "it is a directory"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c, path := mixedCheckpoint(t)
			if err := test.change(t, path); err != nil {
				t.Fatal(err)
			}
			e, _ := c.Lookup("codes")
			_, err := c.Read(context.Background(), e)
			if err == nil {
				t.Fatal("read succeeded")
			}
			f := asFault(t, err)
			if !errors.Is(f, test.class) || f.Tensor != "codes" || !strings.Contains(f.Why, test.why) || f.Cure == "" {
				t.Errorf("fault %v, class %v, cure %q", f, f.Class, f.Cure)
			}
		})
	}
}

func TestClosedAndCancelled(t *testing.T) {
	c, _ := mixedCheckpoint(t)
	e, _ := c.Lookup("codes")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := c.Tensor(ctx, e); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled read: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := c.ReadRange(context.Background(), e, 0, 1)
	if f := asFault(t, err); f.What != "checkpoint is closed" {
		t.Error(f)
	}
}

// TestRefusesHugeReads: a sparse file may claim more than memory holds.
func TestRefusesHugeReads(t *testing.T) {
	const size = 1 << 40
	c, file := &Checkpoint{}, &File{Path: "sparse", Size: 2 * size}
	a := &Entry{Name: "a", DType: inspect.U8, Shape: []int{size}, File: file, Begin: 8, End: 8 + size}
	b := &Entry{Name: "b", DType: inspect.F4, Shape: []int{1 << 36}, File: file, Begin: 8, End: 8 + 1<<35}
	half := &Entry{Name: "half", DType: inspect.U8, Shape: []int{1 << 35}, File: file, Begin: 8, End: 8 + 1<<35}
	_, errA := c.Read(context.Background(), a)
	_, errB := c.Tensor(context.Background(), b) // 32 GiB stored, 256 GiB decoded
	_, errLayer := c.Layer(context.Background(), half, half, half)
	_, errRange := c.ReadRange(context.Background(), a, 0, size)
	for _, err := range []error{errA, errB, errLayer, errRange} {
		if f := asFault(t, err); f.What != "too large to read at once" || !errors.Is(f, inspect.ErrUnsupported) {
			t.Error(f)
		}
	}
}

func TestConcurrentReads(t *testing.T) {
	c, _ := mixedCheckpoint(t)
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for range 50 {
				for i := range c.Entries() {
					e := &c.Entries()[i]
					data, err := c.Read(context.Background(), e)
					if err != nil || int64(len(data)) != e.Bytes() {
						t.Errorf("%s: %d bytes, %v", e.Name, len(data), err)
					}
				}
			}
		})
	}
	wait.Wait()
}

func TestTensorFaultsNameTheTensor(t *testing.T) {
	c, path := mixedCheckpoint(t)
	e, _ := c.Lookup("six")
	_, err := c.Tensor(context.Background(), e)
	if f := asFault(t, err); f.Tensor != "six" || f.File != path || f.Offset != e.Begin || !errors.Is(f, inspect.ErrUnsupported) {
		t.Error(f)
	}
	x, err := c.Tensor(context.Background(), mustLookup(t, c, "scales"))
	if err != nil || x.DType != inspect.F8E4M3 || !slices.Equal(x.Shape, []int{2, 1}) {
		t.Errorf("%v, %v", x, err)
	}
}

func mustLookup(t *testing.T, c *Checkpoint, name string) *Entry {
	t.Helper()
	e, ok := c.Lookup(name)
	if !ok {
		t.Fatalf("no tensor %s", name)
	}
	return e
}
