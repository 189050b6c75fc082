package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	slashpath "path"
	"path/filepath"
	"slices"
	"strings"

	"fp4tui/inspect"
)

// minCommit is the shortest abbreviation of a commit that the hub accepts.
const minCommit = 5

// parseHubID takes "org/name@revision" apart. Names consist of what the hub allows.
func parseHubID(path string) (id, revision string, ok bool) {
	id, revision, _ = strings.Cut(path, "@")
	parts := strings.Split(id, "/")
	isFile := slices.Contains([]string{tensorExt, ".json", ".npy"}, filepath.Ext(path))
	if len(parts) > 2 || isFile || strings.HasSuffix(path, "@") {
		return "", "", false
	}
	for _, part := range parts {
		if part == "" || part[0] == '.' || strings.Contains(part, "--") || strings.Contains(part, "..") {
			return "", "", false
		}
		for _, r := range part {
			if !strings.ContainsRune("-_.", r) && (r > 'z' || !isAlphanumeric(byte(r))) {
				return "", "", false
			}
		}
	}
	return id, revision, true
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
}

// hubCache is the directory of the hub cache, by the rules of huggingface_hub:
// HF_HUB_CACHE, the older HUGGINGFACE_HUB_CACHE, HF_HOME/hub, and the defaults.
func hubCache() string {
	if dir := cacheVariable("HF_HUB_CACHE"); dir != "" {
		return dir
	}
	if dir := cacheVariable("HUGGINGFACE_HUB_CACHE"); dir != "" {
		return dir
	}
	if dir := cacheVariable("HF_HOME"); dir != "" {
		return filepath.Join(dir, "hub")
	}
	if dir := cacheVariable("XDG_CACHE_HOME"); dir != "" {
		return filepath.Join(dir, "huggingface", "hub")
	}
	return filepath.Join(expandHome("~"), ".cache", "huggingface", "hub")
}

func cacheVariable(name string) string { return os.ExpandEnv(expandHome(os.Getenv(name))) }

func expandHome(dir string) string {
	if dir != "~" && !strings.HasPrefix(dir, "~/") {
		return dir
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return dir
	}
	return filepath.Join(home, dir[1:])
}

// hubRepo is one model's directory in the hub cache.
type hubRepo struct {
	path string // as the user gave it
	id   string
	dir  string
}

// locateHub plans the snapshot of a cached model.
func locateHub(path, id, revision string) (*plan, error) {
	cache := hubCache()
	r := hubRepo{path: path, id: id, dir: filepath.Join(cache, "models--"+strings.ReplaceAll(id, "/", "--"))}
	if _, err := os.Stat(r.dir); err != nil {
		f := &inspect.Fault{Class: inspect.ErrMissing, File: path, Offset: -1, What: "no such file",
			Why: "and no cached model: the hub cache " + cache + " has no " + filepath.Base(r.dir), Cure: "check the path, or run: hf download " + id}
		if !errors.Is(err, fs.ErrNotExist) {
			f = systemFault(r.dir, "cannot open the hub cache", err)
		}
		return nil, f
	}
	commit, fault := r.commit(revision)
	if fault != nil {
		return nil, fault
	}
	snapshot := filepath.Join(r.dir, "snapshots", commit)
	if _, err := os.Stat(snapshot); err != nil {
		return nil, r.fault("snapshot missing", "revision "+commit+" was resolved and is not downloaded")
	}
	p, err := locateDir(snapshot)
	if err != nil {
		return nil, err
	}
	p.revision = commit
	p.faults = append(p.faults, r.notDownloaded(snapshot, commit)...)
	return p, nil
}

