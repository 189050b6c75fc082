package gemm

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"io"
	"os"
	"testing"
)

// family is one line of testdata/mmasim.bin.gz: which instruction, how many cases
// and where its operands start in the stream of random words.
type family struct {
	Kind, Arch string
	K, Scales  int
	Seed       uint64
	Cases      int
	words      []uint32
	a, b       Element
	scale      scaleFormat
	model      Model
}

// The kinds of data of testdata/generate.py; case i has shape i % shapes.
const (
	rawBits = iota
	narrow
	sparse
	tiny
	cancelling
	withSpecials
	shapes
)

func splitmix(i uint64) uint64 {
	z := i * 0x9E3779B97F4A7C15
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

// shapedCode is shaped() of generate.py.
func shapedCode(r uint64, shape int, e Element) uint32 {
	t := elements[e]
	raw := r & (1<<t.bits - 1)
	fieldMask := uint64(1<<t.exp-1) << (t.man + t.drop)
	bias, pick := 1<<(t.exp-1)-1, r>>40
	field := uint64(max(bias-4, 0)) + pick%uint64(min(8, 1<<t.exp-1))
	switch {
	case shape == rawBits:
		return uint32(raw)
	case shape == sparse && r>>50%4 != 0:
		return uint32(raw & (1 << (t.bits - 1)))
	case shape == tiny:
		field = pick % 2
	}
	return uint32(raw&^fieldMask | field<<(t.man+t.drop))
}

// shapedC is accumulator() of generate.py.
func shapedC(r uint64, shape int) uint32 {
	raw := uint32(r)
	exp := uint32(117 + r>>40%20)
	switch {
	case shape == rawBits:
		return raw
	case r>>60%4 == 0:
		return raw & 0x80000000
	case shape == tiny:
		exp = uint32(r >> 40 % 8)
	}
	return raw&0x807fffff | exp<<23
}

// shapedScale is scales() of generate.py.
func shapedScale(r uint64, shape int, s scaleFormat) uint8 {
	raw := r & 0xff
	switch {
	case shape == rawBits, shape == withSpecials && r>>50%16 == 0:
		return uint8(raw)
	case shape == tiny:
		return uint8(raw % 12)
	case s == ue8m0:
		return uint8(119 + raw%16)
	}
	return uint8(0x28 + raw%0x30)
}

// operands is cases() of generate.py, for one case.
func (f *family) operands(i int) Operands {
	shape := i % shapes
	word := func(j int) uint64 { return splitmix(f.Seed<<32 + uint64(i)*1024 + uint64(j)) }
	op := Operands{A: make([]uint32, f.K), B: make([]uint32, f.K), C: shapedC(word(2*f.K), shape)}
	ta := elements[f.a]
	for k := range f.K {
		ra := word(k)
		op.A[k], op.B[k] = shapedCode(ra, shape, f.a), shapedCode(word(f.K+k), shape, f.b)
		if shape == cancelling && k%2 == 1 {
			op.A[k], op.B[k] = op.A[k-1]^1<<(ta.bits-1), op.B[k-1]
		}
		if shape == withSpecials && ra>>54%32 == 0 {
			op.A[k] = uint32(ra & (1<<ta.bits - 1))
			if ta.exp >= 4 {
				op.A[k] |= uint32(1<<ta.exp-1) << (ta.man + ta.drop)
			}
		}
	}
	for j := range f.Scales {
		op.SFA = append(op.SFA, shapedScale(word(2*f.K+1+j), shape, f.scale))
		op.SFB = append(op.SFB, shapedScale(word(2*f.K+1+f.Scales+j), shape, f.scale))
	}
	return op
}

// mmasimFamilies reads testdata/mmasim.bin.gz.
func mmasimFamilies(t *testing.T) []*family {
	t.Helper()
	file, err := os.Open("testdata/mmasim.bin.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	z, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(z)
	line, err := r.ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	var head struct {
		MMASim   string
		Families []*family
	}
	if err := json.Unmarshal(line, &head); err != nil {
		t.Fatal(err)
	}
	if head.MMASim != "2.1.1" {
		t.Fatalf("vectors of mmasim %s, the models are those of 2.1.1", head.MMASim)
	}
	for _, f := range head.Families {
		f.words = make([]uint32, f.Cases)
		if err := binary.Read(r, binary.LittleEndian, f.words); err != nil {
			t.Fatal(err)
		}
		if f.model, err = Lookup(f.Kind, f.Arch); err != nil {
			t.Fatal(err)
		}
		f.a, f.b, f.scale = f.model.A, f.model.B, f.model.scale
	}
	if rest, _ := io.ReadAll(r); len(rest) != 0 {
		t.Fatalf("%d bytes after the last family", len(rest))
	}
	return head.Families
}

// TestDotMMASim compares every fused sum with MMA-Sim's simulator, bit for bit.
func TestDotMMASim(t *testing.T) {
	cases := map[string]int{}
	for _, f := range mmasimFamilies(t) {
		base, _ := splitKind(f.Kind)
		cases[f.Arch+" "+base] += f.Cases
		bad := 0
		for i, want := range f.words {
			op := f.operands(i)
			got, err := f.model.Dot(op)
			if err != nil {
				t.Fatalf("%s %s case %d: %v", f.Arch, f.Kind, i, err)
			}
			if got.D != want {
				if bad++; bad < 4 {
					t.Errorf("%s %s K=%d case %d (shape %d): %08x, mmasim %08x\n%+v", f.Arch, f.Kind, f.K, i, i%shapes, got.D, want, got)
				}
			}
		}
		if bad > 0 {
			t.Errorf("%s %s K=%d: %d of %d differ", f.Arch, f.Kind, f.K, bad, f.Cases)
		}
	}
	for name, n := range cases {
		if n < 5000 {
			t.Errorf("%s: only %d cases", name, n)
		}
	}
}

// TestDotB200 compares with words that a B200 returned: every one of testdata/b200.json,
// which has some for each kind but the FP16 results of F16 and F8 operands.
func TestDotB200(t *testing.T) {
	data, err := os.ReadFile("testdata/b200.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Vectors []struct{ Name, Kind, A, B, SFA, SFB, C, D string }
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, v := range file.Vectors {
		m, err := Lookup(v.Kind, "sm100")
		if err != nil {
			t.Fatal(err)
		}
		op, err := ParseHexOperands(m.Kind, v.A, v.B, v.SFA, v.SFB, v.C)
		if err != nil {
			t.Fatalf("%s: %v", v.Name, err)
		}
		got, err := m.Dot(op)
		if err != nil {
			t.Fatalf("%s: %v", v.Name, err)
		}
		want, err := parseWord("d", v.D, m.Acc)
		if err != nil || got.D != want {
			t.Errorf("%s: %08x, hardware %08x (%v)", v.Name, got.D, want, err)
		}
		base, _ := splitKind(v.Kind)
		seen[base]++
	}
	if len(file.Vectors) != 51 {
		t.Errorf("%d words of a B200", len(file.Vectors))
	}
	for _, in := range Instructions() {
		if in.Arch == "sm100" && seen[in.Kind] == 0 && in.Kind != "f16.f16out" && in.Kind != "f8.f16out" {
			t.Errorf("no word of a B200 for %s", in.Kind)
		}
	}
}
