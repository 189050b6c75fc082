package gemm

import (
	"math"
	"math/big"
	"testing"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
)

// bigWord is u·2^q toward zero with p significant bits as an FP32 word, by math/big.
func bigWord(u int64, q, p int) uint32 {
	v := new(big.Float).SetPrec(200).SetInt64(u)
	v.SetMantExp(v, q)
	if v.Sign() == 0 {
		return 0
	}
	exp := v.MantExp(nil) - 1
	// Subnormals have fewer bits: as many as lie above 2^(-126-(p-1)).
	bits := p - max(0, -126-exp)
	if bits <= 0 {
		return 0
	}
	f, _ := new(big.Float).SetMode(big.ToZero).SetPrec(uint(bits)).Set(v).Float64()
	if math.Abs(f) >= 0x1p128 {
		f = math.Copysign(math.Inf(1), f)
	}
	return math.Float32bits(float32(f))
}

// TestRoundFloat64 tries every boundary between neighbouring finite numbers of the
// 16-bit types, from both sides and at the tie, where a detour by float32 would
// round twice.
func TestRoundFloat64(t *testing.T) {
	for out, decode := range map[inspect.DType]fp4.Format{inspect.BF16: fp4.BF16, inspect.F16: fp4.FP16} {
		for code := uint16(0); ; code++ {
			low, high := float64(decode.Decode(code)), float64(decode.Decode(code+1))
			if math.IsInf(low, 0) {
				break
			}
			if math.IsInf(high, 0) { // the next number, if there were one
				high = low + (low - float64(decode.Decode(code-1)))
			}
			up := float32(high)
			if high > float64(decode.Max()) {
				up = float32(math.Inf(1))
			}
			tie, mid := float32(low), (low+high)/2
			if code%2 == 1 {
				tie = up
			}
			for _, c := range []struct {
				x    float64
				want float32
			}{{low, float32(low)}, {math.Nextafter(mid, 0), float32(low)}, {mid, tie}, {math.Nextafter(mid, math.Inf(1)), up}} {
				if got := roundFloat64(c.x, out); got != c.want {
					t.Fatalf("%v to %s: %v, want %v", c.x, out, got, c.want)
				}
				if got := roundFloat64(-c.x, out); got != -c.want || !math.Signbit(float64(got)) {
					t.Fatalf("%v to %s: %v", -c.x, out, got)
				}
			}
		}
	}
}

func TestNaNOutputs(t *testing.T) {
	nan := math.Float32frombits(0xffc12345)
	for out, want := range map[inspect.DType]uint32{inspect.F32: 0x7fffffff, inspect.BF16: 0x7fff0000, inspect.F16: 0x7fffe000} {
		a, b := roundFloat32(nan, out), roundFloat64(float64(nan), out)
		if math.Float32bits(a) != want || math.Float32bits(b) != want {
			t.Errorf("NaN as %s: %08x and %08x, want %08x", out, math.Float32bits(a), math.Float32bits(b), want)
		}
	}
}

// TestRoundToFP16 compares with rounding of the exact value in float64.
func TestRoundToFP16(t *testing.T) {
	r := &random{seed: 3}
	for q := -70; q <= 14; q++ {
		for i := range 400 {
			u := int64(r.word()) >> (12 + r.word()%50)
			if i%4 == 0 { // a tie, or one unit beside it
				u = u>>30<<30 | 1<<29 + int64(r.word()%3) - 1
			}
			want := nearest(math.Ldexp(float64(u), q), 10, -14, 65504)
			got, inexact := roundToFP16(u, q)
			if value := F16.value(got); value != float64(want) || got == F16.signWord() {
				t.Fatalf("%d·2^%d: %04x = %g, want %g", u, q, got, value, want)
			}
			if exact := float64(want) == math.Ldexp(float64(u), q); !math.IsInf(float64(want), 0) && exact == inexact {
				t.Fatalf("%d·2^%d: inexact is %v", u, q, inexact)
			}
		}
	}
}
