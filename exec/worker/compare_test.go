package worker

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"

	"fp4tui/inspect"
	"fp4tui/inspect/layer"
)

// Compare of the test engine makes cells of nothing, and misbehaves as told.
func (e engine) Compare(_ context.Context, j layer.Job, against string, _ layer.Progress) (r layer.Comparison, err error) {
	switch e {
	case "crash":
		fmt.Fprintln(os.Stderr, "CUDA_ERROR_ILLEGAL_ADDRESS (700)")
		os.Exit(3)
	case "fault":
		return r, &inspect.Fault{Class: inspect.ErrUnsupported, Offset: -1, What: "out of memory", Why: "needs 9 TB", Cure: "use fewer rows"}
	case "other frame":
		head := `{"kind":"quantized","job":1,"body":{},"blobs":[0,0]}`
		w := bufio.NewWriter(os.Stdout)
		w.Write([]byte{byte(len(head)), 0, 0, 0})
		w.WriteString(head)
		w.Flush()
		select {}
	}
	r = comparison(j, against)
	switch e {
	case "short":
		r.Cells = r.Cells[1:]
	case "lie":
		r.Cells[1].NaN = 1 << 31
	}
	return r, nil
}

func comparison(j layer.Job, against string) layer.Comparison {
	rows, cols, step := layer.Grid(j.M, j.N)
	r := layer.Comparison{Kernels: [2]string{j.Kernel + "\x1b[2J", against + "\u009b"}, Device: "abacus\x07", Rows: rows, Cols: cols, Step: step, Notes: []string{"by hand\x1b]0;title\x07", "beads\r\n> rm"}}
	for i := range 40 {
		r.Notes = append(r.Notes, fmt.Sprint("bead ", i))
	}
	for i := range rows * cols {
		r.Cells = append(r.Cells, layer.Cell{Largest: float32(math.Inf(1)), Squares: float32(i), Norm: 0.1, Different: uint32(i) + 1, NaN: 3, Unwritten: 1})
	}
	return r
}

// wideJob has several cells.
func wideJob() layer.Job {
	j := job()
	j.N, j.Bias = 300, make([]float32, 300)
	j.WCodes, j.WScales = make([]byte, 300*16), make([]byte, 300*2)
	return j
}

// TestCompare: cells come back as they were made, the words of the peer as a terminal may have
// them and no more notes than a screen holds; the weight travels once.
func TestCompare(t *testing.T) {
	o := Offer{Client: client(t, "work"), Kernel: "beads", At: "ssh:shop"}
	for range 2 {
		r, err := o.Compare(context.Background(), wideJob(), "wire", nil)
		if err != nil {
			t.Fatal(err)
		}
		want := comparison(wideJob(), "wire")
		want.Kernels, want.Device = [2]string{`beads\x1b[2J`, `wire\x9b`}, `abacus\x07 at ssh:shop`
		want.Notes = append([]string{`by hand\x1b]0;title\x07`, `beads\x0d\x0a> rm`}, want.Notes[2:32]...)
		want.Notes = append(want.Notes, "and 10 more")
		if !reflect.DeepEqual(r, want) {
			t.Errorf("%+v, want %+v", r, want)
		}
	}
	if r, err := o.Run(context.Background(), job(), nil); err != nil || len(r.Y) != 12 {
		t.Error(r, err)
	}
	bad := wideJob()
	bad.WScales = bad.WScales[1:]
	if _, err := o.Compare(context.Background(), bad, "wire", nil); !errors.Is(err, inspect.ErrMismatch) {
		t.Error(err)
	}
}

// TestCompareDeath: as TestDeath, for a comparison.
func TestCompareDeath(t *testing.T) {
	for behave, wants := range map[string][]string{
		"crash":       {"the test worker died", "exit status 3", "CUDA_ERROR_ILLEGAL_ADDRESS (700)"},
		"short":       {"not the worker protocol", "4 cells of 1×5"},
		"lie":         {"not the worker protocol", "no outputs make the cell at [0,64]", "2147483648 NaN"},
		"other frame": {"not the worker protocol", `a frame of kind "quantized"`},
		"fault":       {"out of memory", "needs 9 TB"},
		"unready":     {"no device"},
		"deafened":    {"this worker does not compare kernels"},
	} {
		t.Run(behave, func(t *testing.T) {
			c := client(t, behave)
			for range 2 {
				_, err := c.Compare(context.Background(), wideJob(), "wire", nil)
				var f *inspect.Fault
				if !errors.As(err, &f) || f.Cure == "" {
					t.Fatalf("%v is no fault with a cure", err)
				}
				for _, want := range wants {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("%q lacks %q", err, want)
					}
				}
			}
		})
	}
}
