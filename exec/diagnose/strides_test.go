package diagnose

import (
	"math"
	"strings"
	"testing"
)

// Buffers of one row length that a kernel reads in another, made here by index alone.
func TestRowsOfAnotherLength(t *testing.T) {
	g := newRig(t, 120, 368, "nvfp4", "compressed-tensors")
	const wideK, wideN = 384, 128
	y := g.output(g.x, g.value)
	unsliced := make([]float32, g.m*wideN)
	for m := range g.m {
		copy(unsliced[m*wideN:], y[m*g.n:(m+1)*g.n])
	}
	sheared := make([]float32, len(g.x))
	for m := range g.m {
		for k := range g.k {
			if i := m*wideK + k; i < len(g.x) {
				sheared[m*g.k+k] = g.x[i]
			}
		}
	}
	for name, c := range map[string]struct {
		y    []float32
		want string
	}{
		"output": {unsliced[:g.m*g.n], "the output has rows of 128 (N 120 padded) and is read in rows of 120"},
		"x":      {g.output(sheared, g.value), "x has rows of K 368 and is read in rows of 384"},
		"codes": {g.output(g.x, func(n, k int) float64 { // a code with the scale of the block that it is read in
			if i := n*wideK + k; i < g.n*g.k {
				return g.scaled(i/g.k, i%g.k, g.b.Scale(n, k))
			}
			return 0
		}), "codes of the weight have rows of K 368 and are read in rows of 384"},
	} {
		d := g.explain(t, g.caseOf(c.y))
		if len(d.Causes) == 0 || !strings.HasPrefix(d.Causes[0].Name, c.want) || d.Causes[0].Explained < 0.8 {
			t.Errorf("%s: %+v, want %q", name, d.Causes, c.want)
		}
	}
}

// Outputs of engines that take x of three dimensions for a matrix.
func TestBatches(t *testing.T) {
	g := newRig(t, 128, 256, "nvfp4", "compressed-tensors")
	const count, tokens = 3, 8
	y := g.output(g.x, g.value)
	row := func(m int) []float32 { return y[m*g.n : (m+1)*g.n] }
	made := func(of func(m int) int) []float32 {
		out := make([]float32, len(y))
		for m := range g.m {
			if from := of(m); from >= 0 {
				copy(out[m*g.n:], row(from))
			}
		}
		return out
	}
	for _, c := range []struct {
		of   func(m int) int
		want string
	}{
		{func(m int) int { return within(m, count) }, "only 3 of 24 rows are written, the others are zero: x has more than two dimensions, and x.shape[0]"},
		{func(m int) int { return within(m, tokens) }, "only 8 of 24 rows are written, the others are zero: one sequence"},
		{func(m int) int { return within(m, 17) }, "only 17 of 24 rows are written, the others are zero"},
		{func(m int) int { return m % tokens }, "each of 3 sequences has the output of the first"},
		{func(m int) int { return m%count*tokens + m/count }, "the output is 8×3, not 3×8"},
	} {
		k := g.caseOf(made(c.of))
		k.XShape = []int{count, tokens, g.k}
		d := g.explain(t, k)
		if len(d.Causes) == 0 || !strings.HasPrefix(d.Causes[0].Name, c.want) || d.Causes[0].Explained < 0.99 {
			t.Errorf("%+v, want %q", d.Causes, c.want)
		}
	}
}

// An output without a number in it is not what x and w make, and one of zeros is explained by
// what makes zeros alone.
func TestOutputsWithoutNumbers(t *testing.T) {
	g := newRig(t, 128, 128, "nvfp4", "compressed-tensors")
	y := make([]float32, g.m*g.n)
	d := g.explain(t, g.caseOf(y))
	if d.Clean || !d.Zero || len(d.Causes) == 0 {
		t.Errorf("zeros: clean %v, zero %v, %d causes", d.Clean, d.Zero, len(d.Causes))
	}
	for _, c := range d.Causes {
		if c.RelError != 0 {
			t.Errorf("zeros: %s leaves %g", c.Name, c.RelError)
		}
	}
	for _, v := range []float64{math.NaN(), math.Inf(1)} {
		for i := range y {
			y[i] = float32(v)
		}
		if d := g.explain(t, g.caseOf(y)); d.Clean || d.NoNumber != d.Rows*d.Cols {
			t.Errorf("all %v: clean %v, %d of %d are no numbers", v, d.Clean, d.NoNumber, d.Rows*d.Cols)
		}
	}
}
