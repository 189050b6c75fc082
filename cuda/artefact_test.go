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

// TestMachineCode looks for what the images must hold, in the list that their Makefile makes
// of them and the manifest binds to them: machine code for the targets, and the
// instructions that a kernel is there for.
func TestMachineCode(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("kernels", "sass.txt"))
	if err != nil {
		t.Fatal(err)
	}
	have := "\n" + string(b)
	var want []string
	for _, arch := range []string{"80", "90", "100", "110", "120"} {
		want = append(want, "kernels.fatbin sm_"+arch+"\n", "kernels.fatbin sm_"+arch+" HMMA.16816.F32.BF16 ", "kernels.fatbin sm_"+arch+" IDP.4A.S8.S8 ")
	}
	want = append(want, "kernels.fatbin PTX sm_80\n", "kernels.cu assembles for sm_103\n", "kernels.cu assembles for sm_121\n",
		"hopper.fatbin sm_90a HGMMA.64x128x16.F32.BF16 ", "hopper.fatbin sm_90a HGMMA.64x64x16.F32.BF16 ", "native.cu assembles for sm_120f\n")
	for _, arch := range []string{"120a", "121a"} {
		want = append(want, "native.fatbin sm_"+arch+" OMMA.SF.16864.F32.E2M1.E2M1.UE4M3.4X ", "native.fatbin sm_"+arch+" OMMA.SF.16864.F32.E2M1.E2M1.E8 ")
	}
	for _, arch := range []string{"100a", "103a", "110a", "120a", "121a"} {
		want = append(want, "quantize.fatbin sm_"+arch+" F2FP.SATFINITE.E2M1.F32.")
	}
	for _, w := range want {
		if !strings.Contains(have, "\n"+w) {
			t.Errorf("the images lack %q", strings.TrimSpace(w))
		}
	}
}
