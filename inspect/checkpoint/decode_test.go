package checkpoint

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"slices"
	"testing"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
)

// tableSum is the CRC-32 of float32 values, little-endian, with one NaN.
func tableSum(values []float32) uint32 {
	var raw []byte
	for _, v := range values {
		bits := math.Float32bits(v)
		if v != v {
			bits = 0x7fc00000
		}
		raw = binary.LittleEndian.AppendUint32(raw, bits)
	}
	return crc32.ChecksumIEEE(raw)
}

// TestDecodeTables decodes every bit pattern of the small formats. The sums are
// those of tables made with ml_dtypes.
func TestDecodeTables(t *testing.T) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	tests := []struct {
		dtype inspect.DType
		raw   []byte
		n     int
		sum   uint32
	}{
		{inspect.F8E4M3, all, 256, 0x2fdee9ac}, {inspect.F8E8M0, all, 256, 0x719979ba}, {inspect.F8E5M2, all, 256, 0x3d83fd11},
		{inspect.F4, []byte{0x10, 0x32, 0x54, 0x76, 0x98, 0xba, 0xdc, 0xfe}, 16, 0x866770b6}, // low nibble first
	}
	for _, test := range tests {
		x, err := Decode(test.dtype, []int{test.n}, test.raw)
		if err != nil || x.Rounded {
			t.Fatal(err, x.Rounded)
		}
		if got := tableSum(x.Data); got != test.sum {
			t.Errorf("%v: table %08x, want %08x", test.dtype, got, test.sum)
		}
	}
}

// TestDecodeHalf: every binary16 and bfloat16.
func TestDecodeHalf(t *testing.T) {
	raw := make([]byte, 0, 1<<17)
	for i := range 1 << 16 {
		raw = binary.LittleEndian.AppendUint16(raw, uint16(i))
	}
	for dtype, format := range map[inspect.DType]fp4.Format{inspect.F16: fp4.FP16, inspect.BF16: fp4.BF16} {
		x, err := Decode(dtype, []int{1 << 16}, raw)
		if err != nil || x.Rounded {
			t.Fatal(err, x.Rounded)
		}
		for i, v := range x.Data {
			want := format.Decode(uint16(i))
			if math.Float32bits(v) != math.Float32bits(want) && !(v != v && want != want) {
				t.Fatalf("%v %#04x is %v, want %v", dtype, i, v, want)
			}
		}
	}
}

