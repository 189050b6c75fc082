package checkpoint

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nlpodyssey/safetensors"

	"fp4tui/inspect"
)

const good = `"good":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}`

// headerFaults has every violation of the format: the header, the bytes of data
// behind it, and the one fault that it must give. at is text of the header where
// the fault's offset points, or, with a '#', an offset from the start of the data.
var headerFaults = []struct {
	name, header string
	data         int
	class        error
	what, tensor string
	at           string
	tensors      string // usable ones
}{
	{"not JSON", `{` + good + `,"b"`, 2, inspect.ErrMalformed, "header is not valid JSON", "", "$", "good"},
	{"text after the brace", `{` + good + `}{}`, 2, inspect.ErrMalformed, "header is not valid JSON", "", "{}$", "good"},
	{"NUL padding", `{` + good + "}\x00", 2, inspect.ErrMalformed, "header is not valid JSON", "", "\x00", "good"},
	{"leading zero", `{` + good + `,"b":{"shape":[01]}}`, 2, inspect.ErrMalformed, "header is not valid JSON", "", "01", "good"},
	{"control character", `{` + good + ",\"b\n\":{}}", 2, inspect.ErrMalformed, "header is not valid JSON", "", "\n", "good"},
	{"invalid escape", `{` + good + `,"\q":{}}`, 2, inspect.ErrMalformed, "header is not valid JSON", "", `\q`, "good"},
	{"half a surrogate", `{` + good + `,"\ud800":{}}`, 2, inspect.ErrMalformed, "header is not valid JSON", "", `\ud800`, "good"},
	{"nesting bomb", `{` + good + `,"b":{"x":` + strings.Repeat("[", 20000) + `}}`, 2, inspect.ErrMalformed, "header is not valid JSON", "", "", "good"},

	{"metadata is a list", `{"__metadata__":[1],` + good + `}`, 2, inspect.ErrMalformed, "__metadata__ is not an object", "", `[1]`, "good"},
	{"metadata holds a number", `{"__metadata__":{"a":1},` + good + `}`, 2, inspect.ErrMalformed, "metadata value is not a string", "", `1}`, "good"},
	{"metadata key twice", `{"__metadata__":{"a":"1","a":"2"},` + good + `}`, 2, inspect.ErrMalformed, "duplicate metadata key", "", `"a":"2"`, "good"},
	{"metadata twice", `{"__metadata__":{},` + good + `,"__metadata__":{} }`, 2, inspect.ErrMalformed, "duplicate key __metadata__", "", `"__metadata__":{} `, "good"},
	{"invalid UTF-8 in metadata", "{\"__metadata__\":{\"a\":\"\xff\"}," + good + "}", 2, inspect.ErrMalformed, "invalid UTF-8 in the header", "", "\xff", "good"},
	{"invalid UTF-8 in a name", "{\"a\xff\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}", 2, inspect.ErrMalformed, "invalid UTF-8 in a tensor name", "a\xff", `"a`, "a\xff"},

	{"entry is a string", `{` + good + `,"b":"x"}`, 2, inspect.ErrMalformed, "tensor entry is not an object", "b", `"x"`, "good"},
	{"empty name", `{"":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}`, 2, inspect.ErrMalformed, "tensor without a name", "", `"":`, ""},
	{"no dtype", `{` + good + `,"b":{"shape":[1],"data_offsets":[2,3]}}`, 3, inspect.ErrMalformed, "incomplete tensor entry", "b", `"b"`, "good"},
	{"no shape", `{` + good + `,"b":{"dtype":"U8","data_offsets":[2,3]}}`, 3, inspect.ErrMalformed, "incomplete tensor entry", "b", `"b"`, "good"},
	{"no offsets", `{` + good + `,"b":{"dtype":"U8","shape":[1]}}`, 3, inspect.ErrMalformed, "incomplete tensor entry", "b", `"b"`, "good"},
	{"key twice", `{` + good + `,"b":{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[2,3]}}`, 3, inspect.ErrMalformed, "duplicate key dtype", "b", `"dtype":"I8"`, "good"},
	{"name twice", `{` + good + `,"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]},"b":{"dtype":"I8","shape":[1],"data_offsets":[3,4]}}`, 4, inspect.ErrMalformed, "duplicate tensor name", "b", `"b":{"dtype":"I8"`, "b good"},
	{"name twice, escaped", `{` + good + `,"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]},"\u0062":{"dtype":"I8","shape":[1],"data_offsets":[3,4]}}`, 4, inspect.ErrMalformed, "duplicate tensor name", "b", `"\u0062"`, "b good"},

	{"unknown dtype", `{` + good + `,"b":{"dtype":"F3","shape":[1],"data_offsets":[2,3]}}`, 3, inspect.ErrUnsupported, "unknown dtype", "b", `"F3"`, "good"},
	{"invalid is no dtype", `{` + good + `,"b":{"dtype":"invalid","shape":[1],"data_offsets":[2,3]}}`, 3, inspect.ErrUnsupported, "unknown dtype", "b", `"invalid"`, "good"},
	{"dtype is a number", `{` + good + `,"b":{"dtype":7,"shape":[1],"data_offsets":[2,3]}}`, 3, inspect.ErrMalformed, "dtype is not a string", "b", `7,`, "good"},

	{"shape is a number", `{` + good + `,"b":{"dtype":"U8","shape":1,"data_offsets":[2,3]}}`, 3, inspect.ErrMalformed, "shape is not an array", "b", `1,"data`, "good"},
	{"shape holds null", `{` + good + `,"b":{"dtype":"U8","shape":[null],"data_offsets":[2,3]}}`, 3, inspect.ErrMalformed, "invalid number in shape", "b", `null`, "good"},
	{"negative dimension", `{` + good + `,"b":{"dtype":"U8","shape":[-1],"data_offsets":[2,3]}}`, 3, inspect.ErrMalformed, "invalid number in shape", "b", `-1`, "good"},
	{"fractional dimension", `{` + good + `,"b":{"dtype":"U8","shape":[1.0],"data_offsets":[2,3]}}`, 3, inspect.ErrMalformed, "invalid number in shape", "b", `1.0`, "good"},
	{"exponent", `{` + good + `,"b":{"dtype":"U8","shape":[1e0],"data_offsets":[2,3]}}`, 3, inspect.ErrMalformed, "invalid number in shape", "b", `1e0`, "good"},
	{"dimension of 2^63", `{` + good + `,"b":{"dtype":"U8","shape":[9223372036854775808],"data_offsets":[2,3]}}`, 3, inspect.ErrMalformed, "dimension too large", "b", `922`, "good"},
	{"dimension of 2^64", `{` + good + `,"b":{"dtype":"U8","shape":[18446744073709551616],"data_offsets":[2,3]}}`, 3, inspect.ErrMalformed, "invalid number in shape", "b", `184`, "good"},
	{"elements overflow", `{` + good + `,"b":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[2,3]}}`, 3, inspect.ErrMalformed, "shape too large", "b", `"b"`, "good"},
	{"bytes overflow", `{` + good + `,"b":{"dtype":"F64","shape":[4611686018427387904],"data_offsets":[2,3]}}`, 3, inspect.ErrMalformed, "shape too large", "b", `"b"`, "good"},
	{"too many dimensions", `{` + good + `,"b":{"dtype":"U8","shape":[1` + strings.Repeat(",1", 64) + `],"data_offsets":[2,3]}}`, 3, inspect.ErrMalformed, "too many dimensions", "b", `"b"`, "good"},

	{"offsets are null", `{` + good + `,"b":{"dtype":"U8","shape":[1],"data_offsets":null}}`, 3, inspect.ErrMalformed, "data_offsets is not an array", "b", `null`, "good"},
	{"one offset", `{` + good + `,"b":{"dtype":"U8","shape":[1],"data_offsets":[2]}}`, 3, inspect.ErrMalformed, "invalid data_offsets", "b", `[2]}}`, "good"},
	{"three offsets", `{` + good + `,"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3,4]}}`, 3, inspect.ErrMalformed, "invalid data_offsets", "b", `[2,3,4]`, "good"},
	{"reversed offsets", `{` + good + `,"b":{"dtype":"U8","shape":[1],"data_offsets":[3,2]}}`, 3, inspect.ErrMalformed, "reversed data_offsets", "b", `[3,2]`, "good"},
	{"huge offset", `{` + good + `,"b":{"dtype":"U8","shape":[1],"data_offsets":[2,9223372036854775807]}}`, 3, inspect.ErrMalformed, "offset too large", "b", `922`, "good"},
	{"size and offsets disagree", `{` + good + `,"b":{"dtype":"F32","shape":[1],"data_offsets":[2,3]}}`, 3, inspect.ErrMalformed, "shape and data_offsets disagree", "b", `"b"`, "good"},
	{"misaligned F4", `{` + good + `,"b":{"dtype":"F4","shape":[3],"data_offsets":[2,4]}}`, 4, inspect.ErrMalformed, "misaligned", "b", `"b"`, "good"},

	{"hole", `{` + good + `,"b":{"dtype":"U8","shape":[1],"data_offsets":[3,4]}}`, 4, inspect.ErrMalformed, "hole in the data", "b", "#2", "b good"},
	{"hole at the start", `{"b":{"dtype":"U8","shape":[1],"data_offsets":[3,4]}}`, 4, inspect.ErrMalformed, "hole in the data", "b", "#0", "b"},
	{"overlap", `{` + good + `,"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}`, 3, inspect.ErrMalformed, "overlapping tensors", "b", "#1", "b good"},
	{"same range", `{` + good + `,"b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}`, 2, inspect.ErrMalformed, "overlapping tensors", "b", "#0", "b good"},
	{"empty tensor inside another", `{` + good + `,"b":{"dtype":"U8","shape":[0],"data_offsets":[1,1]}}`, 2, inspect.ErrMalformed, "overlapping tensors", "b", "#1", "b good"},
	{"cut", `{` + good + `,"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}}`, 5, inspect.ErrMalformed, "data cut short", "b", "#2", "b good"},
	{"wholly cut off", `{` + good + `,"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}}`, 2, inspect.ErrMalformed, "data cut short", "b", "#2", "b good"},
	{"trailing bytes", `{` + good + `}`, 3, inspect.ErrMalformed, "extra bytes after the last tensor", "", "#2", "good"},
}

