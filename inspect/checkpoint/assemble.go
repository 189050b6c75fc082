package checkpoint

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"fp4tui/inspect"
)

// assemble makes one namespace of the scanned files.
func (c *Checkpoint) assemble(p *plan, shards []loaded) {
	c.Faults = p.faults
	lists := make([][]Entry, 0, len(shards))
	for i := range shards {
		c.Faults = append(c.Faults, shards[i].faults...)
		if shards[i].file != nil {
			c.Files = append(c.Files, shards[i].file)
			lists = append(lists, shards[i].entries)
		}
	}
	all := mergeByName(lists)
	if p.index != nil {
		c.Index = p.index.path
		c.Faults = append(c.Faults, p.index.reconcile(shards, all)...)
	}
	c.unique(p.index, all)
	slices.SortStableFunc(c.Faults, func(a, b inspect.Fault) int { return strings.Compare(a.File, b.File) })
}

// unique keeps one entry of each name: that of the file which the index names, else
// of the first file. A name in two files is a fault, unless one of them is a stray
// file, whose one fault counts its duplicates.
func (c *Checkpoint) unique(x *index, all []Entry) {
	faults := faultList{file: c.Root}
	kept := all[:0]
	for i := 0; i < len(all); {
		j := i + 1
		for j < len(all) && all[j].Name == all[i].Name {
			j++
		}
		chosen := i
		if j > i+1 {
			chosen = i + preferred(x, all[i:j])
			faults.duplicate(x, all[i:j], all[chosen].File)
		}
		kept = append(kept, all[chosen])
		i = j
	}
	c.entries = slices.Clip(kept)
	c.Faults = append(c.Faults, faults.sorted()...)
}

// preferred is the position of the entry to keep among entries of one name.
func preferred(x *index, same []Entry) int {
	if x == nil {
		return 0
	}
	if p, ok := x.of(same[0].Name); ok && p.shard >= 0 {
		path := x.shards[p.shard].path
		return max(slices.IndexFunc(same, func(e Entry) bool { return e.File.Path == path }), 0)
	}
	return 0
}

// duplicate reports every entry of one name but the one in the file kept.
func (l *faultList) duplicate(x *index, same []Entry, kept *File) {
	for _, e := range same {
		if e.File == kept || x != nil && !x.names(e.File.Path) {
			continue
		}
		l.add(inspect.Fault{Class: inspect.ErrMismatch, File: e.File.Path, Tensor: e.Name, Offset: e.Begin,
			What: "tensor in two shards", Why: "also in " + filepath.Base(kept.Path) + ", which is used",
			Cure: "keep one of them"})
	}
}

// names reports whether the index names the shard at this path.
func (x *index) names(path string) bool {
	_, ok := slices.BinarySearchFunc(x.shards, path, func(s indexShard, p string) int { return strings.Compare(s.path, p) })
	return ok
}

// mergeByName merges lists that are sorted by name; entries of one name keep the
// order of their lists. Neighbouring runs are merged from one buffer into another
// and back: with 160 shards, 8 passes.
func mergeByName(lists [][]Entry) []Entry {
	from := slices.Concat(lists...)
	into := make([]Entry, len(from))
	ends := make([]int, 0, len(lists)) // of the runs in from
	for _, l := range lists {
		ends = append(ends, len(l)+last(ends))
	}
	for len(ends) > 1 {
		begin, merged := 0, ends[:0]
		for i := 0; i < len(ends); i += 2 {
			middle, end := ends[i], ends[min(i+1, len(ends)-1)]
			mergePair(into[begin:end], from[begin:middle], from[middle:end])
			begin, merged = end, append(merged, end)
		}
		from, into, ends = into, from, merged
	}
	return from
}

func last(ends []int) int {
	if len(ends) == 0 {
		return 0
	}
	return ends[len(ends)-1]
}

// mergePair merges a and b into out, which has room for both.
func mergePair(out, a, b []Entry) {
	for len(a) > 0 && len(b) > 0 {
		if b[0].Name < a[0].Name {
			out[0], b = b[0], b[1:]
		} else {
			out[0], a = a[0], a[1:]
		}
		out = out[1:]
	}
	copy(out[copy(out, a):], b)
}

// missingNumbers finds gaps in shards named like model-00001-of-00003.safetensors,
// for directories without an index.
func missingNumbers(paths []string) []inspect.Fault {
	type series struct{ dir, stem, total string }
	found := map[series]map[int]bool{}
	var order []series
	for _, path := range paths {
		stem, number, total, ok := shardNumber(filepath.Base(path))
		if !ok {
			continue
		}
		s := series{filepath.Dir(path), stem, total}
		if found[s] == nil {
			found[s] = map[int]bool{}
			order = append(order, s)
		}
		found[s][number] = true
	}
	var out []inspect.Fault
	for _, s := range order {
		total, _ := strconv.Atoi(s.total)
		var gaps []string
		for i := 1; i <= total && len(gaps) < 4; i++ {
			if !found[s][i] {
				gaps = append(gaps, fmt.Sprintf("%s-%0*d-of-%s%s", s.stem, len(s.total), i, s.total, tensorExt))
			}
		}
		if len(gaps) == 0 {
			continue
		}
		out = append(out, inspect.Fault{Class: inspect.ErrMissing, File: s.dir, Offset: -1,
			What: "shards missing", Why: fmt.Sprintf("%d of %d are there; the first missing: %s", len(found[s]), total, strings.Join(gaps, ", ")),
			Cure: "download the missing files"})
	}
	return out
}

// shardNumber takes "model-00002-of-00003.safetensors" apart.
func shardNumber(name string) (stem string, number int, total string, ok bool) {
	rest, ok := strings.CutSuffix(name, tensorExt)
	if !ok {
		return
	}
	of := strings.LastIndex(rest, "-of-")
	if of < 0 {
		return "", 0, "", false
	}
	total = rest[of+len("-of-"):]
	dash := strings.LastIndexByte(rest[:of], '-')
	n, err := strconv.Atoi(rest[dash+1 : of])
	_, err2 := strconv.Atoi(total)
	if cmp.Or(err, err2) != nil || dash < 0 || len(total) > 6 {
		return "", 0, "", false
	}
	return rest[:dash], n, total, true
}
