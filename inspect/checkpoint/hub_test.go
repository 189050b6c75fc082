package checkpoint

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fp4tui/inspect"
)

const (
	commitA = "0123456789abcdef0123456789abcdef01234567"
	commitB = "0123456fffffffffffffffffffffffffffffffff"
)

// hubFixture is a hub cache with one model: two snapshots, main at the first.
func hubFixture(t *testing.T) (cache, repo string) {
	t.Helper()
	cache = t.TempDir()
	t.Setenv("HF_HUB_CACHE", cache)
	repo = filepath.Join(cache, "models--org--name")
	write(t, filepath.Join(repo, "refs", "main"), []byte(commitA+"\n"))
	write(t, filepath.Join(repo, "refs", "pr", "1"), []byte(commitB))
	write(t, filepath.Join(repo, "snapshots", commitA, "model.safetensors"), shard("a"))
	write(t, filepath.Join(repo, "snapshots", commitB, "model.safetensors"), shard("b"))
	return cache, repo
}

func TestHubRevisions(t *testing.T) {
	hubFixture(t)
	for path, want := range map[string]string{
		"org/name": "a", "org/name@main": "a", "org/name@refs/../pr/1": "", "org/name@pr/1": "b",
		"org/name@" + commitB: "b", "org/name@0123456f": "b", "org/name@0123456": "", "org/name@0123": "",
		"org/name@v9": "", "org/name@../../x": "", "org/name@/etc/passwd": "",
	} {
		if want == "" {
			f := failure(t, path)
			if !errors.Is(f, inspect.ErrMissing) {
				t.Errorf("%s: %v", path, f)
			}
			for _, there := range []string{"org/name@main", "org/name@pr/1", commitA, commitB} {
				if !strings.Contains(f.Cure, there) {
					t.Errorf("%s: cure %q does not offer %s", path, f.Cure, there)
				}
			}
			continue
		}
		c := open(t, path)
		if c.Len() != 1 || c.Entries()[0].Name != want {
			t.Errorf("%s holds %v", path, c.Entries())
		}
		if c.Path != path || len(c.Revision) != 40 || filepath.Base(c.Root) != c.Revision {
			t.Errorf("path %q, revision %q, root %q", c.Path, c.Revision, c.Root)
		}
	}
}

func TestHubNeverGuesses(t *testing.T) {
	_, repo := hubFixture(t)
	if err := os.Remove(filepath.Join(repo, "refs", "main")); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(repo, "snapshots", commitB)); err != nil {
		t.Fatal(err)
	}
	f := failure(t, "org/name") // although there is only one
	if f.What != "no default revision" || !strings.Contains(f.Cure, "org/name@"+commitA) {
		t.Error(f, f.Cure)
	}
}

func TestHubFailures(t *testing.T) {
	_, repo := hubFixture(t)
	f := failure(t, "org/other")
	if f.What != "no such file" || !strings.HasPrefix(f.Why, "and no cached model") || !strings.Contains(f.Cure, "hf download org/other") {
		t.Error(f, f.Cure)
	}
	dir := t.TempDir()
	t.Chdir(filepath.Dir(dir))
	if f := failure(t, filepath.Base(dir)+"/other"); f.What != "cannot open" || f.Cure != "check the path" {
		t.Error("a name in a directory that exists is a file's:", f, f.Cure)
	}
	if f := failure(t, "org/name@pr/2"); f.What != "no such revision" {
		t.Error(f)
	}
	if f := failure(t, "org/name@0123456"); f.What != "ambiguous revision" {
		t.Error(f)
	}
	write(t, filepath.Join(repo, "refs", "bad"), []byte("../../../etc"))
	if f := failure(t, "org/name@bad"); f.What != "damaged ref" {
		t.Error(f)
	}
	write(t, filepath.Join(repo, "refs", "gone"), []byte(strings.Repeat("9", 40)))
	if f := failure(t, "org/name@gone"); f.What != "snapshot missing" {
		t.Error(f)
	}
}

func TestHubTreeFindsIncompleteSnapshot(t *testing.T) {
	_, repo := hubFixture(t)
	tree := filepath.Join(repo, "trees", commitA+".json")
	write(t, tree, []byte(`{"format_version":1,"files":{"model.safetensors":{"size":1},"more.safetensors":{"size":2},"readme.md":{"size":3},"../x.safetensors":{}}}`))
	c := open(t, "org/name")
	if got := strings.Join(whats(c), "; "); got != "more.safetensors: not downloaded" {
		t.Error(got)
	}
	for _, ignored := range []string{`{"format_version":2,"files":{"more.safetensors":{}}}`, `{"files":{"more.saf`} {
		write(t, tree, []byte(ignored))
		if c := open(t, "org/name"); len(c.Faults) > 0 {
			t.Errorf("%s: %q", ignored, whats(c))
		}
	}
}

