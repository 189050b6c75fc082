package layer

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fp4tui/inspect"
	"fp4tui/inspect/checkpoint"
)

// root is the module root, which the paths in goldens.json are relative to.
const root = "../.."

type golden struct {
	Path, Layer string
	Expert      int
	N, K        int
	BF16, F32   string
	First       string
}

func loadGoldens(t *testing.T) []golden {
	t.Helper()
	raw, err := os.ReadFile("testdata/goldens.json")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct{ Layers []golden }
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Layers) < 40 {
		t.Fatalf("%d goldens, the generator writes more than 40", len(doc.Layers))
	}
	return doc.Layers
}

func open(t *testing.T, path string) *checkpoint.Checkpoint {
	t.Helper()
	c, err := checkpoint.Open(context.Background(), filepath.Join(root, filepath.FromSlash(path)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// hash is the generator's: little-endian, every NaN the same.
func hash(x inspect.Tensor) string {
	var raw []byte
	for _, v := range x.Data {
		bits := math.Float32bits(v)
		if v != v {
			bits = 0x7fc00000
		}
		if x.DType == inspect.BF16 {
			raw = binary.LittleEndian.AppendUint16(raw, uint16(bits>>16))
		} else {
			raw = binary.LittleEndian.AppendUint32(raw, bits)
		}
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// Every sample layer and every scale byte dequantizes to the bits of the library
// that wrote the format, as bfloat16 and as float32.
func TestDequantizeMatchesLibraries(t *testing.T) {
	ctx := context.Background()
	found := map[string][]*Layer{}
	for _, g := range loadGoldens(t) {
		if found[g.Path] == nil {
			found[g.Path], _ = Find(ctx, open(t, g.Path))
		}
		t.Run(fmt.Sprintf("%s/%s/%d", strings.TrimSuffix(filepath.Base(g.Path), ".safetensors"), g.Layer, g.Expert), func(t *testing.T) {
			l, err := Resolve(found[g.Path], g.Layer)
			if err != nil {
				t.Fatal(err)
			}
			w, err := l.Load(ctx)
			if err != nil {
				t.Fatal(err)
			}
			f32, err := w.Dequantize(ctx, g.Expert, inspect.F32)
			if err != nil {
				t.Fatal(err)
			}
			if f32.Shape[0] != g.N || f32.Shape[1] != g.K {
				t.Fatalf("shape %v, want %d×%d", f32.Shape, g.N, g.K)
			}
			if hash(f32) != g.F32 {
				t.Errorf("float32 bits differ; first values\n got %s\nwant %s", firstBits(f32), g.First)
			}
			bf16, err := w.Dequantize(ctx, g.Expert, inspect.BF16)
			if err != nil {
				t.Fatal(err)
			}
			if hash(bf16) != g.BF16 {
				t.Error("bfloat16 bits differ")
			}
		})
	}
}

func firstBits(x inspect.Tensor) string {
	words := make([]string, 0, 64)
	for _, v := range x.Data[:min(64, len(x.Data))] {
		words = append(words, fmt.Sprintf("%08x", math.Float32bits(v)))
	}
	return strings.Join(words, " ")
}
