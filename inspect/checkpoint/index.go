package checkpoint

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"fp4tui/inspect"
)

const (
	maxIndex  = 256 << 20 // bytes; 200,000 tensors need about 20 MB
	cureIndex = "rebuild the index from the shards' headers"
)

// placement is one line of an index's weight_map.
type placement struct {
	tensor string
	shard  int   // position in index.shards; -1 if the shard's name was rejected
	at     int64 // offset of the line in the index file
}

// indexShard is a shard that an index names.
type indexShard struct {
	name  string // as in the index
	path  string // below the index's directory
	count int    // how many tensors the index places in it
	first string // the first of them
}

// index is a *.safetensors.index.json.
type index struct {
	path       string
	shards     []indexShard // sorted by path
	placements []placement  // sorted by tensor, each tensor once
	faults     faultList
}

// readIndex reads an index file. The fault is that of a file that is no index at
// all; lines that break the format are faults of the index.
func readIndex(path string) (*index, *inspect.Fault) {
	data, fault := readSmall(path, maxIndex)
	if fault != nil {
		return nil, fault
	}
	s := &scanner{text: string(data)}
	x := &index{path: path, faults: faultList{file: path}, placements: make([]placement, 0, strings.Count(s.text, tensorExt+`"`))}
	found := false
	err := s.object(func(key string, at int) error {
		if key != "weight_map" {
			return s.skip(1)
		}
		if found {
			x.fault("", at, "duplicate key weight_map", "the index must have one; both are used", cureIndex)
		}
		found = true
		return x.weightMap(s)
	})
	if err == nil {
		err = s.end()
	}
	var syntax *syntaxError
	switch {
	case errors.As(err, &syntax) && len(x.placements) == 0:
		return nil, &inspect.Fault{Class: inspect.ErrMalformed, File: path, Offset: int64(syntax.pos),
			What: "index is not valid JSON", Why: syntax.why, Cure: cureCopy}
	case errors.As(err, &syntax):
		x.fault("", syntax.pos, "index is not valid JSON", syntax.why, cureCopy)
	case !found:
		return nil, &inspect.Fault{Class: inspect.ErrMalformed, File: path, Offset: -1,
			What: "not a shard index", Why: "it has no weight_map", Cure: "give a *.safetensors.index.json, a .safetensors file or a directory"}
	}
	x.sort()
	return x, nil
}

// weightMap reads {tensor: shard}.
func (x *index) weightMap(s *scanner) error {
	if s.peek() != '{' {
		x.fault("", s.pos, "weight_map is not an object", "found "+s.here(), cureIndex)
		return s.skip(1)
	}
	seen := map[string]int{}
	return s.object(func(tensor string, at int) error {
		if s.peek() != '"' {
			x.fault(tensor, s.pos, "shard name is not a string", "found "+s.here(), cureIndex)
			return s.skip(2)
		}
		name, err := s.str()
		if err != nil {
			return err
		}
		i, known := seen[name]
		if !known {
			i = x.addShard(name, tensor, at)
			seen[name] = i
		}
		x.placements = append(x.placements, placement{tensor: tensor, shard: i, at: int64(at)})
		return nil
	})
}

