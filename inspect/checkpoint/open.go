package checkpoint

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"fp4tui/inspect"
)

const (
	indexSuffix = ".safetensors.index.json"
	tensorExt   = ".safetensors"
	maxConfig   = 64 << 20 // bytes of a config file
)

// plan is what a path leads to: the files whose headers are to be scanned.
type plan struct {
	root     string // file or directory on disk
	revision string
	dir      string   // where config.json lies
	shards   []string // paths, in name order
	pending  string   // path of the directory's index, which is read beside the headers; empty without one
	index    *index   // nil without one
	closed   bool     // only what the index names counts: no stray files
	faults   []inspect.Fault
}

// Open opens path: a .safetensors file, a directory of them, a
// *.safetensors.index.json, or the id of a model in the Hugging Face hub cache,
// "org/name" or "org/name@revision". A path that exists locally wins over an id.
//
// Only headers are read. What breaks the format is listed in Faults, and the rest
// is usable. An error is returned when nothing is: always an *inspect.Fault, unless
// ctx ended, which returns its error.
func Open(ctx context.Context, path string) (*Checkpoint, error) {
	p, err := locate(ctx, path)
	if err != nil {
		return nil, err
	}
	c := &Checkpoint{Path: path, Root: p.root, Revision: p.revision, Dir: p.dir}
	loaded, err := p.load(ctx)
	if err != nil {
		return nil, err
	}
	c.assemble(p, loaded)
	if len(c.Files) == 0 || len(c.entries) == 0 && len(c.Faults) > 0 {
		return nil, nothingUsable(path, c.Faults)
	}
	c.Config = c.readConfig(filepath.Join(p.dir, "config.json"))
	c.QuantConfig = c.readConfig(filepath.Join(p.dir, "hf_quant_config.json"))
	return c, nil
}

// nothingUsable is the first fault of a path that holds nothing to work with.
func nothingUsable(path string, faults []inspect.Fault) *inspect.Fault {
	if len(faults) == 0 {
		return &inspect.Fault{Class: inspect.ErrMissing, File: path, Offset: -1, What: "no tensors", Cure: "check the path"}
	}
	first := faults[0]
	if n := len(faults) - 1; n > 0 {
		first.Why += fmt.Sprintf("; %s more faults, nothing in it is usable", grouped(int64(n)))
	}
	return &first
}

// locate finds out what a path means.
func locate(ctx context.Context, path string) (*plan, error) {
	if path == "" {
		return nil, &inspect.Fault{Class: inspect.ErrMissing, Offset: -1, What: "no path given",
			Cure: "give a .safetensors file, a directory of them, or a hub id"}
	}
	info, err := os.Stat(path)
	switch {
	case err == nil:
		return locatePath(path, info)
	case isLink(path):
		return nil, badLink(path, err)
	case errors.Is(err, fs.ErrPermission):
		return nil, systemFault(path, "cannot open", err)
	}
	if id, revision, ok := parseHubID(path); ok && !inDirectory(path) {
		return locateHub(path, id, revision)
	}
	return nil, systemFault(path, "cannot open", err)
}

// inDirectory says whether a path leads into a directory that exists: then it names a file
// there, not a model.
func inDirectory(path string) bool {
	dir, _ := filepath.Split(path)
	if dir == "" {
		return false
	}
	info, err := os.Stat(dir)
	return err == nil && info.IsDir()
}

func locatePath(path string, info fs.FileInfo) (*plan, error) {
	switch {
	case info.IsDir():
		return locateDir(path)
	case !info.Mode().IsRegular():
		return nil, notRegular(path, info.Mode())
	case strings.HasSuffix(strings.ToLower(path), ".json"):
		return locateIndex(path)
	}
	return &plan{root: path, dir: filepath.Dir(path), shards: []string{path}}, nil
}

