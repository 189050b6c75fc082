package cuda

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestKernelsAreOfTheirSource holds the embedded kernels to the sources beside them, by the
// hashes that their Makefile writes.
func TestKernelsAreOfTheirSource(t *testing.T) {
	file, err := os.Open(filepath.Join("kernels", "manifest.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	if !lines.Scan() || !strings.HasPrefix(lines.Text(), "nvcc release 13.0,") {
		t.Errorf("the manifest begins with %q, not with the compiler", lines.Text())
	}
	named := map[string]bool{}
	for lines.Scan() {
		hash, name, _ := strings.Cut(lines.Text(), "  ")
		b, err := os.ReadFile(filepath.Join("kernels", name))
		if err != nil {
			t.Error(err)
		} else if got := fmt.Sprintf("%x", sha256.Sum256(b)); got != hash {
			t.Errorf("%s has changed since the kernels were made: make -C cuda/kernels", name)
		}
		named[name] = true
	}
	there, err := os.ReadDir("kernels")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range there {
		if f.Name() != "manifest.txt" && !named[f.Name()] {
			t.Errorf("%s is not in the manifest", f.Name())
		}
	}
}
