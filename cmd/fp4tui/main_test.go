package main

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

var update = flag.Bool("update", false, "rewrite golden files and the generated documents")

// asProgram is the variable that makes the test binary the program itself, for tests that
// need a process.
const asProgram = "FP4TUI_TEST_PROGRAM"

// TestMain keeps what the tests unpack and read out of the user's directories.
func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	if len(os.Args) >= 2 && os.Args[1] == "worker" { // started by a test as the program starts itself
		os.Exit(asWorker(os.Getenv(workerBehaviour)))
	}
	flag.Parse()
	dir, err := os.MkdirTemp("", "fp4tui-test-")
	if err != nil {
		panic(err)
	}
	for _, name := range []string{"XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "HOME", "LocalAppData", "HF_HOME"} {
		if err := os.Setenv(name, filepath.Join(dir, name)); err != nil {
			panic(err)
		}
	}
	os.Unsetenv("CI") // replay --update refuses to run there
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// outcome is what one run of the program left behind.
type outcome struct {
	code        int
	out, stderr string
}

// fp4tui runs the program in this process.
func fp4tui(t *testing.T, args ...string) outcome {
	t.Helper()
	return piped(t, context.Background(), "", args...)
}

// piped runs the program with a text on its standard input.
func piped(t *testing.T, ctx context.Context, input string, args ...string) outcome {
	t.Helper()
	var out, stderr bytes.Buffer
	code := run(ctx, args, streams{strings.NewReader(input), &out, &stderr})
	return outcome{code, out.String(), stderr.String()}
}

// want fails unless the program ended with a code.
func (o outcome) want(t *testing.T, code int) outcome {
	t.Helper()
	if o.code != code {
		t.Fatalf("exit %d, want %d\nstdout:\n%s\nstderr:\n%s", o.code, code, o.out, o.stderr)
	}
	return o
}

// sample is the path of a committed sample.
func sample(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "..", "samples", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}
	return path
}

// cat reads a file of a test.
func cat(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// put writes a file of a test.
func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// golden compares a text with testdata/name; -update writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		put(t, path, got)
		return
	}
	if want := cat(t, path); got != want {
		t.Errorf("%s differs; go test ./cmd/fp4tui -update rewrites it\ngot:\n%s\nwant:\n%s", path, got, want)
	}
}

// printable fails when a text holds what a terminal would act on: everything but line
// ends and visible characters, direction overrides included.
func printable(t *testing.T, what, s string) {
	t.Helper()
	if !utf8.ValidString(s) {
		t.Errorf("%s: not UTF-8: %q", what, s)
	}
	for _, r := range s {
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Co, r)) {
			t.Errorf("%s: unprintable %U in %q", what, r, s)
			return
		}
	}
}
