package main

import (
	"strings"
	"testing"
)

// The tour as the line REPL prints it from a pipe.
const tourSession = `w = layer c layer.0.intermediate.dense
stat w.scale

# comments and blank lines print nothing
x = load tour:minilm-x.npy
y = gemm x w backend=emu \
  arch=sm100
r = gemm x w backend=ref
e = diff y r
o = load tour:minilm-bf16.safetensors
w0 = tensor o intermediate.dense.weight
r0 = gemm x w0 backend=ref
e0 = diff y r0
info e0[@max]
expect e.ulp_max <= 1 and e0.rel_l2 < 0.11, "healthy layer"
expect e0.max_abs < 0.1
quit
stat x
`

func TestReplTranscript(t *testing.T) {
	o := piped(t, t.Context(), tourSession, "repl", "tour:minilm-w4a16").want(t, 1)
	golden(t, "repl.golden", o.out)
	if o.stderr != "" {
		t.Errorf("stderr %q", o.stderr)
	}
	printable(t, "repl", o.out)
	for line := range strings.Lines(o.out) {
		if n := len([]rune(strings.TrimRight(line, "\n"))); n > 100 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

func TestReplStopsAtTheFirstError(t *testing.T) {
	for _, c := range []struct {
		line, part string
		code       int
	}{
		{"stta x", `did you mean`, 2},
		{"gemm x w backend=emmu", "did you mean", 2},
		{"load /no/such/file.npy", "no such file", 3},
	} {
		o := piped(t, t.Context(), "x = randn 2 4 seed=1\n"+c.line+"\nstat x\n", "repl").want(t, c.code)
		if !strings.Contains(o.stderr, c.part) || strings.Contains(o.out, "values") {
			t.Errorf("%s:\nout %s\nerr %s", c.line, o.out, o.stderr)
		}
	}
	// A failed check is no error: the rest runs, the code tells.
	o := piped(t, t.Context(), "x = randn 2 4 seed=1\nexpect 1 > 2\nstat x", "repl").want(t, 1)
	if !strings.Contains(o.out, "FAIL") || !strings.Contains(o.out, "values 8") {
		t.Errorf("out %s", o.out)
	}
	piped(t, t.Context(), "", "repl").want(t, 0)
}
