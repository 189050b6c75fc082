package kernel

import (
	"bytes"
	"errors"
	"testing"

	"fp4tui/inspect"
	"fp4tui/inspect/layout"
)

// TestPoisonMovesNoElement, whatever the kernel and the pattern, and changes every
// position of padding.
func TestPoisonMovesNoElement(t *testing.T) {
	for _, k := range Kernels() {
		for _, size := range [][2]int{{1000, 352}, {384, 256}} {
			b := matrix(k.Formats[0], size[0], size[1], 9)
			gated := k.Gated != nil
			if k.Refuses(k.Formats[0], b.Block, b.Rows, b.Cols, gated) != nil {
				continue
			}
			p := prepared(t, b, k.Name, Options{Gated: gated})
			for with := NaN; with <= Canary; with++ {
				q, err := p.Poison(with)
				if err != nil {
					t.Fatal(err)
				}
				codes, scales := make([]byte, len(b.Codes)), make([]byte, len(b.Scales))
				clean := bytes.Clone(scales)
				if err := errors.Join(q.CodeMap.Undo(codes, q.Codes, 4), q.ScaleMap.Undo(scales, q.Scales, 8), p.ScaleMap.Undo(clean, p.Scales, 8)); err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(codes, b.Codes) || !bytes.Equal(scales, clean) {
					t.Errorf("%s %v %v: an element of the matrix moved", k.Name, size, with)
				}
				again, err := q.Poison(NaN)
				if err != nil {
					t.Fatal(err)
				}
				checkFilled(t, again, NaN)
				if with != Garbage {
					checkFilled(t, q, with)
				}
			}
		}
	}
}

// checkFilled holds every position of padding against the pattern.
func checkFilled(t *testing.T, q *Prepared, with Pattern) {
	t.Helper()
	var code, scale byte
	for pos := range q.ScaleMap.Out.Len() {
		if _, _, ok := q.ScaleMap.From(pos); !ok {
			scale = q.Scales[pos]
			if scale == 0 {
				t.Fatalf("%s %v: scale padding %d is 0", q.Kernel.Name, with, pos)
			}
		}
	}
	for pos := range q.CodeMap.Out.Len() {
		if _, _, ok := q.CodeMap.From(pos); !ok {
			code = q.code4(pos)
			if with == Canary && code != 0xa && code != 5 || with != Canary && code != 7 {
				t.Fatalf("%s %v: code padding %d is %x", q.Kernel.Name, with, pos, code)
			}
		}
	}
}

// TestRegionsAddUp: kinds of padding are counted once.
func TestRegionsAddUp(t *testing.T) {
	for _, k := range Kernels() {
		b := matrix(k.Formats[0], 768, 512, 9)
		p := prepared(t, b, k.Name, Options{Gated: k.Gated != nil})
		count := map[layout.Operand]int{}
		for _, r := range p.Regions() {
			count[r.Of] += r.Count
		}
		if count[layout.Codes] != p.PaddedCodes() || count[layout.Scales] != p.PaddedScales() {
			t.Errorf("%s: regions %v, padding %d and %d", k.Name, count, p.PaddedCodes(), p.PaddedScales())
		}
	}
	p := prepared(t, matrix(nvfp4, 1000, 368, 1), "trtllm", Options{})
	if r := p.Regions(); len(r) != 4 || r[0].Count != 24*384 || r[1].Count != 1000*16 || !r[3].NaN || r[3].Finite {
		t.Errorf("%+v", r)
	}
}

// TestLastMMAReadsTheTile: with K 32 mod 64 a kernel without K padding to 64 reads
// scales that nobody wrote; NaN there reaches every row, clean padding none.
func TestLastMMAReadsTheTile(t *testing.T) {
	b := matrix(nvfp4, 64, 96, 1)
	p := prepared(t, b, "cutlass", Options{})
	clean, err := p.UnpackTiles()
	if err != nil {
		t.Fatal(err)
	}
	if clean.Cols != 128 || clean.ScaleCols() != 8 {
		t.Fatalf("%d columns", clean.Cols)
	}
	q, err := p.Poison(NaN)
	if err != nil {
		t.Fatal(err)
	}
	dirty, err := q.UnpackTiles()
	if err != nil {
		t.Fatal(err)
	}
	for r := range 64 {
		for j := range 8 {
			want, poisoned := byte(0), byte(0x7f)
			if j < 6 {
				want = b.Scale(r, j*16)
				poisoned = want
			}
			if clean.Scale(r, j*16) != want || dirty.Scale(r, j*16) != poisoned {
				t.Fatalf("row %d block %d: %x and %x", r, j, clean.Scale(r, j*16), dirty.Scale(r, j*16))
			}
		}
	}
	row := make([]float32, 128)
	clean.LocalRow(3, row)
	for k, v := range row[96:] {
		if v != 0 {
			t.Fatalf("k %d is %g", 96+k, v)
		}
	}
}

func TestParsePattern(t *testing.T) {
	for p := NaN; p <= Canary; p++ {
		if got, err := ParsePattern(p.String()); err != nil || got != p {
			t.Errorf("%v: %v %v", p, got, err)
		}
	}
	if _, err := ParsePattern("0"); !errors.Is(err, inspect.ErrUnsupported) {
		t.Errorf("%v", err)
	}
}
