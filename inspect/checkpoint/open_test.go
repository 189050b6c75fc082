package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fp4tui/inspect"
)

// shard is a file that holds one-byte tensors of these names.
func shard(names ...string) []byte {
	var entries []string
	for i, name := range names {
		entries = append(entries, fmt.Sprintf(`%q:{"dtype":"U8","shape":[1],"data_offsets":[%d,%d]}`, name, i, i+1))
	}
	return container("{"+strings.Join(entries, ",")+"}", len(names))
}

const indexName = "model.safetensors.index.json"

// weightMap is an index with these lines.
func weightMap(lines string) []byte {
	return []byte(`{"metadata":{"total_size":4},"weight_map":{` + lines + `}}`)
}

// directories has every way in which shards, index and directory can disagree.
var directories = []struct {
	name    string
	files   map[string][]byte
	tensors string
	faults  []string
	class   error // of the first fault
}{
	{"no index", map[string][]byte{"b.safetensors": shard("x"), "a.safetensors": shard("y"), "readme.md": nil}, "x y", nil, nil},
	{"index agrees", map[string][]byte{indexName: weightMap(`"x":"1.safetensors","y":"2.safetensors"`),
		"1.safetensors": shard("x"), "2.safetensors": shard("y")}, "x y", nil, nil},
	{"shard in a folder", map[string][]byte{indexName: weightMap(`"x":"sub/1.safetensors"`), "sub/1.safetensors": shard("x")}, "x", nil, nil},
	{"shard missing", map[string][]byte{indexName: weightMap(`"x":"1.safetensors","y":"2.safetensors","z":"2.safetensors"`), "1.safetensors": shard("x")},
		"x", []string{"2.safetensors: shard missing"}, inspect.ErrMissing},
	{"tensor in no shard", map[string][]byte{indexName: weightMap(`"x":"1.safetensors","y":"1.safetensors"`), "1.safetensors": shard("x")},
		"x", []string{indexName + ": y: not in the shard that the index names"}, inspect.ErrMismatch},
	{"tensor in another shard", map[string][]byte{indexName: weightMap(`"x":"1.safetensors","y":"2.safetensors","w":"2.safetensors"`),
		"1.safetensors": shard("x", "w"), "2.safetensors": shard("y")},
		"w x y", []string{indexName + ": w: not in the shard that the index names"}, inspect.ErrMismatch},
	{"tensor not in the index", map[string][]byte{indexName: weightMap(`"x":"1.safetensors"`), "1.safetensors": shard("x", "y")},
		"x y", []string{"1.safetensors: y: not in the index"}, inspect.ErrMismatch},
	{"absolute name", map[string][]byte{indexName: weightMap(`"x":"1.safetensors","y":"/etc/passwd"`), "1.safetensors": shard("x")},
		"x", []string{indexName + ": y: rejected shard name"}, inspect.ErrMalformed},
	{"name with ..", map[string][]byte{indexName: weightMap(`"x":"1.safetensors","y":"sub/../../1.safetensors"`), "1.safetensors": shard("x")},
		"x", []string{indexName + ": y: rejected shard name"}, inspect.ErrMalformed},
	{"name with a backslash", map[string][]byte{indexName: weightMap(`"x":"1.safetensors","y":"..\\1.safetensors"`), "1.safetensors": shard("x")},
		"x", []string{indexName + ": y: rejected shard name"}, inspect.ErrMalformed},
	{"empty name", map[string][]byte{indexName: weightMap(`"x":"1.safetensors","y":""`), "1.safetensors": shard("x")},
		"x", []string{indexName + ": y: rejected shard name"}, inspect.ErrMalformed},
	{"name is a number", map[string][]byte{indexName: weightMap(`"x":"1.safetensors","y":3`), "1.safetensors": shard("x", "y")},
		"x y", []string{"1.safetensors: y: not in the index", indexName + ": y: shard name is not a string"}, inspect.ErrMismatch},
	{"tensor twice in the index", map[string][]byte{indexName: weightMap(`"x":"2.safetensors","x":"1.safetensors"`), "1.safetensors": shard("x")},
		"x", []string{indexName + ": x: tensor listed twice in the index"}, inspect.ErrMalformed},
	{"tensor in two shards", map[string][]byte{indexName: weightMap(`"x":"2.safetensors","y":"1.safetensors"`),
		"1.safetensors": shard("x", "y"), "2.safetensors": shard("x")},
		"x y", []string{"1.safetensors: x: tensor in two shards"}, inspect.ErrMismatch},
	{"tensor in two files", map[string][]byte{"1.safetensors": shard("x", "y"), "2.safetensors": shard("x")},
		"x y", []string{"2.safetensors: x: tensor in two shards"}, inspect.ErrMismatch},
	{"stray file", map[string][]byte{indexName: weightMap(`"x":"1.safetensors"`), "1.safetensors": shard("x"), "model.safetensors": shard("x", "y")},
		"x y", []string{"model.safetensors: stray file: not in the index"}, inspect.ErrMismatch},
	{"two indexes", map[string][]byte{indexName: weightMap(`"x":"1.safetensors"`), "model.fp16.safetensors.index.json": weightMap(``), "1.safetensors": shard("x")},
		"x", []string{"model.fp16.safetensors.index.json: second index in the directory"}, inspect.ErrMismatch},
	{"index is cut", map[string][]byte{indexName: []byte(`{"weight_map":{"x":"1.safetensors","y":"1.sa`), "1.safetensors": shard("x")},
		"x", []string{indexName + ": index is not valid JSON"}, inspect.ErrMalformed},
	{"index is empty", map[string][]byte{indexName: nil, "1.safetensors": shard("x")},
		"x", []string{indexName + ": index is not valid JSON"}, inspect.ErrMalformed},
	{"index without a map", map[string][]byte{indexName: []byte(`{"metadata":{}}`), "1.safetensors": shard("x")},
		"x", []string{indexName + ": not a shard index"}, inspect.ErrMalformed},
	{"map is a list", map[string][]byte{indexName: []byte(`{"weight_map":[]}`), "1.safetensors": shard("x")},
		"x", []string{"1.safetensors: stray file: not in the index", indexName + ": weight_map is not an object"}, inspect.ErrMismatch},
	{"one shard broken", map[string][]byte{indexName: weightMap(`"x":"1.safetensors","y":"2.safetensors"`), "1.safetensors": shard("x"), "2.safetensors": []byte("junk")},
		"x", []string{"2.safetensors: file too small"}, inspect.ErrMalformed},
	{"unusable tensor in a shard", map[string][]byte{indexName: weightMap(`"x":"1.safetensors","y":"1.safetensors"`),
		"1.safetensors": container(`{"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"y":{"dtype":"??","shape":[1],"data_offsets":[1,2]}}`, 2)},
		"x", []string{"1.safetensors: y: unknown dtype"}, inspect.ErrUnsupported},
	{"gap without an index", map[string][]byte{"m-00001-of-00003.safetensors": shard("x"), "m-00003-of-00003.safetensors": shard("y")},
		"x y", []string{"dir: shards missing"}, inspect.ErrMissing},
	{"a directory called a shard", map[string][]byte{"1.safetensors": shard("x"), "2.safetensors/file": nil},
		"x", []string{"2.safetensors: not a regular file"}, inspect.ErrUnsupported},
}

