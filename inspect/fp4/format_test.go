package fp4

import (
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"math"
	"os"
	"testing"
)

var allFormats = []Format{E2M1, E4M3, UE4M3, E8M0, E5M2, BF16, FP16}

var allRoundings = []Rounding{NearestEven, TowardZero, Up, NearestTiesToZero, NearestAway}

// formatGolden is one entry of testdata/formats.json, made by torch and ml-dtypes.
type formatGolden struct {
	DecodedCRC uint32 `json:"decoded_crc32"`
	InputsCRC  uint32 `json:"inputs_crc32"`
	EncodedCRC uint32 `json:"encoded_crc32"`
	Decoded    string // float32 words; 4 and 8-bit formats only, as the next two
	Inputs     string // float32 words
	Encoded    string // codes
}

// probes mirrors the generator: every finite value, the midpoint to the next, one
// ulp to either side of it; then the same with the sign bit set. E8M0 starts at code
// 1: torch and ml-dtypes round all of (2^-127, 2^-126) up, where we take the nearer.
func probes(f Format) []float32 {
	var x []float32
	first, largest := uint16(0), f.spec().largest
	if f == E8M0 {
		first = 1
	}
	for c := first; c < largest; c++ {
		lo, hi := f.Decode(c), f.Decode(c+1)
		mid := midpoint(lo, hi)
		x = append(x, lo, ulps(mid, -1), mid, ulps(mid, 1))
	}
	x = append(x, f.Decode(largest))
	if f == E8M0 || f == UE4M3 {
		return x
	}
	for _, v := range x[:len(x):len(x)] {
		x = append(x, math.Float32frombits(math.Float32bits(v)|1<<31))
	}
	return x
}

func midpoint(lo, hi float32) float32 { return float32((float64(lo) + float64(hi)) / 2) }

func ulps(x float32, n int) float32 {
	return math.Float32frombits(uint32(int64(math.Float32bits(x)) + int64(n)))
}

