package fp4

import (
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// randomBlocks has every code and every scale byte, NaN included.
func randomBlocks(rows, cols, block int, scale Format, order NibbleOrder, g GlobalScale) Blocks {
	rng := rand.New(rand.NewPCG(uint64(rows), uint64(cols)))
	b := Blocks{Rows: rows, Cols: cols, Block: block, Order: order, ScaleType: scale, Global: g}
	b.Codes = make([]byte, rows*cols/2)
	b.Scales = make([]byte, rows*b.ScaleCols())
	for i := range b.Codes {
		b.Codes[i] = byte(rng.Uint32())
	}
	for i := range b.Scales {
		b.Scales[i] = byte(i)
	}
	return b
}

func TestDequantRow(t *testing.T) {
	for _, scale := range []Format{E4M3, UE4M3, E8M0} {
		for _, order := range []NibbleOrder{LowFirst, HighFirst} {
			for _, g := range []GlobalScale{{}, {Divides, 688.1281}, {Multiplies, 0.00145322}, {Divides, 0}, {Multiplies, 0}} {
				for _, size := range [][3]int{{17, 256, 16}, {9, 256, 32}, {5, 72, 16}, {3, 10, 16}, {4, 12, 6}} {
					b := randomBlocks(size[0], size[1], size[2], scale, order, g)
					if err := b.Check(); err != nil {
						t.Fatal(err)
					}
					checkRows(t, &b)
				}
			}
		}
	}
}

// checkRows compares with the value equation, one element at a time.
func checkRows(t *testing.T, b *Blocks) {
	t.Helper()
	full, local := make([]float32, b.Cols+1), make([]float32, b.Cols+1)
	for r := range b.Rows {
		full[b.Cols], local[b.Cols] = 7, 7
		b.DequantRow(r, full)
		b.LocalRow(r, local)
		for c := range b.Cols {
			code := DecodeE2M1(b.Code(r, c))
			scale := b.ScaleType.Decode(uint16(b.Scale(r, c)))
			want := code * scale
			if !same(local[c], want) {
				t.Fatalf("LocalRow [%d,%d] = %g, want %g", r, c, local[c], want)
			}
			if exact := float64(code) * float64(scale); float64(want) != exact && math.Abs(exact) <= math.MaxFloat32 {
				t.Fatalf("LocalRow [%d,%d] is not exact", r, c)
			}
			switch b.Global.Use {
			case Divides:
				want = code * float32(scale/b.Global.Value)
			case Multiplies:
				want = code * float32(scale*b.Global.Value)
			}
			if !same(full[c], want) {
				t.Fatalf("DequantRow [%d,%d] = %g, want %g (%v)", r, c, full[c], want, b.Global)
			}
		}
		if full[b.Cols] != 7 || local[b.Cols] != 7 {
			t.Fatal("wrote beyond the row")
		}
	}
}

func TestCheck(t *testing.T) {
	good := func() Blocks { return randomBlocks(3, 40, 16, E4M3, LowFirst, GlobalScale{Divides, 2}) }
	b := good()
	if err := b.Check(); err != nil {
		t.Fatalf("3×40 in blocks of 16, the last one short: %v", err)
	}
	for _, c := range []struct {
		name  string
		spoil func(*Blocks)
		class error
		text  string
	}{
		{"rows", func(b *Blocks) { b.Rows = -1 }, ErrShape, "impossible size -1×40"},
		{"block", func(b *Blocks) { b.Block = 0 }, ErrShape, "impossible size 3×40 in blocks of 0"},
		{"odd columns", func(b *Blocks) { b.Cols = 39 }, ErrShape, "odd size 3×39"},
		{"odd block", func(b *Blocks) { b.Block = 15 }, ErrShape, "odd size"},
		{"overflow", func(b *Blocks) { b.Rows, b.Cols = math.MaxInt/2, 4 }, ErrShape, "more elements than can be counted"},
		{"codes", func(b *Blocks) { b.Codes = b.Codes[1:] }, ErrShape, "that is 60 bytes, there are 59"},
		{"scales", func(b *Blocks) { b.Scales = make([]byte, 512) }, ErrShape, "that is 3×3, there are 512 bytes"},
		{"scale type", func(b *Blocks) { b.ScaleType = BF16 }, ErrRecipe, "block scales of type BF16"},
		{"direction", func(b *Blocks) { b.Global.Use = 9 }, ErrGlobal, "direction 9"},
		{"order", func(b *Blocks) { b.Order = 2 }, ErrShape, "nibble order 2"},
	} {
		b := good()
		c.spoil(&b)
		if err := b.Check(); !errors.Is(err, c.class) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v, want %v with %q", c.name, err, c.class, c.text)
		}
	}
}

func BenchmarkDequantRow(b *testing.B) {
	const cols = 4096
	dst := make([]float32, cols)
	for _, c := range []struct {
		name   string
		block  int
		scale  Format
		global GlobalScale
	}{
		{"nvfp4-divides", 16, E4M3, GlobalScale{Divides, 688}},
		{"nvfp4-multiplies", 16, E4M3, GlobalScale{Multiplies, 0.001}},
		{"mxfp4", 32, E8M0, GlobalScale{}},
	} {
		m := randomBlocks(1, cols, c.block, c.scale, LowFirst, c.global)
		for i := range m.Scales { // NaN and subnormal arithmetic is slower on some CPUs
			m.Scales[i] = 0x40 + byte(i%32)
		}
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(4 * cols)
			for b.Loop() {
				m.DequantRow(0, dst)
			}
		})
	}
}
