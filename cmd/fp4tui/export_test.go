package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// commandLine runs commands one by one.
func commandLine(commands []string) []string {
	args := []string{"run"}
	for _, c := range commands {
		args = append(args, "-c", c)
	}
	return args
}

// What export writes and load reads is the same tensor.
func TestExportRoundTrips(t *testing.T) {
	dir := t.TempDir()
	for _, ext := range []string{".npy", ".safetensors"} {
		for _, what := range []string{"x", "x3", "w.dequant", "y"} {
			path := quoted(filepath.Join(dir, strings.ReplaceAll(what, ".", "-")+ext))
			commands := []string{"c = load tour:minilm-w4a4", "w = layer c query", "x = randn 3 384 seed=1", "x3 = randn 2 3 16 seed=2 dtype=f32", "y = gemm x w",
				"export " + what + " " + path, "back = load " + path, "e = diff back " + what, "expect e.mismatched == 0"}
			fp4tui(t, commandLine(commands)...).want(t, 0)
		}
	}
	numbers := [][]float64{{1.5, -2}, {0, 3.25}}
	path := filepath.Join(dir, "in.npy")
	dict := fmt.Sprintf("%-117s\n", "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }")
	put(t, path, "\x93NUMPY\x01\x00"+string(rune(len(dict)))+"\x00"+dict+"\x00\x00\xc0\x3f\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x50\x40")
	fp4tui(t, "run", "-c", "x = load "+quoted(path), "-c", "export x "+quoted(filepath.Join(dir, "x.csv")), "-c", "export x "+quoted(filepath.Join(dir, "x.json"))).want(t, 0)
	rows, err := csv.NewReader(strings.NewReader(cat(t, filepath.Join(dir, "x.csv")))).ReadAll()
	if err != nil || len(rows) != 2 || strings.Join(rows[0], ",") != "1.5,-2" || strings.Join(rows[1], ",") != "0,3.25" {
		t.Errorf("csv %v, %v", rows, err)
	}
	var doc struct {
		Name, DType string
		Shape       []int
		Data        []float64
	}
	if err := json.Unmarshal([]byte(cat(t, filepath.Join(dir, "x.json"))), &doc); err != nil {
		t.Fatal(err)
	}
	for i, v := range doc.Data {
		if v != numbers[i/2][i%2] {
			t.Errorf("json %v", doc)
		}
	}
	if len(doc.Data) != 4 || doc.DType != "f32" || len(doc.Shape) != 2 {
		t.Errorf("json %v", doc)
	}
	fp4tui(t, "run", "-c", "x = load "+quoted(path), "-c", "export x "+quoted(filepath.Join(dir, "x.xls"))).want(t, 3) // not 2: the load ran
}

// A saved session replays, from another directory, and gives what was on the screen.
func TestExportSessionReplays(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "data", "x.npy"), cat(t, sample(t, "minilm-x.npy")))
	t.Chdir(dir)
	session := "note Found on a Tuesday.\nc = load tour:minilm-w4a16\nw = layer c layer.0.intermediate.dense\nx = load data/x.npy\ny = gemm x w\nr = gemm x w backend=ref\n" +
		"e = diff y r\nlet gone = 1\nundo\nhelp gemm\nexpect e.ulp_max <= 1\nexport session out/s.fp4.md\n"
	put(t, filepath.Join(dir, "out", "keep"), "")
	piped(t, t.Context(), session, "repl").want(t, 0)
	text := cat(t, filepath.Join(dir, "out", "s.fp4.md"))
	for _, part := range []string{"Found on a Tuesday.", "path: \"../data/x.npy\", sha256: ", "```fp4\ne = diff y r\n```\n```out\n"} {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in\n%s", part, text)
		}
	}
	for _, part := range []string{"gone", "help"} {
		if strings.Contains(text, part) {
			t.Errorf("%q is in\n%s", part, text)
		}
	}
	t.Chdir(t.TempDir())
	o := fp4tui(t, "replay", filepath.Join(dir, "out", "s.fp4.md")).want(t, 0)
	if o.out != "7 passed, 0 failed, 0 skipped\n" {
		t.Errorf("out %q", o.out)
	}
}

// The tour's files are unpacked once, below the user's cache directory.
func TestTourIsUnpackedIntoTheCache(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	t.Setenv("LocalAppData", cache)
	t.Setenv("HOME", cache)
	root, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	fp4tui(t, "run", "-c", "load tour:minilm-w4a4").want(t, 0)
	file := filepath.Join(root, "fp4tui", "samples", "minilm-w4a4", "model.safetensors")
	if cat(t, file) != cat(t, sample(t, "minilm-w4a4/model.safetensors")) {
		t.Error("the unpacked file is another one")
	}
	put(t, file, "damaged")
	fp4tui(t, "run", "-c", "load tour:minilm-w4a4").want(t, 0)
	if cat(t, file) == "damaged" {
		t.Error("a damaged copy was kept")
	}
	for _, name := range []string{"tour:nothing", "tour:../secret", "tour:/etc/passwd", "tour:"} {
		o := fp4tui(t, "run", "-c", "load "+name)
		if o.code != 3 && o.code != 2 {
			t.Errorf("%s: exit %d", name, o.code)
		}
		if o.code == 3 && !strings.Contains(o.stderr, "minilm-w4a16") {
			t.Errorf("%s does not say what there is: %s", name, o.stderr)
		}
	}
}
