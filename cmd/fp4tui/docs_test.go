package main

import (
	"path/filepath"
	"testing"
)

// The generated documents are those that the program would print.
func TestDocumentsAreFresh(t *testing.T) {
	files := map[string]string{"commands": "commands.md", "keys": "keys.md", "schema": "result.schema.json"}
	if len(files) != len(documents()) {
		t.Fatalf("%d documents, %d files", len(documents()), len(files))
	}
	for name, file := range files {
		path := filepath.Join("..", "..", "docs", file)
		text := fp4tui(t, "docs", name).want(t, 0).out
		if *update {
			put(t, path, text)
			continue
		}
		if cat(t, path) != text {
			t.Errorf("docs/%s is stale; write it with: go test ./cmd/fp4tui -run TestDocumentsAreFresh -update", file)
		}
	}
	fp4tui(t, "docs", "poem").want(t, 2)
}
