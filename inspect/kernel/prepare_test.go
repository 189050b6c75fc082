package kernel

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
	"fp4tui/inspect/layer"
)

// matrix is a random matrix of a format: any code, scales that every encoding keeps.
func matrix(format string, n, k int, seed uint64) *fp4.Blocks {
	rng := rand.New(rand.NewPCG(seed, 7))
	b := &fp4.Blocks{Rows: n, Cols: k, Block: 16, ScaleType: fp4.E4M3, Global: fp4.GlobalScale{Use: fp4.Divides, Value: 4328}}
	if format == mxfp4 {
		b.Block, b.ScaleType, b.Global = 32, fp4.E8M0, fp4.GlobalScale{}
	}
	b.Codes, b.Scales = make([]byte, n*k/2), make([]byte, n*k/b.Block)
	for i := range b.Codes {
		b.Codes[i] = byte(rng.Uint32())
	}
	for i := range b.Scales {
		b.Scales[i] = byte(0x08 + rng.IntN(0x77)) // 2^-6 to 448
	}
	return b
}

func weights(b *fp4.Blocks) *layer.Weights { return &layer.Weights{Blocks: []fp4.Blocks{*b}} }

// padded is the logical matrix with zeros around, one element at a time.
func padded(p *Prepared, b *fp4.Blocks) *fp4.Blocks {
	want := &fp4.Blocks{Rows: p.PadN, Cols: p.PadK, Block: b.Block, ScaleType: b.ScaleType, Global: b.Global,
		Codes: make([]byte, p.PadN*p.PadK/2), Scales: make([]byte, p.PadN*p.PadK/b.Block)}
	half, padHalf := b.Rows, p.PadN
	if p.Gated {
		half, padHalf = b.Rows/2, p.PadN/2
	}
	for n := range b.Rows {
		row := n/half*padHalf + n%half
		for k := range b.Cols {
			want.Codes[(row*p.PadK+k)/2] |= b.Code(n, k) << (k % 2 * 4)
		}
		for j := range b.ScaleCols() {
			want.Scales[row*p.PadK/b.Block+j] = b.Scale(n, j*b.Block)
		}
	}
	return want
}

func sameBlocks(t *testing.T, name string, got, want *fp4.Blocks) {
	t.Helper()
	if got.Rows != want.Rows || got.Cols != want.Cols || got.Global != want.Global || got.ScaleType != want.ScaleType {
		t.Fatalf("%s: %d×%d %v, want %d×%d %v", name, got.Rows, got.Cols, got.Global, want.Rows, want.Cols, want.Global)
	}
	if !bytes.Equal(got.Codes, want.Codes) {
		t.Fatalf("%s: codes differ", name)
	}
	if !bytes.Equal(got.Scales, want.Scales) {
		t.Fatalf("%s: scales differ", name)
	}
}

var sizes = [][2]int{{1000, 368}, {1536, 384}, {384, 1536}, {192, 96}, {32, 32}, {256, 256}, {2, 16}}

// TestPrepareReadsBack holds every kernel against the padded matrix: all steps, and
// each prefix of them.
func TestPrepareReadsBack(t *testing.T) {
	ctx := context.Background()
	taken := map[string]int{}
	for _, k := range Kernels() {
		for _, format := range k.Formats {
			for _, size := range sizes {
				for _, gated := range []bool{false, true} {
					if gated && k.Gated == nil {
						continue
					}
					b := matrix(format, size[0], size[1]/16*16, 1)
					if format == mxfp4 && size[1]%32 != 0 {
						continue
					}
					name := fmt.Sprintf("%s %s %v gated=%v", k.Name, format, size, gated)
					p, err := Prepare(ctx, weights(b), k, Options{Gated: gated})
					if err != nil {
						if !errors.Is(err, inspect.ErrUnsupported) || !strings.Contains(err.Error(), "multiple of") {
							t.Errorf("%s: %v", name, err)
						}
						continue
					}
					taken[k.Name]++
					for n := range p.All() + 1 {
						q, err := p.First(ctx, n)
						if err != nil {
							t.Fatalf("%s, %d steps: %v", name, n, err)
						}
						got, err := q.Unpack()
						if err != nil {
							t.Fatalf("%s, %d steps: %v", name, n, err)
						}
						sameBlocks(t, fmt.Sprintf("%s, %d steps", name, n), &got, padded(q, b))
					}
				}
			}
		}
	}
	for _, name := range Names() {
		if taken[name] == 0 {
			t.Errorf("%s took no size", name)
		}
	}
}