// TestHubLinks: snapshots are links to blobs; a deleted blob is a dangling link.
func TestHubLinks(t *testing.T) {
	_, repo := hubFixture(t)
	snapshot := filepath.Join(repo, "snapshots", commitA)
	blob := write(t, filepath.Join(repo, "blobs", "aa"), shard("linked"))
	for name, target := range map[string]string{"l.safetensors": "aa", "gone.safetensors": "bb"} {
		if err := os.Symlink(filepath.Join("..", "..", "blobs", target), filepath.Join(snapshot, name)); err != nil {
			t.Skip("this system makes no symbolic links: ", err)
		}
	}
	c := open(t, "org/name")
	if _, ok := c.Lookup("linked"); !ok {
		t.Error("the link was not followed")
	}
	if got := strings.Join(whats(c), "; "); got != "gone.safetensors: dangling link" || !errors.Is(&c.Faults[0], inspect.ErrMissing) {
		t.Error(got)
	}
	if f := failure(t, filepath.Join(snapshot, "gone.safetensors")); f.What != "dangling link" {
		t.Error(f)
	}
	if err := os.Remove(blob); err != nil {
		t.Fatal(err)
	}
	e, _ := c.Lookup("linked")
	_, err := c.Read(t.Context(), e)
	if f := asFault(t, err); !errors.Is(f, inspect.ErrMissing) {
		t.Error(f)
	}
}

// TestLinkLoops: links that lead back to themselves are not links to something missing, alone or in a directory.
func TestLinkLoops(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "m.safetensors"), shard("whole"))
	for name, target := range map[string]string{"self.safetensors": "self.safetensors", "a.safetensors": "b.safetensors", "b.safetensors": "a.safetensors"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Skip("this system makes no symbolic links: ", err)
		}
	}
	if got := strings.Join(whats(open(t, dir)), "; "); got != "a.safetensors: a loop of links; b.safetensors: a loop of links; self.safetensors: a loop of links" {
		t.Error(got)
	}
	if f := failure(t, filepath.Join(dir, "self.safetensors")); f.What != "a loop of links" || !errors.Is(f, inspect.ErrMissing) || strings.Contains(f.Error(), "not there") {
		t.Error(f)
	}
}

func TestLocalPathWins(t *testing.T) {
	hubFixture(t)
	t.Chdir(t.TempDir())
	write(t, filepath.Join("org", "name", "m.safetensors"), shard("local"))
	if c := open(t, "org/name"); c.Entries()[0].Name != "local" || c.Revision != "" {
		t.Error(c.Entries())
	}
}

func TestHubCacheVariables(t *testing.T) {
	t.Setenv("HOME", "/home/u")
	t.Setenv("USERPROFILE", "/home/u")
	t.Setenv("BASE", "/base")
	order := []struct{ name, value, want string }{ // each beats those before it
		{"", "", "/home/u/.cache/huggingface/hub"},
		{"XDG_CACHE_HOME", "/xdg", "/xdg/huggingface/hub"},
		{"HF_HOME", "~/hf", "/home/u/hf/hub"},
		{"HUGGINGFACE_HUB_CACHE", "$BASE/old", "/base/old"},
		{"HF_HUB_CACHE", "${BASE}/new", "/base/new"},
	}
	for _, v := range order[1:] {
		t.Setenv(v.name, "")
	}
	for _, v := range order {
		if v.name != "" {
			t.Setenv(v.name, v.value)
		}
		if got := filepath.ToSlash(filepath.Clean(hubCache())); got != v.want {
			t.Errorf("with %s: %s, want %s", v.name, got, v.want)
		}
	}
}

func TestParseHubID(t *testing.T) {
	for path, want := range map[string]bool{
		"org/name": true, "bert-base-cased": true, "a/b@v1": true, "a_b/c.d-1": true,
		"a/b/c": false, "/a": false, "a/": false, "../a": false, "a//b": false, "a/b@": false,
		"a--b/c": false, `a\b`: false, "ä/b": false, "C:/x": false, "m.safetensors": false, "d/x.npy": false, "": false,
	} {
		if _, _, ok := parseHubID(path); ok != want {
			t.Errorf("parseHubID(%q) = %v", path, ok)
		}
	}
}
