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
