package kernel

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"fp4tui/inspect"
	"fp4tui/inspect/fp4"
)

// The layouts once more, by their formulas instead of by digits.

func up(n, m int) int { return (n + m - 1) / m * m }

// zeroPad appends rows and columns of bytes.
func zeroPad(b []byte, rows, cols, toRows, toCols int) []byte {
	out := make([]byte, toRows*toCols)
	for r := range rows {
		copy(out[r*toCols:], b[r*cols:(r+1)*cols])
	}
	return out
}

// shuffled gathers rows: out[n] = in[(n/B)·B + (n%8)·(B/8) + (n%B)/8].
func shuffled(b []byte, rows, cols, tile int) []byte {
	out := make([]byte, 0, len(b))
	for n := range rows {
		from := n/tile*tile + n%8*(tile/8) + n%tile/8
		out = append(out, b[from*cols:(from+1)*cols]...)
	}
	return out
}

// swizzled is the 128×4 order: ((r/128)·(C/4) + c/4)·512 + (r%32)·16 + (r%128)/32·4 + c%4.
func swizzled(b []byte, rows, cols int) []byte {
	toRows, toCols := up(rows, 128), up(cols, 4)
	out := make([]byte, toRows*toCols)
	for r := range rows {
		for c := range cols {
			out[(r/128*(toCols/4)+c/4)*512+r%32*16+r%128/32*4+c%4] = b[r*cols+c]
		}
	}
	return out
}

// eights is the 8×4 order: ((r/8)·(C/4) + c/4)·32 + (r%8)·4 + c%4.
func eights(b []byte, rows, cols int) []byte {
	toRows, toCols := up(rows, 8), up(cols, 4)
	out := make([]byte, toRows*toCols)
	for r := range rows {
		for c := range cols {
			out[(r/8*(toCols/4)+c/4)*32+r%8*4+c%4] = b[r*cols+c]
		}
	}
	return out
}

// marlin packs words by lane: see gptq_marlin_repack.
func marlin(b *fp4.Blocks) []byte {
	out := make([]byte, b.Rows*b.Cols/2)
	for kt := range b.Cols / 16 {
		for nt := range b.Rows / 64 {
			for lane := range 32 {
				for warp := range 4 {
					n, k := 64*nt+16*warp+lane/4, 16*kt+2*(lane%4)
					var v [8]byte
					for i, dk := range []int{0, 1, 8, 9} {
						v[i], v[i+4] = b.Code(n, k+dk), b.Code(n+8, k+dk)
					}
					word := ((kt*(b.Rows/64)+nt)*128 + 4*lane + warp) * 4
					for i, from := range []int{0, 2, 4, 6, 1, 3, 5, 7} {
						out[word+i/2] |= v[from] << (i % 2 * 4)
					}
				}
			}
		}
	}
	return out
}

type identified struct {
	name          string
	codes, scales []byte
	wantCodes     string
	wantScales    string
	kernel        string
}

// buffersOf are a matrix in the layouts of the field, right and wrong. Its sides are
// multiples of 128 and 64.
func buffersOf(b *fp4.Blocks) []identified {
	n, row, cols := b.Rows, b.Cols/2, b.ScaleCols()
	half := n / 2 * row
	swapped := slices.Concat(b.Codes[half:], b.Codes[:half])
	halfScales := n / 2 * cols
	swappedScales := slices.Concat(b.Scales[halfScales:], b.Scales[:halfScales])
	once := shuffled(b.Codes, n, row, 32)
	rows := shuffled(b.Scales, n, cols, 32)
	return []identified{
		{"checkpoint", b.Codes, b.Scales, "linear", "linear", "mm_bf16_fp4.cudnn"},
		{"cutlass", b.Codes, swizzled(b.Scales, n, cols), "linear", "128x4", "cutlass"},
		{"trtllm", once, swizzled(rows, n, cols), "shuffle128", "shuffle128, 128x4", "trtllm"},
		{"codes shuffled, scales not", once, swizzled(b.Scales, n, cols), "shuffle128", "128x4", ""},
		{"shuffled twice", shuffled(once, n, row, 32), swizzled(rows, n, cols), "shuffle128, shuffle128", "shuffle128, 128x4", ""},
		{"shuffled for a tile of 64", shuffled(b.Codes, n, row, 16), b.Scales, "shuffle64", "linear", ""},
		{"scales swizzled twice", b.Codes, swizzled(swizzled(b.Scales, n, cols), n, cols), "linear", "128x4, 128x4", ""},
		{"scales shuffled, not swizzled", once, rows, "shuffle128", "shuffle128", ""},
		{"small tiles of scales", b.Codes, eights(b.Scales, n, cols), "linear", "8x4", ""},
		{"nibbles swapped", swapNibbles(b.Codes), b.Scales, "high-first", "linear", ""},
		{"nibbles swapped and shuffled", swapNibbles(once), swizzled(rows, n, cols), "shuffle128, high-first", "shuffle128, 128x4", ""},
		{"[up; gate]", swapped, swizzled(swappedScales, n, cols), "swap-halves", "swap-halves, 128x4", "flashinfer-cutlass-moe"},
		{"[up; gate] but its scales", swapped, swizzled(b.Scales, n, cols), "swap-halves", "128x4", ""},
		{"marlin codes", marlin(b), b.Scales, "marlin", "linear", ""},
	}
}

