package exec

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

// A finding about no tensor names its file, by the path that was typed: of a broken
// configuration nothing else tells which.
func TestLintNamesTheFile(t *testing.T) {
	dir := t.TempDir()
	s := New(Options{Dir: dir})
	for _, line := range []string{"x = randn 4 32 seed=1", "q = quant x", "p = swizzle q", "export p model.safetensors"} {
		if err := s.Run(context.Background(), line, nil).Err; err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "ck"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "model.safetensors"), filepath.Join(dir, "ck", "model.safetensors")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "ck", "config.json"), []byte(`{"quantization_config": [1,`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Run(context.Background(), "c = load ck", nil).Err; err != nil {
		t.Fatal(err)
	}
	cell := s.Run(context.Background(), "lint c", nil)
	report, ok := cell.Result.(LintReport)
	if !ok || len(report.Findings) == 0 {
		t.Fatalf("no findings: %v, %v", cell.Result, cell.Err)
	}
	if f := report.Findings[0]; f.Rule != "file-malformed" || f.File != "ck/config.json" {
		t.Errorf("the first finding is %s of file %q, want file-malformed of ck/config.json", f.Rule, f.File)
	}
}