func TestHeaderFaults(t *testing.T) {
	for _, test := range headerFaults {
		t.Run(test.name, func(t *testing.T) {
			path := write(t, filepath.Join(t.TempDir(), "m.safetensors"), container(test.header, test.data))
			c := open(t, path)
			if len(c.Faults) != 1 {
				t.Fatalf("%d faults, want 1: %q", len(c.Faults), whats(c))
			}
			f := c.Faults[0]
			if !errors.Is(&f, test.class) || f.What != test.what || f.Tensor != test.tensor || f.File != path {
				t.Errorf("fault %v (%v), what %q tensor %q file %q", f.Error(), f.Class, f.What, f.Tensor, f.File)
			}
			if f.Cure == "" || f.Why == "" {
				t.Errorf("fault %+v lacks a reason or a cure", f)
			}
			if want, ok := offsetOf(test.header, test.at); ok && f.Offset != want {
				t.Errorf("offset %#x, want %#x", f.Offset, want)
			}
			var names []string
			for _, e := range c.Entries() {
				names = append(names, e.Name)
			}
			if got := strings.Join(names, " "); got != test.tensors {
				t.Errorf("tensors %q, want %q", got, test.tensors)
			}
			if !c.Files[0].Damaged {
				t.Error("file is not marked as damaged")
			}
		})
	}
}

