package gemm

import (
	"encoding/binary"
	"math"
	"math/big"
	"testing"

	"fp4tui/exec/gemm/fdpa"
	"fp4tui/exec/gemm/rz64"
	"fp4tui/inspect/fp4"
)

// TestStepFP4MMASim runs the optimised FP4 step on MMA-Sim's vectors.
func TestStepFP4MMASim(t *testing.T) {
	n := 0
	for _, f := range mmasimFamilies(t) {
		if f.model.Group == 1 {
			continue
		}
		for i, want := range f.words {
			op := f.operands(i)
			if got := fastFP4(t, f.model, op); got != want {
				t.Fatalf("%s %s case %d: %08x, mmasim %08x", f.Arch, f.Kind, i, got, want)
			}
			n++
		}
	}
	if n < 40000 {
		t.Errorf("only %d cases", n)
	}
}

// fastFP4 sends operands through every path of the GEMM that this processor has.
func fastFP4(t testing.TB, m Model, op Operands) uint32 {
	t.Helper()
	block := len(op.A) / len(op.SFA)
	scale := map[scaleFormat]fp4.Format{ue4m3: fp4.E4M3, ue8m0: fp4.E8M0}[m.scale]
	pack := func(codes []uint32, scales []uint8) *fp4.Blocks {
		c := make([]uint8, len(codes))
		for i, v := range codes {
			c[i] = uint8(v)
		}
		return &fp4.Blocks{Rows: 1, Cols: len(c), Block: block, Codes: fp4.Pack(c, fp4.LowFirst), Scales: scales, ScaleType: scale}
	}
	x, w := pack(op.A, op.SFA), pack(op.B, op.SFB)
	var words []uint32
	for _, path := range rz64.Paths() {
		p, err := rz64.NewOn(path, x, w)
		if err != nil {
			t.Fatal(err)
		}
		c := []float32{math.Float32frombits(op.C)}
		p.NewWorker().Run(0, 1, 0, 1, 0, p.Steps(), c, nil)
		words = append(words, math.Float32bits(c[0]))
		if words[0] != words[len(words)-1] {
			t.Fatalf("%s: %08x, %s: %08x", rz64.Paths()[0], words[0], path, words[len(words)-1])
		}
	}
	return words[0]
}

// FuzzStepFP4 compares the optimised FP4 step with the plain one.
func FuzzStepFP4(f *testing.F) {
	f.Add(make([]byte, 80), true)
	for i := range uint64(64) {
		f.Add(randomBytes(i, 80), i%2 == 0)
	}
	f.Fuzz(func(t *testing.T, data []byte, nv bool) {
		if len(data) < 76 {
			return
		}
		kind, per := "mxf4nvf4.ue8m0", 2
		if nv {
			kind, per = "mxf4nvf4.ue4m3", 4
		}
		m, err := Lookup(kind, "sm100")
		if err != nil {
			t.Fatal(err)
		}
		op := Operands{C: binary.LittleEndian.Uint32(data[64:]), SFA: data[68 : 68+per], SFB: data[72 : 72+per]}
		for i := range 64 {
			op.A, op.B = append(op.A, uint32(data[i]&15)), append(op.B, uint32(data[i]>>4))
		}
		want, err := m.Dot(op)
		if err != nil {
			t.Fatal(err)
		}
		if got := fastFP4(t, m, op); got != want.D {
			t.Errorf("%08x, plain %08x: %+v", got, want.D, want)
		}
	})
}

// FuzzStepBF16 compares the optimised bf16 step with the plain one.
func FuzzStepBF16(f *testing.F) {
	f.Add(make([]byte, 68), true)
	for i := range uint64(64) {
		f.Add(randomBytes(i, 68), i%2 == 0)
	}
	f.Fuzz(func(t *testing.T, data []byte, hopper bool) {
		if len(data) < 68 {
			return
		}
		arch := map[bool]string{true: "sm90", false: "sm80"}[hopper]
		m, err := Lookup("bf16", arch)
		if err != nil {
			t.Fatal(err)
		}
		op := Operands{C: binary.LittleEndian.Uint32(data[64:])}
		for i := range 16 {
			op.A = append(op.A, uint32(binary.LittleEndian.Uint16(data[2*i:])))
			op.B = append(op.B, uint32(binary.LittleEndian.Uint16(data[32+2*i:])))
		}
		want, err := m.Dot(op)
		if err != nil {
			t.Fatal(err)
		}
		if got := fastBF16(m, op); got != want.D {
			t.Errorf("%08x, plain %08x: %+v", got, want.D, want)
		}
	})
}

// fastBF16 sends operands through the step that the GEMM falls back on.
func fastBF16(m Model, op Operands) uint32 {
	p, c := fdpa.Params{L: m.L, F: m.F, EZero: m.EZero}, op.C
	for k := 0; k < len(op.A); k += m.L {
		var x, w [16]uint16
		for i := range min(m.L, len(op.A)-k) {
			x[i], w[i] = uint16(op.A[k+i]), uint16(op.B[k+i])
		}
		c, _ = p.Step(&x, &w, c)
	}
	return c
}

// TestStepBF16MMASim runs the optimised bf16 step on MMA-Sim's vectors.
func TestStepBF16MMASim(t *testing.T) {
	n := 0
	for _, f := range mmasimFamilies(t) {
		if f.Kind != "bf16" {
			continue
		}
		for i, want := range f.words {
			if got := fastBF16(f.model, f.operands(i)); got != want {
				t.Fatalf("%s case %d: %08x, mmasim %08x", f.Arch, i, got, want)
			}
			n++
		}
	}
	if n < 20000 {
		t.Errorf("only %d cases", n)
	}
}

func randomBytes(seed uint64, n int) []byte {
	var b []byte
	for r := (&random{seed: seed}); len(b) < n; {
		b = binary.LittleEndian.AppendUint64(b, r.word())
	}
	return b
}

// TestAlign compares the shift with exact arithmetic.
func TestAlign(t *testing.T) {
	r := &random{seed: 1}
	for n := -70; n <= 15; n++ {
		for range 200 {
			v := int64(r.word()) >> (16 + r.word()%47)
			want := new(big.Int).Lsh(big.NewInt(v), uint(max(n, 0)))
			whole := new(big.Int).Lsh(big.NewInt(1), uint(max(-n, 0)))
			rest := new(big.Int)
			want.QuoRem(want, whole, rest)
			got, cut := shiftToZero(v, n)
			if got != want.Int64() || cut != (rest.Sign() != 0) {
				t.Fatalf("%d·2^%d: %d (cut %v), want %v", v, n, got, cut, want)
			}
		}
	}
}

// TestRoundToZero compares with math/big rounding toward zero.
func TestRoundToZero(t *testing.T) {
	r := &random{seed: 2}
	for q := -180; q <= 110; q++ {
		for _, p := range []int{24, 14} {
			for range 40 {
				u := int64(r.word()) >> (1 + r.word()%62)
				if got, want := roundWord(u, q, p), bigWord(u, q, p); got != want {
					t.Fatalf("%d·2^%d to %d bits: %08x, want %08x", u, q, p, got, want)
				}
			}
		}
	}
}

func roundWord(u int64, q, p int) uint32 {
	w, _ := roundToZero(u, q, p)
	return w
}
