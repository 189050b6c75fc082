package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"

	"fp4tui/cuda"
	"fp4tui/exec/gemm"
)

// The GPU engine satisfies an interface of a package that it does not import.
var _ gemm.Runner = (*cuda.Engine)(nil)

// listed is what go list says about one package.
type listed struct {
	ImportPath string
	Imports    []string
}

// TestImportLaw holds views → exec → inspect → inspect/fp4; cuda → inspect; cmd wires all.
func TestImportLaw(t *testing.T) {
	layers := []struct {
		prefix string
		may    []string // packages of ours it may import, with all below them
	}{
		{"fp4tui/cmd", []string{"fp4tui"}},
		{"fp4tui/views", []string{"fp4tui/views", "fp4tui/exec", "fp4tui/inspect"}},
		{"fp4tui/exec", []string{"fp4tui/exec", "fp4tui/inspect"}},
		{"fp4tui/cuda", []string{"fp4tui/cuda", "fp4tui/inspect"}},
		{"fp4tui/inspect/fp4", []string{"fp4tui/inspect/fp4"}},
		{"fp4tui/inspect", []string{"fp4tui/inspect"}},
		{"fp4tui/samples", nil},
	}
	// Modules that one part of the program has to itself.
	owned := map[string]string{"charm.land/": "fp4tui/views", "github.com/charmbracelet/": "fp4tui/views", "gorgonia.org/": "fp4tui/cuda"}
	for _, p := range packages(t) {
		i := slices.IndexFunc(layers, func(l struct {
			prefix string
			may    []string
		}) bool {
			return below(p.ImportPath, l.prefix)
		})
		if i < 0 {
			t.Errorf("%s has no place in the law", p.ImportPath)
			continue
		}
		if slices.Contains([]string{"util", "utils", "common", "types", "helpers"}, path.Base(p.ImportPath)) {
			t.Errorf("%s: a function lives where its caller is", p.ImportPath)
		}
		for _, imported := range p.Imports {
			if below(imported, "fp4tui") && !slices.ContainsFunc(layers[i].may, func(m string) bool { return below(imported, m) }) {
				t.Errorf("%s imports %s", p.ImportPath, imported)
			}
			for module, owner := range owned {
				if strings.HasPrefix(imported, module) && !below(p.ImportPath, owner) {
					t.Errorf("%s imports %s, which only %s may", p.ImportPath, imported, owner)
				}
			}
			// Beside the standard library only what tells which instructions the processor has: the
			// standard library keeps that to itself.
			if below(p.ImportPath, "fp4tui/inspect/fp4") && strings.Contains(strings.Split(imported, "/")[0], ".") && imported != "golang.org/x/sys/cpu" {
				t.Errorf("%s imports %s; it is the standard library and x/sys/cpu only", p.ImportPath, imported)
			}
		}
	}
}

func below(pkg, prefix string) bool { return pkg == prefix || strings.HasPrefix(pkg, prefix+"/") }

// packages asks go list about the program, with and without GPU support.
func packages(t *testing.T) []listed {
	t.Helper()
	var out []listed
	for _, tags := range []string{"", "cuda"} {
		cmd := exec.Command("go", "list", "-json=ImportPath,Imports", "-tags="+tags, "fp4tui/...")
		text, err := cmd.Output()
		if err != nil {
			t.Fatalf("go list: %v", err)
		}
		for dec := json.NewDecoder(strings.NewReader(string(text))); ; {
			var p listed
			err := dec.Decode(&p)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, p)
		}
	}
	if len(out) < 20 {
		t.Fatalf("go list names %d packages", len(out))
	}
	return out
}
