package exec

import (
	"slices"
	"strings"
	"testing"
)

// TestIdentifyUnpadded is the bug that this tool began with: rows shuffled for the TRT-LLM
// kernel and not padded first. The result names the kernel, its rule and the way out.
func TestIdentifyUnpadded(t *testing.T) {
	r := newRig(t, "x = randn 1056 368 seed=1", "w = quant x", "rows = shuffle w", "both = swizzle rows")
	for _, buffer := range []string{"rows", "both"} {
		found := r.do("identify " + buffer + " as=w").(Identified)
		if !strings.HasPrefix(found.Verdict, "codes shuffle128") || !strings.Contains(found.Verdict, "not padded for trtllm, which needs N×128 K×64: 1056 mod 128 = 32, 368 mod 64 = 48") {
			t.Errorf("%s: %s", buffer, found.Verdict)
		}
		best := found.Candidates[0]
		i := slices.IndexFunc(best.Misfits, func(m Misfit) bool { return slices.Contains(m.Kernels, "trtllm") })
		if !best.Exact || len(best.Kernels) != 0 || i < 0 {
			t.Fatalf("%s: %+v", buffer, best)
		}
		if m := best.Misfits[i]; !strings.HasSuffix(m.Cure, "before the shuffle: p = prep w for=trtllm") {
			t.Errorf("%s: %+v", buffer, m)
		}
	}
	r.do("p = prep w for=trtllm") // the cure
	if found := r.do("identify p as=w").(Identified); !slices.Contains(found.Candidates[0].Kernels, "trtllm") || len(found.Candidates[0].Misfits) > 0 {
		t.Errorf("%+v", found.Candidates[0])
	}
}

// TestIdentifyNothingFits: the best of readings that are all wrong is not close.
func TestIdentifyNothingFits(t *testing.T) {
	r := newRig(t, "x = randn 256 128 seed=1", "w = quant x", "z = randn 256 128 seed=2", "other = quant z", "p = prep other for=trtllm")
	found := r.do("identify p as=w").(Identified)
	if !strings.HasPrefix(found.Verdict, "none fits; nearest: ") {
		t.Error(found.Verdict)
	}
	for i, c := range found.Candidates {
		if c.Close || c.Exact || c.Error < 0.5 {
			t.Errorf("%d: %+v", i, c)
		}
	}
}
