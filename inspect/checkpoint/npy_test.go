package checkpoint

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"fp4tui/inspect"
)

// TestNPYGoldens reads what NumPy wrote. Regenerate with testdata/npy/generate.py.
func TestNPYGoldens(t *testing.T) {
	text, err := os.ReadFile("testdata/npy/expected.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Files map[string]struct {
			Descr  string
			Shape  []int
			Values []string
		}
	}
	if err := json.Unmarshal(text, &golden); err != nil {
		t.Fatal(err)
	}
	if len(golden.Files) < 40 {
		t.Fatalf("%d files", len(golden.Files))
	}
	for name, want := range golden.Files {
		got, err := ReadNPY(filepath.Join("testdata/npy", name+".npy"))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !slices.Equal(got.Shape, want.Shape) || len(got.Data) != len(want.Values) {
			t.Errorf("%s: shape %v, %d values, want %v", name, got.Shape, len(got.Data), want.Shape)
			continue
		}
		if got.Rounded != strings.HasPrefix(name, "wide_") {
			t.Errorf("%s: Rounded = %v", name, got.Rounded)
		}
		for i, s := range want.Values {
			v, err := strconv.ParseFloat(s, 32)
			if err != nil && !math.IsInf(v, 0) {
				t.Fatal(err)
			}
			if math.Float32bits(got.Data[i]) != math.Float32bits(float32(v)) {
				t.Errorf("%s (%s): element %d is %v, want %s", name, want.Descr, i, got.Data[i], s)
			}
		}
	}
}

func TestNPYDTypes(t *testing.T) {
	for name, want := range map[string]inspect.DType{
		"bfloat16": inspect.BF16, "bits16": inspect.U16, "bool": inspect.BOOL, "f2_big_F": inspect.F16, "scalar": inspect.F32, "i8_little_C": inspect.I64,
	} {
		got, err := ReadNPY(filepath.Join("testdata/npy", name+".npy"))
		if err != nil || got.DType != want {
			t.Errorf("%s: %v, want %v; %v", name, got.DType, want, err)
		}
	}
}

// npy is a .npy file of version 1 with this header and n bytes of data.
func npy(header string, n int) []byte {
	b := binary.LittleEndian.AppendUint16([]byte("\x93NUMPY\x01\x00"), uint16(len(header)))
	return append(append(b, header...), make([]byte, n)...)
}