func TestIdentifyNamesEveryLayout(t *testing.T) {
	for _, size := range [][2]int{{256, 512}, {384, 320}} {
		b := matrix(nvfp4, size[0], size[1], 11)
		for _, c := range buffersOf(b) {
			got, err := Identify(t.Context(), unknown(b, c.codes, c.scales))
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			first := got[0]
			if !first.Exact || first.Err != 0 || !slices.Contains(first.Codes, c.wantCodes) || !slices.Contains(first.Scales, c.wantScales) {
				t.Errorf("%s %v: %+v", c.name, size, first)
			}
			// comfyui is high-first with sides padded to 16, which these are.
			if first.Ambiguous && !slices.Equal(first.Codes, []string{"high-first", "comfyui"}) {
				t.Errorf("%s %v: ambiguous: %v %v", c.name, size, first.Codes, first.Scales)
			}
			if c.kernel != "" && !slices.Contains(first.Kernels, c.kernel) || c.kernel == "" && len(first.Kernels) != 0 {
				t.Errorf("%s %v: kernels %v, want %q", c.name, size, first.Kernels, c.kernel)
			}
			if len(got) > 1 && (got[1].Exact || got[1].Err == 0) {
				t.Errorf("%s %v: a second exact reading %+v", c.name, size, got[1])
			}
		}
	}
}

// unknown is a buffer of a matrix that is known.
func unknown(b *fp4.Blocks, codes, scales []byte) Unknown {
	return Unknown{Codes: codes, Scales: scales, N: b.Rows, K: b.Cols, Block: b.Block, ScaleType: b.ScaleType, Reference: b}
}

// TestIdentifyUnaligned: padding shows in the size of the buffer.
func TestIdentifyUnaligned(t *testing.T) {
	b := matrix(nvfp4, 1000, 368, 13)
	codes := zeroPad(b.Codes, 1000, 184, 1024, 192)
	scales := zeroPad(b.Scales, 1000, 23, 1024, 24)
	for _, c := range []identified{
		{"trtllm", shuffled(codes, 1024, 192, 32), swizzled(shuffled(scales, 1024, 24, 32), 1024, 24), "pad 1024×384, shuffle128", "pad 1024×24, shuffle128, 128x4", "trtllm"},
		{"cutlass", codes, swizzled(b.Scales, 1000, 23), "pad 1024×384, linear", "128x4", "cutlass"},
		{"only scales swizzled", b.Codes, swizzled(b.Scales, 1000, 23), "linear", "128x4", ""},
	} {
		got, err := Identify(t.Context(), unknown(b, c.codes, c.scales))
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		first := got[0]
		if !first.Exact || !slices.Contains(first.Codes, c.wantCodes) || !slices.Contains(first.Scales, c.wantScales) {
			t.Errorf("%s: %+v", c.name, first)
		}
		if c.kernel != "" && !slices.Contains(first.Kernels, c.kernel) {
			t.Errorf("%s: kernels %v", c.name, first.Kernels)
		}
	}
}

// TestIdentifyEveryKernel: a prepared buffer is recognised as its kernel's.
func TestIdentifyEveryKernel(t *testing.T) {
	for _, k := range Kernels() {
		b := matrix(k.Formats[0], 768, 512, 17)
		p := prepared(t, b, k.Name, Options{Gated: k.Gated != nil})
		got, err := Identify(t.Context(), unknown(b, p.Codes, p.Scales))
		if err != nil {
			t.Fatalf("%s: %v", k.Name, err)
		}
		if first := got[0]; !first.Exact || !slices.Contains(first.Kernels, k.Name) {
			t.Errorf("%s: %+v", k.Name, first)
		}
	}
}

