package fp4

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// quantizeBy is Quantize on one path with one global scale.
func quantizeBy(way path, s *scheme, x []float32, p pass) Blocks {
	b := Blocks{Codes: make([]byte, len(x)/2), Scales: make([]byte, len(x)/s.block)}
	s.blocks(way, x, &b, p)
	return b
}

// checkQuantizePaths quantizes x by every recipe on every path.
func checkQuantizePaths(t *testing.T, x []float32, global float32) {
	t.Helper()
	for _, r := range recipes {
		for _, s := range []*scheme{r.nvfp4, r.mxfp4} {
			if s == nil {
				continue
			}
			in := x[:len(x)/s.block*s.block]
			for _, p := range []pass{{global, false, false}, {global, false, true}, {1, true, false}, {1, true, true}} {
				want := quantizeBy(portable, s, in, p)
				for _, way := range paths {
					got := quantizeBy(way, s, in, p)
					if !slices.Equal(got.Scales, want.Scales) {
						t.Fatalf("%s %v %v %+v: scales %x, want %x", r.name, s.scaleType, way, p, got.Scales, want.Scales)
					}
					if !slices.Equal(got.Codes, want.Codes) {
						i := 0
						for got.Codes[i] == want.Codes[i] {
							i++
						}
						t.Fatalf("%s %v %v %+v: byte %d is %02x, want %02x, of %x %x", r.name, s.scaleType, way, p, i, got.Codes[i], want.Codes[i],
							math.Float32bits(in[2*i]), math.Float32bits(in[2*i+1]))
					}
				}
			}
		}
	}
}

// TestQuantizePaths holds the vector code against the portable code: ordinary numbers of all
// sizes, raw bits (NaN, infinities, subnormals), ties, zeros of both signs, at every alignment.
func TestQuantizePaths(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	specials := []float32{0, float32(math.Copysign(0, -1)), 0x1p-149, -0x1p-149, 0x1p-126, 6, -6, 0.25, -0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5, -5,
		float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), math.MaxFloat32, math.Float32frombits(0xffffffff), math.Float32frombits(0x7f800001)}
	fill := map[string]func(i int) float32{
		"normal":   func(i int) float32 { return float32(rng.NormFloat64() * math.Exp2(float64(i/32%60)-30)) },
		"bits":     func(int) float32 { return math.Float32frombits(rng.Uint32()) },
		"ties":     func(int) float32 { return float32(rng.IntN(49)-24) / 4 },
		"specials": func(int) float32 { return specials[rng.IntN(len(specials))] },
		"rare": func(int) float32 {
			if rng.IntN(40) == 0 {
				return specials[rng.IntN(len(specials))]
			}
			return float32(rng.NormFloat64())
		},
		"only NaN": func(int) float32 { return float32(math.NaN()) },
	}
	for name, at := range fill {
		t.Run(name, func(t *testing.T) {
			buf := make([]float32, 9000+32)
			for i := range buf {
				buf[i] = at(i)
			}
			for _, n := range []int{32, 64, 32 * 127, 32 * 128, 32 * 129, 9000} {
				for offset := range 3 {
					checkQuantizePaths(t, buf[5*offset:5*offset+n], 1234.5)
				}
			}
			checkQuantizePaths(t, buf[:640], 0x1p-130)
			checkQuantizePaths(t, buf[:640], float32(math.Inf(1)))
			checkQuantizePaths(t, buf[:640], float32(math.NaN()))
			checkQuantizePaths(t, buf[:640], -7)
		})
	}
}

// FuzzQuantizePaths takes raw float32 bits.
func FuzzQuantizePaths(f *testing.F) {
	f.Add(make([]byte, 256), uint32(0x3f800000))
	f.Add(slices.Repeat([]byte{0xff, 0, 0x80, 0x7f, 1, 0, 0, 0}, 32), uint32(0x42000000))
	f.Fuzz(func(t *testing.T, raw []byte, global uint32) {
		x := make([]float32, len(raw)/4/32*32)
		for i := range x {
			x[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
		}
		if len(x) > 0 {
			checkQuantizePaths(t, x, math.Float32frombits(global))
		}
	})
}

func TestAmaxPaths(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for n := range 70 {
		for range 20 {
			x := make([]float32, n)
			for i := range x {
				x[i] = math.Float32frombits(rng.Uint32())
			}
			if got, want := Amax(x), math.Float32frombits(topMagnitude(x, false)); !same(got, want) {
				t.Fatalf("%d values: %g, want %g", n, got, want)
			}
		}
	}
}

// TestE4M3 compares the fast encoder with the general one: every sign, exponent and leading 11
// fraction bits, with the bits below at the ends and the middle.
func TestE4M3(t *testing.T) {
	for top := range uint32(1 << 20) {
		for _, low := range []uint32{0, 1, 0x7ff, 0x800, 0x801, 0xfff} {
			x := math.Float32frombits(top<<12 | low)
			want := uint8(E4M3.EncodeSat(x, NearestEven))
			if x != x {
				want = 0x7f
			}
			if got := e4m3(x); got != want {
				t.Fatalf("%x: %02x, want %02x", math.Float32bits(x), got, want)
			}
		}
	}
}

// BenchmarkQuantizePaths quantizes the activations of a gemm of M=512, K=4096.
func BenchmarkQuantizePaths(b *testing.B) {
	const rows, cols = 512, 4096
	rng := rand.New(rand.NewPCG(1, 2))
	x := make([]float32, rows*cols)
	for i := range x {
		x[i] = RoundBF16(float32(rng.NormFloat64()))
	}
	for _, r := range recipes {
		for _, s := range []*scheme{r.nvfp4, r.mxfp4} {
			if s == nil {
				continue
			}
			out := Blocks{Codes: make([]byte, len(x)/2), Scales: make([]byte, len(x)/s.block)}
			for _, way := range paths {
				b.Run(fmt.Sprintf("%s/%v/%v", r.name, s.scaleType, way), func(b *testing.B) {
					b.SetBytes(int64(4*len(x) + len(x)/2 + len(x)/s.block))
					for b.Loop() {
						s.blocks(way, x, &out, pass{600, s.global == nil, true})
					}
				})
			}
		}
	}
}
