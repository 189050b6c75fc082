package main

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"fp4tui/exec/notebook"
)

// notebooks are the committed ones.
func notebooks(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(sample(t, "notebooks"), "*.fp4.md"))
	if err != nil || len(files) < 10 {
		t.Fatalf("%d notebooks found, %v", len(files), err)
	}
	return files
}

func TestNotebooksReplay(t *testing.T) {
	for _, file := range notebooks(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			if testing.Short() && strings.Contains(cat(t, file), "../minilm-x") {
				t.Skip("products of whole layers")
			}
			o := fp4tui(t, "replay", file).want(t, 0)
			if !regexp.MustCompile(`^[1-9]\d* passed, 0 failed, 0 skipped\n$`).MatchString(o.out) || o.stderr != "" {
				t.Errorf("out %q\nerr %q", o.out, o.stderr)
			}
		})
	}
}

// Every file that a notebook reads has its hash in the front matter, so that a changed
// sample can't pass for a changed program.
func TestNotebooksNameTheirInputs(t *testing.T) {
	for _, file := range notebooks(t) {
		doc, errs := notebook.Parse(file, []byte(cat(t, file)))
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		if doc.Title() == "" {
			t.Errorf("%s has no title", file)
		}
		for _, in := range doc.Front.Inputs {
			sum, err := notebook.HashPath(context.Background(), filepath.Join(filepath.Dir(file), in.Path))
			if err != nil || in.SHA256 != sum {
				t.Errorf("%s: input %s: recorded %q, is %q, %v", filepath.Base(file), in.Name, in.SHA256, sum, err)
			}
		}
		for _, c := range doc.Cells {
			if len(c.Outs) != 1 {
				t.Errorf("%s:%d: the cell has %d outputs", filepath.Base(file), c.Line, len(c.Outs))
			}
		}
	}
}

// A replay does not depend on the terminal, the language, the directory or the number of
// processors.
func TestReplayIsTheSameEverywhere(t *testing.T) {
	args := []string{"replay", "--stable", "--verbose", "--report", "json", sample(t, "notebooks/compare.fp4.md")}
	first := fp4tui(t, args...).want(t, 0)
	for _, env := range [][2]string{{"TERM", "dumb"}, {"TERM", "xterm-256color"}, {"LANG", "tr_TR.UTF-8"}, {"LC_ALL", "de_DE"}, {"COLUMNS", "40"}, {"NO_COLOR", "1"}, {"CLICOLOR_FORCE", "1"}} {
		t.Run(env[0]+"="+env[1], func(t *testing.T) {
			t.Setenv(env[0], env[1])
			if again := fp4tui(t, args...); again != first {
				t.Errorf("differs:\n%s", again.out)
			}
		})
	}
	t.Run("elsewhere", func(t *testing.T) {
		t.Chdir(t.TempDir())
		if again := fp4tui(t, args...); again != first {
			t.Errorf("differs:\n%s", again.out)
		}
	})
}

func TestProductsAreTheSameOnOneProcessor(t *testing.T) {
	name := "notebooks/gemm-w4a4.fp4.md"
	if testing.Short() {
		name = "notebooks/compare.fp4.md"
	}
	args := []string{"replay", "--stable", "--verbose", "--report", "json", sample(t, name)}
	first := fp4tui(t, args...).want(t, 0)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	if again := fp4tui(t, args...); again != first {
		t.Errorf("differs:\n%s", again.out)
	}
}

// small is a notebook beside a copy of one sample, for tests that break it.
func small(t *testing.T) (dir, file string) {
	t.Helper()
	dir = t.TempDir()
	data := cat(t, sample(t, "minilm-x.npy"))
	put(t, filepath.Join(dir, "x.npy"), data)
	file = filepath.Join(dir, "n.fp4.md")
	sum, err := notebook.HashPath(context.Background(), filepath.Join(dir, "x.npy"))
	if err != nil {
		t.Fatal(err)
	}
	put(t, file, "---\nfp4tui: 1\ninputs:\n  x: {path: x.npy, sha256: "+sum+"}\n---\n\n# Small\n\n"+
		"```fp4 id=load\nx = load x.npy\n```\n```out\nx: bf16 128×384, min -6.25000, max 28.3750, mean 0.0335142, nan 0, inf 0\n```\n\n"+
		"Prose  with trailing blanks  \n\n```fp4 id=check\nexpect x.nan == 0\n```\n```out\nPASS x.nan 0 == 0\n```\n")
	fp4tui(t, "replay", file).want(t, 0)
	return dir, file
}