// locateIndex plans the shards that an index file names, and only those.
func locateIndex(path string) (*plan, error) {
	x, fault := readIndex(path)
	if fault != nil {
		return nil, fault
	}
	p := &plan{root: path, dir: filepath.Dir(path), index: x, closed: true}
	for _, shard := range x.shards {
		if _, err := os.Lstat(shard.path); err == nil {
			p.shards = append(p.shards, shard.path)
		}
	}
	return p, nil
}

// locateDir plans every safetensors file of a directory and those that its index
// names elsewhere below it.
func locateDir(dir string) (*plan, error) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, systemFault(dir, "cannot list the directory", err)
	}
	p := &plan{root: dir, dir: dir}
	var indexes []string
	for _, d := range list {
		switch name := strings.ToLower(d.Name()); {
		case strings.HasSuffix(name, indexSuffix):
			indexes = append(indexes, d.Name())
		case strings.HasSuffix(name, tensorExt):
			p.shards = append(p.shards, filepath.Join(dir, d.Name()))
		}
	}
	p.chooseIndex(dir, indexes)
	if p.pending == "" {
		p.faults = append(p.faults, missingNumbers(p.shards)...)
		if len(p.shards) == 0 && len(p.faults) == 0 {
			return nil, noTensors(dir, list)
		}
	}
	return p, nil
}

// chooseIndex takes model.safetensors.index.json, or the only index there is.
func (p *plan) chooseIndex(dir string, indexes []string) {
	if len(indexes) == 0 {
		return
	}
	chosen := max(slices.Index(indexes, "model"+indexSuffix), 0)
	for i, name := range indexes {
		if i != chosen {
			p.faults = append(p.faults, inspect.Fault{
				Class: inspect.ErrMismatch, File: filepath.Join(dir, name), Offset: -1,
				What: "second index in the directory", Why: indexes[chosen] + " is used",
				Cure: "open this index by its own path to see its shards",
			})
		}
	}
	p.pending = filepath.Join(dir, indexes[chosen])
}

// load scans the headers of all shards. A directory's index, which can be as much text as all
// headers together, is read at the same time; only shards that it alone names wait for it.
func (p *plan) load(ctx context.Context) ([]loaded, error) {
	if p.pending == "" {
		return loadAll(ctx, p.shards)
	}
	listed := len(p.shards)
	var fault *inspect.Fault
	var reading sync.WaitGroup
	reading.Go(func() { p.index, fault = readIndex(p.pending) })
	shards, err := loadAll(ctx, p.shards)
	reading.Wait()
	switch {
	case err != nil:
		return nil, err
	case fault != nil:
		p.index = nil
		p.faults = append(append(p.faults, *fault), missingNumbers(p.shards)...)
		return shards, nil
	}
	p.addIndexed()
	more, err := loadAll(ctx, p.shards[listed:])
	shards = append(shards, more...)
	slices.SortFunc(shards, func(a, b loaded) int { return strings.Compare(a.path, b.path) })
	return shards, err
}

// addIndexed adds the shards that are named by the index and not in the listing.
func (p *plan) addIndexed() {
	listed := make(map[string]bool, len(p.shards))
	for _, path := range p.shards {
		listed[path] = true
	}
	for _, shard := range p.index.shards {
		if listed[shard.path] {
			continue
		}
		if _, err := os.Lstat(shard.path); err == nil {
			p.shards = append(p.shards, shard.path)
		}
	}
}

// noTensors is the fault of a directory without any safetensors file.
func noTensors(dir string, list []os.DirEntry) *inspect.Fault {
	f := &inspect.Fault{Class: inspect.ErrMissing, File: dir, Offset: -1, What: "no .safetensors file in the directory",
		Why: "it is empty", Cure: "give the directory that holds the model's .safetensors files"}
	if len(list) > 0 {
		f.Why = fmt.Sprintf("none of its %d entries is one", len(list))
	}
	for _, d := range list {
		switch filepath.Ext(d.Name()) {
		case ".bin", ".pt", ".pth":
			f.Why = "it holds " + d.Name() + ", a PyTorch pickle"
			f.Cure = "convert it with safetensors; pickles run code and are never opened"
		case ".gguf":
			f.Why, f.Cure = "it holds "+d.Name()+", a GGUF file", "GGUF is not supported: open the checkpoint it was made from"
		}
	}
	return f
}

