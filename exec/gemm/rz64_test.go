package gemm

import (
	"math"
	"testing"

	"fp4tui/exec/gemm/rz64"
	"fp4tui/inspect/fp4"
)

// TestRZ64 compares every path of the FP4 chain with the plain instruction, output by
// output and word by word, over ragged shapes, both nibble orders, scales from tame to
// any byte, and accumulators that continue from any word.
func TestRZ64(t *testing.T) {
	r := &random{seed: 64}
	kinds := []struct {
		kind  string
		block int
		scale fp4.Format
	}{{"mxf4nvf4.ue4m3", 16, fp4.E4M3}, {"mxf4", 32, fp4.E8M0}, {"mxf4nvf4.ue8m0", 16, fp4.E8M0}}
	for i := range 60 {
		kind := kinds[i%len(kinds)]
		m, err := Lookup(kind.kind, "sm100")
		if err != nil {
			t.Fatal(err)
		}
		rows, cols, k := 1+int(r.word()%11), 1+int(r.word()%37), 2*(1+int(r.word()%290))
		spread := []uint64{4, 12, 40, 256}[i/len(kinds)%4]
		matrix := func(rows int) *fp4.Blocks {
			b := &fp4.Blocks{Rows: rows, Cols: k, Block: kind.block, ScaleType: kind.scale, Order: fp4.NibbleOrder(r.word() % 2)}
			b.Codes, b.Scales = randomBytes(r.word()%1e6, rows*k/2)[:rows*k/2], make([]byte, rows*b.ScaleCols())
			for j := range b.Scales {
				b.Scales[j] = byte(0x60 + r.word()%spread)
			}
			return b
		}
		x, w := matrix(rows), matrix(cols)
		start := make([]float32, rows*cols)
		for j := range start {
			switch r.word() % 8 {
			case 0:
				start[j] = math.Float32frombits(uint32(r.word()))
			case 1:
				start[j] = float32(r.normal() * 1000)
			}
		}
		want := make([]float32, rows*cols)
		for j := range want {
			want[j] = math.Float32frombits(continued(t, m, x, w, j/cols, j%cols, math.Float32bits(start[j])))
		}
		for _, path := range rz64.Paths() {
			p, err := rz64.NewOn(path, x, w)
			if err != nil {
				t.Fatal(err)
			}
			c := append([]float32(nil), start...)
			p.NewWorker().Run(0, rows, 0, cols, 0, p.Steps(), c, nil)
			for j := range c {
				if !sameBits(c[j], want[j]) {
					t.Fatalf("case %d, %s, %s, %d×%d×%d: output %d is %08x, the instruction's %08x",
						i, kind.kind, path, rows, cols, k, j, math.Float32bits(c[j]), math.Float32bits(want[j]))
				}
			}
		}
	}
}

// continued chains instructions from c over a whole row and column.
func continued(t *testing.T, m Model, x, w *fp4.Blocks, row, col int, c uint32) uint32 {
	t.Helper()
	k := (x.Cols + m.L - 1) / m.L * m.L
	op := Operands{C: c}
	op.A, op.SFA = codes(x, row, k)
	op.B, op.SFB = codes(w, col, k)
	got, err := m.Dot(op)
	if err != nil {
		t.Fatal(err)
	}
	return got.D
}
