package text

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"fp4tui/exec"
)

// TestMatrix holds that the differences of nine products are seen at once: the matrix first,
// ref's column at its left, odd outputs by name, a bug on the first page of 80×24.
func TestMatrix(t *testing.T) {
	for _, test := range []struct {
		width int
		rows  []string
		odd   string
	}{
		{110, []string{"                        1      2     3     4     5    6     7      8     9   rel_l2",
			"2 emu                 46k      ·  same  same    1!  46k  same  192k!  same  3.5e-05"}, "  ALL ZEROS"},
		{80, []string{"                    1     2    3    4    5   6    7     8    9  rel_l2",
			"2 emu             46k     · same same   1! 46k same 192k! same 3.5e-05"}, " ALL ZEROS"},
		{70, []string{"                       1     2    3    4    5   6    7     8    9", // the dialog of 80 columns
			"2 emu                46k     · same same   1! 46k same 192k! same"}, "flashinfer:cutlass: ALL ZEROS"},
		{40, []string{"                       1     2    3    4", "2 emu                46k     · same same", "                        5   6    7     8",
			"2 emu                  1! 46k same 192k!", "                         9"}, "flashinfer:cutlass: ALL ZEROS"},
	} {
		lines := Render(crowd(), Options{Width: test.width, Digits: 4})
		at := 0
		for _, want := range test.rows {
			i := slices.Index(lines[at:], want)
			if i < 0 {
				t.Fatalf("width %d: no line %q after line %d of\n%s", test.width, want, at, strings.Join(lines, "\n"))
			}
			at += i
		}
		bug := slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, "BUG") })
		if odd := slices.IndexFunc(lines, func(l string) bool { return strings.HasSuffix(l, test.odd) }); odd < 0 || odd > bug {
			t.Errorf("width %d: line %d ends in %q, line %d has the first bug", test.width, odd, test.odd, bug)
		}
		if test.width >= 70 && bug > 15 {
			t.Errorf("width %d: the first bug is in line %d", test.width, bug)
		}
		if last := single(strings.Join(lines[len(lines)-3:], " ")); !strings.Contains(last, "torch:fp8, torch:fp4, flashinfer (3), vllm:marlin: not here") {
			t.Errorf("width %d ends in %q", test.width, last)
		}
	}
}

// TestMatrixCells holds what a cell says of its pair.
func TestMatrixCells(t *testing.T) {
	for _, test := range []struct {
		pair exec.BackendPair
		want string
	}{
		{exec.BackendPair{Mismatched: 0, Elements: 100}, "same"},
		{exec.BackendPair{Mismatched: 7, Elements: 100, Apart: exec.Apart{Certified: true, Proven: 50}}, "7"},
		{exec.BackendPair{Mismatched: 100, Elements: 100}, "all"},
		{exec.BackendPair{Mismatched: 90, Elements: 100, Apart: exec.Apart{Certified: true, Proven: 50, ProvenMismatch: 45}}, "45!"},
		{exec.BackendPair{Mismatched: 100, Elements: 100, Apart: exec.Apart{Certified: true, Proven: 50, ProvenMismatch: 50}}, "all!"},
	} {
		test.pair.Got, test.pair.Want = "emu", "ref"
		m := matrixOf(exec.Backends{Shape: []int{10, 10}, Pairs: []exec.BackendPair{test.pair}, Rows: []exec.BackendRow{{Name: "ref", Status: "ran"}, {Name: "emu", Status: "ran"}, {Name: "cuda", Status: "absent"}}})
		if got := [4]string{m.cell(0, 0), m.cell(0, 1), m.cell(1, 0), fmt.Sprint(len(m.rows))}; got != [4]string{"·", test.want, test.want, "2"} {
			t.Errorf("%+v: %q, want %q", test.pair, got, test.want)
		}
		if clear(m.pairs); m.cell(0, 1) != "—" {
			t.Errorf("a pair that is unknown is %q", m.cell(0, 1))
		}
	}
	for n, want := range map[int64]string{0: "0", 9999: "9999", 10000: "10k", 12499: "12k", 999499: "999k", 999500: "1.0M", 1249999: "1.2M", 9949999: "9.9M", 9950000: "10M", 1 << 28: "268M", 1 << 40: "1.1T", 1<<63 - 1: "9.2E"} {
		if got := rough(n); got != want {
			t.Errorf("rough(%d) = %s, want %s", n, got, want)
		}
	}
}

// TestBackendsKept holds the lines that notebooks have: those of ref and emu, as ever.
func TestBackendsKept(t *testing.T) {
	r := besideSamples()[4].(exec.Backends)
	want := []string{
		"ya: bf16 128×1536, mode w4a16, x x, w w",
		"  ref: nan 0, inf 0, zero 0",
		"  emu: sm100, nan 0, inf 0, zero 0",
		"proven 192767 of 196608 (1000 exact, 191767 the same word): same bits in any split of K into",
		"  contiguous slices of K=16 instructions",
		"emu - ref: max_abs 24.6250, rel_l2 3.49899e-05, mismatched 12 of 196,608",
		"other backends are compared where they are ready, and not kept here",
	}
	if got := Render(r, Options{Portable: true}); !slices.Equal(got, want) {
		t.Errorf("a notebook would keep\n%s", strings.Join(got, "\n"))
	}
}
