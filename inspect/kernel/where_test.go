package kernel

import (
	"errors"
	"testing"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layout"
)

// TestWhereOfTheTour is the element that the layout screen of the tour is on.
func TestWhereOfTheTour(t *testing.T) {
	b := matrix(nvfp4, 1000, 368, 1)
	p := prepared(t, b, "trtllm", Options{})
	if p.PadN != 1024 || p.PadK != 384 || len(p.Steps) != 4 || len(p.Scales) != 24576 {
		t.Fatalf("%d×%d, %d steps, %d scale bytes", p.PadN, p.PadK, len(p.Steps), len(p.Scales))
	}
	at, err := p.Where(994, 37)
	if err != nil {
		t.Fatal(err)
	}
	if at.Byte != 193554 || !at.High || at.ScaleByte != 21774 || at.Row != 994 {
		t.Errorf("%+v", at)
	}
	if at.Code != b.Code(994, 37) || at.Scale != b.Scale(994, 37) {
		t.Errorf("code %x scale %x, want %x %x", at.Code, at.Scale, b.Code(994, 37), b.Scale(994, 37))
	}
}

// TestWhereAndAtAreInverse, for every element of every kernel, and all padding is zero.
func TestWhereAndAtAreInverse(t *testing.T) {
	for _, k := range Kernels() {
		b := matrix(k.Formats[0], 256, 128, 5)
		p := prepared(t, b, k.Name, Options{Gated: k.Gated != nil})
		for n := range p.N {
			for col := range p.K {
				checkPlace(t, p, b, n, col)
			}
		}
		padding := 0
		for off := range p.Scales {
			e, err := p.At(layout.Scales, int64(off))
			if err != nil {
				t.Fatal(err)
			}
			if e[0].Padding {
				padding++
				if p.Scales[off] != 0 {
					t.Fatalf("%s: padding %d is %x", k.Name, off, p.Scales[off])
				}
			}
		}
		if padding != p.PaddedScales() {
			t.Errorf("%s: %d scales of padding, want %d", k.Name, padding, p.PaddedScales())
		}
	}
}

func checkPlace(t *testing.T, p *Prepared, b *fp4.Blocks, n, k int) {
	t.Helper()
	at, err := p.Where(n, k)
	if err != nil {
		t.Fatal(err)
	}
	want := fp4.DecodeE2M1(b.Code(n, k)) * b.ScaleType.Decode(uint16(b.Scale(n, k)))
	if at.Code != b.Code(n, k) || at.Value != want {
		t.Fatalf("%s %d,%d: code %x value %g, want %x %g", p.Kernel.Name, n, k, at.Code, at.Value, b.Code(n, k), want)
	}
	codes, err := p.At(layout.Codes, at.Byte)
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for i, e := range codes {
		found = found || e.N == n && e.K == k && !e.Padding && (at.Spread || (i == 1) == at.High)
	}
	scale, err := p.At(layout.Scales, at.ScaleByte)
	if err != nil {
		t.Fatal(err)
	}
	if !found || scale[0].N != n || scale[0].K != k/b.Block*b.Block {
		t.Fatalf("%s %d,%d: its byte holds %+v, its scale byte %+v", p.Kernel.Name, n, k, codes, scale)
	}
}

func TestPlacesOutside(t *testing.T) {
	p := prepared(t, matrix(nvfp4, 32, 32, 1), "cutlass", Options{})
	for _, c := range [][2]int{{-1, 0}, {32, 0}, {0, -1}, {0, 32}} {
		if _, err := p.Where(c[0], c[1]); !errors.Is(err, inspect.ErrMissing) {
			t.Errorf("%v: %v", c, err)
		}
	}
	for _, off := range []int64{-1, int64(len(p.Codes))} {
		if _, err := p.At(layout.Codes, off); !errors.Is(err, inspect.ErrMissing) {
			t.Errorf("%d: %v", off, err)
		}
	}
	if _, err := p.At(layout.Vector, 0); !errors.Is(err, inspect.ErrUnsupported) {
		t.Errorf("vector: %v", err)
	}
}

func prepared(t testing.TB, b *fp4.Blocks, name string, o Options) *Prepared {
	t.Helper()
	k, err := Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Prepare(t.Context(), weights(b), k, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
