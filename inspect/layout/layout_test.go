package layout

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"fp4tui/inspect"
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

// TestEveryShape holds To and From against each other on every shape up to 300×300
// that a rule takes, and the reason it gives for every other.
func TestEveryShape(t *testing.T) {
	step := 1
	if testing.Short() {
		step = 7
	}
	for _, rule := range Rules() {
		t.Run(rule.Of.String()+"/"+rule.Name, func(t *testing.T) {
			t.Parallel()
			cols := 300
			if rule.Of == Vector {
				cols = 1
			}
			count := 0
			for rows := 1; rows <= 300; rows++ {
				for c := 1; c <= cols; c++ {
					d := Dims{rows, c}
					m, err := rule.Make(d)
					if fits := d.fits(rule.Need); fits != (err == nil) {
						t.Fatalf("%v: %v, want refused: %v", d, err, !fits)
					}
					if err == nil {
						if count++; count%step == 0 {
							checkSample(t, m)
						}
					} else if count%step == 0 {
						checkRefusal(t, rule, d, err)
					}
				}
			}
		})
	}
}

// checkSample checks corners, a diagonal and some positions. A map is a sum of what
// the row and what the column gives, so rows and columns need not all meet.
func checkSample(t *testing.T, m Map) {
	lastRow, lastCol := m.In.Rows-1, m.In.Cols-1
	for i := range 6 {
		for _, at := range [][2]int{{i * lastRow / 5, i * lastCol / 5}, {(7*i + 3) * 37 % (lastRow + 1), (5*i + 1) * 41 % (lastCol + 1)}} {
			pos := m.To(at[0], at[1])
			if row, col, ok := m.From(pos); !ok || row != at[0] || col != at[1] {
				t.Fatalf("%v: %v is at %d, where there is %d,%d %v", m.In, at, pos, row, col, ok)
			}
		}
		pos := (m.Out.Len() - 1) * (i + 1) / 6
		if row, col, ok := m.From(pos); ok && m.To(row, col) != pos {
			t.Fatalf("%v: position %d holds %d,%d, which is at %d", m.In, pos, row, col, m.To(row, col))
		} else if !ok && m.Padding() == 0 {
			t.Fatalf("%v: padding at %d", m.In, pos)
		}
	}
}

// checkRefusal: the error names the first side that breaks the rule, and what it
// proposes is taken.
func checkRefusal(t *testing.T, rule Rule, d Dims, err error) {
	var f *inspect.Fault
	if !errors.As(err, &f) || !errors.Is(err, inspect.ErrUnsupported) {
		t.Fatalf("%v: %v", d, err)
	}
	side, have, need := "rows", d.Rows, rule.Need.Rows
	if d.Rows%max(need, 1) == 0 {
		side, have, need = "columns", d.Cols, rule.Need.Cols
	}
	why, cure := fmt.Sprintf("%s must be a multiple of %d: %d is not", side, need, have), fmt.Sprintf("pad to %d", Up(have, need))
	if f.Why != why || f.Cure != cure || f.What != fmt.Sprintf("%s does not take %v", rule.Name, d) {
		t.Fatalf("%v: %v (%s), want %s (%s)", d, err, f.Cure, why, cure)
	}
	if _, err := rule.Make(d.Up(rule.Need)); err != nil {
		t.Fatalf("%v padded to %v: %v", d, d.Up(rule.Need), err)
	}
}

// TestLarge: properties on shapes of real layers, moved by several workers.
func TestLarge(t *testing.T) {
	for _, rule := range Rules() {
		d := Dims{1536, 768}
		switch rule.Of {
		case Scales:
			d = Dims{2944, 180}
		case Vector:
			d = Dims{70000, 1}
		case LowRank:
			d = Dims{3072, 136}
		}
		d = d.Up(rule.Need)
		m, err := rule.Make(d)
		if err != nil {
			t.Fatal(err)
		}
		checkSample(t, m)
		checkMoves(t, rule.Of.String()+" "+rule.Name, m, rule.Of.Bits())
	}
}