func TestDirectories(t *testing.T) {
	for _, test := range directories {
		t.Run(test.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "dir")
			for name, data := range test.files {
				write(t, filepath.Join(dir, filepath.FromSlash(name)), data)
			}
			c := open(t, dir)
			var names []string
			for _, e := range c.Entries() {
				names = append(names, e.Name)
			}
			if got := strings.Join(names, " "); got != test.tensors {
				t.Errorf("tensors %q, want %q", got, test.tensors)
			}
			if got := whats(c); !slices.Equal(got, test.faults) {
				t.Fatalf("faults %q, want %q", got, test.faults)
			}
			if len(c.Faults) > 0 && (!errors.Is(&c.Faults[0], test.class) || c.Faults[0].Cure == "") {
				t.Errorf("class %v, want %v; cure %q", c.Faults[0].Class, test.class, c.Faults[0].Cure)
			}
			for _, e := range c.Entries() {
				if _, err := c.Read(context.Background(), &e); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// TestIndexedDuplicate: of two tensors of one name, the one that the index names.
func TestIndexedDuplicate(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "model.safetensors.index.json"), []byte(`{"weight_map":{"x":"2.safetensors","y":"1.safetensors"}}`))
	write(t, filepath.Join(dir, "1.safetensors"), shard("x", "y"))
	write(t, filepath.Join(dir, "2.safetensors"), shard("x"))
	e, _ := open(t, dir).Lookup("x")
	if filepath.Base(e.File.Path) != "2.safetensors" {
		t.Errorf("x is taken from %s", e.File.Path)
	}
}

// TestOpenIndex: an index that is opened itself brings only what it names.
func TestOpenIndex(t *testing.T) {
	dir := t.TempDir()
	index := write(t, filepath.Join(dir, "any.json"), []byte(`{"weight_map":{"x":"1.safetensors"}}`))
	write(t, filepath.Join(dir, "1.safetensors"), shard("x"))
	write(t, filepath.Join(dir, "2.safetensors"), shard("y"))
	write(t, filepath.Join(dir, "config.json"), []byte(`{"a":1}`))
	write(t, filepath.Join(dir, "hf_quant_config.json"), []byte(`{"b":2}`))
	c := open(t, index)
	if c.Len() != 1 || len(c.Faults) > 0 || c.Index != index || c.Root != index {
		t.Errorf("%d tensors, %q, index %s", c.Len(), whats(c), c.Index)
	}
	if string(c.Config) != `{"a":1}` || string(c.QuantConfig) != `{"b":2}` {
		t.Errorf("config %q, %q", c.Config, c.QuantConfig)
	}
	f := failure(t, filepath.Join(dir, "config.json"))
	if f.What != "not a shard index" || f.Cure == "" {
		t.Error(f)
	}
}

func TestNothingUsable(t *testing.T) {
	t.Setenv("HF_HUB_CACHE", t.TempDir())
	tests := []struct {
		name, open string
		files      map[string][]byte
		class      error
		what       string
	}{
		{"no such path", "none/of/it", nil, inspect.ErrMissing, "cannot open"},
		{"no such file", "m.safetensors", nil, inspect.ErrMissing, "cannot open"},
		{"file as a directory", "f/x.safetensors", map[string][]byte{"f": nil}, inspect.ErrUnreadable, "cannot open"},
		{"empty directory", "d", map[string][]byte{"d/": nil}, inspect.ErrMissing, "no .safetensors file in the directory"},
		{"pickles", "d", map[string][]byte{"d/pytorch_model.bin": nil}, inspect.ErrMissing, "no .safetensors file in the directory"},
		{"GGUF", "d", map[string][]byte{"d/m.gguf": nil}, inspect.ErrMissing, "no .safetensors file in the directory"},
		{"all shards missing", "d", map[string][]byte{"d/model.safetensors.index.json": []byte(`{"weight_map":{"x":"1.safetensors"}}`)}, inspect.ErrMissing, "shard missing"},
		{"all shards broken", "d", map[string][]byte{"d/1.safetensors": []byte("x"), "d/2.safetensors": nil}, inspect.ErrMalformed, "file too small"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, data := range test.files {
				if strings.HasSuffix(name, "/") {
					if err := os.Mkdir(filepath.Join(dir, name), 0o777); err != nil {
						t.Fatal(err)
					}
					continue
				}
				write(t, filepath.Join(dir, name), data)
			}
			f := failure(t, filepath.Join(dir, test.open))
			if f.What != test.what || !errors.Is(f, test.class) || f.Cure == "" && test.class != inspect.ErrUnreadable {
				t.Errorf("fault %v, class %v, cure %q", f, f.Class, f.Cure)
			}
		})
	}
	if f := failure(t, ""); f.What != "no path given" {
		t.Error(f)
	}
}