// addShard takes in a shard's name, which must stay below the index's directory.
func (x *index) addShard(name, tensor string, at int) int {
	local := filepath.FromSlash(name)
	if name == "" || strings.Contains(name, `\`) || strings.ContainsRune(name, 0) || !filepath.IsLocal(local) || filepath.Clean(local) == "." {
		x.fault(tensor, at, "rejected shard name", strconv.Quote(name)+" leads out of the index's directory",
			"name the shard by its path below the index; do not trust this file")
		return -1
	}
	x.shards = append(x.shards, indexShard{name: name, path: filepath.Join(filepath.Dir(x.path), local)})
	return len(x.shards) - 1
}

// sort puts shards in path order and placements in tensor order, and reports
// tensors that are placed twice; the last line wins, as in a JSON reader.
func (x *index) sort() {
	order := make([]int, len(x.shards))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(x.shards[a].path, x.shards[b].path) })
	moved := make([]int, len(order))
	shards := make([]indexShard, 0, len(order))
	for _, old := range order {
		if n := len(shards); n == 0 || shards[n-1].path != x.shards[old].path { // "a" and "./a" are one
			shards = append(shards, x.shards[old])
		}
		moved[old] = len(shards) - 1
	}
	x.shards = shards
	byTensor := func(a, b placement) int { return strings.Compare(a.tensor, b.tensor) }
	if !slices.IsSortedFunc(x.placements, byTensor) {
		slices.SortStableFunc(x.placements, byTensor)
	}
	once := x.placements[:0]
	for _, p := range x.placements {
		if p.shard >= 0 {
			p.shard = moved[p.shard]
		}
		if n := len(once); n > 0 && once[n-1].tensor == p.tensor {
			x.fault(p.tensor, int(p.at), "tensor listed twice in the index", "the last line wins", cureIndex)
			once[n-1] = p
			continue
		}
		once = append(once, p)
	}
	x.placements = once
	for _, p := range once {
		if p.shard >= 0 {
			if shard := &x.shards[p.shard]; shard.count == 0 {
				shard.first = p.tensor
			}
			x.shards[p.shard].count++
		}
	}
}

// of returns where the index places a tensor.
func (x *index) of(tensor string) (placement, bool) {
	i, ok := slices.BinarySearchFunc(x.placements, tensor, func(p placement, t string) int { return strings.Compare(p.tensor, t) })
	if !ok {
		return placement{shard: -1}, false
	}
	return x.placements[i], true
}

func (x *index) fault(tensor string, at int, what, why, cure string) {
	x.faults.add(inspect.Fault{Class: inspect.ErrMalformed, Tensor: tensor, Offset: int64(at), What: what, Why: why, Cure: cure})
}

// reconcile compares the index with the headers. Headers are the truth; every
// difference is a fault. all is sorted by name and may hold a tensor of two shards.
func (x *index) reconcile(shards []loaded, all []Entry) []inspect.Fault {
	status := x.status(shards)
	lost := lostTensors(shards)
	for _, p := range x.placements {
		for len(all) > 0 && all[0].Name < p.tensor {
			all = all[1:]
		}
		if p.shard < 0 || status[p.shard] == nil || status[p.shard].file == nil {
			continue // the shard's own fault says it
		}
		shard := x.shards[p.shard]
		if !lost[lostKey{shard.path, p.tensor}] {
			x.checkPlacement(p, shard, all)
		}
	}
	return append(x.faults.sorted(), x.unlisted(shards, status)...)
}

// checkPlacement compares one line of the index with the headers; from begins with
// the entries of that tensor, if there are any.
func (x *index) checkPlacement(p placement, shard indexShard, from []Entry) {
	why := "the index places it in " + shard.name + ", whose header does not list it"
	cure := "download index and shards of one revision"
	for i := 0; i < len(from) && from[i].Name == p.tensor; i++ {
		if from[i].File.Path == shard.path {
			return
		}
		why = fmt.Sprintf("the index places it in %s, the headers in %s", shard.name, filepath.Base(from[i].File.Path))
		cure = cureIndex
	}
	x.faults.add(inspect.Fault{Class: inspect.ErrMismatch, Tensor: p.tensor, Offset: p.at,
		What: "not in the shard that the index names", Why: why, Cure: cure})
}

// status finds what became of each shard of the index, and reports those that are
// not there: nil.
func (x *index) status(shards []loaded) []*loaded {
	byPath := make(map[string]*loaded, len(shards))
	for i := range shards {
		byPath[shards[i].path] = &shards[i]
	}
	status := make([]*loaded, len(x.shards))
	for i, shard := range x.shards {
		status[i] = byPath[shard.path]
		if status[i] == nil && shard.count > 0 {
			x.faults.add(inspect.Fault{Class: inspect.ErrMissing, File: shard.path, Offset: -1, What: "shard missing",
				Why:  filepath.Base(x.path) + " places in it " + placed(shard.count, shard.first),
				Cure: "download " + shard.name + " again"})
		}
	}
	return status
}

// placed is "1 tensor, a" or "12 tensors, the first is a".
func placed(count int, first string) string {
	if count == 1 {
		return "1 tensor, " + first
	}
	return grouped(int64(count)) + " tensors, the first is " + first
}

// lostKey is a tensor that a header lists and that is unusable.
type lostKey struct{ path, tensor string }

func lostTensors(shards []loaded) map[lostKey]bool {
	lost := map[lostKey]bool{}
	for _, l := range shards {
		for _, f := range l.faults {
			if f.Tensor != "" {
				lost[lostKey{l.path, f.Tensor}] = true
			}
		}
	}
	return lost
}

// unlisted reports files that the index does not name, once each, and tensors of
// named shards that it does not list.
func (x *index) unlisted(shards []loaded, status []*loaded) []inspect.Fault {
	named := make(map[string]bool, len(status))
	for _, shard := range x.shards {
		named[shard.path] = true
	}
	var out []inspect.Fault
	for _, l := range shards {
		found := faultList{file: l.path}
		if !named[l.path] {
			found.add(x.stray(l))
		} else {
			for _, e := range l.entries {
				if _, ok := x.of(e.Name); !ok {
					found.add(inspect.Fault{Class: inspect.ErrMismatch, Tensor: e.Name, Offset: e.Begin,
						What: "not in the index", Why: filepath.Base(x.path) + " does not list it: engines that load by the index skip it",
						Cure: cureIndex})
				}
			}
		}
		out = append(out, found.sorted()...)
	}
	return out
}

// stray describes a file beside the shards that the index does not name.
func (x *index) stray(l loaded) inspect.Fault {
	twice := 0
	for _, e := range l.entries {
		if _, ok := x.of(e.Name); ok {
			twice++
		}
	}
	return inspect.Fault{Class: inspect.ErrMismatch, Offset: -1,
		What: "stray file: not in the index",
		Why: fmt.Sprintf("%s does not name it; it holds %s tensors, %s of them also in the index",
			filepath.Base(x.path), grouped(int64(len(l.entries))), grouped(int64(twice))),
		Cure: "move it away, or open it by its own path"}
}
