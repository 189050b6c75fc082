package layout

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"testing"

	"fp4tui/inspect/fp4"
)

type golden struct {
	Scales map[string]string `json:"scales"` // by format: the byte of each of 256 bytes
	Cases  []struct {
		Name, Of, Source string
		Rows, Cols, Bits int
		Bytes            int
		CRC32, Head      string
	} `json:"cases"`
}

func readGolden(t *testing.T) golden {
	t.Helper()
	data, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(data, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

// pattern is the input of testdata/generate.py.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(uint32(i) * 2654435761 >> 24)
	}
	return b
}

func operand(t *testing.T, name string) Operand {
	t.Helper()
	for _, of := range []Operand{Codes, Scales, Vector, LowRank} {
		if of.String() == name {
			return of
		}
	}
	t.Fatalf("no operand %q", name)
	return 0
}

// TestLibraries holds every layout against the libraries, byte for byte.
func TestLibraries(t *testing.T) {
	type key struct {
		name string
		of   Operand
	}
	held := map[key]bool{}
	for _, c := range readGolden(t).Cases {
		of := operand(t, c.Of)
		rule, err := Lookup(c.Name, of)
		if err != nil {
			t.Fatal(err)
		}
		held[key{c.Name, of}] = true
		d := Dims{c.Rows, c.Cols}
		m, err := rule.Make(d)
		if err != nil {
			t.Errorf("%s %s: %v", c.Of, c.Name, err)
			continue
		}
		got := make([]byte, m.Out.Bytes(c.Bits))
		if err := m.Apply(got, pattern(d.Bytes(c.Bits)), c.Bits, 0); err != nil {
			t.Errorf("%s %s %v: %v", c.Of, c.Name, d, err)
			continue
		}
		sum := fmt.Sprintf("%08x", crc32.ChecksumIEEE(got))
		if len(got) != c.Bytes || sum != c.CRC32 {
			t.Errorf("%s %s %v: %d bytes, crc32 %s, begins %x; %s has %d, %s, %s",
				c.Of, c.Name, d, len(got), sum, got[:min(32, len(got))], c.Source, c.Bytes, c.CRC32, c.Head)
		}
	}
	trivial := map[key]bool{{"linear", Codes}: true, {"linear", Scales}: true, {"linear", Vector}: true,
		{"trtllm", Codes}: true, {"high-first", Codes}: true, {"swap-halves", Codes}: true}
	for _, rule := range Rules() {
		k := key{rule.Name, rule.Of}
		if rowOnly := held[key{rule.Name, Codes}] || trivial[key{rule.Name, Codes}]; !held[k] && !trivial[k] && !(rule.Of == Scales && rowOnly) {
			t.Errorf("no vector for %s %s", rule.Of, rule.Name)
		}
	}
}

// sources are the In rows that the first rows of Out take.
func sources(t *testing.T, name string, of Operand, d Dims, n int) []int {
	t.Helper()
	m := mustMake(t, name, of, d)
	rows := make([]int, n)
	for i := range rows {
		row, col, ok := m.From(i * d.Cols)
		if !ok || col != 0 {
			t.Fatalf("%s: row %d begins with %d,%d %v", name, i, row, col, ok)
		}
		rows[i] = row
	}
	return rows
}

