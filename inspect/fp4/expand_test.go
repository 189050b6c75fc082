package fp4

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// everyPair is a matrix in which every byte of codes meets every scale byte.
func everyPair(block int, scale Format, order NibbleOrder, g GlobalScale) Blocks {
	b := Blocks{Rows: 256, Cols: 512, Block: block, Order: order, ScaleType: scale, Global: g}
	b.Codes, b.Scales = make([]byte, 256*256), make([]byte, 256*b.ScaleCols())
	for r := range b.Rows {
		for i := range 256 {
			b.Codes[r*256+i] = byte(i)
		}
		for i := range b.ScaleCols() {
			b.Scales[r*b.ScaleCols()+i] = byte(r)
		}
	}
	return b
}

var someGlobals = []GlobalScale{{}, {Divides, 688.1281}, {Multiplies, 0.00145322}, {Divides, 0x1p-140}, {Multiplies, 0x1p-140},
	{Divides, 0}, {Multiplies, 0}, {Divides, -3}, {Multiplies, float32(math.Inf(1))}, {Multiplies, float32(math.NaN())}}

// TestExpandPaths holds every path against the value equation and RoundBF16: all codes with all
// scale bytes under several global scales.
func TestExpandPaths(t *testing.T) {
	for _, scale := range []Format{E4M3, UE4M3, E8M0} {
		for _, block := range []int{16, 32, 48} {
			for i, g := range someGlobals {
				b := everyPair(block, scale, NibbleOrder(i%2), g)
				v := b.Values()
				want := make([]float32, b.Rows*b.Cols)
				for j := range want {
					row, col := j/b.Cols, j%b.Cols
					want[j] = DecodeE2M1(b.Code(row, col)) * b.Effective(b.Scale(row, col))
				}
				checkExpand(t, &b, v, want)
				for j := range want {
					want[j] = RoundBF16(want[j])
				}
				v.RoundBF16()
				checkExpand(t, &b, v, want)
			}
		}
	}
}

// checkExpand runs every path, with and without streaming.
func checkExpand(t *testing.T, b *Blocks, v *Values, want []float32) {
	t.Helper()
	got := make([]float32, len(want))
	for _, p := range paths {
		for _, stream := range []bool{false, true} {
			clear(got)
			b.expand(p, 0, b.Rows, v, got, stream)
			for i := range want {
				if !same(got[i], want[i]) {
					t.Fatalf("%v, blocks of %d %v, global %v, stream %v: element %d is %x, want %x", p, b.Block, b.ScaleType, b.Global,
						stream, i, math.Float32bits(got[i]), math.Float32bits(want[i]))
				}
			}
		}
	}
}

// TestExpandRagged has short last blocks, odd numbers of rows, slices that begin at any
// element, and looks at what lies around the result.
func TestExpandRagged(t *testing.T) {
	const around = 20
	for _, size := range [][3]int{{1, 16, 16}, {7, 16, 16}, {3, 96, 32}, {5, 72, 16}, {4, 10, 16}, {3, 94, 32}, {4, 12, 6}, {1, 2, 2}, {2, 0, 16}} {
		b := randomBlocks(size[0], size[1], size[2], E4M3, NibbleOrder(size[0]%2), GlobalScale{Divides, 3})
		for offset := range 17 {
			for _, p := range paths {
				for _, bf16 := range []bool{false, true} {
					v := b.Values()
					if bf16 {
						v.RoundBF16()
					}
					buf := make([]float32, b.Rows*b.Cols+around+offset)
					for i := range buf {
						buf[i] = 12345
					}
					b.expand(p, 0, b.Rows, v, buf[offset:], offset%2 == 0)
					end := offset + b.Rows*b.Cols
					for i, x := range buf {
						want := float32(12345)
						if i >= offset && i < end {
							r, c := (i-offset)/b.Cols, (i-offset)%b.Cols
							want = DecodeE2M1(b.Code(r, c)) * b.Effective(b.Scale(r, c))
							if bf16 {
								want = RoundBF16(want)
							}
						}
						if !same(x, want) {
							t.Fatalf("%v, %v at %d: element %d is %g, want %g", p, size, offset, i-offset, x, want)
						}
					}
				}
			}
		}
	}
}

func TestExpandRows(t *testing.T) {
	b := randomBlocks(9, 64, 16, E8M0, LowFirst, GlobalScale{})
	v := b.Values()
	all, some := make([]float32, 9*64), make([]float32, 3*64)
	b.Expand(0, 9, v, all, false)
	b.Expand(4, 7, v, some, true)
	for i, x := range some {
		if !same(x, all[4*64+i]) {
			t.Fatalf("element %d of rows 4 to 6 is %g, want %g", i, x, all[4*64+i])
		}
	}
}

func BenchmarkExpand(b *testing.B) {
	const rows, cols = 4096, 8192
	rng := rand.New(rand.NewPCG(1, 2))
	m := Blocks{Rows: rows, Cols: cols, Block: 16, ScaleType: E4M3, Global: GlobalScale{Divides, 1808},
		Codes: make([]byte, rows*cols/2), Scales: make([]byte, rows*cols/16)}
	for i := range m.Codes {
		m.Codes[i] = byte(rng.Uint32())
	}
	for i := range m.Scales {
		m.Scales[i] = byte(0x30 + rng.Uint32()%0x30)
	}
	dst := make([]float32, rows*cols)
	clear(dst)
	for _, p := range paths {
		for _, stream := range []bool{false, true} {
			b.Run(fmt.Sprintf("%v/stream=%v", p, stream), func(b *testing.B) {
				b.SetBytes(rows*cols*4 + rows*cols/2 + rows*cols/16)
				for b.Loop() {
					m.expand(p, 0, rows, m.Values(), dst, stream)
				}
			})
		}
	}
	src := make([]float32, rows*cols)
	for i := range src {
		src[i] = 1
	}
	b.Run("limit/copy", func(b *testing.B) {
		b.SetBytes(2 * rows * cols * 4)
		for b.Loop() {
			copy(dst, src)
		}
	})
	b.Run("limit/clear", func(b *testing.B) {
		b.SetBytes(rows * cols * 4)
		for b.Loop() {
			clear(dst)
		}
	})
}