func TestDecodeWide(t *testing.T) {
	word := func(v any) []byte {
		b, err := binary.Append(nil, binary.LittleEndian, v)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	tests := []struct {
		dtype   inspect.DType
		raw     []byte
		want    float32
		rounded bool
	}{
		{inspect.BOOL, []byte{2}, 1, false}, {inspect.BOOL, []byte{0}, 0, false},
		{inspect.U8, []byte{255}, 255, false}, {inspect.I8, []byte{0x80}, -128, false},
		{inspect.I16, word(int16(-32768)), -32768, false}, {inspect.U16, word(uint16(65535)), 65535, false},
		{inspect.I32, word(int32(-1 << 31)), -1 << 31, false}, {inspect.I32, word(int32(1<<24 + 1)), 1 << 24, true},
		{inspect.I32, word(int32(-1<<24 - 3)), -1<<24 - 4, true}, {inspect.U32, word(uint32(1<<32 - 1)), 1 << 32, true},
		{inspect.U32, word(uint32(0xffffff00)), 0xffffff00, false},
		{inspect.I64, word(int64(math.MinInt64)), math.MinInt64, false}, {inspect.I64, word(int64(math.MaxInt64)), 1 << 63, true},
		{inspect.U64, word(uint64(math.MaxUint64)), 1 << 64, true}, {inspect.U64, word(uint64(1 << 63)), 1 << 63, false},
		{inspect.U64, word(uint64(0x8000008000000001)), 0x1.000002p63, true}, // just above a tie: one rounding, not two
		{inspect.F32, word(float32(0x1p-149)), 0x1p-149, false},
		{inspect.F64, word(0.5), 0.5, false}, {inspect.F64, word(0.1), 0.1, true}, {inspect.F64, word(1e300), float32(math.Inf(1)), true},
		{inspect.F64, word(math.Inf(-1)), float32(math.Inf(-1)), false}, {inspect.F64, word(1e-300), 0, true},
		{inspect.F64, word(math.Copysign(0, -1)), float32(math.Copysign(0, -1)), false},
	}
	for _, test := range tests {
		x, err := Decode(test.dtype, nil, test.raw)
		if err != nil {
			t.Fatal(err)
		}
		if math.Float32bits(x.Data[0]) != math.Float32bits(test.want) || x.Rounded != test.rounded {
			t.Errorf("%v %x is %v rounded %v, want %v %v", test.dtype, test.raw, x.Data[0], x.Rounded, test.want, test.rounded)
		}
	}
	x, err := Decode(inspect.F64, nil, word(math.Float64frombits(0xfff0000000000001)))
	if err != nil || math.Float32bits(x.Data[0]) != 0x7fc00000 || x.Rounded {
		t.Errorf("NaN is %#x, %v", math.Float32bits(x.Data[0]), err)
	}
}

func TestDecodeFaults(t *testing.T) {
	tests := []struct {
		dtype inspect.DType
		shape []int
		n     int
		class error
	}{
		{inspect.F6E2M3, []int{4}, 3, inspect.ErrUnsupported}, {inspect.C64, []int{1}, 8, inspect.ErrUnsupported},
		{inspect.Invalid, nil, 0, inspect.ErrUnsupported}, {inspect.DType(200), nil, 0, inspect.ErrUnsupported},
		{inspect.F32, []int{2}, 7, inspect.ErrMismatch}, {inspect.F4, []int{3}, 2, inspect.ErrMismatch},
		{inspect.U8, []int{-1}, 0, inspect.ErrMismatch}, {inspect.U8, []int{1 << 62, 4}, 0, inspect.ErrMismatch},
	}
	for _, test := range tests {
		_, err := Decode(test.dtype, test.shape, make([]byte, test.n))
		if !errors.Is(err, test.class) {
			t.Errorf("%v %v: %v", test.dtype, test.shape, err)
		}
	}
}

// TestPyTorchFile reads a file that PyTorch and the reference writer made, with
// dtypes that the header library refuses. Regenerate with testdata/safetensors/generate.py.
func TestPyTorchFile(t *testing.T) {
	c := open(t, "testdata/safetensors/torch.safetensors")
	if len(c.Faults) > 0 || c.Len() != 9 || c.Files[0].Metadata["safetensors"] != "0.8.0" {
		t.Fatalf("%d tensors, %q, %v", c.Len(), whats(c), c.Files[0].Metadata)
	}
	tests := []struct {
		name, shape string
		dtype       inspect.DType
		sum         uint32 // of the values; 0: see values
		values      []float32
	}{
		{"fp4", "2×8", inspect.F4, 0x866770b6, nil}, {"e4m3", "16×16", inspect.F8E4M3, 0x2fdee9ac, nil},
		{"e5m2", "256", inspect.F8E5M2, 0x3d83fd11, nil}, {"e8m0", "256", inspect.F8E8M0, 0x719979ba, nil},
		{"bf16", "2×2", inspect.BF16, 0, []float32{1, -2.5, 0, 3}}, {"scalar", "scalar", inspect.F32, 0, []float32{2688}},
		{"empty", "0×4", inspect.F32, 0, nil}, {"ids", "2", inspect.I64, 0, []float32{-1, 1 << 24}},
		{"mask", "2", inspect.BOOL, 0, []float32{1, 0}},
	}
	for _, test := range tests {
		x, err := c.Tensor(t.Context(), mustLookup(t, c, test.name))
		if err != nil {
			t.Fatal(err)
		}
		if x.DType != test.dtype || inspect.ShapeString(x.Shape) != test.shape || x.Rounded != (test.name == "ids") {
			t.Errorf("%s: %v %v, rounded %v", test.name, x.DType, x.Shape, x.Rounded)
		}
		if test.sum != 0 && tableSum(x.Data) != test.sum {
			t.Errorf("%s: values %08x, want %08x", test.name, tableSum(x.Data), test.sum)
		}
		if test.sum == 0 && !slices.Equal(x.Data, test.values) {
			t.Errorf("%s: %v, want %v", test.name, x.Data, test.values)
		}
	}
}
