package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"fp4tui/inspect"
)

// manyScalars is a directory of files with n numbers each, which all differ.
func manyScalars(tb testing.TB, files, n int) *Checkpoint {
	tb.Helper()
	dir := tb.TempDir()
	for f := range files {
		header := "{"
		for i := range n {
			if i > 0 {
				header += ","
			}
			header += fmt.Sprintf(`"f%d.t%04d":{"dtype":"U8","shape":[1],"data_offsets":[%d,%d]}`, f, i, i, i+1)
		}
		write(tb, filepath.Join(dir, fmt.Sprintf("model-%d.safetensors", f)), container(header+"}", n))
	}
	return open(tb, dir)
}

// TestTensors reads more tensors of a file than one open is for, in any order and some twice.
func TestTensors(t *testing.T) {
	c := manyScalars(t, 3, perOpen+100)
	var entries []*Entry
	for i := range c.Entries() {
		entries = append(entries, &c.Entries()[i])
	}
	slices.Reverse(entries)
	entries = append(entries, entries[5], entries[0], entries[700])
	tensors, errs := c.Tensors(context.Background(), entries)
	for i, e := range entries {
		want, err := c.Tensor(context.Background(), e)
		if err != nil || errs[i] != nil || !reflect.DeepEqual(tensors[i], want) {
			t.Fatalf("%s: %v %v, want %v %v", e.Name, tensors[i], errs[i], want, err)
		}
	}
	if tensors, errs := c.Tensors(context.Background(), nil); len(tensors) != 0 || len(errs) != 0 {
		t.Error("something of nothing")
	}
}

// TestTensorsFail has a file that changed between two that did not, a cut tensor, a context that
// ended and a checkpoint that is closed.
func TestTensorsFail(t *testing.T) {
	c := manyScalars(t, 3, 4)
	var entries []*Entry
	for i := range c.Entries() {
		entries = append(entries, &c.Entries()[i])
	}
	changed := entries[5].File
	if err := os.WriteFile(changed.Path, []byte("something else"), 0o666); err != nil {
		t.Fatal(err)
	}
	cut := *entries[0]
	cut.End = cut.File.Size + 1
	entries[0] = &cut
	_, errs := c.Tensors(context.Background(), entries)
	for i, e := range entries {
		var fault *inspect.Fault
		switch {
		case i == 0:
			if !errors.As(errs[i], &fault) || fault.What != "data cut short" || fault.Tensor != e.Name {
				t.Errorf("cut: %v", errs[i])
			}
		case e.File == changed:
			if !errors.As(errs[i], &fault) || !errors.Is(fault, inspect.ErrMismatch) || fault.Tensor != e.Name {
				t.Errorf("%s of a changed file: %v", e.Name, errs[i])
			}
		case errs[i] != nil:
			t.Errorf("%s: %v", e.Name, errs[i])
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, errs := c.Tensors(ctx, entries[1:2]); !errors.Is(errs[0], context.Canceled) {
		t.Errorf("cancelled: %v", errs[0])
	}
	c.Close()
	if _, errs := c.Tensors(context.Background(), entries[1:3]); !errors.Is(errs[0], inspect.ErrUnreadable) || errs[0] == errs[1] {
		t.Errorf("closed: %v, %v", errs[0], errs[1])
	}
}
