// Package checkpoint opens what a model is stored in: one safetensors file, a
// directory of shards with an index, a cached Hugging Face hub id, a .npy array.
// It reads headers first and data only when asked, with pread into memory of our
// own, and it reports every violation it finds without giving up on the rest.
//
// A Checkpoint keeps no file open and maps nothing: each read opens the file it
// needs, checks that it is still the one whose header was scanned, and fails with
// a Fault when it is not. All methods may be called from several goroutines.
package checkpoint

import (
	"io/fs"
	"sort"
	"strings"
	"sync/atomic"

	"fp4tui/inspect"
)

// Entry is one stored tensor: where its bytes are and what they are.
type Entry struct {
	Name       string
	DType      inspect.DType // true type, F8_E4M3 and F4 included
	Shape      []int         // as in the header (for F4: elements); read-only
	File       *File
	Begin, End int64 // absolute offsets in File
}

// Bytes is the stored size of the tensor.
func (e *Entry) Bytes() int64 { return e.End - e.Begin }

// Cut reports that the file ends before the tensor does: it can be described,
// and read in part with ReadRange, but not read whole.
func (e *Entry) Cut() bool { return e.End > e.File.Size }

// File is one opened container.
type File struct {
	Path     string // as the user would name it
	Size     int64
	Metadata map[string]string // __metadata__
	Damaged  bool              // at least one violation was found in it

	info fs.FileInfo // what it was when the header was scanned
}

// Checkpoint is a set of files seen as one namespace of tensors.
type Checkpoint struct {
	Path        string          // as given: a path or a hub id
	Root        string          // the file or directory on disk that Path led to
	Revision    string          // commit of a hub id; empty for a local path
	Index       string          // path of the shard index that was used; empty if none
	Files       []*File         // the files whose headers could be scanned, in name order
	Dir         string          // where config.json is looked for
	Config      []byte          // config.json beside the tensors, nil if none
	QuantConfig []byte          // hf_quant_config.json beside the tensors, nil if none
	Faults      []inspect.Fault // everything found wrong, in file and offset order

	entries []Entry // sorted by name
	closed  atomic.Bool
}

// Close ends the use of the checkpoint: later reads fail. It holds no file open,
// so nothing leaks without it.
func (c *Checkpoint) Close() error {
	c.closed.Store(true)
	return nil
}

// Len is the number of tensors.
func (c *Checkpoint) Len() int { return len(c.entries) }

// Entries returns all tensors sorted by name. The slice is shared: do not change it.
func (c *Checkpoint) Entries() []Entry { return c.entries }

// Lookup returns the tensor with exactly this name.
func (c *Checkpoint) Lookup(name string) (*Entry, bool) {
	i := sort.Search(len(c.entries), func(i int) bool { return c.entries[i].Name >= name })
	if i == len(c.entries) || c.entries[i].Name != name {
		return nil, false
	}
	return &c.entries[i], true
}

// Suffix returns the tensors that a shortened name can mean: the one with exactly
// this name if there is one, else all whose name ends in "."+name, in name order.
func (c *Checkpoint) Suffix(name string) []*Entry {
	if e, ok := c.Lookup(name); ok {
		return []*Entry{e}
	}
	if name == "" {
		return nil
	}
	var found []*Entry
	for i := range c.entries {
		full := c.entries[i].Name
		cut := len(full) - len(name)
		if cut > 0 && full[cut-1] == '.' && strings.HasSuffix(full, name) {
			found = append(found, &c.entries[i])
		}
	}
	return found
}

// FaultOf returns the first fault that names this tensor, nil if there is none: the
// reason why a tensor that a header lists is not among the entries.
func (c *Checkpoint) FaultOf(tensor string) *inspect.Fault {
	for i := range c.Faults {
		if c.Faults[i].Tensor == tensor {
			return &c.Faults[i]
		}
	}
	return nil
}
