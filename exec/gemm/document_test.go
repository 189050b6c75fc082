package gemm

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

var updateDocs = flag.Bool("update", false, "write the tables of docs/numerics.md")

const numericsPage = "../../docs/numerics.md"

// TestNumericsPage holds docs/numerics.md to the table and to the sweep.
func TestNumericsPage(t *testing.T) {
	text, err := os.ReadFile(numericsPage)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), "<!-- table -->\n")
	_, after, closed := strings.Cut(rest, "<!-- /table -->\n")
	if !found || !closed {
		t.Fatal("no place for the table")
	}
	want := before + "<!-- table -->\n" + parameterTable(t) + "<!-- /table -->\n" + after
	if *updateDocs {
		if err := os.WriteFile(numericsPage, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want != string(text) {
		t.Error("the table is not that of models.go: go test ./exec/gemm -run TestNumericsPage -update")
	}
	families, cases := sweptFamilies(t), 0
	for _, f := range families {
		cases += len(f.Hashes) * sweepChunk
	}
	if says := fmt.Sprintf("%.1f million cases in %d families of operand types", float64(cases)/1e6, len(families)); !strings.Contains(want, says) {
		t.Errorf("the page does not say %q", says)
	}
}

// parameterTable has one line for all architectures of a kind that have the same parameters.
func parameterTable(t *testing.T) string {
	type line struct {
		kind  string
		p     Params
		archs []string
	}
	var lines []*line
	for _, in := range Instructions() {
		m, err := Lookup(in.Kind, in.Arch)
		if err != nil {
			t.Fatal(err)
		}
		arch := in.Arch
		if m.Unverified != "" {
			arch = "(" + arch + ")"
		}
		i := slices.IndexFunc(lines, func(l *line) bool { return l.kind == in.Kind && l.p == m.Params })
		if i < 0 {
			i, lines = len(lines), append(lines, &line{kind: in.Kind, p: m.Params})
		}
		lines[i].archs = append(lines[i].archs, arch)
	}
	slices.SortStableFunc(lines, func(a, b *line) int { return kindIndex(a.kind) - kindIndex(b.kind) })
	var b strings.Builder
	b.WriteString("| kind | architectures | L | F | rounding | smallest exponent | K of the smallest instruction |\n|---|---|---|---|---|---|---|\n")
	for _, l := range lines {
		length := fmt.Sprint(l.p.L)
		if l.p.Group > 1 {
			length = fmt.Sprintf("%d, in groups of %d", l.p.L, l.p.Group)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %d | %s | %d | %d |\n", l.kind, strings.Join(l.archs, " "), length, l.p.F, l.p.Rho, l.p.EZero, l.p.Step)
	}
	return b.String()
}

func kindIndex(kind string) int {
	for i, k := range kinds {
		if k.name == kind {
			return i
		}
	}
	return -1
}
