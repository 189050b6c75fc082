package checkpoint

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fp4tui/inspect"
)

// A configuration that engines cannot read is a fault of its own; the tensors stay usable.
func TestConfigMustBeAnObject(t *testing.T) {
	data, err := os.ReadFile("../../samples/broken/nan-scale.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	for text, bad := range map[string]bool{"{": true, "[]": true, "null": true, `"x"`: true, "": true, "{}": false, `{"a": [1]}`: false} {
		dir := t.TempDir()
		for name, content := range map[string][]byte{"model.safetensors": data, "config.json": []byte(text)} {
			if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		c, err := Open(context.Background(), dir)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		found := false
		for i := range c.Faults {
			f := &c.Faults[i]
			found = found || errors.Is(f, inspect.ErrMalformed) && strings.HasSuffix(f.File, "config.json") && f.Cure != ""
		}
		if found != bad || c.Len() != 3 || (c.Config == nil) != bad {
			t.Errorf("%q: faults %v, %d tensors, config %q", text, c.Faults, c.Len(), c.Config)
		}
	}
}