func mustMake(t testing.TB, name string, of Operand, d Dims) Map {
	t.Helper()
	rule, err := Lookup(name, of)
	if err != nil {
		t.Fatal(err)
	}
	m, err := rule.Make(d)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestRowOrders(t *testing.T) {
	for _, test := range []struct {
		name string
		rows int
		want []int
	}{
		{"shuffle128", 64, []int{0, 4, 8, 12, 16, 20, 24, 28, 1, 5, 9, 13, 17, 21, 25, 29, 2, 6, 10, 14, 18, 22, 26, 30, 3, 7, 11, 15, 19, 23, 27, 31, 32}},
		{"shuffle64", 32, []int{0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15, 16}},
		{"swap-halves", 8, []int{4, 5, 6, 7, 0, 1, 2, 3}},
		{"interleave", 8, []int{0, 4, 1, 5, 2, 6, 3, 7}},
		{"deinterleave", 8, []int{0, 2, 4, 6, 1, 3, 5, 7}},
		{"group64", 256, []int{0, 1}},
	} {
		if got := sources(t, test.name, Codes, Dims{test.rows, 32}, len(test.want)); fmt.Sprint(got) != fmt.Sprint(test.want) {
			t.Errorf("%s takes rows %v, want %v", test.name, got, test.want)
		}
	}
	if got := sources(t, "group64", Codes, Dims{256, 2}, 256); got[64] != 128 || got[128] != 64 || got[192] != 192 {
		t.Errorf("group64 takes rows %d %d %d", got[64], got[128], got[192])
	}
}

// TestGatedShuffle is the MoE order of w13 without its exchange of halves: row
// 32t+8a+b comes from half a&1, row 16t+2b+a/2 of it.
func TestGatedShuffle(t *testing.T) {
	d := Dims{128, 2}
	m, err := Compose(mustMake(t, "interleave", Codes, d), mustMake(t, "shuffle128", Codes, d))
	if err != nil {
		t.Fatal(err)
	}
	first := []int{0, 2, 4, 6, 8, 10, 12, 14, 64, 66, 68, 70, 72, 74, 76, 78, 1, 3, 5, 7, 9, 11, 13, 15, 65, 67, 69, 71, 73, 75, 77, 79}
	for row := range d.Rows {
		a, b := row%32/8, row%8
		want := a&1*64 + row/32*16 + 2*b + a/2
		got, _, ok := m.From(row * d.Cols)
		if !ok || got != want || row < len(first) && got != first[row] {
			t.Errorf("row %d comes from %d, want %d", row, got, want)
		}
	}
}

func TestPlaces(t *testing.T) {
	for _, test := range []struct {
		name          string
		of            Operand
		d             Dims
		row, col, pos int
	}{
		{"128x4", Scales, Dims{200, 8}, 1, 0, 16},
		{"128x4", Scales, Dims{200, 8}, 32, 0, 4},
		{"128x4", Scales, Dims{200, 8}, 33, 1, 21},
		{"128x4", Scales, Dims{200, 8}, 127, 3, 511},
		{"128x4", Scales, Dims{200, 8}, 0, 4, 512},
		{"128x4", Scales, Dims{200, 8}, 128, 0, 1024},
		{"128x4", Scales, Dims{200, 8}, 129, 7, 1555},
		{"8x4", Scales, Dims{9, 5}, 1, 1, 5},
		{"8x4", Scales, Dims{9, 5}, 0, 4, 32},
		{"8x4", Scales, Dims{9, 5}, 8, 0, 64},
		{"high-first", Codes, Dims{2, 4}, 1, 0, 5},
		{"high-first", Codes, Dims{2, 4}, 1, 3, 6},
	} {
		m := mustMake(t, test.name, test.of, test.d)
		if pos := m.To(test.row, test.col); pos != test.pos {
			t.Errorf("%s %v: %d,%d is at %d, want %d", test.name, test.d, test.row, test.col, pos, test.pos)
		}
	}
	if offset, shift := Place(7, 4); offset != 3 || shift != 4 {
		t.Errorf("nibble 7 is at byte %d, bit %d", offset, shift)
	}
	if offset, shift := Place(7, 16); offset != 14 || shift != 0 {
		t.Errorf("word 7 is at byte %d, bit %d", offset, shift)
	}
}

// TestMarlinWords is a worked tile: q[k][n] = (7n+3k) mod 16.
func TestMarlinWords(t *testing.T) {
	src := make([]byte, 64*8)
	for n := range 64 {
		for k := range 16 {
			src[n*8+k/2] |= byte((7*n+3*k)&15) << (k % 2 * 4)
		}
	}
	m := mustMake(t, "marlin", Codes, Dims{64, 16})
	got := make([]byte, len(src))
	if err := m.Apply(got, src, 4, 0); err != nil {
		t.Fatal(err)
	}
	for i, want := range []uint32{0x3bb30880, 0x3bb30880, 0x3bb30880, 0x3bb30880, 0x91196ee6, 0x91196ee6, 0x91196ee6, 0x91196ee6} {
		if word := binary.LittleEndian.Uint32(got[4*i:]); word != want {
			t.Errorf("word %d is %08x, want %08x", i, word, want)
		}
	}
	if sum := crc32.ChecksumIEEE(got); sum != 0xcd26d5ec {
		t.Errorf("crc32 %08x", sum)
	}
	if m.Out != (Dims{1, 1024}) {
		t.Errorf("buffer of %v", m.Out)
	}
}

// TestMMBF16FP4Words is a worked tile: byte (n, k/2) = (5n + 17k/2) mod 256.
func TestMMBF16FP4Words(t *testing.T) {
	src := make([]byte, 64*8)
	for n := range 64 {
		for kh := range 8 {
			src[n*8+kh] = byte(5*n + 17*kh)
		}
	}
	m := mustMake(t, "mm_bf16_fp4", Codes, Dims{64, 16})
	got := make([]byte, len(src))
	if err := m.Apply(got, src, 4, 0); err != nil {
		t.Fatal(err)
	}
	for i, want := range []uint32{0x94504400, 0x34f0e4a0, 0xa5615511, 0x4501f5b1} {
		if word := binary.LittleEndian.Uint32(got[4*i:]); word != want {
			t.Errorf("word %d is %08x, want %08x", i, word, want)
		}
	}
	if sum := crc32.ChecksumIEEE(got); sum != 0xfc2300e6 {
		t.Errorf("crc32 %08x", sum)
	}
}

func TestS0E5M3AgainstLibraries(t *testing.T) {
	formats := map[string]S0E5M3{"flashinfer": MMBF16FP4()}
	for i, factor := range []int{1, 2, 4, 8} {
		formats[fmt.Sprintf("marlin x%d", factor)] = S0E5M3{Power: marlinPower + i, Based: true}
	}
	tables := readGolden(t).Scales
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	for name, format := range formats {
		want, err := hex.DecodeString(tables[name])
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 256)
		format.Apply(got, every)
		if !bytes.Equal(got, want) {
			t.Errorf("%s: %x, want %x", name, got, want)
		}
	}
}