// offsetOf finds the offset in the file that a row of the table means.
func offsetOf(header, at string) (int64, bool) {
	var n int64
	switch {
	case at == "":
		return 0, false
	case at[0] == '#':
		fmt.Sscanf(at, "#%d", &n)
		return int64(8+len(header)) + n, true
	case at[len(at)-1] == '$':
		return int64(8 + len(header) - (len(at) - 1)), true
	}
	return int64(8 + strings.Index(header, at)), true
}

func TestCutTextNamesWhatIsMissing(t *testing.T) {
	header := `{"a":{"dtype":"U8","shape":[1000],"data_offsets":[0,1000]},"b":{"dtype":"F32","shape":[500],"data_offsets":[1000,3000]}}`
	c := open(t, write(t, filepath.Join(t.TempDir(), "m.safetensors"), container(header, 1500)))
	base := 8 + len(header)
	f := c.FaultOf("b")
	if f == nil {
		t.Fatal("no fault of b")
	}
	if want := fmt.Sprintf("needs bytes %#x to %#x, the file ends at %#x", base+1000, base+3000, base+1500); f.Why != want {
		t.Errorf("why %q, want %q", f.Why, want)
	}
	if want := "copy the file again; expected size 3,1"; !strings.HasPrefix(f.Cure, want) {
		t.Errorf("cure %q, want %q…", f.Cure, want)
	}
	a, _ := c.Lookup("a")
	b, _ := c.Lookup("b")
	if a.Cut() || !b.Cut() {
		t.Error("only b is cut")
	}
	ctx := context.Background()
	if _, err := c.Read(ctx, a); err != nil {
		t.Error(err)
	}
	if got, err := c.ReadRange(ctx, b, 0, 500); err != nil || len(got) != 500 {
		t.Errorf("the part that is there: %d bytes, %v", len(got), err)
	}
	_, err := c.Read(ctx, b)
	if f := asFault(t, err); f.Tensor != "b" || f.What != "data cut short" {
		t.Errorf("fault %v", f)
	}
	if _, err := c.ReadRange(ctx, b, 499, 2); err == nil {
		t.Error("read past the end of the file")
	}
}

