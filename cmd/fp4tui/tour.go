package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"fp4tui/inspect"
	"fp4tui/inspect/checkpoint"
	"fp4tui/samples"
)

// tourPath gives the built-in sample of a name a place on disk, since checkpoints are
// read with pread: below the user's cache directory, or below the temporary one where
// that can't be written. Files that are there already and are the same stay.
func tourPath(name string) (string, error) {
	if !fs.ValidPath(name) {
		return "", noSample(name)
	}
	if _, err := fs.Stat(samples.FS, name); err != nil {
		return "", noSample(name)
	}
	var errs []error
	for _, base := range []func() (string, error){os.UserCacheDir, func() (string, error) { return os.TempDir(), nil }} {
		dir, err := base()
		if err == nil {
			dir = filepath.Join(dir, "fp4tui", "samples")
			err = unpack(name, dir)
		}
		if err == nil {
			return filepath.Join(dir, filepath.FromSlash(name)), nil
		}
		errs = append(errs, err)
	}
	return "", fmt.Errorf("unpacking the built-in sample %s: %w", name, errors.Join(errs...))
}

// unpack writes one sample, file or directory, below dir.
func unpack(name, dir string) error {
	return fs.WalkDir(samples.FS, name, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(dir, filepath.FromSlash(file))
		if d.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		want, err := samples.FS.ReadFile(file)
		if err != nil {
			return err
		}
		if have, err := os.ReadFile(target); err == nil && bytes.Equal(have, want) {
			return nil
		}
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		return placeNew(target, want)
	})
}

// placeNew writes a file that appears whole. When another session put the same there at
// the same time that one stays: it may be open already, and a file that is replaced under
// a reader counts as changed.
func placeNew(target string, data []byte) error {
	own := fmt.Sprintf("%s.%d-%d", target, os.Getpid(), time.Now().UnixNano())
	write := func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	}
	if err := checkpoint.WriteFile(own, write); err != nil {
		return err
	}
	defer os.Remove(own)
	if os.Link(own, target) == nil {
		return nil
	}
	if have, err := os.ReadFile(target); err == nil && bytes.Equal(have, data) {
		return nil
	}
	return checkpoint.WriteFile(target, write) // another version's file, or no links here
}

func noSample(name string) error {
	list, err := fs.ReadDir(samples.FS, ".")
	if err != nil {
		panic(fmt.Sprintf("embedded samples: %v", err))
	}
	cure := "there are"
	for _, e := range list {
		if e.IsDir() || path.Ext(e.Name()) != ".md" {
			cure += " " + e.Name()
		}
	}
	return &inspect.Fault{Class: inspect.ErrMissing, File: "tour:" + name, Offset: -1, What: "no such built-in sample", Cure: cure}
}