// TestMarlinE8M0 holds what 16-bit parameters leave of MXFP4 scales.
func TestMarlinE8M0(t *testing.T) {
	tables := readGolden(t).Scales
	for name, half := range map[string]bool{"bfloat16": false, "binary16": true} {
		want, err := hex.DecodeString(tables["e8m0 "+name])
		if err != nil || len(want) != 256 {
			t.Fatalf("%s: %v", name, err)
		}
		for b := range 256 {
			if got := MarlinE8M0(byte(b), half); got != want[b] {
				t.Errorf("%s: scale %02x is %02x, want %02x", name, b, got, want[b])
			}
		}
	}
}

// TestS0E5M3 holds what each format keeps: every scale that Loss passes decodes to
// itself and comes back from its byte.
func TestS0E5M3(t *testing.T) {
	for _, half := range []bool{false, true} {
		for power := marlinPower; power <= marlinPower+3; power++ {
			f := S0E5M3{Power: power, Half: half, Based: true}
			for s := range 128 {
				value := fp4.DecodeE4M3(byte(s))
				loss := f.Loss(byte(s))
				var want Loss
				switch limit := math.Ldexp(1, 16-power); {
				case s == 0x7f:
					if !half {
						want.NaN = 1
					}
				case !half && value > 0 && float64(value) < math.Ldexp(1, 1-power):
					want.Vanished = 1
				case half && float64(value) >= limit, !half && float64(value) > limit:
					want.Overflow = 1
				}
				if loss != want {
					t.Errorf("%+v: scale %02x, %g: %+v, want %+v", f, s, value, loss, want)
				}
				back, ok := f.Scale(f.Encode(byte(s)))
				if !ok || !loss.Any() && back != byte(s) {
					t.Errorf("%+v: scale %02x comes back as %02x, %v", f, s, back, ok)
				}
			}
		}
	}
}

func TestMarlinFormat(t *testing.T) {
	for _, test := range []struct {
		scales []byte
		half   bool
		factor float32
		loss   Loss
	}{
		{[]byte{0x38, 0x7e, 0}, false, 1, Loss{}},
		{[]byte{0x08, 0x7e}, false, 1, Loss{}},
		{[]byte{0x07}, false, 2, Loss{}},
		{[]byte{0x05}, false, 2, Loss{}},
		{[]byte{0x04}, false, 2, Loss{}},
		{[]byte{0x03}, false, 4, Loss{}},
		{[]byte{0x02}, false, 4, Loss{}},
		{[]byte{0x01, 0x38}, false, 8, Loss{}},
		{[]byte{0x01, 0x7e}, false, 8, Loss{Overflow: 1}}, // 448·8·128 is infinite in binary16; read as 64
		{[]byte{0x01, 0x7e}, true, 1, Loss{}},
		{[]byte{0x38, 0xb8, 0x80, 0x7f}, false, 1, Loss{Negative: 1, NaN: 1}},
		{nil, false, 1, Loss{}},
	} {
		f := Marlin(test.scales, test.half)
		if f.Factor() != test.factor {
			t.Errorf("%x: factor %g, want %g", test.scales, f.Factor(), test.factor)
		}
		if loss := f.Apply(make([]byte, len(test.scales)), test.scales); loss != test.loss {
			t.Errorf("%x: %+v, want %+v", test.scales, loss, test.loss)
		}
	}
	got := make([]byte, 4)
	Marlin([]byte{0x38}, false).Apply(got, []byte{0x01, 0x08, 0x38, 0x7e})
	if !bytes.Equal(got, []byte{0x68, 0x80, 0xb0, 0xf6}) {
		t.Errorf("%x", got)
	}
	back := make([]byte, 5)
	if unknown := Marlin([]byte{0x38}, false).Undo(back, append(got, 0x01)); unknown != 1 || !bytes.Equal(back[:4], []byte{0x01, 0x08, 0x38, 0x7e}) {
		t.Errorf("%x, %d unknown", back, unknown)
	}
}

func TestMarlinGlobal(t *testing.T) {
	const g = float32(0.00123)
	for _, test := range []struct {
		f    S0E5M3
		want float32
	}{
		{Marlin(nil, true), g * 0x1p7},
		{Marlin(nil, false), g * 0x1p119},
		{Marlin([]byte{1}, false), g * 0x1p116},
	} {
		if got := test.f.MarlinGlobal(g); got != test.want {
			t.Errorf("%+v: %g, want %g", test.f, got, test.want)
		}
	}
	if got := Marlin(nil, false).MarlinGlobal(512); !math.IsInf(float64(got), 1) {
		t.Errorf("512 gives %g", got)
	}
}
