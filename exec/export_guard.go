package exec

import (
	"os"
	"path/filepath"

	"fp4tui/inspect"
	"fp4tui/inspect/checkpoint"
)

// remembersReading keeps the files that a load opened: export does not write over them.
func (s *Session) remembersReading(files ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.opened == nil {
		s.opened = map[string]bool{}
	}
	for _, f := range files {
		s.opened[onDisk(f)] = true
	}
}

// filesOf are the files that a checkpoint is made of: the tensors, their index and what
// engines read beside them.
func filesOf(c *checkpoint.Checkpoint) []string {
	var list []string
	for _, f := range c.Files {
		list = append(list, f.Path)
		for _, name := range []string{"config.json", "hf_quant_config.json"} {
			beside := filepath.Join(filepath.Dir(f.Path), name)
			if _, err := os.Stat(beside); err == nil {
				list = append(list, beside)
			}
		}
	}
	if c.Index != "" {
		list = append(list, c.Index)
	}
	return list
}

// spared refuses to write over a file that this session opened, unless it made the file
// itself. Name is the path that was typed. The error is an *inspect.Fault.
func (s *Session) spared(name, path string) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if !s.opened[onDisk(path)] || s.written[path] {
		return nil
	}
	return &inspect.Fault{Class: inspect.ErrUnsupported, File: name, Offset: -1, What: "this session opened the file: it would be lost",
		Cure: "choose another name"}
}

// onDisk is a path without links, as the file that a write would replace.
func onDisk(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	return path
}