func isLink(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode()&fs.ModeSymlink != 0
}

// badLink is the fault of a symbolic link to nothing (in a hub cache, a blob that was deleted or
// never finished) or to itself, by what following it said.
func badLink(path string, err error) *inspect.Fault {
	if errors.Is(err, syscall.ELOOP) {
		return &inspect.Fault{Class: inspect.ErrMissing, File: path, Offset: -1, What: "a loop of links", Why: "following it comes back to it, and to no file",
			Cure: "remove the link and download or copy the file again"}
	}
	f := &inspect.Fault{Class: inspect.ErrMissing, File: path, Offset: -1, What: "dangling link", Cure: "download the file again"}
	if target, err := os.Readlink(path); err == nil {
		f.Why = "it points to " + target + ", which is not there"
	}
	return f
}

// loaded is the outcome of scanning one file.
type loaded struct {
	path    string
	file    *File // nil if no header could be scanned
	entries []Entry
	faults  []inspect.Fault
}

// loadAll scans the headers of all files, as many at a time as there are CPUs. The
// result is in the order of paths whatever finishes first.
func loadAll(ctx context.Context, paths []string) ([]loaded, error) {
	out := make([]loaded, len(paths))
	errs := make([]error, len(paths))
	var next atomic.Int64
	var wait sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(paths)) {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(paths); i = int(next.Add(1)) - 1 {
				out[i], errs[i] = load(ctx, paths[i])
			}
		})
	}
	wait.Wait()
	return out, cmp.Or(errs...)
}

// load scans the header of one file; the error is that of ctx.
func load(ctx context.Context, path string) (loaded, error) {
	l := loaded{path: path}
	if err := ctx.Err(); err != nil {
		return l, err
	}
	file, text, fault := readHeader(path)
	if fault != nil {
		l.faults = []inspect.Fault{*fault}
		return l, nil
	}
	h := newHeader(file, text)
	if err := h.parse(ctx); err != nil {
		return l, err
	}
	l.file, l.entries = file, h.names()
	l.faults = h.faults.sorted()
	file.Damaged = len(l.faults) > 0
	return l, nil
}

// readHeader opens one file and reads its header's text.
func readHeader(path string) (*File, string, *inspect.Fault) {
	f, info, fault := openRegular(path)
	if fault != nil {
		return nil, "", fault
	}
	defer f.Close()
	file := &File{Path: path, Size: info.Size(), info: info}
	var prefix [prefixBytes]byte
	n, err := f.ReadAt(prefix[:], 0)
	if err != nil && err != io.EOF {
		return nil, "", systemFault(path, "cannot read", err)
	}
	length := binary.LittleEndian.Uint64(prefix[:])
	if fault := checkLength(path, prefix[:n], length, info.Size()); fault != nil {
		return nil, "", fault
	}
	// A Builder hands its buffer over as a string: names are slices of it, and the
	// header is in memory once.
	var b strings.Builder
	b.Grow(int(length))
	m, err := io.Copy(&b, io.NewSectionReader(f, prefixBytes, int64(length)))
	switch {
	case err != nil:
		return nil, "", systemFault(path, "cannot read", err)
	case m != int64(length):
		return nil, "", changed(path, "it became shorter while its header was read")
	}
	return file, b.String(), nil
}

