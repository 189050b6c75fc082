package exec

import (
	"math"
	"testing"
)

// TestNoisePerToken: activations with a scale a row are as noisy as others, and shared
// ones are no noise at all.
func TestNoisePerToken(t *testing.T) {
	r := newRig(t, "c = load tour:minilm-w4a4", "w = layer c intermediate.dense", "x = randn 24 384 seed=1",
		"tensor = gemm x w act=dynamic", "token = gemm x w actper=token", "ref = gemm x w actper=token backend=ref", "plain = gemm x w mode=w4a16 backend=ref",
		"a = diff tensor plain", "b = diff token plain", "same = diff token ref")
	r.do("expect a.noise > 2 and a.noise < 7 and b.noise > 2 and b.noise < 7")
	r.do("expect same.rel_l2 < 1e-3 and same.ulp_max <= 1", "shifted = diff token tensor", "expect shifted.noise < 7")
}

// TestSharedActsWithNaN: a row of x with a NaN has a NaN for a global scale, which two products
// of that x share: neither bytes nor noise tell their activations apart.
func TestSharedActsWithNaN(t *testing.T) {
	r := newRig(t, "o = randn 32 64 seed=1", "w = quant o")
	r.write("x.npy", array(4, 64, func(i int) float32 {
		if i == 70 {
			return float32(math.NaN())
		}
		return float32(i%13) - 6
	}))
	d := r.do("x = load x.npy", "p = gemm x w mode=w4a4 actper=token", "q = gemm x w mode=w4a4 actper=token backend=ref", "diff p.xq q.xq").(Diff).Bytes
	if d == nil || !d.Globals || d.GlobalsDiffer || d.ScalesDiffer+d.CodesDiffer != 0 {
		t.Errorf("one x, quantized twice: %+v", d)
	}
	p, q := r.snapshot().handles["p"].(*productValue), r.snapshot().handles["q"].(*productValue)
	if g := p.out.XGlobals; len(g) != 4 || g[1] == g[1] {
		t.Fatalf("a poor test: global scales %v", g)
	}
	if acts, _ := unsharedActs(p, q); acts != nil {
		t.Errorf("%d noisy activations, and they are the same", len(acts))
	}
	q.out.XGlobals[2] *= 2
	if acts, _ := unsharedActs(p, q); len(acts) != 2 {
		t.Errorf("%d noisy activations of two", len(acts))
	}
}
