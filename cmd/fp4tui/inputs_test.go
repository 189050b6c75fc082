package main

import (
	"path/filepath"
	"strings"
	"testing"

	"fp4tui/views"
)

// An input of the front matter is loaded by its name by every way to run a notebook.
func TestInputsByName(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "named.fp4.md")
	put(t, path, "---\nfp4tui: 1\ninputs:\n  X: {path: "+quoted(sample(t, "minilm-x.npy"))+"}\n---\n\n```fp4\nx = load X\nexpect x.count == 49152\n```\n")
	fp4tui(t, "replay", path).want(t, 0)
	fp4tui(t, "run", "-f", path).want(t, 0)
	saved := filepath.Join(dir, "saved.fp4.md")
	fp4tui(t, "run", "-c", "source "+quoted(path), "-c", "y = load X", "-c", "export session "+quoted(saved)).want(t, 0)
	fp4tui(t, "replay", saved).want(t, 0)
	if text := cat(t, saved); !strings.Contains(text, "minilm-x.npy") {
		t.Errorf("the saved session does not say where X is:\n%s", text)
	}
	book, opt, err := openBook(path, "")
	if err != nil {
		t.Fatal(err)
	}
	k := newKeyboard(t, views.Options{Engine: session(opt), Book: book})
	if text := k.app.View().Content; !strings.Contains(text, "2 cells") && !strings.Contains(text, "replay: 1 ok") {
		t.Errorf("opened in the terminal UI:\n%s", text)
	}
}

// A path below a directory that exists is a file's, not a model's.
func TestMissingFileIsNoModel(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(filepath.Dir(dir))
	o := fp4tui(t, "run", "-c", "load "+filepath.Base(dir)+"/absent").want(t, 3)
	if !strings.Contains(o.stderr, "no such file") || strings.Contains(o.stderr, "hf download") {
		t.Error(o.stderr)
	}
	if o := fp4tui(t, "run", "-c", "load nosuchorg/absent").want(t, 3); !strings.Contains(o.stderr, "no such file: and no cached model") {
		t.Error(o.stderr)
	}
}