func TestNPYFaults(t *testing.T) {
	const dict = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n"
	tests := []struct {
		name  string
		data  []byte
		class error
		what  string
	}{
		{"empty", nil, inspect.ErrMalformed, "not a .npy file"},
		{"zip", []byte("PK\x03\x04 an archive of arrays"), inspect.ErrMalformed, "not a .npy file"},
		{"version 9", []byte("\x93NUMPY\x09\x00\x00\x00\x00\x00\x00"), inspect.ErrUnsupported, "unknown .npy version"},
		{"version 2, 11 bytes", []byte("\x93NUMPY\x02\x00\x00\x00\x00"), inspect.ErrMalformed, "header cut short"},
		{"header beyond the file", npy(dict, 8)[:20], inspect.ErrMalformed, "header cut short"},
		{"header of 4 GB", []byte("\x93NUMPY\x02\x00\xff\xff\xff\xff{}"), inspect.ErrMalformed, "header too large"},
		{"data cut", npy(dict, 7), inspect.ErrMalformed, "data cut short"},
		{"data left over", npy(dict, 9), inspect.ErrMalformed, "extra bytes after the array"},
		{"no dictionary", npy("'descr'", 0), inspect.ErrMalformed, "header is not a .npy dictionary"},
		{"code", npy("{'descr': __import__('os').name, 'fortran_order': False, 'shape': (2,)}", 8), inspect.ErrMalformed, "header is not a .npy dictionary"},
		{"text behind", npy(strings.Replace(dict, "\n", "; x", 1), 8), inspect.ErrMalformed, "header is not a .npy dictionary"},
		{"key twice", npy("{'shape': (2,), 'shape': (2,)}", 8), inspect.ErrMalformed, "header is not a .npy dictionary"},
		{"key unknown", npy(strings.Replace(dict, "descr", "dscr", 1), 8), inspect.ErrMalformed, "header is not a .npy dictionary"},
		{"key missing", npy("{'descr': '<f4', 'shape': (2,)}", 8), inspect.ErrMalformed, "header is not a .npy dictionary"},
		{"no colon", npy(strings.Replace(dict, ":", "", 1), 8), inspect.ErrMalformed, "header is not a .npy dictionary"},
		{"no comma", npy(strings.Replace(dict, ",", "", 1), 8), inspect.ErrMalformed, "header is not a .npy dictionary"},
		{"order is a number", npy(strings.Replace(dict, "False", "0", 1), 8), inspect.ErrMalformed, "header is not a .npy dictionary"},
		{"shape is a number", npy(strings.Replace(dict, "(2,)", "2", 1), 8), inspect.ErrMalformed, "header is not a .npy dictionary"},
		{"shape in brackets", npy(strings.Replace(dict, "(2,)", "(2)", 1), 8), inspect.ErrMalformed, "header is not a .npy dictionary"},
		{"shape without commas", npy(strings.Replace(dict, "(2,)", "(2 1)", 1), 8), inspect.ErrMalformed, "header is not a .npy dictionary"},
		{"negative dimension", npy(strings.Replace(dict, "(2,)", "(-2,)", 1), 8), inspect.ErrMalformed, "header is not a .npy dictionary"},
		{"dimension of 2^64", npy(strings.Replace(dict, "(2,)", "(18446744073709551616,)", 1), 8), inspect.ErrMalformed, "header is not a .npy dictionary"},
		{"many dimensions", npy(strings.Replace(dict, "(2,)", "("+strings.Repeat("1,", 65)+")", 1), 4), inspect.ErrMalformed, "header is not a .npy dictionary"},
		{"overflow", npy(strings.Replace(dict, "(2,)", "(4294967296,4294967296)", 1), 8), inspect.ErrMalformed, "shape too large"},
		{"huge and absent", npy(strings.Replace(dict, "(2,)", "(1099511627776,)", 1), 8), inspect.ErrMalformed, "data cut short"},
		{"structured", npy(strings.Replace(dict, "'<f4'", "[('a', '<f4')]", 1), 8), inspect.ErrUnsupported, "structured array"},
		{"complex", npy(strings.Replace(dict, "<f4", "<c8", 1), 16), inspect.ErrUnsupported, "unsupported array type"},
		{"objects", npy(strings.Replace(dict, "<f4", "|O", 1), 16), inspect.ErrUnsupported, "unsupported array type"},
		{"one-byte void", npy(strings.Replace(dict, "<f4", "|V1", 1), 2), inspect.ErrUnsupported, "unsupported array type"},
		{"no byte order", npy(strings.Replace(dict, "<f4", "|f4", 1), 8), inspect.ErrUnsupported, "unsupported array type"},
		{"empty descr", npy(strings.Replace(dict, "<f4", "", 1), 8), inspect.ErrUnsupported, "unsupported array type"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := write(t, filepath.Join(t.TempDir(), "a.npy"), test.data)
			got, err := ReadNPY(path)
			if err == nil {
				t.Fatalf("read %v", got)
			}
			f := asFault(t, err)
			if f.What != test.what || !errors.Is(f, test.class) || f.File != path || f.Why == "" || f.Cure == "" {
				t.Errorf("fault %v, class %v, cure %q", f, f.Class, f.Cure)
			}
		})
	}
	if _, err := ReadNPY(filepath.Join(t.TempDir(), "none.npy")); !errors.Is(err, inspect.ErrMissing) {
		t.Error(err)
	}
	if _, err := ReadNPY(os.DevNull); !errors.Is(err, inspect.ErrUnsupported) {
		t.Error(err)
	}
}