// prefixed is a file whose header length says n.
func prefixed(n uint64, rest string) []byte {
	return append(binary.LittleEndian.AppendUint64(nil, n), rest...)
}

func TestUnusableFiles(t *testing.T) {
	tests := []struct {
		name  string
		data  []byte
		class error
		what  string
	}{
		{"empty", nil, inspect.ErrMalformed, "empty file"},
		{"7 bytes", make([]byte, 7), inspect.ErrMalformed, "file too small"},
		{"length 0", prefixed(0, "xx"), inspect.ErrMalformed, "no header"},
		{"length beyond the file", prefixed(11, "{}"), inspect.ErrMalformed, "header cut short"},
		{"length above the cap", prefixed(100_000_001, "{}"), inspect.ErrMalformed, "header too large"},
		{"length 2^63", prefixed(1<<63, "{}"), inspect.ErrMalformed, "header too large"},
		{"length 2^64-1", prefixed(1<<64-1, "{}"), inspect.ErrMalformed, "header too large"},
		{"not JSON", prefixed(1, "\xff"), inspect.ErrMalformed, "header is not valid JSON"},
		{"null", prefixed(4, "null"), inspect.ErrMalformed, "header is not valid JSON"},
		{"byte order mark", prefixed(5, "\ufeff{}"), inspect.ErrMalformed, "header is not valid JSON"},
		{"open brace", prefixed(1, "{"), inspect.ErrMalformed, "header is not valid JSON"},
		{"Git LFS pointer", []byte("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"), inspect.ErrUnsupported, "not a safetensors file"},
		{"GGUF", []byte("GGUF\x03\x00\x00\x00rest"), inspect.ErrUnsupported, "not a safetensors file"},
		{"pickle", []byte("PK\x03\x04\x14\x00\x08\x08rest"), inspect.ErrUnsupported, "not a safetensors file"},
		{"npy", []byte("\x93NUMPY\x01\x00rest"), inspect.ErrUnsupported, "not a safetensors file"},
		{"web page", []byte("<!DOCTYPE html><html>"), inspect.ErrUnsupported, "not a safetensors file"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := write(t, filepath.Join(t.TempDir(), "m.safetensors"), test.data)
			f := failure(t, path)
			if f.What != test.what || !errors.Is(f, test.class) || f.File != path || f.Cure == "" {
				t.Errorf("fault %v, class %v, cure %q", f, f.Class, f.Cure)
			}
		})
	}
}

// TestLengthLikeForeignMagic: the length 640 begins with the bytes of a pickle.
func TestLengthLikeForeignMagic(t *testing.T) {
	header := `{` + good + `}`
	header += strings.Repeat(" ", 640-len(header))
	if c := open(t, write(t, filepath.Join(t.TempDir(), "m.safetensors"), container(header, 2))); len(c.Faults) > 0 {
		t.Error(whats(c))
	}
}

func TestGoodHeaders(t *testing.T) {
	tests := []struct {
		name, header string
		data, len    int
	}{
		{"no tensors", `{}`, 0, 0},
		{"padded", `{}      `, 0, 0},
		{"leading white space", " \n\t\r{" + good + `}`, 2, 1},
		{"null metadata", `{"__metadata__":null,` + good + `}`, 2, 1},
		{"scalar", `{"s":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}`, 4, 1},
		{"zero-sized", `{"a":{"dtype":"F32","shape":[2,0],"data_offsets":[0,0]},"b":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}`, 0, 2},
		{"unknown key in an entry", `{"a":{"dtype":"U8","x":{"y":[1,-2.5e3,true,null,"é\n"]},"shape":[2],"data_offsets":[0,2]}}`, 2, 1},
		{"any order", `{"b":{"data_offsets":[2,3],"shape":[1],"dtype":"I8"},` + good + `}`, 3, 2},
		{"FP4 and FP8", `{"a":{"dtype":"F4","shape":[2,4],"data_offsets":[0,4]},"b":{"dtype":"F8_E8M0","shape":[3],"data_offsets":[4,7]},"c":{"dtype":"F6_E2M3","shape":[4],"data_offsets":[7,10]}}`, 10, 3},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := open(t, write(t, filepath.Join(t.TempDir(), "m.safetensors"), container(test.header, test.data)))
			if len(c.Faults) > 0 || c.Len() != test.len || c.Files[0].Damaged {
				t.Errorf("%d tensors, want %d; faults %q", c.Len(), test.len, whats(c))
			}
		})
	}
}

