package gemm

import (
	"fmt"
	"slices"
	"testing"

	"fp4tui/exec/gemm/sweep"
)

// mutants are models that are wrong in one parameter.
var mutants = []struct {
	name   string
	change func(*Model)
}{
	{"F-1", func(m *Model) { m.F-- }},
	{"F+1", func(m *Model) { m.F++ }},
	{"e_zero-1", func(m *Model) { m.EZero-- }},
	{"e_zero+1", func(m *Model) { m.EZero++ }},
	{"L/2", func(m *Model) { m.L /= 2 }},
	{"L·2", func(m *Model) { m.L *= 2 }},
	{"rounding", func(m *Model) {
		m.Rho = map[Rounding]Rounding{RZFP32: RZE8M13, RZE8M13: RZFP32, RNEFP16: RZFP32}[m.Rho]
	}},
}

// blind lists what no operands can tell: where even the smallest product lies far above
// the smallest alignment exponent, or is kept whole under it.
func blind(m *Model, mutant string) bool {
	wide := m.A == BF16 || m.A == TF32 || m.scale == ue8m0 // products far below the smallest result
	floor := mutant == "e_zero-1" || mutant == "e_zero+1"
	return floor && !wide && !(m.Kind == "f16.f16out")
}

// TestSweepNoticesMutants shows what agreement with the sweep is worth: a model that is
// wrong in one parameter does not agree. Of each row with its own parameters one
// family is tried; F, L and the rounding are seen in every one.
func TestSweepNoticesMutants(t *testing.T) {
	type own struct {
		base string
		p    Params
	}
	seen := map[own]bool{}
	for _, f := range sweptFamilies(t) {
		base, _ := splitKind(f.Kind)
		if key := (own{base, f.model.Params}); seen[key] {
			continue
		} else {
			seen[key] = true
		}
		for _, mutant := range mutants {
			t.Run(fmt.Sprintf("%s %s %s", f.Kind, f.Archs[0], mutant.name), func(t *testing.T) {
				t.Parallel()
				wrong := f.model
				mutant.change(&wrong)
				hidden, chunks := blind(&f.model, mutant.name), 60
				if hidden {
					chunks = 4
				}
				if noticed := f.notices(&wrong, chunks); noticed == hidden {
					t.Errorf("noticed: %v", noticed)
				}
			})
		}
	}
}

// notices looks for a case that tells the models apart.
func (f *swept) notices(wrong *Model, chunks int) bool {
	var c sweep.Case
	for j := range min(len(f.Hashes), chunks) {
		for i := range sweepChunk {
			op := f.operands(&c, j, i)
			_, right := f.model.chain(op)
			if _, d := wrong.chain(op); d != right {
				return true
			}
		}
	}
	return false
}

// TestTilesNoticeMutants does the same for the data of the tests on a GPU: single
// instructions of sm90, with the tiles that cuda/hopper draws.
func TestTilesNoticeMutants(t *testing.T) {
	for _, kind := range []string{"bf16", "f16", "tf32", "f8.e4m3.e4m3", "f8.e5m2.e4m3", "f16.f16out", "f8.f16out.e4m3.e4m3"} {
		m, err := Lookup(kind, "sm90")
		if err != nil {
			t.Fatal(err)
		}
		source := sourceOf(t, m, 77)
		for _, mutant := range append(slices.Clone(mutants), struct {
			name   string
			change func(*Model)
		}{"e_zero-133", func(m *Model) { m.EZero = min(m.EZero-1, -133) }}) {
			if mutant.name == "L·2" { // one instruction is not longer than L
				continue
			}
			t.Run(kind+" "+mutant.name, func(t *testing.T) {
				t.Parallel()
				wrong := m
				mutant.change(&wrong)
				want := !blind(&m, mutant.name) && (mutant.name != "e_zero-133" || !blind(&m, "e_zero-1"))
				if noticed := tilesNotice(&source, &m, &wrong); noticed != want {
					t.Errorf("noticed: %v", noticed)
				}
			})
		}
	}
}

func tilesNotice(source *sweep.Source, right, wrong *Model) bool {
	var tile sweep.Tile
	for i := range uint64(8 * sweep.Shapes) {
		source.FillTile(&tile, i, 16, 8, right.L)
		for n := range 16 * 8 {
			row, column := n/8*right.L, n%8*right.L
			op := Operands{A: tile.A[row : row+right.L], B: tile.B[column : column+right.L], C: tile.C[n]}
			_, want := right.chain(op)
			if _, got := wrong.chain(op); got != want {
				return true
			}
		}
	}
	return false
}
