package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The session of the README is what the program prints: its commands, piped one by one.
func TestReadmeSession(t *testing.T) {
	if testing.Short() {
		t.Skip("products of whole layers")
	}
	path := filepath.Join("..", "..", "README.md")
	text := cat(t, path)
	const open = "```text\n$ fp4tui repl\n"
	_, rest, ok := strings.Cut(text, open)
	stored, _, closed := strings.Cut(rest, "```\n")
	if !ok || !closed {
		t.Fatalf("README.md has no block that begins with %q", open)
	}
	var input, got strings.Builder
	printed := 0
	for line := range strings.Lines(stored) {
		command, is := strings.CutPrefix(line, prompt)
		if !is {
			continue
		}
		input.WriteString(command)
		o := piped(t, t.Context(), input.String(), "repl")
		got.WriteString(line + o.out[printed:])
		printed = len(o.out)
	}
	if *update {
		put(t, path, strings.Replace(text, stored, got.String(), 1))
		return
	}
	if got.String() != stored {
		t.Errorf("README.md is stale; write it with: go test ./cmd/fp4tui -run TestReadme -update\ngot:\n%s", got.String())
	}
}

// Links between the documents lead somewhere.
func TestDocumentLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#]+)\)`)
	for _, file := range []string{"README.md", "CHANGELOG.md", "docs/architecture.md", "samples/README.md"} {
		path := filepath.Join("..", "..", filepath.FromSlash(file))
		for _, m := range link.FindAllStringSubmatch(cat(t, path), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), filepath.FromSlash(m[1]))); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
}
