package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestPlaceNew: a sample that is there already stays the file it is; another one goes.
func TestPlaceNew(t *testing.T) {
	target := filepath.Join(t.TempDir(), "x.npy")
	stat := func() os.FileInfo {
		t.Helper()
		info, err := os.Stat(target)
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	place := func(text string) {
		t.Helper()
		if err := placeNew(target, []byte(text)); err != nil || cat(t, target) != text {
			t.Fatalf("%v: %q", err, cat(t, target))
		}
	}
	place("one")
	first := stat()
	if place("one"); !os.SameFile(first, stat()) || !first.ModTime().Equal(stat().ModTime()) {
		t.Error("the same sample replaced a file that may be open")
	}
	place("two")
	if names, err := os.ReadDir(filepath.Dir(target)); err != nil || len(names) != 1 {
		t.Errorf("left in the directory: %v, %v", names, err)
	}
}
