package main

import (
	"context"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestExitCodes(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		put(t, path, text)
		return path
	}
	unchecked := write("unchecked.fp4.md", "# No check\n\n```fp4\nx = randn 2 4 seed=1\n```\n")
	skipped := write("skipped.fp4.md", "---\nfp4tui: 1\nrequires: [gpu9000]\n---\n\n```fp4\nexpect 1 == 1\n```\n")
	partly := write("partly.fp4.md", "```fp4\nexpect 1 == 1\n```\n\n```fp4 requires=gpu9000\nexpect 2 == 2\n```\n")
	plain := filepath.Join(dir, "plain.safetensors")
	fp4tui(t, "run", "-c", "x = randn 2 4 seed=1", "-c", "export x "+quoted(plain)).want(t, 0)
	nan := sample(t, "broken/nan-scale.safetensors")
	for _, c := range []struct {
		code int
		args []string
	}{
		{0, []string{"run", "-c", "expect 1 < 2"}},
		{0, []string{"lint", sample(t, "minilm-w4a16")}},
		{0, []string{"doctor"}},
		{0, []string{"docs"}},
		{0, []string{"--help"}},
		{0, []string{"--version"}},
		{0, []string{"completion", "bash"}},
		{0, []string{"completion"}},
		{2, []string{"completion", "tcsh"}},
		{0, []string{"replay", partly}},
		{1, []string{"run", "-c", "expect 1 > 2"}},
		{1, []string{"run", "-c", "expect 1 > 2", "-c", "expect 1 < 2"}},
		{1, []string{"lint", nan}},
		{1, []string{"lint", "--json", nan}},
		{1, []string{"run", "-c", "c = load tour:broken/nan-scale.safetensors", "-c", "lint c"}},
		{2, []string{"run"}},
		{2, []string{"run", "extra"}},
		{2, []string{"run", "-c", "gem x w"}},
		{2, []string{"run", "--jsn"}},
		{2, []string{"nosuchcommand", "x"}},
		{2, []string{"lint"}},
		{2, []string{"replay"}},
		{2, []string{"replay", "--report", "xml", partly}},
		{2, []string{"replay", "--backend", "abacus", partly}},
		{2, []string{"replay", "--tui", partly, partly}},
		{2, []string{"replay", "--filter", "nothing", partly}},
		{2, []string{"--color", "bogus", "doctor"}},
		{2, []string{"--theme", "bogus", "doctor"}},
		{3, []string{"run", "-c", "load /no/such/file.npy"}},
		{3, []string{"run", "-f", filepath.Join(dir, "absent.fp4")}},
		{3, []string{"replay", filepath.Join(dir, "absent.fp4.md")}},
		{3, []string{"lint", filepath.Join(dir, "absent")}},
		{3, []string{"lint", sample(t, "minilm-x.npy")}},
		{3, []string{"replay", "--out", filepath.Join(dir, "absent"), partly}},
		{3, []string{"run", "-c", "x = randn 2 4 seed=1", "-c", "undo", "-c", "undo"}},
		{4, []string{"lint", plain}},
		{3, []string{"run", "-c", "x = randn 2 16 seed=1", "-c", "q = quant x", "-c", "gemm x q backend=cuda"}},
		{3, []string{"--log-file", filepath.Join(dir, "no", "dir", "log"), "doctor"}},
		{4, []string{"replay", unchecked}},
		{4, []string{"replay", skipped}},
		{4, []string{"replay", "--fail-on-skip", partly}},
	} {
		o := fp4tui(t, c.args...)
		if o.code != c.code {
			t.Errorf("%s: exit %d, want %d\n%s%s", strings.Join(c.args, " "), o.code, c.code, o.out, o.stderr)
		}
		if c.code >= 2 && o.out+o.stderr == "" {
			t.Errorf("%s: exit %d without a word", strings.Join(c.args, " "), o.code)
		}
	}
}

func TestMistypedCommand(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"rn", "-c", "x"}, `unknown command "rn", did you mean run`},
		{[]string{"nosuch", "x"}, `unknown command "nosuch"`},
		{[]string{"run", "-x"}, "unknown shorthand flag: 'x'"},
		{[]string{"a.safetensors", "b.safetensors"}, "accepts at most 1 arg"},
	} {
		if o := fp4tui(t, c.args...).want(t, 2); !strings.Contains(o.stderr, c.want) {
			t.Errorf("%v: %s", c.args, o.stderr)
		}
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, args := range [][]string{
		{"run", "-c", "c = load tour:minilm-w4a16"},
		{"lint", sample(t, "minilm-w4a16")},
		{"replay", sample(t, "notebooks/tour.fp4.md")},
		{"repl", sample(t, "minilm-w4a16")},
	} {
		if o := piped(t, ctx, "", args...); o.code != 130 {
			t.Errorf("%v: exit %d, want 130\n%s%s", args, o.code, o.out, o.stderr)
		}
	}
}

// A mistake in any command keeps all of them from running.
func TestNothingRunsAfterAMistake(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.npy")
	o := fp4tui(t, "run", "-c", "x = randn 2 4 seed=1", "-c", "export x "+quoted(path), "-c", "gemm x w backend=emmu").want(t, 2)
	if !strings.Contains(o.stderr, "-c:3:") || o.out != "" {
		t.Errorf("out %q\nerr %q", o.out, o.stderr)
	}
	if matches, _ := filepath.Glob(path); matches != nil {
		t.Error("export ran")
	}
}

func quoted(path string) string { return `"` + filepath.ToSlash(path) + `"` }

