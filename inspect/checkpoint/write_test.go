package checkpoint

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/nlpodyssey/safetensors"

	"fp4tui/inspect"
)

func TestSafetensorsRoundTrip(t *testing.T) {
	in := map[string]inspect.Tensor{
		"bf16":   {DType: inspect.BF16, Shape: []int{2, 2}, Data: []float32{1, -0.5, 0x1.fep127, float32(math.Inf(1))}},
		"f16":    {DType: inspect.F16, Shape: []int{3}, Data: []float32{65504, 0x1p-24, -2}},
		"f32":    {DType: inspect.F32, Shape: []int{1, 1}, Data: []float32{0.1}},
		"scalar": {DType: inspect.F32, Data: []float32{2688}},
		"u8":     {DType: inspect.U8, Shape: []int{2}, Data: []float32{0, 255}},
		"i8":     {DType: inspect.I8, Shape: []int{2}, Data: []float32{-128, 127}},
		"bool":   {DType: inspect.BOOL, Shape: []int{2}, Data: []float32{1, 0}},
		"empty":  {DType: inspect.F32, Shape: []int{0, 4}, Data: []float32{}},
		"fp8":    {DType: inspect.F8E4M3, Shape: []int{2}, Data: []float32{448, -0.001953125}},
		"<é\">":  {DType: inspect.I64, Shape: []int{1}, Data: []float32{7}},
	}
	var b, again bytes.Buffer
	for _, w := range []io.Writer{&b, &again} {
		if err := WriteSafetensors(w, in, map[string]string{"k": "<v>"}); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(b.Bytes(), again.Bytes()) {
		t.Error("two writes differ")
	}
	if parsed, err := safetensors.Deserialize(b.Bytes()); err != nil || parsed.Len() != len(in) {
		t.Errorf("the header library reads %d tensors: %v", parsed.Len(), err)
	}
	c := open(t, write(t, filepath.Join(t.TempDir(), "m.safetensors"), b.Bytes()))
	if len(c.Faults) > 0 || c.Len() != len(in) || c.Files[0].Metadata["k"] != "<v>" {
		t.Fatalf("%d tensors, faults %q, metadata %v", c.Len(), whats(c), c.Files[0].Metadata)
	}
	for name, want := range in {
		got, err := c.Tensor(context.Background(), mustLookup(t, c, name))
		if err != nil {
			t.Fatal(err)
		}
		dtype := want.DType
		if dtype == inspect.F8E4M3 || dtype == inspect.I64 {
			dtype = inspect.F32
		}
		if got.DType != dtype || !slices.Equal(got.Shape, want.Shape) || !slices.Equal(got.Data, want.Data) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

func TestWriteFaults(t *testing.T) {
	tests := []struct {
		name string
		t    inspect.Tensor
		what string
	}{
		{"t", inspect.Tensor{DType: inspect.U8, Shape: []int{1}, Data: []float32{256}}, "value does not fit its dtype"},
		{"t", inspect.Tensor{DType: inspect.I8, Shape: []int{1}, Data: []float32{0.5}}, "value does not fit its dtype"},
		{"t", inspect.Tensor{DType: inspect.I16, Shape: []int{1}, Data: []float32{float32(math.NaN())}}, "value does not fit its dtype"},
		{"t", inspect.Tensor{DType: inspect.F32, Shape: []int{2}, Data: []float32{1}}, "shape and data disagree"},
		{"t", inspect.Tensor{DType: inspect.F32, Shape: []int{-1}, Data: nil}, "shape and data disagree"},
		{"__metadata__", inspect.Tensor{DType: inspect.F32, Data: []float32{1}}, "reserved tensor name"},
	}
	for _, test := range tests {
		err := WriteSafetensors(io.Discard, map[string]inspect.Tensor{test.name: test.t}, nil)
		if f := asFault(t, err); f.What != test.what || f.Tensor != test.name {
			t.Error(f)
		}
	}
	if err := WriteNPY(io.Discard, tests[0].t); asFault(t, err).What != tests[0].what {
		t.Error(err)
	}
}

// TestBF16IsRounded: values that are no bfloat16 go to the nearest, ties to even.
func TestBF16IsRounded(t *testing.T) {
	var b bytes.Buffer
	x := inspect.Tensor{DType: inspect.BF16, Shape: []int{3}, Data: []float32{1 + 0x1p-8, 1 + 0x3p-8, 1 + 0x1p-8 + 0x1p-20}}
	if err := WriteSafetensors(&b, map[string]inspect.Tensor{"x": x}, nil); err != nil {
		t.Fatal(err)
	}
	if !bytes.HasSuffix(b.Bytes(), []byte{0x80, 0x3f, 0x82, 0x3f, 0x81, 0x3f}) {
		t.Errorf("%x", b.Bytes()[b.Len()-6:])
	}
}

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out")
	say := func(s string) func(io.Writer) error {
		return func(w io.Writer) error { _, err := io.WriteString(w, s); return err }
	}
	for _, s := range []string{"first", "second"} {
		if err := WriteFile(path, say(s)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != s {
			t.Errorf("%q, %v", got, err)
		}
	}
	refused := errors.New("refused")
	err := WriteFile(path, func(w io.Writer) error { return errors.Join(say("part")(w), refused) })
	if got, _ := os.ReadFile(path); !errors.Is(err, refused) || string(got) != "second" {
		t.Errorf("after a failure: %q, %v", got, err)
	}
	list, err := os.ReadDir(dir)
	if err != nil || len(list) != 1 {
		t.Errorf("left behind: %v, %v", list, err)
	}
	if f := asFault(t, WriteFile(dir, say("x"))); !strings.Contains(f.Why, "directory") {
		t.Error(f)
	}
	if f := asFault(t, WriteFile(os.DevNull, say("x"))); !errors.Is(f, inspect.ErrUnsupported) {
		t.Error(f)
	}
	if f := asFault(t, WriteFile(filepath.Join(dir, "no", "out"), say("x"))); !errors.Is(f, inspect.ErrMissing) {
		t.Error(f)
	}
}

// What is replaced keeps its permissions, and a link stays a link.
func TestWriteFileInPlace(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("windows has no permission bits, and links need a privilege")
	}
	dir := t.TempDir()
	path, link := filepath.Join(dir, "real"), filepath.Join(dir, "link")
	if err := errors.Join(os.WriteFile(path, []byte("old"), 0o600), os.Symlink("real", link)); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(link, func(w io.Writer) error { _, err := io.WriteString(w, "new"); return err }); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "new" {
		t.Errorf("%q, %v", got, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}