// commit resolves a revision: a ref, or a commit that is in the cache, whole or
// abbreviated without ambiguity. Without a revision only refs/main will do.
func (r hubRepo) commit(revision string) (string, *inspect.Fault) {
	ref := revision
	if ref == "" {
		ref = "main"
	}
	if !filepath.IsLocal(filepath.FromSlash(ref)) || slashpath.Clean(ref) != ref || strings.Contains(ref, `\`) {
		return "", r.fault("invalid revision", fmt.Sprintf("%q is no name of a branch, tag or commit", ref))
	}
	if data, fault := readSmall(filepath.Join(r.dir, "refs", filepath.FromSlash(ref)), 1<<10); fault == nil {
		commit := strings.TrimSpace(string(data))
		if !isCommit(commit) {
			return "", r.fault("damaged ref", fmt.Sprintf("refs/%s holds %q, which is no commit", ref, commit))
		}
		return commit, nil
	}
	if revision == "" {
		return "", r.fault("no default revision", "there is no refs/main, and another revision is not guessed")
	}
	var found []string
	for _, name := range r.snapshots() {
		if isCommit(revision) && strings.HasPrefix(name, revision) {
			found = append(found, name)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return "", r.fault("no such revision", fmt.Sprintf("%q is not in the cache", revision))
	}
	return "", r.fault("ambiguous revision", fmt.Sprintf("%q fits %s", revision, strings.Join(found, ", ")))
}

// fault is a failure to resolve a revision: its cure lists what there is.
func (r hubRepo) fault(what, why string) *inspect.Fault {
	f := &inspect.Fault{Class: inspect.ErrMissing, File: r.path, Offset: -1, What: what, Why: why}
	var there []string
	root := filepath.Join(r.dir, "refs")
	// An unreadable ref is one that cannot be offered.
	_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if rel, err := filepath.Rel(root, path); err == nil {
				there = append(there, filepath.ToSlash(rel))
			}
		}
		return nil
	})
	there = append(there, r.snapshots()...)
	if len(there) == 0 {
		f.Cure = "nothing of it is downloaded; run: hf download " + r.id
		return f
	}
	const most = 20
	if len(there) > most {
		there = append(there[:most], "…")
	}
	for i := range there {
		there[i] = r.id + "@" + there[i]
	}
	f.Cure = "open one of these: " + strings.Join(there, ", ")
	return f
}

// snapshots lists the commits in the cache.
func (r hubRepo) snapshots() []string {
	list, err := os.ReadDir(filepath.Join(r.dir, "snapshots"))
	if err != nil {
		return nil
	}
	var names []string
	for _, d := range list {
		if isCommit(d.Name()) {
			names = append(names, d.Name())
		}
	}
	return names
}

func isCommit(s string) bool {
	return minCommit <= len(s) && len(s) <= 40 && strings.Trim(s, "0123456789abcdef") == ""
}

// notDownloaded compares a snapshot with the list of its files that newer releases
// of huggingface_hub keep, and reports tensor files that are not there.
func (r hubRepo) notDownloaded(snapshot, commit string) []inspect.Fault {
	path := filepath.Join(r.dir, "trees", commit+".json")
	data, fault := readSmall(path, maxConfig)
	if fault != nil {
		return nil // older releases write no list
	}
	names, err := treeFiles(string(data))
	if err != nil {
		return nil // a cache of a newer form: the hub's own reader ignores it too
	}
	faults := faultList{}
	for _, name := range names {
		local := filepath.FromSlash(name)
		if !strings.HasSuffix(name, tensorExt) || !filepath.IsLocal(local) {
			continue
		}
		if _, err := os.Lstat(filepath.Join(snapshot, local)); errors.Is(err, fs.ErrNotExist) {
			faults.file = filepath.Join(snapshot, local)
			faults.add(inspect.Fault{Class: inspect.ErrMissing, Offset: -1, What: "not downloaded",
				Why: "revision " + commit + " has this file, the snapshot does not", Cure: "run: hf download " + r.id + " " + name})
		}
	}
	return faults.sorted()
}

// treeFiles lists the files of a trees/<commit>.json: {"format_version":1,"files":{name:{…}}}.
func treeFiles(text string) ([]string, error) {
	s := &scanner{text: text}
	var names []string
	err := s.object(func(key string, at int) error {
		switch key {
		case "format_version":
			v, err := s.number()
			if err == nil && v != "1" {
				err = s.fail(at, "unknown version")
			}
			return err
		case "files":
			return s.object(func(name string, _ int) error {
				names = append(names, name)
				return s.skip(2)
			})
		}
		return s.skip(1)
	})
	slices.Sort(names)
	return names, err
}