func TestFlags(t *testing.T) {
	o := fp4tui(t, "--color", "bogus", "doctor").want(t, 2)
	if !strings.Contains(o.stderr, "--color bogus") || !strings.Contains(o.stderr, "never") {
		t.Errorf("stderr %q", o.stderr)
	}
	args := []string{"--ascii", "run", "-f", sample(t, "notebooks/compare.fp4.md"), "-c", "hist w.scale", "-c", "codes w", "-c", "help gemm", "-c", "snap view=error", "-c", "snap view=scales", "-c", "snap view=codes", "-c", "snap view=weight"}
	o = fp4tui(t, args...)
	for _, s := range []string{o.out, o.stderr} {
		for line := range strings.Lines(s) {
			for _, r := range line {
				if r > 0x7E {
					t.Errorf("--ascii: %q in %q", r, line)
					break
				}
			}
		}
	}
	log := filepath.Join(t.TempDir(), "log")
	plain := fp4tui(t, "run", "-c", "expect 1 < 2")
	if logged := fp4tui(t, "--log-file", log, "run", "-c", "expect 1 < 2"); logged != plain {
		t.Errorf("a log changes what is printed: %+v", logged)
	}
	if !strings.Contains(cat(t, log), `"msg":"start"`) {
		t.Errorf("log %q", cat(t, log))
	}
}

// full is a device without space.
type full struct{ err error }

func (f full) Write([]byte) (int, error) { return 0, f.err }

func TestLostOutput(t *testing.T) {
	for _, args := range [][]string{
		{"run", "-c", "expect 1 < 2"},
		{"run", "--json", "-c", "expect 1 < 2"},
		{"lint", sample(t, "minilm-w4a16")},
		{"replay", sample(t, "notebooks/tour.fp4.md")},
		{"docs"}, {"doctor"}, {"--version"},
	} {
		var stderr strings.Builder
		code := run(context.Background(), args, streams{strings.NewReader(""), full{syscall.ENOSPC}, &stderr})
		if code != 3 || strings.Count(stderr.String(), "output is lost") != 1 {
			t.Errorf("%v: exit %d, %q", args, code, stderr.String())
		}
		stderr.Reset()
		code = run(context.Background(), args, streams{strings.NewReader(""), full{syscall.EPIPE}, &stderr})
		if code != 3 || stderr.String() != "" {
			t.Errorf("%v into a closed pipe: exit %d, %q", args, code, stderr.String())
		}
	}
}

// A quit ends a notebook as it ends a list of commands.
func TestReplayStopsAtQuit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "quit.fp4.md")
	put(t, path, "```fp4\nexpect 1 == 1\nquit\nexpect 2 == 1\n```\n\n```fp4\nexpect 3 == 1\n```\n")
	o := fp4tui(t, "replay", "-v", path).want(t, 0)
	if !strings.Contains(o.out, "not run: line 3 quits") {
		t.Errorf("%s", o.out)
	}
	fp4tui(t, "replay", "--fail-on-skip", path).want(t, 4)
}

// Of many commands the one that failed is named, by file and line.
func TestRunNamesTheCommandThatFailed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "many.fp4")
	put(t, file, "x = randn 2 4 seed=1\n# a remark\ny = randn 2 5 seed=1\ne = diff x y\nstat x\n")
	if o := fp4tui(t, "run", "-f", file).want(t, 3); !strings.HasPrefix(o.stderr, file+":4: e = diff x y\n") {
		t.Errorf("stderr %q", o.stderr)
	}
	if o := fp4tui(t, "run", "--json", "-f", file).want(t, 3); o.stderr != "" {
		t.Errorf("with --json, stderr %q", o.stderr)
	}
	if o := fp4tui(t, "run", "-c", "load /no/such/file.npy").want(t, 3); strings.Contains(o.stderr, "-c:1") {
		t.Errorf("of one command, stderr %q", o.stderr)
	}
	o := piped(t, t.Context(), "x = randn 2 4 seed=1\r\n\n# a remark\ny = randn \\\n 2 5 seed=1\ne = diff x \\\n  y\nstat x\n", "repl").want(t, 3)
	if !strings.HasPrefix(o.stderr, "stdin:6: e = diff x") || strings.Contains(strings.SplitN(o.stderr, "\n", 2)[0], "\\x0a") {
		t.Errorf("from a pipe, stderr %q", o.stderr)
	}
	if o := piped(t, t.Context(), "x = randn 2 4 seed=1\nstta x\n", "repl").want(t, 2); !strings.Contains(o.stderr, "^ stdin:2:1: ") || strings.Count(o.stderr, "stta x") != 1 {
		t.Errorf("of a typing error, stderr %q", o.stderr)
	}
	if o := piped(t, t.Context(), "stat x\n", "repl", "/no/such/checkpoint").want(t, 3); strings.Contains(o.stderr, "stdin:") {
		t.Errorf("of the path, stderr %q", o.stderr)
	}
}

// A module that lint reports and no list has: the error about its name points there.
func TestLayerPointsToLint(t *testing.T) {
	load := "c = load " + sample(t, "broken/shape-mismatch.safetensors")
	o := fp4tui(t, "run", "-c", load, "-c", "layer c dense").want(t, 3)
	if all := unwrapped(o.stderr); !strings.Contains(all, "no such layer \"dense\": tensor ") || !strings.Contains(all, "hint: lint says") {
		t.Errorf("it says\n%s", o.stderr)
	}
	if o := fp4tui(t, "run", "-c", load, "-c", "layer c other").want(t, 3); !strings.Contains(o.stderr, "hint: ls shows the layers") {
		t.Errorf("of another name it says\n%s", o.stderr)
	}
}
