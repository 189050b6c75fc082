//go:build cuda && cgo && linux

package cuda

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// benchMultiprocessors are those of the GPU that docs/benchmarks.md is of: an H100 SXM.
const benchMultiprocessors = 132

// TestBenchLaunches holds the table of launches that bench/bench.py reads to what this package
// does on a Hopper GPU, for NVFP4 layers. All rows of x are one launch there; a job divides 4096 (band).
func TestBenchLaunches(t *testing.T) {
	var b strings.Builder
	b.WriteString("multiprocessors,m,n,k,shape,kernel,blocks,threads,shared,each,extra,most\n")
	for _, size := range [][3]int{
		{1, 14336, 4096}, {8, 14336, 4096}, {16, 14336, 4096}, {1, 4096, 14336}, {8, 4096, 14336}, {16, 4096, 14336},
		{32, 14336, 4096}, {64, 14336, 4096}, {128, 14336, 4096}, {256, 14336, 4096}, {512, 14336, 4096}, {1024, 14336, 4096}, {4096, 14336, 4096},
	} {
		m, n, k := size[0], size[1], size[2]
		p := &product{state: &state{}, job: &layer.Job{M: m, N: n, K: k, Block: 16, Scale: fp4.E4M3}, k: k,
			device: Device{ComputeCapability: [2]int{9, 0}, Multiprocessors: benchMultiprocessors}}
		s := p.shape()
		image, name := s.function(fp4.E4M3)
		if image != hopperImage {
			t.Fatalf("%v: %s is not of hopper.fatbin", size, name)
		}
		c, each, extra, most := config{}, int64(0), int64(0), int64(0)
		if s.family == "stream" {
			c, each, extra, most = p.streamConfig(s)
		} else {
			c = p.wideConfig(s, m)
		}
		fmt.Fprintf(&b, "%d,%d,%d,%d,%s,%s,%d,%d,%d,%d,%d,%d\n", benchMultiprocessors, m, n, k, s.name(), name, c.blocks, c.threads, c.shared, each, extra, most)
	}
	const file = "bench/launches.csv"
	if flag.Lookup("update").Value.String() == "true" { // the flag is that of the package's outer tests
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if have, err := os.ReadFile(file); err != nil || string(have) != b.String() {
		t.Errorf("%s is not what w4a16 does (%v): cuda/with-env go test -tags cuda ./cuda -run TestBenchLaunches -update", file, err)
	}
}
