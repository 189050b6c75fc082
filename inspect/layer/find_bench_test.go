package layer

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fp4tui/inspect/checkpoint"
)

// BenchmarkFind50k recognises 50,000 layers of 10 files and reads their 100,000 scalars.
func BenchmarkFind50k(b *testing.B) {
	const files, perFile, codes, scales = 10, 5000, 128, 16
	dir := b.TempDir()
	for f := range files {
		var header strings.Builder
		var data []byte
		add := func(name, dtype, shape string, bytes []byte) {
			if header.Len() > 0 {
				header.WriteByte(',')
			}
			fmt.Fprintf(&header, `"%s":{"dtype":"%s","shape":[%s],"data_offsets":[%d,%d]}`, name, dtype, shape, len(data), len(data)+len(bytes))
			data = append(data, bytes...)
		}
		for i := range perFile {
			name := fmt.Sprintf("model.layers.%d.mlp.experts.%d.gate_proj.", f, i)
			one := binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(i+1)))
			add(name+"weight_packed", "U8", "16,8", make([]byte, codes))
			add(name+"weight_scale", "F8_E4M3", "16,1", make([]byte, scales))
			add(name+"weight_global_scale", "F32", "1", one)
			add(name+"input_global_scale", "F32", "1", one)
		}
		text := "{" + header.String() + "}"
		raw := append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...)
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("model-%d.safetensors", f)), append(raw, data...), 0o666); err != nil {
			b.Fatal(err)
		}
	}
	c, err := checkpoint.Open(context.Background(), dir)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		layers, faults := Find(context.Background(), c)
		if len(layers) != files*perFile || len(faults) > 0 || layers[1].Global.Value == 0 {
			b.Fatal(len(layers), len(faults))
		}
	}
}