// openRegular opens a regular file, and nothing else.
func openRegular(path string) (*os.File, fs.FileInfo, *inspect.Fault) {
	info, err := os.Stat(path)
	switch {
	case err != nil && isLink(path):
		return nil, nil, badLink(path, err)
	case err != nil:
		return nil, nil, systemFault(path, "cannot open", err)
	case !info.Mode().IsRegular():
		return nil, nil, notRegular(path, info.Mode())
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, systemFault(path, "cannot open", err)
	}
	if info, err = f.Stat(); err != nil {
		f.Close()
		return nil, nil, systemFault(path, "cannot open", err)
	}
	return f, info, nil
}

// foreign are the files that people take for safetensors, by their first bytes.
var foreign = [...]struct{ magic, what, cure string }{
	{"version ", "a Git LFS pointer, not the data", "run git lfs pull, or download the file"},
	{"GGUF", "a GGUF file", "GGUF is not supported: open the checkpoint it was made from"},
	{"PK\x03\x04", "a zip archive or PyTorch pickle", "convert it with safetensors; pickles run code and are never opened"},
	{"\x80\x02", "a Python pickle", "convert it with safetensors; pickles run code and are never opened"},
	{"\x93NUMPY", "a NumPy array", "load it by a path that ends in .npy"},
	{"<!DOCTY", "a web page", "the download failed: log in or accept the licence, and download it again"},
	{"<html", "a web page", "the download failed: log in or accept the licence, and download it again"},
}

// checkLength checks a header's length before anything is allocated for it.
func checkLength(path string, prefix []byte, length uint64, size int64) *inspect.Fault {
	f := &inspect.Fault{Class: inspect.ErrMalformed, File: path, Offset: 0, Cure: cureCopy}
	switch {
	case size == 0:
		f.What, f.Why = "empty file", "it has 0 bytes"
	case len(prefix) < prefixBytes:
		f.What, f.Why = "file too small", fmt.Sprintf("a header needs 8 bytes, the file has %d", size)
	case length > maxHeader:
		f.What, f.Why = "header too large", fmt.Sprintf("its length says %d bytes, the cap is %s", length, grouped(maxHeader))
	case int64(length) > size-prefixBytes:
		f.What = "header cut short"
		f.Why = fmt.Sprintf("it needs bytes %s, the file ends at %#x", span(prefixBytes, prefixBytes+int64(length)), size)
	case length == 0:
		f.What, f.Why = "no header", "its length says 0 bytes"
	default:
		return nil
	}
	// Only now: the length of a good header may begin with any of these bytes.
	for _, k := range foreign {
		if strings.HasPrefix(string(prefix), k.magic) {
			f.Class, f.What, f.Why, f.Cure = inspect.ErrUnsupported, "not a safetensors file", "it is "+k.what, k.cure
		}
	}
	return f
}

// readConfig reads a small file beside the tensors; nil if there is none.
func (c *Checkpoint) readConfig(path string) []byte {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	data, fault := readSmall(path, maxConfig)
	if fault != nil {
		c.Faults = append(c.Faults, *fault)
		return nil
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(data, &object); err != nil || object == nil {
		why := "it holds no JSON object"
		if err != nil {
			why = err.Error()
		}
		c.Faults = append(c.Faults, inspect.Fault{Class: inspect.ErrMalformed, File: path, Offset: -1, What: "not a model configuration",
			Why: why, Cure: "restore the file: engines read the quantization from it"})
		return nil
	}
	return data
}

// readSmall reads a whole text file of at most limit bytes.
func readSmall(path string, limit int64) ([]byte, *inspect.Fault) {
	f, info, fault := openRegular(path)
	if fault != nil {
		return nil, fault
	}
	defer f.Close()
	if info.Size() > limit {
		return nil, &inspect.Fault{Class: inspect.ErrUnsupported, File: path, Offset: -1, What: "file too large",
			Why: fmt.Sprintf("%s bytes, the cap is %s", grouped(info.Size()), grouped(limit)), Cure: "check that it is what its name says"}
	}
	data, err := io.ReadAll(io.LimitReader(f, limit))
	if err != nil {
		return nil, systemFault(path, "cannot read", err)
	}
	return data, nil
}
