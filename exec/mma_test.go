package exec

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"fp4tui/exec/gemm"
)

// TestMMAWords: FP16 results are words of four digits, in d, in c and in every step.
func TestMMAWords(t *testing.T) {
	ones := strings.Repeat("3c00", 16)
	r := newRig(t)
	for _, c := range []struct{ line, d, c string }{
		{"mma kind=f16.f16out arch=sm90 c=c000 a=" + ones + " b=" + ones, "4b00", "c000"},
		{"mma kind=f16.f16out arch=sm75 a=" + ones + " b=" + ones, "4c00", "0000"},
		{"mma kind=f16 arch=sm90 a=" + ones + " b=" + ones, "41800000", "00000000"},
	} {
		got := r.do(c.line).(MMA)
		last := got.Steps[len(got.Steps)-1]
		if got.Bits != c.d || got.Steps[0].C != c.c || last.D != c.d || got.Value != 16 && got.Value != 14 {
			t.Errorf("%s: %+v", c.line, got)
		}
	}
	r.fails("mma kind=f16.f16out arch=sm90 c=c0000000 a="+ones+" b="+ones, nil, "c= has 8 hex digits", "one FP16 word of 4 digits")
}

// TestMMANotes: the rows that nobody checked and the results that published models dispute
// say so, and only they.
func TestMMANotes(t *testing.T) {
	zero, minus := strings.Repeat("0000", 16), strings.Repeat("8000", 16)
	r := newRig(t)
	for _, c := range []struct{ line, want string }{
		{"mma kind=bf16 arch=sm100 a=" + zero + " b=" + zero, ""},
		{"mma kind=bf16 arch=sm110 a=" + zero + " b=" + zero, ""},
		{"mma kind=f16 arch=sm110 a=" + zero + " b=" + zero, "unverified: sm110"},
		{"mma kind=f16 arch=sm121 a=" + zero + " b=" + zero, "unverified: sm121"},
		{"mma kind=bf16 arch=sm103 a=" + zero + " b=" + zero, "unverified: sm103"},
		{"mma kind=bf16 arch=sm100 c=80000000 a=" + minus + " b=" + zero, "unverified corner"},
		{"mma kind=bf16 arch=sm90 c=80000000 a=" + minus + " b=" + zero, ""},
	} {
		notes := r.do(c.line).(MMA).Notes
		if (c.want == "") != (len(notes) == 0) || c.want != "" && !strings.HasPrefix(notes[0], c.want) {
			t.Errorf("%s: %q, want %q", c.line, notes, c.want)
		}
	}
}

// TestArchitecturesOfGemm: gemm offers every architecture that has an instruction it uses.
func TestArchitecturesOfGemm(t *testing.T) {
	var want []string
	for _, in := range gemm.Instructions() {
		if (in.Kind == "bf16" || in.Kind == "mxf4nvf4.ue4m3" || in.Kind == "mxf4") && !slices.Contains(want, in.Arch) {
			want = append(want, in.Arch)
		}
	}
	for _, verb := range []any{GemmCmd{}, SetCmd{}} {
		field, _ := reflect.TypeOf(verb).FieldByName("Arch")
		if got := strings.Split(field.Tag.Get("enum"), "|"); !slices.Equal(got, want) {
			t.Errorf("%T takes %v, the table has %v", verb, got, want)
		}
	}
}