func TestPad(t *testing.T) {
	for _, test := range []struct{ d, multiple, want Dims }{
		{Dims{5, 6}, Dims{}, Dims{5, 6}},
		{Dims{5, 6}, Dims{4, 4}, Dims{8, 8}},
		{Dims{128, 64}, Dims{128, 64}, Dims{128, 64}},
		{Dims{1000, 30}, Dims{128, 1}, Dims{1024, 30}},
	} {
		m, err := Pad(test.d, test.multiple)
		if err != nil || m.Out != test.want {
			t.Fatalf("%v to %v: %v, %v", test.d, test.multiple, m.Out, err)
		}
		checkAll(t, "pad", m)
		checkMoves(t, "pad", m, 4)
		checkMoves(t, "pad", m, 8)
		if pos, want := m.To(test.d.Rows-1, test.d.Cols-1), (test.d.Rows-1)*test.want.Cols+test.d.Cols-1; pos != want {
			t.Errorf("pad %v: last element at %d, want %d", test.d, pos, want)
		}
	}
}

func TestPadHalves(t *testing.T) {
	m, err := PadHalves(Dims{10, 6}, Dims{4, 8})
	if err != nil || m.Out != (Dims{16, 8}) {
		t.Fatalf("%v, %v", m.Out, err)
	}
	checkAll(t, "pad halves", m)
	checkMoves(t, "pad halves", m, 4)
	checkMoves(t, "pad halves", m, 8)
	for row, want := range []int{0, 1, 2, 3, 4, 8, 9, 10, 11, 12} {
		if got := m.To(row, 0) / 8; got != want {
			t.Errorf("row %d is at %d, want %d", row, got, want)
		}
	}
	for _, row := range []int{5, 6, 7, 13, 14, 15} {
		if _, _, ok := m.From(row * 8); ok {
			t.Errorf("row %d is no padding", row)
		}
	}
}

// TestCompose: chains that move at once and chains that need a buffer between.
func TestCompose(t *testing.T) {
	pad := func(d, multiple Dims) Map {
		m, err := Pad(d, multiple)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	d := Dims{100, 9}
	padded := pad(d, Dims{128, 4})
	shuffled := mustMake(t, "shuffle128", Scales, padded.Out)
	swizzled := mustMake(t, "128x4", Scales, shuffled.Out)
	again := mustMake(t, "128x4", Scales, swizzled.Out)
	marlin := mustMake(t, "marlin", Scales, again.Out)
	for _, test := range []struct {
		maps   []Map
		passes int
	}{
		{[]Map{padded}, 1},
		{[]Map{padded, shuffled}, 1},
		{[]Map{padded, shuffled, swizzled}, 1},
		{[]Map{padded, shuffled, swizzled, again}, 2},
		{[]Map{padded, shuffled, swizzled, again, marlin}, 3},
	} {
		m, err := Compose(test.maps...)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(m.passes()); got != test.passes {
			t.Errorf("%d maps in %d passes, want %d", len(test.maps), got, test.passes)
		}
		checkAll(t, "chain", m)
		checkMoves(t, "chain", m, 8)
		row, col := 97, 8
		for _, step := range test.maps {
			pos := step.To(row, col)
			row, col = pos/step.Out.Cols, pos%step.Out.Cols
		}
		if pos := m.To(97, 8); pos != row*m.Out.Cols+col {
			t.Errorf("%d maps: %d, step by step %d", len(test.maps), pos, row*m.Out.Cols+col)
		}
	}
}

func TestErrors(t *testing.T) {
	ok := mustMake(t, "128x4", Scales, Dims{4, 4})
	spreads := mustMake(t, "cutlass-sm90", Codes, Dims{16, 64})
	odd := mustMake(t, "128x4", Scales, Dims{3, 3})
	second := func(_ any, err error) error { return err }
	for _, test := range []struct {
		name  string
		err   error
		class error
		text  string
	}{
		{"unknown", second(Lookup("128x5", Vector)), inspect.ErrUnsupported, `no layout "128x5" for vector: there are linear, marlin, nunchaku`},
		{"no rows", second(Linear(Dims{0, 4})), inspect.ErrUnsupported, "empty matrix: 0×4 has no elements"},
		{"negative", second(Linear(Dims{4, -1})), inspect.ErrUnsupported, "empty matrix: 4×-1 has no elements"},
		{"too large", second(Linear(Dims{1 << 30, 1 << 30})), inspect.ErrUnsupported, "matrix too large: 1073741824×1073741824 has more than 2^48 elements"},
		{"rule of nothing", second(Rule{Name: "x"}.Make(Dims{})), inspect.ErrUnsupported, "empty matrix: 0×0 has no elements"},
		{"shrink", second(PadTo(Dims{4, 4}, Dims{4, 3})), inspect.ErrUnsupported, "padding cannot shrink a matrix: 4×4 does not fit into 4×3"},
		{"pad past the limit", second(Pad(Dims{1 << 24, 1 << 24}, Dims{1, 1<<24 + 1})), inspect.ErrUnsupported, "matrix too large: 16777216×16777217 has more than 2^48 elements"},
		{"odd halves", second(PadHalves(Dims{3, 4}, Dims{})), inspect.ErrUnsupported, "gate and up halves does not take 3×4: rows must be a multiple of 2: 3 is not"},
		{"compose nothing", second(Compose()), inspect.ErrMismatch, "nothing to compose: a map is made of one map or more"},
		{"compose strangers", second(Compose(ok, ok)), inspect.ErrMismatch, "layouts do not follow each other: one gives out 128×4, the next takes in 4×4"},
		{"after bits", second(Compose(spreads, mustMake(t, "linear", Codes, spreads.Out))), inspect.ErrUnsupported, "nothing can follow this layout: it spreads the bits of a code, which are no element then"},
		{"width", ok.Apply(nil, nil, 5, 0), inspect.ErrUnsupported, "elements of 5 bits: a layout moves 4, 8, 16 or 32"},
		{"bytes spread", spreads.Apply(nil, nil, 8, 0), inspect.ErrUnsupported, "elements of 8 bits: this layout spreads the bits of 4-bit codes"},
		{"odd nibbles", odd.Apply(make([]byte, 256), make([]byte, 5), 4, 0), inspect.ErrUnsupported, "half a byte in a row: 3×3 nibbles"},
		{"source", ok.Apply(make([]byte, 512), make([]byte, 15), 8, 0), inspect.ErrMismatch, "buffer size: 15 bytes for 4×4 elements of 8 bits, which take 16"},
		{"target", ok.Apply(make([]byte, 511), make([]byte, 16), 8, 0), inspect.ErrMismatch, "buffer size: 511 bytes for 128×4 positions of 8 bits, which take 512"},
		{"undo", ok.Undo(make([]byte, 16), make([]byte, 100), 8), inspect.ErrMismatch, "buffer size: 100 bytes for 128×4 positions of 8 bits, which take 512"},
	} {
		if test.err == nil || !errors.Is(test.err, test.class) || test.err.Error() != test.text {
			t.Errorf("%s: %v, want %s", test.name, test.err, test.text)
		}
	}
}

// TestOutside: an element or position that is not there is a broken caller.
func TestOutside(t *testing.T) {
	m := mustMake(t, "128x4", Scales, Dims{4, 4})
	for name, f := range map[string]func(){
		"row": func() { m.To(4, 0) }, "column": func() { m.To(0, -1) },
		"position": func() { m.From(512) }, "before": func() { m.From(-1) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s outside: no panic", name)
				}
			}()
			f()
		}()
	}
}

