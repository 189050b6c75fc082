package exec

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"fp4tui/inspect"
)

// tourScheme names the built-in samples: tour:minilm-w4a16.
const tourScheme = "tour:"

// readPath turns what a load names into a file path: a built-in sample, an input of the
// front matter by name, a path relative to the session's directory, or a hub id, which is
// returned as it is when neither such a file nor the directory that it would lie in exists.
func (s *Session) readPath(name string) (string, error) {
	if sample, ok := strings.CutPrefix(name, tourScheme); ok {
		if s.opt.Tour == nil {
			return "", &inspect.Fault{Class: inspect.ErrMissing, File: name, Offset: -1, What: "no built-in samples here"}
		}
		return s.opt.Tour(sample)
	}
	if s.opt.Read != nil {
		path, err := s.opt.Read(name)
		if err != nil {
			return "", fmt.Errorf("%w: %w", ErrForbidden, err)
		}
		return path, nil
	}
	for _, a := range slices.Backward(s.snapshot().inputs) {
		if path, ok := a.Named(name); ok {
			return path, nil
		}
	}
	path := s.inDir(name)
	if _, err := os.Lstat(path); err == nil || !isHubID(name) {
		return path, nil
	}
	if _, err := os.Stat(filepath.Dir(path)); err == nil {
		return path, nil
	}
	return name, nil
}

// writePath is readPath for export.
func (s *Session) writePath(name string) (string, error) {
	if s.opt.Write == nil {
		return s.inDir(name), nil
	}
	path, err := s.opt.Write(name)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrForbidden, err)
	}
	return path, nil
}

func (s *Session) inDir(name string) string {
	if filepath.IsAbs(name) || s.opt.Dir == "" {
		return name
	}
	return filepath.Join(s.opt.Dir, name)
}

// isHubID recognises org/name and org/name@revision.
func isHubID(name string) bool {
	name, _, _ = strings.Cut(name, "@")
	org, repo, ok := strings.Cut(name, "/")
	return ok && org != "" && repo != "" && org != "." && org != ".." && !strings.Contains(repo, "/")
}