func TestNPYRefusesHugeArrays(t *testing.T) {
	file := npy("{'descr': '|u1', 'fortran_order': False, 'shape': (17179869185,)}", 0)
	_, f := readNPYHeader(bytes.NewReader(file), int64(len(file))+17179869185)
	if f == nil || f.What != "too large to read at once" || !errors.Is(f, inspect.ErrUnsupported) {
		t.Error(f)
	}
}

// TestNPYTruncation cuts an array at every byte.
func TestNPYTruncation(t *testing.T) {
	file, err := os.ReadFile("testdata/npy/f4_little_C.npy")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "a.npy")
	for n := range file {
		if _, err := ReadNPY(write(t, path, file[:n])); err == nil {
			t.Fatalf("cut at %d: no fault", n)
		} else {
			asFault(t, err)
		}
	}
}

func TestNPYRoundTrip(t *testing.T) {
	tests := []struct {
		in   inspect.Tensor
		want inspect.DType
	}{
		{inspect.Tensor{DType: inspect.F32, Data: []float32{2.5}}, inspect.F32},
		{inspect.Tensor{DType: inspect.F32, Shape: []int{3}, Data: []float32{float32(math.Inf(1)), -1e-45, 3}}, inspect.F32},
		{inspect.Tensor{DType: inspect.BF16, Shape: []int{2, 2}, Data: []float32{1, 2, 3, 4}}, inspect.F32},
		{inspect.Tensor{DType: inspect.F16, Shape: []int{2, 1, 2}, Data: []float32{1, 65504, 6e-8, 4}}, inspect.F16},
		{inspect.Tensor{DType: inspect.F4, Shape: []int{2}, Data: []float32{6, -0.5}}, inspect.F32},
		{inspect.Tensor{DType: inspect.U8, Shape: []int{2}, Data: []float32{0, 255}}, inspect.U8},
		{inspect.Tensor{DType: inspect.I16, Shape: []int{2}, Data: []float32{-32768, 32767}}, inspect.I16},
		{inspect.Tensor{DType: inspect.BOOL, Shape: []int{0, 3}, Data: []float32{}}, inspect.BOOL},
	}
	for _, test := range tests {
		var b bytes.Buffer
		if err := WriteNPY(&b, test.in); err != nil {
			t.Fatal(err)
		}
		if header := bytes.IndexByte(b.Bytes(), '\n') + 1; header%64 != 0 {
			t.Errorf("%v: data begins at %d", test.in.Shape, header)
		}
		got, err := ReadNPY(write(t, filepath.Join(t.TempDir(), "a.npy"), b.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		in := test.in
		if in.DType == inspect.F16 {
			in.Data = slices.Clone(in.Data)
			in.Data[2] = 0x1p-24 // 6e-8 rounded to binary16
		}
		if got.DType != test.want || fmt.Sprint(got.Shape, got.Data) != fmt.Sprint(in.Shape, in.Data) {
			t.Errorf("wrote %v, read %v", in, got)
		}
	}
}

// TestNPYMatchesNumPy: the bytes that numpy.save writes, for a plain array.
func TestNPYMatchesNumPy(t *testing.T) {
	for _, name := range []string{"f4_little_C", "scalar", "i2_little_C", "u1_byte_C", "bool", "f2_little_C", "empty"} {
		path := filepath.Join("testdata/npy", name+".npy")
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		x, err := ReadNPY(path)
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		if err := WriteNPY(&got, x); err != nil {
			t.Fatal(err)
		}
		// NumPy reserves room in the header for the shape to grow; the array is the same.
		if !bytes.HasSuffix(want, got.Bytes()[bytes.IndexByte(got.Bytes(), '\n'):]) {
			t.Errorf("%s differs: %q", name, got.String())
		}
		if g, w := strings.Fields(headerText(got.Bytes())), strings.Fields(headerText(want)); !slices.Equal(g, w) {
			t.Errorf("%s: header %q, NumPy writes %q", name, g, w)
		}
	}
}

func headerText(file []byte) string { return string(file[10 : bytes.IndexByte(file, '\n')+1]) }