func TestRulesTable(t *testing.T) {
	seen := map[string]bool{}
	for _, rule := range Rules() {
		name := rule.Of.String() + " " + rule.Name
		if seen[name] {
			t.Errorf("%s is there twice", name)
		}
		seen[name] = true
		if rule.Doc == "" || rule.Source == "" || strings.HasSuffix(rule.Doc, ".") {
			t.Errorf("%s: doc %q, source %q", name, rule.Doc, rule.Source)
		}
	}
}

// TestSpread: the words of the Hopper kernels, bit by bit and back.
func TestSpread(t *testing.T) {
	for n := range 8 {
		for i, b := range spreadBits(n) {
			x := uint32(1) << (4*n + i)
			if spread(x) != 1<<b || gather(1<<b) != x {
				t.Errorf("bit %d of nibble %d: %08x, want bit %d; back %08x, want %08x", i, n, spread(x), b, gather(1<<b), x)
			}
		}
	}
}

// FuzzMoves holds Apply and Undo against their definition on any shape.
func FuzzMoves(f *testing.F) {
	f.Add(uint8(0), uint16(64), uint16(32), uint8(0))
	f.Add(uint8(30), uint16(130), uint16(9), uint8(1))
	f.Fuzz(func(t *testing.T, which uint8, rows, cols uint16, width uint8) {
		rules := Rules()
		rule := rules[int(which)%len(rules)]
		d := Dims{int(rows)%400 + 1, int(cols)%200 + 1}.Up(rule.Need)
		if rule.Of == Vector {
			d.Cols = 1
		}
		m, err := rule.Make(d)
		if err != nil {
			t.Fatal(err)
		}
		bits := widths(rule.Of)
		checkMoves(t, rule.Name, m, bits[int(width)%len(bits)])
	})
}
