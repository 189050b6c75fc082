package hopper

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"fmt"
	"os"
	"testing"
)

//go:embed kernels.ptx
var ptx string

// TestPTXIsOfItsSource holds kernels.ptx to kernels.cu.
func TestPTXIsOfItsSource(t *testing.T) {
	source, err := os.ReadFile("kernels.cu")
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("// sha256 of kernels.cu: %x\n", sha256.Sum256(source))
	if !bytes.HasPrefix([]byte(ptx), []byte(want)) {
		t.Errorf("kernels.ptx was not made from this kernels.cu: make -C cuda/hopper")
	}
}