func words(x []float32) []byte {
	b := make([]byte, 0, 4*len(x))
	for _, v := range x {
		w := math.Float32bits(v)
		if isNaN(v) {
			w = 0x7fc00000
		}
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	return b
}

func TestEveryCodeAndMidpointAgainstTorch(t *testing.T) {
	raw, err := os.ReadFile("testdata/formats.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Formats map[string]formatGolden }
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	for _, f := range []Format{E2M1, E4M3, E8M0, E5M2, BF16, FP16} {
		want, ok := file.Formats[f.String()]
		if !ok {
			t.Fatalf("%s is not in formats.json", f)
		}
		var decoded []float32
		for c := range 1 << f.Bits() {
			decoded = append(decoded, f.Decode(uint16(c)))
		}
		inputs := probes(f)
		var encoded []byte
		for _, x := range inputs {
			c := f.Encode(x, NearestEven)
			if f.Bits() == 16 {
				encoded = binary.LittleEndian.AppendUint16(encoded, c)
			} else {
				encoded = append(encoded, uint8(c))
			}
		}
		if f.Bits() < 16 { // say which ones
			for i, w := range unbase64(t, want.Encoded) {
				if encoded[i] != w {
					t.Errorf("%s: Encode(%g) = %#x, torch has %#x", f, inputs[i], encoded[i], w)
				}
			}
			for i, w := range unbase64(t, want.Decoded) {
				if words(decoded)[i] != w {
					t.Fatalf("%s: Decode(%#x) = %g, not torch's", f, i/4, decoded[i/4])
				}
			}
		}
		for _, c := range []struct {
			what      string
			got, want uint32
		}{
			{"decoded values", crc32.ChecksumIEEE(words(decoded)), want.DecodedCRC},
			{"probed inputs", crc32.ChecksumIEEE(words(inputs)), want.InputsCRC},
			{"encoded probes", crc32.ChecksumIEEE(encoded), want.EncodedCRC},
		} {
			if c.got != c.want {
				t.Errorf("%s: checksum of %s is %08x, torch's %08x", f, c.what, c.got, c.want)
			}
		}
	}
}

// Checksums of tables that were made apart from this package, over float32 words with
// NaN as 0x7fc00000.
func TestDecodeTableChecksums(t *testing.T) {
	for f, want := range map[Format]uint32{E2M1: 0x866770b6, E4M3: 0x2fdee9ac, E8M0: 0x719979ba, E5M2: 0x3d83fd11} {
		var table []float32
		for c := range 1 << f.Bits() {
			table = append(table, f.Decode(uint16(c)))
		}
		if got := crc32.ChecksumIEEE(words(table)); got != want {
			t.Errorf("%s: %08x, want %08x", f, got, want)
		}
	}
}

// byDefinition rounds x, of magnitude between the values of two adjacent positive
// codes, by comparing distances in float64, where they are exact.
func byDefinition(f Format, lo uint16, x float32, r Rounding) uint16 {
	a, negative := math.Abs(float64(x)), math.Signbit(float64(x)) && f.spec().sign != 0
	below, above := a-float64(f.Decode(lo)), float64(f.Decode(lo+1))-a
	even := lo%2 == 0 && f != E8M0
	takeHigh := false
	switch r {
	case NearestEven:
		takeHigh = above < below || (above == below && !even)
	case NearestTiesToZero:
		takeHigh = above < below
	case NearestAway:
		takeHigh = above <= below
	case Up:
		takeHigh = below > 0 && !negative
	}
	c := lo
	if takeHigh || above == 0 {
		c = lo + 1
	}
	if negative {
		c |= f.spec().sign
	}
	return c
}

func TestEveryRoundingByDefinition(t *testing.T) {
	for _, f := range allFormats {
		for c := range f.spec().largest {
			lo, hi := f.Decode(c), f.Decode(c+1)
			mid := midpoint(lo, hi)
			for _, x := range []float32{lo, ulps(lo, 1), ulps(mid, -1), mid, ulps(mid, 1), ulps(hi, -1), hi} {
				for _, x := range []float32{x, -x} {
					for _, r := range allRoundings {
						want := byDefinition(f, c, x, r)
						if got := f.Encode(x, r); got != want {
							t.Fatalf("%s.Encode(%g, %s) = %#x, want %#x", f, x, r, got, want)
						}
						if got := f.EncodeSat(x, r); got != want {
							t.Fatalf("%s.EncodeSat(%g, %s) = %#x, want %#x", f, x, r, got, want)
						}
					}
				}
			}
		}
	}
}

func TestEveryCodeRoundTrips(t *testing.T) {
	for _, f := range allFormats {
		for c := range 1 << f.Bits() {
			code := uint16(c)
			x := f.Decode(code)
			if f == UE4M3 {
				code &= 0x7f
			}
			got := f.Encode(x, NearestEven)
			if f.Class(code) == NaN {
				if f.Class(got) != NaN || !isNaN(x) {
					t.Errorf("%s: NaN %#x decodes to %g and comes back as %#x", f, code, x, got)
				}
			} else if got != code {
				t.Errorf("%s: %#x comes back as %#x (%g)", f, code, got, x)
			}
		}
	}
}

func TestOverflow(t *testing.T) {
	inf := float32(math.Inf(1))
	for _, c := range []struct {
		f    Format
		x    float32
		r    Rounding
		want uint16
		sat  uint16
	}{
		{E2M1, 6.5, Up, 0x7, 0x7},
		{E2M1, -inf, NearestEven, 0xf, 0xf},
		{E4M3, 448.1, Up, 0x7e, 0x7e},
		{E4M3, 464, NearestEven, 0x7e, 0x7e}, // the tie with what would be 480
		{E4M3, -inf, NearestEven, 0xfe, 0xfe},
		{UE4M3, 1e9, NearestEven, 0x7e, 0x7e},
		{E8M0, math.MaxFloat32, Up, 0xfe, 0xfe},
		{E8M0, inf, NearestEven, 0xfe, 0xfe},
		{E5M2, 61439, NearestEven, 0x7b, 0x7b},
		{E5M2, 61440, NearestEven, 0x7c, 0x7b}, // the tie: even is infinity
		{E5M2, 61440, NearestTiesToZero, 0x7b, 0x7b},
		{E5M2, -61440, NearestAway, 0xfc, 0xfb},
		{E5M2, 1e30, TowardZero, 0x7b, 0x7b},
		{E5M2, 57345, Up, 0x7c, 0x7b},
		{E5M2, -57345, Up, 0xfb, 0xfb},
		{E5M2, inf, TowardZero, 0x7c, 0x7b},
		{FP16, 65519.996, NearestEven, 0x7bff, 0x7bff},
		{FP16, 65520, NearestEven, 0x7c00, 0x7bff},
		{BF16, math.MaxFloat32, NearestEven, 0x7f80, 0x7f7f},
		{BF16, math.MaxFloat32, TowardZero, 0x7f7f, 0x7f7f},
		{BF16, -inf, NearestEven, 0xff80, 0xff7f},
	} {
		if got := c.f.Encode(c.x, c.r); got != c.want {
			t.Errorf("%s.Encode(%g, %s) = %#x, want %#x", c.f, c.x, c.r, got, c.want)
		}
		if got := c.f.EncodeSat(c.x, c.r); got != c.sat {
			t.Errorf("%s.EncodeSat(%g, %s) = %#x, want %#x", c.f, c.x, c.r, got, c.sat)
		}
	}
}

func TestZeroTinyAndNaN(t *testing.T) {
	nan, zero := float32(math.NaN()), float32(math.Copysign(0, -1))
	const least = math.SmallestNonzeroFloat32
	for _, c := range []struct {
		f    Format
		x    float32
		want uint16
	}{
		{E2M1, zero, 0x8}, {E2M1, -least, 0x8}, {E2M1, least, 0}, {E2M1, nan, 0x7}, {E2M1, -nan, 0x7},
		{E4M3, zero, 0x80}, {E4M3, -0x1p-10, 0x80}, {E4M3, nan, 0x7f}, {E4M3, negate(nan), 0xff},
		{UE4M3, zero, 0}, {UE4M3, -1, 0x38}, {UE4M3, negate(nan), 0x7f},
		{E8M0, 0, 0}, {E8M0, zero, 0}, {E8M0, least, 0}, {E8M0, -2, 0x80}, {E8M0, nan, 0xff},
		{E5M2, nan, 0x7f}, {BF16, nan, 0x7fc0}, {FP16, nan, 0x7e00}, {FP16, negate(nan), 0xfe00},
		{BF16, least, 0}, {FP16, -least, 0x8000},
	} {
		for _, got := range []uint16{c.f.Encode(c.x, NearestEven), c.f.EncodeSat(c.x, NearestEven)} {
			if got != c.want {
				t.Errorf("%s.Encode(%g) = %#x, want %#x", c.f, c.x, got, c.want)
			}
		}
	}
}

func negate(x float32) float32 { return math.Float32frombits(math.Float32bits(x) ^ 1<<31) }

func TestClassesAddUp(t *testing.T) {
	// zero, subnormal, normal, saturated, infinite, NaN; both signs
	for f, want := range map[Format][6]int{
		E2M1:  {2, 2, 10, 2, 0, 0},
		E4M3:  {2, 14, 236, 2, 0, 2},
		UE4M3: {2, 14, 236, 2, 0, 2},
		E8M0:  {0, 0, 254, 1, 0, 1},
		E5M2:  {2, 6, 238, 2, 2, 6},
		BF16:  {2, 254, 65022, 2, 2, 254},
		FP16:  {2, 2046, 61438, 2, 2, 2046},
	} {
		var got [6]int
		for c := range 1 << f.Bits() {
			got[f.Class(uint16(c))]++
		}
		if got != want {
			t.Errorf("%s: %v, want %v", f, got, want)
		}
	}
}

func TestLimitsAndSigns(t *testing.T) {
	for f, want := range map[Format]float32{E2M1: 6, E4M3: 448, UE4M3: 448, E8M0: 0x1p127, E5M2: 57344, BF16: 0x1.fep127, FP16: 65504} {
		if f.Max() != want {
			t.Errorf("%s.Max() = %g, want %g", f, f.Max(), want)
		}
	}
	if !E2M1.Negative(0x8) || E2M1.Negative(0x7) || !E4M3.Negative(0xff) || UE4M3.Negative(0xff) || E8M0.Negative(0xff) {
		t.Error("Negative is not the sign bit")
	}
	if UE4M3.Decode(0xb8) != 1 || E4M3.Decode(0xb8) != -1 {
		t.Error("bit 7 is the sign of E4M3 and nothing in UE4M3")
	}
	if got := Format(0).String() + Format(99).String(); got != "invalidinvalid" {
		t.Errorf("unknown formats are called %q", got)
	}
}

// The fast paths are the general one on every value where they could differ.
func TestFastPathsAgree(t *testing.T) {
	step := uint32(97)
	if testing.Short() {
		step = 9973
	}
	check := func(x float32) {
		if got, want := uint16(EncodeE2M1(x)), E2M1.Encode(x, NearestEven); got != want {
			t.Fatalf("EncodeE2M1(%g) = %#x, want %#x", x, got, want)
		}
		if got, want := RoundBF16(x), BF16.Decode(BF16.Encode(x, NearestEven)); !same(got, want) {
			t.Fatalf("RoundBF16(%g) = %g, want %g", x, got, want)
		}
		if got, want := RoundFP16(x), FP16.Decode(FP16.Encode(x, NearestEven)); !same(got, want) {
			t.Fatalf("RoundFP16(%g) = %g, want %g", x, got, want)
		}
	}
	for _, f := range []Format{E2M1, BF16, FP16} {
		for _, x := range probes(f) {
			check(x)
		}
	}
	for b := uint64(0); b < 1<<32; b += uint64(step) {
		check(math.Float32frombits(uint32(b)))
	}
}

// same is equality of bits, all NaN being one.
func same(a, b float32) bool {
	return math.Float32bits(a) == math.Float32bits(b) || isNaN(a) && isNaN(b)
}
