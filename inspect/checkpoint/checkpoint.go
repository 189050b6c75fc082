// Package checkpoint opens what a model is stored in: one safetensors file, a
// directory of shards with an index, a cached Hugging Face hub id, a .npy array.
// It reads headers first and data only when asked, with pread into memory of our
// own, and it reports every violation it finds without giving up on the rest.
package checkpoint

import (
	"fp4tui/inspect"
)

// Entry is one stored tensor: where its bytes are and what they are.
type Entry struct {
	Name       string
	DType      inspect.DType // true type, F8_E4M3 and F4 included
	Shape      []int         // as in the header (for F4: elements)
	File       *File
	Begin, End int64 // absolute offsets in File
}

// File is one opened container.
type File struct {
	Path     string // as the user would name it
	Size     int64
	Metadata map[string]string // __metadata__
	Damaged  bool              // at least one violation was found in it
}

// Checkpoint is a set of files seen as one namespace of tensors.
type Checkpoint struct {
	Path   string          // what was opened
	Files  []*File         // in name order
	Config []byte          // config.json or hf_quant_config.json beside it, nil if none
	Faults []inspect.Fault // everything found wrong, in file and offset order

	entries []Entry // sorted by name
}
