package exec

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

// A notebook that someone wrote is not replaced by a dump of commands.
func TestExportSessionKeepsForeignNotebooks(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "precious.fp4.md")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := New(Options{Dir: dir})
	run := func(line string) error { return s.Run(context.Background(), line, nil).Err }
	if err := run("let a = 1"); err != nil {
		t.Fatal(err)
	}
	if err := run("export session precious.fp4.md"); err == nil || HintOf(err) == "" {
		t.Errorf("overwrote it, or refused without a cure: %v", err)
	}
	if data, _ := os.ReadFile(file); string(data) != "precious" {
		t.Fatalf("the file is now %q", data)
	}
	for _, line := range []string{"export session own.fp4.md", "let b = 2", "export session own.fp4.md", "export session precious.fp4.md replace=yes"} {
		if err := run(line); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
	if data, _ := os.ReadFile(file); string(data) == "precious" {
		t.Error("replace=yes did not replace it")
	}
}

// What a session opened is what it looks at: no export replaces it, by no name.
func TestExportSparesWhatTheSessionOpened(t *testing.T) {
	dir := t.TempDir()
	s := New(Options{Dir: dir})
	run := func(line string) error { return s.Run(context.Background(), line, nil).Err }
	must := func(lines ...string) {
		t.Helper()
		for _, line := range lines {
			if err := run(line); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
		}
	}
	must("x = randn 4 32 seed=1", "export x made.npy", "q = quant x", "p = swizzle q", "export p made.safetensors")
	for _, name := range []string{"x.npy", "c.safetensors"} {
		data, err := os.ReadFile(filepath.Join(dir, "made"+filepath.Ext(name)))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), data, 0o600)
		}
		if err == nil {
			err = os.Symlink(name, filepath.Join(dir, "link-"+name))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	must("a = load x.npy", "c = load c.safetensors")
	must("a = randn 2 32 seed=2") // the handle is gone, the file still is what was looked at
	for _, path := range []string{"x.npy", "./x.npy", "link-x.npy", "c.safetensors", "link-c.safetensors", "config.json"} {
		if err := run("export x " + path); err == nil || HintOf(err) == "" {
			t.Errorf("export x %s: overwrote it, or refused without a cure: %v", path, err)
		}
	}
	must("z = load made.npy", "export x made.npy") // its own file it may write again
}
