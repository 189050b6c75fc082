package gemm

import (
	"encoding/binary"
	"math"
	"testing"

	"fp4tui/exec/gemm/fdpa"
	"fp4tui/inspect/fp4"
)

// fdpaCase is a product made from bytes: whatever they are, it is a valid one.
type fdpaCase struct {
	model Model
	x     []uint16 // M×K
	w     *fp4.Blocks
	m, k  int
	c     []float32 // M×N
}

// newFDPACase reads the shape, then x, c, scales and codes from data, which repeats.
// The first byte chooses how x is spread: any words, or exponents near each other so
// that the fast steps meet them too.
func newFDPACase(t *testing.T, data []byte) fdpaCase {
	t.Helper()
	at := 0
	next := func() byte {
		at++
		return data[(at-1)%len(data)] ^ byte((at-1)/len(data)*37)
	}
	spread, shape := next(), next()
	m, err := Lookup("bf16", []string{"sm90", "sm80"}[shape&1])
	if err != nil {
		t.Fatal(err)
	}
	f := fdpaCase{model: m, m: 1 + int(shape>>1&3), k: 2 * (1 + int(next())%100)}
	f.w = &fp4.Blocks{Rows: 1 + int(next())%40, Cols: f.k, Block: 16, ScaleType: fp4.E4M3, Order: fp4.NibbleOrder(shape >> 3 & 1)}
	if shape&16 != 0 {
		f.w.Block, f.w.ScaleType = 32, fp4.E8M0
	}
	for range f.m * f.k {
		v := uint16(next())<<8 | uint16(next())
		if spread != 0 { // exponents within spread of 1
			v = v&0x807f | uint16(127-int(v>>7)%int(spread%40+1))<<7
		}
		f.x = append(f.x, v)
	}
	for range f.m * f.w.Rows {
		c := binary.LittleEndian.Uint32([]byte{next(), next(), next(), next()})
		if spread&3 != 0 {
			c = c&0x87ffffff | 0x40000000&^(c<<4)
		}
		f.c = append(f.c, math.Float32frombits(c))
	}
	base := next()
	for range f.w.Rows * f.w.ScaleCols() {
		s := next()
		if spread&4 != 0 {
			s = base&0x3f + s&15 + 48
		}
		f.w.Scales = append(f.w.Scales, s)
	}
	for range f.w.Rows * f.k / 2 {
		f.w.Codes = append(f.w.Codes, next())
	}
	return f
}

// check compares every path of fdpa, cut into two runs, with the instruction.
func (f *fdpaCase) check(t *testing.T) {
	t.Helper()
	chain := newChainBF16(f.model, f.x, f.w, f.k)
	if err := chain.prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	steps, _ := chain.shape()
	n := f.w.Rows
	var want []uint32
	for i := range f.m * n {
		row := make([]float32, f.k)
		for k, v := range f.x[i/n*f.k:][:f.k] {
			row[k] = math.Float32frombits(uint32(v) << 16)
		}
		op := chain.element(row, i%n)
		op.C = math.Float32bits(f.c[i])
		d, err := f.model.Dot(op)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, d.D)
	}
	for _, path := range fdpa.Paths() {
		got := append([]float32(nil), f.c...)
		w := chain.product.NewWorkerOn(path)
		w.Run(0, f.m, 0, n, 0, steps/2, got, nil)
		w.Run(0, f.m, 0, n, steps/2, steps, got, nil)
		for i := range got {
			if g := math.Float32bits(got[i]); g != want[i] {
				t.Fatalf("%s, %s: y[%d,%d] from %08x is %08x, the instruction gives %08x",
					f.model.Arch, path, i/n, i%n, math.Float32bits(f.c[i]), g, want[i])
			}
		}
	}
}

// TestFDPA runs every path of the bf16 chain beside the plain instruction.
func TestFDPA(t *testing.T) {
	cases := 600
	if testing.Short() {
		cases = 100
	}
	for i := range uint64(cases) {
		f := newFDPACase(t, randomBytes(i, 8192))
		f.check(t)
	}
}

// FuzzFDPA does so for whatever operands the fuzzer finds.
func FuzzFDPA(f *testing.F) {
	f.Add([]byte{0})
	for i := range uint64(16) {
		f.Add(randomBytes(i, 300))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) == 0 {
			return
		}
		c := newFDPACase(t, data)
		c.check(t)
	})
}