// TestTruncation cuts a file at every byte: always a fault, never a panic, and
// what is whole stays readable.
func TestTruncation(t *testing.T) {
	header := `{"__metadata__":{"format":"pt"},"a":{"dtype":"F8_E4M3","shape":[2,3],"data_offsets":[0,6]},"b\u00e9":{"dtype":"F32","shape":[],"data_offsets":[6,10]},"c":{"dtype":"F4","shape":[4,8],"data_offsets":[10,26]}}`
	file := container(header, 26)
	dir := t.TempDir()
	for n := range file {
		path := write(t, filepath.Join(dir, "m.safetensors"), file[:n])
		c, err := Open(context.Background(), path)
		if err != nil {
			asFault(t, err)
			if n >= 8+len(header) {
				t.Errorf("cut at %d: %v", n, err)
			}
			continue
		}
		if len(c.Faults) == 0 || n < 8+len(header) {
			t.Fatalf("cut at %d: no fault", n)
		}
		for i := range c.Entries() {
			e := &c.Entries()[i]
			if _, err := c.Tensor(context.Background(), e); (err != nil) != e.Cut() {
				t.Errorf("cut at %d: tensor %s: %v", n, e.Name, err)
			}
		}
	}
}

// TestTruncatedHeader cuts the header and corrects its length, so that the JSON
// itself ends early: at every byte.
func TestTruncatedHeader(t *testing.T) {
	header := `{"__metadata__":{"f":"pt"},` + good + `,"b":{"dtype":"U8","shape":[1,1],"data_offsets":[2,3],"x":[{"y":null}]}}`
	for n := range header {
		h := newHeader(&File{Path: "m", Size: int64(8 + n + 3)}, header[:n])
		if err := h.parse(context.Background()); err != nil {
			t.Fatal(err)
		}
		if len(h.names()) > 2 || h.faults.count() == 0 {
			t.Fatalf("cut at %d: no fault", n)
		}
	}
}

// TestFaultsAreBounded: a hostile header must not become gigabytes of faults.
func TestFaultsAreBounded(t *testing.T) {
	for _, test := range []struct {
		entries, tensors int
		last             string
	}{
		{5_000, 1, "4,000 further violations"},
		{500_000, 0, "99,002 further violations"}, // the scan stopped
	} {
		header := `{` + strings.Repeat(`"a":{},`, test.entries) + good + `}`
		h := newHeader(&File{Path: "m", Size: int64(8 + len(header) + 2)}, header)
		if err := h.parse(context.Background()); err != nil {
			t.Fatal(err)
		}
		tensors, faults := h.names(), h.faults.sorted()
		if len(tensors) != test.tensors || len(faults) != maxFaults+1 {
			t.Fatalf("%d tensors, %d faults", len(tensors), len(faults))
		}
		if last := faults[maxFaults].What; last != test.last {
			t.Error(last)
		}
	}
}

// TestAgreement: what nlpodyssey/safetensors accepts, we accept, with the same
// names, shapes and bytes.
func TestAgreement(t *testing.T) {
	headers := []string{
		`{` + good + `}`, `{}`, ` {"__metadata__":null}`,
		`{"z":{"dtype":"BOOL","shape":[1],"data_offsets":[3,4]},"y":{"dtype":"I8","shape":[3,1],"data_offsets":[0,3]}}`,
		`{"s":{"dtype":"I64","shape":[],"data_offsets":[0,8]},"e":{"dtype":"F64","shape":[0,7],"data_offsets":[8,8]}}`,
		`{"q\"\\\u00e9\ud83d\ude00":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}`,
	}
	for _, header := range headers {
		h := newHeader(&File{Path: "m"}, header)
		if err := h.parse(context.Background()); err != nil {
			t.Fatal(err)
		}
		var end int64
		for _, e := range h.list {
			end = max(end, e.End-int64(8+len(header)))
		}
		file := container(header, int(end))
		want, err := safetensors.Deserialize(file)
		if err != nil {
			t.Fatal(err)
		}
		c := open(t, write(t, filepath.Join(t.TempDir(), "m.safetensors"), file))
		if len(c.Faults) > 0 || c.Len() != want.Len() {
			t.Fatalf("%s: %d tensors, want %d; %q", header, c.Len(), want.Len(), whats(c))
		}
		for i := range c.Entries() {
			e := &c.Entries()[i]
			view, ok := want.Tensor(e.Name)
			data, err := c.Read(context.Background(), e)
			if !ok || err != nil || !bytes.Equal(data, view.Data()) || fmt.Sprint(view.Shape()) != fmt.Sprint(e.Shape) {
				t.Errorf("%s: %v, %v: %x", e.Name, ok, err, data)
			}
		}
	}
}
