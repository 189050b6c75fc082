package checkpoint

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	benchShards  = 160
	benchTensors = 1250 // a shard
)

// writeSparse writes an indexed checkpoint whose data is a hole in the file.
func writeSparse(tb testing.TB, dir string, shards, tensors int) {
	tb.Helper()
	var index strings.Builder
	index.WriteString(`{"metadata":{"total_size":1},"weight_map":{`)
	for s := range shards {
		file := fmt.Sprintf("model-%05d-of-%05d.safetensors", s+1, shards)
		var header strings.Builder
		header.WriteString(`{"__metadata__":{"format":"pt"}`)
		offset := 0
		for i := range tensors {
			name := fmt.Sprintf("model.layers.%d.mlp.experts.%d.gate_proj.weight_packed", s, i)
			fmt.Fprintf(&header, `,"%s":{"dtype":"U8","shape":[512,256],"data_offsets":[%d,%d]}`, name, offset, offset+512*256)
			offset += 512 * 256
			if s+i > 0 {
				index.WriteByte(',')
			}
			fmt.Fprintf(&index, "\n    %q: %q", name, file)
		}
		header.WriteByte('}')
		data := append(binary.LittleEndian.AppendUint64(nil, uint64(header.Len())), header.String()...)
		path := filepath.Join(dir, file)
		if err := os.WriteFile(path, data, 0o666); err != nil {
			tb.Fatal(err)
		}
		if err := os.Truncate(path, int64(len(data)+offset)); err != nil {
			tb.Fatal(err)
		}
	}
	index.WriteString("}}")
	if err := os.WriteFile(filepath.Join(dir, "model.safetensors.index.json"), []byte(index.String()), 0o666); err != nil {
		tb.Fatal(err)
	}
}

func BenchmarkOpen200k(b *testing.B) {
	dir := b.TempDir()
	writeSparse(b, dir, benchShards, benchTensors)
	b.ReportAllocs()
	for b.Loop() {
		c, err := Open(context.Background(), dir)
		if err != nil {
			b.Fatal(err)
		}
		if c.Len() != benchShards*benchTensors || len(c.Faults) > 0 {
			b.Fatal(c.Len(), c.Faults[:1])
		}
	}
}

func BenchmarkSuffix200k(b *testing.B) {
	dir := b.TempDir()
	writeSparse(b, dir, benchShards, benchTensors)
	c, err := Open(context.Background(), dir)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if got := c.Suffix("77.mlp.experts.1249.gate_proj.weight_packed"); len(got) != 1 {
			b.Fatal(len(got))
		}
	}
}