func TestSpecialFiles(t *testing.T) {
	info, err := os.Stat(os.DevNull)
	if err != nil || info.Mode().IsRegular() {
		t.Fatalf("%s: %v", os.DevNull, err)
	}
	f := failure(t, os.DevNull)
	if f.What != "not a regular file" || !errors.Is(f, inspect.ErrUnsupported) {
		t.Error(f)
	}
}

func TestCancelledOpen(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	path := write(t, filepath.Join(t.TempDir(), "m.safetensors"), shard("x"))
	if _, err := Open(ctx, path); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestNames(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "m.safetensors"), shard("a.b.weight", "c.b.weight", "b.weight", "xb.weight", "d.q.weight"))
	c := open(t, path)
	tests := []struct{ suffix, want string }{
		{"b.weight", "b.weight"}, // an exact name means itself
		{"q.weight", "d.q.weight"},
		{"weight", "a.b.weight b.weight c.b.weight d.q.weight xb.weight"},
		{"eight", ""}, {"", ""}, {"a.b.weight.c", ""},
	}
	for _, test := range tests {
		var got []string
		for _, e := range c.Suffix(test.suffix) {
			got = append(got, e.Name)
		}
		if s := strings.Join(got, " "); s != test.want {
			t.Errorf("Suffix(%q) = %q, want %q", test.suffix, s, test.want)
		}
	}
	if _, ok := c.Lookup("q.weight"); ok {
		t.Error("Lookup found a suffix")
	}
	if e, ok := c.Lookup("xb.weight"); !ok || e.Name != "xb.weight" || e.Bytes() != 1 {
		t.Errorf("Lookup: %v %v", e, ok)
	}
}

// TestOpenIsDeterministic: the same whatever order the scanners finish in.
func TestOpenIsDeterministic(t *testing.T) {
	dir := t.TempDir()
	for i := range 40 {
		write(t, filepath.Join(dir, fmt.Sprintf("%02d.safetensors", i)), append(shard(fmt.Sprint("t", i), "same"), 0))
	}
	describe := func(c *Checkpoint) string {
		s := strings.Join(whats(c), "\n")
		for _, e := range c.Entries() {
			s += fmt.Sprintln(e.Name, e.File.Path, e.Begin)
		}
		return s
	}
	want := describe(open(t, dir))
	for range 20 {
		if got := describe(open(t, dir)); got != want {
			t.Fatalf("differs:\n%s\nfrom\n%s", got, want)
		}
	}
}