// TestIdentifySaysAmbiguous where layouts coincide, or where the bytes do not tell.
func TestIdentifySaysAmbiguous(t *testing.T) {
	one := matrix(nvfp4, 1, 64, 1) // one row: no row layout moves it
	got, err := Identify(t.Context(), unknown(one, one.Codes, eights(one.Scales, 1, 4)))
	if err != nil {
		t.Fatal(err)
	}
	if !got[0].Exact {
		t.Errorf("one row: %+v", got[0])
	}
	same := matrix(nvfp4, 256, 64, 1)
	for i := range same.Scales {
		same.Scales[i] = 0x38
	}
	got, err = Identify(t.Context(), unknown(same, same.Codes, swizzled(same.Scales, 256, 4)))
	if err != nil {
		t.Fatal(err)
	}
	first := got[0]
	if !first.Exact || !first.Ambiguous || !slices.Contains(first.Scales, "linear") || !slices.Contains(first.Scales, "128x4") || len(first.Codes) != 1 {
		t.Errorf("equal scales: %+v", first)
	}
	small := matrix(nvfp4, 8, 64, 1) // one tile of 8 by 4 is row-major
	got, err = Identify(t.Context(), unknown(small, small.Codes, small.Scales))
	if err != nil {
		t.Fatal(err)
	}
	if first = got[0]; !first.Ambiguous || !slices.Contains(first.Scales, "8x4") || !slices.Contains(first.Scales, "linear") {
		t.Errorf("one tile: %+v", first)
	}
}

// TestIdentifyOneOperand takes the other one from the layer.
func TestIdentifyOneOperand(t *testing.T) {
	b := matrix(nvfp4, 256, 256, 1)
	got, err := Identify(t.Context(), unknown(b, nil, swizzled(b.Scales, 256, 16)))
	if err != nil || !got[0].Exact || !slices.Equal(got[0].Scales, []string{"128x4"}) || got[0].Codes != nil {
		t.Errorf("%+v, %v", got, err)
	}
	got, err = Identify(t.Context(), unknown(b, shuffled(b.Codes, 256, 128, 32), nil))
	if err != nil || !got[0].Exact || !slices.Equal(got[0].Codes, []string{"shuffle128"}) {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestIdentifyADamagedBuffer: the right layout comes first, and its wrong share is told.
func TestIdentifyADamagedBuffer(t *testing.T) {
	b := matrix(nvfp4, 256, 512, 1)
	codes := slices.Clone(b.Codes)
	for i := range codes[:len(codes)/10] {
		codes[i] ^= 0x11
	}
	got, err := Identify(t.Context(), unknown(b, codes, swizzled(b.Scales, 256, 32)))
	if err != nil {
		t.Fatal(err)
	}
	first := got[0]
	if first.Exact || first.Codes[0] != "linear" || first.Scales[0] != "128x4" || math.Abs(first.CodesWrong-0.1) > 0.03 || !(first.Err > 0) {
		t.Errorf("%+v", first)
	}
}

// TestIdentifyWithoutReference finds what rows and columns explain, and says that it guesses.
func TestIdentifyWithoutReference(t *testing.T) {
	b := matrix(nvfp4, 256, 512, 1)
	for i := range b.Scales {
		b.Scales[i] = byte(0x20 + i/32*13%23 + i%32*7%17) // rows and columns of their own size
	}
	u := unknown(b, b.Codes, swizzled(b.Scales, 256, 32))
	u.Reference = nil
	got, err := Identify(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	first := got[0]
	if !first.Weak || first.Exact || !slices.Contains(first.Scales, "128x4") || slices.Contains(first.Scales, "linear") || !math.IsNaN(first.Err) {
		t.Errorf("%+v", first)
	}
	if !first.Ambiguous || !slices.Contains(first.Codes, "high-first") {
		t.Errorf("nobody can tell row order and nibble order without the layer: %+v", first)
	}
}

func TestIdentifyErrors(t *testing.T) {
	b := matrix(nvfp4, 32, 32, 1)
	for _, c := range []struct {
		name string
		u    Unknown
		want error
	}{
		{"no size", Unknown{Codes: b.Codes, Reference: b}, inspect.ErrUnsupported},
		{"scale type", Unknown{Codes: b.Codes, N: 32, K: 32, Block: 16, ScaleType: fp4.BF16}, inspect.ErrUnsupported},
		{"nothing", unknown(b, nil, nil), inspect.ErrMissing},
		{"half and no reference", Unknown{Codes: b.Codes, N: 32, K: 32, Block: 16, ScaleType: fp4.E4M3}, inspect.ErrMissing},
		{"another size", Unknown{Codes: b.Codes, N: 64, K: 32, Block: 16, ScaleType: fp4.E4M3, Reference: b}, inspect.ErrMismatch},
		{"no layout fits", unknown(b, b.Codes[:7], nil), inspect.ErrMismatch},
	} {
		if _, err := Identify(t.Context(), c.u); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Identify(ctx, unknown(b, b.Codes, b.Scales)); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestIdentifyIsFast: a layer of 4096×4096 is named while one waits.
func TestIdentifyIsFast(t *testing.T) {
	if testing.Short() {
		t.Skip("16M elements")
	}
	b := matrix(nvfp4, 4096, 4096, 1)
	p := prepared(t, b, "trtllm", Options{})
	start := time.Now()
	got, err := Identify(t.Context(), unknown(b, p.Codes, p.Scales))
	if err != nil || !got[0].Exact {
		t.Fatalf("%+v %v", got, err)
	}
	t.Logf("%v", time.Since(start))
}
