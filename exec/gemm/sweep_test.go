package gemm

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"fp4tui/exec/gemm/sweep"
)

// swept is one family of testdata/sweep.json: cases of one kind whose results are
// hashed by the chunk; chunk j has K = Ks[j mod len(Ks)].
type swept struct {
	Kind   string
	Archs  []string
	Seed   uint64
	Ks     []int
	Block  int
	Hashes []string
	model  Model // of the architecture with the smallest instruction
	source sweep.Source
}

const sweepChunk = 1000

// sweptFamilies reads testdata/sweep.json.
func sweptFamilies(t *testing.T) []*swept {
	t.Helper()
	data, err := os.ReadFile("testdata/sweep.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		MMASim   string
		Chunk    int
		Families []*swept
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	if file.MMASim != "2.1.1" || file.Chunk != sweepChunk {
		t.Fatalf("hashes of mmasim %s in chunks of %d", file.MMASim, file.Chunk)
	}
	for _, f := range file.Families {
		for _, arch := range f.Archs {
			m, err := Lookup(f.Kind, arch)
			if err != nil {
				t.Fatal(err)
			}
			if f.model.Step == 0 || m.Step < f.model.Step {
				f.model = m
			}
		}
		f.source = sourceOf(t, f.model, f.Seed)
	}
	return file.Families
}

// sourceOf makes cases for a model.
func sourceOf(t *testing.T, m Model, seed uint64) sweep.Source {
	t.Helper()
	s := sweep.Source{Seed: seed, Scale: m.scale.String()}
	for _, f := range []struct {
		e  Element
		to *sweep.Format
	}{{m.A, &s.A}, {m.B, &s.B}, {m.Acc, &s.C}} {
		var ok bool
		if *f.to, ok = sweep.FormatOf(f.e.String()); !ok {
			t.Fatalf("no cases for %s", f.e)
		}
	}
	return s
}

// words computes the results of chunk j.
func (f *swept) words(t *testing.T, j int) []uint32 {
	words := make([]uint32, sweepChunk)
	var c sweep.Case
	for i := range words {
		op := f.operands(&c, j, i)
		if err := f.model.check(op); err != nil {
			t.Fatalf("%s case %d: %v", f.Kind, i, err)
		}
		_, words[i] = f.model.chain(op) // all of Dot's arithmetic
	}
	return words
}

// operands are those of case i of chunk j, until c is used again.
func (f *swept) operands(c *sweep.Case, j, i int) Operands {
	k, scales := f.Ks[j%len(f.Ks)], 0
	if f.Block > 0 {
		scales = k / f.Block
	}
	f.source.Fill(c, uint64(j*sweepChunk+i), k, scales)
	return Operands{A: c.A, B: c.B, SFA: c.SFA, SFB: c.SFB, C: c.C}
}

// hash is that of generate_sweep.py.
func (f *swept) hash(words []uint32) string {
	var b []byte
	for _, w := range words {
		if f.model.Acc == F16 {
			b = binary.LittleEndian.AppendUint16(b, uint16(w))
		} else {
			b = binary.LittleEndian.AppendUint32(b, w)
		}
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

// TestSweepMMASim draws 100,000 cases for each row of the table that has parameters of
// its own, and compares with MMA-Sim chunk by chunk. With -short it takes 2 chunks of each family, 1 of the small ones.
func TestSweepMMASim(t *testing.T) {
	for _, f := range sweptFamilies(t) {
		t.Run(fmt.Sprintf("%s %s", f.Kind, strings.Join(f.Archs, ",")), func(t *testing.T) {
			t.Parallel()
			chunks := len(f.Hashes)
			if testing.Short() {
				chunks = min(2, (chunks+4)/8)
			}
			for j := range chunks {
				words := f.words(t, j)
				if got := f.hash(words); got != f.Hashes[j] {
					t.Fatalf("chunk %d hashes to %s, mmasim's to %s. For the first case that differs:\n"+
						"python exec/gemm/testdata/generate_sweep.py --chunk %d %d > words.txt\n"+
						"FP4TUI_SWEEP=%d,%d,$PWD/words.txt go test -count=1 ./exec/gemm -run TestSweepWords", j, got, f.Hashes[j], f.Seed, j, f.Seed, j)
				}
			}
		})
	}
}

// TestSweepCoversTable holds the sweep to its promise: every row that is not
// marked unverified is compared on 100,000 cases of its own kind and parameters.
func TestSweepCoversTable(t *testing.T) {
	cases := map[Instruction]int{}
	for _, f := range sweptFamilies(t) {
		base, _ := splitKind(f.Kind)
		for _, arch := range f.Archs {
			m, err := Lookup(f.Kind, arch)
			if err != nil {
				t.Fatal(err)
			}
			same := f.model.Params
			same.Step = m.Step // no part of the arithmetic
			if m.Params != same {
				t.Errorf("%s: %s has %+v, %s %+v", f.Kind, arch, m.Params, f.Archs[0], f.model.Params)
			}
			if !slices.Contains(f.Ks, m.L) || !slices.Contains(f.Ks, 4*m.L) || m.Step < m.L && !slices.Contains(f.Ks, m.Step) {
				t.Errorf("%s: K %v", f.Kind, f.Ks)
			}
			cases[Instruction{base, arch}] += len(f.Hashes) * sweepChunk
		}
	}
	for _, in := range Instructions() {
		m, err := Lookup(in.Kind, in.Arch)
		if err != nil {
			t.Fatal(err)
		}
		if m.Source != thor.who && m.Unverified == "" && cases[in] < 100_000 {
			t.Errorf("%v: %d cases", in, cases[in])
		}
	}
}

// TestSweepNVFP4HasOneAnswer computes sf-tensor/tcgen05's rule for NVFP4 beside MMA-Sim's: they
// differ in the sign of a zero at most.
func TestSweepNVFP4HasOneAnswer(t *testing.T) {
	t.Parallel()
	for _, f := range sweptFamilies(t) {
		if f.Kind != "mxf4nvf4.ue4m3" {
			continue
		}
		m, err := Lookup(f.Kind, "sm100")
		if err != nil {
			t.Fatal(err)
		}
		m.rivals = []rival{sfTensor[len(earlier)], sfTensor[len(sfTensor)-1]} // what it has for FP4
		zeros, chunks := 0, len(f.Hashes)
		if testing.Short() {
			chunks = 2
		}
		var c sweep.Case
		for j := range chunks {
			for i := range sweepChunk {
				op := f.operands(&c, j, i)
				_, d := m.chain(op)
				switch why := m.dispute(op, d); why {
				case "":
				case unverifiedZero:
					zeros++
				default:
					t.Fatalf("chunk %d case %d: %08x, %s", j, i, d, why)
				}
			}
		}
		t.Logf("%d of %d cases have a zero of either sign", zeros, chunks*sweepChunk)
		if zeros == 0 {
			t.Error("no case is disputed at all: the rivals do not run")
		}
	}
}

// TestSweepWords prints the first case of a chunk that differs from the words of
// generate_sweep.py --chunk, which FP4TUI_SWEEP names: "seed,chunk,file".
func TestSweepWords(t *testing.T) {
	var seed uint64
	var chunk int
	var path string
	given := os.Getenv("FP4TUI_SWEEP")
	if given == "" {
		t.Skip("no file of words: FP4TUI_SWEEP=seed,chunk,file")
	}
	if _, err := fmt.Sscanf(strings.ReplaceAll(given, ",", " "), "%d %d %s", &seed, &chunk, &path); err != nil {
		t.Fatalf("FP4TUI_SWEEP=%s is not seed,chunk,file: %v", given, err)
	}
	families := sweptFamilies(t)
	f := families[slices.IndexFunc(families, func(f *swept) bool { return f.Seed == seed })]
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for i, got := range f.words(t, chunk) {
		var want uint32
		if !lines.Scan() {
			t.Fatalf("%s has %d words", path, i)
		}
		if _, err := fmt.Sscanf(lines.Text(), "%x", &want); err != nil {
			t.Fatalf("%s line %d: %v", path, i+1, err)
		}
		if got != want {
			op := f.operands(new(sweep.Case), chunk, i)
			tr, _ := f.model.Dot(op)
			t.Fatalf("case %d: %08x, mmasim %08x\noperands %+v\n%+v", i, got, want, op, tr)
		}
	}
}

// TestSweepFastPaths sends the cases of the instructions that gemm uses through its own
// loops, FP4 on every path that this processor has.
func TestSweepFastPaths(t *testing.T) {
	families := 0
	for _, f := range sweptFamilies(t) {
		run := fastFP4
		if f.Kind == "bf16" {
			run = func(_ testing.TB, m Model, op Operands) uint32 { return fastBF16(m, op) }
		} else if f.model.Group == 1 {
			continue
		}
		families++
		t.Run(fmt.Sprintf("%s %s %d", f.Kind, f.Archs[0], f.Seed), func(t *testing.T) {
			t.Parallel()
			chunks := 10
			if testing.Short() {
				chunks = 2
			}
			for j := range chunks {
				words := make([]uint32, sweepChunk)
				var c sweep.Case
				for i := range words {
					words[i] = run(t, f.model, f.operands(&c, j, i))
				}
				if f.hash(words) != f.Hashes[j] {
					t.Errorf("chunk %d is not mmasim's", j)
				}
			}
		})
	}
	if families != 6 {
		t.Errorf("%d families", families)
	}
}