func TestReplayChangedInput(t *testing.T) {
	dir, file := small(t)
	path := filepath.Join(dir, "x.npy")
	old, err := notebook.HashPath(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	data := []byte(cat(t, path))
	data[len(data)-1] ^= 1
	put(t, path, string(data))
	fresh, err := notebook.HashPath(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	o := fp4tui(t, "replay", file).want(t, 3)
	if !strings.Contains(o.out, old) || !strings.Contains(o.out, fresh) || strings.Contains(o.out, "CHANGED") {
		t.Errorf("want both hashes and no run:\n%s", o.out)
	}
}

func TestReplayChangedOutput(t *testing.T) {
	_, file := small(t)
	put(t, file, strings.Replace(cat(t, file), "0.0335142", "0.0335152", 1))
	o := fp4tui(t, "replay", file).want(t, 1)
	if !strings.Contains(o.out, filepath.ToSlash(file)+":13: CHANGED load:") {
		t.Errorf("want the line of the output:\n%s", o.out)
	}
	if !strings.HasSuffix(o.out, "1 passed, 1 failed, 0 skipped\n") {
		t.Errorf("the other cell did not run:\n%s", o.out)
	}
}

func TestReplayTypo(t *testing.T) {
	dir, file := small(t)
	put(t, file, strings.Replace(cat(t, file), "```fp4 id=check\n", "```fp4 id=check\nexport x x2.npy\nstta x\n", 1))
	o := fp4tui(t, "replay", "--out", dir, file).want(t, 2)
	for _, part := range []string{filepath.ToSlash(file) + ":20:1:", `did you mean "stat"?`} {
		if !strings.Contains(strings.ReplaceAll(o.out, "did you mean stat?", `did you mean "stat"?`), part) {
			t.Errorf("%q is not in:\n%s", part, o.out)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "x2.npy")); err == nil {
		t.Error("a command before the typo was run")
	}
}

func TestReplayUpdate(t *testing.T) {
	_, file := small(t)
	good := cat(t, file)
	fp4tui(t, "replay", "--update", file).want(t, 0)
	if cat(t, file) != good {
		t.Error("an update without a difference changed the file")
	}
	// The wildcard matches and must stay; the wrong line is written anew.
	wild := strings.Replace(good, "x.nan 0 == 0\n", "[..]\n", 1)
	put(t, file, strings.Replace(wild, "28.3750", "28.4750", 1))
	o := fp4tui(t, "replay", "--update", file).want(t, 0)
	if cat(t, file) != wild {
		t.Errorf("got:\n%s\nwant:\n%s", cat(t, file), wild)
	}
	if !strings.Contains(o.stderr, "updated ") {
		t.Errorf("stderr %q", o.stderr)
	}
	fp4tui(t, "replay", file).want(t, 0)
}

func TestReplayUpdateNeverHidesAFailedCheck(t *testing.T) {
	_, file := small(t)
	bad := strings.Replace(cat(t, file), "expect x.nan == 0", "expect x.nan == 1", 1)
	put(t, file, bad)
	fp4tui(t, "replay", "--update", file).want(t, 1)
	if cat(t, file) != bad {
		t.Errorf("update rewrote the output of a failed check:\n%s", cat(t, file))
	}
	t.Setenv("CI", "1")
	fp4tui(t, "replay", "--update", file).want(t, 2)
}

func TestReplayReports(t *testing.T) {
	dir, file := small(t)
	for format, part := range map[string]string{"json": `{"v":1,"ev":"end","passed":2,"failed":0,"skipped":0,"exit":0}`, "junit": `tests="2" failures="0"`, "tap": "ok 2 - ", "text": "2 passed, 0 failed, 0 skipped"} {
		path := filepath.Join(dir, "report."+format)
		if o := fp4tui(t, "replay", "--report", format, "-o", path, file).want(t, 0); o.out != "" {
			t.Errorf("%s: written to standard output too: %s", format, o.out)
		}
		if got := cat(t, path); !strings.Contains(got, part) {
			t.Errorf("%s: %q is not in:\n%s", format, part, got)
		}
	}
}

// A file that can't be read takes nothing from the reports of the others.
func TestReplayMissingFile(t *testing.T) {
	dir, file := small(t)
	o := fp4tui(t, "replay", "--verbose", file, filepath.Join(dir, "absent.fp4.md"), file).want(t, 3)
	if strings.Count(o.out, "ok load:") != 2 || !strings.Contains(o.out, "absent.fp4.md:1: ") || !strings.HasSuffix(o.out, "4 passed, 1 failed, 0 skipped\n") {
		t.Errorf("out:\n%s", o.out)
	}
}
