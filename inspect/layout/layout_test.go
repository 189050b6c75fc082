package layout

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// applyRef is Apply by definition: one element at a time.
func applyRef(m Map, dst, src []byte, bits int, pad byte) {
	fill(dst, pad)
	for row := range m.In.Rows {
		for col := range m.In.Cols {
			from := row*m.In.Cols + col
			if m.Spreads() {
				copyBits(dst, m.Bits(m.To(row, col)), src[from/2]>>(from%2*4))
				continue
			}
			copyElement(dst, m.To(row, col), src, from, bits)
		}
	}
}

func copyBits(dst []byte, to [4]int, code byte) {
	for i, b := range to {
		dst[b/8] = dst[b/8]&^(1<<(b%8)) | code>>i&1<<(b%8)
	}
}

func copyElement(dst []byte, to int, src []byte, from, bits int) {
	if bits == 4 {
		put(dst, to, src[from/2]>>(from%2*4)&15)
		return
	}
	n := bits / 8
	copy(dst[to*n:(to+1)*n], src[from*n:])
}

func random(n int, seed uint64) []byte {
	rng := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

// fillSpread gives padding its value where bits are spread.
func fillSpread(m Map, dst []byte, pad byte) {
	for pos := range m.Out.Len() {
		if _, _, ok := m.From(pos); !ok {
			copyBits(dst, m.Bits(pos), pad>>(pos%2*4))
		}
	}
}

// widths are the element widths that an operand is moved in.
func widths(of Operand) []int {
	if of == Codes {
		return []int{4}
	}
	return []int{8, 16, 32}
}

// checkMoves holds Apply against applyRef, and Undo against Apply.
func checkMoves(t *testing.T, name string, m Map, bits int) {
	t.Helper()
	src := random(m.In.Bytes(bits), uint64(m.In.Len()))
	want, got := make([]byte, m.Out.Bytes(bits)), random(m.Out.Bytes(bits), 3)
	const pad = 0xa5
	applyRef(m, want, src, bits, pad)
	if m.Spreads() {
		fillSpread(m, want, pad)
	}
	if err := m.Apply(got, src, bits, pad); err != nil {
		t.Fatalf("%s %v: %v", name, m.In, err)
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("%s %v, %d bits: Apply differs from its definition", name, m.In, bits)
	}
	back := random(len(src), 5)
	if err := m.Undo(back, got, bits); err != nil {
		t.Fatalf("%s %v: %v", name, m.In, err)
	}
	if !bytes.Equal(back, src) {
		t.Fatalf("%s %v, %d bits: Undo does not give back what Apply took", name, m.In, bits)
	}
}

// checkAll holds To and From against each other for every element and position.
func checkAll(t *testing.T, name string, m Map) {
	t.Helper()
	for row := range m.In.Rows {
		for col := range m.In.Cols {
			pos := m.To(row, col)
			if gotRow, gotCol, ok := m.From(pos); !ok || gotRow != row || gotCol != col {
				t.Fatalf("%s %v: %d,%d is at %d, where there is %d,%d %v", name, m.In, row, col, pos, gotRow, gotCol, ok)
			}
		}
	}
	padding := 0
	for pos := range m.Out.Len() {
		row, col, ok := m.From(pos)
		switch {
		case !ok:
			padding++
		case m.To(row, col) != pos:
			t.Fatalf("%s %v: position %d holds %d,%d, which is at %d", name, m.In, pos, row, col, m.To(row, col))
		}
	}
	if padding != m.Padding() {
		t.Fatalf("%s %v: %d positions of padding, want %d", name, m.In, padding, m.Padding())
	}
}

// shapes are one to three times what a rule needs, and some odd sizes.
func shapes(rule Rule) (all []Dims) {
	sides := func(need, pads int) (s []int) {
		need = max(need, 1)
		s = []int{need, 2 * need, 3 * need, 5 * need}
		if pads > 1 {
			s = append(s, Up(pads-1, need), Up(pads+1, need), Up(2*pads, need))
		}
		return s
	}
	for _, rows := range sides(rule.Need.Rows, rule.Pads.Rows) {
		for _, cols := range sides(rule.Need.Cols, rule.Pads.Cols) {
			all = append(all, Dims{rows, cols})
		}
	}
	return all
}

func TestRulesAreBijections(t *testing.T) {
	for _, rule := range Rules() {
		for _, d := range shapes(rule) {
			if rule.Of == Vector {
				d.Cols = 1
			}
			m, err := rule.Make(d)
			if err != nil {
				t.Fatalf("%s %s %v: %v", rule.Name, rule.Of, d, err)
			}
			name := rule.Of.String() + " " + rule.Name
			checkAll(t, name, m)
			for _, bits := range widths(rule.Of) {
				checkMoves(t, name, m, bits)
			}
		}
	}
}
