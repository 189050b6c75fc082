package compare

import (
	"math"
	"testing"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
)

// Every value of a format and its neighbour above are one ULP apart, across zero too.
func TestULPOfNeighbours(t *testing.T) {
	for _, c := range []struct {
		dtype  inspect.DType
		format fp4.Format
		top    uint16 // the greatest finite code
	}{
		{inspect.BF16, fp4.BF16, 0x7f7f}, {inspect.F16, fp4.FP16, 0x7bff}, {inspect.F8E4M3, fp4.E4M3, 0x7e},
		{inspect.F8E5M2, fp4.E5M2, 0x7b}, {inspect.F4, fp4.E2M1, 7},
	} {
		ulp := ulpsOf(c.dtype).index
		for code := uint16(0); code <= c.top; code++ {
			v := c.format.Decode(code)
			if ulp(v) != int64(code) || ulp(-v) != -int64(code) {
				t.Fatalf("%v code %#x (%v): number %d and %d", c.dtype, code, v, ulp(v), ulp(-v))
			}
		}
	}
}

func TestULPRoundsToTheType(t *testing.T) {
	bf16 := ulpsOf(inspect.BF16).index
	for _, c := range []struct {
		v    float32
		want int64
	}{
		{1, 0x3f80}, {1 + 0x1p-8, 0x3f80}, {1 + 0x3p-8, 0x3f82}, // ties to even
		{1 + 0x1.01p-8, 0x3f81}, {0x1p-134, 0}, {0x3p-134, 2}, {math.MaxFloat32, 0x7f80}, {float32(math.Inf(1)), 0x7f80},
	} {
		if got := bf16(c.v); got != c.want {
			t.Errorf("%v: %#x, want %#x", c.v, got, c.want)
		}
	}
	// The fast rounding against the general encoder, on bits of every exponent.
	for b := uint32(0); b < 0x7f800000; b += 0x1357 {
		v := math.Float32frombits(b)
		if got, want := bf16(v), int64(fp4.BF16.Encode(v, fp4.NearestEven)); got != want {
			t.Fatalf("%v: %#x, want %#x", v, got, want)
		}
	}
}

func TestULPOfElements(t *testing.T) {
	p := row(t, []float32{1, 1, -0x1p-133, inf}, []float32{1, 1 + 0x1p-7, 0x1p-133, 1})
	for n, want := range []float64{0, 1, 2, math.Inf(1)} {
		if got := p.At(0, n).ULP; got != want {
			t.Errorf("element %d: %v, want %v", n, got, want)
		}
	}
	if e := row(t, []float32{nan}, []float32{1}).At(0, 0); e.ULP == e.ULP || e.Err == e.Err {
		t.Errorf("NaN: %+v", e)
	}
}
