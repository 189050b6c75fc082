package lint_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"fp4tui/inspect/checkpoint"
	"fp4tui/inspect/layer"
	"fp4tui/inspect/lint"
)

// stored is one tensor of a file built for a test.
type stored struct {
	name, dtype string
	shape       []int
	data        []byte
}

func f32(name string, v float32) stored {
	return stored{name, "F32", []int{1}, binary.LittleEndian.AppendUint32(nil, math.Float32bits(v))}
}

// filled is n bytes of one value.
func filled(n int, v byte) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = v
	}
	return b
}

// nvfp4 is a sound compressed-tensors layer 4×64 (16 block scales of 64 to 94), with changes.
func nvfp4(name string, change func(scales, codes []byte), global float32, more ...stored) []stored {
	scales, codes := make([]byte, 16), filled(4*32, 0x37)
	for i := range scales {
		scales[i] = 0x68 + byte(i%4)
	}
	scales[0] = 0x7e
	if change != nil {
		change(scales, codes)
	}
	return append([]stored{
		{name + ".weight_packed", "U8", []int{4, 32}, codes},
		{name + ".weight_scale", "F8_E4M3", []int{4, 4}, scales},
		f32(name+".weight_global_scale", global),
	}, more...)
}

// write makes a safetensors file; package checkpoint can't write the types that quantizers use.
func write(t *testing.T, path string, tensors []stored) {
	t.Helper()
	header := map[string]any{}
	var data []byte
	for _, s := range tensors {
		header[s.name] = map[string]any{
			"dtype": s.dtype, "shape": s.shape, "data_offsets": []int{len(data), len(data) + len(s.data)},
		}
		data = append(data, s.data...)
	}
	text, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	file := binary.LittleEndian.AppendUint64(nil, uint64(len(text)))
	if err := os.WriteFile(path, append(append(file, text...), data...), 0o600); err != nil {
		t.Fatal(err)
	}
}

type opened struct {
	c      *checkpoint.Checkpoint
	layers []*layer.Layer
	report lint.Report
}

func check(t *testing.T, path string) opened {
	t.Helper()
	ctx := context.Background()
	c, err := checkpoint.Open(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	layers, faults := layer.Find(ctx, c)
	report, err := lint.Check(ctx, c, layers, faults, nil)
	if err != nil {
		t.Fatal(err)
	}
	return opened{c, layers, report}
}

func checkTensors(t *testing.T, tensors []stored) lint.Report {
	t.Helper()
	path := filepath.Join(t.TempDir(), "t.safetensors")
	write(t, path, tensors)
	return check(t, path).report
}
